import { Group, Kbd, Modal, Stack, Text } from '@mantine/core';

const SHORTCUTS: readonly (readonly [keys: readonly string[], meaning: string])[] = [
  [['j', '↓'], 'Next message'],
  [['k', '↑'], 'Previous message'],
  [['Enter', 'o'], 'Open the message'],
  [['u', 'Esc'], 'Back to the list'],
  [['/'], 'Search'],
  [['g then i'], 'Go to the inbox'],
  [['g then a'], 'Go to all mail'],
  [['?'], 'This help'],
];

export function ShortcutHelp({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} title="Keyboard shortcuts" size="sm">
      <Stack gap="sm" component="dl" m={0}>
        {SHORTCUTS.map(([keys, meaning]) => (
          <Group key={meaning} justify="space-between" wrap="nowrap">
            <Text component="dt" size="sm">
              {meaning}
            </Text>
            <Group component="dd" gap={6} m={0} wrap="nowrap">
              {keys.map((key) => (
                <Kbd key={key} size="sm">
                  {key}
                </Kbd>
              ))}
            </Group>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
