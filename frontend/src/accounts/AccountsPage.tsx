import { Button, Group, Skeleton, Stack, Title } from '@mantine/core';
import { IconMailbox, IconPlus } from '@tabler/icons-react';
import { Link } from 'react-router';
import { useAccounts } from '../api/queries';
import { Empty } from '../shell/Empty';
import { Failure } from '../shell/Failure';
import shell from '../shell/Shell.module.css';
import { usePageTitle } from '../shell/usePageTitle';
import { AccountCard } from './AccountCard';

export function AccountsPage() {
  usePageTitle('Connected mailboxes');
  return (
    <main id="content" className={shell.page} tabIndex={-1}>
      <div className={shell.column}>
        <Group justify="space-between" mb="lg">
          <Title order={1} fz={26} lts="-0.02em">
            Connected mailboxes
          </Title>
          <Button component={Link} to="/connect" variant="light" leftSection={<IconPlus size={16} />}>
            Connect a mailbox
          </Button>
        </Group>
        <AccountCards />
      </div>
    </main>
  );
}

function AccountCards() {
  const { data: accounts, error, isPending, refetch } = useAccounts();
  if (isPending)
    return <Skeleton h={220} radius="lg" role="status" aria-busy="true" aria-label="Loading the mailboxes" />;
  if (!accounts) return <Failure error={error} retry={() => void refetch()} />;
  if (accounts.length === 0) return <Empty icon={IconMailbox} title="No mailbox is connected yet" />;
  return (
    <Stack gap="xl">
      {accounts.map((account) => (
        <AccountCard key={account.id} account={account} />
      ))}
    </Stack>
  );
}
