import { useEffect, useRef } from 'react';

/** What to do for a key, such as `j` or `?`, or for two in a row, such as `g i`. */
export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

const SECOND_KEY_MILLISECONDS = 1200;
const TYPING = 'input, textarea, select, [contenteditable="true"]';

let pressedBefore = { key: '', at: 0 };

/** Shortcuts of the whole page, silent while somebody types or a dialog is open. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (isForSomethingElse(event)) return;
      const isSecond = event.timeStamp - pressedBefore.at < SECOND_KEY_MILLISECONDS;
      const pair = isSecond ? latest.current[`${pressedBefore.key} ${event.key}`] : undefined;
      const action = pair ?? latest.current[event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}

/** After every `useShortcuts` of the page has seen a key, it is the key before the next one. */
window.addEventListener('keydown', (event) => {
  pressedBefore = { key: event.key, at: event.timeStamp };
});

function isForSomethingElse(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (event.target instanceof Element && event.target.matches(TYPING)) return true;
  return document.querySelector('[role="dialog"]') !== null;
}
