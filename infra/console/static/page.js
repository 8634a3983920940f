// What every part of the page needs.

export const byId = (id) => document.getElementById(id);

/** A time as a person would write it. */
export function millis(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

/** The same in whole seconds, for what is told every second. */
export const age = (ms) => (ms < 60_000 ? `${Math.floor(ms / 1_000)} s` : millis(ms));

export const words = (name) => name.replaceAll("_", " ");

export function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/**
 * Makes parent's children those of the items, in their order. One that is there already stays the same element, so that it keeps
 * the focus, and what a screen reader has read of it.
 */
export function fill(parent, items, key, make, update = () => {}) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let child = before.get(name);
    before.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of before.values()) child.remove();
}

/** Sets an element's text only if it differs. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
