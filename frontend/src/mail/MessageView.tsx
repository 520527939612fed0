import { ActionIcon, Alert, Button, Group, SegmentedControl, Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowLeft, IconPhotoOff } from '@tabler/icons-react';
import { useState } from 'react';
import type { Message } from '../api/types';
import { Attachments } from './Attachments';
import { ConversationList } from './ConversationList';
import { HeaderTable } from './HeaderTable';
import { HtmlBody } from './HtmlBody';
import { MessageHead } from './MessageHead';
import styles from './MessageView.module.css';
import { TextBody } from './TextBody';

type Face = 'html' | 'text' | 'headers';

interface MessageViewProps {
  message: Message;
  remoteImages: boolean;
  showRemoteImages: () => void;
  close: () => void;
}

export function MessageView({ message, remoteImages, showRemoteImages, close }: MessageViewProps) {
  const [chosen, setFace] = useState<Face | null>(null);
  const face = chosen ?? (message.html === null ? 'text' : 'html');
  return (
    <article className={styles.message} aria-labelledby="subject">
      <div className={styles.top}>
        <Group justify="space-between" wrap="nowrap" align="flex-start" gap="md">
          <ActionIcon className={styles.back} size="lg" aria-label="Back to the list" onClick={close}>
            <IconArrowLeft size={20} />
          </ActionIcon>
          <h2 id="subject" className={styles.subject}>
            {message.subject || '(no subject)'}
          </h2>
          <SegmentedControl
            size="xs"
            aria-label="Show the message as"
            className={styles.faces}
            data={facesOf(message)}
            value={face}
            onChange={(value) => setFace(value)}
          />
        </Group>
        <MessageHead message={message} />
        <Notices message={message} />
        {face === 'html' && message.remote_images_blocked > 0 && !remoteImages && (
          <BlockedImages count={message.remote_images_blocked} show={showRemoteImages} />
        )}
        <Attachments message={message} />
        <ConversationList message={message} />
      </div>
      {face === 'html' && <HtmlBody message={message} remoteImages={remoteImages} />}
      {face === 'text' && <TextBody text={message.text} />}
      {face === 'headers' && <HeaderTable headers={message.headers} />}
    </article>
  );
}

function facesOf(message: Message): { value: Face; label: string }[] {
  return [
    ...(message.html === null ? [] : [{ value: 'html' as const, label: 'HTML' }]),
    { value: 'text', label: 'Text' },
    { value: 'headers', label: 'Headers' },
  ];
}

function Notices({ message }: { message: Message }) {
  if (message.failure === null && message.altered.length === 0) return null;
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle size={16} />} mt="sm" py={8}>
      {message.failure !== null
        ? `This message could be stored only in part (${message.failure}).`
        : `Characters that cannot be stored were replaced in: ${message.altered.join(', ')}.`}
    </Alert>
  );
}

function BlockedImages({ count, show }: { count: number; show: () => void }) {
  return (
    <div className={styles.blocked} role="note">
      <IconPhotoOff size={16} stroke={1.6} aria-hidden />
      <Text size="xs" flex={1}>
        {count === 1 ? '1 remote image was' : `${count} remote images were`} blocked, so that the sender does
        not learn that you read this.
      </Text>
      <Button size="compact-xs" variant="default" onClick={show}>
        Show images
      </Button>
    </div>
  );
}
