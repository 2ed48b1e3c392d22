// The live page in a real Chromium, with a real server: `node --test` in this folder, or
// `cargo test -p lastword-cli --test browser`.

import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, crowd, lastword, player, serve, until } from "./stage.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// From this length on, people call a page frozen. On an idle machine the real value is a tenth of it.
const LATENCY_MS_MAX = 500;
let stage;
let context;

before(async () => {
  stage = await browser();
  // The page forbids scripts that it did not bring along. Only the accessibility checker has to get around that.
  context = await stage.context({ viewport: { width: 1280, height: 900 }, bypassCSP: false });
});

after(async () => {
  await context?.close();
  stage?.remove();
});

/** A page with its server, and the errors that the page reported. */
async function open(address) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") page.complaints.push(message.text());
  });
  await page.goto(address);
  return page;
}

const seen = (page) => page.waitForSelector("body[data-seen]", { state: "attached" });
const text = (page, selector) => page.locator(selector).innerText();
const number = async (page, selector) => Number((await text(page, selector)).replaceAll(",", ""));

/** The sum of a metric's series whose labels contain all of these. */
function sum(metrics, name, ...labels) {
  const lines = metrics.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const fit = lines.filter((line) => labels.every((label) => line.includes(label)));
  return fit.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** The table of causes: sessions and other connections by cause. */
const causes = (page) =>
  page.locator("#causes tr").evaluateAll((rows) =>
    Object.fromEntries(rows.map((row) => [row.dataset.key, [...row.querySelectorAll(".number")].map((cell) => Number(cell.textContent.replaceAll(",", "")))])),
  );

async function figuresEqualMetrics(page, server) {
  const metrics = await server.metrics();
  assert.equal(await number(page, "#tile-open"), sum(metrics, "lastword_sessions_open"));
  assert.equal(await number(page, "#tile-suspended"), sum(metrics, "lastword_sessions_suspended"));
  assert.equal(await number(page, "#tile-connections"), sum(metrics, "lastword_connections_open"));
  const shown = await causes(page);
  const counted = [...metrics.matchAll(/^lastword_disconnects_total\{cause="(\w+)"/gm)].map(([, cause]) => cause);
  for (const cause of new Set(counted)) {
    const name = "lastword_disconnects_total";
    const live = sum(metrics, name, `cause="${cause}"`, 'phase="live"');
    const all = sum(metrics, name, `cause="${cause}"`);
    assert.deepEqual(shown[cause] ?? [0, 0], [live, all - live], cause);
  }
  const diagnoses = await page.locator("#suspects tr").evaluateAll((rows) => rows.map((row) => [row.dataset.key, ...[...row.querySelectorAll("td")].map((cell) => Number(cell.textContent))]));
  for (const [diagnosis, now, ever] of diagnoses) {
    assert.equal(now, sum(metrics, "lastword_sessions_suspect", `diagnosis="${diagnosis}"`));
    assert.equal(ever, sum(metrics, "lastword_suspects_total", `diagnosis="${diagnosis}"`));
  }
}

/** Ends of the last minutes by class, read from the legend. */
const legend = (page) =>
  page.locator("#legend button").evaluateAll((buttons) =>
    Object.fromEntries(buttons.map((button) => [button.querySelector(".swatch").dataset.class, Number(button.querySelector(".legend-count").textContent.replaceAll(",", ""))])),
  );

/** How many pixels of the chart have the colour of each class. */
const areas = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector("#chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = new Map();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 255) continue;
      const key = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
      pixels.set(key, (pixels.get(key) ?? 0) + 1);
    }
    const swatches = [...document.querySelectorAll("#legend .swatch")];
    return Object.fromEntries(swatches.map((swatch) => [swatch.dataset.class, pixels.get(getComputedStyle(swatch).backgroundColor) ?? 0]));
  });

