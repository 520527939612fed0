import { Badge, Progress, Text } from '@mantine/core';
import { Link } from 'react-router';
import { isGoingOn, useSyncProgress } from '../api/queries';
import type { Account } from '../api/types';
import styles from './AccountSummary.module.css';
import { percentDone, summary, timeLeft } from './progress';
import { STATE_WORDS } from './states';

/** A mailbox's name above its folders, with what its owner should know at once. */
export function AccountSummary({ account }: { account: Account }) {
  const words = STATE_WORDS[account.state];
  return (
    <div className={styles.summary}>
      <div className={styles.line}>
        <Text size="xs" fw={600} truncate title={account.address}>
          {account.address}
        </Text>
        {account.state !== 'live' && (
          <Badge
            component={Link}
            to="/accounts"
            size="xs"
            variant="light"
            color={words.color}
            tt="none"
            style={{ flex: 'none' }}
          >
            {words.label}
          </Badge>
        )}
      </div>
      {(account.state === 'connecting' || account.state === 'syncing') && <Going account={account} />}
    </div>
  );
}

function Going({ account }: { account: Account }) {
  const { data: progress } = useSyncProgress(account.id);
  if (!progress || !isGoingOn(progress)) return null;
  return (
    <Link to={`/connected?account=${account.id}`} className={styles.progress}>
      <Progress
        value={percentDone(progress)}
        size={4}
        animated={progress.state === 'starting'}
        aria-label="Sync progress"
      />
      <span>
        {summary(progress)}
        {progress.state === 'running' && `, ${timeLeft(progress.seconds_left)}`}
      </span>
    </Link>
  );
}
