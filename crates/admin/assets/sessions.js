// The list of live sessions, a page at a time. While it is shown, the page asks the server again every two seconds. The
// filter and the position in the list are in the address.

import { h, $, count, duration, say } from "./dom.js";
import { ask, token } from "./stream.js";
import { causeLink } from "./causes.js";
import { kickForm } from "./kick.js";

const SHOWN = 50;
const REFRESH_MS = 2_000;
const TYPING_MS = 250;
const FILTERS = ["player", "address", "profile", "link"];

export class SessionsPage {
  /** The current query; undefined while another page is shown. */
  #wanted;
  #timer;
  #typing;
  #open;
  /** The player to whom the kick form applies. */
  #whom;

  constructor() {
    const form = $("sessions-filters");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply();
    });
    form.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#apply(), TYPING_MS);
    });
    form.addEventListener("reset", () => setTimeout(() => this.#apply()));
  }

  /** Shows the sessions that the address asks for. */
  show(query) {
    const asked = new URLSearchParams(query);
    const wanted = Object.fromEntries([...FILTERS, "after"].map((name) => [name, asked.get(name)]).filter(([, value]) => value));
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    const arrives = this.#wanted === undefined;
    this.#wanted = wanted;
    for (const name of FILTERS) {
      const [input, value] = [$(`sessions-by-${name}`), wanted[name] ?? ""];
      if (input.options && value) offer(input, value);
      if (input.value.trim() !== value) input.value = value;
    }
    if (arrives) $("sessions-title").focus();
    this.#refresh(true);
  }

  hide() {
    clearTimeout(this.#timer);
    clearTimeout(this.#typing);
    this.#wanted = undefined;
  }

  /** Takes from a snapshot the total number of sessions and the possible filters. */
  know({ sessions, detection, suspects }) {
    this.#open = sessions.open + sessions.suspended;
    for (const { profile } of detection) offer($("sessions-by-profile"), profile);
    for (const { diagnosis } of suspects) offer($("sessions-by-link"), diagnosis);
  }

  #apply() {
    clearTimeout(this.#typing);
    const data = [...new FormData($("sessions-filters"))].map(([name, value]) => [name, value.trim()]);
    const query = new URLSearchParams(data.filter(([, value]) => value)).toString();
    history.replaceState(null, "", query ? `#/sessions?${query}` : "#/sessions");
    this.show(query);
  }

  /** Asks once, and again after a while. A newer query makes the answer obsolete. */
  async #refresh(anew) {
    clearTimeout(this.#timer);
    const wanted = this.#wanted;
    const answer = await ask(`/api/sessions?${new URLSearchParams({ ...wanted, limit: SHOWN })}`).catch(() => undefined);
    const told = answer && (await (answer.ok ? answer.json() : answer.text()).catch(() => undefined));
    if (wanted !== this.#wanted) return;
    if (answer?.ok && told) this.#draw(told, answer.headers.get("x-lastword-last"));
    else if (answer && told) this.#refused(told);
    if (anew) say($("news"), $("sessions-words").textContent);
    this.#timer = setTimeout(() => this.#refresh(false), REFRESH_MS);
  }

  #refused(words) {
    this.#draw([], undefined);
    say($("sessions-words"), words);
  }

  #draw(sessions, last) {
    const { after, ...filters } = this.#wanted;
    place($("sessions-rows"), sessions);
    $("sessions-table").hidden = sessions.length === 0;
    say($("sessions-words"), this.#words(sessions.length, last));
    $("sessions-first").hidden = !after;
    $("sessions-first").href = address(filters);
    $("sessions-next").hidden = !last;
    $("sessions-next").href = address({ ...filters, after: last });
    this.#kick(sessions.length > 0 ? filters.player : undefined);
  }

  #words(shown, last) {
    const { after, ...filters } = this.#wanted;
    const what = Object.keys(filters).length > 0 ? " that match" : "";
    const sessions = `${count(shown)} live ${shown === 1 ? "session" : "sessions"}${what}`;
    if (shown === 0) return after ? `No more live sessions${what}.` : `No live sessions${what}.`;
    if (!last) return after ? `${sessions}: the last page.` : `${sessions}.`;
    return what === "" && this.#open ? `${sessions} on this page, of ${count(this.#open)}.` : `${sessions} on this page. There are more.`;
  }

  /** A form to kick all sessions of the filtered player. It is made again only for another player: the user may be
   * typing. */
  #kick(player) {
    if (!token.read()) player = undefined;
    if (player === this.#whom) return;
    this.#whom = player;
    const form = player && h("section", {}, h("h3", {}, "Kick ", h("span", { class: "name" }, player), " out of every session"), kickForm({ player }, "kick-player"));
    $("sessions-kick").replaceChildren(...(form ? [form] : []));
  }
}

function offer(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value, value));
}

function address(query) {
  const text = new URLSearchParams(query).toString();
  return text ? `#/sessions?${text}` : "#/sessions";
}

/** Sets the rows, which never change their order, so that the focus stays where it is. */
function place(body, sessions) {
  const wanted = new Set(sessions.map(({ session }) => session));
  const there = new Map([...body.children].map((row) => [row.dataset.session, row]));
  for (const [session, row] of there) if (!wanted.has(session)) row.remove();
  let next = body.firstElementChild;
  for (const session of sessions) {
    const row = there.get(session.session) ?? rowOf(session);
    if (row !== next) body.insertBefore(row, next);
    next = row.nextElementSibling;
    fill(row, session);
  }
}

function rowOf({ session, player, remote, profile }) {
  return h("tr", { "data-session": session },
    h("th", { scope: "row", class: "player" }, h("a", { href: `#/session/${session}` }, player || "anonymous"), h("small", {}, `${session.slice(0, 8)}…`)),
    h("td", { class: "link" }),
    h("td", { class: "from" }, remote),
    h("td", { class: "wide-only" }, profile ?? "–"),
    h("td", { class: "number wide-only" }),
    h("td", { class: "number" }));
}

function fill(row, { link, congested, rate_limited: rateLimited, live_ms: live, rtt_us: rtt }) {
  const [, health, , , trip, age] = row.children;
  const also = [congested && "reads slowly", rateLimited && "over its rate"].filter(Boolean).join(", ");
  const state = `${link} ${also}`;
  if (row.dataset.link !== state) {
    row.dataset.link = state;
    health.replaceChildren(linkWords(link), ...(also ? [h("small", {}, also)] : []));
  }
  say(trip, duration(rtt === undefined ? undefined : rtt / 1000));
  say(age, live < 60_000 ? `${Math.floor(live / 1000)} s` : duration(live));
}

/** Describes a link in words. A silence is named by the cause that it would become. */
export function linkWords(link) {
  if (link === "healthy") return h("span", {}, "healthy");
  if (link === "suspended") return h("span", { class: "suspended" }, "suspended: waits for its player");
  return h("span", { class: "suspect" }, "suspect: ", link === "undecided" ? link : causeLink(link));
}
