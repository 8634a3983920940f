// The console: a terminal on a session of one's own, and, for whoever has the operator's token, the pool as it is now.
import { Terminal } from "./vendor/xterm.mjs";
import { FitAddon } from "./vendor/addon-fit.mjs";
import { HearthSession } from "./hearth.js";

const byId = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

// A token in the address is kept for this tab alone, and taken out of the address at once: it would stay in the history.
if (query.has("token")) {
  sessionStorage.setItem("token", query.get("token"));
  query.delete("token");
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
}
const user = query.get("user") ?? "dev";
const token = () => sessionStorage.getItem("token") ?? "";

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () =>
  dark.matches
    ? { background: "#191715", foreground: "#ece7df", cursor: "#f0835a", selectionBackground: "#4a4037" }
    : { background: "#fbfaf8", foreground: "#22201c", cursor: "#b4441a", selectionBackground: "#e3d6c8", white: "#55504a", brightWhite: "#22201c", yellow: "#8a6100", brightYellow: "#8a6100", green: "#2f7d4f", brightGreen: "#2f7d4f", cyan: "#1d6f7a", brightCyan: "#1d6f7a" };
const screen = new Terminal({ fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), fontSize: 14, theme: theme(), scrollback: 5000, screenReaderMode: false });
const fit = new FitAddon();
screen.loadAddon(fit);
screen.open(byId("terminal"));
fit.fit();
dark.addEventListener("change", () => (screen.options.theme = theme()));
new ResizeObserver(() => fit.fit()).observe(byId("terminal"));

let session = null;
let io = "text";
let typed = ""; // by a user of an agent that takes lines

const say = (text) => (byId("status").textContent = text);
const millis = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const waits = { available: "a task is ready", warm_starting: "a task is about to be ready", cold_starting: "a task is started", queued: "others are first", no_capacity: "no capacity now" };

function begin(sessionId = "") {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const url = `${scheme}//${location.host}${location.pathname.replace(/[^/]*$/, "")}ws?user=${encodeURIComponent(user)}`;
  session = new HearthSession({ url, token, sessionId });
  const own = session;
  own.resize(screen.cols, screen.rows);
  byId("end").disabled = false;
  byId("again").hidden = true;
  own.on("session", () => sessionStorage.setItem("session", own.id));
  own.on("status", ({ state, reason, etaMs }) => {
    const eta = etaMs > 0 ? `, about ${millis(etaMs)}` : "";
    say(state === "ready" ? "connected" : `${state}${reason ? ": " + (waits[reason] ?? reason) : ""}${eta}`);
  });
  own.on("ready", (frame) => {
    io = frame.io ?? "text";
    const how = frame.path === "resumed" ? "resumed" : `${frame.path} in ${millis(frame.elapsedMs)}${frame.why ? " (" + frame.why.replaceAll("_", " ") + ")" : ""}`;
    say(how);
    screen.focus();
  });
  own.on("data", ({ payload, more }) => show(payload, more));
  own.on("bytes", ({ base64 }) => screen.write(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))));
  own.on("gap", ({ from, to }) => note(`outputs ${from} to ${to} are gone`));
  own.on("error", ({ message }) => say(message));
  own.on("exit", ({ code, signal }) => note(signal ? `the agent was ended by ${signal}` : `the agent has exited with ${code}`));
  own.on("reconnecting", ({ cause, delayMs }) => say(`reconnecting in ${millis(delayMs)}: ${cause}`));
  own.on("ended", ({ reason }) => {
    sessionStorage.removeItem("session");
    if (reason === "session_not_found" && sessionId) return begin(); // a session of an earlier visit
    say(`ended: ${reason.replaceAll("_", " ")}`);
    byId("end").disabled = true;
    byId("again").hidden = false;
    if (reason === "unauthenticated") {
      byId("login").hidden = false;
      byId("token").focus();
    }
  });
}

