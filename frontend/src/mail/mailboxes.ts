import type { Mailbox, MessageSummary } from '../api/types';

/** What to call a correspondent, whatever is missing. */
export function nameOf(mailbox: Mailbox | null | undefined): string {
  return mailbox?.name?.trim() || mailbox?.address || 'Unknown sender';
}

/** `Name <address>`, or the one that there is. */
export function fullNameOf({ name, address }: Mailbox): string {
  if (name && address && name !== address) return `${name} <${address}>`;
  return name || address || 'unknown';
}

/** Whom a list shows for a message: who wrote it, or to whom we wrote. */
export function correspondentOf(message: MessageSummary): string {
  if (message.direction === 'incoming') return nameOf(message.from);
  const recipients = [...message.to, ...message.cc, ...message.bcc];
  if (recipients.length === 0) return 'No recipients';
  return recipients.map((recipient) => nameOf(recipient)).join(', ');
}

/** `Ada, Ben and 3 others`. */
export function shortListOf(mailboxes: readonly Mailbox[], shown = 2): string {
  const names = mailboxes.slice(0, shown).map(nameOf);
  const others = mailboxes.length - names.length;
  if (others > 0) return `${names.join(', ')} and ${others} ${others === 1 ? 'other' : 'others'}`;
  return names.join(', ');
}
