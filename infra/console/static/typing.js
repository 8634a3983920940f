// What is typed, on its way to the agent: as it is for one with a terminal, in lines for any other.

const PIECE = 8 * 1024; // characters in one input: a gateway takes no frame of any size
const MOST = 16 << 20; // characters that wait

export class Typing {
  #screen;
  #session = null;
  #waiting = []; // inputs that the session did not take yet
  #size = 0;
  #line = "";
  io = "text"; // how the agent takes input

  /** @param say is told what is wrong */
  constructor(screen, say) {
    this.#screen = screen;
    this.say = say;
  }

  /** From here on the session gets what is typed. */
  to(session) {
    this.#session = session;
    this.#waiting = [];
    this.#size = 0;
    this.#line = "";
    session.on("drain", () => this.#pump());
  }

  take(keys) {
    if (!this.#session) return;
    if (this.io !== "pty") return this.#edit(keys);
    for (let from = 0; from < keys.length; ) {
      let to = Math.min(from + PIECE, keys.length);
      if (to < keys.length && isHighSurrogate(keys.charCodeAt(to - 1))) to--; // a character is never cut
      this.#send(keys.slice(from, to));
      from = to;
    }
  }

  #send(input) {
    const size = typeof input === "string" ? input.length : 1;
    if (this.#size + size > MOST) return this.say("the agent is far behind: this was not sent");
    this.#waiting.push(input);
    this.#size += size;
    this.#pump();
  }

  #pump() {
    while (this.#waiting.length && this.#session.send(this.#waiting[0])) {
      const [sent] = this.#waiting.splice(0, 1);
      this.#size -= typeof sent === "string" ? sent.length : 1;
    }
  }

  /** The agent has no terminal, so that its line is edited here. */
  #edit(keys) {
    if (keys.startsWith("\x1b[200~")) keys = keys.slice(6).replace("\x1b[201~", ""); // pasted
    else if (keys.startsWith("\x1b")) return; // arrows and the like have no meaning here
    for (const key of keys) {
      if (key === "\r" || key === "\n") {
        this.#screen.write("\r\n");
        this.#send(this.io === "jsonl" ? valueOf(this.#line) : this.#line);
        this.#line = "";
      } else if (key === "\x7f") {
        if (this.#line) this.#screen.write("\b \b");
        this.#line = [...this.#line].slice(0, -1).join("");
      } else if (key === "\x03") {
        this.#session.signal("INT");
      } else if (key === "\x04" && !this.#line) {
        this.#session.eof();
      } else if (key >= " ") {
        this.#line += key;
        this.#screen.write(key);
      }
    }
  }
}

const isHighSurrogate = (code) => code >= 0xd800 && code < 0xdc00;

/** What a user means who types to an agent that speaks JSON: the value, if it is one, or the text. */
function valueOf(line) {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
