#!/usr/bin/env python3
"""Compares lowrank's `sgd` with LIBMF: updates per second by rank, and seconds from text to model.

    bench/sgd.py [--quick] [--sse]      writes build/bench/sgd.json and prints a table; all else should be quiet meanwhile
    bench/sgd.py --grid                 finds the rival's best learning rate and regularization

Whole processes are timed, as a user runs them: text file in, model file out. The programs and thread counts alternate; a figure is the median of five
runs after a warm-up. Updates per second come from the median epoch of each run, the first left out: lowrank says how long each took, LIBMF prints a
line after each.
"""

import functools
import itertools
import statistics

from harness import WORK, data, measure, program
from harness.table import arguments, save, table
from rivals import Rival
from rivals.libmf import Libmf

USERS, ITEMS, RATINGS = 69_878, 10_677, 10_000_000
EPOCHS = 20
THREADS = [2, 1]
# The options that bring lowrank below LIBMF's final RMSE soonest: fewer epochs of larger steps (docs/methods/sgd.md).
REACH = {"epochs": 10, "options": {"learning_rate": 0.1}}


class Lowrank(Rival):
    """lowrank itself, behind the adapter of its rivals."""

    name = "lowrank"
    options = {}

    def prepare(self):
        pass

    def run(self, task, *, train, rank, epochs, threads, test=None, options=None):
        watched = {"validation": test, "patience": epochs} if test else {}
        summary = program.train(train, rank=rank, epochs=epochs, threads=threads, **watched, **(options or {}))
        return {"seconds": summary["wall"], "bytes": summary["bytes"], "epoch": statistics.median(epoch["seconds"] for epoch in summary["history"][1:]),
                "rmse": summary.get("validation", {}).get("rmse")}


def synthetic():
    """The synthetic 10M, separated by blanks (LIBMF reads nothing else), in a file to train on and one to test on."""
    train, test = WORK / "10m.train", WORK / "10m.test"
    if not test.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        files = WORK / "10m.train.csv", WORK / "10m.test.csv"
        program.lowrank("generate", users=USERS, items=ITEMS, ratings=RATINGS, output=files[0], test=files[1], test_fraction=0.1)
        for source, target in zip(files, (train, test)):
            data.with_blanks(source, target)
            source.unlink()
    return train, test


def compare(runs, ranks, rivals):
    train, test = synthetic()
    rows = []
    for rank in ranks:
        whole = rank == 64
        programs = [Lowrank(), *(rivals if whole else rivals[:1])]
        calls = {}
        for threads, rival in itertools.product(THREADS, programs):
            jobs = {"epochs": {"epochs": 12}}
            if whole:
                jobs["whole"] = {"epochs": EPOCHS, "test": test}
                if rival.name == "lowrank":
                    jobs["reach"] = {**REACH, "test": test}
            for name, job in jobs.items():
                calls[name, threads, rival.name] = functools.partial(rival.run, "sgd", train=train, rank=rank, threads=threads, **job)
        results = measure.alternate(calls, runs)
        for threads, rival in itertools.product(THREADS, programs):
            epochs = results["epochs", threads, rival.name]
            speeds = [RATINGS * 0.9 / result["epoch"] for result in epochs]
            row = {"program": rival.name, "rank": rank, "threads": threads, "updates_per_second": statistics.median(speeds),
                   "fastest": max(speeds), "slowest": min(speeds), "bytes": measure.median(epochs, "bytes")}
            if whole:
                runs_of = results["whole", threads, rival.name]
                seconds = [result["seconds"] for result in runs_of]
                row |= {"whole_seconds": statistics.median(seconds), "whole_fastest": min(seconds), "whole_slowest": max(seconds),
                        "whole_bytes": measure.median(runs_of, "bytes"), "rmse": runs_of[-1]["rmse"]}
                if reached := results.get(("reach", threads, rival.name)):
                    row |= {"reach_seconds": measure.median(reached, "seconds"), "reach_rmse": reached[-1]["rmse"]}
            rows.append(row)
        # What is measured is kept, whatever happens to the rest.
        options = {rival.name: rival.options for rival in [Lowrank(), *rivals]}
        save("sgd", {"ratings": RATINGS, "epochs": EPOCHS, "runs": runs, "options": options, "rows": rows}, tables)


