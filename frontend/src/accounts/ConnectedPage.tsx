import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconArrowRight, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { Link, Navigate, useSearchParams } from 'react-router';
import { useAccounts, useSyncProgress } from '../api/queries';
import shell from '../shell/Shell.module.css';
import { usePageTitle } from '../shell/usePageTitle';
import { useConnectOutlook } from './connect';
import { connectionFailure } from './connectionFailures';
import { SyncPanel } from './SyncPanel';

/** Where Microsoft's sign-in comes back to. */
export function ConnectedPage() {
  const [params] = useSearchParams();
  const account = params.get('account');
  const error = params.get('error');
  if (error === null && account === null) return <Navigate to="/accounts" replace />;
  return (
    <main id="content" className={shell.page} tabIndex={-1}>
      <div className={shell.column}>
        {error !== null || account === null ? (
          <Failed code={error ?? ''} />
        ) : (
          <Connected accountId={account} />
        )}
      </div>
    </main>
  );
}

function Connected({ accountId }: { accountId: string }) {
  usePageTitle('Mailbox connected');
  const { data: accounts } = useAccounts();
  const { data: progress } = useSyncProgress(accountId);
  const address = accounts?.find(({ id }) => id === accountId)?.address ?? 'Your mailbox';
  return (
    <Stack gap="lg">
      <div>
        <Group gap="sm">
          <IconCircleCheck size={30} stroke={1.6} color="var(--mantine-color-green-6)" aria-hidden />
          <Title order={1} fz={26} lts="-0.02em">
            Mailbox connected
          </Title>
        </Group>
        <Text c="dimmed" mt={6}>
          {progress?.state === 'completed'
            ? `${address} is here as a whole, and what happens in it from now on appears by itself.`
            : `${address} is being copied. You can read already: the newest mail comes first.`}
        </Text>
      </div>
      <SyncPanel accountId={accountId} />
      <Group>
        <Button component={Link} to="/mail" rightSection={<IconArrowRight size={16} />}>
          Open your mail
        </Button>
      </Group>
    </Stack>
  );
}

function Failed({ code }: { code: string }) {
  usePageTitle('Not connected');
  const connect = useConnectOutlook();
  const { title, advice } = connectionFailure(code);
  return (
    <Stack gap="lg">
      <Title order={1} fz={26} lts="-0.02em">
        The mailbox was not connected
      </Title>
      <Alert color="red" variant="light" icon={<IconCircleX size={18} />} title={title}>
        {advice}
      </Alert>
      <Group>
        <Button loading={connect.isPending || connect.isSuccess} onClick={() => connect.mutate()}>
          Try again
        </Button>
        <Button component={Link} to="/mail" variant="default">
          Back to mail
        </Button>
      </Group>
    </Stack>
  );
}
