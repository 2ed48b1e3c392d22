#!/usr/bin/env python3
"""Measures what a scrape of /metrics costs a server of 10,000 sessions with every series there can be: 16 cohorts, 8 profiles,
64 codes of the game.

Usage: scripts/scrape-cost.py PATH_TO_LASTWORD [SESSIONS]
"""

import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SCRAPES, QUIET_SECONDS = 100, 10
CONFIG = """
[admission]
connections_max = 20000
[liveness]
profile = "still"
[liveness.profiles.still]
heartbeat_ms = 600000
suspect_ms = 900000
dead_ms = 0
[liveness.profiles.second]
[liveness.profiles.third]
[metrics]
cohorts = {cohorts}
game_codes = {codes}
"""
# As docs/wire.md has it: no resume, no credentials.
HELLO = (37 << 8 | 1).to_bytes(4, "big") + b"LW\x01\x01\x02" + (65_536).to_bytes(4, "big") + bytes(28)


def main(binary, sessions):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG.format(cohorts=[f"cohort_{index}" for index in range(16)], codes=list(range(4096, 4160))))
        config.flush()
        server = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", config.name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            game, admin = re.findall(r"127\.0\.0\.1:(\d+)", server.stdout.readline())
            measure(server.pid, int(game), int(admin), sessions)
        finally:
            server.kill()
            server.wait()


def measure(pid, game, admin, sessions):
    # Kept: who is not referred to is closed.
    players = [join(game) for _ in range(sessions)]
    page, _ = scrape(admin)
    found = re.search(r"^lastword_sessions_open (\d+)", page, re.MULTILINE)
    assert int(found[1]) == len(players), found[0]

    begun, before = time.monotonic(), cpu(pid)
    time.sleep(QUIET_SECONDS)
    quiet = (cpu(pid) - before) / (time.monotonic() - begun)

    begun, before = time.monotonic(), cpu(pid)
    times = sorted(scrape(admin)[1] for _ in range(SCRAPES))
    spent = cpu(pid) - before - quiet * (time.monotonic() - begun)

    series = sum(not line.startswith("#") and bool(line) for line in page.splitlines())
    each = spent / SCRAPES
    print(f"{sessions} sessions, {series} series, {len(page) / 1024:.0f} KiB")
    print(f"a scrape takes {1000 * statistics.median(times):.1f} ms in median, {1000 * times[-1]:.1f} ms at most of {SCRAPES}")
    print(f"and {1000 * each:.1f} ms of CPU: {100 * each / 5:.3f} % of a core where it is scraped every 5 s "
          f"(without scrapes: {100 * quiet:.2f} %)")


def join(game):
    player = socket.create_connection(("127.0.0.1", game))
    player.sendall(HELLO)
    assert player.recv(1), "no welcome"
    return player


def scrape(admin):
    """The page, and how long it took."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", admin)) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: cost\r\n\r\n")
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    took = time.monotonic() - begun
    head, page = b"".join(parts).split(b"\r\n\r\n", 1)
    assert b" 200 " in head.splitlines()[0], head
    return page.decode(), took


def cpu(pid):
    """Seconds of CPU that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
