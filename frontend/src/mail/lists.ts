import type { InfiniteData } from '@tanstack/react-query';
import type { MessagePage, MessageQuery, MessageSummary } from '../api/types';

/** What a list shows; paging is not part of it. */
export type ListFilter = Omit<MessageQuery, 'cursor' | 'limit'>;

/** A list as far as it was loaded: newest first, without gaps. */
export type LoadedList = InfiniteData<MessagePage, string | null>;

/** Whether a message belongs to a list, as far as can be told here: nothing here can search (`q`). */
export function matches(filter: ListFilter, message: MessageSummary): boolean {
  const received = Date.parse(message.received_at);
  return (
    sameOrAny(filter.account_id, message.account_id) &&
    sameOrAny(filter.folder_id, message.folder_id) &&
    sameOrAny(filter.thread_id, message.thread_id) &&
    sameOrAny(filter.unread, !message.is_read) &&
    sameOrAny(filter.flagged, message.flag === 'flagged') &&
    sameOrAny(filter.has_attachments, message.has_attachments) &&
    sameOrAny(filter.from?.toLowerCase(), message.from?.address?.toLowerCase()) &&
    (!filter.after || received >= Date.parse(filter.after)) &&
    (!filter.before || received < Date.parse(filter.before))
  );
}

/** The list with the message where it belongs, or without it when it belongs elsewhere. */
export function withMessage(list: LoadedList, filter: ListFilter, message: MessageSummary): LoadedList {
  const before = messagesOf(list).find(({ id }) => id === message.id);
  const without = withoutMessages(list, new Set([message.id]));
  if (!matches(filter, message) || (filter.q && !before)) return without;
  // In its old place: the oldest that was loaded would be taken for one that was not, after it was taken out.
  if (before?.received_at === message.received_at) return withReplaced(list, message);
  return withInserted(without, message);
}

export function withoutMessages(list: LoadedList, ids: ReadonlySet<string>): LoadedList {
  if (!list.pages.some((page) => page.items.some((item) => ids.has(item.id)))) return list;
  return mapPages(list, (page) => ({ ...page, items: page.items.filter((item) => !ids.has(item.id)) }));
}

/** The list after its first page was asked for again; what the page covers and does not hold is gone. */
export function withHead(list: LoadedList, head: MessagePage): LoadedList {
  const last = head.items.at(-1);
  const newest = list.pages.flatMap((page) => page.items)[0];
  const isWhole = head.next_cursor === null || last === undefined;
  const leavesGap = newest !== undefined && last !== undefined && isNewer(last, newest);
  if (isWhole || leavesGap) return { pages: [head], pageParams: [null] };

  const older = mapPages(list, (page) => ({
    ...page,
    items: page.items.filter((item) => isNewer(last, item)),
  }));
  const [first, ...rest] = older.pages;
  if (!first) return { pages: [head], pageParams: [null] };
  return { ...older, pages: [{ ...first, items: [...head.items, ...first.items] }, ...rest] };
}

export function messagesOf(list: { pages: readonly MessagePage[] } | undefined): MessageSummary[] {
  return list?.pages.flatMap((page) => page.items) ?? [];
}

/** Newest first; the id decides between two of one moment, as in the API's order. */
function isNewer(a: MessageSummary, b: MessageSummary): boolean {
  const difference = Date.parse(a.received_at) - Date.parse(b.received_at);
  return difference > 0 || (difference === 0 && a.id > b.id);
}

function withInserted(list: LoadedList, message: MessageSummary): LoadedList {
  const position = list.pages.findIndex((page) => page.items.some((item) => isNewer(message, item)));
  if (position >= 0) {
    return mapPages(list, (page, index) =>
      index === position ? { ...page, items: inserted(page.items, message) } : page,
    );
  }
  const end = list.pages.length - 1;
  if (list.pages[end]?.next_cursor !== null) return list; // older than what was loaded
  return mapPages(list, (page, index) =>
    index === end ? { ...page, items: [...page.items, message] } : page,
  );
}

function withReplaced(list: LoadedList, message: MessageSummary): LoadedList {
  const replaced = (item: MessageSummary) => (item.id === message.id ? message : item);
  return mapPages(list, (page) => ({ ...page, items: page.items.map(replaced) }));
}

function inserted(items: MessageSummary[], message: MessageSummary): MessageSummary[] {
  const at = items.findIndex((item) => isNewer(message, item));
  return [...items.slice(0, at), message, ...items.slice(at)];
}

function mapPages(list: LoadedList, change: (page: MessagePage, index: number) => MessagePage): LoadedList {
  return { ...list, pages: list.pages.map(change) };
}

function sameOrAny<Value>(wanted: Value | null | undefined, value: Value | undefined): boolean {
  return wanted === null || wanted === undefined || wanted === value;
}
