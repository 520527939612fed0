import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { Navigate, Route, Routes, useSearchParams } from 'react-router';
import { AccountsPage } from '../accounts/AccountsPage';
import { ConnectedPage } from '../accounts/ConnectedPage';
import { ConnectPage } from '../accounts/ConnectPage';
import { isWorthRetrying } from '../api/problems';
import type { User } from '../api/types';
import { LiveProvider } from '../live/LiveProvider';
import { FirstPage } from '../mail/FirstPage';
import { MailPage } from '../mail/MailPage';
import { UserProvider } from '../session/SessionContext';
import { Shell } from '../shell/Shell';

export default function SignedInPages({ user }: { user: User }) {
  // One cache per signed-in user: nothing of one is ever shown to the next.
  const [cache] = useState(createCache);
  return (
    <QueryClientProvider client={cache}>
      <UserProvider value={user}>
        <LiveProvider>
          <Routes>
            <Route element={<Shell />}>
              <Route path="/mail" element={<FirstPage />} />
              <Route path="/mail/:view/:messageId?" element={<MailPage />} />
              <Route path="/connect" element={<ConnectPage />} />
              <Route path="/connected" element={<ConnectedPage />} />
              <Route path="/accounts" element={<AccountsPage />} />
              <Route path="*" element={<Onward />} />
            </Route>
          </Routes>
        </LiveProvider>
      </UserProvider>
    </QueryClientProvider>
  );
}

/** To where the reader wanted to go before signing in. */
function Onward() {
  const [params] = useSearchParams();
  const next = params.get('next') ?? '';
  return <Navigate to={next.startsWith('/') && !next.startsWith('//') ? next : '/mail'} replace />;
}

function createCache(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 60_000,
        refetchOnWindowFocus: false, // live changes do that better
        retry: (failures, error) => failures < 2 && isWorthRetrying(error),
      },
    },
  });
}