function show(payload, more) {
  if (io === "pty") screen.write(payload);
  else screen.write((typeof payload === "string" ? payload : JSON.stringify(payload)).replaceAll("\n", "\r\n") + (more ? "" : "\r\n"));
}

const note = (text) => screen.write(`\r\n\x1b[2m${text}\x1b[0m\r\n`);

screen.onData((keys) => {
  if (!session) return;
  if (io === "pty") {
    if (!session.send(keys)) say("the agent is behind: this was not sent");
    return;
  }
  if (keys.startsWith("\x1b")) return; // arrows and the like have no meaning in a line that is typed here
  for (const key of keys) {
    if (key === "\r" || key === "\n") {
      screen.write("\r\n");
      session.send(typed);
      typed = "";
    } else if (key === "\x7f") {
      if (typed) screen.write("\b \b");
      typed = [...typed].slice(0, -1).join("");
    } else if (key === "\x03") {
      session.signal("INT");
    } else if (key === "\x04" && !typed) {
      session.eof();
    } else if (key >= " ") {
      typed += key;
      screen.write(key);
    }
  }
});
screen.onResize(({ cols, rows }) => session?.resize(cols, rows));

byId("end").addEventListener("click", () => session.end());
byId("again").addEventListener("click", () => {
  screen.reset();
  begin();
});
byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value.trim());
  byId("token").value = "";
  byId("login").hidden = true;
  begin();
  watch();
});

// The pool: what an operator sees, if this token is one and the endpoint is on this listener.

const api = (path, options = {}) => fetch(path, { ...options, headers: token() ? { Authorization: "Bearer " + token() } : {} });

async function look() {
  let status;
  try {
    const answer = await api("api/status");
    if (!answer.ok) return false;
    status = await answer.json();
  } catch {
    return true; // it may be back
  }
  byId("pool-toggle").hidden = false;
  if (!byId("pool").hidden) draw(status);
  return true;
}

function draw({ pool, tasks = [], sessions = [], hosts = [] }) {
  const fill = (id, children) => byId(id).replaceChildren(...children);
  const element = (name, text = "", attributes = {}) => Object.assign(document.createElement(name), { textContent: text }, attributes);
  const counts = { ready: pool.ready, starting: pool.starting, assigned: pool.assigned, waiting: pool.waiting, minimum: pool.min, maximum: pool.max };
  fill("counts", Object.entries(counts).map(([name, n]) => {
    const cell = element("div");
    cell.append(element("dt", name), element("dd", String(n)));
    return cell;
  }));
  fill("tasks", tasks.map((task) => element("li", "", { className: task.state, title: [task.id, task.state, task.host, task.revision, task.isolation, task.sessionId, millis(task.ageMs)].filter(Boolean).join("\n") })));
  fill("sessions", sessions.map((each) => {
    const row = element("tr");
    const button = element("button", "end", { type: "button" });
    button.addEventListener("click", () => api("api/sessions/" + encodeURIComponent(each.id), { method: "DELETE" }).then(look));
    const last = element("td");
    last.append(button);
    row.append(element("td", each.id, { title: each.id }), element("td", each.userId), element("td", each.state), element("td", millis(each.ageMs)), last);
    return row;
  }));
  byId("hosts-title").hidden = hosts.length === 0;
  fill("hosts", hosts.map((host) => element("li", `${host.id.split("/").pop()}  ${host.state.replaceAll("_", " ")}  ${host.tasks} tasks, ${host.slots} free`, { title: host.id })));
}

/** Looks again and again, for as long as the gateway does not refuse. */
async function watch() {
  while (await look()) await new Promise((next) => setTimeout(next, document.hidden ? 10_000 : 1_000));
}

byId("pool-toggle").addEventListener("click", () => {
  const open = byId("pool").toggleAttribute("hidden") === false;
  byId("pool-toggle").setAttribute("aria-expanded", String(open));
  if (open) look();
});

begin(sessionStorage.getItem("session") ?? "");
watch();
