#!/usr/bin/env python3
"""Compares method `als` with cmfrec (seconds of an epoch, rank 40) and with Spark (seconds of training, rank 64, 10 epochs) on ML-1M.

    bench/als.py [--quick]     measures; writes build/bench/als.json and prints a table (all else should be quiet meanwhile)
    bench/als.py --grid        finds the rivals' best regularisation

Fitting alone is timed, the ratings in memory; seconds of an epoch are the difference of trainings of 5 and 15, divided. ML-1M, its lines shuffled and every tenth
for the test, is looked for in $LOWRANK_DATA, then in ../shared/data. Spark wants a Java: without one its rows are left out. Runs alternate; figures are medians.
"""

import argparse
import json
import lzma
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import report
from report import ROOT, WORK
from rivals.explicit_als import REGULARIZATION, ExplicitAls

SHORT, LONG, WHOLE = 5, 15, 10
RANK_BESIDE = {"cmfrec": 40, "spark": 64}
GRID = {"cmfrec": [6, 12, 18, 25, 35, 50], "spark": [0.03, 0.045, 0.06, 0.075, 0.1]}


def movielens_1m():
    """CSV files to train on and to test on, or nothing where the data is not there."""
    folder = pathlib.Path(os.environ.get("LOWRANK_DATA", ROOT.parent / "shared" / "data")) / "ml-1m"
    file = folder / "ratings.uirt.tsv.xz"
    if not file.exists():
        return None
    lines = lzma.decompress(file.read_bytes()).decode().splitlines()
    random.Random(1).shuffle(lines)
    files = WORK / "ml1m.train.csv", WORK / "ml1m.test.csv"
    for target, part in zip(files, ([line for n, line in enumerate(lines) if n % 10], lines[::10])):
        target.write_text("user,item,rating\n" + "".join(",".join(line.split("\t")[:3]) + "\n" for line in part))
    return files


def own(files, rank, solver, threads, epochs):
    command = [ROOT / "build" / "lowrank", "train", files[0], "--method", "als", "--rank", rank, "--solver", solver, "--threads", threads, "--epochs", epochs,
               "--test", files[1], "--output", WORK / "als.safetensors", "--quiet", "--json"]
    summary = json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)
    return {"seconds": summary["seconds"]["train"], "rmse": summary["test"]["rmse"]}


def side_by_side(programs, counts, runs):
    """Per program and number of epochs, the median seconds; and the RMSE after the most epochs."""
    found = {(name, count): [] for name in programs for count in counts}
    for turn in range(runs + 1):
        for name, count in found:
            result = programs[name](count)
            if turn > 0:
                found[name, count].append(result)
            print(f"  {name}, {count} epochs: {result['seconds']:.3f} s, RMSE {result['rmse']:.4f}", file=sys.stderr, flush=True)
    seconds = {key: statistics.median(run["seconds"] for run in results) for key, results in found.items()}
    return seconds, {name: found[name, max(counts)][-1]["rmse"] for name in programs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run")
    parser.add_argument("--grid", action="store_true", help="the test RMSE of every rival by its regularisation")
    arguments = parser.parse_args()
    runs = 1 if arguments.quick else 5
    WORK.mkdir(parents=True, exist_ok=True)
    files = movielens_1m()
    if files is None:
        report.skip("ML-1M")
    threads = len(os.sched_getaffinity(0))
    rivals = [ExplicitAls("cmfrec", WORK), *([ExplicitAls("spark", WORK)] if shutil.which("java") else [])]
    for rival in rivals:
        rival.prepare()
    if arguments.grid:
        for rival in rivals:
            for regularization in GRID[rival.name]:
                result = rival.run(*files, RANK_BESIDE[rival.name], "exact", threads, WHOLE, regularization)
                print(f"{rival.name} {regularization}: test RMSE {result['rmse']:.4f}", flush=True)
        return
    rows = []
    for rival in rivals:
        rank = RANK_BESIDE[rival.name]
        differs = rival.name == "cmfrec"
        counts = [SHORT, LONG] if differs else [WHOLE]
        programs = {}
        for solver in ("exact", "cg"):
            programs["lowrank", solver] = lambda count, solver=solver: own(files, rank, solver, threads, count)
        # Spark has one solver.
        for solver in ("exact", "cg") if differs else ("exact",):
            programs[rival.name, solver] = lambda count, solver=solver: rival.run(*files, rank, solver, threads, count)
        seconds, rmse = side_by_side(programs, counts, runs)
        for solver in ("exact", "cg"):
            row = {"rival": rival.name, "solver": solver, "rank": rank, "threads": threads, "epochs": counts}
            for side, program in (("lowrank", ("lowrank", solver)), ("rival", (rival.name, solver if differs else "exact"))):
                row[f"{side}_seconds"] = (seconds[program, LONG] - seconds[program, SHORT]) / (LONG - SHORT) if differs else seconds[program, WHOLE]
                row[f"{side}_rmse"] = rmse[program]
            rows.append(row)
    lines = [f"| `als` on ML-1M, {threads} threads | lowrank | RMSE | rival | RMSE | ratio |", "|---" * 6 + "|"]
    for row in rows:
        name = row["rival"]
        what = f"seconds of an epoch, rank {row['rank']}, cmfrec" if name == "cmfrec" else f"seconds of {WHOLE} epochs, rank {row['rank']}, Spark"
        own_seconds, other = row["lowrank_seconds"], row["rival_seconds"]
        lines.append(f"| {what}, {row['solver']} | {own_seconds:.3f} | {row['lowrank_rmse']:.4f} | {other:.3f} | {row['rival_rmse']:.4f} | {other / own_seconds:.1f} |")
    used = " and ".join(f"{REGULARIZATION[rival.name]:g} for {rival.name}" for rival in rivals)
    lines += ["", f"The rivals' regularisation, {used}, is the best of `bench/als.py --grid`; lowrank has its defaults."]
    report.write("als", {"rows": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
