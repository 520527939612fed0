import { Code, Table, Text } from '@mantine/core';
import type { Header } from '../api/types';
import styles from './MessageView.module.css';

export function HeaderTable({ headers }: { headers: readonly Header[] }) {
  return (
    // Long headers scroll, and only what has the focus can be scrolled by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={styles.headers} tabIndex={0} role="region" aria-label="Message headers">
      {headers.length === 0 ? (
        <Text size="sm" c="dimmed">
          This message has no headers: it never travelled.
        </Text>
      ) : (
        <Table verticalSpacing={6} fz="xs" layout="fixed">
          <Table.Tbody>
            {headers.map(({ name, value }, index) => (
              <Table.Tr key={index}>
                <Table.Th scope="row" w={190} style={{ verticalAlign: 'top', overflowWrap: 'anywhere' }}>
                  {name}
                </Table.Th>
                <Table.Td>
                  <Code bg="transparent" p={0} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                    {value}
                  </Code>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </div>
  );
}
