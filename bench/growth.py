#!/usr/bin/env python3
"""How time and memory grow from 1 to 100 million ratings, and the memory of 100 million beside LIBMF's.

    bench/growth.py [--most 100]     measures; writes build/bench/growth.json and .svg and prints a table (all else should be quiet meanwhile)

Rank 32, 10 epochs, all threads; the sizes alternate in five rounds, small ones several times a round, and the quickest run counts. Users and items grow so that a block of the grid has the same number of rows throughout: the grid has 4 x 4 blocks up to
2 million ratings, 8 x 8 up to 20 million and 16 x 16 beyond. Seconds are those of the epochs, a rating and epoch.
"""

import argparse
import itertools
import json
import os
import subprocess

import report
from compare import measure, with_blanks
from report import ROOT, WORK
from rivals.libmf import Libmf

PROGRAM = str(ROOT / "build" / "lowrank")
RANK, EPOCHS, ROUNDS = 32, 10, 5


def shape(millions):
    """Users and items: as many a stripe whatever the number of stripes."""
    scale = 1 if millions < 2 else 2 if millions < 20 else 4
    return 35_000 * scale, 5_000 * scale


def train(file):
    command = [PROGRAM, "train", str(file), "--output", str(WORK / "growth.safetensors"), "--rank", str(RANK), "--epochs", str(EPOCHS), "--quiet", "--json"]
    result = measure(command)
    document = json.loads(result["output"])
    return {"seconds": min(epoch["seconds"] for epoch in document["history"]) / document["ratings"], "bytes": result["bytes"], "whole": result["seconds"]}


def plot(rows):
    """Nanoseconds a rating over millions of ratings, as SVG."""
    width, height, left, bottom = 640, 360, 70, 50
    most = max(row["nanoseconds"] for row in rows) * 1.25
    steps = len(rows) - 1
    points = [(left + 30 + n * (width - left - 80) / max(steps, 1), height - bottom - row["nanoseconds"] / most * (height - bottom - 30)) for n, row in enumerate(rows)]
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{left}" y="20">Time of an epoch, nanoseconds a rating (rank {RANK}, {os.cpu_count()} threads)</text>',
             f'<path d="M{left} 30V{height - bottom}H{width - 20}" fill="none" stroke="black"/>',
             f'<text x="{width / 2:.0f}" y="{height - 10}">millions of ratings</text>',
             '<polyline fill="none" stroke="#1f77b4" stroke-width="2" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>']
    for (x, y), row in zip(points, rows):
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f77b4"/>',
                  f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{row["nanoseconds"]:.2f}</text>',
                  f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle">{row["millions"]}</text>']
    return "\n".join([*lines, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100, help="millions of ratings at most")
    most = parser.parse_args().most
    WORK.mkdir(parents=True, exist_ok=True)
    rival_bytes = None
    sizes = [size for size in (1, 3, 10, 30, 100) if size <= most]
    files = {millions: WORK / f"growth.{millions}" for millions in sizes}
    for millions, file in files.items():
        users, items = shape(millions)
        subprocess.run([PROGRAM, "generate", "--users", str(users), "--items", str(items), "--ratings", str(millions * 1_000_000), "--output", file], check=True)
    results = {millions: [] for millions in sizes}
    for _, millions in itertools.product(range(ROUNDS), sizes):
        results[millions] += [train(files[millions]) for _ in range(max(1, 10 // millions))]
    rows = []
    for millions in sizes:
        users, items = shape(millions)
        best = min(results[millions], key=lambda result: result["seconds"])
        tables = (users + items) * RANK * 4
        rows.append({"millions": millions, "nanoseconds": best["seconds"] * 1e9, "bytes": best["bytes"],
                     "bytes_a_rating": (best["bytes"] - 3 * tables) / (millions * 1e6), "whole": best["whole"]})
        print(f"{millions} million: {rows[-1]['nanoseconds']:.2f} ns a rating, {best['bytes'] / 1e6:.0f} MB, {best['whole']:.1f} s from file to model", flush=True)
    if 100 in files:
        blanks = WORK / "growth.blanks"
        with_blanks(files[100], blanks)
        rival = Libmf("avx", WORK)
        rival.prepare()
        rival_bytes = measure(rival.command({"train": str(blanks), "rank": RANK, "threads": os.cpu_count(), "epochs": 1}))["bytes"]
        blanks.unlink()
    for file in files.values():
        file.unlink()
    (WORK / "growth.svg").write_text(plot(rows))
    lines = ["| million ratings | ns a rating and epoch | peak memory, MB | bytes a rating beside three tables | seconds from file to model |", "|---|---|---|---|---|"]
    lines += [f"| {row['millions']} | {row['nanoseconds']:.2f} | {row['bytes'] / 1e6:.0f} | {row['bytes_a_rating']:.1f} | {row['whole']:.1f} |" for row in rows]
    if rival_bytes:
        lines += ["", f"LIBMF holds {rival_bytes / 1e6:.0f} MB for 100 million ratings at rank {RANK}; lowrank {rows[-1]['bytes'] / rival_bytes:.2f} of it."]
    report.write("growth", {"rows": rows, "libmf_bytes": rival_bytes}, "\n".join(lines))


if __name__ == "__main__":
    main()
