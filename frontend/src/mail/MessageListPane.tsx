import { IconInbox, IconMailOff, IconSearchOff } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useAccounts, useFolders, useMessageList } from '../api/queries';
import type { Folder } from '../api/types';
import { Empty } from '../shell/Empty';
import { Failure } from '../shell/Failure';
import { usePageTitle } from '../shell/usePageTitle';
import { ListSkeleton } from './ListSkeleton';
import { ListToolbar } from './ListToolbar';
import { messagesOf } from './lists';
import { MessageList } from './MessageList';
import styles from './MessageListPane.module.css';
import { useMailLocation } from './useMailLocation';

export function MessageListPane() {
  const location = useMailLocation();
  const accounts = useAccounts();
  const { folders } = useFolders(accounts.data?.map(({ id }) => id) ?? []);
  const folder = folders.find(({ id }) => id === location.view);
  const title = location.words ? 'Search results' : (folder?.display_name ?? 'All mail');
  const unread = folder?.unread_count ?? 0;
  usePageTitle(unread > 0 && !location.words ? `(${unread}) ${title}` : title);
  return (
    <div className={styles.pane}>
      <ListToolbar title={title} folder={folder} />
      <Messages folders={folders} key={JSON.stringify(location.filter)} />
    </div>
  );
}

function Messages({ folders }: { folders: readonly Folder[] }) {
  const { filter, words } = useMailLocation();
  const list = useMessageList(filter);
  const messages = useMemo(() => messagesOf(list.data), [list.data]);
  const showsOneFolder = filter.folder_id !== undefined;
  const folderNames = useMemo(
    () => (showsOneFolder ? null : new Map(folders.map(({ id, display_name: name }) => [id, name]))),
    [folders, showsOneFolder],
  );

  if (list.isPending) return <ListSkeleton />;
  if (list.isError && !list.data) return <Failure error={list.error} retry={() => void list.refetch()} />;
  if (messages.length === 0) return <NoMessages words={words} filtered={Object.keys(filter).length > 1} />;
  return (
    <MessageList
      messages={messages}
      folderNames={folderNames}
      hasMore={list.hasNextPage}
      moreFailed={list.isFetchNextPageError}
      loadMore={() => {
        if (!list.isFetchingNextPage) void list.fetchNextPage();
      }}
    />
  );
}

function NoMessages({ words, filtered }: { words: string; filtered: boolean }) {
  if (words) {
    return (
      <Empty icon={IconSearchOff} title="Nothing found">
        No message has the words “{words}”. Quotes find a phrase, a minus leaves a word out, “or” gives a
        choice.
      </Empty>
    );
  }
  if (filtered) return <Empty icon={IconMailOff} title="No message passes these filters" />;
  return (
    <Empty icon={IconInbox} title="Nothing here">
      New mail appears here by itself.
    </Empty>
  );
}
