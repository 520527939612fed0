import { Group, Skeleton, Stack } from '@mantine/core';

export function MessageSkeleton() {
  return (
    <Stack p={28} gap="lg" role="status" aria-busy="true" aria-label="Loading the message">
      <Skeleton h={22} w="55%" />
      <Group gap="sm">
        <Skeleton circle h={40} />
        <Stack gap={8}>
          <Skeleton h={12} w={180} />
          <Skeleton h={10} w={240} />
        </Stack>
      </Group>
      <Stack gap={12} mt="md">
        {[92, 84, 96, 61, 88, 79, 40].map((width) => (
          <Skeleton key={width} h={11} w={`${width}%`} />
        ))}
      </Stack>
    </Stack>
  );
}
