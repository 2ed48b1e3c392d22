// Puts the page together: it feeds events to the panels, and keeps the view in the page's address.

import { $, duration, say } from "./dom.js";
import { Chart } from "./chart.js";
import { CausePage } from "./causes.js";
import { Closes } from "./closes.js";
import { History } from "./history.js";
import { Panels } from "./panels.js";
import { SessionPage } from "./session.js";
import { SessionsPage } from "./sessions.js";
import { Stream, ask, token } from "./stream.js";

const HISTORY_SECONDS = 900;
const SETTLING_SECONDS = 3;
const BACK_WORDS_MS = 15_000;

const past = new History();
const chart = new Chart(past);
const panels = new Panels(past);
const closes = new Closes();
const session = new SessionPage();
const sessions = new SessionsPage();
const cause = new CausePage();

/** The server's state: its run, when we last heard from it, and since when it is gone. */
let run;
let second = 0;
let heardAt;
let goneAt;
let retryAt;
let why = "";

const stream = new Stream({
  event(data) {
    const { snapshot } = data;
    const another = run !== undefined && run !== snapshot.run;
    if (goneAt !== undefined) back(another, data.missed);
    if (another || run === undefined) begin(snapshot, another);
    past.add(data.history, Math.max(Math.floor(run / 1000), firstKnown(snapshot.second)), snapshot.second);
    second = snapshot.second;
    heardAt = Date.now();
    closes.add(data.closes, data.missed);
    panels.show(snapshot);
    sessions.know(snapshot);
    chart.draw();
    state(snapshot.ended ? "ended" : snapshot.draining ? "draining" : "live");
    say($("version"), `version ${snapshot.version}`);
    $("operate").hidden = !token.read() || snapshot.draining;
    $("login").hidden = true;
    document.body.dataset.seen = "yes";
    reveal(true);
  },
  gone(at, reason) {
    retryAt = at;
    why = reason;
    if (goneAt === undefined) {
      goneAt = heardAt ?? Date.now();
      say($("news"), "The server is gone. This page shows its last known state.");
    }
    state("gone");
    tick();
  },
  refused() {
    const was = token.read();
    token.forget();
    $("login").hidden = false;
    if (was) say($("login-words"), "The server refused this token.");
    reveal(false);
    $("token").value = "";
    $("token").focus();
    state("locked");
    $("banner").hidden = true;
  },
});

/** The first second from which an event's history is complete. */
function firstKnown(now) {
  return second === 0 || goneAt !== undefined ? now - HISTORY_SECONDS : second - SETTLING_SECONDS;
}

function begin(snapshot, another) {
  run = snapshot.run;
  second = 0;
  if (another) closes.restart();
}

function back(another, missed) {
  const away = duration(Date.now() - goneAt);
  const words = another ? "The server was restarted: its counts start again at 0, and earlier closes are gone."
    : missed > 0 ? `${missed} closes from that time are missing: the server no longer keeps them.` : "Nothing was missed.";
  goneAt = undefined;
  // The server sends the whole quarter of an hour again, including the time in between.
  second = 0;
  banner("back", `The server is back after ${away}.`, words, "Close");
  say($("news"), `The server is back. ${words}`);
  setTimeout(() => $("banner").dataset.mood === "back" && ($("banner").hidden = true), BACK_WORDS_MS);
}

function banner(mood, title, words, action) {
  $("banner").hidden = false;
  $("banner").dataset.mood = mood;
  say($("banner-title"), title);
  say($("banner-words"), words);
  say($("banner-action"), action);
}

/** Shows, once a second while the server is gone, how old the page's data is. */
function tick() {
  if (goneAt === undefined) return;
  const wait = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  const seen = heardAt === undefined ? "No data has arrived yet." : `The data on this page is ${duration(Math.floor((Date.now() - heardAt) / 1000) * 1000)} old.`;
  banner("gone", "The server is gone:", `${why}. ${seen} Asking again ${wait === 0 ? "now" : `in ${wait} s`}.`, "Ask now");
}

const STATES = { joining: "joining", live: "live", draining: "draining", ended: "ended", gone: "gone", locked: "locked" };

function state(name) {
  $("state").dataset.state = name;
  say($("state-words"), STATES[name]);
  document.title = name === "live" ? "lastword" : `${STATES[name]} · lastword`;
}

/** The pages and their addresses. Any other address is the overview, with a filter of the closes. */
const PAGES = {
  session: [session, /^#\/session\/([0-9a-fA-F]{32})$/],
  sessions: [sessions, /^#\/sessions(?:\?(.*))?$/],
  cause: [cause, /^#\/cause\/(\w+)$/],
};

/** Whether the page shows data: not before the first event, and not to a viewer without the token. */
let revealed = false;

function reveal(yes) {
  if (revealed === yes) return;
  revealed = yes;
  for (const id of ["places", "skip", "footer"]) $(id).hidden = !yes;
  route();
}

function route() {
  const [place = "overview", found] = Object.entries(PAGES).map(([name, [, address]]) => [name, location.hash.match(address)]).find(([, found]) => found) ?? [];
  for (const name of ["overview", ...Object.keys(PAGES)]) $(name).hidden = !revealed || name !== place;
  for (const link of $("places").children) {
    if (link.dataset.place === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const [name, [page]] of Object.entries(PAGES)) if (!revealed || name !== place) page.hide();
  if (!revealed) return;
  if (found) return PAGES[place][0].show(found[1] ?? "");
  closes.filter(new URLSearchParams(location.hash.slice(1)));
  if (location.hash.startsWith("#cause=")) $("closes-title").focus();
}

const THEMES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

function theme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  localStorage.setItem("lastword.theme", name);
  say($("theme"), name[0].toUpperCase() + name.slice(1));
  $("theme").setAttribute("aria-label", `${$("theme").textContent}: ${name === "auto" ? "the colours of the system" : "colours"}`);
  if (second > 0) chart.recolour();
}

$("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? "auto";
  theme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
});
system.addEventListener("change", () => second > 0 && chart.recolour());
$("banner-action").addEventListener("click", () => {
  if (goneAt === undefined) $("banner").hidden = true;
  else stream.retry();
});
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token.write($("token").value.trim());
  stream.retry();
});
$("drain").addEventListener("submit", async (event) => {
  event.preventDefault();
  const timeout_ms = Number($("drain-seconds").value) * 1000;
  const answer = await ask("/api/drain", { method: "POST", body: JSON.stringify({ timeout_ms }) });
  say($("drain-words"), answer.ok ? "The drain has begun." : await answer.text());
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  if ($("overview").hidden) {
    location.hash = "";
    route();
  }
  $("closes-title").focus();
});
addEventListener("hashchange", route);
setInterval(tick, 1_000);

theme(document.documentElement.dataset.theme ?? "auto");
route();
stream.run();
