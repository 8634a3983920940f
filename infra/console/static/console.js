// The console: a terminal on a session of one's own, and, for whoever has the operator's token, the pool as it is now.
import { HearthSession } from "./hearth.js";
import { Pool } from "./pool.js";
import { Screen } from "./screen.js";
import { Typing } from "./typing.js";
import { byId, millis, words } from "./page.js";

const SAVE_AFTER = 1_000; // ms from an output to when the next page would show it, should this one crash
const REDRAW = 150; // ms in which a program sees a window of another size, and draws all of it

const query = new URLSearchParams(location.search);

// A token in the address is kept for this tab alone, and taken out of the address at once: it would stay in the history.
if (query.has("token")) {
  sessionStorage.setItem("token", query.get("token"));
  query.delete("token");
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
}
const token = () => sessionStorage.getItem("token") ?? "";
const say = (text) => (byId("status").textContent = text);
const waits = { available: "a task is ready", warm_starting: "a task is about to be ready", cold_starting: "a task is started", queued: "others are first", fenced: "an earlier agent may still write to your files", backoff: "starts have failed, the next is not tried yet" };

let user = query.get("user") ?? "dev"; // with AUTH=dev
let session = null;
let me = ""; // whose session it is, as the gateway says
let stale = false; // the screen lacks what the agent has shown: it is to draw it again
let screen, typing;

