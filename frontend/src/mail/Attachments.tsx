import { Loader, UnstyledButton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { createElement } from 'react';
import {
  IconFile,
  IconFileText,
  IconFileTypePdf,
  IconFileZip,
  IconLink,
  IconMail,
  IconPhoto,
  type Icon,
} from '@tabler/icons-react';
import { useApi } from '../api/ApiContext';
import { messageOf } from '../api/problems';
import { fetchAttachment } from '../api/queries';
import type { Attachment, Message } from '../api/types';
import { referencedContentIds } from './htmlDocument';
import styles from './MessageView.module.css';
import { saveFile } from './saveFile';
import { formatBytes } from './sizes';

/** The files of a message, without the pictures that its text already shows. */
export function Attachments({ message }: { message: Message }) {
  const shownInside = referencedContentIds(message.html ?? '');
  const files = message.attachments.filter(({ content_id: id }) => id === null || !shownInside.has(id));
  if (files.length === 0) return null;
  return (
    <ul className={styles.attachments} aria-label="Attachments">
      {files.map((file) => (
        <li key={file.id}>
          <AttachmentButton messageId={message.id} file={file} />
        </li>
      ))}
    </ul>
  );
}

function AttachmentButton({ messageId, file }: { messageId: string; file: Attachment }) {
  const api = useApi();
  const download = useMutation({
    mutationFn: () => fetchAttachment(api, messageId, file.id),
    onSuccess: (content) => saveFile(content, file.name),
    onError: (error) =>
      notifications.show({
        color: 'red',
        title: `“${file.name}” was not downloaded`,
        message: messageOf(error),
      }),
  });
  const isLink = file.kind === 'reference';
  return (
    <UnstyledButton
      className={styles.attachment}
      aria-label={isLink ? `${file.name}, a link to a file elsewhere` : `Download ${file.name}`}
      data-disabled={isLink || undefined}
      disabled={isLink || download.isPending}
      onClick={() => download.mutate()}
    >
      {download.isPending ? (
        <Loader size={20} />
      ) : (
        createElement(pictureOf(file), { size: 22, stroke: 1.4, 'aria-hidden': true })
      )}
      <span style={{ minWidth: 0 }}>
        <span className={styles.fileName} style={{ display: 'block' }}>
          {file.name || 'unnamed'}
        </span>
        <span className={styles.fileSize}>{isLink ? 'Stored elsewhere' : formatBytes(file.size_bytes)}</span>
      </span>
    </UnstyledButton>
  );
}

function pictureOf({ kind, content_type: type, name }: Attachment): Icon {
  if (kind === 'reference') return IconLink;
  if (kind === 'item' || type === 'message/rfc822') return IconMail;
  if (type?.startsWith('image/')) return IconPhoto;
  if (type === 'application/pdf') return IconFileTypePdf;
  if (type?.startsWith('text/')) return IconFileText;
  return /\.(zip|gz|tgz|7z|rar|bz2)$/i.test(name) ? IconFileZip : IconFile;
}
