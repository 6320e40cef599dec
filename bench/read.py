#!/usr/bin/env python3
"""Compares reading 10 million lines, of integer and of string ids, with polars.read_csv on the same file and threads.

    bench/read.py [--quick]      writes build/bench/read.json and prints a table; all else should be quiet meanwhile

Each program reads a file three times in a run, the first of which warms up; runs alternate, and the figures are medians.
"""

import statistics

from harness import data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.polars import Polars

TIMES = 3


def string_ids(path):
    """The same file with ids like u123 and item-123."""
    with open(data.synthetic(69_878, 10_677, 10_000_000)) as source, open(path, "w") as target:
        for line in source:
            user, item, value = line.split(",")
            target.write(f"u{user},item-{item},{value}")


def tables(document):
    rows = [[row["ids"], row["threads"], f"{row['lowrank']:.2f}", f"{row[Polars.name]:.2f}", ratio(row[Polars.name], row["lowrank"], 2)]
            for row in document["rows"]]
    return table(["10 million lines, ids", "threads", "lowrank, seconds", f"{Polars.name}, seconds", "ratio"], rows)


def main():
    runs = 1 if arguments(__doc__, quick="one run").quick else 5
    rival = Polars()
    rival.prepare()
    rows = []
    for ids, file in {"integers": data.synthetic(69_878, 10_677, 10_000_000), "strings": data.made("read-strings.csv", string_ids)}.items():
        for threads in (2, 1):
            results = measure.alternate({"lowrank": lambda: program.call("read", file, threads, TIMES),
                                         rival.name: lambda: rival.run("read", file=file, threads=threads, runs=TIMES)}, runs, warm_up=0)
            medians = {name: statistics.median(seconds for run in found for seconds in run["seconds"][1:]) for name, found in results.items()}
            rows.append({"ids": ids, "threads": threads, **medians})
    save("read", {"rows": rows}, tables)


if __name__ == "__main__":
    main()
