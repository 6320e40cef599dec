#!/usr/bin/env python3
"""Compares lowrank's `nmf --absent zero` with scikit-learn's NMF: seconds to the same loss, training alone, reading left out.

    bench/nmf.py [--quick]     writes build/bench/nmf.json and prints a table; all else should be quiet meanwhile

The data are the training part of ML-1M and a synthetic matrix of the shape of the 20 newsgroups. For every solver and start of the rival, its loss
after 100 epochs is the target; lowrank's time is that of its epochs until its loss is no higher, and of what it needs before the first. Runs
alternate; the least time of each counts.
"""

import functools
import itertools

from harness import data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.scikit_learn import ScikitLearn

RANK, EPOCHS, OWN_EPOCHS = 32, 100, 200
RIVALS = [("cd", "random"), ("cd", "nndsvda"), ("mu", "random"), ("mu", "nndsvda")]


def own(file):
    """Seconds since training began, and loss, after every epoch."""
    summary = program.train(file, method="nmf", absent="zero", rank=RANK, epochs=OWN_EPOCHS, threads=program.THREADS)
    lengths = [epoch["seconds"] for epoch in summary["history"]]
    start = summary["seconds"]["train"] - sum(lengths)
    return {"points": [(start + passed, epoch["train_loss"]) for passed, epoch in zip(itertools.accumulate(lengths), summary["history"])]}


def tables(document):
    rows = []
    for row in document["rows"]:
        own = [f"not in {OWN_EPOCHS}", None, None]
        if "own_epochs" in row:
            own = [row["own_epochs"], f"{row['own_seconds']:.3f}", ratio(row["seconds"], row["own_seconds"])]
        rows.append([row["data"], f"{row['solver']}, {row['init']}", f"{row['loss']:.6g}", f"{row['seconds']:.3f}", *own])
    return table([f"`nmf --absent zero`, rank {document['rank']}, {document['threads']} threads", "scikit-learn's solver, start",
                  f"its loss after {EPOCHS} epochs", "its seconds", "lowrank's epochs to that loss", "lowrank's seconds", "ratio"], rows)


def main():
    quick = arguments(__doc__, quick="one run, one start per solver").quick
    files = {"ML-1M": data.movielens_1m("train"), "like 20 newsgroups": data.synthetic(11_314, 40_000, 1_200_000)}
    rival = ScikitLearn()
    rival.prepare()
    rows = []
    for (name, file), (solver, init) in itertools.product(files.items(), RIVALS[::2] if quick else RIVALS):
        task = functools.partial(rival.run, "nmf", file=file, solver=solver, init=init, rank=RANK, epochs=EPOCHS, threads=program.THREADS)
        results = measure.alternate({rival.name: task, "lowrank": functools.partial(own, file)}, 1 if quick else 5, warm_up=0)
        theirs, ours = results[rival.name], [result["points"] for result in results["lowrank"]]
        row = {"data": name, "solver": solver, "init": init, "epochs": EPOCHS, "loss": theirs[0]["loss"],
               "seconds": min(result["seconds"] for result in theirs)}
        reached = next((n for n, (_, loss) in enumerate(ours[0]) if loss <= row["loss"]), None)
        if reached is not None:
            row |= {"own_epochs": reached + 1, "own_seconds": min(points[reached][0] for points in ours)}
        rows.append(row)
    save("nmf", {"rank": RANK, "threads": program.THREADS, "rows": rows}, tables)


if __name__ == "__main__":
    main()
