import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { useMemo } from 'react';
import { BrowserRouter } from 'react-router';
import { ApiProvider } from '../api/ApiContext';
import { createApi } from '../api/client';
import type { Session } from '../session/session';
import { SessionProvider } from '../session/SessionContext';
import { Pages } from './Pages';
import { theme } from './theme';

export function App({ apiBaseUrl, session }: { apiBaseUrl: string; session: Session }) {
  const api = useMemo(() => createApi(apiBaseUrl, session.accessToken), [apiBaseUrl, session]);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications position="bottom-right" />
      <SessionProvider value={session}>
        <ApiProvider value={api}>
          <BrowserRouter>
            <Pages />
          </BrowserRouter>
        </ApiProvider>
      </SessionProvider>
    </MantineProvider>
  );
}
