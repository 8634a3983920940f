// The pool: what an operator sees, if the token is one's and the endpoint is on this listener.
import { age, byId, element, fill, millis, setText, words } from "./page.js";

const LETTERS = { ready: "R", starting: "S", assigned: "A", stopping: "×" };
const PHASES = ["launch", "boot", "claim", "init", "workspace", "token", "agent", "total"];
const MOST = 200; // rows of sessions
const AGAIN = 2_000; // ms before a feed that broke off is opened again
const SURE = 4_000; // ms in which a second press means it

const operatorsToken = () => sessionStorage.getItem("operator");

export class Pool {
  #page;
  #feed = null; // aborts the one that is open
  #usersTokenIsOperators = false;

  /** @param page tells of the user's token and session, and attaches to another's */
  constructor(page) {
    this.#page = page;
    byId("pool-toggle").addEventListener("click", () => (byId("pool").hidden ? this.open() : this.#close()));
    byId("operator").addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem("operator", byId("operator-token").value.trim());
      byId("operator-token").value = "";
      this.open();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#feed?.abort();
      else if (!byId("pool").hidden) this.#follow();
    });
  }

  /** Offers the pool if this listener has it. */
  async look() {
    const answer = await this.#fetch("api/status").catch(() => null);
    byId("pool-toggle").hidden = !answer || answer.status === 404;
  }

  open() {
    byId("pool").hidden = false;
    byId("pool-toggle").setAttribute("aria-expanded", "true");
    this.#follow();
  }

  #close() {
    byId("pool").hidden = true;
    byId("pool-toggle").setAttribute("aria-expanded", "false");
    this.#feed?.abort();
  }

  #fetch(path, options = {}) {
    const token = operatorsToken() ?? this.#page.token();
    return fetch(path, { ...options, headers: token ? { Authorization: "Bearer " + token } : {} });
  }

  /** Draws what the feed tells for as long as the view is open, opening it again when it breaks off. */
  async #follow() {
    this.#feed?.abort();
    const own = (this.#feed = new AbortController());
    while (!own.signal.aborted) {
      try {
        const answer = await this.#fetch("api/feed", { signal: own.signal });
        if (answer.status === 401) return this.#ask();
        if (answer.ok) await this.#read(answer.body);
        else setText(byId("alert"), `the feed is refused with ${answer.status}`);
      } catch (error) {
        if (own.signal.aborted) return;
        setText(byId("alert"), "the gateway is away");
      }
      await new Promise((next) => setTimeout(next, AGAIN));
    }
  }

  /** Asks for the operator's token, beside the user's. */
  #ask() {
    setText(byId("refused"), operatorsToken() ? "this is not the operator's token" : "");
    sessionStorage.removeItem("operator");
    byId("view").hidden = true;
    byId("operator").hidden = false;
    byId("operator-token").focus();
  }

  async #read(body) {
    byId("operator").hidden = true;
    byId("view").hidden = false;
    this.#usersTokenIsOperators = !operatorsToken();
    let text = "";
    for await (const piece of chunks(body.pipeThrough(new TextDecoderStream()))) {
      const events = (text + piece).split("\n\n");
      text = events.pop();
      const latest = events.findLast((event) => event.startsWith("data: "));
      if (latest) this.#draw(JSON.parse(latest.slice("data: ".length)));
    }
  }

  #draw({ status, hour }) {
    const { pool, tasks, sessions, hosts } = status;
    setText(byId("alert"), status.draining ? "this gateway is draining" : status.lastFailure ? `the last start failed: ${status.lastFailure}` : "");
    byId("alert").title = byId("alert").textContent;
    drawCounts(pool, hour.minutes);
    drawTasks(tasks ?? []);
    drawHour(hour);
    this.#drawSessions(sessions ?? [], pool.waiting);
    fill(byId("hosts"), hosts ?? [], (host) => host.id, (host) => element("li", "", { title: host.id }), (item, host) => {
      setText(item, `${short(host.id)}  ${words(host.state)}  ${host.tasks} tasks, ${host.slots} free`);
    });
  }

  #drawSessions(sessions, waiting) {
    setText(byId("sessions-title"), `Sessions: ${sessions.length}${waiting ? `, ${waiting} waiting` : ""}${sessions.length > MOST ? `, the first ${MOST}` : ""}`);
    const first = sessions.toSorted((a, b) => (b.state === "waiting") - (a.state === "waiting") || b.ageMs - a.ageMs || (a.id < b.id ? -1 : 1));
    fill(byId("sessions").tBodies[0], first.slice(0, MOST), (each) => each.id, (each) => this.#row(each), (row, each) => {
      const [, , state, begun, actions] = row.cells;
      setText(state, each.state);
      setText(begun, age(each.ageMs));
      actions.firstChild.hidden = !this.#page.mine(each, this.#usersTokenIsOperators) || each.id === this.#page.current();
    });
  }

  #row(each) {
    const row = element("tr");
    const attach = element("button", "attach", { type: "button", "aria-label": `attach to session ${each.id}`, title: "goes on with it here; its client is told so" });
    attach.addEventListener("click", () => this.#page.attach(each));
    const end = element("button", "end", { type: "button", "aria-label": `end session ${each.id}` });
    end.addEventListener("click", () => {
      if (end.textContent === "end") {
        end.textContent = "sure?";
        setTimeout(() => (end.textContent = "end"), SURE);
        return;
      }
      this.#fetch("api/sessions/" + encodeURIComponent(each.id), { method: "DELETE" }).catch(() => {}); // the feed shows what came of it
    });
    const actions = element("td");
    actions.append(attach, end);
    row.append(element("td", each.id, { title: each.id }), element("td", each.userId, { title: each.userId }), element("td"), element("td"), actions);
    return row;
  }
}

