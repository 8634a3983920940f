// A client for a Hearth gateway, for browsers and whatever else has WebSocket. No dependencies. docs/protocol.md is the contract.
//
//   const session = new HearthSession({ url: "wss://gateway/ws", token: () => fetchToken() });
//   session.on("ready", (frame) => …);
//   session.on("data", ({ payload, stream, more }) => …);
//   session.send("a line");
//
// It numbers what it sends and sends it again after a dropped socket. What comes is acknowledged once the handlers of "data" and
// "bytes" have returned, or, where one gives a promise, once that is settled: so a slow page slows its agent, and what a page has
// not handled is replayed to the next. A session that has dropped is gone on with until end() is called or the gateway says bye.

const ACK_EVERY = 32; // outputs
const ACK_BYTES = 16 * 1024; // characters of outputs
const ACK_AFTER = 150; // ms
const BACKOFF = { base: 250, max: 10_000 }; // ms
const STEADY = 10_000; // ms: a socket that lived for as long was a good one
const PING_EVERY = 20_000; // ms
const SILENCE = 45_000; // ms
const WINDOW = 200 * 1024; // bytes of input that wait for the agent; a gateway takes 256 KiB before it stops reading
const OPEN = 1; // WebSocket.OPEN

/** Close codes after which a session is not gone on with. */
const FINAL = new Map([[1008, "not_allowed"], [1009, "frame_too_large"], [4401, "unauthenticated"], [4404, "session_not_found"]]);

const utf8 = new TextEncoder();

export class HearthSession {
  #options;
  #handlers = new Map();
  #socket = null;
  #attached = false; // the socket's hello was answered
  #acksInData = false; // by a gateway that reads acknowledgements in data
  #retryTimer = 0;
  #watchTimer = 0;
  #attempts = 0; // to connect, since a socket was good
  #openedAt = 0;
  #heardAt = 0;
  #ending = false; // end() was called
  #ended = false;
  #bye = "";

  // Inputs. Those up to #given are the agent's; #kept has the JSON texts of those after it; those up to #sent went on this socket.
  #numbered = false; // the gateway has said from where on
  #given = 0;
  #kept = [];
  #keptBytes = 0;
  #sent = 0;
  #refused = false; // send() gave false, and "drain" is owed
  #eof = false;
  #window = null;

  // Outputs. #acked <= #handled <= #seen.
  #seen = 0; // was given to the handlers
  #handled = 0; // they have settled, and those of all before it
  #acked = 0;
  #handling = null; // settles once all that was seen is handled; null when nothing is under way
  #unacked = 0; // characters that were handled and not acknowledged
  #ackTimer = 0;

  /** @param {import("./hearth").Options} options */
  constructor(options) {
    this.#options = options;
    this.id = options.sessionId ?? "";
    this.#seen = this.#handled = options.lastSeq ?? 0;
    this.#window = options.window ?? null;
    this.#connect();
  }

  /** The last output that was handled: lastSeq for a page that goes on with the session. */
  get handled() {
    return this.#handled;
  }

