import { expect, it } from 'vitest';
import { periodOf, shortDate } from './dates';

const NOW = new Date(2026, 2, 11, 14, 30);
const iso = (year: number, month: number, day: number, hour = 12) =>
  new Date(year, month - 1, day, hour).toISOString();

it.each([
  [iso(2026, 3, 11, 9), '9:00 AM', 'Today'],
  [iso(2026, 3, 10, 23), 'Yesterday', 'Yesterday'],
  [iso(2026, 3, 7), 'Sat', 'Last seven days'],
  [iso(2026, 3, 4), 'Mar 4', 'March 2026'],
  [iso(2026, 1, 2), 'Jan 2', 'January 2026'],
  [iso(2024, 12, 31), 'Dec 31, 2024', 'December 2024'],
  [iso(2026, 3, 20), 'Mar 20', 'Later'],
])('shows %s as %s under %s', (date, short, period) => {
  expect(shortDate(date, NOW, 'en-US').replace('\u202f', ' ')).toBe(short);
  expect(periodOf(date, NOW, 'en-US')).toBe(period);
});

it('survives the year 1, which broken mail has', () => {
  expect(shortDate('0001-01-01T00:00:00Z', NOW, 'en-US')).toContain('1');
});
