import { Button, Center, Stack, Text, Title } from '@mantine/core';
import { IconCloudOff, IconRefresh } from '@tabler/icons-react';
import { ApiProblem, messageOf } from '../api/problems';

interface FailureProps {
  error: unknown;
  retry: () => void;
  fullPage?: boolean;
}

/** What went wrong, and a way to try again. */
export function Failure({ error, retry, fullPage = false }: FailureProps) {
  const requestId = error instanceof ApiProblem ? error.requestId : null;
  return (
    <Center role="alert" p="xl" mih={fullPage ? '100dvh' : 160}>
      <Stack align="center" gap="xs" maw={360} ta="center">
        <IconCloudOff size={32} stroke={1.5} color="var(--ec-ink-soft)" aria-hidden />
        <Title order={2} fz="md">
          {messageOf(error)}
        </Title>
        {requestId && (
          <Text size="xs" c="dimmed">
            Request {requestId}
          </Text>
        )}
        <Button variant="light" size="xs" leftSection={<IconRefresh size={14} />} onClick={retry}>
          Try again
        </Button>
      </Stack>
    </Center>
  );
}
