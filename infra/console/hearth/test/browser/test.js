// As much of node:test as the tests use, for a browser.

const tests = [];
const before = [];
const restore = []; // puts back what was replaced

export const test = (name, body) => tests.push({ name, body });
export const beforeEach = (body) => before.push(body);

/** Runs all tests, one after the other, and gives their names with what went wrong, or null. */
export async function run() {
  const results = [];
  for (const { name, body } of tests) {
    let problem = null;
    try {
      for (const each of before) await each();
      await body();
    } catch (error) {
      problem = String(error?.stack ?? error);
    }
    results.push({ name, problem });
  }
  mock.restoreAll();
  mock.timers.reset();
  return results;
}

function replace(object, name, by, into) {
  const was = object[name];
  object[name] = by;
  into.push(() => (object[name] = was));
}

class Timers {
  #waiting = new Map(); // by id: { due, call, every }
  #restore = [];
  #now = 0;
  #lastID = 0;

  enable({ now }) {
    this.#now = now;
    const start = (call, ms = 0, every = 0) => {
      this.#waiting.set(++this.#lastID, { due: this.#now + ms, call, every });
      return this.#lastID;
    };
    const stop = (id) => this.#waiting.delete(id);
    for (const [name, by] of Object.entries({
      setTimeout: (call, ms) => start(call, ms), setInterval: (call, ms) => start(call, ms, ms), clearTimeout: stop, clearInterval: stop,
    })) {
      replace(globalThis, name, by, this.#restore);
    }
    replace(Date, "now", () => this.#now, this.#restore);
  }

  /** Lets time go by: what is due is called in its order. */
  tick(ms) {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#waiting].filter(([, { due }]) => due <= end).sort(([a, x], [b, y]) => x.due - y.due || a - b);
      if (!next) break;
      const [id, timer] = next;
      this.#now = timer.due;
      if (timer.every) timer.due += timer.every;
      else this.#waiting.delete(id);
      timer.call();
    }
    this.#now = end;
  }

  reset() {
    this.#waiting.clear();
    while (this.#restore.length) this.#restore.pop()();
  }
}

export const mock = {
  timers: new Timers(),
  method: (object, name, by) => replace(object, name, by, restore),
  restoreAll() {
    while (restore.length) restore.pop()();
  },
};
