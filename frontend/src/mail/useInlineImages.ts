import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useApi } from '../api/ApiContext';
import type { Api } from '../api/client';
import { keys } from '../api/keys';
import { fetchAttachment } from '../api/queries';
import type { Attachment, Message } from '../api/types';
import { dataUrl } from './dataUrl';
import { referencedContentIds } from './htmlDocument';

const TOTAL_MAX_BYTES = 20_000_000;
const NONE: ReadonlyMap<string, string> = new Map();

/**
 * The images inside a message's text, as data URLs by content id: the frame that shows them has no origin, so it can
 * load neither what needs our token nor a blob of ours.
 */
export function useInlineImages(message: Message): ReadonlyMap<string, string> {
  const api = useApi();
  const wanted = useMemo(() => wantedImages(message), [message]);
  const { data } = useQuery({
    queryKey: keys.inlineImages(message.id),
    queryFn: ({ signal }) => fetchImages(api, message.id, wanted, signal),
    enabled: wanted.length > 0,
    staleTime: Infinity,
  });
  return data ?? NONE;
}

function wantedImages(message: Message): Attachment[] {
  const referenced = referencedContentIds(message.html ?? '');
  let bytes = 0;
  return message.attachments.filter(({ content_id: id, size_bytes: size }) => {
    if (id === null || !referenced.has(id)) return false;
    bytes += size;
    return bytes <= TOTAL_MAX_BYTES;
  });
}

async function fetchImages(
  api: Api,
  messageId: string,
  images: readonly Attachment[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await Promise.all(
    images.map(async (image) => {
      const content = await fetchAttachment(api, messageId, image.id, signal).catch(() => null);
      if (content && image.content_id)
        found.set(image.content_id, await imageUrl(content, image.content_type));
    }),
  );
  return found;
}

function imageUrl(content: Blob, type: string | null): Promise<string> {
  return dataUrl(new Blob([content], { type: type?.startsWith('image/') ? type : 'image/png' }));
}
