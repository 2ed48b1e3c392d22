// The last closes: all of them kept in memory, few of them in the document. While the user reads one, the list does not
// move, and shows how many closes came since.

import { h, $, classMark, clock, count, say } from "./dom.js";
import { ask } from "./stream.js";
import { causeLink } from "./causes.js";
import { evidence } from "./evidence.js";

/** The most closes of sessions, and the most of other connections: so other connections displace no player's close. */
const KEPT = 10_000;
const SHOWN = 25;
const MORE = 75;

export class Closes {
  /** By number, oldest first. */
  #all = [];
  #shown = SHOWN;
  #open = new Set();
  #filter = {};
  /** The number of the newest close when the list was told not to move. */
  #heldAt;
  #missed = 0;
  #due = false;

  constructor() {
    $("more").addEventListener("click", () => {
      this.#shown += MORE;
      this.draw();
    });
    $("fresh").addEventListener("click", () => {
      this.#open.clear();
      this.#heldAt = undefined;
      this.draw();
      $("closes-title").focus();
    });
    const filters = $("filters");
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("input", () => this.#apply());
    filters.addEventListener("reset", () => setTimeout(() => this.#apply()));
  }

  /** Adds closes, oldest first, which follow those that are here. */
  add(closes, missed) {
    this.#missed += missed;
    const last = this.#all.at(-1)?.seq ?? 0;
    this.#all.push(...closes.filter(({ seq }) => seq > last));
    this.#all = newest(this.#all);
    this.#newCauses(closes);
    this.#soon();
  }

  /** Forgets all closes, because another run of the server counts from 1 again. */
  restart() {
    this.#all = [];
    this.#open.clear();
    this.#heldAt = undefined;
    this.#missed = 0;
    this.draw();
  }

  /** Takes the filter from the address, and loads the matching closes that the server still has. */
  async filter(parameters) {
    const wanted = {};
    for (const name of ["cause", "player", "session"]) {
      const value = parameters.get(name) ?? "";
      if (value) wanted[name] = value;
      const input = $(`by-${name}`);
      if (name === "cause" && value) this.#newCauses([{ cause: value }]);
      if (input.value !== value) input.value = value;
    }
    if (JSON.stringify(wanted) === JSON.stringify(this.#filter)) return;
    this.#filter = wanted;
    this.#shown = SHOWN;
    this.#open.clear();
    this.#heldAt = undefined;
    this.draw();
    if (Object.keys(wanted).length > 0) await this.#older(wanted);
  }

  async #older(wanted) {
    const answer = await ask(`/api/closes?limit=500&${new URLSearchParams(wanted)}`).catch(() => undefined);
    if (!answer?.ok || wanted !== this.#filter) return;
    const known = new Set(this.#all.map(({ seq }) => seq));
    const older = (await answer.json()).filter(({ seq }) => !known.has(seq));
    this.#all = newest([...this.#all, ...older].sort((a, b) => a.seq - b.seq));
    this.draw();
  }

  #apply() {
    const data = [...new FormData($("filters"))].map(([name, value]) => [name, value.trim()]);
    const hash = new URLSearchParams(data.filter(([, value]) => value)).toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
    this.filter(new URLSearchParams(hash));
  }

  #asksFor(close) {
    const { cause, player, session } = this.#filter;
    return (!cause || close.cause === cause) && (!player || close.player === player) && (!session || close.session === session.toLowerCase());
  }

  #newCauses(closes) {
    const select = $("by-cause");
    const known = new Set([...select.options].map(({ value }) => value));
    for (const { cause } of closes) {
      if (known.has(cause)) continue;
      known.add(cause);
      const before = [...select.options].find(({ value }) => value > cause);
      select.add(new Option(cause, cause), before ?? null);
    }
  }

  /** Draws at most once per animation frame, for any number of events. */
  #soon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.draw();
    });
  }