function scenario(connections, ways) {
  const file = join(mkdtempSync(join(tmpdir(), "lastword-storm-")), "storm.toml");
  const list = Object.entries(ways).map(([way, weight]) => `${way} = ${weight}`);
  writeFileSync(file, [`connections = ${connections}`, "at_once = 100", "frames = [0, 2]", "payload_bytes = [16, 64]", "seed = 1", "[ways]", ...list].join("\n"));
  return file;
}

const storm = (server, file) => lastword("storm", "--server", server.game, "--admin", server.admin, "--scenario", file);

test("its figures are those of the metrics, and nothing is loaded from elsewhere", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await context.newPage();
  const hosts = new Set();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  await page.goto(server.page);
  await seen(page);
  const players = await crowd(server.game, ["ann", "bob", "cyd", "dee", "eli"]);
  players[0].reset();
  players[1].fin();
  players[2].goodbye("bye");
  await until("three ends", async () => (await page.locator("#closes tr[data-seq]").count()) === 3);
  await until("two sessions", async () => (await number(page, "#tile-open")) === 2);
  await figuresEqualMetrics(page, server);
  assert.deepEqual([...hosts], [server.admin]);
  await page.close();
});

test("a storm of endings moves the areas of its classes and no others", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await open(server.page);
  await seen(page);
  const still = await areas(page);
  assert.equal(Object.values(still).reduce((sum, n) => sum + n), 0, "nothing is drawn of nothing");
  await storm(server, scenario(600, { goodbye: 1, reset: 2, malformed: 1 }));
  await until("the last end", async () => sum(await server.metrics(), "lastword_connections_open") === 0);
  const metrics = await server.metrics();
  const of = (name) => sum(metrics, "lastword_disconnects_total", `class="${name}"`, 'phase="live"');
  const wanted = { normal: of("normal"), abrupt: of("abrupt"), abuse: of("abuse"), network: 0, stuck: 0, capacity: 0, operator: of("operator"), defect: 0 };
  assert.ok(wanted.normal > 50 && wanted.abrupt > 200 && wanted.abuse > 50, JSON.stringify(wanted));
  await until("the ends in the legend", async () => JSON.stringify(Object.entries(await legend(page)).sort()) === JSON.stringify(Object.entries(wanted).sort()));
  const drawn = await areas(page);
  for (const [name, ends] of Object.entries(wanted)) {
    assert.equal(drawn[name] > 0, ends > 0, `${name}: ${ends} ends, ${drawn[name]} pixels`);
  }
  assert.ok(drawn.abrupt > drawn.normal, JSON.stringify(drawn));
  await page.locator("#legend button", { hasText: "abrupt" }).click();
  assert.equal((await areas(page)).abrupt, 0, "a class that is left out is not drawn");
  await figuresEqualMetrics(page, server);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("ten thousand closes do not freeze it", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await open(server.page);
  await seen(page);
  await page.evaluate(() => {
    window.longest = 0;
    window.input = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask" });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.input = Math.max(window.input, duration);
    }).observe({ type: "event", durationThreshold: 16 });
  });
  const stormed = storm(server, scenario(10_000, { reset: 2, fin: 2, goodbye: 1, probe: 1 }));
  let over = false;
  stormed.finally(() => (over = true));
  const button = page.locator("#legend button").first();
  while (!over) {
    await button.click();
    await button.click();
  }
  await stormed;
  await until("all closes", async () => Number(await page.locator("#closes tr[data-seq]").first().getAttribute("data-seq")) >= 10_000, 30_000);
  await page.locator("#closes button.expand").first().click();
  await page.locator("#closes .evidence").waitFor();
  await page.locator("#by-cause").selectOption("peer_reset");
  const { longest, input } = await page.evaluate(() => ({ longest: window.longest, input: window.input }));
  const size = await page.locator("*").count();
  t.diagnostic(`the longest task took ${Math.round(longest)} ms, the slowest input ${Math.round(input)} ms, ${size} elements`);
  assert.ok(size < 2_000, `${size} elements`);
  assert.ok(longest < LATENCY_MS_MAX, `a task of ${longest} ms`);
  assert.ok(input < LATENCY_MS_MAX, `an input took ${input} ms`);
  assert.match(await text(page, "#closes-words"), /that match/);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

