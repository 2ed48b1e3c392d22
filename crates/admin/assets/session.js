// One session's own page: its state while it is live, and the ends of its connections.

import { h, $, bytes, clock, classMark, count, duration } from "./dom.js";
import { ask } from "./stream.js";
import { causeLink } from "./causes.js";
import { evidence } from "./evidence.js";
import { kickForm } from "./kick.js";
import { linkWords } from "./sessions.js";

const REFRESH_MS = 2_000;

export class SessionPage {
  #id;
  #timer;
  #was;

  show(id) {
    if (this.#id === id) return;
    this.hide();
    this.#id = id;
    const title = h("h2", { tabindex: "-1" }, "Session ", h("code", {}, id));
    $("session").replaceChildren(h("p", {}, h("a", { href: "#/sessions" }, "← All sessions")), title, h("div", { class: "panel", id: "session-body" }, "Asking …"));
    title.focus();
    this.#refresh();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#id = undefined;
    this.#was = undefined;
  }

  async #refresh() {
    const id = this.#id;
    const answer = await ask(`/api/sessions/${encodeURIComponent(id)}`).catch(() => undefined);
    const known = answer?.ok ? await answer.json() : undefined;
    if (id !== this.#id) return;
    if (known) this.#draw(known);
    else if (answer) this.#say(await answer.text());
    // A session that has ended does not change again.
    if (!known || known.live) this.#timer = setTimeout(() => this.#refresh(), REFRESH_MS);
  }

  #say(words) {
    $("session-body")?.replaceChildren(h("p", {}, words));
  }

  #draw({ live, closes }) {
    const is = `${Boolean(live)} ${closes.length}`;
    const body = $("session-body");
    if (this.#was !== is) {
      this.#was = is;
      body.replaceChildren(
        live ? h("section", { id: "session-live" }, h("h3", {}, "Live"), h("dl", { class: "facts wide", id: "session-facts" }), kickForm({ session: this.#id }, "kick"))
          : h("p", {}, "It is no longer live."),
        ...closes.map(ended));
    }
    if (live) tell($("session-facts"), facts(live));
  }
}

/** Changes only the texts that differ, because a link may have the focus. */
function tell(list, facts) {
  if (list.children.length === 0) list.append(...facts.map(([name]) => h("div", {}, h("dt", {}, name), h("dd"))));
  facts.forEach(([, value], at) => {
    const place = list.children[at].lastElementChild;
    if (place.textContent !== (value.textContent ?? value)) place.replaceChildren(value);
  });
}

function facts(live) {
  return [
    ["Player", live.player || "anonymous"],
    ["Link", linkWords(live.link)],
    ["Suspended for", live.suspended_ms === undefined ? "–" : duration(live.suspended_ms)],
    ["From", live.remote],
    ["Live for", duration(live.live_ms)],
    ["Profile", live.profile ?? "–"],
    ["Cohort", live.cohort ?? "none"],
    ["Round trip", duration(live.rtt_us === undefined ? undefined : live.rtt_us / 1000)],
    ["Last byte in", live.last_byte_in_ms === undefined ? "–" : `${duration(live.last_byte_in_ms)} ago`],
    ["Frames", `${count(live.frames_in)} in, ${count(live.frames_out)} out`],
    ["Bytes", `${bytes(live.bytes_in)} in, ${bytes(live.bytes_out)} out`],
    ["Waiting to be written", `${bytes(live.bytes_queued)}${live.congested ? ": the player reads slowly" : ""}`],
    ["Not acknowledged yet", bytes(live.bytes_unacked)],
    ["Reading", reading(live)],
  ];
}

function reading(live) {
  if (live.inbound_paused) return "paused: the game takes no frames";
  return live.rate_limited ? "slowed: the player is over its rate" : "active";
}

function ended(record) {
  return h("section", {}, h("h3", {}, classMark(record.class, causeLink(record.cause)), ` at ${clock(record.at)}`), evidence(record));
}
