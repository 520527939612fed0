import type { SyncProgress } from '../api/types';

/** From 0 to 100; it is 100 only when all is done. */
export function percentDone({ messages_done: done, messages_total: total, state }: Amounts): number {
  if (state === 'completed') return 100;
  if (total === 0) return 0;
  return Math.min(99, Math.floor((done / total) * 100));
}

type Amounts = Pick<SyncProgress, 'messages_done' | 'messages_total'> & { state?: SyncProgress['state'] };

/** `about 2 minutes left`; the more time, the rounder. */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return 'estimating the time left';
  if (seconds < 1.5) return 'about a second left';
  if (seconds < 10) return `about ${Math.round(seconds)} seconds left`;
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} seconds left`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `about ${count(minutes, 'minute')} left`;
  const halfHours = Math.ceil(minutes / 30) / 2;
  return halfHours === 1 ? 'about an hour left' : `about ${halfHours} hours left`;
}

export function rate(messagesPerSecond: number | null): string {
  if (messagesPerSecond === null) return '–';
  if (messagesPerSecond >= 10) return `${Math.round(messagesPerSecond).toLocaleString()} per second`;
  if (messagesPerSecond >= 1) return `${messagesPerSecond.toFixed(1)} per second`;
  return `${Math.round(messagesPerSecond * 60)} per minute`;
}

/** How long it took, or has taken. */
export function duration(seconds: number): string {
  if (seconds < 60) return count(Math.max(1, Math.round(seconds)), 'second');
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  return rest === 0 ? count(minutes, 'minute') : `${count(minutes, 'minute')} ${rest} s`;
}

/** One line that says how a sync stands. */
export function summary(progress: SyncProgress): string {
  const { state, messages_done: done, messages_total: total, messages_failed: failed } = progress;
  switch (state) {
    case 'starting':
      return 'Reading the folders';
    case 'running':
      return `${done.toLocaleString()} of ${progress.total_is_exact ? '' : 'about '}${total.toLocaleString()} messages`;
    case 'completed':
      return `All ${total.toLocaleString()} messages are here`;
    case 'incomplete':
      return `${done.toLocaleString()} of ${total.toLocaleString()} messages are here; ${failed.toLocaleString()} could not be fetched`;
    case 'cancelled':
      return 'Stopped';
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
