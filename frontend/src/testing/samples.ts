import type { Account, Audit, Change, Folder, Message } from '../api/types';

export const ACCOUNT = '00000000-0000-4000-a000-000000000001';
export const INBOX = '00000000-0000-4000-a000-00000000000a';
export const ARCHIVE = '00000000-0000-4000-a000-00000000000b';

/** A message that differs from a plain one in what the test is about. */
export function messageWith(changes: Partial<Message> = {}): Message {
  return {
    id: 'm1',
    account_id: ACCOUNT,
    folder_id: INBOX,
    thread_id: 't1',
    kind: 'message',
    subject: 'Hello',
    preview: 'Hello there',
    from: { name: 'Mira Okafor', address: 'mira@example.org' },
    sender: null,
    to: [{ name: 'Ada Winter', address: 'ada@example.com' }],
    cc: [],
    bcc: [],
    reply_to: [],
    importance: 'normal',
    categories: [],
    flag: 'not_flagged',
    is_read: true,
    is_draft: false,
    direction: 'incoming',
    received_at: '2026-03-10T09:00:00Z',
    sent_at: null,
    has_attachments: false,
    internet_message_id: null,
    altered: [],
    failure: null,
    html: null,
    text: 'Hello there',
    remote_images_blocked: 0,
    headers: [],
    attachments: [],
    ...changes,
  };
}

export function accountWith(changes: Partial<Account>): Account {
  return {
    id: ACCOUNT,
    provider: 'outlook',
    address: 'ada@example.com',
    display_name: 'Ada Winter',
    state: 'live',
    state_reason: null,
    delayed_until: null,
    connected_at: '2026-03-10T09:00:00Z',
    changes_checked_at: null,
    changes_unannounced: 0,
    notifications_until: null,
    notifications_problem: null,
    ...changes,
  };
}

export function auditWith(changes: Partial<Audit>): Audit {
  return {
    id: '00000000-0000-4000-a000-0000000000a1',
    account_id: ACCOUNT,
    state: 'completed',
    origin: 'owner',
    requested_at: '2026-03-10T09:00:00Z',
    finished_at: '2026-03-10T09:00:05Z',
    compared: 0,
    missing: 0,
    different: 0,
    extra: 0,
    recent: 0,
    repaired: 0,
    requests: 3,
    ...changes,
  };
}

export function changeOf(kind: Change['kind'], changes: Partial<Change> = {}): Change {
  return {
    position: 1,
    kind,
    account_id: ACCOUNT,
    folder_id: null,
    message_id: null,
    data: {},
    created_at: '2026-03-10T09:00:00Z',
    ...changes,
  };
}

export function folderWith(changes: Partial<Folder>): Folder {
  return {
    id: INBOX,
    account_id: ACCOUNT,
    parent_id: null,
    display_name: 'Inbox',
    well_known_name: null,
    message_count: 0,
    unread_count: 0,
    provider_message_count: 0,
    ...changes,
  };
}