function drawCounts(pool, minutes) {
  const sum = (name) => minutes.reduce((n, minute) => n + minute[name], 0);
  const claims = sum("warm") + sum("cold") + sum("failed");
  const counts = {
    ready: pool.ready, starting: pool.starting, assigned: pool.assigned, stopping: pool.stopping,
    waiting: pool.waiting, target: pool.target, bounds: `${pool.min}–${pool.max}`, "hit rate": claims ? `${Math.floor((100 * sum("warm")) / claims)} %` : "–",
  };
  const make = ([name]) => {
    const cell = element("div");
    const term = element("dt", name);
    if (LETTERS[name]) term.prepend(element("span", LETTERS[name], { class: `cell ${name}`, "aria-hidden": "true" }));
    cell.append(term, element("dd"));
    return cell;
  };
  fill(byId("counts"), Object.entries(counts), ([name]) => name, make, (cell, [, value]) => setText(cell.lastChild, String(value)));
}

/** The tasks as cells, in groups of what runs where. */
function drawTasks(tasks) {
  const groups = new Map();
  for (const task of tasks.toSorted((a, b) => b.ageMs - a.ageMs || (a.id < b.id ? -1 : 1))) {
    const name = [task.host ? short(task.host) : "no host yet", task.revision].filter(Boolean).join(" · ");
    groups.set(name, [...(groups.get(name) ?? []), task]);
  }
  const make = ([name]) => {
    const group = element("section");
    group.append(element("h3", "", { title: name }), element("ul", "", { class: "cells", "aria-label": name }));
    return group;
  };
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  fill(byId("tasks"), sorted, ([name]) => name, make, (group, [name, members]) => {
    setText(group.firstChild, `${name}: ${members.length}`);
    fill(group.lastChild, members, (task) => task.id, () => element("li"), (cell, task) => {
      cell.className = `cell ${task.state}`;
      setText(cell, LETTERS[task.state] ?? "?");
      cell.ariaLabel = `${task.state}, task ${task.id}${task.sessionId ? ", session " + task.sessionId : ""}`;
      cell.title = [task.id, task.state, task.host, task.revision, task.isolation, task.sessionId, age(task.ageMs)].filter(Boolean).join("\n");
    });
  });
}

/** Starts go up from the axis and failures down, a bar for each minute. */
function drawHour({ minutes, phases }) {
  const sum = (name) => minutes.reduce((n, minute) => n + minute[name], 0);
  const most = Math.max(4, ...minutes.map((minute) => Math.max(minute.starts, minute.failures)));
  const axis = 40;
  const bars = [bar("axis", 0, axis, 240, 1)];
  minutes.forEach(({ starts, failures }, i) => {
    if (starts) bars.push(bar("start", i * 4, axis - (starts / most) * axis, 3, (starts / most) * axis));
    if (failures) bars.push(bar("failure", i * 4, axis + 1, 3, Math.max(3, (failures / most) * (59 - axis))));
  });
  byId("hour").replaceChildren(...bars);
  const said = `${sum("starts")} starts (up) and ${sum("failures")} failures (down); sessions: ${sum("warm")} warm, ${sum("cold")} cold, ${sum("failed")} failed`;
  byId("hour").ariaLabel = said;
  setText(byId("hour-text"), said);
  const known = new Map(phases.map((phase) => [phase.name, phase]));
  fill(byId("phases").tBodies[0], PHASES, (name) => name, () => {
    const row = element("tr");
    row.append(element("td"), element("td"), element("td"), element("td"));
    return row;
  }, (row, name) => {
    const phase = known.get(name);
    const values = phase ? [name, String(phase.count), millis(phase.p50Ms), millis(phase.p95Ms)] : [name, "–", "–", "–"];
    values.forEach((value, i) => setText(row.cells[i], value));
  });
}

function bar(kind, x, y, width, height) {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ class: kind, x, y, width, height })) rect.setAttribute(name, value);
  return rect;
}

/** The last part of an ARN. */
const short = (id) => id.split("/").pop();

/** A stream's pieces; not every browser iterates over a stream by itself. */
async function* chunks(stream) {
  const reader = stream.getReader();
  for (let part; !(part = await reader.read()).done; ) yield part.value;
}