/** Goes on with a session that was kept, or begins one. */
function begin(kept = {}) {
  const url = new URL(`ws?user=${encodeURIComponent(user)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  const own = (session = new HearthSession({ url: url.href, token, sessionId: kept.id, lastSeq: kept.handled, window: { cols: screen.cols, rows: screen.rows } }));
  typing.to(own);
  byId("end").disabled = false;
  byId("again").hidden = byId("back").hidden = true;
  own.on("session", ({ userId }) => {
    me = userId;
    save();
  });
  own.on("status", ({ state, reason, etaMs, message }) => {
    const eta = etaMs > 0 ? `, about ${millis(etaMs)}` : "";
    say(state === "ready" ? "connected" : `${state}${reason ? ": " + (waits[reason] ?? words(reason)) : ""}${message ? ` (${message})` : ""}${eta}`);
  });
  own.on("ready", ({ path, elapsedMs, why, io }) => {
    typing.io = io ?? "text";
    say(path === "resumed" ? "resumed" : `${path} in ${millis(elapsedMs)}${why ? ` (${words(why)})` : ""}`);
    if (stale) redraw(own);
    if (!document.activeElement || document.activeElement === document.body) screen.xterm.focus();
  });
  own.on("data", ({ payload, more }) => shown(screen.write(typing.io === "pty" ? payload : line(payload, more))));
  own.on("bytes", ({ base64 }) => shown(screen.write(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)))));
  own.on("gap", ({ from, to }) => {
    screen.note(from === to ? `output ${from} is gone` : `outputs ${from} to ${to} are gone`);
    redraw(own);
  });
  own.on("error", ({ message }) => say(message));
  own.on("exit", ({ code, signal }) => screen.note(signal ? `the agent was ended by ${signal}` : `the agent has exited with ${code}`));
  own.on("reconnecting", ({ cause, delayMs }) => say(`reconnecting in ${millis(delayMs)}: ${cause}`));
  own.on("ended", ({ reason }) => own === session && ended(reason, kept));
}

function ended(reason, kept) {
  if (reason === "session_not_found" && kept.id) {
    forget();
    screen.note("the session of before is over, this is a new one");
    return begin();
  }
  byId("end").disabled = true;
  byId("again").hidden = false;
  if (reason === "replaced" || reason === "detached") {
    say("in use in another window");
    byId("back").hidden = false;
    return;
  }
  forget();
  say(`ended: ${words(reason)}`);
  if (reason === "unauthenticated") {
    byId("login").hidden = false;
    byId("token").focus();
  }
}

const line = (payload, more) => (typeof payload === "string" ? payload : JSON.stringify(payload)).replaceAll("\n", "\r\n") + (more ? "" : "\r\n");

/** Has a program with a terminal draw all of its screen: it does when the window changes. */
function redraw(own) {
  stale = typing.io !== "pty";
  if (stale) return; // not ready yet, or an agent that draws nothing
  own.resize(screen.cols, Math.max(1, screen.rows - 1));
  setTimeout(() => own.resize(screen.cols, screen.rows), REDRAW);
}

// What this tab shows outlives the page: it is kept with the number of the last output in it, from which the next page goes on.
// An output is acknowledged once it stands on the screen, so that none is lost between the two.

let saveTimer = 0;

const isMine = () => session?.id && !byId("end").disabled;
const snapshot = () => ({ id: session.id, user, handled: session.handled, io: typing.io, ...screen.snapshot() });

function save() {
  clearTimeout(saveTimer);
  saveTimer = 0;
  if (!isMine()) return;
  const kept = snapshot();
  try {
    sessionStorage.setItem("session", JSON.stringify(kept));
  } catch {
    delete kept.text; // there is no room
    sessionStorage.setItem("session", JSON.stringify(kept));
  }
}

function shown(promise) {
  saveTimer ||= setTimeout(save, SAVE_AFTER);
  return promise;
}

function forget() {
  clearTimeout(saveTimer);
  saveTimer = 0;
  sessionStorage.removeItem("session");
}

// Two tabs can have one session: a tab that was duplicated has what the other had kept. Who takes it over asks the other for what
// it shows by now, and the other lets go of it.

const HANDED_WITHIN = 200; // ms
const tabs = new BroadcastChannel("hearth");
tabs.addEventListener("message", ({ data: { wanted } }) => {
  if (!wanted || !isMine() || session.id !== wanted) return;
  tabs.postMessage({ given: snapshot() });
  session.detach();
});

/** What another tab of this browser shows of the session, or undefined if none has it. */
function fromAnotherTab(id) {
  return new Promise((done) => {
    const take = ({ data: { given } }) => given?.id === id && finish(given);
    const finish = (given) => {
      tabs.removeEventListener("message", take);
      done(given);
    };
    tabs.addEventListener("message", take);
    setTimeout(finish, HANDED_WITHIN);
    tabs.postMessage({ wanted: id });
  });
}

async function resume() {
  const kept = JSON.parse(sessionStorage.getItem("session") ?? "{}");
  if (!kept.id) return begin();
  const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload"; // then no other tab has it
  return goOn((!reloaded && (await fromAnotherTab(kept.id))) || kept);
}

/** Shows what was kept of a session and goes on with it. */
async function goOn(kept) {
  user = kept.user;
  typing.io = kept.io;
  stale = kept.text === undefined;
  if (!stale) await screen.restore(kept);
  begin(kept);
}

/** The terminal and what surrounds it. */
function openTerminal() {
  screen = new Screen(byId("terminal"));
  typing = new Typing(screen, say);
  const control = document.querySelector('[data-key="control"]');
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));
  screen.xterm.onData((keys) => {
    if (control.ariaPressed === "true" && keys.length === 1) {
      keys = String.fromCharCode(keys.toUpperCase().charCodeAt(0) & 31);
      press(control, false);
    }
    typing.take(keys);
  });
  screen.xterm.onResize(({ cols, rows }) => session?.resize(cols, rows));
  screen.xterm.onTitleChange((title) => (document.title = title ? `${title} – Hearth` : "Hearth"));
  screen.xterm.attachCustomKeyEventHandler((event) => {
    if (event.type !== "keydown" || !event.ctrlKey) return true;
    if (event.key === "F6") byId("pool-toggle").hidden ? byId("end").focus() : byId("pool-toggle").focus();
    else if (event.key.toLowerCase() === "c" && screen.xterm.hasSelection()) {
      navigator.clipboard?.writeText(screen.xterm.getSelection());
      screen.xterm.clearSelection();
    } else return true;
    event.preventDefault();
    return false;
  });
  byId("keys").addEventListener("pointerdown", (event) => event.preventDefault()); // the keyboard stays up
  byId("keys").addEventListener("click", ({ target }) => {
    const key = target.dataset.key;
    if (key === "control") press(control, control.ariaPressed !== "true");
    else if (key) typing.take({ escape: "\x1b", tab: "\t" }[key] ?? (screen.xterm.modes.applicationCursorKeysMode ? "\x1bO" : "\x1b[") + key);
    screen.xterm.focus();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "F6" && !byId("terminal").contains(event.target)) screen.xterm.focus();
  });
  addEventListener("pagehide", save);
  byId("end").addEventListener("click", () => session.end());
  byId("back").addEventListener("click", async () => {
    const given = await fromAnotherTab(session.id);
    if (!given) return begin({ id: session.id, handled: session.handled });
    screen.clear();
    goOn(given);
  });
  byId("again").addEventListener("click", () => {
    screen.clear();
    begin();
  });
  byId("login").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("token", byId("token").value.trim());
    byId("token").value = "";
    byId("login").hidden = true;
    begin();
    pool.look();
  });
}

const pool = new Pool({
  token,
  mine: (each, withUsersToken) => each.userId === me || withUsersToken, // with AUTH=dev the user's token is the operator's, who may be anyone
  current: () => session?.id,
  attach(each) {
    const before = session;
    session = null;
    before?.detach();
    user = each.userId;
    screen.clear();
    stale = true;
    begin({ id: each.id });
  },
});

if (document.body.classList.contains("pool-only")) {
  say("the pool");
  pool.open();
} else {
  openTerminal();
  resume();
  pool.look();
}
