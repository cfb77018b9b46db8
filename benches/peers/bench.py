"""Plays the same night on each system in turn and prints the table: medians with the least and the most.

What each system does for a night is in its own file; nothing is judged here.
"""

import argparse
import os
import pathlib
import platform
import signal
import statistics
import sys
import tempfile
import time

import celery_redis
import restate
import sqlite
import tipoff

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/performance.md"
MARKS = ("<!-- peers:begin -->", "<!-- peers:end -->")


def systems(folder, scratch, units):
    """Those that are compared, in the order in which they take their turns."""
    return [
        tipoff.Tipoff(folder, scratch, units, batch=1),
        tipoff.Tipoff(folder, scratch, units, batch=100),
        restate.Restate(folder, scratch, units),
        celery_redis.Celery(folder, scratch, units, synced=True),
        celery_redis.Celery(folder, scratch, units, synced=False),
        sqlite.Sqlite(scratch, units),
    ]


def figures(values):
    values = sorted(value * 1e3 for value in values)
    return f"{statistics.median(values):.1f} ({values[0]:.1f}–{values[-1]:.1f})"


def table(compared, taken, arguments, loads):
    rows = [
        f"{arguments.units} units a night, {arguments.rounds} rounds in turns on {time.strftime('%-d %B %Y', time.gmtime())}, "
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores; milliseconds, median (least–most). The machine's load "
        f"(tasks that want a core, the mean of a minute) was {loads[0]:.1f} before and {loads[1]:.1f} after the rounds; of the "
        "latter about 2 are the bench's own.",
        "",
        "| system | synced before an answer is given | event to the first unit at its worker | event to all answered and known |",
        "|---|---|---|---|",
    ]
    for system in compared:
        first, done = zip(*taken[system.name])
        rows.append(f"| {system.name} {system.version} | {system.durability} | {figures(first)} | {figures(done)} |")
    rows += ["", "How each was set up:", ""]
    rows += [f"- {system.name}: {system.setup}" for system in compared]
    return "\n".join(rows)


def write(text):
    """Puts the table between the marks of the document."""
    document = DOCUMENT.read_text()
    before, rest = document.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    DOCUMENT.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def main():
    # Ended from outside, it still ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        compared = systems(arguments.folder.resolve(), pathlib.Path(scratch), arguments.units)
        taken = {system.name: [] for system in compared}
        begun, load = [], os.getloadavg()[0]
        try:
            for system in compared:
                begun.append(system)
                system.start()
                # What is loaded or compiled at the first use is no part of a night.
                system.round()
            for number in range(arguments.rounds):
                for system in compared:
                    first, done = system.round()
                    taken[system.name].append((first, done))
                    print(f"round {number + 1} {system.name}: {first * 1e3:.1f} ms, {done * 1e3:.1f} ms", flush=True)
        finally:
            for system in reversed(begun):
                system.stop()
    text = table(compared, taken, arguments, (load, os.getloadavg()[0]))
    print("\n" + text)
    if arguments.write:
        write(text)


main()
