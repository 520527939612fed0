import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { expect, it } from 'vitest';
import { ApiProvider } from '../api/ApiContext';
import { createApi } from '../api/client';
import type { Account } from '../api/types';
import { startServer } from '../testing/server';
import { accountWith } from '../testing/samples';
import { AccountCard } from './AccountCard';

async function show(health: Partial<Account>) {
  const server = await startServer({ syncSeconds: 0.05 });
  server.world.signUp({ email: 'ada@example.com', password: 'long enough' });
  const token = server.world.beginSession().reply.access_token;
  const { id } = server.world.connect();
  const api = createApi(`${server.url}/api`, () => Promise.resolve(token));
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <ApiProvider value={api}>
          <MemoryRouter>
            <AccountCard account={accountWith({ ...health, id })} />
          </MemoryRouter>
        </ApiProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return within(screen.getByRole('region', { name: 'ada@example.com' }));
}

it.each([
  ['delayed', 'Delayed'],
  ['needs_sign_in', 'Needs sign-in'],
  ['needs_admin', 'Needs an administrator'],
  ['suspended', 'Suspended'],
] as const)('raises an alert when a mailbox is %s', async (state, label) => {
  const card = await show({ state });
  expect(card.getByRole('alert', { name: label })).toBeVisible();
});

it.each(['needs_sign_in', 'needs_admin', 'suspended'] as const)(
  'offers to sign in again when it is %s',
  async (state) => {
    const card = await show({ state });
    expect(card.getByRole('button', { name: 'Sign in again' })).toBeEnabled();
  },
);

it('says that changes are fetched now and then while nobody notifies us', async () => {
  const card = await show({ notifications_problem: 'subscription_limit' });
  expect(card.getByRole('group', { name: 'How changes arrive' })).toHaveTextContent(
    'as many subscriptions as Outlook permits',
  );
});

it('tells of changes that no notification announced', async () => {
  const card = await show({ changes_unannounced: 3 });
  expect(card.getByText(/^3 changes of which Outlook had not notified us/)).toBeVisible();
});

it('compares on demand and shows what it found, with the signed report', async () => {
  const card = await show({});
  await userEvent.click(await card.findByRole('button', { name: 'Compare now' }));
  const audits = within(await card.findByRole('list', { name: 'Audits' }));
  expect(await audits.findByText(/messages match the mailbox$/)).toBeVisible();
  expect(audits.getByRole('button', { name: /^Signed report of/ })).toBeEnabled();
});
