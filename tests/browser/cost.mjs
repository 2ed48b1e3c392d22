// The cost of viewers for the server: its CPU time with 1,000 sessions, with ten viewers and with none, both idle and
// while sessions end. Needs no browser. LASTWORD=target/release/lastword node tests/browser/cost.mjs

import { readFileSync, readdirSync } from "node:fs";
import { crowd, player, serve } from "./stage.mjs";

const SESSIONS = 1_000;
const VIEWERS = 10;
const SECONDS = Number(process.env.SECONDS ?? 20);
const ROUNDS = 3;

const wait = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** The CPU time of the server's threads so far, in ms. */
function cpu(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return times.reduce((sum, ns) => sum + Number(ns), 0) / 1e6;
}

/** Views the page until it is stopped; resolves to the number of bytes received. */
async function view(page, stop) {
  let bytes = 0;
  try {
    const answer = await fetch(`${page}api/live`, { signal: stop });
    for await (const chunk of answer.body) bytes += chunk.length;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  return bytes;
}

/** Lets this many players per second come and go. */
async function churn(game, each, until) {
  while (Date.now() < until) {
    const second = wait(1_000);
    for (let n = 0; n < each; n += 1) player(game, `guest${n}`).then((one) => one.reset(), () => {});
    await second;
  }
}

async function measure(server, viewers, ends) {
  const stop = new AbortController();
  const told = Array.from({ length: viewers }, () => view(server.page, stop.signal));
  await wait(2_000);
  const [before, began] = [cpu(server.pid), Date.now()];
  await Promise.all([wait(SECONDS * 1_000), ends > 0 && churn(server.game, ends, began + SECONDS * 1_000)]);
  const ms = (cpu(server.pid) - before) / ((Date.now() - began) / 1_000);
  stop.abort();
  const bytes = (await Promise.all(told)).reduce((sum, n) => sum + n, 0);
  return { ms, kB: viewers > 0 ? bytes / viewers / (SECONDS + 2) / 1000 : 0 };
}

const median = (values) => values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];

const server = await serve("--admin", "127.0.0.1:0", "--log", "error");
for (let n = 0; n < SESSIONS; n += 100) await crowd(server.game, Array.from({ length: 100 }, (_, at) => `player${n + at}`));
console.log(`${SESSIONS} sessions; ms of the server's CPU a second, medians of ${ROUNDS} rounds of ${SECONDS} s`);
for (const ends of [0, 50]) {
  const runs = { none: [], ten: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    runs.none.push(await measure(server, 0, ends));
    runs.ten.push(await measure(server, VIEWERS, ends));
  }
  const [none, ten] = [runs.none, runs.ten].map((run) => median(run.map(({ ms }) => ms)));
  const kB = median(runs.ten.map(({ kB }) => kB));
  console.log(`${ends} ends a second: ${none.toFixed(1)} without viewers, ${ten.toFixed(1)} with ${VIEWERS}; ${kB.toFixed(1)} kB a second to each`);
}
server.kill();
process.exit(0);
