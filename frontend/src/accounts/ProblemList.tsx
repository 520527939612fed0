import { Anchor, Button, List, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { keys } from '../api/keys';
import { messageOf } from '../api/problems';
import { useProblems } from '../api/queries';
import type { Problems } from '../api/types';
import { mediumDate } from '../mail/dates';

const SHOWN = 5;

/** What could not be carried over; nothing when all could. */
export function ProblemList({ accountId }: { accountId: string }) {
  const { data } = useProblems(accountId);
  if (!data) return null;
  const count = data.pages.length + data.jobs.length + data.messages.length;
  if (count === 0) return null;
  return (
    <section aria-label="Problems">
      <Title order={3} fz="sm" mb={6}>
        Problems
      </Title>
      <ProblemItems problems={data} />
      <Text size="xs" c="dimmed" mt={4}>
        {count > SHOWN && `${count} problems in all. `}The rest of the mailbox is not affected.
      </Text>
      {data.pages.length > 0 && <FetchAgain accountId={accountId} />}
    </section>
  );
}

function ProblemItems({ problems }: { problems: Problems }) {
  return (
    <List size="sm" spacing={4}>
      {problems.pages.slice(0, SHOWN).map((page) => (
        <List.Item key={page.id}>
          {page.messages} messages of a folder could not be fetched after {page.attempts} attempts
          {page.error_code && ` (${page.error_code})`}
        </List.Item>
      ))}
      {problems.jobs.slice(0, SHOWN).map((job) => (
        <List.Item key={job.id}>
          A task of the kind “{job.kind}” failed on {mediumDate(job.failed_at)}
        </List.Item>
      ))}
      {problems.messages.slice(0, SHOWN).map((message) => (
        <List.Item key={message.id}>
          <Anchor component={Link} to={`/mail/all/${message.id}`} size="sm">
            A message
          </Anchor>{' '}
          is here only in part ({message.failure})
        </List.Item>
      ))}
    </List>
  );
}

function FetchAgain({ accountId }: { accountId: string }) {
  const api = useApi();
  const cache = useQueryClient();
  const retry = useMutation({
    mutationFn: () => {
      const params = { path: { account_id: accountId } };
      return dataOf(api.POST('/accounts/{account_id}/sync/retry', { params }));
    },
    onSuccess: () =>
      Promise.all([
        cache.invalidateQueries({ queryKey: keys.problems(accountId) }),
        cache.invalidateQueries({ queryKey: keys.sync(accountId) }),
      ]),
    onError: (error) =>
      notifications.show({ color: 'red', title: 'Nothing was tried again', message: messageOf(error) }),
  });
  return (
    <Button size="xs" mt="sm" variant="light" loading={retry.isPending} onClick={() => retry.mutate()}>
      Fetch what is missing
    </Button>
  );
}
