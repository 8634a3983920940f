// A client for a Hearth gateway, for browsers and whatever else has WebSocket. No dependencies. docs/protocol.md is the contract.
//
//   const session = new HearthSession({ url: "wss://gateway/ws", token: () => fetchToken() });
//   session.on("ready", (frame) => …);
//   session.on("data", ({ payload, stream, more }) => …);
//   session.send("a line");
//
// It numbers what it sends and sends it again after a dropped socket; what comes is acknowledged once the handlers of "data" have
// returned. A session that has dropped is gone on with until end() is called or the gateway says bye.

const ACK_EVERY = 64; // outputs
const ACK_AFTER = 20; // ms
const BACKOFF = { base: 250, max: 10_000 }; // ms
const PING_EVERY = 20_000; // ms
const SILENCE = 45_000; // ms
const WINDOW = 200 * 1024; // characters of input that wait for the agent

/** Reasons after which a session is not gone on with. */
const FINAL_CODES = new Set([1008, 1009, 4401, 4404]);

export class HearthSession {
  #options;
  #handlers = new Map();
  #socket = null;
  #retryTimer = 0;
  #watchTimer = 0;
  #attempts = 0;
  #ended = false;
  #bye = "";
  #numbered = false; // the gateway has said from where on inputs are numbered
  #given = 0; // the last input that the agent has been given
  #kept = []; // those after it
  #keptSize = 0;
  #sent = 0; // the last input that went on this socket
  #attached = false;
  #seen = 0; // the last output that was handled
  #acked = 0;
  #ackTimer = 0;
  #window = null;
  #eof = false;
  #heardAt = 0;

  /** @param {import("./hearth").Options} options */
  constructor(options) {
    this.#options = options;
    this.id = options.sessionId ?? "";
    this.#seen = options.lastSeq ?? 0;
    this.#connect();
  }

