// A relay as one writes it in an afternoon: a socket to the upstream for each client, and every frame parsed, looked at and
// printed again on its way.
import { WebSocket, WebSocketServer } from 'ws';

const [listen, upstream] = process.argv.slice(2);
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(listen), perMessageDeflate: false });

server.on('connection', (client) => {
  const task = new WebSocket(upstream, { perMessageDeflate: false });
  const early = [];
  const pass = (to) => (raw) => {
    const frame = JSON.parse(raw);
    if (frame.type === 'data') to.send(JSON.stringify(frame));
  };
  client.on('message', (raw) => (task.readyState === WebSocket.OPEN ? pass(task)(raw) : early.push(raw)));
  task.on('open', () => early.splice(0).forEach(pass(task)));
  task.on('message', pass(client));
  client.on('close', () => task.close());
  task.on('close', () => client.close());
  client.on('error', () => task.terminate());
  task.on('error', () => client.terminate());
});
server.on('listening', () => console.log('relay: listening'));
