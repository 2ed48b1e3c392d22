// Tests of the live page's texts that need no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const source = await readFile(new URL("../../crates/admin/assets/dom.js", import.meta.url), "utf8");
const { duration } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

test("a duration has the unit that fits, below a millisecond too", () => {
  const shown = [
    [undefined, "–"], [0, "0 ms"], [0.013, "13 µs"], [0.999, "999 µs"], [1, "1 ms"], [171.4, "171 ms"], [5_000, "5.00 s"],
    [61_000, "1 min 1 s"],
  ];
  for (const [ms, words] of shown) assert.equal(duration(ms), words);
});
