import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { Brand } from '../shell/Brand';
import styles from './AuthLayout.module.css';

interface AuthLayoutProps {
  title: string;
  children: ReactNode;
}

export function AuthLayout({ title, children }: AuthLayoutProps) {
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Brand />
        <Stack gap={4} mt={28} mb="lg">
          <Title order={1} fz={24} lts="-0.02em">
            {title}
          </Title>
          <Text c="dimmed" size="sm">
            Your mailbox in your own database: complete, live and searchable.
          </Text>
        </Stack>
        {children}
      </div>
    </main>
  );
}
