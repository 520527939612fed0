import { Skeleton, Stack } from '@mantine/core';
import styles from '../mail/MailPage.module.css';
import { ListSkeleton } from '../mail/ListSkeleton';

/** The mail page before anything is known. */
export function ShellSkeleton() {
  return (
    <div className={styles.panes} role="status" aria-busy="true" aria-label="Loading">
      <div className={styles.folders}>
        <Stack gap={14} p="md">
          {[60, 80, 45, 70, 55, 65].map((width) => (
            <Skeleton key={width} h={14} w={`${width}%`} />
          ))}
        </Stack>
      </div>
      <div className={styles.list}>
        <ListSkeleton />
      </div>
      <div className={styles.reading} />
    </div>
  );
}
