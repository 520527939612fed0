import { WebSocket } from 'ws';
import { onTestFinished, vi } from 'vitest';
import { startMock, type Mock, type MockOptions } from '../../mock/server.mjs';

/**
 * jsdom's own WebSocket cannot dispatch its events under Vitest. In a browser, a connection that fails is closed,
 * and an error event that nobody listens to is nothing; in Node it is an uncaught exception.
 */
class BrowserSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols);
    this.on('error', () => undefined);
  }
}

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
  vi.stubGlobal('WebSocket', BrowserSocket);
  onTestFinished(() => mock.close());
  return Object.assign(mock, { requests });
}
