import { Group, Progress, Skeleton, Text } from '@mantine/core';
import { IconCircleCheckFilled } from '@tabler/icons-react';
import { ApiProblem } from '../api/problems';
import { isGoingOn, useSyncProgress } from '../api/queries';
import type { FolderProgress, SyncProgress } from '../api/types';
import { Failure } from '../shell/Failure';
import { duration, percentDone, rate, summary, timeLeft } from './progress';
import styles from './SyncPanel.module.css';

/** How far the newest sync of an account is, overall and folder by folder. */
export function SyncPanel({ accountId }: { accountId: string }) {
  const { data, error, isPending, refetch } = useSyncProgress(accountId);
  if (isPending) return <Skeleton h={140} role="status" aria-busy="true" aria-label="Loading the progress" />;
  if (error instanceof ApiProblem && error.status === 404 && !data) {
    return <Text c="dimmed">The first sync has not started yet.</Text>;
  }
  if (!data) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <section className={styles.panel} aria-label="Sync progress">
      <Overall progress={data} />
      {data.folders.length > 0 && (
        <ul className={styles.folders} aria-label="Progress by folder">
          {largestFirst(data.folders).map((folder) => (
            <FolderLine key={folder.folder_id} folder={folder} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Overall({ progress }: { progress: SyncProgress }) {
  const percent = percentDone(progress);
  const goingOn = isGoingOn(progress);
  return (
    <div className={styles.overall}>
      <Group justify="space-between" align="baseline" wrap="nowrap">
        <Text fw={600} role="status" aria-label="Sync state">
          {summary(progress)}
        </Text>
        <Text fw={650} fz={22} lts="-0.02em" style={{ fontVariantNumeric: 'tabular-nums' }}>
          {percent} %
        </Text>
      </Group>
      <Progress
        value={progress.state === 'starting' ? 100 : percent}
        animated={progress.state === 'starting'}
        color={colorOf(progress)}
        size="lg"
        radius="xl"
        aria-label="Messages copied"
      />
      <Group justify="space-between" gap="xs" className={styles.figures}>
        <span>{goingOn ? rate(progress.messages_per_second) : took(progress)}</span>
        {progress.state === 'running' && <span>{timeLeft(progress.seconds_left)}</span>}
      </Group>
    </div>
  );
}

function FolderLine({ folder }: { folder: FolderProgress }) {
  const isDone = folder.listed && folder.messages_done >= folder.messages_total;
  const percent = isDone ? 100 : percentDone(folder);
  return (
    <li className={styles.folder}>
      <span className={styles.name}>{folder.display_name}</span>
      <Progress
        value={percent}
        size={6}
        radius="xl"
        color={isDone ? 'green' : 'indigo'}
        aria-label={folder.display_name}
      />
      <span className={styles.count}>
        {folder.messages_done.toLocaleString()} of {!folder.listed && 'about '}
        {folder.messages_total.toLocaleString()}
        {!isDone && folder.seconds_left !== null && `, ${timeLeft(folder.seconds_left)}`}
      </span>
      <span className={styles.done}>
        {isDone && <IconCircleCheckFilled size={16} role="img" aria-label="Complete" />}
      </span>
    </li>
  );
}

function largestFirst(folders: readonly FolderProgress[]): FolderProgress[] {
  return folders
    .filter((folder) => folder.messages_total > 0)
    .sort((a, b) => b.messages_total - a.messages_total || a.display_name.localeCompare(b.display_name));
}

function took({ started_at: start, finished_at: end, messages_done: done }: SyncProgress): string {
  if (start === null || end === null) return '';
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  return `in ${duration(seconds)}, ${rate(done / Math.max(seconds, 0.1))}`;
}

function colorOf({ state }: SyncProgress): string {
  if (state === 'completed') return 'green';
  return state === 'incomplete' ? 'orange' : 'indigo';
}
