import { Center, Stack, Text, Title } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

interface EmptyProps {
  icon: Icon;
  title: string;
  children?: ReactNode;
}

export function Empty({ icon: Picture, title, children }: EmptyProps) {
  return (
    <Center p="xl" h="100%" mih={160}>
      <Stack align="center" gap={6} maw={320} ta="center">
        <Picture size={36} stroke={1.25} color="var(--ec-ink-soft)" aria-hidden />
        <Title order={2} fz="sm" fw={600}>
          {title}
        </Title>
        {children && (
          <Text size="sm" c="dimmed" component="div">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  );
}
