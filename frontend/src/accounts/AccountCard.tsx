import { Alert, Badge, Button, Group, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconPlugOff, IconRefresh } from '@tabler/icons-react';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { keys } from '../api/keys';
import { messageOf } from '../api/problems';
import type { Account } from '../api/types';
import { mediumDate } from '../mail/dates';
import { AccountHealth } from './AccountHealth';
import { AuditPanel } from './AuditPanel';
import styles from './ConnectPage.module.css';
import { useConnectOutlook } from './connect';
import { DisconnectDialog } from './DisconnectDialog';
import { ProblemList } from './ProblemList';
import { explanation, isStopped, STATE_WORDS } from './states';
import { SyncPanel } from './SyncPanel';

export function AccountCard({ account }: { account: Account }) {
  const words = STATE_WORDS[account.state];
  const [asking, dialog] = useDisclosure();
  return (
    <section className={styles.card} style={{ marginTop: 0 }} aria-label={account.address}>
      <Stack gap="lg">
        <Group justify="space-between" align="flex-start" wrap="nowrap">
          <div style={{ minWidth: 0 }}>
            <Title order={2} fz={17} lineClamp={1}>
              {account.display_name || account.address}
            </Title>
            <Text size="sm" c="dimmed">
              {account.address}, Outlook, connected {mediumDate(account.connected_at)}
            </Text>
          </div>
          <Badge variant="light" color={words.color} size="lg" tt="none" miw="auto">
            {words.label}
          </Badge>
        </Group>
        <State account={account} />
        <SyncPanel accountId={account.id} />
        <AccountHealth account={account} />
        <AuditPanel account={account} />
        <ProblemList accountId={account.id} />
        <Group>
          <SyncAgain account={account} />
          <Button variant="subtle" color="red" leftSection={<IconPlugOff size={16} />} onClick={dialog.open}>
            Disconnect
          </Button>
        </Group>
      </Stack>
      <DisconnectDialog account={account} opened={asking} close={dialog.close} />
    </section>
  );
}

function State({ account }: { account: Account }) {
  const connect = useConnectOutlook();
  const words = STATE_WORDS[account.state];
  if (!isStopped(account) && account.state !== 'delayed') {
    return <Text size="sm">{explanation(account)}</Text>;
  }
  return (
    <Alert color={words.color} variant="light" title={words.label}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{explanation(account)}</Text>
        {isStopped(account) && (
          <Button size="xs" loading={connect.isPending || connect.isSuccess} onClick={() => connect.mutate()}>
            Sign in again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

function SyncAgain({ account }: { account: Account }) {
  const api = useApi();
  const cache = useQueryClient();
  const sync = useMutation({
    mutationFn: () => {
      const params = { path: { account_id: account.id } };
      return dataOf(api.POST('/accounts/{account_id}/sync', { params }));
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.sync(account.id) }),
    onError: (error) =>
      notifications.show({ color: 'red', title: 'No sync was started', message: messageOf(error) }),
  });
  return (
    <Button
      variant="default"
      leftSection={<IconRefresh size={16} />}
      loading={sync.isPending}
      disabled={account.state !== 'live' && account.state !== 'delayed'}
      onClick={() => sync.mutate()}
    >
      Sync again
    </Button>
  );
}
