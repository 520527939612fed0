import { Button, Loader } from '@mantine/core';
import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type CSSProperties } from 'react';
import type { MessageSummary } from '../api/types';
import { useLive } from '../live/LiveContext';
import styles from './MessageList.module.css';
import { MessageRow } from './MessageRow';
import { listRows, rowHeight } from './rows';
import { useListCursor } from './useListCursor';
import { useMailLocation } from './useMailLocation';
import { useNow } from './useNow';
import { useScrollAnchor } from './useScrollAnchor';

const ROWS_AHEAD = 12;

interface MessageListProps {
  messages: readonly MessageSummary[];
  /** Shown on each row where a list spans folders. */
  folderNames: ReadonlyMap<string, string> | null;
  hasMore: boolean;
  moreFailed: boolean;
  loadMore: () => void;
}

/** The list, of which only the rows in sight exist. */
export function MessageList({ messages, folderNames, hasMore, moreFailed, loadMore }: MessageListProps) {
  const { messageId, messageLink } = useMailLocation();
  const { arrivals } = useLive();
  const now = useNow();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => listRows(messages, now, hasMore), [messages, now, hasMore]);
  // eslint-disable-next-line react-hooks/incompatible-library -- its rows must be made anew with each scroll
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => rowHeight(rows[index]),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 8,
  });
  const { cursor, focus, put } = useListCursor(rows, (index) => virtualizer.scrollToIndex(index));
  const inSight = virtualizer.getVirtualItems();
  useScrollAnchor(scroller, rows, rows[virtualizer.range?.startIndex ?? 0]?.key);

  const lastInSight = inSight.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !moreFailed && lastInSight >= rows.length - ROWS_AHEAD) loadMore();
  }, [hasMore, moreFailed, lastInSight, rows.length, loadMore]);

  const arrived = useMemo(() => new Set(arrivals.map(({ id }) => id)), [arrivals]);
  const tabStop = rows.some(({ key }) => key === cursor) ? cursor : messages[0]?.id;

  function line({ index, start, size }: VirtualItem) {
    const row = rows[index];
    const place: CSSProperties = { height: size, transform: `translateY(${start}px)` };
    if (row?.kind === 'heading') {
      return (
        <li key={row.key} className={styles.heading} style={place}>
          {row.label}
        </li>
      );
    }
    if (row?.kind !== 'message') {
      return <EndRow key="end" place={place} failed={moreFailed} loadMore={loadMore} />;
    }
    const { message, position } = row;
    return (
      <MessageRow
        key={message.id}
        message={message}
        position={position}
        total={hasMore ? -1 : messages.length}
        top={start}
        height={size}
        now={now}
        link={messageLink(message.id)}
        folderName={folderNames?.get(message.folder_id)}
        isOpen={message.id === messageId}
        isArrival={arrived.has(message.id)}
        tabIndex={message.id === tabStop ? 0 : -1}
        focusRequest={message.id === focus?.id ? focus : null}
        onOpen={put}
      />
    );
  }

  return (
    <div ref={scroller} className={styles.scroller}>
      <ul className={styles.list} aria-label="Messages" style={{ height: virtualizer.getTotalSize() }}>
        {inSight.map(line)}
      </ul>
    </div>
  );
}

function EndRow({
  place,
  failed,
  loadMore,
}: {
  place: CSSProperties;
  failed: boolean;
  loadMore: () => void;
}) {
  return (
    <li className={styles.end} style={place}>
      {failed ? (
        <Button size="xs" variant="light" onClick={loadMore}>
          Load more
        </Button>
      ) : (
        <Loader size="sm" type="dots" aria-label="Loading more messages" />
      )}
    </li>
  );
}
