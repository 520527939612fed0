import type { Account } from '../api/types';
import { reasonWords } from './reasons';

export interface StateWords {
  label: string;
  color: string;
  meaning: string;
}

export const STATE_WORDS: Record<Account['state'], StateWords> = {
  connecting: { label: 'Connecting', color: 'indigo', meaning: 'The folders are being read.' },
  syncing: { label: 'Syncing', color: 'indigo', meaning: 'The mail that is already there is being copied.' },
  live: {
    label: 'Live',
    color: 'green',
    meaning: 'Everything is here, and new mail arrives within seconds.',
  },
  delayed: {
    label: 'Delayed',
    color: 'yellow',
    meaning: 'Outlook keeps us waiting. Nothing is lost: what changed meanwhile is fetched then.',
  },
  needs_sign_in: {
    label: 'Needs sign-in',
    color: 'orange',
    meaning: 'Outlook no longer accepts our permission. Sign in again to go on; nothing is lost.',
  },
  needs_admin: {
    label: 'Needs an administrator',
    color: 'orange',
    meaning:
      'Your organisation no longer lets this application in. Once an administrator has agreed, sign in again or wait: we ask again by ourselves.',
  },
  suspended: {
    label: 'Suspended',
    color: 'red',
    meaning:
      'Outlook says that this mailbox is closed. When it is open again we go on by ourselves; nothing that is here is lost.',
  },
  disconnected: { label: 'Disconnected', color: 'gray', meaning: 'Its mail is being removed from here.' },
};

/** States in which the owner has to do something, or has to know that nothing new arrives. */
export function isStopped({ state }: Pick<Account, 'state'>): boolean {
  return state === 'needs_sign_in' || state === 'needs_admin' || state === 'suspended';
}

/** What the state means for this mailbox, with until when and why. */
export function explanation(account: Account, locale?: string): string {
  const { meaning } = STATE_WORDS[account.state];
  if (account.state !== 'delayed' || account.delayed_until === null) return meaning;
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(
    new Date(account.delayed_until),
  );
  const why = account.state_reason === null ? '' : ` (${reasonWords(account.state_reason)})`;
  return `${meaning} We try again at ${time}${why}.`;
}
