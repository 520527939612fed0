import { ActionIcon, VisuallyHidden } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import {
  IconAlertOctagon,
  IconArchive,
  IconChevronRight,
  IconFolder,
  IconInbox,
  IconPencil,
  IconSend,
  IconTrash,
  type Icon,
} from '@tabler/icons-react';
import { Link } from 'react-router';
import type { Folder } from '../api/types';
import styles from './FolderPane.module.css';
import type { FolderNode } from './folders';

const PICTURES: Record<string, Icon> = {
  inbox: IconInbox,
  drafts: IconPencil,
  sentitems: IconSend,
  archive: IconArchive,
  junkemail: IconAlertOctagon,
  deleteditems: IconTrash,
};

interface FolderBranchProps {
  nodes: readonly FolderNode[];
  current: string | null;
}

export function FolderBranch({ nodes, current }: FolderBranchProps) {
  return (
    <ul className={styles.branch}>
      {nodes.map((node) => (
        <FolderItem key={node.folder.id} node={node} current={current} />
      ))}
    </ul>
  );
}

function FolderItem({ node, current }: { node: FolderNode; current: string | null }) {
  const { folder, children } = node;
  const [closed, setClosed] = useLocalStorage({ key: `folder-closed-${folder.id}`, defaultValue: false });
  const isParent = children.length > 0;
  return (
    <li>
      <div className={isParent ? `${styles.row} ${styles.parent}` : styles.row}>
        <FolderLink folder={folder} isCurrent={folder.id === current} />
        {isParent && (
          <ActionIcon
            className={styles.expand}
            size={24}
            aria-label={`Folders in ${folder.display_name}`}
            aria-expanded={!closed}
            onClick={() => setClosed(!closed)}
          >
            <IconChevronRight size={14} />
          </ActionIcon>
        )}
      </div>
      {isParent && !closed && <FolderBranch nodes={children} current={current} />}
    </li>
  );
}

function FolderLink({ folder, isCurrent }: { folder: Folder; isCurrent: boolean }) {
  const Picture = PICTURES[folder.well_known_name ?? ''] ?? IconFolder;
  const unread = folder.unread_count;
  const name = folder.display_name;
  return (
    <Link
      to={`/mail/${folder.id}`}
      className={styles.folder}
      aria-current={isCurrent ? 'page' : undefined}
      title={`${name}: ${folder.message_count.toLocaleString()} messages`}
    >
      <Picture size={18} stroke={1.6} aria-hidden />
      <span className={styles.name}>{name}</span>
      {unread > 0 && (
        <span className={styles.unread}>
          {unread.toLocaleString()} <VisuallyHidden>unread</VisuallyHidden>
        </span>
      )}
    </Link>
  );
}
