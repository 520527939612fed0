import { Avatar, VisuallyHidden } from '@mantine/core';
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconCalendarEvent,
  IconExclamationMark,
  IconFlagFilled,
  IconPaperclip,
} from '@tabler/icons-react';
import { memo, useEffect, useRef, type CSSProperties } from 'react';
import { Link } from 'react-router';
import type { MessageSummary } from '../api/types';
import { shortDate } from './dates';
import { correspondentOf } from './mailboxes';
import styles from './MessageList.module.css';

interface MessageRowProps {
  message: MessageSummary;
  position: number;
  /** -1: not known. */
  total: number;
  top: number;
  height: number;
  now: Date;
  link: string;
  folderName: string | undefined;
  isOpen: boolean;
  isArrival: boolean;
  tabIndex: 0 | -1;
  /** Each new object asks for the focus once. */
  focusRequest: object | null;
  onOpen: (id: string) => void;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const {
    message,
    position,
    total,
    top,
    height,
    now,
    link,
    folderName,
    isOpen,
    isArrival,
    tabIndex,
    focusRequest,
    onOpen,
  } = props;
  const anchor = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (focusRequest) anchor.current?.focus({ preventScroll: true });
  }, [focusRequest]);

  const place: CSSProperties = { height, transform: `translateY(${top}px)` };
  const correspondent = correspondentOf(message);
  const date = shortDate(message.received_at, now);
  return (
    <li className={styles.item} style={place} aria-setsize={total} aria-posinset={position}>
      <Link
        ref={anchor}
        to={link}
        className={styles.row}
        tabIndex={tabIndex}
        onClick={() => onOpen(message.id)}
        aria-current={isOpen || undefined}
        data-unread={!message.is_read || undefined}
        data-arrival={isArrival || undefined}
      >
        <VisuallyHidden>{marksOf(message)}</VisuallyHidden>
        <Avatar name={correspondent} color="initials" size={36} className={styles.avatar} aria-hidden />
        <span className={styles.lines}>
          <span className={styles.line}>
            <span className={styles.from}>
              {message.direction === 'outgoing' && (
                <IconArrowBackUp size={14} className={styles.sent} aria-hidden />
              )}
              <span className={styles.clip}>{correspondent}</span>
            </span>
            <span className={styles.date}>{date}</span>
          </span>
          <span className={styles.line}>
            <span className={styles.subject}>{message.subject || '(no subject)'}</span>
            <Marks message={message} />
          </span>
          <span className={styles.preview} aria-hidden>
            {folderName && <span className={styles.folder}>{folderName}</span>}
            {message.preview}
          </span>
        </span>
      </Link>
    </li>
  );
});

function Marks({ message }: { message: MessageSummary }) {
  return (
    <span className={styles.marks} aria-hidden>
      {message.failure && <IconAlertTriangle size={15} className={styles.failed} />}
      {message.importance === 'high' && <IconExclamationMark size={15} className={styles.important} />}
      {message.kind.startsWith('meeting') && <IconCalendarEvent size={15} />}
      {message.has_attachments && <IconPaperclip size={15} />}
      {message.flag === 'flagged' && <IconFlagFilled size={14} className={styles.flag} />}
    </span>
  );
}

/** The marks in words, for those who hear the row. */
function marksOf(message: MessageSummary): string {
  const marks = [
    !message.is_read && 'Unread',
    message.flag === 'flagged' && 'Flagged',
    message.importance === 'high' && 'Important',
    message.has_attachments && 'Attachments',
    message.failure !== null && 'Incomplete',
    message.direction === 'outgoing' && 'To',
  ];
  return marks.filter((mark) => mark !== false).join(', ');
}