  /** Calls handler for each event of that name; returns a function that takes it back. */
  on(name, handler) {
    const all = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, all.add(handler));
    return () => all.delete(handler);
  }

  /** Sends one input. False means that too much waits already, or that the session is over: try again after "drain". */
  send(payload) {
    const text = JSON.stringify(payload);
    const bytes = utf8.encode(text).length;
    if (this.#ended || (this.#keptBytes > 0 && this.#keptBytes + bytes > WINDOW)) {
      this.#refused = true;
      return false;
    }
    this.#kept.push({ text, bytes });
    this.#keptBytes += bytes;
    this.#flush();
    return true;
  }

  /** Tells the agent's terminal the size of the window, now and on every later socket. */
  resize(cols, rows) {
    this.#window = { cols, rows };
    if (this.#attached) this.#write({ type: "resize", cols, rows });
  }

  /** Sends the agent's processes a signal, such as "INT"; without a socket it is lost. */
  signal(name) {
    if (this.#attached) this.#write({ type: "signal", name });
  }

  /** Ends the agent's input after everything that was sent. */
  eof() {
    this.#eof = true;
    if (this.#attached) this.#write({ type: "eof" });
  }

  /** Replaces the user's token. Without a socket the next one is opened with what options.token gives. */
  refresh(token) {
    if (this.#attached) this.#write({ type: "token", token });
  }

  /** Ends the session and its task, once there is a socket to say so. */
  end() {
    this.#ending = true;
    if (this.#attached) this.#write({ type: "close" });
    else if (!this.id && !this.#socket) this.#finish("closed"); // it was never begun
  }

  /** Lets go of the session, which lives on at the gateway. */
  detach() {
    this.#finish("detached");
  }

  async #connect() {
    let socket;
    this.#openedAt = Infinity;
    try {
      const token = await this.#options.token?.();
      if (this.#ended) return;
      const protocols = token ? ["hearth.v1", "bearer." + token] : ["hearth.v1"];
      socket = new (this.#options.WebSocket ?? WebSocket)(this.#options.url, protocols);
    } catch (error) {
      // A WebSocket is not even made for an address that is none, or a token that no header can have: the next will be no better.
      if (error?.name === "SyntaxError") this.#finish(String(error));
      else this.#retry(String(error));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#heard(socket, data);
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
  }

  #opened(socket) {
    if (this.#ended) return socket.close(1000);
    this.#openedAt = this.#heardAt = Date.now();
    const hello = { type: "hello", lastSeq: this.#handled, acks: true, acksInData: true };
    if (this.id) hello.sessionId = this.id;
    if (this.#window) hello.window = this.#window;
    if (this.#options.traceparent) hello.traceparent = this.#options.traceparent;
    this.#write(hello);
    // A peer that says nothing is gone, also when no FIN came: pages see no pings.
    this.#watchTimer = setInterval(() => {
      if (Date.now() - this.#heardAt > SILENCE) this.#drop(socket);
      else if (this.#attached) this.#write({ type: "ping", id: "hearth" });
    }, PING_EVERY);
  }

  #heard(socket, data) {
    if (socket !== this.#socket) return;
    this.#heardAt = Date.now();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return this.#drop(socket); // it breaks the contract; what was lost comes again on the next
    }
    this.#take(frame);
  }

  #closed(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#lose();
    if (this.#ended) return;
    if (Date.now() - this.#openedAt > STEADY) this.#attempts = 0;
    if (this.#bye && this.#bye !== "draining") this.#finish(this.#bye);
    else if (FINAL.has(code)) this.#finish(FINAL.get(code));
    else this.#retry(reason || "the connection was lost", code === 1001 || this.#bye === "draining");
  }

  /** Gives a socket up without waiting for its peer, who may not be there to answer the close. */
  #drop(socket) {
    socket.close();
    this.#lose();
    this.#retry("the gateway was not heard from");
  }

  #lose() {
    clearInterval(this.#watchTimer);
    this.#attached = false;
    this.#socket = null;
  }

  #retry(cause, atOnce = false) {
    if (this.#ending && !this.id) return this.#finish("closed");
    this.#bye = "";
    const bound = Math.min(BACKOFF.max, BACKOFF.base * 2 ** this.#attempts);
    const delay = atOnce && this.#attempts === 0 ? 0 : Math.random() * bound; // with full jitter: many clients lose one gateway at once
    this.#attempts++;
    this.#emit("reconnecting", { cause, delayMs: Math.round(delay) });
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  #take(frame) {
    switch (frame.type) {
      case "session":
        this.#begin(frame);
        break;
      case "ready":
        this.#attempts = 0;
        break;
      case "data":
      case "bytes": {
        const { ack, ...output } = frame;
        if (ack) this.#take({ type: "ack", seq: ack });
        return this.#output(output);
      }
      case "gap":
        return this.#skip(frame);
      case "ack":
        this.#forget(frame.seq);
        break;
      case "ping":
        return this.#write({ type: "pong", id: frame.id });
      case "error":
        if (frame.code === "unauthenticated" && frame.retryable) this.#renew();
        break;
      case "bye":
        this.#bye = frame.reason;
        break;
    }
    this.#emit(frame.type, frame);
  }

  #begin(frame) {
    this.id = frame.sessionId;
    this.#attached = true;
    this.#acksInData = Boolean(frame.acksInData);
    this.#acked = this.#handled;
    if (this.#ending) return this.#write({ type: "close" });
    this.#forget(frame.lastSeq);
    this.#sent = this.#given;
    this.#flush();
    if (this.#eof) this.#write({ type: "eof" });
  }

  /** The token has expired: another keeps the session. */
  async #renew() {
    try {
      const token = await this.#options.token?.();
      if (token) this.refresh(token);
    } catch {
      // The gateway ends the session when its grace is over, and says so.
    }
  }

  /** An output is handled once and in order: what was seen is passed over, and from a hole on the next socket has it replayed. */
  #output(frame) {
    if (frame.seq > this.#seen + 1) return this.#drop(this.#socket);
    if (frame.seq <= this.#seen) {
      this.#acked = Math.min(this.#acked, frame.seq - 1); // the acknowledgement was lost
      return this.#oweAck();
    }
    this.#attempts = 0;
    this.#seen = frame.seq;
    this.#whenHandled(this.#emit(frame.type, frame), frame.seq, (frame.base64 ?? frame.payload)?.length ?? 0);
  }

  #skip(gap) {
    if (gap.to <= this.#seen) return;
    const from = this.#seen + 1;
    this.#seen = gap.to;
    this.#whenHandled(this.#emit("gap", { ...gap, from }), gap.to, 0);
  }

  /** Acknowledges an output when its handlers have settled, and those of all before it. */
  #whenHandled(promises, seq, size) {
    if (!promises.length && !this.#handling) return this.#settle(seq, size);
    const all = Promise.all([this.#handling, ...promises]).then(() => {
      this.#settle(seq, size);
      if (this.#handling === all) this.#handling = null;
    });
    this.#handling = all;
  }

  #settle(seq, size) {
    this.#handled = seq;
    this.#unacked += size;
    this.#oweAck();
  }

  #oweAck() {
    if (this.#handled - this.#acked >= ACK_EVERY || this.#unacked >= ACK_BYTES) this.#ack();
    else this.#ackTimer ||= setTimeout(() => this.#ack(), ACK_AFTER);
  }

  #ack() {
    const seq = this.#acknowledge();
    if (seq) this.#write({ type: "ack", seq });
  }

  /** The output up to which all are acknowledged now; 0 if there are no new ones, or no socket to say so. */
  #acknowledge() {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = this.#unacked = 0;
    if (!this.#attached || this.#handled <= this.#acked) return 0;
    return (this.#acked = this.#handled);
  }

  /** Lets go of the inputs up to seq. The first session frame says where the numbers stand: what waits comes after that. */
  #forget(seq) {
    if (!this.#numbered) {
      this.#numbered = true;
      this.#given = seq;
    }
    while (this.#given < seq && this.#kept.length) {
      this.#keptBytes -= this.#kept.shift().bytes;
      this.#given++;
    }
    this.#given = Math.max(this.#given, seq);
    if (this.#refused && this.#keptBytes <= WINDOW / 2) {
      this.#refused = false;
      this.#emit("drain", {});
    }
  }

  #flush() {
    if (!this.#attached) return;
    this.#sent = Math.max(this.#sent, this.#given);
    for (let next; (next = this.#kept[this.#sent - this.#given]); ) {
      this.#sent++;
      const seq = this.#acksInData && this.#acknowledge();
      this.#socket.send(`{"type":"data","seq":${this.#sent},${seq ? `"ack":${seq},` : ""}"payload":${next.text}}`);
    }
  }

  #write(frame) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #finish(reason) {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    this.#ack(); // what was handled by now need not be replayed to anyone
    this.#socket?.close(1000);
    this.#lose();
    this.#emit("ended", { reason });
  }

  /** Calls the handlers and gives the promises among what they return. One that fails is reported, and has handled its event all the same. */
  #emit(name, event) {
    const promises = [];
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        const given = handler(event);
        if (typeof given?.then === "function") promises.push(Promise.resolve(given).catch(report));
      } catch (error) {
        report(error);
      }
    }
    return promises;
  }
}

/** Tells whoever watches over uncaught errors, and lets the session go on. */
function report(error) {
  queueMicrotask(() => {
    throw error;
  });
}
