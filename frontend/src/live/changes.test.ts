import { InfiniteQueryObserver, QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, it, vi } from 'vitest';
import { keys } from '../api/keys';
import { ApiProblem } from '../api/problems';
import type { Message, MessagePage } from '../api/types';
import { messagesOf, type ListFilter, type LoadedList } from '../mail/lists';
import { ACCOUNT, ARCHIVE, changeOf, INBOX, messageWith } from '../testing/samples';
import { applyChanges, consequencesOf } from './changes';
import { eventually } from '../testing/eventually';
import { Pacer } from './pacer';

const created = (id: string) => changeOf('message.created', { message_id: id, folder_id: INBOX });
const updated = (id: string) => changeOf('message.updated', { message_id: id, folder_id: INBOX });
const deleted = (id: string) => changeOf('message.deleted', { message_id: id, folder_id: INBOX });

/** A cache that shows one list, over a server that has these messages, newest first. */
function mailbox(stored: Message[], filter: ListFilter = { folder_id: INBOX }) {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const asked: string[] = [];
  const firstPage = (): Promise<MessagePage> => Promise.resolve({ items: [...stored], next_cursor: null });
  const source = {
    message: (id: string) => {
      asked.push(id);
      const found = stored.find((message) => message.id === id);
      return found ? Promise.resolve(found) : Promise.reject(new ApiProblem(404, {}));
    },
    firstPage,
  };
  const list = new InfiniteQueryObserver(cache, {
    queryKey: keys.list(filter),
    queryFn: firstPage,
    initialPageParam: null as string | null,
    getNextPageParam: (page: MessagePage) => page.next_cursor,
    staleTime: Infinity,
  });
  list.subscribe(() => undefined);
  const pacer = new Pacer(1);
  return {
    cache,
    asked,
    stored,
    loaded: () => eventually(() => expect(list.getCurrentResult().isSuccess).toBe(true)),
    apply: (changes: Parameters<typeof applyChanges>[0]) => applyChanges(changes, { cache, source, pacer }),
    shown: () => messagesOf(cache.getQueryData<LoadedList>(keys.list(filter))).map(({ id }) => id),
  };
}

it('shows a new message in its list, and says that it is new', async () => {
  const box = mailbox([]);
  await box.loaded();
  box.stored.push(messageWith({ id: 'new' }));
  const arrived = await box.apply([created('new')]);
  expect(arrived.map(({ id }) => id)).toEqual(['new']);
  expect(box.shown()).toEqual(['new']);
});

it('asks once for a message that changed three times', async () => {
  const box = mailbox([messageWith({ id: 'a' })]);
  await box.loaded();
  await box.apply([created('a'), updated('a'), updated('a')]);
  expect(box.asked).toEqual(['a']);
});

it('takes a moved message out of the list that it left', async () => {
  const box = mailbox([messageWith({ id: 'a' }), messageWith({ id: 'b' })]);
  await box.loaded();
  box.stored[0] = messageWith({ id: 'a', folder_id: ARCHIVE });
  await box.apply([updated('a')]);
  expect(box.shown()).toEqual(['b']);
});

it('takes a deleted message out, also one that is gone before it can be asked for', async () => {
  const box = mailbox([messageWith({ id: 'a' }), messageWith({ id: 'b' }), messageWith({ id: 'c' })]);
  await box.loaded();
  box.stored.splice(0, 2);
  await box.apply([deleted('a'), updated('b')]);
  expect(box.asked).toEqual(['b']);
  expect(box.shown()).toEqual(['c']);
});

it('does not ask for what was created and deleted in one go', async () => {
  const box = mailbox([]);
  await box.loaded();
  expect(await box.apply([created('a'), deleted('a')])).toEqual([]);
  expect(box.asked).toEqual([]);
});

it('shows the change in a message that is open', async () => {
  const box = mailbox([messageWith({ id: 'a', is_read: false })]);
  box.cache.setQueryData(keys.messageView('a', false), box.stored[0]);
  box.stored[0] = messageWith({ id: 'a', is_read: true });
  await box.apply([updated('a')]);
  expect(box.cache.getQueryData<Message>(keys.messageView('a', false))?.is_read).toBe(true);
});

it('asks for first pages, not for messages one by one, when very many changed', async () => {
  const box = mailbox([]);
  await box.loaded();
  const many = Array.from({ length: 300 }, (_, index) => messageWith({ id: `m${index}` }));
  box.stored.push(...many);
  await box.apply(many.map(({ id }) => created(id)));
  await eventually(() => expect(box.shown()).toHaveLength(300));
  expect(box.asked).toEqual([]);
});

it('shows what a page of a first sync brought', async () => {
  const box = mailbox([]);
  await box.loaded();
  box.stored.push(messageWith({ id: 'a' }));
  await box.apply([changeOf('sync.page', { data: { messages: 1 } })]);
  await eventually(() => expect(box.shown()).toEqual(['a']));
});

it('asks for the counts of folders again when their messages change', async () => {
  const box = mailbox([messageWith({ id: 'a' })]);
  const countFolders = vi.fn(() => Promise.resolve([]));
  new QueryObserver(box.cache, { queryKey: keys.folders(ACCOUNT), queryFn: countFolders }).subscribe(
    () => undefined,
  );
  await eventually(() => expect(countFolders).toHaveBeenCalledTimes(1));
  await box.apply([updated('a')]);
  await eventually(() => expect(countFolders).toHaveBeenCalledTimes(2));
});

it('fails when the server does, so that the same changes are applied again', async () => {
  const box = mailbox([]);
  const source = { message: () => Promise.reject(new ApiProblem(503, {})), firstPage: vi.fn() };
  const applied = applyChanges([created('a')], { cache: box.cache, source, pacer: new Pacer(1) });
  await expect(applied).rejects.toThrow(ApiProblem);
});

it('forgets everything of an account that was disconnected', () => {
  const found = consequencesOf([changeOf('account.removed')]);
  expect([...found.removedAccounts]).toEqual([ACCOUNT]);
  expect(found.accounts).toBe(true);
});
