import { VisuallyHidden } from '@mantine/core';
import { useLive } from '../live/LiveContext';
import { nameOf } from '../mail/mailboxes';

/** Tells screen readers of mail that arrives. */
export function Announcer() {
  const { arrivals } = useLive();
  const [first] = arrivals;
  const text =
    arrivals.length > 1
      ? `${arrivals.length} new messages`
      : first && `New message from ${nameOf(first.from)}: ${first.subject}`;
  return (
    <VisuallyHidden role="status" aria-label="Announcements">
      {text}
    </VisuallyHidden>
  );
}
