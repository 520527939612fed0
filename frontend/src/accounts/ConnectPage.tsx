import { Button, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import { IconBrandWindows, IconLock, IconMailSearch, IconRefresh, type Icon } from '@tabler/icons-react';
import shell from '../shell/Shell.module.css';
import { usePageTitle } from '../shell/usePageTitle';
import { useConnectOutlook } from './connect';
import styles from './ConnectPage.module.css';

const FACTS: readonly { icon: Icon; title: string; text: string }[] = [
  {
    icon: IconMailSearch,
    title: 'What is read',
    text: 'Every folder but hidden ones, and each message in full: text, headers, flags and attachments.',
  },
  {
    icon: IconRefresh,
    title: 'How it stays up to date',
    text: 'New mail and changes arrive within seconds, and are compared with your mailbox again and again.',
  },
  {
    icon: IconLock,
    title: 'What stays yours',
    text: 'You sign in at Microsoft, so your password never comes here. Disconnecting removes everything again.',
  },
];

export function ConnectPage() {
  const connect = useConnectOutlook();
  usePageTitle('Connect a mailbox');
  return (
    <main id="content" className={shell.page} tabIndex={-1}>
      <div className={shell.column}>
        <Title order={1} fz={26} lts="-0.02em">
          Connect your mailbox
        </Title>
        <Text c="dimmed" mt={6} maw={560}>
          Your mail is copied into your own database, so that you can read and search it here at once.
        </Text>
        <div className={styles.card}>
          <Stack gap="lg">
            {FACTS.map(({ icon: Picture, title, text }) => (
              <div key={title} className={styles.fact}>
                <ThemeIcon variant="light" size={36} radius="md" aria-hidden>
                  <Picture size={20} stroke={1.6} />
                </ThemeIcon>
                <div>
                  <Title order={2} fz="sm">
                    {title}
                  </Title>
                  <Text size="sm" c="dimmed">
                    {text}
                  </Text>
                </div>
              </div>
            ))}
          </Stack>
          <Button
            size="md"
            mt="xl"
            leftSection={<IconBrandWindows size={18} />}
            loading={connect.isPending || connect.isSuccess}
            onClick={() => connect.mutate()}
          >
            Connect Outlook
          </Button>
        </div>
      </div>
    </main>
  );
}
