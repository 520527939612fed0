import { json, problem } from './server.mjs';

const ID = '([0-9a-f-]{36})';
const at = (path) => new RegExp(`^/api${path}$`);

/** [method, path, act]: each act answers one request. */
export function routesOf(world, { url, page, push }) {
  const signedIn = (act) => (call) =>
    world.isSignedIn(call.request.headers.authorization)
      ? act(call)
      : problem(call.response, 401, 'unauthenticated', 'Sign in first.');
  const read = (find) =>
    signedIn((call) => {
      const found = find(call);
      if (found === null) return problem(call.response, 404, 'not_found', 'There is no such thing.');
      json(call.response, found);
    });
  return [
    ...authRoutes(world),
    ['GET', at('/me'), read(() => world.user)],
    ['GET', at('/accounts'), read(() => ({ items: world.accounts }))],
    ['POST', at('/accounts/connect/outlook'), read(() => ({ authorization_url: `${url}/mock/consent` }))],
    ['GET', at(`/accounts/${ID}`), read(({ id }) => world.account(id))],
    ['DELETE', at(`/accounts/${ID}`), signedIn(({ response, id }) => disconnect(world, response, id))],
    ['GET', at(`/accounts/${ID}/sync`), read(({ id }) => world.account(id) && world.progress())],
    ['POST', at(`/accounts/${ID}/sync`), read(() => world.startSync())],
    ['GET', at(`/accounts/${ID}/audits`), read(() => ({ items: world.audits, next_cursor: null }))],
    ['POST', at(`/accounts/${ID}/audit`), read(({ id }) => world.startAudit(id))],
    ['GET', at(`/accounts/${ID}/audits/${ID}/report`), signedIn(({ response }) => sendReport(response))],
    ['GET', at(`/accounts/${ID}/folders`), read(() => ({ items: world.folders() }))],
    ['GET', at(`/accounts/${ID}/problems`), read(() => ({ pages: [], jobs: [], messages: [] }))],
    ['GET', at('/messages'), read(({ query }) => world.page(query))],
    [
      'GET',
      at(`/messages/${ID}`),
      read(({ id, query }) => world.detail(id, query.get('remote_images') === 'true')),
    ],
    ['GET', at(`/threads/${ID}`), read(({ id }) => ({ id, items: world.thread(id) }))],
    ['GET', at(`/messages/${ID}/attachments/${ID}`), signedIn((call) => sendAttachment(world, call))],
    ['GET', at('/changes'), signedIn((call) => sendChanges(world, call))],
    ['POST', at('/push/negotiate'), read(() => connection(url, push))],
    ['GET', /^\/mock\/consent$/, ({ response }) => consentPage(response)],
    [
      'GET',
      /^\/mock\/(accept|decline)$/,
      ({ response, id }) => {
        const end = id === 'accept' ? `account=${world.connect().id}` : 'error=denied';
        response.writeHead(302, { location: `${page}/connected?${end}` }).end();
      },
    ],
    ['POST', /^\/mock\/deliver$/, ({ response, body }) => json(response, world.deliver(body), 201)],
    ['POST', /^\/mock\/state$/, ({ response, body }) => json(response, world.becomes(body))],
  ];
}

function authRoutes(world) {
  const begin = (response, status = 200) => {
    const session = world.beginSession();
    const cookie = `refresh_token=${session.refreshToken}; HttpOnly; Path=/api/auth; SameSite=Lax`;
    response.setHeader('set-cookie', cookie);
    json(response, session.reply, status);
  };
  return [
    [
      'POST',
      at('/auth/signup'),
      ({ response, body }) => {
        if (world.users.has(body.email.toLowerCase())) {
          return problem(response, 409, 'email_taken', 'This e-mail address is taken.', [
            { field: 'email', message: 'Somebody signed up with this address.' },
          ]);
        }
        world.signUp(body);
        begin(response, 201);
      },
    ],
    [
      'POST',
      at('/auth/login'),
      ({ response, body }) =>
        world.logIn(body)
          ? begin(response)
          : problem(response, 401, 'invalid_credentials', 'The e-mail address or the password is wrong.'),
    ],
    [
      'POST',
      at('/auth/refresh'),
      ({ request, response }) =>
        world.mayRefresh(request.headers.cookie)
          ? begin(response)
          : problem(response, 401, 'unauthenticated', 'Sign in first.'),
    ],
    [
      'POST',
      at('/auth/logout'),
      ({ response }) => {
        world.endSession();
        response.writeHead(204, { 'set-cookie': 'refresh_token=; Max-Age=0; Path=/api/auth' }).end();
      },
    ],
  ];
}

function disconnect(world, response, id) {
  world.disconnect(id);
  response.writeHead(204).end();
}

function connection(url, push) {
  if (!push) return { url: null, protocol: null };
  return { url: `${url.replace('http', 'ws')}/client/hubs/mail`, protocol: 'json.webpubsub.azure.v1' };
}

function sendAttachment(world, { response, id, otherId }) {
  const file = world.attachment(id, otherId);
  if (!file) return problem(response, 404, 'not_found', 'There is no such thing.');
  response.writeHead(200, { 'content-type': file.content_type }).end(file.content);
}

function sendReport(response) {
  response.writeHead(200, { 'content-type': 'application/jose' }).end('e30.e30.signature');
}

async function sendChanges(world, { request, response, query }) {
  const after = Number(query.get('after') ?? world.changes.length);
  const limit = Number(query.get('limit') ?? 200);
  const gone = new AbortController();
  request.on('close', () => gone.abort());
  await world.changeAfter(after, Number(query.get('wait_seconds') ?? 0), gone.signal);
  const items = world.changes.slice(after, after + limit);
  const position = items.at(-1)?.position ?? after;
  json(response, { items, position, has_more: position < world.changes.length });
}

function consentPage(response) {
  response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>Permission</title>
    <h1>Let Email Core read your mail?</h1>
    <p><a href="/mock/accept">Accept</a> <a href="/mock/decline">Decline</a></p>`);
}
