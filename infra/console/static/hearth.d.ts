export interface Options {
  /** The gateway's /ws, as ws:// or wss://. With AUTH=dev its query names the user. */
  url: string;
  /** Gives the bearer token, before every connection. */
  token?: () => string | Promise<string>;
  /** Goes on with a session instead of beginning one. */
  sessionId?: string;
  /** The last output that was handled before, when going on. */
  lastSeq?: number;
}

export interface Events {
  session: { sessionId: string; userId: string; resumed: boolean; lastSeq: number };
  status: { state: "waiting" | "starting" | "ready" | "reconnecting" | "restarting"; reason?: string; etaMs: number };
  ready: { path: "warm" | "cold" | "resumed"; elapsedMs: number; why?: string; io?: "jsonl" | "text" | "pty"; timings: Record<string, number> };
  data: { seq: number; payload: unknown; stream?: "stderr"; more?: boolean };
  bytes: { seq: number; base64: string };
  gap: { from: number; to: number };
  exit: { code: number; signal?: string; stderr?: string };
  error: { code: string; message: string; retryable: boolean };
  bye: { reason: string };
  ack: { seq: number };
  reconnecting: { cause: string; delayMs: number };
  drain: {};
  ended: { reason: string };
}

export class HearthSession {
  constructor(options: Options);
  /** The session's id, empty before the gateway has answered. */
  id: string;
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void;
  send(payload: unknown): boolean;
  resize(cols: number, rows: number): void;
  signal(name: string): void;
  eof(): void;
  refresh(token: string): void;
  end(): void;
  detach(): void;
}