  /** Calls handler for each event of that name; returns a function that takes it back. */
  on(name, handler) {
    const all = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, all.add(handler));
    return () => all.delete(handler);
  }

  /** Sends one input. False means that too much waits already: try again after "drain". */
  send(payload) {
    const text = JSON.stringify(payload);
    if (this.#ended || (this.#keptSize > 0 && this.#keptSize + text.length > WINDOW)) return false;
    this.#kept.push(text);
    this.#keptSize += text.length;
    this.#flush();
    return true;
  }

  /** Tells the agent's terminal the size of the window, now and on every later socket. */
  resize(cols, rows) {
    this.#window = { cols, rows };
    if (this.#attached) this.#write({ type: "resize", cols, rows });
  }

  /** Sends the agent's processes a signal, such as "INT". */
  signal(name) {
    if (this.#attached) this.#write({ type: "signal", name });
  }

  /** Ends the agent's input after everything that was sent. */
  eof() {
    this.#eof = true;
    if (this.#attached) this.#write({ type: "eof" });
  }

  /** Replaces the user's token. */
  refresh(token) {
    if (this.#attached) this.#write({ type: "token", token });
  }

  /** Ends the session and its task. */
  end() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#write({ type: "close" });
    else this.#finish("closed");
  }

  /** Lets go of the session, which lives on at the gateway. */
  detach() {
    this.#finish("detached");
  }

  async #connect() {
    let token;
    try {
      token = await this.#options.token?.();
    } catch (error) {
      this.#retry(String(error));
      return;
    }
    if (this.#ended) return;
    const protocols = token ? ["hearth.v1", "bearer." + token] : ["hearth.v1"];
    let socket;
    try {
      socket = new WebSocket(this.#options.url, protocols);
    } catch (error) {
      this.#finish(String(error));
      return;
    }
    this.#socket = socket;
    this.#attached = false;
    socket.onopen = () => {
      this.#heardAt = Date.now();
      const hello = { type: "hello", lastSeq: this.#seen, acks: true };
      if (this.id) hello.sessionId = this.id;
      if (this.#window) hello.window = this.#window;
      this.#acked = this.#seen;
      this.#write(hello);
      this.#watch(socket);
    };
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      let frame;
      try {
        frame = JSON.parse(data);
      } catch {
        return;
      }
      this.#take(frame);
    };
    socket.onclose = ({ code, reason }) => {
      clearInterval(this.#watchTimer);
      this.#attached = false;
      this.#socket = null;
      if (this.#ended) return;
      if (this.#bye && this.#bye !== "draining") this.#finish(this.#bye);
      else if (FINAL_CODES.has(code)) this.#finish(code === 4401 ? "unauthenticated" : code === 4404 ? "session_not_found" : reason || String(code));
      else this.#retry(reason || "the connection was lost", code === 1001 || this.#bye === "draining");
    };
  }

  /** A peer that says nothing is gone, also when no FIN came: browsers see no pings. */
  #watch(socket) {
    this.#watchTimer = setInterval(() => {
      if (Date.now() - this.#heardAt > SILENCE) socket.close();
      else if (this.#attached) this.#write({ type: "ping", id: "hearth" });
    }, PING_EVERY);
  }

  #retry(cause, atOnce = false) {
    this.#bye = "";
    const bound = Math.min(BACKOFF.max, BACKOFF.base * 2 ** this.#attempts);
    const delay = atOnce && this.#attempts === 0 ? 0 : Math.random() * bound;
    this.#attempts++;
    this.#emit("reconnecting", { cause, delayMs: Math.round(delay) });
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  #take(frame) {
    switch (frame.type) {
      case "session":
        this.id = frame.sessionId;
        this.#attempts = 0;
        this.#attached = true;
        this.#forget(frame.lastSeq);
        this.#sent = this.#given;
        this.#flush();
        if (this.#eof) this.#write({ type: "eof" });
        break;
      case "data":
      case "bytes":
        this.#output(frame);
        return;
      case "gap":
        if (frame.to > this.#seen) {
          frame.from = this.#seen + 1;
          this.#emit("gap", frame);
          this.#handled(frame.to);
        }
        return;
      case "ack":
        this.#forget(frame.seq);
        break;
      case "ping":
        this.#write({ type: "pong", id: frame.id });
        return;
      case "exit":
        this.#ack();
        break;
      case "bye":
        this.#bye = frame.reason;
        break;
    }
    this.#emit(frame.type, frame);
  }

  /** An output comes once and in order: what was seen is passed over, and what is missing will be replayed. */
  #output(frame) {
    if (frame.seq <= this.#seen || frame.seq > this.#seen + 1) return;
    this.#emit(frame.type, frame);
    this.#handled(frame.seq);
  }

  #handled(seq) {
    this.#seen = seq;
    if (seq - this.#acked >= ACK_EVERY) this.#ack();
    else if (!this.#ackTimer) this.#ackTimer = setTimeout(() => this.#ack(), ACK_AFTER);
  }

  #ack() {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    if (this.#attached && this.#seen > this.#acked) {
      this.#acked = this.#seen;
      this.#write({ type: "ack", seq: this.#seen });
    }
  }

  /** Lets go of the inputs up to seq. The first session frame says where the numbers stand: what waits comes after that. */
  #forget(seq) {
    if (!this.#numbered) {
      this.#numbered = true;
      this.#given = seq;
    }
    while (this.#given < seq && this.#kept.length) {
      this.#keptSize -= this.#kept.shift().length;
      this.#given++;
    }
    if (this.#keptSize === 0) this.#emit("drain", {});
  }

  #flush() {
    if (!this.#attached) return;
    this.#sent = Math.max(this.#sent, this.#given);
    for (let payload; (payload = this.#kept[this.#sent - this.#given]) !== undefined; ) {
      this.#sent++;
      this.#socket.send(`{"type":"data","seq":${this.#sent},"payload":${payload}}`);
    }
  }

  #write(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #finish(reason) {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#ackTimer);
    this.#socket?.close(1000);
    this.#emit("ended", { reason });
  }

  #emit(name, event) {
    for (const handler of this.#handlers.get(name) ?? []) handler(event);
  }
}
