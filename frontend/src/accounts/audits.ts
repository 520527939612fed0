import type { Audit } from '../api/types';

/** One line that says what an audit found. */
export function verdict(audit: Audit): string {
  const compared = count(audit.compared, 'message');
  if (audit.state === 'running') return `Comparing: ${compared} so far`;
  if (audit.state === 'stopped') return `Stopped after ${compared}`;
  const found = differences(audit);
  if (found === 0) return `All ${compared} match the mailbox`;
  return `${compared} compared, ${count(found, 'difference')} found, ${audit.repaired.toLocaleString()} repaired`;
}

export function differences({ missing, different, extra }: Audit): number {
  return missing + different + extra;
}

/** What the differences were; empty when there were none. */
export function details(audit: Audit): string {
  const parts = [
    [audit.missing, 'missing here'],
    [audit.different, 'in another state'],
    [audit.extra, 'gone from the mailbox'],
  ] as const;
  const told = parts
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${number.toLocaleString()} ${what}`);
  if (audit.recent > 0)
    told.push(`${audit.recent.toLocaleString()} of these so new that they were on their way`);
  return told.join(', ');
}

export function colorOf(audit: Audit): string {
  if (audit.state === 'running') return 'indigo';
  if (audit.state === 'stopped') return 'gray';
  return differences(audit) === audit.repaired ? 'green' : 'red';
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString()} ${noun}${number === 1 ? '' : 's'}`;
}
