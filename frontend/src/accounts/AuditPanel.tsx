import { Badge, Button, Group, List, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconDownload, IconShieldCheck } from '@tabler/icons-react';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { keys } from '../api/keys';
import { messageOf } from '../api/problems';
import { fetchAuditReport, useAudits } from '../api/queries';
import type { Account, Audit } from '../api/types';
import { mediumDate } from '../mail/dates';
import { saveFile } from '../mail/saveFile';
import { colorOf, details, verdict } from './audits';
import { isStopped } from './states';

const SHOWN = 3;

/** What comparisons of the whole mailbox with what is here have found, and a button for another one. */
export function AuditPanel({ account }: { account: Account }) {
  const { data: audits } = useAudits(account.id);
  return (
    <section aria-label="Completeness">
      <Group justify="space-between" mb={6}>
        <Title order={3} fz="sm">
          Completeness
        </Title>
        <AuditNow account={account} isRunning={audits?.[0]?.state === 'running'} />
      </Group>
      {audits?.length === 0 && (
        <Text size="sm" c="dimmed">
          Not compared with the mailbox yet. That happens once a day by itself.
        </Text>
      )}
      {audits && audits.length > 0 && (
        <List listStyleType="none" spacing={10} aria-label="Audits">
          {audits.slice(0, SHOWN).map((audit) => (
            <AuditLine key={audit.id} audit={audit} />
          ))}
        </List>
      )}
    </section>
  );
}

function AuditLine({ audit }: { audit: Audit }) {
  const more = details(audit);
  return (
    <List.Item>
      <Group justify="space-between" gap="xs">
        <div>
          <Badge size="sm" variant="dot" color={colorOf(audit)} tt="none">
            {verdict(audit)}
          </Badge>
          {more && <Text size="sm">{more}</Text>}
          <Text size="xs" c="dimmed">
            {mediumDate(audit.finished_at ?? audit.requested_at)}, {audit.requests.toLocaleString()} requests
          </Text>
        </div>
        {audit.state === 'completed' && <Report audit={audit} />}
      </Group>
    </List.Item>
  );
}

function Report({ audit }: { audit: Audit }) {
  const api = useApi();
  const download = useMutation({
    mutationFn: () => fetchAuditReport(api, audit.account_id, audit.id),
    onSuccess: (report) => saveFile(report, `audit-${audit.id}.jws`),
    onError: (error) =>
      notifications.show({ color: 'red', title: 'The report was not saved', message: messageOf(error) }),
  });
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      leftSection={<IconDownload size={14} />}
      loading={download.isPending}
      onClick={() => download.mutate()}
      aria-label={`Signed report of ${mediumDate(audit.requested_at)}`}
    >
      Signed report
    </Button>
  );
}

function AuditNow({ account, isRunning }: { account: Account; isRunning: boolean }) {
  const api = useApi();
  const cache = useQueryClient();
  const audit = useMutation({
    mutationFn: () => {
      const params = { path: { account_id: account.id } };
      return dataOf(api.POST('/accounts/{account_id}/audit', { params }));
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.audits(account.id) }),
    onError: (error) =>
      notifications.show({ color: 'red', title: 'No audit was started', message: messageOf(error) }),
  });
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconShieldCheck size={16} />}
      loading={audit.isPending || isRunning}
      disabled={isStopped(account) || account.state === 'disconnected'}
      onClick={() => audit.mutate()}
    >
      Compare now
    </Button>
  );
}
