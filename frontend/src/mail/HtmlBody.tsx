import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import type { Message } from '../api/types';
import { htmlDocument, setsColours } from './htmlDocument';
import styles from './MessageView.module.css';
import { useFrameFont } from './useFrameFont';
import { useInlineImages } from './useInlineImages';

export function HtmlBody({ message, remoteImages }: { message: Message; remoteImages: boolean }) {
  const dark = useComputedColorScheme('light') === 'dark';
  const font = useFrameFont();
  const inlineImages = useInlineImages(message);
  const html = message.html ?? '';
  const content = useMemo(
    () => htmlDocument(html, { inlineImages, remoteImages, dark, font }),
    [html, inlineImages, remoteImages, dark, font],
  );
  return (
    // A frame whose document is replaced while it loads may stay blank: each document gets a frame of its own.
    <iframe
      key={content}
      className={styles.frame}
      data-paper={setsColours(html) || undefined}
      title="Message body"
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerPolicy="no-referrer"
      srcDoc={content}
    />
  );
}