def tables(document):
    rows = {(row["program"], row["rank"], row["threads"]): row for row in document["rows"]}
    rivals = [name for name in dict.fromkeys(row["program"] for row in document["rows"]) if name != "lowrank"]
    ranks = sorted({row["rank"] for row in document["rows"]})
    lines = []

    def add(what, rank, threads, key, show, ratio, rival_key=None):
        """A line with lowrank's figure, and each rival's with ratio(own, other)."""
        own = rows["lowrank", rank, threads]
        cells = [what, threads, show(own[key])]
        for name in rivals:
            other = rows.get((name, rank, threads))
            cells += [show(other[rival_key or key]), ratio(own, other)] if other else [None, None]
        lines.append(cells)

    for rank, threads in itertools.product(ranks, THREADS):
        add(f"million updates per second, rank {rank}", rank, threads, "updates_per_second", lambda x: f"{x / 1e6:.1f}",
            lambda own, other: f"{own['updates_per_second'] / other['updates_per_second']:.2f}")
    if 64 in ranks:
        what = f"rank 64, {document['epochs']} epochs, validated"
        for threads in THREADS:
            add(f"seconds from text to model, {what}", 64, threads, "whole_seconds", lambda x: f"{x:.2f}",
                lambda own, other: f"{other['whole_seconds'] / own['whole_seconds']:.2f}")
            add(f"peak memory in MB from text to model, {what}", 64, threads, "whole_bytes", lambda x: f"{x / 1e6:.0f}",
                lambda own, other: f"{other['whole_bytes'] / own['whole_bytes']:.2f}")
            add(f"test RMSE, {what}", 64, threads, "rmse", lambda x: f"{x:.4f}", lambda own, other: None)
        for threads in THREADS:
            rmse = rows["lowrank", 64, threads]["reach_rmse"]
            add(f"seconds from text to the rival's final RMSE, rank 64 (lowrank: RMSE {rmse:.4f} after {REACH['epochs']} epochs)", 64, threads,
                "reach_seconds", lambda x: f"{x:.2f}",
                lambda own, other: f"{other['whole_seconds'] / own['reach_seconds']:.2f}" if own["reach_rmse"] <= other["rmse"] else "not reached",
                "whole_seconds")
        shares = [rows[name, 64, 2]["updates_per_second"] / rows[name, 64, 1]["updates_per_second"] / 2 for name in ("lowrank", *rivals)]
        cells = [cell for share in shares for cell in (f"{share:.0%}", None)]
        lines.append(["updates per second on two threads, as a share of twice those on one, rank 64", None, cells[0], *cells[2:]])
    return table(["synthetic ratings, 10 million", "threads", "lowrank", *(cell for name in rivals for cell in (name, "ratio"))], lines) + (
        f"\n\nA tenth of the ratings is for the test. Medians of {document['runs']} alternating runs.")


def grid(rival):
    train, test = synthetic()
    for rate, regularization in itertools.product([0.05, 0.1, 0.2], [0.02, 0.03, 0.05, 0.08]):
        result = rival.run("sgd", train=train, test=test, rank=64, threads=program.THREADS, epochs=EPOCHS, options={"-r": rate, "-l2": regularization})
        print(f"learning rate {rate} regularization {regularization} test RMSE {result['rmse']}", flush=True)


def main():
    given = arguments(__doc__, quick="one run, rank 64 alone", sse="LIBMF's SSE build as well, at rank 64", grid="the test RMSE of LIBMF by its options")
    rivals = [Libmf("avx"), *([Libmf("sse")] if given.sse else [])]
    for rival in rivals:
        rival.prepare()
    if given.grid:
        grid(rivals[0])
    else:
        compare(1 if given.quick else 5, [64] if given.quick else [64, 16, 32, 128], rivals)


if __name__ == "__main__":
    main()
