// One session's own page: how it does while it lives, and what its connections ended with.

import { h, $, bytes, clock, classMark, count, duration } from "./dom.js";
import { ask, token } from "./stream.js";
import { evidence } from "./evidence.js";

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
    $("session").replaceChildren(h("p", {}, h("a", { href: "#" }, "← All sessions")), title, h("div", { class: "panel", id: "session-body" }, "Asking …"));
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
    // What has ended does not change any more.
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
        live ? h("section", { id: "session-live" }, h("h3", {}, "Live"), h("dl", { class: "facts wide", id: "session-facts" }), this.#kickForm())
          : h("p", {}, "It is not live any more."),
        ...closes.map(ended));
    }
    if (live) $("session-facts").replaceChildren(...facts(live).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  }

  #kickForm() {
    if (!token.read()) return h("p", { class: "note" }, "To kick this player the server has to have a token: admin.token_file.");
    const words = h("p", { class: "note", role: "status" });
    const submit = async (event) => {
      event.preventDefault();
      const { reason, advice } = Object.fromEntries(new FormData(event.target));
      const answer = await ask("/api/kick", { method: "POST", body: JSON.stringify({ session: this.#id, reason, advice }) });
      words.textContent = answer.ok ? "Thrown out." : await answer.text();
    };
    return h("form", { class: "filters", onsubmit: submit },
      h("p", {}, h("label", { for: "kick-reason" }, "Reason, for the player"), h("input", { id: "kick-reason", name: "reason", maxlength: 200, autocomplete: "off" })),
      h("p", {}, h("label", { for: "kick-advice" }, "The client is to"), h("select", { id: "kick-advice", name: "advice" },
        h("option", { value: "may_reconnect" }, "reconnect at will"), h("option", { value: "do_not" }, "stay away"), h("option", { value: "elsewhere" }, "go elsewhere"))),
      h("p", {}, h("button", { type: "submit", class: "danger" }, "Kick")), words);
  }
}

function facts(live) {
  return [
    ["Player", live.player || "anonymous"],
    ["Link", live.link === "healthy" ? "healthy" : `suspect: ${live.link}`],
    ["From", live.remote],
    ["Live for", duration(live.live_ms)],
    ["Profile", live.profile ?? "–"],
    ["Cohort", live.cohort ?? "none"],
    ["Round trip", duration(live.rtt_us === undefined ? undefined : live.rtt_us / 1000)],
    ["Last byte in", live.last_byte_in_ms === undefined ? "–" : `${duration(live.last_byte_in_ms)} ago`],
    ["Frames", `${count(live.frames_in)} in, ${count(live.frames_out)} out`],
    ["Bytes", `${bytes(live.bytes_in)} in, ${bytes(live.bytes_out)} out`],
    ["Waiting to be written", bytes(live.bytes_queued)],
    ["Not acknowledged yet", bytes(live.bytes_unacked)],
    ["Reading", live.inbound_paused ? "paused: the game takes no more" : "goes on"],
  ];
}

function ended(record) {
  return h("section", {}, h("h3", {}, classMark(record.class, record.cause), ` at ${clock(record.at)}`), evidence(record));
}
