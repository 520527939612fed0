import { Skeleton, Stack, Text } from '@mantine/core';
import { IconStack2, IconPlus } from '@tabler/icons-react';
import { Link } from 'react-router';
import { AccountSummary } from '../accounts/AccountSummary';
import { useAccounts, useFolders } from '../api/queries';
import { Failure } from '../shell/Failure';
import { FolderBranch } from './FolderBranch';
import styles from './FolderPane.module.css';
import { folderTree } from './folders';
import { ALL_MAIL, useMailLocation } from './useMailLocation';

export function FolderPane({ onLeave }: { onLeave?: () => void }) {
  const { view, words, here } = useMailLocation();
  const accounts = useAccounts();
  const { folders, isPending, error, retry } = useFolders(accounts.data?.map(({ id }) => id) ?? []);
  const current = words === '' || here ? view : null;

  if (accounts.isError && !accounts.data) {
    return <Failure error={accounts.error} retry={() => void accounts.refetch()} />;
  }
  return (
    // Choosing a folder closes the drawer; the links inside are what the keyboard reaches.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <nav aria-label="Folders" className={styles.pane} onClick={leaveOnLink(onLeave)}>
      <ul className={styles.branch}>
        <li>
          <Link
            to={`/mail/${ALL_MAIL}`}
            className={styles.folder}
            aria-current={current === ALL_MAIL ? 'page' : undefined}
          >
            <IconStack2 size={18} stroke={1.6} aria-hidden />
            <span className={styles.name}>All mail</span>
          </Link>
        </li>
      </ul>
      {accounts.data?.map((account) => (
        <section key={account.id} aria-label={account.address}>
          <AccountSummary account={account} />
          <FolderBranch
            nodes={folderTree(folders.filter((folder) => folder.account_id === account.id))}
            current={current}
          />
        </section>
      ))}
      {isPending && <FoldersSkeleton />}
      {error && <Failure error={error} retry={retry} />}
      <Link to="/connect" className={styles.folder}>
        <IconPlus size={18} stroke={1.6} aria-hidden />
        <Text span size="sm" c="dimmed">
          Connect a mailbox
        </Text>
      </Link>
    </nav>
  );
}

function FoldersSkeleton() {
  return (
    <Stack gap={16} p="sm" role="status" aria-busy="true" aria-label="Loading folders">
      {[70, 50, 62, 44, 58].map((width) => (
        <Skeleton key={width} h={12} w={`${width}%`} />
      ))}
    </Stack>
  );
}

function leaveOnLink(leave: (() => void) | undefined) {
  return (event: React.MouseEvent) => {
    if ((event.target as Element).closest('a')) leave?.();
  };
}
