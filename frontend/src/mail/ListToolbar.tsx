import { Chip, Title } from '@mantine/core';
import type { Folder } from '../api/types';
import styles from './MessageListPane.module.css';
import { useMailLocation, type FlagFilter } from './useMailLocation';

const FILTERS: readonly (readonly [FlagFilter, string])[] = [
  ['unread', 'Unread'],
  ['flagged', 'Flagged'],
  ['attachments', 'Attachments'],
];

interface ListToolbarProps {
  title: string;
  folder: Folder | undefined;
}

export function ListToolbar({ title, folder }: ListToolbarProps) {
  const { words, here, isOn, toggle } = useMailLocation();
  return (
    <div className={styles.toolbar}>
      <div className={styles.title}>
        <Title order={1} fz={18} lts="-0.015em" lineClamp={1}>
          {title}
        </Title>
        {folder && !words && (
          <span className={styles.count}>{folder.message_count.toLocaleString()} messages</span>
        )}
      </div>
      <div className={styles.filters} role="group" aria-label="Filters">
        {FILTERS.map(([name, label]) => (
          <Chip key={name} size="xs" radius="xl" checked={isOn(name)} onChange={() => toggle(name)}>
            {label}
          </Chip>
        ))}
        {words && folder && (
          <Chip size="xs" radius="xl" checked={here} onChange={() => toggle('here')}>
            Only in {folder.display_name}
          </Chip>
        )}
      </div>
    </div>
  );
}
