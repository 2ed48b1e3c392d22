// The form that kicks a player from one session or from all of them.

import { h } from "./dom.js";
import { ask, token } from "./stream.js";

/** The number of sessions is in the answer. */
function thrownOut(told) {
  const sessions = Number(told.match(/\d+/)?.[0]);
  return sessions > 1 ? `Kicked from ${sessions} sessions.` : "Kicked.";
}

/** `whom` is `{ session }` or `{ player }`; `id` is the prefix that makes the ids of the form's fields unique. */
export function kickForm(whom, id) {
  if (!token.read()) return h("p", { class: "note" }, "To kick players, the server needs a token: admin.token_file.");
  const words = h("p", { class: "note", role: "status" });
  const submit = async (event) => {
    event.preventDefault();
    const { reason, advice } = Object.fromEntries(new FormData(event.target));
    const answer = await ask("/api/kick", { method: "POST", body: JSON.stringify({ ...whom, reason, advice }) }).catch(() => undefined);
    const told = answer ? await answer.text() : "The server does not answer.";
    words.textContent = answer?.ok ? thrownOut(told) : told;
  };
  return h("form", { class: "filters", onsubmit: submit },
    h("p", {}, h("label", { for: `${id}-reason` }, "Reason, for the player"), h("input", { id: `${id}-reason`, name: "reason", maxlength: 200, autocomplete: "off" })),
    h("p", {}, h("label", { for: `${id}-advice` }, "The client should"), h("select", { id: `${id}-advice`, name: "advice" },
      h("option", { value: "may_reconnect" }, "reconnect at will"), h("option", { value: "do_not" }, "stay away"), h("option", { value: "after_delay" }, "reconnect after a delay"))),
    h("p", {}, h("button", { type: "submit", class: "danger" }, "Kick")), words);
}