  draw() {
    const found = [];
    let fresh = 0;
    let more = false;
    for (let at = this.#all.length - 1; at >= 0; at -= 1) {
      const close = this.#all[at];
      if (!this.#asksFor(close)) continue;
      if (this.#heldAt !== undefined && close.seq > this.#heldAt) fresh += 1;
      else if (found.length < this.#shown) found.push(close);
      else {
        more = true;
        break;
      }
    }
    this.#place(found);
    $("more").hidden = !more;
    $("fresh").hidden = fresh === 0;
    say($("fresh"), fresh === 1 ? "1 new close" : `${count(fresh)} new closes`);
    this.#words(found, more);
  }

  #words(found, more) {
    const what = Object.keys(this.#filter).length > 0 ? " that match" : "";
    const missed = this.#missed > 0 ? ` ${count(this.#missed)} more are missing: the server no longer keeps them.` : "";
    const words = found.length === 0 ? `No closes${what} yet.` : `The newest ${count(found.length)}${what}${more ? ", of more" : ""}.`;
    say($("closes-words"), words + missed);
    const { cause } = this.#filter;
    $("closes-about").hidden = !cause;
    $("closes-about").href = `#/cause/${cause}`;
    say($("closes-about"), `What ${cause} means`);
  }

  /** Moves the rows that exist, and makes the others. */
  #place(found) {
    const body = $("closes");
    const there = new Map([...body.children].filter((row) => row.dataset.seq).map((row) => [Number(row.dataset.seq), row]));
    const wanted = new Set(found.map(({ seq }) => seq));
    for (const [seq, row] of there) if (!wanted.has(seq)) this.#drop(row);
    let next = body.firstElementChild;
    for (const close of found) {
      const row = there.get(close.seq) ?? this.#row(close);
      if (row !== next) body.insertBefore(row, next);
      next = row.nextElementSibling;
      if (next?.dataset.of === String(close.seq)) next = next.nextElementSibling;
    }
  }

  #drop(row) {
    if (row.nextElementSibling?.dataset.of === row.dataset.seq) row.nextElementSibling.remove();
    row.remove();
  }

  #row(close) {
    const id = `close-${close.seq}`;
    const button = h("button", { type: "button", class: "expand", "aria-expanded": "false", "aria-controls": id, onclick: () => this.#toggle(close, row) },
      h("span", { class: "arrow", "aria-hidden": "true" }), clock(close.at), h("span", { class: "sr" }, ": evidence"));
    const row = h("tr", { "data-seq": close.seq },
      h("td", { class: "when" }, button),
      h("td", { class: "player" }, close.player || h("span", { class: "dim" }, close.session ? "anonymous" : "none")),
      h("th", { scope: "row", class: "cause" }, classMark(close.class, causeLink(close.cause))),
      h("td", { class: "words" }, withoutCause(close)));
    return row;
  }

  #toggle(close, row) {
    const button = row.querySelector("button");
    const open = !this.#open.has(close.seq);
    button.setAttribute("aria-expanded", String(open));
    if (!open) {
      this.#open.delete(close.seq);
      row.nextElementSibling.remove();
      if (this.#open.size === 0) this.#heldAt = undefined;
      this.draw();
      return;
    }
    this.#heldAt ??= this.#all.at(-1).seq;
    this.#open.add(close.seq);
    row.after(h("tr", { "data-of": close.seq, class: "detail" }, h("td", { colspan: 4, id: `close-${close.seq}` }, evidence(close))));
    this.#askForAccount(close);
  }

  /** A client tells its side only when it comes back, after this page got the record. */
  async #askForAccount(close) {
    if (!close.session || close.told) return;
    const answer = await ask(`/api/closes?limit=500&session=${close.session}`).catch(() => undefined);
    if (!answer?.ok) return;
    const told = (await answer.json()).find(({ seq, told }) => seq === close.seq && told);
    const detail = $(`close-${close.seq}`);
    if (!told || !detail) return;
    Object.assign(close, told);
    detail.replaceChildren(evidence(close));
  }
}

/** The closes to keep, of closes sorted by number. */
function newest(closes) {
  if (closes.length <= KEPT) return closes;
  const room = { sessions: KEPT, others: KEPT };
  const kept = [];
  for (let at = closes.length - 1; at >= 0; at -= 1) {
    const kind = closes[at].connection > 0 ? "sessions" : "others";
    if (room[kind] > 0) kept.push(closes[at]);
    room[kind] -= 1;
  }
  return kept.reverse();
}

/** The words without the cause, which the next column shows. */
function withoutCause({ words, cause }) {
  return words.startsWith(`${cause} `) ? words.slice(cause.length + 1) : words;
}
