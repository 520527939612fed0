import { describe, expect, it } from 'vitest';
import type { MessageSummary } from '../api/types';
import { ARCHIVE, INBOX, messageWith } from '../testing/samples';
import { matches, messagesOf, withHead, withMessage, withoutMessages, type LoadedList } from './lists';

const at = (minute: number, id = `m${minute}`) =>
  messageWith({ id, received_at: `2026-03-10T09:${String(minute).padStart(2, '0')}:00Z` });

const listOf = (pages: MessageSummary[][], hasMore = true): LoadedList => ({
  pages: pages.map((items, index) => ({
    items,
    next_cursor: hasMore || index < pages.length - 1 ? `after ${index}` : null,
  })),
  pageParams: pages.map((_, index) => (index === 0 ? null : `after ${index - 1}`)),
});

const ids = (list: LoadedList) => messagesOf(list).map(({ id }) => id);

describe('a message in a list', () => {
  it('belongs where every filter agrees', () => {
    const message = messageWith({ is_read: false, flag: 'flagged', has_attachments: true });
    expect(matches({ folder_id: INBOX, unread: true, flagged: true, has_attachments: true }, message)).toBe(
      true,
    );
    expect(matches({ folder_id: ARCHIVE }, message)).toBe(false);
    expect(matches({ unread: false }, message)).toBe(false);
    expect(matches({ from: 'MIRA@example.org' }, message)).toBe(true);
    expect(matches({ after: '2026-03-10T09:00:00Z', before: '2026-03-10T09:00:01Z' }, message)).toBe(true);
    expect(matches({ before: '2026-03-10T09:00:00Z' }, message)).toBe(false);
  });

  it('goes to its place by time, over pages', () => {
    const list = listOf([[at(30), at(20)], [at(10)]]);
    expect(ids(withMessage(list, {}, at(25)))).toEqual(['m30', 'm25', 'm20', 'm10']);
    expect(ids(withMessage(list, {}, at(15)))).toEqual(['m30', 'm20', 'm15', 'm10']);
    expect(ids(withMessage(list, {}, at(40)))).toEqual(['m40', 'm30', 'm20', 'm10']);
  });

  it('goes by its id when times are equal, and fractions of a second count', () => {
    const list = listOf([[at(20, 'b')]]);
    expect(ids(withMessage(list, {}, at(20, 'c')))).toEqual(['c', 'b']);
    expect(ids(withMessage(listOf([[at(20, 'b')]], false), {}, at(20, 'a')))).toEqual(['b', 'a']);
    const later = { ...at(20, 'a'), received_at: '2026-03-10T09:20:00.5Z' };
    expect(ids(withMessage(list, {}, later))).toEqual(['a', 'b']);
  });

  it('stays out when it is older than what was loaded, unless all was loaded', () => {
    expect(ids(withMessage(listOf([[at(20)]]), {}, at(10)))).toEqual(['m20']);
    expect(ids(withMessage(listOf([[at(20)]], false), {}, at(10)))).toEqual(['m20', 'm10']);
    expect(ids(withMessage(listOf([[]], false), {}, at(10)))).toEqual(['m10']);
  });

  it('is replaced, not doubled, and leaves a list to which it belongs no more', () => {
    const list = listOf([[at(30), at(20)]], false);
    const changed = withMessage(list, {}, { ...at(20), subject: 'Changed' });
    expect(messagesOf(changed).map(({ subject }) => subject)).toEqual(['Hello', 'Changed']);
    expect(ids(withMessage(list, { folder_id: INBOX }, { ...at(20), folder_id: ARCHIVE }))).toEqual(['m30']);
  });

  it('keeps its place when it is the oldest that was loaded', () => {
    const list = listOf([[at(30), at(20)]]);
    const changed = withMessage(list, {}, { ...at(20), is_read: false });
    expect(messagesOf(changed).map(({ is_read }) => is_read)).toEqual([true, false]);
  });

  it('never enters a search by itself, but is updated in one', () => {
    const list = listOf([[at(30)]]);
    expect(ids(withMessage(list, { q: 'hello' }, at(40)))).toEqual(['m30']);
    const changed = withMessage(list, { q: 'hello' }, { ...at(30), is_read: false });
    expect(messagesOf(changed)[0]?.is_read).toBe(false);
  });

  it('can be removed, and a list without it stays the same object', () => {
    const list = listOf([[at(30)], [at(20)]]);
    expect(ids(withoutMessages(list, new Set(['m20'])))).toEqual(['m30']);
    expect(withoutMessages(list, new Set(['other']))).toBe(list);
  });
});

describe('a list whose first page was asked for again', () => {
  const loaded = listOf([
    [at(30), at(25)],
    [at(20), at(10)],
  ]);

  it('keeps what is older than the new page, and the way to load more', () => {
    const after = withHead(loaded, { items: [at(40), at(30), at(20)], next_cursor: 'other' });
    expect(ids(after)).toEqual(['m40', 'm30', 'm20', 'm10']);
    expect(after.pages.at(-1)?.next_cursor).toBe('after 1');
  });

  it('starts over when so much came that there is a gap', () => {
    const after = withHead(loaded, { items: [at(50), at(40)], next_cursor: 'new' });
    expect(ids(after)).toEqual(['m50', 'm40']);
    expect(after.pageParams).toEqual([null]);
    expect(after.pages.at(-1)?.next_cursor).toBe('new');
  });

  it('is just that page when it holds everything', () => {
    expect(ids(withHead(loaded, { items: [at(25)], next_cursor: null }))).toEqual(['m25']);
    expect(ids(withHead(listOf([[]]), { items: [at(5)], next_cursor: 'x' }))).toEqual(['m5']);
  });
});
