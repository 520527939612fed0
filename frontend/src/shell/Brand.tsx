import { Group, Text } from '@mantine/core';

export function Brand() {
  return (
    <Group gap={10} wrap="nowrap">
      <img src="/favicon.svg" width={28} height={28} alt="" />
      <Text fw={650} fz={15} lts="-0.01em" style={{ whiteSpace: 'nowrap' }}>
        Email Core
      </Text>
    </Group>
  );
}
