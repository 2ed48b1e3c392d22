// One record in words: the evidence of an end, and the trail that led to it.

import { h, bytes, classMark, count, duration } from "./dom.js";

const FACTS = [
  ["Class", (r) => classMark(r.class)],
  ["Initiator", (r) => r.initiator],
  ["Phase", (r) => r.phase],
  ["From", (r) => `${r.remote}${r.remote_source === "proxy" ? ", the proxy itself" : ""}`],
  ["Profile", (r) => r.profile],
  ["Connection", (r) => r.connection > 1 && `number ${count(r.connection)} of its session`],
  ["Its session", (r) => r.session_lives_on && "lives on: it waits for its player, or has a newer connection"],
  ["Lived", (r) => duration(r.live_ms || r.age_ms)],
  ["Silent for", (r) => r.silent_ms !== undefined && `${duration(r.silent_ms)}, by ${r.detector}${r.own_stall_ms ? `, ${duration(r.own_stall_ms)} of it our own stall` : ""}`],
  ["Spoke again", (r) => r.spoke_after_ms !== undefined && `${duration(r.spoke_after_ms)} after the verdict`],
  ["Over its rate for", (r) => r.over_rate_ms !== undefined && duration(r.over_rate_ms)],
  ["First error", (r) => r.first_call && `${r.first_call}, ${r.first_error}`],
  ["Frames", (r) => `${count(r.frames_in)} in, ${count(r.frames_out)} out`],
  ["Bytes", (r) => `${bytes(r.bytes_in)} in, ${bytes(r.bytes_out)} out`],
  ["Never taken by the game", (r) => r.frames_undelivered > 0 && `${count(r.frames_undelivered)} frames, ${bytes(r.bytes_undelivered)}`],
  ["Never sent", (r) => r.bytes_unsent > 0 && `${count(r.frames_unsent)} frames, ${bytes(r.bytes_unsent)}`],
  ["Dropped while the peer was slow", (r) => r.frames_dropped > 0 && `${count(r.frames_dropped)} frames`],
  ["Replaced by newer frames", (r) => r.frames_replaced > 0 && `${count(r.frames_replaced)} frames`],
  ["Never acknowledged", (r) => r.bytes_unacked > 0 && bytes(r.bytes_unacked)],
  ["Half a frame", (r) => r.partial_have_bytes !== undefined && `${bytes(r.partial_have_bytes)} of ${r.partial_need_bytes === undefined ? "an unknown length" : bytes(r.partial_need_bytes)}`],
  ["Last byte in", (r) => r.last_byte_in_ms !== undefined && `${duration(r.last_byte_in_ms)} before`],
  ["Round trip", (r) => r.rtt_us !== undefined && duration(r.rtt_us / 1000)],
  ["Kernel", (r) => r.tcp_state && `${r.behind_proxy ? "of the proxy: " : ""}${r.tcp_state}${r.fin ? ", FIN arrived" : ""}, ${r.retransmits} retransmissions, ${r.probes} probes`],
  ["Afterwards", (r) => r.lingered_ms > 0 && `lingered for ${duration(r.lingered_ms)}, ${bytes(r.late_bytes_in)} came in${r.late_fin ? ", FIN arrived" : ""}${r.late_error ? `, ${r.late_error}` : ""}`],
  ["Our words", (r) => r.our_code !== undefined && `${r.our_code}${r.our_reason ? ` “${r.our_reason}”` : ""}, ${r.farewell}`],
  ["Its client says", (r) => r.told && `${r.told_words} (${said(r)})`],
  ["Its words", (r) => r.peer_code !== undefined && `${r.peer_code}${r.peer_reason ? ` “${r.peer_reason}”` : ""}`],
];

export function evidence(record) {
  const known = FACTS.map(([name, read]) => [name, read(record)]).filter(([, value]) => value);
  const facts = h("dl", { class: "facts wide" }, ...known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  return h("div", { class: "evidence" },
    h("p", { class: "spoken" }, record.words, "."),
    facts,
    trail(record.trail),
    record.session && h("p", {}, h("a", { href: `#/session/${record.session}` }, "This session: ", h("code", {}, record.session))));
}

/** The client's account of the end, which the server did not check. */
function said(record) {
  const parts = [record.told_cause ?? "no cause", `${duration(record.told_ended_ms)} before it came back`];
  if (record.told_silence_ms > 0) parts.push(`silent for ${duration(record.told_silence_ms)}`);
  if (record.told_goodbye !== undefined) parts.push(`it read goodbye ${record.told_goodbye}`);
  if (record.told_paused) parts.push("it had paused");
  if (record.told_slept) parts.push("its machine had slept");
  if (record.told_moved) parts.push("its address has changed");
  return parts.join(", ");
}

function trail(steps = []) {
  if (steps.length === 0) return h("p", { class: "note" }, "No trail: the connection ended in one step.");
  const item = ({ at_ms, layer, what }) => {
    const when = at_ms === 0 ? "at the end" : `${duration(Math.abs(at_ms))} ${at_ms < 0 ? "before" : "after"}`;
    return h("li", {}, h("span", { class: "trail-when" }, when), h("span", { class: "layer" }, layer), what.replaceAll("_", " "));
  };
  return h("div", {}, h("h3", {}, "Trail"), h("ol", { class: "trail" }, ...steps.map(item)));
}
