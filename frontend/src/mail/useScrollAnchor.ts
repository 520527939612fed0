import { useLayoutEffect, useRef, type RefObject } from 'react';
import { rowTop, type ListRow } from './rows';

/** Keeps what is on the screen where it is when rows come or go above it, unless the top is on the screen. */
export function useScrollAnchor(
  scroller: RefObject<HTMLElement | null>,
  rows: readonly ListRow[],
  firstInSight: string | undefined,
): void {
  const anchor = useRef<{ key: string; top: number } | null>(null);

  useLayoutEffect(() => {
    if (!scroller.current || !anchor.current || scroller.current.scrollTop === 0) return;
    const top = rowTop(rows, anchor.current.key);
    if (top !== null) scroller.current.scrollBy({ top: top - anchor.current.top, behavior: 'instant' });
  }, [scroller, rows]);

  useLayoutEffect(() => {
    const top = firstInSight === undefined ? null : rowTop(rows, firstInSight);
    anchor.current = firstInSight === undefined || top === null ? null : { key: firstInSight, top };
  }, [rows, firstInSight]);
}
