import { Fragment } from 'react';
import styles from './MessageView.module.css';
import { linesOf, partsOf } from './plainText';

export function TextBody({ text }: { text: string }) {
  return (
    // Long texts scroll, and only what has the focus can be scrolled by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={styles.text} tabIndex={0} role="region" aria-label="Message text">
      {linesOf(text).map((block, index) => (
        <div key={index} className={block.depth > 0 ? styles.quote : styles.words}>
          {partsOf(block.text).map((part, place) =>
            part.href === null ? (
              <Fragment key={place}>{part.text}</Fragment>
            ) : (
              <a key={place} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
                {part.text}
              </a>
            ),
          )}
        </div>
      ))}
    </div>
  );
}
