import { Avatar, Badge, Group, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { IconChevronDown, IconFlagFilled } from '@tabler/icons-react';
import { useState } from 'react';
import type { Mailbox, Message } from '../api/types';
import { longDate, mediumDate } from './dates';
import { fullNameOf, nameOf, shortListOf } from './mailboxes';
import styles from './MessageView.module.css';

/** Who wrote to whom, and when. */
export function MessageHead({ message }: { message: Message }) {
  const [detailed, setDetailed] = useState(false);
  const { from } = message;
  const recipients = [...message.to, ...message.cc, ...message.bcc];
  return (
    <>
      <div className={styles.head}>
        <Avatar name={nameOf(from)} color="initials" size={40} aria-hidden />
        <div className={styles.who}>
          <div className={styles.from}>
            <span className={styles.name}>{nameOf(from)}</span>
            {from?.address && from.address !== nameOf(from) && (
              <span className={styles.address}>{from.address}</span>
            )}
          </div>
          <UnstyledButton
            className={styles.recipients}
            aria-expanded={detailed}
            onClick={() => setDetailed(!detailed)}
          >
            <VisuallyHidden>Recipients:</VisuallyHidden> to {shortListOf(recipients) || 'nobody'}{' '}
            <IconChevronDown size={14} aria-hidden />
          </UnstyledButton>
        </div>
        <time className={styles.date} dateTime={message.received_at} title={longDate(message.received_at)}>
          {mediumDate(message.received_at)}
        </time>
      </div>
      <Labels message={message} />
      {detailed && <Details message={message} />}
    </>
  );
}

function Labels({ message }: { message: Message }) {
  const labels = [
    message.is_draft && 'Draft',
    message.importance === 'high' && 'Important',
    message.importance === 'low' && 'Low importance',
    message.kind !== 'message' && message.kind.replaceAll('_', ' '),
    ...message.categories,
  ].filter((label) => label !== false);
  if (labels.length === 0 && message.flag === 'not_flagged') return null;
  return (
    <Group gap={6} mt={10}>
      {message.flag !== 'not_flagged' && (
        <Badge
          variant="light"
          color={message.flag === 'flagged' ? 'orange' : 'green'}
          size="sm"
          tt="none"
          leftSection={<IconFlagFilled size={11} />}
        >
          {message.flag === 'flagged' ? 'Flagged' : 'Done'}
        </Badge>
      )}
      {labels.map((label) => (
        <Badge key={label} variant="light" color="gray" size="sm" tt="none">
          {label}
        </Badge>
      ))}
    </Group>
  );
}

function Details({ message }: { message: Message }) {
  const lines: readonly (readonly [string, readonly Mailbox[]])[] = [
    ['From', message.from ? [message.from] : []],
    ['Sender', isSame(message.sender, message.from) || !message.sender ? [] : [message.sender]],
    ['Reply to', message.reply_to],
    ['To', message.to],
    ['Cc', message.cc],
    ['Bcc', message.bcc],
  ];
  return (
    <dl className={styles.details} aria-label="Recipients and dates">
      {lines
        .filter(([, mailboxes]) => mailboxes.length > 0)
        .map(([label, mailboxes]) => (
          <Detail key={label} label={label} value={mailboxes.map(fullNameOf).join(', ')} />
        ))}
      <Detail label="Received" value={longDate(message.received_at)} />
      {message.sent_at && <Detail label="Sent" value={longDate(message.sent_at)} />}
    </dl>
  );
}

function Detail({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}

function isSame(a: Mailbox | null, b: Mailbox | null): boolean {
  return a?.address === b?.address;
}
