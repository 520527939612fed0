import { Text } from '@mantine/core';
import type { Account } from '../api/types';
import { mediumDate } from '../mail/dates';
import { reasonWords } from './reasons';
import { isStopped } from './states';

/** How changes reach us from this mailbox, and whether they all did. */
export function AccountHealth({ account }: { account: Account }) {
  if (isStopped(account)) return null;
  return (
    <Text size="sm" c="dimmed" component="div" role="group" aria-label="How changes arrive">
      <div>{notifications(account)}</div>
      {account.changes_checked_at !== null && (
        <div>Reconciled with Outlook {mediumDate(account.changes_checked_at)}.</div>
      )}
      {account.changes_unannounced > 0 && <div>{unannounced(account.changes_unannounced)}</div>}
    </Text>
  );
}

function notifications({ notifications_until: until, notifications_problem: problem }: Account): string {
  if (problem !== null) {
    return `Outlook does not notify us of changes: ${reasonWords(problem)}. They are fetched every few minutes instead.`;
  }
  if (until === null) return 'Outlook will notify us of changes as soon as the subscription is made.';
  return 'Outlook notifies us of every change.';
}

function unannounced(count: number): string {
  const changes = count === 1 ? 'One change' : `${count.toLocaleString()} changes`;
  return `${changes} of which Outlook had not notified us ${count === 1 ? 'was' : 'were'} found and fetched so far.`;
}
