#!/usr/bin/env python3
"""Compares method `implicit` with irspack and implicit on Gowalla: seconds of an epoch by solver and rank, and the loss after the same number of epochs.

    bench/implicit_feedback.py [--quick]     writes build/bench/implicit.json and prints tables; all else should be quiet meanwhile

All have the same loss: unobserved weight .01, regularization .1, exponent .5. (implicit's loss has one constant regularization and other weights: its time is
compared, not its loss.) Training is on the parts train and valid. Runs alternate; figures are medians.

Then lowrank's solvers against each other: the seconds of the epochs until NDCG@20 on valid, trained on train, is as good as the exact solver's best
of 8 epochs.
"""

import functools
import statistics

from harness import data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.implicit import Implicit
from rivals.irspack import Irspack

LOSS = {"unobserved_weight": 0.01, "regularization": 0.1, "regularization_exponent": 0.5}
RANKS = {"exact": [64, 128, 256, 512, 1024], "cg": [64, 128, 256], "subspace": [256, 512, 1024]}
NDCG_EPOCHS = 8
NDCG_SOLVERS = {"exact": {"solver": "exact"}, "subspace": {"solver": "subspace"}, "cg, 2 steps": {"solver": "cg", "cg_steps": 2}}


def own(file, rank, solver, epochs):
    history = program.train(file, method="implicit", rank=rank, solver=solver, threads=program.THREADS, epochs=epochs, **LOSS)["history"]
    # The first epoch finds cold caches and fresh memory.
    return {"seconds": statistics.median(epoch["seconds"] for epoch in history[1:]), "loss": history[-1]["train_loss"]}


def epoch_row(file, solver, rank, rivals, quick):
    large = rank > 256
    epochs = 1 if large or (rank == 256 and solver == "exact") else 3
    calls = {"lowrank": functools.partial(own, file, rank, solver, max(2 * epochs, 3))}
    # An epoch of theirs by exact solves takes more than a minute at these ranks; implicit has no subspace solver.
    for rival in [] if large and solver == "exact" else rivals[:1] if solver == "subspace" else rivals:
        calls[rival.name] = functools.partial(rival.run, "train", file=file, rank=rank, solver=solver, threads=program.THREADS, epochs=epochs, **LOSS)
    row = {"solver": solver, "rank": rank, "threads": program.THREADS, "epochs": 2 * epochs}
    for name, results in measure.alternate(calls, 1 if quick or large else 3, warm_up=0).items():
        row |= {name: measure.median(results, "seconds"), f"{name}_loss": results[-1]["loss"]}
    return row


def ranking_row(rank, runs):
    """The exact solver's best NDCG@20, and the seconds of each solver to it, the medians of alternating runs."""
    def run(solver):
        history = program.train(data.gowalla("train"), method="implicit", rank=rank, **solver, threads=program.THREADS, epochs=NDCG_EPOCHS,
                                patience=NDCG_EPOCHS, validation=data.gowalla("valid"), monitor="ndcg@20", **LOSS)["history"]
        return {"seconds": [epoch["seconds"] for epoch in history], "ndcg": [epoch["validation_ndcg@20"] for epoch in history]}

    results = measure.alternate({name: functools.partial(run, solver) for name, solver in NDCG_SOLVERS.items()}, runs, warm_up=0)
    best = {name: max(found[0]["ndcg"]) for name, found in results.items()}
    row = {"rank": rank, "ndcg": best["exact"], "best": best, "seconds": {}}
    for name, found in results.items():
        needed = next((n + 1 for n, ndcg in enumerate(found[0]["ndcg"]) if ndcg >= best["exact"]), None)
        row["seconds"][name] = needed and statistics.median(sum(result["seconds"][:needed]) for result in found)
    return row


def tables(document):
    rows = []
    for row in document["rows"]:
        others = [row[name] for name in ("irspack", "implicit") if name in row]
        rows.append([f"`{row['solver']}`, rank {row['rank']}", *(f"{row[name]:.3f}" if name in row else None for name in ("lowrank", "irspack", "implicit")),
                     ratio(min(others), row["lowrank"]) if others else None])
    ranked = []
    for row in document["ndcg"]:
        cells = [f"{seconds:.2f}" if (seconds := row["seconds"][name]) is not None else f"not reached: {row['best'][name]:.4f}" for name in NDCG_SOLVERS]
        ranked.append([f"rank {row['rank']}, NDCG@20 {row['ndcg']:.4f}", *cells])
    what = f"`implicit` on Gowalla, seconds per epoch, {document['rows'][0]['threads']} threads"
    return table([what, "lowrank", "irspack", "implicit", "ratio to the faster"], rows) + "\n\n" + table(
        ["`implicit` on Gowalla, seconds to the exact solver's best NDCG@20 on valid", *(f"`{name}`" for name in NDCG_SOLVERS)], ranked)


def main():
    quick = arguments(__doc__, quick="one run, ranks up to 256").quick
    file = data.gowalla("train", "valid")
    rivals = [Irspack(), Implicit()]
    for rival in rivals:
        rival.prepare()
    rows = [epoch_row(file, solver, rank, rivals, quick) for solver, ranks in RANKS.items() for rank in ranks if rank <= 256 or not quick]
    ranked = [ranking_row(rank, 1 if quick else 3) for rank in ([256] if quick else [256, 512, 1024])]
    save("implicit", {"rows": rows, "ndcg": ranked}, tables)


if __name__ == "__main__":
    main()
