import {
  infiniteQueryOptions,
  queryOptions,
  useInfiniteQuery,
  useQueries,
  useQuery,
} from '@tanstack/react-query';
import type { ListFilter } from '../mail/lists';
import { useApi } from './ApiContext';
import { dataOf, type Api } from './client';
import { keys } from './keys';
import type { Folder, Message, MessagePage, SyncProgress } from './types';

export const MESSAGES_PER_PAGE = 50;
const PROGRESS_SECONDS = 1;

export function useAccounts() {
  const api = useApi();
  return useQuery({
    queryKey: keys.accounts,
    queryFn: async ({ signal }) => (await dataOf(api.GET('/accounts', { signal }))).items,
  });
}

/** The folders of each account, in the order of `accountIds`. */
export function useFolders(accountIds: readonly string[]) {
  const api = useApi();
  return useQueries({
    queries: accountIds.map((accountId) => foldersQuery(api, accountId)),
    combine: (results) => ({
      folders: results.flatMap((result): Folder[] => result.data ?? []),
      isPending: results.some((result) => result.isPending),
      error: results.find((result) => result.error && !result.data)?.error ?? null,
      retry: () => void Promise.all(results.map((result) => result.refetch())),
    }),
  });
}

function foldersQuery(api: Api, accountId: string) {
  return queryOptions({
    queryKey: keys.folders(accountId),
    queryFn: async ({ signal }) => {
      const params = { path: { account_id: accountId } };
      return (await dataOf(api.GET('/accounts/{account_id}/folders', { params, signal }))).items;
    },
  });
}

/** The newest sync run of an account, watched while it goes on; null before the first one. */
export function useSyncProgress(accountId: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.sync(accountId),
    queryFn: ({ signal }) => {
      const params = { path: { account_id: accountId } };
      return dataOf(api.GET('/accounts/{account_id}/sync', { params, signal }));
    },
    refetchInterval: ({ state }) => (isGoingOn(state.data) ? PROGRESS_SECONDS * 1000 : false),
  });
}

export function isGoingOn(progress: SyncProgress | undefined): boolean {
  return progress?.state === 'starting' || progress?.state === 'running';
}

export function useProblems(accountId: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.problems(accountId),
    queryFn: ({ signal }) => {
      const params = { path: { account_id: accountId } };
      return dataOf(api.GET('/accounts/{account_id}/problems', { params, signal }));
    },
  });
}

/** An account's audits, newest first, watched while one goes on. */
export function useAudits(accountId: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.audits(accountId),
    queryFn: async ({ signal }) => {
      const params = { path: { account_id: accountId } };
      return (await dataOf(api.GET('/accounts/{account_id}/audits', { params, signal }))).items;
    },
    refetchInterval: ({ state }) => (state.data?.[0]?.state === 'running' ? PROGRESS_SECONDS * 1000 : false),
  });
}

export function fetchAuditReport(api: Api, accountId: string, auditId: string): Promise<Blob> {
  return dataOf(
    api.GET('/accounts/{account_id}/audits/{audit_id}/report', {
      params: { path: { account_id: accountId, audit_id: auditId } },
      parseAs: 'blob',
    }),
  );
}

export function useMessageList(filter: ListFilter) {
  const api = useApi();
  return useInfiniteQuery(
    infiniteQueryOptions({
      queryKey: keys.list(filter),
      queryFn: ({ pageParam, signal }) => fetchPage(api, filter, pageParam, signal),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next_cursor,
      // Live changes keep lists up to date, so showing one again asks for nothing.
      staleTime: Infinity,
    }),
  );
}

export function fetchPage(
  api: Api,
  filter: ListFilter,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<MessagePage> {
  const query = { ...filter, limit: MESSAGES_PER_PAGE, ...(cursor !== null && { cursor }) };
  return dataOf(api.GET('/messages', { params: { query }, ...(signal && { signal }) }));
}

export function useMessage(messageId: string, remoteImages: boolean) {
  const api = useApi();
  return useQuery({
    queryKey: keys.messageView(messageId, remoteImages),
    queryFn: ({ signal }) => fetchMessage(api, messageId, remoteImages, signal),
    placeholderData: (previous) => (previous?.id === messageId ? previous : undefined),
    staleTime: Infinity,
  });
}

export function fetchMessage(
  api: Api,
  messageId: string,
  remoteImages: boolean,
  signal?: AbortSignal,
): Promise<Message> {
  const params = { path: { message_id: messageId }, query: { remote_images: remoteImages } };
  return dataOf(api.GET('/messages/{message_id}', { params, ...(signal && { signal }) }));
}

export function useThread(threadId: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.thread(threadId),
    queryFn: async ({ signal }) => {
      const params = { path: { thread_id: threadId } };
      return (await dataOf(api.GET('/threads/{thread_id}', { params, signal }))).items;
    },
  });
}

export function fetchAttachment(
  api: Api,
  messageId: string,
  attachmentId: string,
  signal?: AbortSignal,
): Promise<Blob> {
  return dataOf(
    api.GET('/messages/{message_id}/attachments/{attachment_id}', {
      params: { path: { message_id: messageId, attachment_id: attachmentId } },
      parseAs: 'blob',
      ...(signal && { signal }),
    }),
  );
}
