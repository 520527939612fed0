import { describe, expect, it } from 'vitest';
import type { SyncProgress } from '../api/types';
import { duration, percentDone, rate, summary, timeLeft } from './progress';

const progress = (changes: Partial<SyncProgress>): SyncProgress => ({
  run_id: 'r',
  account_id: 'a',
  state: 'running',
  requested_at: '2026-03-10T09:00:00Z',
  started_at: '2026-03-10T09:00:00Z',
  finished_at: null,
  total_is_exact: true,
  messages_total: 6046,
  messages_done: 1200,
  messages_failed: 0,
  messages_per_second: 280,
  seconds_left: 17,
  folders: [],
  ...changes,
});

it('is 100 percent only when all is done', () => {
  expect(percentDone(progress({}))).toBe(19);
  expect(percentDone(progress({ messages_done: 6046 }))).toBe(99);
  expect(percentDone(progress({ messages_done: 0, messages_total: 0 }))).toBe(0);
  expect(percentDone(progress({ messages_done: 0, messages_total: 0, state: 'completed' }))).toBe(100);
});

it.each([
  [null, 'estimating the time left'],
  [0.4, 'about a second left'],
  [7.6, 'about 8 seconds left'],
  [17, 'about 20 seconds left'],
  [55, 'about 1 minute left'],
  [61, 'about 2 minutes left'],
  [3_590, 'about an hour left'],
  [5_000, 'about 1.5 hours left'],
])('says of %s seconds: %s', (seconds, words) => {
  expect(timeLeft(seconds)).toBe(words);
});

it.each([
  [null, '–'],
  [1283.4, '1,283 per second'],
  [4.25, '4.3 per second'],
  [0.5, '30 per minute'],
])('says of a rate of %s: %s', (value, words) => {
  expect(rate(value)).toBe(words);
});

it('says how long a sync took', () => {
  expect(duration(0.2)).toBe('1 second');
  expect(duration(21.4)).toBe('21 seconds');
  expect(duration(60)).toBe('1 minute');
  expect(duration(135)).toBe('2 minutes 15 s');
});

describe('the summary', () => {
  it('admits that a total is not known yet', () => {
    expect(summary(progress({ total_is_exact: false }))).toBe('1,200 of about 6,046 messages');
    expect(summary(progress({}))).toBe('1,200 of 6,046 messages');
  });

  it('tells what could not be fetched', () => {
    expect(summary(progress({ state: 'incomplete', messages_done: 6000, messages_failed: 46 }))).toBe(
      '6,000 of 6,046 messages are here; 46 could not be fetched',
    );
    expect(summary(progress({ state: 'completed', messages_done: 6046 }))).toBe(
      'All 6,046 messages are here',
    );
  });
});