async function freePort() {
  const listener = createServer();
  await new Promise((bound) => listener.listen(0, "127.0.0.1", bound));
  const { port } = listener.address();
  await new Promise((closed) => listener.close(closed));
  return port;
}

test("a server that is killed is shown as gone, and the next one as another", async (t) => {
  const admin = `127.0.0.1:${await freePort()}`;
  let server = await serve("--admin", admin);
  t.after(() => server.kill());
  const page = await open(server.page);
  (await player(server.game, "ann")).reset();
  await until("ann's end", async () => (await page.locator("#closes tr[data-seq]").count()) === 1);
  server.kill();
  await page.locator("#banner[data-mood=gone]").waitFor();
  assert.equal(await text(page, "#state-words"), "gone");
  const age = async () => Number((await text(page, "#banner-words")).match(/is ([\d.]+) (?:ms|s) old/)?.[1]);
  const first = await age();
  await until("an older age", async () => (await age()) > first);
  assert.match(await text(page, "#closes"), /ann/, "what was seen is still there");

  await server.ended;
  server = await serve("--admin", admin);
  await page.locator("#banner[data-mood=back]").waitFor();
  assert.match(await text(page, "#banner"), /was restarted/);
  await until("no closes", async () => (await page.locator("#closes tr[data-seq]").count()) === 0);
  (await player(server.game, "bob")).fin();
  await until("bob's end", async () => /bob/.test(await text(page, "#closes")));
  await figuresEqualMetrics(page, server);
  await page.close();
});

test("a server that says nothing for a while is rejoined without a loss", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await open(server.page);
  await seen(page);
  const ann = await player(server.game, "ann");
  server.kill("SIGSTOP");
  await page.locator("#banner[data-mood=gone]").waitFor();
  ann.reset();
  server.kill("SIGCONT");
  await page.locator("#banner[data-mood=back]").waitFor();
  assert.match(await text(page, "#banner"), /Nothing was missed/);
  await until("ann's end", async () => (await page.locator("#closes tr[data-seq]").count()) === 1);
  await figuresEqualMetrics(page, server);
  await page.close();
});

/** A server with some ends to show, and the details of one close open on the page. */
async function looked(t) {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const endless = "a-player-whose-name-knows-no-end-and-goes-on-and-on-and-on";
  const players = await crowd(server.game, ["ann", "bob", endless, "dee", endless, "<img src=x onerror=alert(1)>"]);
  players.slice(0, 3).forEach((one) => one.reset());
  const page = await open(server.page);
  await until("three ends", async () => (await page.locator("#closes tr[data-seq]").count()) === 3);
  await page.locator("#closes button.expand").nth(1).click();
  return { server, page, dee: players[3] };
}

test("on a phone nothing has to be scrolled sideways", async (t) => {
  const { server, page, dee } = await looked(t);
  const overflow = () => page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
  for (const width of [360, 375]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${server.page}#`);
    assert.equal(await overflow(), 0, `${width}`);
    await page.goto(`${server.page}#/session/${dee.session}`);
    await page.locator("#session-facts").waitFor();
    assert.equal(await overflow(), 0, `a session at ${width}`);
    await page.goto(`${server.page}#/sessions`);
    await until("the sessions", async () => (await page.locator("#sessions-rows tr").count()) === 3);
    assert.equal(await overflow(), 0, `the sessions at ${width}`);
    const table = await page.locator("#sessions-table").evaluate((box) => box.scrollWidth - box.clientWidth);
    assert.equal(table, 0, `their table at ${width}`);
    await page.goto(`${server.page}#/cause/path_dead`);
    await page.locator("#cause-body h3").first().waitFor();
    assert.equal(await overflow(), 0, `a cause at ${width}`);
  }
  await page.close();
});

