#!/usr/bin/env python3
"""What an update costs and what it is worth: new ratings by time taken into a model, against a model trained on all of them.

    bench/update.py [--quick]     writes build/bench/update.json and prints a table; all else should be quiet meanwhile

ML-1M, users whose times are known, in order of time: nine tenths train the model, the next tenth is the news, and the errors are of what comes after
both (the last tenth of all). An update of 1,000 and of 1 rating is timed beside loading, reading and writing.
"""

import json
import subprocess

import lowrank
import numpy as np
from harness import WORK, data, program
from harness.table import arguments, save, table

RANK = 64


def run(*arguments):
    return json.loads(subprocess.run([program.PROGRAM, *map(str, arguments)], check=True, capture_output=True, text=True).stdout)


def rmse(model, users, items, values):
    return float(np.sqrt(np.mean((model.predict(users, items) - values) ** 2)))


def accuracy(method, lines):
    users, items, values = lines
    first, second = int(len(users) * 0.8), int(len(users) * 0.9)
    part = {name: (users[a:b], items[a:b], values[a:b]) for name, a, b in (("old", 0, first), ("new", first, second), ("all", 0, second), ("test", second, None))}
    model = lowrank.__dict__[method](rank=RANK).fit(part["old"])
    known = np.isin(part["test"][0], part["all"][0]) & np.isin(part["test"][1], part["all"][1])
    test = tuple(column[known] for column in part["test"])
    before = rmse(model, *test)
    model.update(part["new"])
    return {"method": method, "before": before, "updated": rmse(model, *test), "seconds": model.summary_["seconds"]["update"],
            "retrained": rmse(lowrank.__dict__[method](rank=RANK).fit(part["all"]), *test)}


def cost(method, file, runs):
    model = WORK / f"update.{method}.safetensors"
    run("train", file, "--method", method, "--rank", RANK, "--output", model, "--quiet", "--json")
    rows = []
    lines = np.loadtxt(file, dtype=str, delimiter=",", usecols=(0, 1, 2), skiprows=1, max_rows=200_000)
    for count in (1, 1000):
        chosen = np.random.default_rng(1).choice(len(lines), count, replace=False)
        news = WORK / "news.csv"
        news.write_text("".join(f"{user},{item},{6 - float(value):g}\n" for user, item, value in lines[chosen]))
        seconds = [run("update", model, "--ratings", news, "--output", WORK / "updated", "--quiet", "--json")["seconds"] for _ in range(runs)]
        rows.append({"method": method, "ratings": count, **{stage: float(np.median([one[stage] for one in seconds])) for stage in ("load", "read", "update", "write")}})
    return rows


def tables(document):
    cells = [[f"`{row['method']}`", row["ratings"], *(f"{1000 * row[stage]:.1f}" for stage in ("load", "read", "update", "write"))] for row in document["cost"]]
    worth = [[f"`{row['method']}`", f"{row['before']:.4f}", f"{row['updated']:.4f}", f"{row['retrained']:.4f}", f"{row['seconds']:.2f}"] for row in document["accuracy"]]
    return table([f"ML-1M, rank {RANK}", "new ratings", "load ms", "read ms", "update ms", "write ms"], cells) + "\n" + table(
        ["RMSE of what comes next", "old model", "updated", "trained on all", "seconds of the update"], worth)


def by_time(file):
    rows = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=(0, 1, 2, 3))
    rows = rows[rows[:, 3] > 0]
    rows = rows[np.argsort(rows[:, 3], kind="stable")]
    return rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2].astype(np.float32)


def main():
    given = arguments(__doc__, quick="one run, one method")
    methods = {"als": "ALS"} if given.quick else {"als": "ALS", "sgd": "SGD"}
    file = data.movielens_1m("train")
    rows = [row for method in methods for row in cost(method, file, 1 if given.quick else 5)]
    lines = by_time(data.movielens_1m(timed=True))
    save("update", {"rank": RANK, "cost": rows, "accuracy": [accuracy(name, lines) for name in methods.values()]}, tables)


if __name__ == "__main__":
    main()
