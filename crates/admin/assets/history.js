// Ends by second and class, as far back as the server sent them. A second that was not sent is unknown, not zero.

export const CLASSES = ["normal", "abrupt", "network", "stuck", "abuse", "capacity", "operator", "defect"];
const KEPT_SECONDS = 960;
/** The lost sessions come last. */
const LOST = CLASSES.length * 2;
const NONE = new Uint32Array(LOST + 1);

export class History {
  /** The seconds with ends: of sessions' connections by class, then of other connections by class, then lost sessions. */
  #seconds = new Map();
  /** The periods that were received, oldest first. */
  #told = [];
  now = 0;

  /** Adds rows, which are complete from `from` to `now`. */
  add(rows, from, now) {
    for (const [second, ...counts] of rows) this.#seconds.set(second, Uint32Array.from(counts));
    const last = this.#told.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(now, last.to);
    else this.#told.push({ from, to: now });
    this.now = Math.max(now, this.now);
    this.#forget();
  }

  /** Forgets old data, some of which may come from another run of the server. */
  #forget() {
    const oldest = this.now - KEPT_SECONDS;
    for (const second of this.#seconds.keys()) if (second < oldest) this.#seconds.delete(second);
    this.#told = this.#told.filter(({ to }) => to >= oldest);
  }

  /** Whether anything is known of this period: at the edge of a gap, a step shows the known part. */
  #knows(from, to) {
    return this.#told.some((told) => told.from <= to && from <= told.to);
  }

  /** Sums by class over the last seconds, of sessions or of all connections. */
  sums(seconds, scope) {
    const sums = CLASSES.map(() => 0);
    for (const [second, counts] of this.#seconds) {
      if (second > this.now - seconds) add(sums, counts, scope);
    }
    return sums;
  }

  /** How many sessions were lost in the last seconds: their players have not come back. */
  lost(seconds) {
    let sum = 0;
    for (const [second, counts] of this.#seconds) if (second > this.now - seconds) sum += counts[LOST];
    return sum;
  }

  /** Times, and for each class its ends in steps of `step` seconds; null for unknown periods. */
  steps(seconds, step, scope) {
    const end = this.now - (this.now % step);
    const times = [];
    const series = CLASSES.map(() => []);
    for (let from = end - seconds; from <= end; from += step) {
      const known = this.#knows(from, from + step - 1);
      const sums = CLASSES.map(() => 0);
      for (let second = from; known && second < from + step; second += 1) {
        add(sums, this.#seconds.get(second) ?? NONE, scope);
      }
      times.push(from);
      series.forEach((values, at) => values.push(known ? sums[at] : null));
    }
    // A step is drawn up to the next point, so the last step needs one more point.
    times.push(end + step);
    series.forEach((values) => values.push(values.at(-1)));
    return { times, series };
  }
}

function add(sums, counts, scope) {
  for (let at = 0; at < sums.length; at += 1) {
    sums[at] += counts[at] + (scope === "all" ? counts[at + sums.length] : 0);
  }
}
