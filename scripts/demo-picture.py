#!/usr/bin/env python3
"""Runs the demo on a terminal of its own and draws one of its frames, as it was written, as an SVG on standard output.

Usage: scripts/demo-picture.py PATH_TO_LASTWORD [SECONDS [COLUMNS ROWS]] > docs/demo.svg
"""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from html import escape

CELL = (8.4, 18)
COLOURS = {
    "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#56d4dd",
    "94": "#a5d6ff", "1;31": "#ffa198", "2": "#8b949e", "1": "#ffffff",
}


def record(binary, seconds, columns, rows):
    """Everything that the demo writes on a terminal of this size."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        os.environ.pop("NO_COLOR", None)
        os.execv(binary, [binary, "demo", "--for", f"{seconds}s"])
    written = bytearray()
    while True:
        try:
            written += os.read(terminal, 65536)
        except OSError:  # the other end of the terminal is closed
            break
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit(f"the demo failed:\n{written.decode()}")
    return written.decode()


def frame_before_the_drain(written):
    """The lines of the last frame in which the honest players are still there."""
    frames = [frame.split("\x1b[J")[0] for frame in written.split("\x1b[H")[1:]]
    return [frame for frame in frames if "drained" not in frame][-1].split("\r\n")


def spans(line):
    """The line's texts, each with its colour."""
    code = ""
    for part in re.split(r"(\x1b\[[0-9;]*[mK])", line):
        if part.startswith("\x1b["):
            code = part[2:-1] if part.endswith("m") else code
        elif part:
            yield part, COLOURS.get(code, "#c9d1d9"), code.startswith("1")


def svg(lines, columns):
    width, height = columns * CELL[0] + 32, len(lines) * CELL[1] + 32
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">'
    yield "<title>The table of lastword demo</title>"
    yield '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>'
    yield '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">'
    for row, line in enumerate(lines):
        column = 0
        for text, colour, is_bold in spans(line):
            x, y = 16 + column * CELL[0], 28 + row * CELL[1]
            weight = ' font-weight="bold"' if is_bold else ""
            length = len(text) * CELL[0]
            if text.strip():
                yield (f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" fill="{colour}"{weight}>'
                       f"{escape(text)}</text>")
            column += len(text)
    yield "</g></svg>"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = sys.argv[1]
    seconds, columns, rows = [int(arg) for arg in sys.argv[2:]] + [12, 100, 32][len(sys.argv) - 2:]
    lines = frame_before_the_drain(record(binary, seconds, columns, rows))
    print("\n".join(svg(lines, columns)))


main()
