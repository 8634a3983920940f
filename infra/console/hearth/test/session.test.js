import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { HearthSession } from "../hearth.js";

/** A socket whose other end is the test. */
class FakeSocket {
  static all = [];
  readyState = 0;
  sent = [];
  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  opens() {
    this.readyState = 1;
    this.onopen();
  }
  says(...frames) {
    for (const frame of frames) this.onmessage({ data: JSON.stringify(frame) });
  }
  closes(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
  /** What was sent of a type, or all. */
  of(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

const answer = { type: "session", sessionId: "s1", userId: "ann", resumed: false, lastSeq: 0 };
const output = (seq, payload = "x") => ({ type: "data", seq, payload });
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

beforeEach(() => {
  FakeSocket.all = [];
  mock.restoreAll();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1 });
  mock.method(Math, "random", () => 0.5);
});

async function start(options = {}) {
  const session = new HearthSession({ url: "ws://gateway/ws", WebSocket: FakeSocket, ...options });
  const events = [];
  for (const name of ["data", "bytes", "gap", "reconnecting", "ended", "drain", "ready", "error"]) session.on(name, (event) => { events.push([name, event]); });
  await settled();
  return { session, events, socket: FakeSocket.all.at(-1) };
}

async function attached(options) {
  const all = await start(options);
  all.socket.opens();
  all.socket.says(answer);
  return all;
}

/** Lets the time of the next attempt come and gives its socket. */
async function next(ms = 10_000) {
  const before = FakeSocket.all.length;
  mock.timers.tick(ms);
  await settled();
  assert.equal(FakeSocket.all.length, before + 1, "one more socket");
  return FakeSocket.all.at(-1);
}

test("the first frame is hello, with the token beside it and the window in it", async () => {
  const { session, socket } = await start({ token: async () => "jwt", window: { cols: 100, rows: 40 } });
  assert.deepEqual(socket.protocols, ["hearth.v1", "bearer.jwt"]);
  socket.opens();
  assert.deepEqual(socket.sent, [{ type: "hello", lastSeq: 0, acks: true, acksInData: true, window: { cols: 100, rows: 40 } }]);
  socket.says(answer);
  assert.equal(session.id, "s1");
});

test("the trace is named in every hello, for a header cannot be set", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { socket } = await attached({ traceparent });
  socket.closes();
  const again = await next();
  again.opens();
  assert.deepEqual([socket, again].map((each) => each.of("hello")[0].traceparent), [traceparent, traceparent]);
});

test("inputs are numbered, kept until the agent has them, and sent again on the next socket", async () => {
  const { session, socket } = await start();
  session.send("before the socket");
  socket.opens();
  socket.says({ ...answer, lastSeq: 7 }); // a session that was begun elsewhere
  session.send({ any: "JSON" });
  session.send("three");
  assert.deepEqual(socket.of("data"), [
    { type: "data", seq: 8, payload: "before the socket" }, { type: "data", seq: 9, payload: { any: "JSON" } }, { type: "data", seq: 10, payload: "three" },
  ]);
  socket.says({ type: "ack", seq: 8 });
  socket.closes();
  const again = await next();
  again.opens();
  again.says({ ...answer, resumed: true, lastSeq: 9 }); // one ack was lost
  assert.deepEqual(again.of("data"), [{ type: "data", seq: 10, payload: "three" }]);
  assert.equal(again.of("hello")[0].sessionId, "s1");
});

test("send refuses what would not fit, and drain says when to go on", async () => {
  const { session, events, socket } = await attached();
  const big = "é".repeat(60_000); // 120,000 bytes
  assert.equal(session.send(big), true);
  assert.equal(session.send(big), false);
  assert.equal(events.length, 0);
  socket.says({ type: "ack", seq: 1 });
  assert.deepEqual(events.map(([name]) => name), ["drain"]);
  assert.equal(session.send(big), true);
  assert.equal(session.send("x".repeat(1 << 20)), false);
  socket.says({ type: "ack", seq: 2 });
  assert.equal(session.send("x".repeat(1 << 20)), true, "one alone may be as large as the gateway takes");
});

