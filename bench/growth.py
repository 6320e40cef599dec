#!/usr/bin/env python3
"""How time and memory grow from 1 to 100 million ratings, and the memory of 100 million compared with LIBMF's.

    bench/growth.py [--most 100]     writes build/bench/growth.json and prints a table; all else should be quiet meanwhile
    bench/growth.py --billion        writes build/bench/billion.json: one run on a billion ratings; wants 18 GB of disk and 9 GB of memory

Rank 32, 10 epochs, all threads; the sizes alternate in five rounds, small ones several times per round, and the quickest run counts. Users and items
grow so that a block of the grid always has the same number of rows: the grid has 4 x 4 blocks up to 2 million ratings, 8 x 8 up to 20 million and 16
x 16 beyond. The billion has 5 million users and 200,000 items, 5 epochs, 2 threads. Seconds of an epoch are divided by the number of ratings.
"""

import itertools

from harness import WORK, data, measure, program
from harness.table import arguments, save, table
from rivals.libmf import Libmf

RANK, EPOCHS, ROUNDS = 32, 10, 5


def shape(millions):
    """Users and items: the same number per stripe of the grid, whatever the number of stripes."""
    scale = 1 if millions < 2 else 2 if millions < 20 else 4
    return 35_000 * scale, 5_000 * scale


def train(file):
    summary = program.train(file, output=WORK / "growth.safetensors", rank=RANK, epochs=EPOCHS)
    return {"seconds": min(epoch["seconds"] for epoch in summary["history"]) / summary["ratings"], "bytes": summary["bytes"], "whole": summary["wall"]}


def libmf_bytes(file):
    """LIBMF's peak memory on a file."""
    blanks = WORK / "growth.blanks"
    data.with_blanks(file, blanks)
    rival = Libmf("avx")
    rival.prepare()
    found = rival.run("sgd", train=blanks, rank=RANK, threads=program.THREADS, epochs=1)["bytes"]
    blanks.unlink()
    return found


def growth(most):
    files = {millions: data.synthetic(*shape(millions), millions * 1_000_000) for millions in (1, 3, 10, 30, 100) if millions <= most}
    results = {millions: [] for millions in files}
    for _, millions in itertools.product(range(ROUNDS), files):
        results[millions] += [train(files[millions]) for _ in range(max(1, 10 // millions))]
    rows = []
    for millions, found in results.items():
        best = min(found, key=lambda result: result["seconds"])
        tables_bytes = sum(shape(millions)) * RANK * 4
        rows.append({"millions": millions, "nanoseconds": best["seconds"] * 1e9, "bytes": best["bytes"],
                     "bytes_per_rating": (best["bytes"] - 3 * tables_bytes) / (millions * 1e6), "whole": best["whole"]})
    save("growth", {"rows": rows, "libmf_bytes": libmf_bytes(files[100]) if 100 in files else None}, tables)
    for file in files.values():
        file.unlink()


def billion():
    file = data.synthetic(5_000_000, 200_000, 1_000_000_000)
    summary = program.train(file, output=WORK / "growth.safetensors", rank=RANK, epochs=5, threads=2)
    file.unlink()
    seconds, epochs = summary["seconds"], sum(epoch["seconds"] for epoch in summary["history"])
    document = {"ratings": summary["ratings"], "read": seconds["read"], "preparation": seconds["train"] - epochs, "epochs": epochs, "write": seconds["write"],
                "whole": summary["wall"], "bytes": summary["bytes"]}
    save("billion", document, billion_table)


def tables(document):
    rows = [[row["millions"], f"{row['nanoseconds']:.2f}", f"{row['bytes'] / 1e6:.0f}", f"{row['bytes_per_rating']:.1f}", f"{row['whole']:.1f}"]
            for row in document["rows"]]
    text = table(["million ratings", "nanoseconds per rating and epoch", "peak memory, MB", "bytes per rating, without three tables of factors",
                  "seconds from file to model"], rows)
    if theirs := document["libmf_bytes"]:
        share = document["rows"][-1]["bytes"] / theirs
        text += f"\n\nLIBMF holds {theirs / 1e6:.0f} MB for 100 million ratings at rank {RANK}; lowrank holds {share:.0%} of that."
    return text


def billion_table(document):
    steps = {"read": "reading", "preparation": "preparation", "epochs": "5 epochs", "write": "writing", "whole": "all, from file to model"}
    rows = [[f"seconds of {name}", f"{document[key]:.1f}"] for key, name in steps.items()]
    rows.append(["peak memory, GB", f"{document['bytes'] / 1e9:.1f}"])
    return table([f"{document['ratings'] / 1e6:.0f} million ratings, rank {RANK}, 2 threads", ""], rows)


def main():
    given = arguments(__doc__, most={"type": int, "default": 100, "help": "millions of ratings at most"}, billion="a billion ratings alone")
    if given.billion:
        billion()
    else:
        growth(given.most)


if __name__ == "__main__":
    main()
