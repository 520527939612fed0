import { Button, Loader } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import type { MessageSummary } from '../api/types';
import { useLive } from '../live/LiveContext';
import { useShortcuts } from '../shell/useShortcuts';
import styles from './MessageList.module.css';
import { MessageRow } from './MessageRow';
import { listRows, messageRowNear, type ListRow } from './rows';
import { useMailLocation } from './useMailLocation';
import { useNow } from './useNow';

const ROW_HEIGHTS = { heading: 34, message: 84, end: 56 } satisfies Record<ListRow['kind'], number>;
const ROWS_AHEAD = 12;

interface MessageListProps {
  messages: readonly MessageSummary[];
  /** Shown on each row where a list spans folders. */
  folderNames: ReadonlyMap<string, string> | null;
  hasMore: boolean;
  moreFailed: boolean;
  loadMore: () => void;
}

/** Only the rows in sight exist; the keyboard's row has the focus. */
export function MessageList({ messages, folderNames, hasMore, moreFailed, loadMore }: MessageListProps) {
  const { messageId, messageLink } = useMailLocation();
  const navigate = useNavigate();
  const now = useNow();
  const { arrivals } = useLive();
  const scroller = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState<{ id: string } | null>(null);

  const rows = useMemo(() => listRows(messages, now, hasMore), [messages, now, hasMore]);
  // eslint-disable-next-line react-hooks/incompatible-library -- the rows are made anew with each scroll, as they must
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => ROW_HEIGHTS[rows[index]?.kind ?? 'message'],
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 8,
  });

  const inSight = virtualizer.getVirtualItems();
  const last = inSight.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !moreFailed && last >= rows.length - ROWS_AHEAD) loadMore();
  }, [hasMore, moreFailed, last, rows.length, loadMore]);

  const cursor = focus?.id ?? messageId;
  function move(step: 1 | -1) {
    const found = messageRowNear(rows, cursor, step);
    if (!found) return;
    virtualizer.scrollToIndex(found.index);
    setFocus({ id: found.message.id });
  }
  function open() {
    if (cursor !== null) void navigate(messageLink(cursor));
  }
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    o: open,
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
  });

  const arrived = new Set(arrivals.map(({ id }) => id));
  const tabStop = rows.some((row) => row.key === cursor) ? cursor : messages[0]?.id;
  return (
    <div ref={scroller} className={styles.scroller}>
      <ul className={styles.list} aria-label="Messages" style={{ height: virtualizer.getTotalSize() }}>
        {inSight.map(({ index, start, size }) => {
          const row = rows[index];
          if (!row) return null;
          const place = { height: size, transform: `translateY(${start}px)` };
          if (row.kind === 'heading') {
            return (
              <li key={row.key} className={styles.heading} style={place}>
                {row.label}
              </li>
            );
          }
          if (row.kind === 'end') {
            return (
              <li key={row.key} className={styles.end} style={place}>
                {moreFailed ? (
                  <Button size="xs" variant="light" onClick={loadMore}>
                    Load more
                  </Button>
                ) : (
                  <Loader size="sm" type="dots" aria-label="Loading more messages" />
                )}
              </li>
            );
          }
          return (
            <MessageRow
              key={row.key}
              message={row.message}
              position={row.position}
              total={hasMore ? -1 : messages.length}
              place={place}
              now={now}
              link={messageLink(row.message.id)}
              folderName={folderNames?.get(row.message.folder_id)}
              isOpen={row.message.id === messageId}
              isArrival={arrived.has(row.message.id)}
              tabIndex={row.message.id === tabStop ? 0 : -1}
              focusRequest={row.message.id === focus?.id ? focus : null}
            />
          );
        })}
      </ul>
    </div>
  );
}
