import { MantineProvider } from '@mantine/core';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../testing/server';
import { Session } from './session';
import { SessionProvider } from './SessionContext';
import { SignUpPage } from './SignUpPage';

async function open() {
  const server = await startServer();
  const session = new Session(`${server.url}/api`);
  onTestFinished(() => session.close());
  render(
    <MantineProvider>
      <SessionProvider value={session}>
        <MemoryRouter>
          <SignUpPage />
        </MemoryRouter>
      </SessionProvider>
    </MantineProvider>,
  );
  const fill = async (email: string, password: string) => {
    await userEvent.type(screen.getByRole('textbox', { name: 'E-mail address' }), email);
    await userEvent.type(screen.getByLabelText(/^Password/, { selector: 'input' }), password);
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }));
  };
  return { server, session, fill };
}

it('signs up', async () => {
  const { session, fill } = await open();
  await fill('ada@example.com', 'long enough');
  await waitFor(() => expect(session.state.status).toBe('signed-in'));
});

it('says beside the field that the password is too short, and asks no server', async () => {
  const { server, fill } = await open();
  await fill('ada@example.com', 'short');
  expect(screen.getByText('Use at least 10 characters.')).toBeVisible();
  expect(screen.getByLabelText(/^Password/, { selector: 'input' })).toHaveFocus();
  expect(server.requests).toEqual([]);
});

it('shows the error of the server beside its field, until the field is changed', async () => {
  const { server, fill } = await open();
  server.world.signUp({ email: 'ada@example.com', password: 'long enough' });
  await fill('ada@example.com', 'long enough');
  const email = screen.getByRole('textbox', { name: 'E-mail address' });
  await waitFor(() => expect(email).toHaveAccessibleDescription('Somebody signed up with this address.'));
  expect(email).toHaveFocus();
  await userEvent.type(email, 'x');
  expect(email).not.toHaveAccessibleDescription();
});

it('says when the server cannot be reached', async () => {
  const { server, fill } = await open();
  await server.close();
  await fill('ada@example.com', 'long enough');
  expect(await screen.findByRole('alert')).toHaveTextContent('The server cannot be reached.');
});