test("axe finds nothing, in light and in dark, on every page", async (t) => {
  const { server, page, dee } = await looked(t);
  await page.locator("details summary").first().click();
  const places = { "#": "#closes tr", [`#/session/${dee.session}`]: "#session-facts", "#/sessions": "#sessions-rows tr", "#/cause/path_dead": "#cause-body h3" };
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [place, sign] of Object.entries(places)) {
      await page.evaluate((place) => (location.hash = place), place);
      await page.locator(sign).first().waitFor();
      // The debugger evaluates this, so the page's content security policy does not block it.
      await page.evaluate(AXE);
      const { violations, passes } = await page.evaluate(() => axe.run());
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
      assert.deepEqual(told, [], `${colorScheme} ${place}`);
      assert.ok(passes.some(({ id }) => id === "color-contrast"), "contrast was looked at");
    }
  }
  assert.deepEqual(page.complaints, []);
  await page.close();
  void server;
});

test("the keyboard alone reaches the filter and the evidence", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const players = await crowd(server.game, ["ann", "bob"]);
  players[0].reset();
  players[1].goodbye("bye");
  const page = await open(server.page);
  await until("two ends", async () => (await page.locator("#closes tr[data-seq]").count()) === 2);
  const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
  const tabTo = async (wanted) => {
    for (let n = 0; n < 60; n += 1) {
      if ((await focus()).includes(wanted)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${wanted} is out of reach, ${await focus()} is not`);
  };
  await tabTo("skip");
  await page.keyboard.press("Enter");
  assert.equal(await focus(), "closes-title");
  await tabTo("by-player");
  await page.keyboard.type("ann");
  await until("the filter", async () => (await page.locator("#closes tr[data-seq]").count()) === 1);
  assert.equal(new URL(page.url()).hash, "#player=ann");
  await tabTo("expand");
  await page.keyboard.press("Enter");
  assert.match(await text(page, "#closes .evidence"), /peer_reset in live/);
  assert.equal(await focus(), "expand", "focus stays where it was");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#closes .evidence").count(), 0);
  await page.close();
});

/** The names in the list of sessions. */
const listed = (page) => page.locator("#sessions-rows tr a").evaluateAll((links) => links.map((link) => link.textContent));

test("all sessions are listed, found by name and turned over by the page", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const evil = "<b onclick=alert(1)>eve</b>";
  const names = [...Array.from({ length: 58 }, (_, n) => `player ${n}`), evil, ""];
  const players = await crowd(server.game, names);
  const page = await open(server.page);
  await seen(page);
  await page.getByRole("link", { name: "All sessions" }).click();
  await until("a page of sessions", async () => (await listed(page)).length === 50);
  assert.equal(await page.evaluate(() => document.activeElement.id), "sessions-title");
  assert.match(await text(page, "#sessions-words"), /50 live sessions on this page, of 60/);
  const first = await listed(page);
  assert.ok(!(await page.locator("#sessions-first").isVisible()));
  await page.getByRole("link", { name: "Next page" }).click();
  await until("the other page", async () => (await listed(page)).length === 10);
  const all = [...first, ...(await listed(page))].sort();
  assert.deepEqual(all, names.map((name) => name || "anonymous").sort());
  assert.ok(!(await page.locator("#sessions-next").isVisible()));
  await page.getByRole("link", { name: "First page" }).click();
  await until("the first page", async () => (await listed(page)).length === 50);

  await page.locator("#sessions-by-player").fill("player 57");
  await until("one session", async () => (await listed(page)).length === 1);
  assert.equal(new URL(page.url()).hash, "#/sessions?player=player+57");
  players[57].fin();
  await until("its departure", async () => (await text(page, "#sessions-words")) === "No live sessions that match.");
  await page.getByRole("button", { name: "Clear" }).last().click();
  await page.locator("#sessions-by-address").fill("127.0.0.");
  await page.locator("#sessions-words", { hasText: "allowed is an IP address" }).waitFor();
  await page.locator("#sessions-by-address").fill("127.0.0.1");
  await page.locator("#sessions-by-link").selectOption("suspect");
  await until("no suspects", async () => (await text(page, "#sessions-words")) === "No live sessions that match.");
  await page.locator("#sessions-by-link").selectOption("healthy");
  await page.locator("#sessions-by-player").fill(evil);
  await until("eve", async () => (await listed(page)).join() === evil);
  await page.locator("#sessions-rows a").click();
  await page.locator("#session-facts", { hasText: evil }).waitFor();
  await page.getByRole("link", { name: "← All sessions" }).click();
  await until("all again", async () => (await listed(page)).length === 50);
  // The browser's own message about the answer with status 400.
  assert.deepEqual(page.complaints.filter((words) => !words.includes("400")), []);
  await page.close();
});

test("the keyboard alone reaches a session, and focus stays while others leave", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const players = [];
  for (const name of ["ann", "bob", "cyd"]) players.push(await player(server.game, name));
  const page = await open(server.page);
  await seen(page);
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  const tabTo = async (wanted) => {
    for (let n = 0; n < 60; n += 1) {
      if ((await focused()) === wanted) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${wanted} is out of reach`);
  };
  await tabTo("All sessions");
  await page.keyboard.press("Enter");
  await until("three sessions", async () => (await listed(page)).length === 3);
  await tabTo("bob");
  players[0].fin();
  await until("ann's departure", async () => (await listed(page)).length === 2);
  assert.equal(await focused(), "bob");
  await page.keyboard.press("Enter");
  await page.locator("#session-facts", { hasText: "bob" }).waitFor();
  await page.close();
});

