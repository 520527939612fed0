import { createContext, useContext, useSyncExternalStore } from 'react';
import type { User } from '../api/types';
import type { Session, SessionState } from './session';

const SessionContext = createContext<Session | null>(null);
const UserContext = createContext<User | null>(null);

export const SessionProvider = SessionContext.Provider;
export const UserProvider = UserContext.Provider;

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession outside of SessionProvider');
  return session;
}

export function useSessionState(): SessionState {
  const session = useSession();
  return useSyncExternalStore(session.subscribe, () => session.state);
}

/** The signed-in user; only where somebody is signed in. */
export function useUser(): User {
  const user = useContext(UserContext);
  if (!user) throw new Error('useUser outside of UserProvider');
  return user;
}
