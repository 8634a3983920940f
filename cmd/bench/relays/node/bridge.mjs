// A bridge as one writes it in an afternoon: it dials its gateway, says who it is, starts the agent when it has a user, and
// passes lines on.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const { GATEWAY_WS_URL, TASK_ID, TASK_TOKEN, AGENT_COMMAND } = process.env;
const gateway = new WebSocket(`${GATEWAY_WS_URL}/internal/warm/${TASK_ID}`, {
  headers: { Authorization: `Bearer ${TASK_TOKEN}` },
  perMessageDeflate: false,
});
const send = (frame) => gateway.send(JSON.stringify(frame));
let agent;
let seq = 0;

gateway.on('open', () => send({ type: 'hello', taskId: TASK_ID, state: 'warm', inSeq: 0, outSeq: 0 }));
gateway.on('message', (raw) => {
  const frame = JSON.parse(raw);
  if (frame.type === 'init_user' && !agent) {
    send({ type: 'accepted', sessionId: frame.sessionId });
    agent = spawn(AGENT_COMMAND, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: agent.stdout }).on('line', (line) => send({ type: 'data', seq: ++seq, payload: line }));
    agent.on('exit', (code) => send({ type: 'exit', code }));
    send({ type: 'ready', sessionId: frame.sessionId });
  } else if (frame.type === 'data' && agent) {
    agent.stdin.write(frame.payload + '\n');
    send({ type: 'ack', seq: frame.seq });
  } else if (frame.type === 'stop') {
    process.exit(0);
  }
});
gateway.on('close', () => process.exit(1));
