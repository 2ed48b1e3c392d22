#!/usr/bin/env python3
"""Stops the demo at random moments of its first seconds, as Ctrl-C does, the outages of its lab among them. Each run has to
exit with 0, and its last lines have to add up.

Usage: scripts/demo-stops.py PATH_TO_LASTWORD [RUNS [SECONDS [AT_A_TIME]]]     (default: 100 runs, 40 s, 8 at a time)

The moments are spread evenly and drawn at random within their part, from a seed that is printed (SEED=… repeats them).
The last line counts the runs that were right; the exit status is 0 if all were.
"""
import concurrent.futures
import os
import random
import re
import signal
import subprocess
import sys
import time


def numbers(line):
    return [int(number) for number in re.findall(r"\d+", line)]


def faults(status, output):
    """What does not fit, of a demo that has ended."""
    if status != 0:
        yield f"exit status {status}"
    lines = output.strip().split("\n")
    if len(lines) < 3 or "WRONG" in output:
        yield "something is WRONG, or the last lines are missing"
        return
    laws, terms, last = lines[-3:]
    opened, still_open, ended, joined, sessions, departed = numbers(laws)
    if opened != still_open + ended or joined != sessions + departed or "both laws held" not in laws:
        yield "a law does not add up"
    total, *parts = re.split(r"[=+]", terms)
    counts = {part.strip().split(" ", 1)[1]: numbers(part)[0] for part in parts}
    if numbers(total)[0] != ended or sum(counts.values()) != ended:
        yield "the ends do not add up"
    endings, right = numbers(last)
    judged = sum(counts.get(part, 0) for part in ("endings here", "in the lab of the cable", "of attackers"))
    if endings != judged or right != endings:
        yield "the endings do not add up"


def run(binary, moment, number):
    command = [binary, "demo", "--clients", "5", "--for", "10m"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started = time.monotonic()
    try:
        output, _ = demo.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        demo.send_signal(number)
        stopped = time.monotonic()
        try:
            output, _ = demo.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            demo.kill()
            output, _ = demo.communicate()
        took = time.monotonic() - stopped
        return moment, took, list(faults(demo.returncode, output)), output
    return moment, time.monotonic() - started, ["it ended before it was told to"], output


def main(binary, runs="100", seconds="40", at_a_time="8"):
    runs, seconds = int(runs), float(seconds)
    seed = os.environ.get("SEED") or str(random.randrange(1 << 32))
    dice = random.Random(seed)
    moments = [0.2 + (n + dice.random()) * seconds / runs for n in range(runs)]
    dice.shuffle(moments)
    print(f"seed {seed}: {runs} runs, stopped within {seconds:g} s")
    right, slowest = 0, 0.0
    with concurrent.futures.ThreadPoolExecutor(int(at_a_time)) as pool:
        signals = [signal.SIGINT, signal.SIGTERM] * runs
        for moment, took, wrong, output in pool.map(run, [binary] * runs, moments, signals):
            slowest = max(slowest, took)
            right += not wrong
            last = "; ".join(output.strip().split("\n")[-2:])
            print(f"{moment:6.2f} s  {took:5.2f} s to end  {', '.join(wrong) or 'right'}  {last}", flush=True)
            if wrong:
                print(output)
    print(f"{right} of {runs} right, the slowest end took {slowest:.2f} s")
    return 0 if right == runs else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
