// Elements and words. Text is only ever set as a text node, because names and reasons come from players.

/** Makes an element: attributes, listeners (on…), and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Sets a text only if it changes, so that it is not read out or laid out twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the rows of a table body, and keeps rows that have not changed. */
export function rows(body, wanted) {
  wanted.forEach(({ key, cells }, at) => {
    let row = body.children[at];
    if (!row || row.dataset.key !== key || row.children.length !== cells.length) {
      const fresh = h("tr", { "data-key": key }, ...cells.map((cell, n) => cellOf(cell, n)));
      if (row) row.replaceWith(fresh);
      else body.append(fresh);
      return;
    }
    cells.forEach((cell, n) => {
      if (typeof cell === "string") say(row.children[n], cell);
      else if (cell.update) cell.update(row.children[n]);
    });
  });
  while (body.children.length > wanted.length) body.lastElementChild.remove();
}

function filled(cell, element) {
  cell.update?.(element);
  return element;
}

function cellOf(cell, at) {
  const tag = at === 0 ? "th" : "td";
  const attributes = at === 0 ? { scope: "row" } : {};
  if (typeof cell === "string") {
    if (/^([\d–]|none$)/.test(cell)) attributes.class = "number";
    return h(tag, attributes, cell);
  }
  return filled(cell, h(tag, { ...attributes, class: cell.class }, cell.make()));
}

// Made once: making a formatter takes longer than making a table row.
const NUMBER = new Intl.NumberFormat("en-GB");
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export const count = (n) => NUMBER.format(n);

/** Formats milliseconds in a suitable unit. */
export function duration(ms) {
  if (ms === undefined || ms === null) return "–";
  if (ms > 0 && ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const s = Math.floor(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function bytes(n) {
  if (n === undefined || n === null) return "–";
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let at = -1;
  do {
    n /= 1000;
    at += 1;
  } while (n >= 1000 && at < units.length - 1);
  return `${n.toFixed(n < 10 ? 1 : 0)} ${units[at]}`;
}

export const clock = (at) => TIME.format(new Date(at));

/** Formats a time of day, without the seconds if they are zero. */
export const shortClock = (at) => (at.getSeconds() === 0 ? MINUTE : TIME).format(at);

/** Shows a class by a colour and a word, never by the colour alone. */
export function classMark(name, words = name) {
  return h("span", { class: "class" }, h("span", { class: "swatch", "data-class": name, "aria-hidden": "true" }), words);
}
