import { afterEach, expect, it, vi } from 'vitest';
import { createApi, dataOf } from '../api/client';
import type { Change } from '../api/types';
import { ApiProblem } from '../api/problems';
import { Session } from '../session/session';
import { startServer } from '../testing/server';
import { eventually } from '../testing/eventually';
import { Feed, type FeedPorts, type FeedState } from './feed';

type Server = Awaited<ReturnType<typeof startServer>>;

const QUICK = {
  longPollSeconds: 1,
  quietSeconds: 60,
  firstRetrySeconds: 0.05,
  lastRetrySeconds: 0.2,
  restSeconds: 0,
};

const followers: AbortController[] = [];

afterEach(() => {
  for (const stop of followers.splice(0)) stop.abort();
});

/** A feed of a signed-in user with a mailbox, and what it saw. */
async function follow({
  push = true,
  ports = {},
  beforeNegotiation = () => undefined,
}: {
  push?: boolean;
  ports?: Partial<FeedPorts>;
  beforeNegotiation?: (server: Server) => void;
} = {}) {
  const server = await startServer({ push, messages: 3, syncSeconds: 0.05 });
  const session = new Session(`${server.url}/api`);
  await session.signUp({ email: 'ada@example.com', password: 'long enough', name: '' });
  session.close();
  server.world.connect();
  await eventually(() => expect(server.world.progress()?.state).toBe('completed'));

  const api = createApi(`${server.url}/api`, session.accessToken);
  const states: FeedState[] = [];
  const changes: Change[] = [];
  const startOver = vi.fn();
  const stop = new AbortController();
  followers.push(stop);
  const all: FeedPorts = {
    changes: (query, signal) => dataOf(api.GET('/changes', { params: { query }, signal })),
    negotiate: (signal) => {
      beforeNegotiation(server);
      return dataOf(api.POST('/push/negotiate', { signal }));
    },
    apply: (some) => Promise.resolve(void changes.push(...some)),
    startOver,
    become: (state) => states.at(-1) !== state && states.push(state),
    ...ports,
  };
  void new Feed(all, stop.signal, QUICK).run();
  return { server, states, changes, startOver, all };
}

const becomes = (states: FeedState[], state: FeedState) =>
  eventually(() => expect(states.at(-1)).toBe(state));

const sees = (changes: Change[], ids: string[]) =>
  eventually(() => expect(changes.map((change) => change.message_id)).toEqual(ids));

it('brings a change by push, and nothing of what was before', async () => {
  const { server, states, changes } = await follow();
  await becomes(states, 'push');
  const { id } = server.deliver({});
  await sees(changes, [id]);
});

it('brings what changed while the socket was being opened', async () => {
  const delivered: string[] = [];
  const { changes } = await follow({
    beforeNegotiation: (server) => {
      if (delivered.length === 0) delivered.push(server.deliver({}).id);
    },
  });
  await eventually(() => expect(delivered).toHaveLength(1));
  await sees(changes, delivered);
});

it('polls where there is no push', async () => {
  const { server, states, changes } = await follow({ push: false });
  await becomes(states, 'polling');
  const first = server.deliver({});
  await sees(changes, [first.id]);
  const second = server.deliver({});
  await sees(changes, [first.id, second.id]);
});

it('misses nothing while the socket is down, and returns to push', async () => {
  const { server, states, changes } = await follow();
  await becomes(states, 'push');
  server.dropSockets();
  const { id } = server.deliver({});
  await sees(changes, [id]);
  await becomes(states, 'push');
  const second = server.deliver({});
  await sees(changes, [id, second.id]);
});

it('polls when push cannot be negotiated', async () => {
  const negotiate = () => Promise.reject(new ApiProblem(503, {}));
  const { server, states, changes } = await follow({ ports: { negotiate } });
  await becomes(states, 'polling');
  const { id } = server.deliver({});
  await sees(changes, [id]);
});

it('polls when the socket cannot be opened', async () => {
  const nobody = await startServer();
  await nobody.close();
  const negotiate = () =>
    Promise.resolve({ url: nobody.url.replace('http', 'ws'), protocol: 'json.webpubsub.azure.v1' });
  const { server, states, changes } = await follow({ ports: { negotiate } });
  await becomes(states, 'polling');
  const { id } = server.deliver({});
  await sees(changes, [id]);
});

it('applies the same changes again when applying them failed', async () => {
  let failures = 1;
  const applied: Change[] = [];
  const apply = (some: readonly Change[]) => {
    if (failures-- > 0) return Promise.reject(new ApiProblem(503, {}));
    applied.push(...some);
    return Promise.resolve();
  };
  const { server, states } = await follow({ ports: { apply } });
  await becomes(states, 'push');
  const { id } = server.deliver({});
  await sees(applied, [id]);
});

it('starts over when the log no longer reaches back', async () => {
  let isExpired = false;
  const { server, states, startOver, changes, all } = await follow({ push: false });
  const ask = all.changes.bind(all);
  all.changes = (query, signal) => {
    if (!isExpired || query.after === undefined) return ask(query, signal);
    isExpired = false;
    return Promise.reject(new ApiProblem(410, {}));
  };
  await becomes(states, 'polling');
  isExpired = true;
  await eventually(() => expect(startOver).toHaveBeenCalledTimes(1));
  const { id } = server.deliver({});
  await sees(changes, [id]);
});

it('says that it is offline, and goes on when the server is back', async () => {
  let isDown = true;
  const { states, startOver, all } = await follow({
    ports: { changes: () => Promise.reject(new TypeError('no network')) },
  });
  await becomes(states, 'offline');
  all.changes = () => {
    isDown = false;
    return Promise.resolve({ items: [], position: 0, has_more: false });
  };
  await eventually(() => expect(isDown).toBe(false));
  await eventually(() => expect(states).toContain('polling'));
  expect(startOver).toHaveBeenCalledTimes(1);
});
