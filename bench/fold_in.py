#!/usr/bin/env python3
"""How many new users per second fold-in solves: all users of ML-1M's training part, anew, at rank 64, next to the half of an epoch that solves the same users.

    bench/fold_in.py [--quick]     writes build/bench/fold_in.json and prints a table; all else should be quiet meanwhile

The calls alone are timed, without loading the model and reading the ratings. Calls and trainings alternate; figures are medians.
"""

import statistics

from harness import WORK, data, measure, program
from harness.table import arguments, save, table

RANK, EPOCHS = 64, 5


def row_of(file, method, threads, runs):
    model = WORK / "fold_in.safetensors"

    def train():
        history = program.train(file, method=method, rank=RANK, epochs=EPOCHS, threads=threads, output=model)["history"]
        return {"seconds": statistics.median(epoch["seconds"] for epoch in history[1:]) / 2}

    results = measure.alternate({"half of an epoch": train, "fold-in": lambda: program.call("fold-in", file, threads, 3, model)}, runs)
    half, folded = results.values()
    seconds = statistics.median(second for result in folded for second in result["seconds"])
    return {"method": method, "threads": threads, "users": folded[0]["rows"], "seconds": seconds, "half_epoch": measure.median(half, "seconds")}


def tables(document):
    rows = [[f"`{row['method']}`", row["threads"], f"{row['users'] / row['seconds']:.0f}", f"{row['seconds']:.3f}", f"{row['half_epoch']:.3f}"]
            for row in document["rows"]]
    header = [f"fold-in of the users of ML-1M, rank {document['rank']}", "threads", "users per second", "seconds for all users", "seconds of half an epoch"]
    return table(header, rows)


def main():
    given = arguments(__doc__, quick="one run, all threads")
    threads = list(dict.fromkeys([program.THREADS] if given.quick else [program.THREADS, 1]))
    file = data.movielens_1m("train")
    rows = [row_of(file, method, count, 1 if given.quick else 5) for method in ("als", "implicit") for count in threads]
    save("fold_in", {"rank": RANK, "rows": rows}, tables)


if __name__ == "__main__":
    main()
