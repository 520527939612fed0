import { useCallback, useState } from 'react';
import { useNavigate } from 'react-router';
import { useShortcuts } from '../shell/useShortcuts';
import { messageRowNear, type ListRow } from './rows';
import { useMailLocation } from './useMailLocation';

/** Asks for the focus on a message's row; a new object asks anew. */
export interface FocusRequest {
  id: string;
}

/** The row that the keyboard is at: it starts at the open message, and has the focus once it was moved. */
export function useListCursor(rows: readonly ListRow[], bringIntoSight: (index: number) => void) {
  const { messageId, messageLink } = useMailLocation();
  const navigate = useNavigate();
  const [focus, setFocus] = useState<FocusRequest | null>(null);
  const cursor = focus?.id ?? messageId;

  function move(step: 1 | -1) {
    const found = messageRowNear(rows, cursor, step);
    if (!found) return;
    bringIntoSight(found.index);
    setFocus({ id: found.message.id });
  }
  const next = () => move(1);
  const previous = () => move(-1);
  const open = () => {
    if (cursor !== null) void navigate(messageLink(cursor));
  };
  useShortcuts({ j: next, ArrowDown: next, k: previous, ArrowUp: previous, o: open });
  const put = useCallback((id: string) => setFocus({ id }), []);
  return { cursor, focus, put };
}
