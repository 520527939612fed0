import type { Account } from '../api/types';

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
  needs_sign_in: {
    label: 'Needs sign-in',
    color: 'orange',
    meaning: 'Outlook no longer accepts our permission. Connect again to go on; nothing is lost.',
  },
  suspended: { label: 'Suspended', color: 'red', meaning: 'Outlook says that this mailbox is closed.' },
  disconnected: { label: 'Disconnected', color: 'gray', meaning: 'Its mail is being removed from here.' },
};
