import { Anchor, List, Text, Title } from '@mantine/core';
import { Link } from 'react-router';
import { useProblems } from '../api/queries';
import type { Problems } from '../api/types';
import { mediumDate } from '../mail/dates';

const SHOWN = 5;

/** What could not be carried over; nothing when all could. */
export function ProblemList({ accountId }: { accountId: string }) {
  const { data } = useProblems(accountId);
  if (!data || isEmpty(data)) return null;
  return (
    <section aria-label="Problems">
      <Title order={3} fz="sm" mb={6}>
        Problems
      </Title>
      <List size="sm" spacing={4}>
        {data.pages.slice(0, SHOWN).map((page) => (
          <List.Item key={page.id}>
            {page.messages} messages of a folder could not be fetched after {page.attempts} attempts
            {page.error_code && ` (${page.error_code})`}
          </List.Item>
        ))}
        {data.jobs.slice(0, SHOWN).map((job) => (
          <List.Item key={job.id}>
            A task of the kind “{job.kind}” failed on {mediumDate(job.failed_at)}
          </List.Item>
        ))}
        {data.messages.slice(0, SHOWN).map((message) => (
          <List.Item key={message.id}>
            <Anchor component={Link} to={`/mail/all/${message.id}`} size="sm">
              A message
            </Anchor>{' '}
            is here only in part ({message.failure})
          </List.Item>
        ))}
      </List>
      <Text size="xs" c="dimmed" mt={4}>
        {sizeOf(data) > SHOWN && `${sizeOf(data)} problems in all. `}The rest of the mailbox is not affected.
      </Text>
    </section>
  );
}

function isEmpty(problems: Problems): boolean {
  return sizeOf(problems) === 0;
}

function sizeOf({ pages, jobs, messages }: Problems): number {
  return pages.length + jobs.length + messages.length;
}