test("acks are cumulative: after some outputs, some KiB or 150 ms", async () => {
  const { socket } = await attached();
  for (let seq = 1; seq <= 31; seq++) socket.says(output(seq));
  assert.deepEqual(socket.of("ack"), []);
  mock.timers.tick(149);
  assert.deepEqual(socket.of("ack"), []);
  mock.timers.tick(1);
  assert.deepEqual(socket.of("ack"), [{ type: "ack", seq: 31 }]);
  for (let seq = 32; seq <= 63; seq++) socket.says(output(seq));
  assert.equal(socket.of("ack").at(-1).seq, 63);
  socket.says(output(64, "x".repeat(16 * 1024)));
  assert.equal(socket.of("ack").at(-1).seq, 64);
  mock.timers.tick(1000);
  assert.equal(socket.of("ack").length, 3, "nothing is acknowledged twice");
});

test("an ack goes with the next input, to a gateway that reads it there", async () => {
  const { session, socket } = await attached();
  const answered = (lastSeq) => ({ ...answer, acksInData: true, lastSeq });
  socket.says(output(1));
  session.send("to one that does not");
  socket.says(answered(1), output(2));
  session.send("a");
  session.send("b");
  assert.deepEqual(socket.of("data"), [
    { type: "data", seq: 1, payload: "to one that does not" },
    { type: "data", seq: 2, ack: 2, payload: "a" },
    { type: "data", seq: 3, payload: "b" },
  ]);
  mock.timers.tick(1000);
  assert.deepEqual(socket.of("ack"), [], "it was acknowledged by then");
});

test("an ack that comes with an output is one", async () => {
  const { session, socket, events } = await attached();
  const acks = [];
  session.on("ack", (frame) => acks.push(frame));
  const big = "x".repeat(200 * 1024);
  assert.equal(session.send(big), true);
  assert.equal(session.send(big), false);
  socket.says({ ...output(1), ack: 1 });
  assert.deepEqual(acks, [{ type: "ack", seq: 1 }]);
  assert.deepEqual(events.map(([name]) => name), ["drain", "data"]);
  assert.deepEqual(events[1][1], output(1));
});

test("an output is acknowledged once its handler's promise is settled, and those of all before it", async () => {
  const { session, socket } = await attached();
  const done = [];
  session.on("data", ({ seq }) => new Promise((resolve) => (done[seq] = resolve)));
  socket.says(output(1), output(2));
  done[2]();
  await settled();
  mock.timers.tick(50);
  assert.equal(session.handled, 0);
  assert.deepEqual(socket.of("ack"), []);
  socket.closes(); // what was not handled is asked for again, and passed over
  const again = await next();
  again.opens();
  assert.equal(again.of("hello")[0].lastSeq, 0);
  again.says(answer, output(1), output(2));
  assert.equal(done.length, 3);
  done[1]();
  await settled();
  mock.timers.tick(150);
  assert.equal(session.handled, 2);
  assert.deepEqual(again.of("ack"), [{ type: "ack", seq: 2 }]);
});

test("an output comes once and in order; a hole has it replayed; a gap is told", async () => {
  const { events, socket } = await attached();
  socket.says(output(1), output(1), { type: "bytes", seq: 2, base64: "/w==" }, output(4));
  assert.deepEqual(events.map(([name, { seq }]) => [name, seq]), [["data", 1], ["bytes", 2], ["reconnecting", undefined]]);
  const again = await next();
  again.opens();
  assert.equal(again.of("hello")[0].lastSeq, 2);
  again.says({ ...answer, resumed: true }, { type: "gap", from: 1, to: 3 }, output(4));
  assert.deepEqual(events.slice(3), [["gap", { type: "gap", from: 3, to: 3 }], ["data", output(4)]]);
});

test("a handler that fails is reported, and loses nobody an output", async () => {
  const { session, events, socket } = await attached();
  const uncaught = [];
  mock.method(globalThis, "queueMicrotask", (task) => assert.throws(task, (error) => !!uncaught.push(error.message)));
  session.on("data", () => {
    throw new Error("mine");
  });
  session.on("data", async () => {
    throw new Error("later");
  });
  socket.says(output(1));
  await settled();
  socket.says(output(2));
  await settled();
  assert.deepEqual(uncaught, ["mine", "later", "mine", "later"]);
  assert.equal(events.length, 2);
  assert.equal(session.handled, 2);
});

