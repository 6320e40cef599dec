#!/usr/bin/env python3
"""Compares method `implicit` with irspack and implicit on Gowalla: seconds of an epoch by solver and rank, and the loss after as many epochs.

    bench/implicit.py [--quick]     measures; writes build/bench/implicit.json and prints a table (all else should be quiet meanwhile)

All with the same loss: unobserved weight .01, regularisation .1, exponent .5. (implicit's loss has one constant regularisation and other weights: its time is
compared, not its loss.) Gowalla (train and valid) is looked for in $LOWRANK_DATA, then in ../shared/data. Runs alternate; figures are medians.

Then lowrank's solvers beside each other: the seconds of the epochs until NDCG@20 on valid, trained on train, is as good as the exact solver's best of 8 epochs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import report
from recommend import gowalla, gowalla_part
from report import ROOT, WORK
from rivals.irspack_als import IrspackAls

NDCG_EPOCHS = 8
NDCG_SOLVERS = {"exact": ["--solver", "exact"], "subspace": ["--solver", "subspace"], "cg, 2 steps": ["--solver", "cg", "--cg-steps", 2]}
RANKS = {"exact": [64, 128, 256, 512, 1024], "cg": [64, 128, 256], "subspace": [256, 512, 1024]}


def own(file, rank, solver, threads, epochs):
    command = [ROOT / "build" / "lowrank", "train", file, "--format", "adjacency", "--method", "implicit", "--rank", rank, "--solver", solver, "--threads", threads,
               "--epochs", epochs, "--unobserved-weight", 0.01, "--regularization", 0.1, "--regularization-exponent", 0.5, "--output", WORK / "implicit.safetensors",
               "--quiet", "--json"]
    summary = json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)
    # The first epoch finds cold caches and fresh memory.
    return {"seconds": statistics.median(epoch["seconds"] for epoch in summary["history"][1:]), "loss": summary["history"][-1]["train_loss"]}


def ndcg_by_time(parts, rank, solver, threads):
    """Of every epoch its seconds, and NDCG@20 on valid after it."""
    command = [ROOT / "build" / "lowrank", "train", parts["train"], "--format", "adjacency", "--method", "implicit", "--rank", rank, *solver, "--threads", threads,
               "--epochs", NDCG_EPOCHS, "--patience", NDCG_EPOCHS, "--validation", parts["valid"], "--monitor", "ndcg@20", "--unobserved-weight", 0.01,
               "--regularization", 0.1, "--regularization-exponent", 0.5, "--output", WORK / "implicit.safetensors", "--quiet", "--json"]
    summary = json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)
    return [(epoch["seconds"], epoch["validation_ndcg@20"]) for epoch in summary["history"]]


def rankings(threads, quick):
    """Rows of the second table: per rank, the exact solver's best NDCG@20 and the seconds of each solver to it, the medians of alternating runs."""
    parts = {part: gowalla_part(part) for part in ("train", "valid")}
    rows = []
    for rank in [256] if quick else [256, 512, 1024]:
        runs = [{name: ndcg_by_time(parts, rank, solver, threads) for name, solver in NDCG_SOLVERS.items()} for _ in range(1 if quick else 3)]
        best = {name: max(ndcg for _, ndcg in epochs) for name, epochs in runs[0].items()}
        row = {"rank": rank, "ndcg": best["exact"], "best": best, "seconds": {}}
        for name, epochs in runs[0].items():
            needed = next((n + 1 for n, (_, ndcg) in enumerate(epochs) if ndcg >= best["exact"]), None)
            row["seconds"][name] = needed and statistics.median(sum(seconds for seconds, _ in run[name][:needed]) for run in runs)
        rows.append(row)
        print(f"  {row}", file=sys.stderr, flush=True)
    return rows


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
    ranked = rankings(threads, quick)
    lines += ["", "| `implicit` on Gowalla, seconds to the exact solver's best NDCG@20 on valid | " + " | ".join(NDCG_SOLVERS) + " |", "|---" * (1 + len(NDCG_SOLVERS)) + "|"]
    for row in ranked:
        cells = [f"{seconds:.2f}" if (seconds := row["seconds"][name]) is not None else f"not reached: {row['best'][name]:.4f}" for name in NDCG_SOLVERS]
        lines.append(f"| rank {row['rank']}, NDCG@20 {row['ndcg']:.4f} | " + " | ".join(cells) + " |")
    report.write("implicit", {"rows": rows, "ndcg": ranked}, "\n".join(lines))


if __name__ == "__main__":
    main()
