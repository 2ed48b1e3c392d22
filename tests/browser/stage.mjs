// The fixtures of the tests: a real server, a real browser, and players by hand.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const LASTWORD = process.env.LASTWORD ?? "lastword";
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Starts `lastword serve`; resolves once it prints its addresses. */
export async function serve(...args) {
  const child = spawn(LASTWORD, ["serve", "--game", "storm", "--listen", "127.0.0.1:0", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((end) => child.once("exit", end));
  const line = await new Promise((read, fail) => {
    createInterface(child.stdout).once("line", read);
    ended.then((code) => fail(new Error(`the server did not start: ${code}`)));
  });
  const [, game, admin] = line.match(/game=(\S+) admin=(\S+)/);
  return {
    game,
    admin,
    page: `http://${admin}/`,
    pid: child.pid,
    ended,
    kill: (signal = "SIGKILL") => child.kill(signal),
    metrics: () => fetch(`http://${admin}/metrics`).then((answer) => answer.text()),
  };
}

/** Runs a command of `lastword` to its end. */
export function lastword(...args) {
  return new Promise((read, fail) => {
    const child = spawn(LASTWORD, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (some) => (text += some));
    child.once("exit", (code) => (code === 0 ? read(text) : fail(new Error(`${args[0]} ended with ${code}\n${text}`))));
  });
}

/** A browser with an empty profile. */
export async function browser() {
  const { chromium } = await import("playwright-core");
  const profile = mkdtempSync(join(tmpdir(), "lastword-chromium-"));
  const context = (options) =>
    chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...options,
    });
  return { context, remove: () => rmSync(profile, { recursive: true, force: true }) };
}

function frame(kind, payload) {
  const header = Buffer.alloc(4);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = kind;
  return Buffer.concat([header, payload]);
}

/** A player who has joined, and sends heartbeats until told otherwise. With `resumes`, its session outlives its
 * connection. */
export async function player(game, name = "", resumes = false) {
  const [host, port] = game.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  socket.setNoDelay();
  const hello = Buffer.concat([Buffer.from("LW\x01\x01"), Buffer.from([resumes ? 0 : 2]), Buffer.from([0, 1, 0, 0]), Buffer.alloc(28), Buffer.from(name)]);
  socket.write(frame(1, hello));
  const welcome = await new Promise((read, fail) => {
    socket.once("data", read);
    socket.once("close", () => fail(new Error("no welcome")));
  });
  const session = welcome.subarray(6, 22).toString("hex");
  socket.resume();
  // The first ack confirms the connection.
  if (resumes) socket.write(frame(5, Buffer.alloc(8)));
  const beat = setInterval(() => socket.write(frame(3, Buffer.alloc(16))), 4_000);
  socket.once("close", () => clearInterval(beat));
  return {
    session,
    socket,
    say: (words) => socket.write(frame(0, Buffer.from(words))),
    /** Says goodbye, with a reason. */
    goodbye: (words) => {
      socket.end(frame(6, Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(words)])));
    },
    fin: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
    /** Sends a malformed goodbye. */
    nonsense: () => socket.write(frame(6, Buffer.from([1]))),
    /** Stays connected, but sends nothing more. */
    freeze: () => clearInterval(beat),
  };
}

export const crowd = (game, names) => Promise.all(names.map((name) => player(game, name)));

/** Waits until a condition holds. */
export async function until(what, holds, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`${what} did not come`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