test("it backs off with jitter, at once after a drain, and from the start after a good socket", async () => {
  const { events, socket } = await start();
  const delays = () => events.filter(([name]) => name === "reconnecting").map(([, { delayMs }]) => delayMs);
  let current = socket;
  for (let i = 0; i < 8; i++) {
    current.closes();
    current = await next();
  }
  assert.deepEqual(delays(), [125, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  current.opens();
  current.says(answer, { type: "ready", path: "warm", elapsedMs: 1, timings: {} }, { type: "bye", reason: "draining" });
  current.closes(1001);
  assert.equal(delays().at(-1), 0);
  current = await next(0);
  current.closes();
  assert.equal(delays().at(-1), 250);
});

test("a silent gateway is given up for another socket", async () => {
  const { events, socket } = await attached();
  mock.timers.tick(20_000);
  assert.equal(socket.of("ping").length, 1);
  mock.timers.tick(40_000);
  assert.equal(events.at(-1)[0], "reconnecting");
  assert.equal(socket.readyState, 3);
});

test("a token that expires is replaced, on the socket and before the next one", async () => {
  let n = 0;
  const { socket } = await attached({ token: () => "token" + ++n });
  socket.says({ type: "error", code: "unauthenticated", message: "expired", retryable: true });
  await settled();
  assert.deepEqual(socket.of("token"), [{ type: "token", token: "token2" }]);
  socket.closes();
  assert.deepEqual((await next()).protocols, ["hearth.v1", "bearer.token3"]);
});

test("a token that cannot be had is asked for again", async () => {
  let n = 0;
  const { events } = await start({ token: async () => (n++ ? "jwt" : Promise.reject(new Error("offline"))) });
  assert.equal(events[0][1].cause, "Error: offline");
  assert.deepEqual((await next()).protocols, ["hearth.v1", "bearer.jwt"]);
});

for (const [code, bye, reason] of [
  [1000, "idle_timeout", "idle_timeout"], [1000, "replaced", "replaced"], [4401, "token_expired", "token_expired"],
  [4401, null, "unauthenticated"], [4404, null, "session_not_found"], [1008, null, "not_allowed"], [1009, null, "frame_too_large"],
]) {
  test(`it ends with ${reason} after ${bye ? "bye " + bye : "close code " + code}`, async () => {
    const { session, events, socket } = await attached();
    if (bye) socket.says({ type: "bye", reason: bye });
    socket.closes(code);
    assert.deepEqual(events, [["ended", { reason }]]);
    assert.equal(session.send("too late"), false);
    mock.timers.tick(60_000);
    await settled();
    assert.equal(FakeSocket.all.length, 1);
  });
}

test("end closes the session, also one whose socket is away; detach leaves it", async () => {
  const { session, events, socket } = await attached();
  socket.closes();
  session.end();
  const again = await next();
  again.opens();
  again.says({ ...answer, resumed: true });
  assert.deepEqual(again.of("close"), [{ type: "close" }]);
  again.says({ type: "bye", reason: "closed" });
  again.closes(1000);
  assert.deepEqual(events.at(-1), ["ended", { reason: "closed" }]);

  const other = await attached();
  other.session.detach();
  assert.deepEqual(other.events.at(-1), ["ended", { reason: "detached" }]);
});

test("the window, a signal and the end of input go out; the last two outlive a socket only where they must", async () => {
  const { session, socket } = await attached();
  session.resize(90, 30);
  session.signal("INT");
  session.eof();
  assert.deepEqual(socket.sent.slice(1), [{ type: "resize", cols: 90, rows: 30 }, { type: "signal", name: "INT" }, { type: "eof" }]);
  socket.closes();
  session.signal("TERM");
  const again = await next();
  again.opens();
  again.says({ ...answer, resumed: true }, { type: "ping", id: "p" });
  assert.deepEqual(again.sent.slice(1), [{ type: "eof" }, { type: "pong", id: "p" }]);
  assert.deepEqual(again.sent[0].window, { cols: 90, rows: 30 });
});
