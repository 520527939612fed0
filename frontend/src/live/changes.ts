import type { QueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { ApiProblem } from '../api/problems';
import type { Change, Message, MessagePage, MessageSummary } from '../api/types';
import { withHead, withMessage, withoutMessages, type ListFilter, type LoadedList } from '../mail/lists';
import type { Pacer } from './pacer';

/** More changed messages than this at once are not asked for one by one: the lists' first pages are. */
const ONE_BY_ONE = 20;

/** What a run of changes means for what is cached. */
export interface Consequences {
  created: Set<string>;
  changed: Set<string>; // created ones included
  deleted: Set<string>;
  foldersOf: Set<string>; // accounts
  progressOf: Set<string>; // accounts
  auditsOf: Set<string>; // accounts
  accounts: boolean;
  removedAccounts: Set<string>;
  heads: boolean;
}

export function consequencesOf(changes: readonly Change[]): Consequences {
  const found: Consequences = {
    created: new Set(),
    changed: new Set(),
    deleted: new Set(),
    foldersOf: new Set(),
    progressOf: new Set(),
    auditsOf: new Set(),
    accounts: false,
    removedAccounts: new Set(),
    heads: false,
  };
  for (const change of changes) note(change, found);
  found.heads ||= found.changed.size > ONE_BY_ONE;
  return found;
}

function note(change: Change, found: Consequences): void {
  const { account_id: account, message_id: message } = change;
  switch (change.kind) {
    case 'message.created':
    case 'message.updated':
      if (!message) return;
      if (change.kind === 'message.created') found.created.add(message);
      found.changed.add(message);
      found.deleted.delete(message);
      found.foldersOf.add(account);
      return;
    case 'message.deleted':
      if (!message) return;
      found.created.delete(message);
      found.changed.delete(message);
      found.deleted.add(message);
      found.foldersOf.add(account);
      return;
    case 'folder.changed':
    case 'folder.removed':
      found.foldersOf.add(account);
      return;
    case 'account.changed':
      found.accounts = true;
      found.progressOf.add(account);
      return;
    case 'account.removed':
      found.accounts = true;
      found.removedAccounts.add(account);
      return;
    case 'audit.finished':
      found.auditsOf.add(account);
      return;
    case 'sync.started':
    case 'sync.page':
    case 'sync.completed':
      found.accounts ||= change.kind !== 'sync.page';
      found.progressOf.add(account);
      found.foldersOf.add(account);
      found.heads = true;
  }
}

export interface MailSource {
  message(id: string): Promise<Message>;
  firstPage(filter: ListFilter): Promise<MessagePage>;
}

/** Brings the cache up to date, and returns the messages that are new. */
export async function applyChanges(
  changes: readonly Change[],
  { cache, source, pacer }: { cache: QueryClient; source: MailSource; pacer: Pacer },
): Promise<MessageSummary[]> {
  const found = consequencesOf(changes);
  const oneByOne = found.changed.size > ONE_BY_ONE ? knownOf(cache, found.changed) : [...found.changed];
  const { messages, missing } = await fetchAll(source, oneByOne.slice(0, 3 * ONE_BY_ONE));
  for (const message of messages) showMessage(cache, message);
  forget(cache, new Set([...found.deleted, ...missing]));
  if (found.removedAccounts.size > 0) forgetAccounts(cache, found.removedAccounts);

  if (found.accounts) void cache.invalidateQueries({ queryKey: keys.accounts });
  for (const account of found.foldersOf) {
    pacer.run(`folders ${account}`, () => cache.invalidateQueries({ queryKey: keys.folders(account) }));
  }
  for (const account of found.progressOf) {
    pacer.run(`progress ${account}`, () => cache.invalidateQueries({ queryKey: keys.sync(account) }));
  }
  for (const account of found.auditsOf) void cache.invalidateQueries({ queryKey: keys.audits(account) });
  if (found.heads) pacer.run('heads', () => refreshHeads(cache, source));
  return messages.filter((message) => found.created.has(message.id));
}

async function fetchAll(
  source: MailSource,
  ids: readonly string[],
): Promise<{ messages: Message[]; missing: string[] }> {
  const missing: string[] = [];
  const answers = await Promise.all(
    ids.map((id) =>
      source.message(id).catch((error: unknown) => {
        if (!(error instanceof ApiProblem) || error.status !== 404) throw error;
        missing.push(id);
        return null;
      }),
    ),
  );
  return { messages: answers.filter((answer) => answer !== null), missing };
}

function showMessage(cache: QueryClient, message: Message): void {
  for (const [key, list] of loadedLists(cache)) {
    cache.setQueryData<LoadedList>(key, withMessage(list, filterOf(key), message));
  }
  if (cache.getQueryData(keys.messageView(message.id, false))) {
    cache.setQueryData(keys.messageView(message.id, false), message);
    void cache.invalidateQueries({ queryKey: keys.messageView(message.id, true) });
  }
  void cache.invalidateQueries({ queryKey: keys.thread(message.thread_id) });
}

function forget(cache: QueryClient, ids: ReadonlySet<string>): void {
  if (ids.size === 0) return;
  for (const [key, list] of loadedLists(cache)) {
    cache.setQueryData<LoadedList>(key, withoutMessages(list, ids));
  }
  for (const id of ids) void cache.invalidateQueries({ queryKey: keys.message(id) });
  void cache.invalidateQueries({ queryKey: ['thread'] });
}

function forgetAccounts(cache: QueryClient, accounts: ReadonlySet<string>): void {
  for (const account of accounts) {
    cache.removeQueries({ queryKey: keys.folders(account) });
    cache.removeQueries({ queryKey: keys.sync(account) });
    cache.removeQueries({ queryKey: keys.problems(account) });
  }
  void cache.resetQueries({ queryKey: keys.allLists });
}

/** Ask for the first page of each list on the screen again; the others do so when they are shown. */
async function refreshHeads(cache: QueryClient, source: MailSource): Promise<void> {
  const active = cache.getQueryCache().findAll({ queryKey: keys.allLists, type: 'active' });
  void cache.invalidateQueries({ queryKey: keys.allLists, refetchType: 'none', type: 'inactive' });
  for (const { queryKey } of active) {
    const head = await source.firstPage(filterOf(queryKey));
    cache.setQueryData<LoadedList>(queryKey, (list) => list && withHead(list, head));
  }
}

function knownOf(cache: QueryClient, ids: ReadonlySet<string>): string[] {
  const known = new Set<string>();
  for (const [, list] of loadedLists(cache)) {
    for (const page of list.pages) for (const item of page.items) if (ids.has(item.id)) known.add(item.id);
  }
  return [...known];
}

function loadedLists(cache: QueryClient): [readonly unknown[], LoadedList][] {
  const lists = cache.getQueriesData<LoadedList>({ queryKey: keys.allLists });
  return lists.filter((entry): entry is [readonly unknown[], LoadedList] => entry[1] !== undefined);
}

function filterOf(key: readonly unknown[]): ListFilter {
  return (key as ReturnType<typeof keys.list>)[1];
}
