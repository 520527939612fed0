import { createServer } from 'node:http';
import { routesOf } from './routes.mjs';
import { acceptPush } from './push.mjs';
import { World } from './world.mjs';

/** Start a stand-in for the API on a port of 127.0.0.1 (0: any). Everything is in memory. */
export async function startMock({ port = 0, page = '', messages = 120, syncSeconds = 1, push = true } = {}) {
  const world = new World({ messages, syncSeconds });
  const server = createServer((request, response) => void answer(request, response));
  const sockets = acceptPush(server, world);
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const routes = routesOf(world, { url, page, push });

  async function answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, url);
    allow(request, response);
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    for (const [method, pattern, act] of routes) {
      const match = method === request.method && pattern.exec(pathname);
      if (!match) continue;
      const body = await bodyOf(request);
      return act({ request, response, body, query: searchParams, id: match[1], otherId: match[2] });
    }
    problem(response, 404, 'not_found', 'There is no such thing.');
  }

  return {
    url,
    world,
    deliver: (mail) => world.deliver(mail),
    dropSockets: () => sockets.drop(),
    close: () => {
      world.stop();
      sockets.drop();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(response, body, status = 200) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function problem(response, status, code, title, errors = []) {
  const body = { type: `/problems/${code}`, title, status, errors, request_id: crypto.randomUUID() };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}

function allow(request, response) {
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-allow-headers', 'authorization, content-type');
  response.setHeader('access-control-allow-methods', 'GET, POST, PATCH, DELETE');
  response.setHeader('cache-control', 'no-store');
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : {};
}
