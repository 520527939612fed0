import { expect, it } from 'vitest';
import { auditWith } from '../testing/samples';
import { colorOf, details, verdict } from './audits';

it('says that all match', () => {
  expect(verdict(auditWith({ compared: 6046 }))).toBe('All 6,046 messages match the mailbox');
  expect(details(auditWith({ compared: 6046 }))).toBe('');
});

it('says what was found and repaired', () => {
  const audit = auditWith({ compared: 100, missing: 2, extra: 1, recent: 1, repaired: 3 });
  expect(verdict(audit)).toBe('100 messages compared, 3 differences found, 3 repaired');
  expect(details(audit)).toBe(
    '2 missing here, 1 gone from the mailbox, 1 of these so new that they were on their way',
  );
  expect(colorOf(audit)).toBe('green');
});

it('does not call a mailbox repaired that is not', () => {
  expect(colorOf(auditWith({ different: 2, repaired: 1 }))).toBe('red');
});

it('counts while it goes on, and says when it stopped', () => {
  expect(verdict(auditWith({ state: 'running', compared: 1 }))).toBe('Comparing: 1 message so far');
  expect(verdict(auditWith({ state: 'stopped', compared: 2000 }))).toBe('Stopped after 2,000 messages');
});
