// The screen: xterm.js, what of it outlives the page, and how it looks.
import { Terminal } from "./vendor/xterm.mjs";
import { FitAddon } from "./vendor/addon-fit.mjs";
import { SerializeAddon } from "./vendor/addon-serialize.mjs";

const SCROLLBACK = 5000; // lines
const KEPT = 1000; // of those, for the next page
const LARGEST = 1 << 20; // characters that are kept; a browser has room for some 5 Mi

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () =>
  dark.matches
    ? { background: "#191715", foreground: "#ece7df", cursor: "#f0835a", selectionBackground: "#4a4037" }
    : { background: "#fbfaf8", foreground: "#22201c", cursor: "#a83e16", cursorAccent: "#fbfaf8", selectionBackground: "#e3d6c8" };

export class Screen {
  #fit = new FitAddon();
  #serialize = new SerializeAddon();

  constructor(element) {
    const fontFamily = getComputedStyle(document.documentElement).getPropertyValue("--mono");
    this.xterm = new Terminal({ fontFamily, fontSize: 14, theme: theme(), scrollback: SCROLLBACK, minimumContrastRatio: 4.5 });
    this.xterm.loadAddon(this.#fit);
    this.xterm.loadAddon(this.#serialize);
    this.xterm.open(element);
    this.#fit.fit();
    dark.addEventListener("change", () => (this.xterm.options.theme = theme()));
    new ResizeObserver(() => this.#fit.fit()).observe(element);
  }

  get cols() {
    return this.xterm.cols;
  }
  get rows() {
    return this.xterm.rows;
  }

  /** Shows what a terminal is to show. The promise is settled once it stands there. */
  write(output) {
    return new Promise((done) => this.xterm.write(output, done));
  }

  /** Says a line of the page's own, unless a program has the whole screen. */
  note(text) {
    if (this.xterm.buffer.active.type === "normal") this.write(`\r\n\x1b[2m${text}\x1b[0m\r\n`);
  }

  clear() {
    this.xterm.reset();
  }

  /** What restore makes this screen of; without text if that would be too large. */
  snapshot() {
    const { cols, rows } = this;
    for (const scrollback of [KEPT, 0]) {
      const text = this.#serialize.serialize({ scrollback });
      if (text.length <= LARGEST) return { cols, rows, text };
    }
    return { cols, rows };
  }

  /** Shows a snapshot as it was, and then as this window has room for it. */
  async restore({ cols, rows, text }) {
    this.xterm.resize(cols, rows);
    await this.write(text);
    this.#fit.fit();
  }
}
