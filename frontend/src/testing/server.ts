import { WebSocket } from 'ws';
import { onTestFinished, vi } from 'vitest';
import { startMock, type Mock, type MockOptions } from '../../mock/server.mjs';

/** The API's stand-in on a free port, with a `fetch` that keeps cookies as a browser does, and a WebSocket. */
export async function startServer(options: MockOptions = {}): Promise<Mock & { requests: string[] }> {
  const mock = await startMock(options);
  const requests: string[] = [];
  let cookie = '';
  const plainFetch = globalThis.fetch;
  vi.stubGlobal('fetch', async (input: Request) => {
    requests.push(`${input.method} ${new URL(input.url).pathname}`);
    if (input.credentials === 'include' && cookie) input.headers.set('cookie', cookie);
    const response = await plainFetch(input);
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    return response;
  });
  vi.stubGlobal('WebSocket', WebSocket); // jsdom's own cannot dispatch its events under Vitest
  onTestFinished(() => mock.close());
  return Object.assign(mock, { requests });
}
