#!/usr/bin/env python3
"""Compares lowrank's `nmf --absent zero` with scikit-learn's NMF: seconds to the same loss, training alone, reading left out.

    bench/compare_nmf.py PYTHON [--ratings FILE] [--runs 5] [--threads 2]

PYTHON is an interpreter that has scikit-learn. Without --ratings the data are two sparse matrices from `lowrank generate`: one of the shape of ML-1M, and one of
that of the 20 newsgroups. For every solver and start of the rival, and every number of epochs, the rival's loss is the target; lowrank's time is that of its epochs until
its loss is no higher. Runs alternate, and the least time of each counts. What lowrank needs before its first epoch counts too.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
RANK = 32
OWN_EPOCHS = 200
RIVALS = [("cd", "random"), ("cd", "nndsvda"), ("mu", "random"), ("mu", "nndsvda")]
EPOCHS = [20, 50, 100]
SHAPES = {"like ML-1M": (6040, 3706, 1_000_000), "like 20 newsgroups": (11_314, 40_000, 1_200_000)}


def generated(program, name):
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
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    command = [python, ROOT / "bench" / "rivals" / "scikit_nmf.py", path, solver, init, str(RANK), str(epochs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python")
    parser.add_argument("--ratings", help="CSV of user,item,rating with a header, numbers as ids")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, nargs="+", default=EPOCHS)
    arguments = parser.parse_args()
    program = str(ROOT / "build" / "lowrank")
    files = {arguments.ratings: arguments.ratings} if arguments.ratings else {name: generated(program, name) for name in SHAPES}
    print("| data | scikit-learn | epochs | its loss | its seconds | lowrank's epochs | lowrank's seconds | ratio |\n" + "|---" * 8 + "|")
    for name, path in files.items():
        for (solver, init), epochs in ((pair, count) for pair in RIVALS for count in arguments.epochs):
            theirs, ours = [], []
            for _ in range(arguments.runs):
                theirs.append(rival(arguments.python, path, solver, init, epochs, arguments.threads))
                ours.append(own(program, path, arguments.threads))
            target = theirs[0]["loss"]
            seconds = min(result["seconds"] for result in theirs)
            reached = next((n for n, (_, loss) in enumerate(ours[0]) if loss <= target), None)
            if reached is None:
                print(f"| {name} | {solver}, {init} | {epochs} | {target:.6g} | {seconds:.3f} | not in {OWN_EPOCHS} | | |", flush=True)
                continue
            own_seconds = min(points[reached][0] for points in ours)
            print(f"| {name} | {solver}, {init} | {epochs} | {target:.6g} | {seconds:.3f} | {reached + 1} | {own_seconds:.3f} | {seconds / own_seconds:.1f} |",
                  flush=True)


if __name__ == "__main__":
    sys.exit(main())
