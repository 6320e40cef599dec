#!/usr/bin/env python3
"""Compares lowrank's `nmf --absent zero` with scikit-learn's NMF: seconds to the same loss, training alone, reading left out.

    bench/nmf.py [--quick]     measures; writes build/bench/nmf.json and prints a table (all else should be quiet meanwhile)

The data are ML-1M (the training part of bench/als.py; a matrix of that shape from `lowrank generate` where it is not there) and a matrix of the shape of the
20 newsgroups. For every solver and start of the rival, its loss after 100 epochs is the target; lowrank's time is that of its epochs until its loss is no
higher. Runs alternate, and the least time of each counts. What lowrank needs before its first epoch counts too.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys

import report
from als import movielens_1m
from report import ROOT, WORK
from rivals.environment import python_with, variables

RANK = 32
OWN_EPOCHS = 200
RIVALS = [("cd", "random"), ("cd", "nndsvda"), ("mu", "random"), ("mu", "nndsvda")]
EPOCHS = 100
PACKAGES = ["scikit-learn==1.8.0"]
SHAPES = {"ML-1M": (6040, 3706, 1_000_000), "like 20 newsgroups": (11_314, 40_000, 1_200_000)}


def matrix(program, name):
    real = movielens_1m() if name == "ML-1M" else None
    if real is not None:
        return real[0]
    users, items, ratings = SHAPES[name]
    path = WORK / f"nmf-{users}.csv"
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        subprocess.run([program, "generate", "--users", str(users), "--items", str(items), "--ratings", str(ratings), "--output", path], check=True)
    return path


def own(program, path, threads):
    """(seconds since training began, loss) after every epoch."""
    output = subprocess.run([program, "train", path, "--method", "nmf", "--absent", "zero", "--rank", str(RANK), "--epochs", str(OWN_EPOCHS), "--threads",
                             str(threads), "--output", WORK / "nmf.safetensors", "--quiet", "--json"], check=True, capture_output=True, text=True).stdout
    summary = json.loads(output)
    before = summary["seconds"]["train"] - sum(epoch["seconds"] for epoch in summary["history"])
    points = []
    for epoch in summary["history"]:
        before += epoch["seconds"]
        points.append((before, epoch["train_loss"]))
    return points


def rival(python, path, solver, init, epochs, threads):
    environment = variables(OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    command = [python, ROOT / "bench" / "rivals" / "scikit_nmf.py", path, solver, init, str(RANK), str(epochs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run, each solver once")
    quick = parser.parse_args().quick
    threads = len(os.sched_getaffinity(0))
    program = str(ROOT / "build" / "lowrank")
    WORK.mkdir(parents=True, exist_ok=True)
    python = python_with(PACKAGES, WORK / "scikit-learn")
    rows = []
    for name, (solver, init) in itertools.product(SHAPES, RIVALS[::2] if quick else RIVALS):
        path = matrix(program, name)
        theirs, ours = [], []
        for _ in range(1 if quick else 5):
            theirs.append(rival(python, path, solver, init, EPOCHS, threads))
            ours.append(own(program, path, threads))
        target = theirs[0]["loss"]
        row = {"data": name, "solver": solver, "init": init, "epochs": EPOCHS, "loss": target, "seconds": min(result["seconds"] for result in theirs)}
        reached = next((n for n, (_, loss) in enumerate(ours[0]) if loss <= target), None)
        if reached is not None:
            row |= {"own_epochs": reached + 1, "own_seconds": min(points[reached][0] for points in ours)}
        rows.append(row)
        print(f"  {row}", file=sys.stderr, flush=True)
    lines = [f"| `nmf --absent zero`, rank {RANK}, {threads} threads | scikit-learn | its epochs | its loss | its seconds | lowrank's epochs to that loss | its seconds | ratio |",
             "|---" * 8 + "|"]
    for row in rows:
        ours = f"{row['own_epochs']} | {row['own_seconds']:.3f} | {row['seconds'] / row['own_seconds']:.1f}" if "own_epochs" in row else f"not in {OWN_EPOCHS} | |"
        lines.append(f"| {row['data']} | {row['solver']}, {row['init']} | {row['epochs']} | {row['loss']:.6g} | {row['seconds']:.3f} | {ours} |")
    report.write("nmf", {"rank": RANK, "threads": threads, "rows": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
