export interface Options {
  /** The gateway's /ws, as ws:// or wss://. With AUTH=dev its query names the user. */
  url: string;
  /** Gives the bearer token: before every connection, and when the gateway says that the last one has expired. */
  token?: () => string | Promise<string>;
  /** Goes on with a session instead of beginning one. */
  sessionId?: string;
  /** The last output that was handled before, when going on. */
  lastSeq?: number;
  /** The size of the window that shows the agent's terminal: the agent starts with it. */
  window?: { cols: number; rows: number };
  /** The trace that the session's start belongs to, as W3C Trace Context writes it: the gateway's spans and the agent go on with it. */
  traceparent?: string;
  /** A WebSocket to use where there is no global one, as in Node before 22. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocket;
}

export type StartReason = "available" | "warm_starting" | "cold_starting" | "queued" | "backoff" | "fenced";
export type ColdReason = "pool_empty" | "pool_disabled" | "all_starting" | "no_capacity" | "claim_failed" | "fenced";
export type ErrorCode =
  | "bad_frame" | "unauthenticated" | "forbidden" | "session_not_found" | "too_many_sessions" | "over_capacity" | "start_timeout"
  | "start_failed" | "task_lost" | "agent_failed" | "frame_too_large" | "rate_limited" | "internal";
export type SignalName = "INT" | "QUIT" | "TERM" | "HUP" | "KILL" | "USR1" | "USR2" | "TSTP" | "CONT";

export interface Events {
  /** A socket's hello was answered: first, and again after each reconnect. */
  session: { sessionId: string; userId: string; resumed: boolean; lastSeq: number };
  status: { state: "waiting" | "starting" | "ready" | "reconnecting" | "restarting"; reason?: StartReason; etaMs: number; message?: string };
  /** The agent takes input. With a path other than "resumed" it is a new agent. */
  ready: {
    path: "warm" | "cold" | "resumed";
    elapsedMs: number;
    why?: ColdReason;
    io?: "jsonl" | "text" | "pty";
    timings: { claimMs: number; initMs: number; workspaceMs: number; tokenMs: number; agentMs: number };
  };
  /** One output: once, and in order. With `more` it is a piece of a longer line, and the next output is the next piece. */
  data: { seq: number; payload: unknown; stream?: "stderr"; more?: boolean };
  /** An output that is no text. */
  bytes: { seq: number; base64: string };
  /** Outputs that are gone for good. */
  gap: { from: number; to: number };
  exit: { code: number; signal?: string; stderr?: string };
  error: { code: ErrorCode; message: string; retryable: boolean; retryAfterMs?: number };
  bye: { reason: string };
  /** The agent has been given every input up to seq. */
  ack: { seq: number };
  /** There is no socket; the next is opened after delayMs. */
  reconnecting: { cause: string; delayMs: number };
  /** After send() gave false: it takes input again. */
  drain: {};
  /**
   * The last event. The reason is a bye's ("closed", "idle_timeout", "replaced", "task_lost", "start_failed", "token_expired",
   * "max_lifetime", "operator"), or "unauthenticated", "session_not_found", "not_allowed", "frame_too_large" or "detached".
   */
  ended: { reason: string };
}

export class HearthSession {
  constructor(options: Options);
  /** The session's id, empty before the gateway has answered. */
  id: string;
  /** The last output that was handled: lastSeq for a page that goes on with the session. */
  readonly handled: number;
  /**
   * Calls handler for each event of that name; returns a function that takes it back. An output is acknowledged once its handlers
   * have returned, or once the promises that they return are settled.
   */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => unknown): () => void;
  /** Sends one input. False means that too much waits already, or that the session is over: try again after "drain". */
  send(payload: unknown): boolean;
  /** Tells the agent's terminal the size of the window, now and on every later socket. */
  resize(cols: number, rows: number): void;
  /** Sends the agent's processes a signal; without a socket it is lost. */
  signal(name: SignalName): void;
  /** Ends the agent's input after everything that was sent. */
  eof(): void;
  /** Replaces the user's token. */
  refresh(token: string): void;
  /** Ends the session and its task, once there is a socket to say so. */
  end(): void;
  /** Lets go of the session, which lives on at the gateway. */
  detach(): void;
}
