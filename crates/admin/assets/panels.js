// The tables and tiles that show one snapshot.

import { h, $, bytes, classMark, count, duration, rows, say } from "./dom.js";
import { CLASSES } from "./history.js";
import { causeLink } from "./causes.js";

export class Panels {
  #history;
  #tiles = new Map();
  #snapshot;

  constructor(history) {
    this.#history = history;
    $("every-profile").addEventListener("change", () => this.#snapshot && this.#detection(this.#snapshot));
  }

  show(snapshot) {
    this.#snapshot = snapshot;
    this.#now(snapshot);
    this.#classes(snapshot);
    this.#causes(snapshot);
    this.#suspects(snapshot);
    this.#detection(snapshot);
    this.#own(snapshot);
  }

  #now({ sessions, connections, suspects }) {
    const lost = this.#history.lost(60);
    const silent = suspects.reduce((sum, { now }) => sum + now, 0);
    this.#tile("open", h("a", { href: "#/sessions" }, "Sessions open"), count(sessions.open), `${count(sessions.joined)} joined`);
    this.#tile("suspended", h("a", { href: "#/sessions?link=suspended" }, "Suspended"), count(sessions.suspended), "lost their connection, and wait for their players");
    this.#tile("lost", "Lost, last minute", count(lost), `${count(sessions.lost)} since the start`, lost > 0 ? "bad" : "");
    this.#tile("suspect", h("a", { href: "#/sessions?link=suspect" }, "Suspect"), count(silent), "silent, not given up", silent > 0 ? "warn" : "");
    this.#tile("connections", "Connections open", count(connections.open), `${count(connections.opened)} accepted`);
  }

  #tile(id, name, value, words, mood = "") {
    let tile = this.#tiles.get(id);
    if (!tile) {
      const [number, small] = [h("span", { class: "value", id: `tile-${id}` }), h("span", { class: "words" })];
      const box = h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, number, small));
      tile = { box, number, small };
      this.#tiles.set(id, tile);
      $("tiles").append(box);
    }
    say(tile.number, value);
    say(tile.small, words);
    tile.box.dataset.mood = mood;
  }

  #classes({ disconnects }) {
    const sums = [60, 300, 900].map((seconds) => this.#history.sums(seconds, "all"));
    rows($("classes"), CLASSES.map((name, at) => {
      const total = disconnects.filter((end) => end.class === name).reduce((sum, end) => sum + end.count, 0);
      return { key: name, cells: [{ make: () => classMark(name) }, ...sums.map((each) => count(each[at])), count(total)] };
    }));
  }

  #causes({ disconnects }) {
    const causes = new Map();
    for (const end of disconnects) {
      const sums = causes.get(end.cause) ?? { class: end.class, live: 0, early: 0 };
      sums[end.phase === "live" ? "live" : "early"] += end.count;
      causes.set(end.cause, sums);
    }
    const sorted = [...causes].sort(([a, x], [b, y]) => y.live - x.live || y.early - x.early || a.localeCompare(b));
    rows($("causes"), sorted.map(([cause, sums]) => ({
      key: cause,
      cells: [
        { make: () => h("span", {}, classMark(sums.class, causeLink(cause)), " ", h("a", { class: "aside", href: `#cause=${cause}` }, "closes", h("span", { class: "sr" }, ` of ${cause}`))) },
        { class: "dim wide-only", make: () => sums.class },
        count(sums.live),
        count(sums.early),
      ],
    })));
    const none = [{ key: "none", cells: ["No player has left yet", "", "", ""] }];
    if (sorted.length === 0) rows($("causes"), none);
  }

  #suspects({ suspects }) {
    rows($("suspects"), suspects.map(({ diagnosis, now, total }) => ({
      key: diagnosis,
      cells: [{ make: () => (diagnosis === "undecided" ? h("span", {}, diagnosis) : causeLink(diagnosis)) }, listed(diagnosis, now), count(total)],
    })));
  }

  /** Shows the observed times. Bounds without any are shown only for the default profile, which comes first. */
  #detection({ detection }) {
    const first = detection[0]?.profile;
    const all = $("every-profile").checked;
    const shown = detection.filter(({ profile, seen }) => all || seen || profile === first);
    shown.sort((a, b) => Boolean(b.seen) - Boolean(a.seen));
    rows($("detection"), shown.map(({ cause, profile, bound_ms: bound, window_ms: window, seen }) => ({
      key: `${cause} ${profile} ${seen ? "seen" : ""}`,
      cells: [
        { make: () => h("span", {}, causeLink(cause), h("small", {}, profile)) },
        { class: "gauge-cell wide-only", make: () => gauge(seen, bound), update: (cell) => adjust(cell, seen, bound) },
        seen ? duration(seen.last_ms) : "–",
        { class: "number wide-only", make: () => h("span"), update: (cell) => say(cell, seen ? duration(seen.median_ms) : "–") },
        seen ? duration(seen.max_ms) : "–",
        bound === undefined ? "none" : duration(bound),
        { class: "number wide-only", make: () => h("span"), update: (cell) => say(cell, window === undefined ? "none" : duration(window)) },
      ],
    })));
  }

  #own({ own }) {
    const facts = [
      ["Late now, at most", duration(own.lag_ms)],
      ["Own stalls, total", duration(own.stall_ms)],
      ["Events that wait for the game", count(own.events_waiting)],
      ["Sessions whose reading is paused", count(own.inbound_paused)],
      ["Sessions whose player reads slowly", count(own.congested)],
      ["Sessions over their rate", count(own.rate_limited)],
      ["Players that came back", count(own.resumed)],
      ["Returns that were refused", count(own.resumes_refused)],
      ["Received", `${count(own.frames_in)} frames, ${bytes(own.bytes_in)}`],
      ["Sent", `${count(own.frames_out)} frames, ${bytes(own.bytes_out)}`],
      ["Round trip, mean", duration(own.round_trip_us === undefined ? undefined : own.round_trip_us / 1000)],
      ["Errors of accept", count(own.accept_errors)],
    ];
    const list = $("own");
    if (list.children.length === 0) {
      list.append(...facts.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}))));
    }
    facts.forEach(([, value], at) => say(list.children[at].lastElementChild, value));
  }
}

/** The number of suspect sessions, as a link to their list. */
function listed(diagnosis, now) {
  const update = (cell) => {
    say(cell.firstElementChild, count(now));
    cell.firstElementChild.setAttribute("aria-label", `${count(now)} suspect as ${diagnosis}: list them`);
  };
  return { class: "number", make: () => h("a", { href: `#/sessions?link=${diagnosis}` }), update };
}

function gauge(seen, bound) {
  const box = h("div", { class: "gauge" }, h("span", { class: "fill" }), h("span", { class: "mark" }));
  adjust(box, seen, bound);
  return box;
}

/** Draws a bar up to the last value and a mark at the longest, on a scale that ends a little beyond the bound. The
 * numbers are next to it. */
function adjust(place, seen, bound) {
  const box = place.classList.contains("gauge") ? place : place.firstElementChild;
  const [fill, mark] = box.children;
  const scale = Math.max(bound ?? 0, seen?.max_ms ?? 0, 1) * 1.1;
  fill.style.width = `${((seen?.last_ms ?? 0) / scale) * 100}%`;
  mark.hidden = bound === undefined;
  mark.style.left = `${((bound ?? 0) / scale) * 100}%`;
  const over = seen?.over > 0;
  box.dataset.over = over ? "yes" : "no";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", !seen ? "not seen yet" : over ? "over its bound" : "within its bound");
}
