#!/usr/bin/env python3
"""Compares method `implicit` with irspack and implicit on Gowalla: seconds of an epoch by solver and rank, and the loss after as many epochs.

    bench/implicit.py [--quick]     measures; writes build/bench/implicit.json and prints a table (all else should be quiet meanwhile)

All with the same loss: unobserved weight .01, regularisation .1, exponent .5. (implicit's loss has one constant regularisation and other weights: its time is
compared, not its loss.) Gowalla (train and valid) is looked for in $LOWRANK_DATA, then in ../shared/data. Runs alternate; figures are medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import report
from recommend import gowalla
from report import ROOT, WORK
from rivals.irspack_als import IrspackAls

RANKS = {"exact": [64, 128, 256, 512, 1024], "cg": [64, 128, 256], "subspace": [256, 512, 1024]}


def own(file, rank, solver, threads, epochs):
    command = [ROOT / "build" / "lowrank", "train", file, "--format", "adjacency", "--method", "implicit", "--rank", rank, "--solver", solver, "--threads", threads,
               "--epochs", epochs, "--unobserved-weight", 0.01, "--regularization", 0.1, "--regularization-exponent", 0.5, "--output", WORK / "implicit.safetensors",
               "--quiet", "--json"]
    summary = json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)
    # The first epoch finds cold caches and fresh memory.
    return {"seconds": statistics.median(epoch["seconds"] for epoch in summary["history"][1:]), "loss": summary["history"][-1]["train_loss"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run, ranks up to 256")
    quick = parser.parse_args().quick
    file = gowalla()
    rival = IrspackAls(WORK)
    rival.prepare()
    threads = len(os.sched_getaffinity(0))
    rows = []
    for solver, rank in [(solver, rank) for solver, ranks in RANKS.items() for rank in ranks if rank <= 256 or not quick]:
        large = rank > 256
        epochs = 1 if large or (rank == 256 and solver == "exact") else 3
        packages = ["irspack"] if solver == "subspace" else ["irspack", "implicit"]
        if large and solver == "exact":
            packages = []  # more than a minute an epoch
        results = {"lowrank": [], **{package: [] for package in packages}}
        for _ in range(1 if quick or large else 3):
            results["lowrank"].append(own(file, rank, solver, threads, max(2 * epochs, 3)))
            for package in packages:
                results[package].append(rival.run(package, file, rank, solver, threads, epochs))
        row = {"solver": solver, "rank": rank, "threads": threads, "epochs": 2 * epochs}
        for name, runs in results.items():
            row[name] = statistics.median(run["seconds"] for run in runs)
            row[f"{name}_loss"] = runs[-1]["loss"]
        rows.append(row)
        print(f"  {solver} {rank}: " + ", ".join(f"{name} {row[name]:.3f}" for name in results), file=sys.stderr, flush=True)
    lines = [f"| `implicit` on Gowalla, seconds of an epoch, {threads} threads | lowrank | irspack | implicit | ratio to the faster |", "|---|---|---|---|---|"]
    for row in rows:
        others = [row[name] for name in ("irspack", "implicit") if name in row]
        cells = [f"{row[name]:.3f}" if name in row else "" for name in ("lowrank", "irspack", "implicit")]
        lines.append(f"| {row['solver']}, rank {row['rank']} | " + " | ".join(cells) + " | " + (f"{min(others) / row['lowrank']:.1f}" if others else "") + " |")
    report.write("implicit", {"rows": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
