import { expect, it } from 'vitest';
import { accountWith } from '../testing/samples';
import { explanation } from './states';

it('says until when and why a mailbox is delayed', () => {
  const account = accountWith({
    state: 'delayed',
    state_reason: 'throttled',
    delayed_until: '2026-03-10T09:05:30Z',
  });
  expect(explanation(account, 'en-GB')).toMatch(/We try again at \d\d:05:30 \(it asked us to slow down\)\.$/);
});

it('shows a reason that has no words yet as it is', () => {
  const account = accountWith({
    state: 'delayed',
    state_reason: 'quota_of_something',
    delayed_until: '2026-03-10T09:05:30Z',
  });
  expect(explanation(account, 'en-GB')).toContain('(quota of something)');
});

it('leaves times out of every other state', () => {
  expect(explanation(accountWith({ state: 'live' }))).toBe(
    'Everything is here, and new mail arrives within seconds.',
  );
});
