#!/usr/bin/env python3
"""Compares reading 10 million lines, of integer and of string ids, with polars.read_csv on the same file and threads.

    bench/read.py      measures; writes build/bench/read.json and prints a table (all else should be quiet meanwhile)

Each program reads a file three times in a run, the first of which warms up; runs alternate, and the figures are medians.
"""

import json
import statistics
import subprocess

import report
from report import ROOT, WORK
from rivals.polars_csv import PolarsCsv

RUNS = 5


def files():
    """The synthetic 10M, and the same with ids like u123 and item-123."""
    WORK.mkdir(parents=True, exist_ok=True)
    integers, strings = WORK / "read-integers.csv", WORK / "read-strings.csv"
    if not strings.exists():
        subprocess.run([ROOT / "build" / "lowrank", "generate", "--users", "69878", "--items", "10677", "--ratings", "10000000", "--output", integers], check=True)
        with open(integers) as source, open(strings, "w") as target:
            for line in source:
                user, item, value = line.split(",")
                target.write(f"u{user},item-{item},{value}")
    return {"integers": integers, "strings": strings}


def main():
    rival = PolarsCsv(WORK)
    rival.prepare()
    rows = []
    for kind, file in files().items():
        for threads in (2, 1):
            own, other = [], []
            for _ in range(RUNS):
                command = [ROOT / "build" / "release" / "bin" / "read_bench", file, str(threads), "3"]
                own += json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[1:]
                other += rival.run(file, threads, 3)[1:]
            rows.append({"ids": kind, "threads": threads, "lowrank": statistics.median(own), rival.name: statistics.median(other)})
    lines = [f"| 10M lines, ids | threads | lowrank, s | {rival.name}, s | ratio |", "|---|---|---|---|---|"]
    lines += [f"| {row['ids']} | {row['threads']} | {row['lowrank']:.2f} | {row[rival.name]:.2f} | {row[rival.name] / row['lowrank']:.2f} |" for row in rows]
    report.write("read", {"rows": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
