import type { ListFilter } from '../mail/lists';

/** Names of what is cached, one list for queries and for live changes. */
export const keys = {
  accounts: ['accounts'] as const,
  folders: (accountId: string) => ['folders', accountId] as const,
  sync: (accountId: string) => ['sync', accountId] as const,
  audits: (accountId: string) => ['audits', accountId] as const,
  problems: (accountId: string) => ['problems', accountId] as const,
  allLists: ['messages'] as const,
  list: (filter: ListFilter) => ['messages', filter] as const,
  message: (messageId: string) => ['message', messageId] as const,
  messageView: (messageId: string, remoteImages: boolean) => ['message', messageId, remoteImages] as const,
  thread: (threadId: string) => ['thread', threadId] as const,
  inlineImages: (messageId: string) => ['inline-images', messageId] as const,
};
