import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { messageOf } from '../api/problems';
import type { Account } from '../api/types';

interface DisconnectDialogProps {
  account: Account;
  opened: boolean;
  close: () => void;
}

export function DisconnectDialog({ account, opened, close }: DisconnectDialogProps) {
  const api = useApi();
  const cache = useQueryClient();
  const disconnect = useMutation({
    mutationFn: () =>
      dataOf(api.DELETE('/accounts/{account_id}', { params: { path: { account_id: account.id } } })),
    onSuccess: async () => {
      close();
      notifications.show({ message: `${account.address} is disconnected.` });
      await cache.resetQueries();
    },
  });
  return (
    <Modal opened={opened} onClose={close} title={`Disconnect ${account.address}?`}>
      <Stack>
        <Text size="sm">
          Its messages, folders and attachments are removed from here. The mailbox at Outlook is not touched,
          and can be connected again.
        </Text>
        {disconnect.isError && <Alert color="red">{messageOf(disconnect.error)}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button color="red" loading={disconnect.isPending} onClick={() => disconnect.mutate()}>
            Disconnect
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
