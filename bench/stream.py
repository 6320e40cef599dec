#!/usr/bin/env python3
"""A stream from nothing, every event first predicted, then learned: RMSE and microseconds per event on ML-100K, next to river.

    bench/stream.py     writes build/bench/stream.json and prints a table; all else should be quiet meanwhile. river comes from PyPI, and is left out where
                        it cannot be installed
"""

import json

from harness import data, program
from harness.table import arguments, save, table
from rivals.river import River


def stream():
    """ML-100K by time, ties by line."""
    lines = (data.FOLDER / "ml-100k" / "u.data").read_text().splitlines()
    ordered = sorted(lines, key=lambda line: int(line.split("\t")[3]))
    return data.made("ml-100k.stream.csv", lambda path: path.write_text(data.rating_file(ordered, True)))


def tables(document):
    rows = [[row["program"], f"{row['rmse']:.4f}", f"{row['microseconds']:.2f}"] for row in document["rows"]]
    return table(["ML-100K, all 100,000 events by time", "RMSE", "microseconds per event"], rows)


def main():
    arguments(__doc__)
    data.need("ml-100k")
    file = stream()
    rows = []
    for method in ("baseline", "sgd"):
        results = json.loads(program.lowrank("evaluate", prequential=file, method=method, quiet=True, json=True)["output"])
        rows.append({"program": f"lowrank `{method}`", "rmse": results["figures"]["rmse"], "microseconds": results["microseconds"]["mean"]})
    river = River()
    if not river.missing():
        for name, result in river.run("stream", file=file).items():
            rows.append({"program": f"river `{name}`", "rmse": result["rmse"], "microseconds": result["microseconds"]})
    save("stream", {"rows": rows}, tables)


if __name__ == "__main__":
    main()
