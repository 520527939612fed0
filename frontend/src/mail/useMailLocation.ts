import { useMemo } from 'react';
import { useParams, useSearchParams } from 'react-router';
import type { ListFilter } from './lists';

export const ALL_MAIL = 'all';

export type FlagFilter = 'unread' | 'flagged' | 'attachments';

/** What the address of the mail page says: which folder, which filters, which words, which message. */
export function useMailLocation() {
  const { view = ALL_MAIL, messageId = null } = useParams();
  const [params, setParams] = useSearchParams();
  const words = params.get('q') ?? '';
  const here = params.has('here');
  const folderId = view === ALL_MAIL || (words !== '' && !here) ? null : view;

  const filter = useMemo<ListFilter>(
    () => ({
      ...(folderId !== null && { folder_id: folderId }),
      ...(words !== '' && { q: words }),
      ...(params.has('unread') && { unread: true }),
      ...(params.has('flagged') && { flagged: true }),
      ...(params.has('attachments') && { has_attachments: true }),
    }),
    [folderId, words, params],
  );

  function toggle(name: FlagFilter | 'here') {
    setParams((before) => {
      const after = new URLSearchParams(before);
      if (after.has(name)) after.delete(name);
      else after.set(name, '1');
      return after;
    });
  }

  const search = params.size > 0 ? `?${params}` : '';
  return {
    view,
    messageId,
    folderId,
    words,
    here,
    filter,
    isOn: (name: FlagFilter) => params.has(name),
    toggle,
    listLink: `/mail/${view}${search}`,
    messageLink: (id: string) => `/mail/${view}/${id}${search}`,
  };
}
