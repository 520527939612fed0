import { createHash } from 'node:crypto';
import { NEWSLETTER, PEOPLE, TOPICS } from './texts.mjs';

const MINUTES = 60_000;
const OWNER = { name: 'Ada Winter', address: 'ada.winter@example.com' };

export const FOLDERS = [
  folder('Inbox', 'inbox'),
  folder('Drafts', 'drafts'),
  folder('Sent Items', 'sentitems'),
  folder('Archive', 'archive'),
  folder('Junk Email', 'junkemail'),
  folder('Deleted Items', 'deleteditems'),
  folder('Projects', null),
  folder('Harbour bridge', null, 'Projects'),
  folder('Research', null, 'Projects'),
  folder('Travel', null),
];
const SPREAD = ['Inbox', 'Inbox', 'Inbox', 'Sent Items', 'Archive', 'Harbour bridge', 'Research', 'Travel'];

let deliveries = 0;

/** A mailbox of so many messages, newest first; the same one each time, but for its ids of folders. */
export function mailbox(accountId, count) {
  return Array.from({ length: count }, (_, index) => message(accountId, index)).sort((a, b) =>
    b.received_at.localeCompare(a.received_at),
  );
}

export function deliveredMail(accountId, { subject, text, html, from }) {
  const number = (deliveries += 1) + 10_000;
  const base = message(accountId, number, 'Inbox');
  const body = text ?? TOPICS[number % TOPICS.length].text;
  return {
    ...base,
    subject: subject ?? TOPICS[number % TOPICS.length].subject,
    text: body,
    preview: body.slice(0, 200),
    html: html ?? null,
    attachments: [],
    has_attachments: false,
    from: from ?? base.from,
    received_at: new Date().toISOString(),
    is_read: false,
    flag: 'not_flagged',
  };
}

function message(accountId, index, inFolder = SPREAD[(index * 7 + (index >> 3)) % SPREAD.length]) {
  const topic = TOPICS[(index * 5 + 3) % TOPICS.length];
  const person = PEOPLE[(index * 7 + (index >> 2)) % PEOPLE.length];
  const outgoing = inFolder === 'Sent Items';
  const html = topic.html ?? (index % 9 === 4 && !outgoing ? NEWSLETTER : null);
  const id = uuid(`message ${accountId} ${index}`);
  const attachments = (topic.attachments ?? []).map((file) => attachment(id, file));
  const age = (7 + index * 97 + index ** 2 * 1.7) * MINUTES;
  const received_at = new Date(Date.now() - age).toISOString();
  return {
    id,
    account_id: accountId,
    folder_id: FOLDERS.find(({ display_name: name }) => name === inFolder).id,
    thread_id: uuid(`thread ${accountId} ${topic.thread ? `${topic.subject} ${index >> 6}` : index}`),
    kind: topic.kind ?? 'message',
    subject:
      topic.thread && index > TOPICS.length ? `Re: ${topic.subject.replace('Re: ', '')}` : topic.subject,
    preview: topic.text.replace(/\s+/g, ' ').slice(0, 200),
    from: outgoing ? OWNER : person,
    sender: outgoing ? OWNER : person,
    to: outgoing ? [person] : [OWNER],
    cc: index % 3 === 0 ? [PEOPLE[(index + 4) % PEOPLE.length], PEOPLE[(index + 5) % PEOPLE.length]] : [],
    bcc: [],
    reply_to: [],
    importance: index % 17 === 5 ? 'high' : 'normal',
    categories: index % 13 === 6 ? ['Planning'] : [],
    flag: index % 8 === 2 ? 'flagged' : 'not_flagged',
    is_read: outgoing || index % 5 > 1,
    is_draft: false,
    direction: outgoing ? 'outgoing' : 'incoming',
    received_at,
    sent_at: received_at,
    has_attachments: attachments.some((file) => !file.is_inline),
    internet_message_id: `<${id}@example.com>`,
    altered: [],
    failure: null,
    html,
    text: topic.text,
    headers: [
      { name: 'Received', value: `from mail.example.net by mx.example.com with ESMTPS; ${received_at}` },
      { name: 'Message-ID', value: `<${id}@example.com>` },
      { name: 'MIME-Version', value: '1.0' },
      { name: 'Content-Type', value: html ? 'text/html; charset="utf-8"' : 'text/plain; charset="utf-8"' },
    ],
    attachments,
  };
}

function attachment(messageId, file) {
  const base = { kind: 'file', content_type: 'application/octet-stream', is_inline: false, content_id: null };
  return { id: uuid(`${messageId} ${file.name}`), ...base, ...file };
}

function folder(display_name, well_known_name, parent = null) {
  const parent_id = parent && uuid(`folder ${parent}`);
  return { id: uuid(`folder ${display_name}`), parent_id, display_name, well_known_name };
}

function uuid(name) {
  const hex = createHash('sha256').update(name).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
