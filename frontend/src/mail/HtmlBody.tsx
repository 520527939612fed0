import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import type { Message } from '../api/types';
import { htmlDocument, setsColours } from './htmlDocument';
import styles from './MessageView.module.css';
import { useInlineImages } from './useInlineImages';

export function HtmlBody({ message, remoteImages }: { message: Message; remoteImages: boolean }) {
  const dark = useComputedColorScheme('light') === 'dark';
  const inlineImages = useInlineImages(message);
  const html = message.html ?? '';
  const content = useMemo(
    () => htmlDocument(html, { inlineImages, remoteImages, dark }),
    [html, inlineImages, remoteImages, dark],
  );
  return (
    <iframe
      className={styles.frame}
      data-paper={setsColours(html) || undefined}
      title="Message body"
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerPolicy="no-referrer"
      srcDoc={content}
    />
  );
}
