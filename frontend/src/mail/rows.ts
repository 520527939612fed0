import type { MessageSummary } from '../api/types';
import { periodOf } from './dates';

/** One line of the list: a period's heading, a message, or the mark that more is being loaded. */
export type ListRow =
  | { kind: 'heading'; key: string; label: string }
  | { kind: 'message'; key: string; message: MessageSummary; position: number }
  | { kind: 'end'; key: string };

const HEIGHTS = { heading: 34, message: 76, end: 56 } satisfies Record<ListRow['kind'], number>;

export function listRows(messages: readonly MessageSummary[], now: Date, hasMore: boolean): ListRow[] {
  const rows: ListRow[] = [];
  let period = '';
  messages.forEach((message, index) => {
    const label = periodOf(message.received_at, now);
    if (label !== period) rows.push({ kind: 'heading', key: `heading ${label}`, label });
    period = label;
    rows.push({ kind: 'message', key: message.id, message, position: index + 1 });
  });
  if (hasMore) rows.push({ kind: 'end', key: 'end' });
  return rows;
}

/** The message after or before the one with the cursor; the first where none has it. */
export function messageRowNear(
  rows: readonly ListRow[],
  cursor: string | null,
  step: 1 | -1,
): { index: number; message: MessageSummary } | null {
  const from = rows.findIndex((row) => row.key === cursor);
  for (let index = from < 0 ? 0 : from + step; index >= 0 && index < rows.length; index += step) {
    const row = rows[index];
    if (row?.kind === 'message') return { index, message: row.message };
    if (from < 0 && step < 0) return messageRowNear(rows, null, 1);
  }
  return null;
}

export function rowHeight(row: ListRow | undefined): number {
  return row ? HEIGHTS[row.kind] : 0;
}

/** How far below the top of the list a row begins; null when it is not there. */
export function rowTop(rows: readonly ListRow[], key: string): number | null {
  let top = 0;
  for (const row of rows) {
    if (row.key === key) return top;
    top += rowHeight(row);
  }
  return null;
}
