import { UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { useThread } from '../api/queries';
import type { Message } from '../api/types';
import { shortDate } from './dates';
import { nameOf } from './mailboxes';
import styles from './MessageView.module.css';
import { useMailLocation } from './useMailLocation';
import { useNow } from './useNow';

/** The other messages of the conversation, when there are any. */
export function ConversationList({ message }: { message: Message }) {
  const { messageLink } = useMailLocation();
  const now = useNow();
  const [opened, setOpened] = useState(false);
  const { data: messages = [] } = useThread(message.thread_id);
  if (messages.length < 2) return null;
  return (
    <section aria-label="Conversation">
      <UnstyledButton className={styles.more} aria-expanded={opened} onClick={() => setOpened(!opened)}>
        {messages.length} messages in this conversation <IconChevronDown size={14} aria-hidden />
      </UnstyledButton>
      {opened && (
        <ol className={styles.conversation} aria-label="Messages of the conversation">
          {messages.map((item) => (
            <li key={item.id}>
              <Link to={messageLink(item.id)} aria-current={item.id === message.id || undefined}>
                <span>{nameOf(item.from)}</span>
                <span className={styles.soft}>{item.preview || item.subject}</span>
                <span className={styles.soft}>{shortDate(item.received_at, now)}</span>
              </Link>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
