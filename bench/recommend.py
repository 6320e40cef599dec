#!/usr/bin/env python3
"""Compares the seconds for the 20 best items of every Gowalla user, seen ones left out, with those of the package implicit on the same factors.

    bench/recommend.py [--quick] [--method M]     writes build/bench/recommend.json and prints a table; all else should be quiet meanwhile

The calls alone are timed, without loading the model and writing the lists; those of the programs alternate, and the figures are medians. GFLOP/s are
those of the full product of users and items in that time. The machine's peak is what multiply-adds in registers reach on one thread, times the
threads; lowrank may be above it, for it passes over items whose vectors are too short for a list.
"""

import statistics

from harness import WORK, data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.implicit import Implicit

TOP = 20


def row_of(model, shape, rival, threads, runs):
    """`shape` has the numbers of users and items, and the rank."""
    results = measure.alternate({"lowrank": lambda: program.call("recommend", TOP, threads, 3, model),
                                 rival.name: lambda: rival.run("recommend", model=model, top=TOP, threads=threads, runs=1)}, runs)
    own, other = (statistics.median(seconds for result in found for seconds in result["seconds"]) for found in results.values())
    flop = 2.0 * shape["users"] * shape["items"] * shape["rank"]
    return {**shape, "threads": threads, "seconds": own, "rival": other, "ratio": other / own, "gflops": flop / own / 1e9, "rival_gflops": flop / other / 1e9}


def tables(document):
    rows = [[f"rank {row['rank']}, factors of `{document['method']}`", row["threads"], f"{row['seconds']:.2f}", f"{row['gflops']:.0f}", f"{row['rival']:.2f}",
             f"{row['rival_gflops']:.0f}", ratio(row["rival"], row["seconds"])] for row in document["rows"]]
    peaks = ", ".join(f"{value:.0f} on {threads}" for threads, value in document["peak_gflops"].items())
    rival = document["rival"]
    return table([f"top {document['top']} of all Gowalla users, seen items left out", "threads", "lowrank, seconds", "lowrank, GFLOP/s", f"{rival}, seconds",
                  f"{rival}, GFLOP/s", "ratio"], rows) + (
        "\n\nGFLOP/s are stated as if every score were computed; lowrank passes over items whose vectors are too short for a list."
        f" The machine's peak in GFLOP/s, by threads: {peaks}.")


def main():
    given = arguments(__doc__, quick="one round, all threads, rank 64 alone",
                      method={"default": "implicit", "help": "the method of lowrank that trains the factors"})
    file = data.gowalla("train", "valid")
    rival = Implicit()
    rival.prepare()
    threads = list(dict.fromkeys([program.THREADS] if given.quick else [program.THREADS, 1]))
    rows = []
    for rank in [64] if given.quick else [64, 128]:
        model = WORK / f"recommend-{rank}.safetensors"
        summary = program.train(file, *(["--no-biases"] if given.method == "sgd" else []), method=given.method, rank=rank, epochs=8, output=model)
        shape = {"rank": rank, "users": summary["users"], "items": summary["items"]}
        rows += [row_of(model, shape, rival, count, 1 if given.quick else 5) for count in threads]
    peaks = {count: program.peak() / 1e9 * count for count in threads}
    save("recommend", {"method": given.method, "rival": rival.name, "top": TOP, "rows": rows, "peak_gflops": peaks}, tables)


if __name__ == "__main__":
    main()
