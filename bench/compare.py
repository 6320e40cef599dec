#!/usr/bin/env python3
"""Compares lowrank's `sgd` with LIBMF, side by side in one run.

    bench/compare.py run [--quick] [--sse]      measures; writes build/bench/sgd.json (all else should be quiet meanwhile)
    bench/compare.py grid               finds the rival's best learning rate and regularisation

Whole processes are timed, as a user runs them: text file in, model file out. Runs of the programs alternate; a figure is the median of at least five after a
warm-up. Updates a second come from the median epoch of each run, the first left out: lowrank says how long each took, LIBMF prints a line after each.
"""

import argparse
import itertools
import os
import resource
import statistics
import subprocess
import sys
import time

import report
from report import ROOT, WORK
from rivals.libmf import Libmf
from rivals.lowrank import Lowrank

USERS, ITEMS, RATINGS = 69_878, 10_677, 10_000_000
EPOCHS = 20
THREADS = [2, 1]
# What brings lowrank below LIBMF's final RMSE soonest: fewer epochs of larger steps (docs/methods/sgd.md).
REACH = {"epochs": 10, "options": {"--learning-rate": "0.1"}}


def measure(command):
    """Runs a command. Returns its wall seconds, its peak resident bytes, what it printed, and when it printed which line."""
    # Line by line, however the program buffers what it does not print to a terminal.
    command = ["stdbuf", "-oL", *command]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [(time.perf_counter(), line) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"compare.py: {' '.join(command)} failed with {process.returncode}")
    return {"seconds": seconds, "bytes": usage.ru_maxrss * 1024, "output": "".join(line for _, line in lines), "lines": lines}


def side_by_side(programs, jobs, runs):
    """Medians of every (program, job), the runs alternating; the first round warms up and is not counted."""
    counted = {(program.name, name): [] for program in programs for name, job in jobs.items() if program.name in job.get("only", program.name)}
    for turn in range(runs + 1):
        for (name, job), program in itertools.product(jobs.items(), programs):
            if (program.name, name) not in counted:
                continue
            result = measure(program.command(job))
            result["epoch"] = statistics.median(program.epochs(result["lines"])[1:])
            if turn > 0:
                counted[program.name, name].append(result)
            print(f"  {program.name:12} {name[0]:8} {name[1]} threads {result['seconds']:7.2f} s, an epoch {result['epoch']:.4f} s{'  (warm-up)' if turn == 0 else ''}", file=sys.stderr)
    return {
        key: {
            "seconds": statistics.median(result["seconds"] for result in results),
            "fastest": min(result["seconds"] for result in results),
            "slowest": max(result["seconds"] for result in results),
            "epoch": statistics.median(result["epoch"] for result in results),
            "epoch_fastest": min(result["epoch"] for result in results),
            "epoch_slowest": max(result["epoch"] for result in results),
            "bytes": statistics.median(result["bytes"] for result in results),
            "output": results[-1]["output"],
        }
        for key, results in counted.items()
    }


def with_blanks(source, target):
    """Copies a file with blanks for commas; piece by piece, for a process inherits the peak memory of who starts it."""
    with open(source, "rb") as old, open(target, "wb") as new:
        while piece := old.read(1 << 20):
            new.write(piece.replace(b",", b" "))


def data(lowrank):
    """The synthetic 10M, blank-separated (LIBMF reads nothing else), in a file to train on and one to test on."""
    WORK.mkdir(parents=True, exist_ok=True)
    train, test = WORK / "10m.train", WORK / "10m.test"
    if not test.exists():
        files = [WORK / "10m.train.csv", WORK / "10m.test.csv"]
        subprocess.run([lowrank.program, "generate", "--users", str(USERS), "--items", str(ITEMS), "--ratings", str(RATINGS), "--output", files[0],
                        "--test", files[1], "--test-fraction", "0.1"], check=True)
        for source, target in zip(files, [train, test]):
            with_blanks(source, target)
            source.unlink()
    return str(train), str(test)


