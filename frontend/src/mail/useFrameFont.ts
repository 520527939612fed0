import interUrl from '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url';
import { useQuery } from '@tanstack/react-query';
import { dataUrl } from './dataUrl';

/** The page's typeface for the frame of a message, which has no origin and so may not load ours. */
export function useFrameFont(): string | null {
  const { data } = useQuery({
    queryKey: ['frame-font'],
    queryFn: async () => {
      const response = await fetch(interUrl);
      if (!response.ok) throw new Error(`The typeface was answered with ${response.status}.`);
      return dataUrl(new Blob([await response.arrayBuffer()], { type: 'font/woff2' }));
    },
    staleTime: Infinity,
    gcTime: Infinity,
  });
  return data ?? null;
}
