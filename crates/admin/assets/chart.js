// Stacked areas by class over time, drawn by uPlot. The legend is made of buttons: each shows or hides its class.

import { h, $, count, say, shortClock } from "./dom.js";
import { CLASSES } from "./history.js";

const HEIGHT = 240;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60];
const STEP_PX_MIN = 5;

export class Chart {
  #history;
  #plot;
  #off = new Set();
  #window = 300;
  #scope = "live";
  #shown;
  #buttons;

  constructor(history) {
    this.#history = history;
    this.#buttons = CLASSES.map((name) => this.#button(name));
    $("legend").append(...this.#buttons.map((button) => h("li", {}, button)));
    for (const [name, take] of [["window", (v) => (this.#window = Number(v))], ["scope", (v) => (this.#scope = v)]]) {
      for (const input of document.getElementsByName(name)) {
        if (input.checked) take(input.value);
        input.addEventListener("change", () => {
          take(input.value);
          this.draw();
        });
      }
    }
    new ResizeObserver(() => {
      this.#plot?.setSize(this.#size());
      if (this.#plot) this.draw();
    }).observe($("chart"));
  }

  #button(name) {
    const number = h("span", { class: "legend-count" });
    const swatch = h("span", { class: "swatch", "data-class": name, "aria-hidden": "true" });
    const press = (event) => {
      this.#off.has(name) ? this.#off.delete(name) : this.#off.add(name);
      event.currentTarget.setAttribute("aria-pressed", String(!this.#off.has(name)));
      this.draw();
    };
    return h("button", { type: "button", "aria-pressed": "true", onclick: press }, swatch, name, " ", number);
  }

  /** The colours are those of the style sheet, which has a light and a dark set. */
  recolour() {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.draw();
  }

  draw() {
    const step = this.#step();
    const { times, series } = this.#history.steps(this.#window, step, this.#scope);
    const sums = series.map((values) => values.slice(0, -1));
    const stacked = stack(series.map((values, at) => (this.#off.has(CLASSES[at]) ? values.map((v) => v && 0) : values)));
    this.#shown = sums;
    if (this.#plot) this.#plot.setData([times, ...stacked]);
    else this.#plot = new uPlot(this.#options(), [times, ...stacked], $("chart"));
    this.#words(sums, step);
    this.#legend();
  }

  /** Seconds per step, so that each step is wide enough to be seen. */
  #step() {
    const { width } = this.#size();
    return STEPS_S.find((step) => (step * width) / this.#window >= STEP_PX_MIN) ?? STEPS_S.at(-1);
  }

  /** Shows the number of ends next to each class: at the cursor, or in the whole time shown. */
  #legend() {
    const at = this.#plot?.cursor.idx;
    this.#buttons.forEach((button, n) => {
      const values = this.#shown[n];
      const sum = at === null || at === undefined ? values.reduce((sum, v) => sum + (v ?? 0), 0) : (values[at] ?? 0);
      say(button.querySelector(".legend-count"), count(sum));
    });
  }

  #words(series, step) {
    const sums = series.map((values) => values.reduce((sum, v) => sum + (v ?? 0), 0));
    const most = CLASSES.map((name, at) => [sums[at], name]).filter(([n]) => n > 0).sort((a, b) => b[0] - a[0]);
    const what = this.#scope === "live" ? "sessions" : "connections";
    const minutes = this.#window / 60;
    const each = most.map(([n, name]) => `${count(n)} ${name}`).join(", ");
    say($("chart-words"), most.length === 0
      ? `No ${what} ended in the last ${minutes} minutes.`
      : `Ended in the last ${minutes} minutes: ${each}. Each step is ${step} s; a gap is time without data.`);
  }

  #size() {
    return { width: Math.max(240, $("chart").clientWidth), height: HEIGHT };
  }

  #options() {
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const stepped = uPlot.paths.stepped({ align: 1 });
    // Drawn from the top of the stack down, so that each area covers the part below it.
    const series = CLASSES.map((name) => ({ label: name, width: 0, fill: colour(`--class-${name}`), paths: stepped, points: { show: false } }));
    return {
      ...this.#size(),
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      hooks: { setCursor: [() => this.#shown && this.#legend()] },
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(4, max * 1.08)] } },
      axes: [
        { ...axis, size: 30, space: 64, values: (_, ticks) => ticks.map((second) => shortClock(new Date(second * 1000))) },
        { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], values: (_, ticks) => ticks.map((v) => count(v)) },
      ],
      series: [{}, ...series.toReversed()],
    };
  }
}

/** Sums from the last class up, the highest first, in drawing order. */
function stack(series) {
  const sums = series[0].map((v) => (v === null ? null : 0));
  const stacked = series.map((values) => {
    values.forEach((v, at) => {
      if (v !== null) sums[at] += v;
    });
    return sums.slice();
  });
  return stacked.toReversed();
}

/** The current value of a colour of the style sheet: a canvas cannot use CSS variables. */
function colour(name) {
  const probe = h("span");
  probe.style.color = `var(${name})`;
  $("chart").append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
