import { Center, Loader } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes, useLocation } from 'react-router';
import { Failure } from '../shell/Failure';
import { LogInPage } from '../session/LogInPage';
import { useSession, useSessionState } from '../session/SessionContext';
import { SignUpPage } from '../session/SignUpPage';

const SignedInPages = lazy(() => import('./SignedInPages'));

export function Pages() {
  const session = useSession();
  const state = useSessionState();
  if (state.status === 'unknown') return <Waiting />;
  if (state.status === 'unreachable') {
    return <Failure error={state.error} retry={() => void session.restore()} fullPage />;
  }
  if (state.status === 'signed-out') return <SignedOutPages />;
  return (
    <Suspense fallback={<Waiting />}>
      <SignedInPages key={state.user.id} user={state.user} />
    </Suspense>
  );
}

function SignedOutPages() {
  const { pathname, search } = useLocation();
  const wanted = pathname === '/' ? '' : `?next=${encodeURIComponent(pathname + search)}`;
  return (
    <Routes>
      <Route path="/login" element={<LogInPage />} />
      <Route path="/signup" element={<SignUpPage />} />
      <Route path="*" element={<Navigate to={`/login${wanted}`} replace />} />
    </Routes>
  );
}

function Waiting() {
  return (
    <Center h="100dvh">
      <Loader type="dots" aria-label="Loading" />
    </Center>
  );
}
