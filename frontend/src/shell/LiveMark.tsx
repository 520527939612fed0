import { Tooltip } from '@mantine/core';
import { useLive } from '../live/LiveContext';
import type { FeedState } from '../live/feed';
import styles from './LiveMark.module.css';

const WORDS: Record<FeedState, readonly [label: string, meaning: string]> = {
  starting: ['Connecting', 'Connecting to live updates'],
  push: ['Live', 'New mail appears here by itself, at once'],
  polling: ['Live', 'New mail appears here by itself, within seconds'],
  offline: ['Offline', 'The server cannot be reached; trying again'],
};

/** Whether what is on the screen is up to date. */
export function LiveMark() {
  const { state } = useLive();
  const [label, meaning] = WORDS[state];
  return (
    <Tooltip label={meaning}>
      <span className={styles.mark} data-state={state} role="status" aria-label={`Updates: ${label}`}>
        <span className={styles.dot} />
        <span className={styles.label}>{label}</span>
      </span>
    </Tooltip>
  );
}
