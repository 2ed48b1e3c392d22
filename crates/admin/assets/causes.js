// The explanation of each cause: the entries of docs/runbook.md, which are part of the page.

import { h, $ } from "./dom.js";
import { ask } from "./stream.js";

/** A cause's name, as a link to its explanation. */
export const causeLink = (cause) => h("a", { href: `#/cause/${cause}` }, cause);

export class CausePage {
  #name;
  #entries;

  async show(name) {
    if (this.#name === name) return;
    this.#name = name;
    const title = h("h2", { tabindex: "-1" }, "Cause ", h("code", {}, name));
    const body = h("div", { class: "panel", id: "cause-body" });
    const links = h("p", { class: "row" }, h("a", { href: "#" }, "← Overview"), h("a", { href: `#cause=${name}` }, "Its last closes"));
    $("cause").replaceChildren(links, title, body);
    title.focus();
    const entries = await this.#read();
    if (name !== this.#name) return;
    const entry = entries?.find(({ cause }) => cause === name);
    if (entry) body.append(...explained(entry, new Set(entries.map(({ cause }) => cause))));
    else body.append(h("p", {}, entries ? "There is no cause with this name." : "The server does not answer: reload the page once it does."));
  }

  hide() {
    this.#name = undefined;
  }

  async #read() {
    const answer = this.#entries ? undefined : await ask("/assets/causes.json").catch(() => undefined);
    if (answer?.ok) this.#entries = await answer.json();
    return this.#entries;
  }
}

function explained({ cause, lead, parts }, names) {
  names.delete(cause);
  return [h("p", { class: "note" }, ...words(lead, names)),
    ...parts.flatMap(({ title, text }) => [h("h3", {}, title), h("p", {}, ...words(text, names))])];
}

/** Formats the runbook's `code` and *quoted words*; the name of another cause becomes a link. */
function words(text, names) {
  return text.split(/(`[^`]+`|\*[^*]+\*)/).map((part) => {
    const inner = part.slice(1, -1);
    if (part.startsWith("`")) return names.has(inner) ? causeLink(inner) : h("code", {}, inner);
    return part.startsWith("*") ? h("em", {}, inner) : part;
  });
}
