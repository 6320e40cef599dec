#!/usr/bin/env python3
"""Compares method `als` with cmfrec (seconds of an epoch, rank 40) and with Spark (seconds of training, rank 64, 10 epochs) on ML-1M.

    bench/als.py [--quick]     writes build/bench/als.json and prints a table; all else should be quiet meanwhile
    bench/als.py --grid        finds the rivals' best regularization

Fitting alone is timed, the ratings in memory; seconds of an epoch are the difference of trainings of 5 and 15 epochs, divided by 10. The test ratings
are every tenth of the shuffled ones. Spark wants a Java: without one its rows are left out. Runs alternate; figures are medians.
"""

import functools
import itertools
import shutil

from harness import data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.cmfrec import Cmfrec
from rivals.spark import Spark

# Rank, numbers of epochs, and solvers of each rival.
BESIDE = {"cmfrec": (40, [5, 15], ["exact", "cg"]), "Spark": (64, [10], ["exact"])}


def own(files, **options):
    summary = program.train(files["train"], method="als", test=files["test"], **options)
    return {"seconds": summary["seconds"]["train"], "rmse": summary["test"]["rmse"]}


def compare(rival, files, runs):
    rank, counts, solvers = BESIDE[rival.name]
    calls = {}
    for solver, epochs in itertools.product(["exact", "cg"], counts):
        job = {"rank": rank, "solver": solver, "threads": program.THREADS, "epochs": epochs}
        calls["lowrank", solver, epochs] = functools.partial(own, files, **job)
        if solver in solvers:
            calls[rival.name, solver, epochs] = functools.partial(rival.run, "als", **files, **job, regularization=rival.regularization)
    results = measure.alternate(calls, runs)
    for solver in ("exact", "cg"):
        row = {"rival": rival.name, "solver": solver, "rank": rank, "threads": program.THREADS, "epochs": counts}
        for side, name, solved in (("lowrank", "lowrank", solver), ("rival", rival.name, solver if solver in solvers else solvers[0])):
            seconds = [measure.median(results[name, solved, epochs], "seconds") for epochs in counts]
            row[f"{side}_seconds"] = (seconds[1] - seconds[0]) / (counts[1] - counts[0]) if len(counts) == 2 else seconds[0]
            row[f"{side}_rmse"] = results[name, solved, counts[-1]][-1]["rmse"]
        yield row


def tables(document):
    rows = []
    for row in document["rows"]:
        epochs = "an epoch" if len(row["epochs"]) == 2 else f"{row['epochs'][0]} epochs"
        rows.append([f"seconds of {epochs}, rank {row['rank']}, solver `{row['solver']}`; rival: {row['rival']}",
                     f"{row['lowrank_seconds']:.3f}", f"{row['lowrank_rmse']:.4f}", f"{row['rival_seconds']:.3f}", f"{row['rival_rmse']:.4f}", ratio(row["rival_seconds"], row["lowrank_seconds"])])
    return table([f"`als` on ML-1M, {document['rows'][0]['threads']} threads", "lowrank", "its test RMSE", "rival", "its test RMSE", "ratio"], rows) + (
        f"\n\nThe rivals' regularization, {Cmfrec.regularization} for cmfrec and {Spark.regularization} for Spark, is the best of `bench/als.py --grid`;"
        " lowrank has its defaults.")


def main():
    given = arguments(__doc__, quick="one run", grid="the test RMSE of every rival by its regularization")
    files = {part: data.movielens_1m(part) for part in ("train", "test")}
    rivals = [Cmfrec(), *([Spark()] if shutil.which("java") else [])]
    for rival in rivals:
        rival.prepare()
    if given.grid:
        for rival, regularization in ((rival, value) for rival in rivals for value in rival.grid):
            rank, counts, _ = BESIDE[rival.name]
            result = rival.run("als", **files, rank=rank, solver="exact", threads=program.THREADS, epochs=10, regularization=regularization)
            print(f"{rival.name} {regularization}: test RMSE {result['rmse']:.4f}", flush=True)
        return
    save("als", {"rows": [row for rival in rivals for row in compare(rival, files, 1 if given.quick else 5)]}, tables)


if __name__ == "__main__":
    main()