def run(arguments):
    lowrank = Lowrank(ROOT / "build" / "lowrank", WORK)
    train, test = data(lowrank)
    rivals = [Libmf("avx", WORK), *([Libmf("sse", WORK)] if arguments.sse else [])]
    for program in [lowrank, *rivals]:
        program.prepare()
    runs = 1 if arguments.quick else 5
    ranks = [64] if arguments.quick else [64, 16, 32, 128]
    rows = []
    for rank in ranks:
        print(f"rank {rank}", file=sys.stderr)
        whole = rank == 64
        programs = [lowrank, *rivals] if whole else [lowrank, rivals[0]]
        jobs = {}
        for threads in THREADS:
            job = {"train": train, "rank": rank, "threads": threads}
            jobs["epochs", threads] = {**job, "epochs": 12}
            if whole:
                jobs["whole", threads] = {**job, "epochs": EPOCHS, "test": test}
                jobs["reach", threads] = {**job, **REACH, "test": test, "only": "lowrank"}
        # Thread counts alternate too, so that their ratio means something.
        medians = side_by_side(programs, jobs, runs)
        for threads, program in itertools.product(THREADS, programs):
            result = medians[program.name, ("epochs", threads)]
            updates = RATINGS * 0.9
            row = {"program": program.name, "rank": rank, "threads": threads, "updates_per_second": updates / result["epoch"],
                   "fastest": updates / result["epoch_fastest"], "slowest": updates / result["epoch_slowest"], "bytes": result["bytes"]}
            if whole:
                result = medians[program.name, ("whole", threads)]
                row |= {"whole_seconds": result["seconds"], "whole_fastest": result["fastest"], "whole_slowest": result["slowest"],
                        "whole_bytes": result["bytes"], "rmse": program.rmse(result["output"])}
                if (program.name, ("reach", threads)) in medians:
                    reach = medians[program.name, ("reach", threads)]
                    row |= {"reach_seconds": reach["seconds"], "reach_rmse": program.rmse(reach["output"])}
            rows.append(row)
        # What is measured is kept, whatever happens to the rest.
        document = {"ratings": RATINGS, "epochs": EPOCHS, "runs": runs, "options": {program.name: program.options for program in [lowrank, *rivals]},
                    "alternating_threads": True, "rows": rows}
        report.write("sgd", document, render(document))


def render(document):
    """The figures as a table in Markdown."""
    def find(program, rank, threads):
        return next((row for row in document["rows"] if (row["program"], row["rank"], row["threads"]) == (program, rank, threads)), None)

    rivals = [name for name in dict.fromkeys(row["program"] for row in document["rows"]) if name != "lowrank"]
    lines = ["| synthetic 10M | threads | lowrank | " + " | ".join(f"{name} | ratio" for name in rivals) + " |",
             "|---" * (3 + 2 * len(rivals)) + "|"]

    def add(what, rank, threads, key, show, better_is_less):
        own = find("lowrank", rank, threads)
        if own is None or key not in own:
            return
        cells = [what, str(threads), show(own[key])]
        for name in rivals:
            other = find(name, rank, threads)
            if other is None:
                cells += ["", ""]
                continue
            ratio = other[key] / own[key] if better_is_less else own[key] / other[key]
            cells += [show(other[key]), f"{ratio:.2f}" if key != "rmse" else ""]
        lines.append("| " + " | ".join(cells) + " |")

    for rank in sorted({row["rank"] for row in document["rows"]}):
        for threads in THREADS:
            add(f"million updates a second, rank {rank}", rank, threads, "updates_per_second", lambda x: f"{x / 1e6:.1f}", False)
    for threads in THREADS:
        add(f"seconds from text to model, rank 64, {document['epochs']} epochs, validated", 64, threads, "whole_seconds", lambda x: f"{x:.2f}", True)
        add("its peak memory, MB", 64, threads, "whole_bytes", lambda x: f"{x / 1e6:.0f}", True)
        add("its test RMSE", 64, threads, "rmse", lambda x: f"{x:.4f}", True)
    for threads in THREADS:
        own = find("lowrank", 64, threads)
        cells = [f"seconds to the rival's final RMSE (lowrank: RMSE {own['reach_rmse']:.4f})", str(threads), f"{own['reach_seconds']:.2f}"]
        for name in rivals:
            other = find(name, 64, threads)
            reached = own["reach_rmse"] <= other["rmse"]
            cells += [f"{other['whole_seconds']:.2f}", f"{other['whole_seconds'] / own['reach_seconds']:.2f}" if reached else "not reached"]
        lines.append("| " + " | ".join(cells) + " |")
    if document.get("alternating_threads"):
        speeds = {(row["program"], row["threads"]): row["updates_per_second"] for row in document["rows"] if row["rank"] == 64}
        shares = {name: speeds[name, 2] / speeds[name, 1] / 2 for name in ["lowrank", *rivals]}
        lines.append("| efficiency of two threads, rank 64 | | " + " | ".join([f"{shares['lowrank']:.0%}", *(f"{shares[name]:.0%} |" for name in rivals)]) + " |")
    lines += ["", f"Synthetic ratings, {document['epochs']} epochs where not said otherwise; medians of {document['runs']} alternating runs."]
    return "\n".join(lines)


def grid(_):
    lowrank = Lowrank(ROOT / "build" / "lowrank", WORK)
    train, test = data(lowrank)
    rival = Libmf("avx", WORK)
    rival.prepare()
    for rate, regularization in itertools.product(["0.05", "0.1", "0.2"], ["0.02", "0.03", "0.05", "0.08"]):
        job = {"train": train, "test": test, "rank": 64, "threads": os.cpu_count(), "epochs": EPOCHS, "options": {"-r": rate, "-l2": regularization}}
        print(f"learning rate {rate} regularization {regularization} test RMSE {rival.rmse(measure(rival.command(job))['output'])}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run")
    command.set_defaults(function=run)
    command.add_argument("--quick", action="store_true", help="one run, rank 64 alone")
    command.add_argument("--sse", action="store_true", help="LIBMF's SSE build beside the other, at rank 64")
    commands.add_parser("grid").set_defaults(function=grid)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    arguments.function(arguments)


if __name__ == "__main__":
    main()
