import { WebSocketServer } from 'ws';

/** Accept WebSockets as Azure Web PubSub's JSON subprotocol has them, and tell each of new positions. */
export function acceptPush(server, world) {
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'json.webpubsub.azure.v1' });
  sockets.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'system', event: 'connected', userId: 'me', connectionId: '1' }));
  });
  world.onChange((position) => {
    const frame = { type: 'message', from: 'server', dataType: 'json', data: { position } };
    for (const socket of sockets.clients) socket.send(JSON.stringify(frame));
  });
  return {
    drop: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}
