import { Avatar, Menu, Text, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconInbox, IconLogout, IconMailbox, IconPlus } from '@tabler/icons-react';
import { Link } from 'react-router';
import { messageOf } from '../api/problems';
import { useSession, useUser } from '../session/SessionContext';

export function AccountMenu() {
  const session = useSession();
  const user = useUser();
  const logOut = () =>
    session.logOut().catch((error: unknown) => {
      notifications.show({ color: 'red', title: 'You are still signed in', message: messageOf(error) });
    });
  return (
    <Menu position="bottom-end" width={240} shadow="md">
      <Menu.Target>
        <UnstyledButton style={{ borderRadius: 99 }}>
          <VisuallyHidden>Your account</VisuallyHidden>
          <Avatar name={user.name || user.email} color="indigo" size={32} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--ec-ink)" truncate>
            {user.name || 'Signed in'}
          </Text>
          <Text size="xs" truncate>
            {user.email}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item component={Link} to="/mail" leftSection={<IconInbox size={16} />}>
          Mail
        </Menu.Item>
        <Menu.Item component={Link} to="/accounts" leftSection={<IconMailbox size={16} />}>
          Connected mailboxes
        </Menu.Item>
        <Menu.Item component={Link} to="/connect" leftSection={<IconPlus size={16} />}>
          Connect a mailbox
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void logOut()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
