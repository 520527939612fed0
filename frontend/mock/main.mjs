// A stand-in for the API, for work on the page alone: npm run mock [-- --port 7071 --page http://127.0.0.1:5173]
// --messages 600   how many the mailbox holds       --seconds 8   how long the first sync takes
// --every 0        seconds between two new messages  --no-push     let the page poll
import { parseArgs } from 'node:util';
import { startMock } from './server.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7071' },
    page: { type: 'string', default: 'http://127.0.0.1:5173' },
    messages: { type: 'string', default: '600' },
    seconds: { type: 'string', default: '8' },
    every: { type: 'string', default: '0' },
    'no-push': { type: 'boolean', default: false },
  },
});

const mock = await startMock({
  port: Number(values.port),
  page: values.page,
  messages: Number(values.messages),
  syncSeconds: Number(values.seconds),
  push: !values['no-push'],
});
console.log(`The API's stand-in: ${mock.url}/api`);
console.log(`Let a message arrive: curl -X POST ${mock.url}/mock/deliver -d '{"subject": "Hello"}'`);

const every = Number(values.every);
if (every > 0) setInterval(() => mock.deliver({}), every * 1000);
