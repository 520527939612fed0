import { reach } from '../api/client';
import { isWorthRetrying, problemFrom } from '../api/problems';
import type { LogIn, SessionReply, SignUp, User } from '../api/types';

export type SessionState =
  | { status: 'unknown' }
  | { status: 'unreachable'; error: unknown }
  | { status: 'signed-out' }
  | { status: 'signed-in'; user: User };

/** A token is renewed this long before it ends, so that it does not end on the way. */
const RENEWAL_MARGIN_SECONDS = 60;
const TAB_CHANNEL = 'email-core-session';
const RENEWAL_LOCK = 'email-core-session-renewal';

/**
 * Who is signed in. The access token lives in this object alone; the refresh token in a cookie that scripts cannot
 * see. The refresh token changes with every use, so renewals are single-flight here and one after the other across
 * tabs; tabs tell each other of signing in and out.
 */
export class Session {
  readonly #authUrl: string;
  readonly #listeners = new Set<() => void>();
  readonly #otherTabs = new BroadcastChannel(TAB_CHANNEL);
  #state: SessionState = { status: 'unknown' };
  #token: { value: string; goodUntil: number } | null = null;
  #renewal: Promise<string | null> | null = null;

  constructor(apiBaseUrl: string) {
    this.#authUrl = `${apiBaseUrl}/auth`;
    this.#otherTabs.onmessage = () => void this.restore();
  }

  get state(): SessionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Find out from the cookie who is signed in. */
  restore = async (): Promise<void> => {
    try {
      await this.#renew();
    } catch (error) {
      this.#become({ status: 'unreachable', error });
    }
  };

  /** A token that is good for a while; `stale` names one that the API refused. Null when nobody is signed in. */
  accessToken = async (stale?: string): Promise<string | null> => {
    if (this.#token && this.#token.value !== stale && Date.now() < this.#token.goodUntil) {
      return this.#token.value;
    }
    return this.#state.status === 'signed-out' ? null : this.#renew();
  };

  async signUp(body: SignUp): Promise<void> {
    this.#begin(await this.#ask('signup', body));
    this.#otherTabs.postMessage('signed-in');
  }

  async logIn(body: LogIn): Promise<void> {
    this.#begin(await this.#ask('login', body));
    this.#otherTabs.postMessage('signed-in');
  }

  async logOut(): Promise<void> {
    await this.#post('logout');
    this.#end();
    this.#otherTabs.postMessage('signed-out');
  }

  close(): void {
    this.#otherTabs.close();
  }

  #renew(): Promise<string | null> {
    this.#renewal ??= inTurn(() => this.#refresh()).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #refresh(): Promise<string | null> {
    try {
      return this.#begin(await this.#ask('refresh'));
    } catch (error) {
      if (isWorthRetrying(error)) throw error;
      this.#end();
      return null;
    }
  }

  #begin(reply: SessionReply): string {
    const lifetimeSeconds = Math.max(reply.expires_in - RENEWAL_MARGIN_SECONDS, reply.expires_in / 2);
    this.#token = { value: reply.access_token, goodUntil: Date.now() + lifetimeSeconds * 1000 };
    this.#become({ status: 'signed-in', user: reply.user });
    return reply.access_token;
  }

  #end(): void {
    this.#token = null;
    this.#become({ status: 'signed-out' });
  }

  #become(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  async #ask(action: string, body?: object): Promise<SessionReply> {
    const response = await this.#post(action, body);
    return (await response.json()) as SessionReply;
  }

  async #post(action: string, body?: object): Promise<Response> {
    const request = new Request(`${this.#authUrl}/${action}`, {
      method: 'POST',
      credentials: 'include',
      ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const response = await reach(request);
    if (!response.ok) throw await problemFrom(response);
    return response;
  }
}

/** One after the other over all tabs, where the browser can (it can wherever the page came over HTTPS). */
async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (!('locks' in navigator)) return work();
  // Two awaits: what the types know of the lock's promise differs from what it resolves to.
  const result: Result = await navigator.locks.request(RENEWAL_LOCK, work);
  return result;
}