test("wherever a cause is named, its name leads to its entry in the runbook", async (t) => {
  const server = await serve("--admin", "127.0.0.1:0");
  t.after(() => server.kill());
  const players = await crowd(server.game, ["ann", "bob"]);
  players[0].reset();
  const page = await open(server.page);
  await until("ann's end", async () => (await page.locator("#closes tr[data-seq]").count()) === 1);
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const entry = (cause) => runbook.split(`### \`${cause}\`\n`)[1].split("\n#")[0];
  const plain = (words) => words.replace(/[`*]/g, "").replace(/\s+/g, " ").trim();
  const leads = async (link, cause) => {
    await link.click();
    await page.locator("#cause-body h3").first().waitFor();
    assert.equal(await text(page, "#cause h2"), `Cause ${cause}`);
    assert.equal(plain(await text(page, "#cause-body")), plain(entry(cause)));
    await page.goBack();
  };
  await leads(page.locator("#causes").getByRole("link", { name: "peer_reset", exact: true }), "peer_reset");
  await leads(page.locator("#closes").getByRole("link", { name: "peer_reset", exact: true }), "peer_reset");
  await leads(page.locator("#detection").getByRole("link", { name: "peer_frozen", exact: true }), "peer_frozen");
  await leads(page.locator("#suspects").getByRole("link", { name: "path_dead", exact: true }), "path_dead");
  await page.locator("#causes").getByRole("link", { name: "closes of peer_reset" }).click();
  await until("the filter", async () => (await page.locator("#by-cause").inputValue()) === "peer_reset");
  await leads(page.getByRole("link", { name: "What peer_reset means" }), "peer_reset");
  await page.evaluate((id) => (location.hash = `#/session/${id}`), players[0].session);
  await leads(page.locator("#session").getByRole("link", { name: "peer_reset", exact: true }), "peer_reset");
  // Every place that names a cause also explains it.
  await page.evaluate(() => (location.hash = "#"));
  const bare = await page.locator("#causes th, #detection th, #closes th.cause").evaluateAll((cells) => cells.filter((cell) => !cell.querySelector("a[href^='#/cause/']")).length);
  assert.equal(bare, 0);
  await page.evaluate(() => (location.hash = "#/cause/nonsense"));
  await page.locator("#cause-body", { hasText: "no cause with this name" }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("a server with a token opens to it alone, and lets its holder kick", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lastword-token-"));
  const token = "a-token-of-this-test-alone";
  writeFileSync(join(folder, "token"), `${token}\n`);
  writeFileSync(join(folder, "lastword.toml"), `[admin]\nlisten = "127.0.0.1:0"\ntoken_file = "${join(folder, "token")}"\n`);
  const server = await serve("--config", join(folder, "lastword.toml"));
  t.after(() => server.kill());
  const ann = await player(server.game, "ann");
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(server.page);
  await page.locator("#token").waitFor();
  const shown = () => page.locator(".panel:visible, .tiles:visible, nav:visible, footer:visible, .skip:visible").evaluateAll((all) => all.map(({ id }) => id));
  assert.deepEqual(await shown(), ["login"], "nothing but the question for the token");
  for (const place of ["#/sessions", `#/session/${ann.session}`, "#"]) {
    await page.evaluate((place) => (location.hash = place), place);
    assert.deepEqual(await shown(), ["login"], place);
  }
  await page.locator("#token").fill("a-token-of-somebody-else");
  await page.keyboard.press("Enter");
  await page.locator("#login-words", { hasText: "refused this token" }).waitFor();
  await page.locator("#token").fill(token);
  await page.keyboard.press("Enter");
  await until("a session", async () => (await page.locator("#tile-open").count()) === 1 && (await number(page, "#tile-open")) === 1);

  await page.evaluate((id) => (location.hash = `#/session/${id}`), ann.session);
  await page.locator("#session-facts", { hasText: "ann" }).waitFor();
  await page.locator("#kick-reason").fill("enough");
  await page.getByRole("button", { name: "Kick" }).click();
  await page.locator("#session", { hasText: "enough" }).waitFor();
  assert.match(await text(page, "#session"), /kicked/);

  const bobs = await crowd(server.game, ["bob", "bob"]);
  await page.evaluate(() => (location.hash = "#/sessions?player=bob"));
  await until("both of bob's sessions", async () => (await page.locator("#sessions-rows tr").count()) === 2);
  await page.locator("#kick-player-reason").fill("both");
  await page.getByRole("button", { name: "Kick" }).click();
  await until("nobody", async () => (await text(page, "#sessions-words")) === "No live sessions that match.");
  assert.ok(bobs.every(({ socket }) => !socket.readable || socket.readableEnded || socket.destroyed));
  assert.ok(asked.every((url) => !url.includes(token)), "no address has the token");
  await page.close();
});

test("a player that lost its connection is shown as suspended, and is not lost until it departs", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lastword-suspended-"));
  const token = "a-token-of-this-test-alone";
  writeFileSync(join(folder, "token"), `${token}\n`);
  writeFileSync(join(folder, "lastword.toml"), `[admin]\nlisten = "127.0.0.1:0"\ntoken_file = "${join(folder, "token")}"\n`);
  const server = await serve("--config", join(folder, "lastword.toml"));
  t.after(() => server.kill());
  const ann = await player(server.game, "ann", true);
  const page = await context.newPage();
  await page.goto(server.page);
  await page.locator("#token").fill(token);
  await page.keyboard.press("Enter");
  await until("a session", async () => (await page.locator("#tile-open").count()) === 1 && (await number(page, "#tile-open")) === 1);
  ann.reset();
  await until("it is suspended", async () => (await number(page, "#tile-suspended")) === 1);
  assert.equal(await number(page, "#tile-open"), 0);
  assert.equal(await number(page, "#tile-lost"), 0);
  await page.locator("#closes td.words", { hasText: "the session lives on" }).waitFor();

  await page.getByRole("link", { name: "Suspended" }).click();
  await until("it is listed", async () => (await listed(page)).join() === "ann");
  assert.match(await text(page, "#sessions-rows"), /suspended: waits for its player/);
  await page.locator("#sessions-rows a").click();
  await page.locator("#session-facts", { hasText: "suspended: waits for its player" }).waitFor();
  await page.getByRole("button", { name: "Kick" }).click();
  await page.locator("#session-body", { hasText: "It is no longer live." }).waitFor();
  await page.evaluate(() => (location.hash = "#"));
  await until("it is gone", async () => (await number(page, "#tile-suspended")) === 0);
  assert.equal(await number(page, "#tile-lost"), 0, "an operator meant it");
  await page.close();
});
