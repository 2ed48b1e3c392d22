// Takes pictures of the live page before, during and after a mass disconnect, for people to look at: node pictures.mjs
// FOLDER

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { browser, crowd, serve, until } from "./stage.mjs";

const folder = process.argv[2] ?? "pictures";
mkdirSync(folder, { recursive: true });
const NAMES = ["ann", "bob", "cyd", "dee", "eli", "fay", "gus", "hal", "ivy", "jon", "kim", "lou", "max", "nia", "ola", "pam"];
// How many players come and go beforehand, three in two seconds: 350 fill the chart.
const COMERS = Number(process.env.COMERS ?? 60);
const names = (from, n) => Array.from({ length: n }, (_, at) => `${NAMES[(from + at) % NAMES.length]}${from + at}`);

const server = await serve("--admin", "127.0.0.1:0");
const stage = await browser();
const context = await stage.context({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
const page = await context.newPage();
page.on("console", (message) => console.log(message.type(), message.text()));
page.on("pageerror", (error) => console.log("error", error.message));
const wait = (ms) => new Promise((wake) => setTimeout(wake, ms));

async function pictures(name) {
  for (const [width, height, scheme] of [[1280, 900, "light"], [1280, 900, "dark"], [375, 812, "light"], [375, 812, "dark"]]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await wait(300);
    await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
  }
}

await page.goto(server.page);
const stay = await crowd(server.game, names(0, 120));
const leave = await crowd(server.game, names(120, 180));
const come = await crowd(server.game, names(300, COMERS));
// An ordinary evening: now and then a player leaves.
for (let at = 0; at < come.length; at += 1) {
  const one = come[at];
  if (at % 7 === 0) one.reset();
  else if (at % 11 === 0) one.nonsense();
  else if (at % 31 === 0) one.say("!storm kick 4711 enough");
  else if (at % 5 === 0) one.fin();
  else one.goodbye("good night");
  await wait(at % 3 === 0 ? 900 : 300);
}
stay.slice(0, 6).forEach((one) => one.freeze());
await wait(9_000);
await pictures("before");
// The router of a whole house of players restarts.
leave.slice(0, 120).forEach((one) => one.reset());
leave.slice(120).forEach((one) => one.say("x".repeat(20)) && one.fin());
await wait(1_500);
await pictures("during");
// Two pictures for the README: the part that is visible without scrolling.
for (const [name, width, height, colorScheme] of [["live-desktop", 1280, 860, "light"], ["live-phone", 375, 780, "dark"]]) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => scrollTo(0, 0));
  await wait(1_200);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
await wait(12_000);
await pictures("after");
await page.setViewportSize({ width: 1280, height: 900 });
await page.emulateMedia({ colorScheme: "light" });
await page.locator("#closes button.expand").nth(1).click();
await wait(300);
await page.screenshot({ path: join(folder, "expanded-1280.png"), fullPage: true });
await page.setViewportSize({ width: 375, height: 812 });
await page.locator("#closes-title").scrollIntoViewIfNeeded();
await page.screenshot({ path: join(folder, "expanded-375.png") });
await page.goto(`${server.page}#/session/${stay[20].session}`);
await until("a session", () => page.locator("#session-facts").count());
await page.screenshot({ path: join(folder, "session-375.png"), fullPage: true });
server.kill();
await page.goto(`${server.page}#`).catch(() => {});
await wait(100);
await context.close();
stage.remove();
process.exit(0);
