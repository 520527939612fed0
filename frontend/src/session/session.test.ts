import { expect, it, onTestFinished, vi } from 'vitest';
import { createApi, dataOf } from '../api/client';
import { ApiProblem, ApiUnreachable } from '../api/problems';
import { startServer } from '../testing/server';
import { eventually } from '../testing/eventually';
import { Session } from './session';

const ADA = { email: 'ada@example.com', password: 'long enough', name: 'Ada' };

/** A tab's session, which stops listening to other tabs when the test is over. */
function openTab(url: string): Session {
  const session = new Session(`${url}/api`);
  onTestFinished(() => session.close());
  return session;
}

async function signedUp() {
  const server = await startServer();
  const session = openTab(server.url);
  await session.signUp(ADA);
  return { server, session, api: createApi(`${server.url}/api`, session.accessToken) };
}

const count = (requests: string[], request: string) => requests.filter((made) => made === request).length;

it('knows who is signed in from the cookie alone', async () => {
  const { server } = await signedUp();
  const later = openTab(server.url);
  expect(later.state.status).toBe('unknown');
  await later.restore();
  expect(later.state).toMatchObject({ status: 'signed-in', user: { email: ADA.email } });
});

it('is signed out where there is no cookie', async () => {
  const server = await startServer();
  const session = openTab(server.url);
  await session.restore();
  expect(session.state.status).toBe('signed-out');
  expect(await session.accessToken()).toBeNull();
});

it('does not take an unreachable server for being signed out', async () => {
  const { server } = await signedUp();
  await server.close();
  const session = openTab(server.url);
  await session.restore();
  expect(session.state).toMatchObject({
    status: 'unreachable',
    error: expect.any(ApiUnreachable) as unknown,
  });
});

it('makes a refused call once more with a fresh token', async () => {
  const { server, api } = await signedUp();
  server.world.expireToken();
  const me = await dataOf(api.GET('/me'));
  expect(me.email).toBe(ADA.email);
  expect(count(server.requests, 'POST /api/auth/refresh')).toBe(1);
});

it('renews once for many calls at once', async () => {
  const { server, api } = await signedUp();
  server.world.expireToken();
  await Promise.all([1, 2, 3, 4, 5].map(() => dataOf(api.GET('/me'))));
  expect(count(server.requests, 'POST /api/auth/refresh')).toBe(1);
});

it('renews a token before it ends', async () => {
  const { server, session } = await signedUp();
  await session.accessToken();
  expect(count(server.requests, 'POST /api/auth/refresh')).toBe(0);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 845_000);
  await session.accessToken();
  expect(count(server.requests, 'POST /api/auth/refresh')).toBe(1);
});

it('signs out when the cookie is no longer good', async () => {
  const { session, api } = await signedUp();
  await session.logOut();
  expect(session.state.status).toBe('signed-out');
  await expect(dataOf(api.GET('/me'))).rejects.toMatchObject({ status: 401 });
});

it('tells the other tabs of signing in and out', async () => {
  const { server, session } = await signedUp();
  const otherTab = openTab(server.url);
  await otherTab.restore();
  await session.logOut();
  await eventually(() => expect(otherTab.state.status).toBe('signed-out'));
  await session.logIn(ADA);
  await eventually(() => expect(otherTab.state.status).toBe('signed-in'));
});

it('says which field was wrong', async () => {
  const { session } = await signedUp();
  const again = session.signUp(ADA);
  await expect(again).rejects.toBeInstanceOf(ApiProblem);
  await expect(again).rejects.toMatchObject({
    status: 409,
    code: 'email_taken',
    fieldErrors: [{ field: 'email' }],
  });
});
