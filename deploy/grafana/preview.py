"""Draws the dashboards without Grafana: runs every query of every panel against a Prometheus, and makes a picture of each
dashboard. Colours, units, legends and stacking follow the JSON where this program supports them.

Usage: pip install --require-hashes -r requirements.txt, then python preview.py http://127.0.0.1:9090 DIRECTORY [MINUTES]
"""

import datetime
import json
import math
import pathlib
import re
import sys
import textwrap
import time
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as dates
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

HERE = pathlib.Path(__file__).parent
COLUMN_INCHES, ROW_INCHES = 0.85, 0.42
COLOURS = {
    "green": "#56a64b", "orange": "#ff9830", "blue": "#3274d9", "purple": "#8f3bb8", "yellow": "#f2cc0c",
    "super-light-red": "#ff9da7", "text": "#6e7077", "dark-red": "#c4162a", "red": "#e02f44",
}


def main(prometheus, directory, minutes=5.0):
    end = time.time()
    window = end - 60 * minutes, end
    for path in sorted(HERE.glob("dashboards/*.json")):
        board = json.loads(path.read_text())
        target = pathlib.Path(directory) / f"{board['uid']}.png"
        draw(board, prometheus, window).savefig(target, dpi=80)
        print(target)


def draw(board, prometheus, window):
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = plt.figure(figsize=(24 * COLUMN_INCHES, height * ROW_INCHES))
    for panel in board["panels"]:
        place = panel["gridPos"]
        box = [(place["x"] + 0.9) / 24, 1 - (place["y"] + place["h"] - 1.1) / height,
               (place["w"] - 1.4) / 24, (place["h"] - 2.6) / height]
        axes = figure.add_axes(box)
        axes.set_title(panel["title"], loc="left", fontsize=10, fontweight="bold")
        DRAW[panel["type"]](axes, panel, prometheus, window)
    return figure


def series(panel, prometheus, window):
    """Each series of a panel: its legend, its times and its values."""
    for target in panel["targets"]:
        step = max((window[1] - window[0]) / 240, 1)
        answer = ask(prometheus, "query_range", target["expr"], window, start=window[0], end=window[1], step=step)
        for found in answer:
            legend = re.sub(r"{{(\w+)}}", lambda label: found["metric"].get(label[1], ""), target["legendFormat"])
            times = [datetime.datetime.fromtimestamp(at) for at, _ in found["values"]]
            yield legend, times, [float(value) for _, value in found["values"]]


def draw_series(axes, panel, prometheus, window):
    defaults = panel["fieldConfig"]["defaults"]
    found = sorted(series(panel, prometheus, window), key=lambda each: -latest(each[2]))
    look = {override["matcher"]["options"]: override["properties"] for override in panel["fieldConfig"]["overrides"]}
    colour = {name: COLOURS[properties[0]["value"]["fixedColor"]] for name, properties in look.items()}
    dashed = {name for name, properties in look.items() if len(properties) > 1}
    if defaults["custom"]["stacking"]["mode"] == "normal" and found:
        every = sorted({at for _, times, _ in found for at in times})
        rows = [[dict(zip(times, values)).get(at, 0.0) for at in every] for _, times, values in found]
        names = [name for name, _, _ in found]
        colours = [colour.get(name) or f"C{index % 10}" for index, name in enumerate(names)]
        axes.stackplot(every, rows, colors=colours, alpha=0.75, labels=[label(panel, *each) for each in found])
    else:
        for name, times, values in found:
            style = {"color": colour[name]} if name in colour else {}
            axes.plot(times, values, label=label(panel, name, times, values),
                      linestyle="--" if name in dashed else "-", linewidth=1.4, **style)
    axes.set_xlim(*(datetime.datetime.fromtimestamp(at) for at in window))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, defaults)))
    axes.tick_params(labelsize=7)
    axes.set_ylim(bottom=defaults.get("min"))
    axes.grid(alpha=0.3)
    if found:
        axes.legend(fontsize=6.5, loc="upper left", framealpha=0.7)
    else:
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, ha="center")


def draw_stat(axes, panel, prometheus, window):
    axes.axis("off")
    found = list(series(panel, prometheus, window))
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    for index, (name, _, values) in enumerate(found):
        colour = "black"
        for step in steps:
            if step["value"] is None or latest(values) >= step["value"]:
                colour = COLOURS[step["color"]]
        text = shown(latest(values), panel["fieldConfig"]["defaults"])
        text = f"{text}\n{name}" if len(found) > 1 else text
        axes.text((index + 0.5) / len(found), 0.4, text, ha="center", va="center", fontsize=15, color=colour)
    if not found:
        axes.text(0.5, 0.4, "No data", ha="center")


def draw_table(axes, panel, prometheus, window):
    axes.axis("off")
    options = panel["transformations"][0]["options"]
    labels = [name for name, _ in sorted(options["indexByName"].items(), key=lambda item: item[1])]
    answer = ask(prometheus, "query", panel["targets"][0]["expr"], window, time=window[1])
    rows = sorted(answer, key=lambda found: -float(found["value"][1]))[:14]
    cells = [[shown(float(row["value"][1]), panel["fieldConfig"]["defaults"]) if name == "Value"
              else row["metric"].get(name, "") for name in labels] for row in rows]
    if not cells:
        return axes.text(0.5, 0.5, "No data", ha="center")
    table = axes.table(cells, colLabels=[options["renameByName"][name] for name in labels], loc="upper left",
                       cellLoc="left", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    return None


DRAW = {"timeseries": draw_series, "stat": draw_stat, "table": draw_table}


def ask(prometheus, kind, expr, window, **more):
    minutes = f"{math.ceil((window[1] - window[0]) / 60)}m"
    for variable, value in {"$__rate_interval": "20s", "$__range": minutes, "$instance": ".+", "$cohort": ".+"}.items():
        expr = expr.replace(variable, value)
    query = urllib.parse.urlencode({"query": expr, **more})
    with urllib.request.urlopen(f"{prometheus}/api/v1/{kind}?{query}") as answer:
        return json.load(answer)["data"]["result"]


def latest(values):
    known = [value for value in values if not math.isnan(value)]
    return known[-1] if known else 0.0


def label(panel, name, _, values):
    return f"{textwrap.shorten(name, 34)}  {shown(latest(values), panel['fieldConfig']['defaults'])}"


def shown(value, defaults):
    unit, decimals = defaults["unit"], defaults.get("decimals")
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{1000 * value:.3g} ms"
    if unit in ("bytes", "Bps"):
        power = min(int(math.log(abs(value), 1024)), 3) if abs(value) >= 1 else 0
        return f"{value / 1024 ** power:.3g} {['B', 'KiB', 'MiB', 'GiB'][power]}{'/s' if unit == 'Bps' else ''}"
    number = f"{value:.{decimals}f}" if decimals is not None else f"{value:.3g}"
    return f"{number} /s" if unit == "cps" else number


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:4]))
