import { Group, Skeleton, Stack } from '@mantine/core';

const ROWS = 9;

export function ListSkeleton() {
  return (
    <Stack
      gap={0}
      role="status"
      aria-busy="true"
      aria-label="Loading messages"
      style={{ overflow: 'hidden' }}
    >
      {Array.from({ length: ROWS }, (_, row) => (
        <Group key={row} gap="sm" px={16} h={80} wrap="nowrap" align="center">
          <Skeleton circle h={36} w={36} miw={36} />
          <Stack gap={9} flex={1}>
            <Skeleton h={11} w={`${35 + ((row * 17) % 30)}%`} />
            <Skeleton h={10} w={`${60 + ((row * 23) % 30)}%`} />
            <Skeleton h={9} w={`${75 + ((row * 11) % 20)}%`} />
          </Stack>
        </Group>
      ))}
    </Stack>
  );
}
