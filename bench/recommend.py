#!/usr/bin/env python3
"""Compares the time for the 20 best items of every Gowalla user, seen ones left out, with that of the PyPI package `implicit` on the same factors.

    bench/recommend.py [--quick] [--method M]     measures; writes build/bench/recommend.json and prints a table

The calls alone are timed, without loading the model and writing the lists; those of the programs alternate, and the figures are medians. GFLOP/s
are those of the full product of users and items in that time, and the machine's own are what multiply-adds in registers reach on one thread times the
threads: lists that skip rows which cannot be in them may come out above it. Gowalla is looked for in $LOWRANK_DATA, then in ../shared/data.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys

import report
from report import ROOT, WORK
from rivals.implicit_als import ImplicitAls

BIN = ROOT / "build" / "release" / "bin"
TOP = 20


def gowalla_folder():
    folder = pathlib.Path(os.environ.get("LOWRANK_DATA", ROOT.parent / "shared" / "data")) / "lightgcn-gowalla"
    if not folder.is_dir():
        report.skip("Gowalla")
    return folder


def gowalla():
    """Training and validation part in one file."""
    folder = gowalla_folder()
    WORK.mkdir(parents=True, exist_ok=True)
    target = WORK / "gowalla.train"
    target.write_bytes(b"".join(gzip.decompress((folder / f"{part}.txt.gz").read_bytes()) for part in ["train", "valid"]))
    return target


def gowalla_part(part):
    """One part in a file, without the users whose line has no item, which the format of the program does not allow."""
    lines = gzip.open(gowalla_folder() / f"{part}.txt.gz", "rt").read().splitlines()
    WORK.mkdir(parents=True, exist_ok=True)
    target = WORK / f"gowalla.{part}-part"
    target.write_text("".join(line + "\n" for line in lines if len(line.split()) > 1))
    return target


def train(data, method, rank):
    model = WORK / f"recommend-{method}-{rank}.safetensors"
    extra = ["--no-biases"] if method == "sgd" else []
    subprocess.run([BIN / "lowrank", "train", data, "--format", "adjacency", "--method", method, "--rank", str(rank), "--epochs", "8", *extra,
                    "--output", model, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return model


def peak(threads):
    """GFLOP/s of the machine at its best level, on so many threads."""
    command = [BIN / "bench_kernels", "--benchmark_filter=^peak/", "--benchmark_format=json", "--benchmark_min_time=0.2"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    return max(entry["flop/s"] for entry in found["benchmarks"]) * threads / 1e9


def own_run(model, threads, runs):
    command = [BIN / "recommend_bench", model, str(TOP), str(threads), str(runs)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def row_of(model, rival, threads, rounds):
    own, others = [], []
    for turn in range(rounds + 1):
        mine, other = own_run(model, threads, 3), rival.run(model, TOP, threads, 1)
        # The first round warms up.
        if turn > 0:
            own += mine["seconds"]
            others += other["seconds"]
        print(f"  rank {mine['rank']}, {threads} threads: {min(mine['seconds']):.2f} s, {rival.name} {other['seconds'][0]:.2f} s", file=sys.stderr)
    flop = 2.0 * mine["users"] * mine["items"] * mine["rank"]
    seconds, other = statistics.median(own), statistics.median(others)
    return {"rank": mine["rank"], "threads": threads, "users": mine["users"], "items": mine["items"], "seconds": seconds, "rival": other,
            "ratio": other / seconds, "gflops": flop / seconds / 1e9, "rival_gflops": flop / other / 1e9}


def render(document):
    lines = [f"| top {TOP} of all Gowalla users, seen left out | threads | lowrank, s | GFLOP/s | {document['rival']}, s | GFLOP/s | ratio |",
             "|---" * 7 + "|"]
    for row in document["rows"]:
        lines.append(f"| rank {row['rank']}, factors of `{document['method']}` | {row['threads']} | {row['seconds']:.2f} | {row['gflops']:.0f} | "
                     f"{row['rival']:.2f} | {row['rival_gflops']:.0f} | {row['ratio']:.1f} |")
    peaks = ", ".join(f"{value:.0f} GFLOP/s on {threads}" for threads, value in document["peak_gflops"].items())
    return "\n".join([*lines, "", f"GFLOP/s as if every score were computed; lowrank passes over items whose vectors are too short for a list. The machine's peak, by threads: {peaks}."])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round, all threads, rank 64 alone")
    parser.add_argument("--method", default="implicit", help="the method of lowrank that trains the factors")
    arguments = parser.parse_args()
    data = gowalla()
    rival = ImplicitAls(WORK)
    rival.prepare()
    cores = len(os.sched_getaffinity(0))
    threads = [cores] if arguments.quick or cores == 1 else [cores, 1]
    models = [train(data, arguments.method, rank) for rank in ([64] if arguments.quick else [64, 128])]
    rows = [row_of(model, rival, count, 1 if arguments.quick else 5) for model in models for count in threads]
    document = {"method": arguments.method, "rival": rival.name, "top": TOP, "rows": rows,
                "peak_gflops": {count: peak(count) for count in threads}}
    report.write("recommend", document, render(document))


if __name__ == "__main__":
    main()
