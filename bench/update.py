#!/usr/bin/env python3
"""What an update costs and what it is worth: new ratings by time taken into a model, against a model trained on all of them.

    bench/update.py [--quick]     by a Python that has the package lowrank; writes build/bench/update.json and prints a table; all else should be quiet meanwhile

ML-1M, users whose times are known, in order of time: eight tenths train the model, the next tenth is the news, and the errors are of what comes after
both (the last tenth of all); of its users with news, of those without, and of films whose first 1, 3 or 10 ratings are the news, beside their mean shrunk
to that of all. Gowalla: the last tenth of each user's line is the news, and lists are scored on its test part, beside implicit's partial_fit_users and
partial_fit_items. An update of 1,000 and of 1 rating is timed beside loading, reading and writing, by the program, and by the library of a model that is in memory.
"""

import json
import subprocess

from harness import WORK, data, program
from harness.table import arguments, save, table
from rivals.implicit import Implicit

try:
    import lowrank
    import numpy as np
except ModuleNotFoundError:
    # The tables alone need neither.
    lowrank = np = None

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
    # A quarter of the users of the news keep theirs to themselves, so that there are users who are not touched.
    chosen = np.unique(part["new"][0])[::4]
    some = tuple(column[~np.isin(part["new"][0], chosen)] for column in part["new"])
    quiet = tuple(column[np.isin(test[0], chosen) & np.isin(test[0], part["old"][0])] for column in test)
    partly = lowrank.__dict__[method](rank=RANK).fit(part["old"]).update(some)
    again = lowrank.__dict__[method](rank=RANK).fit(tuple(np.concatenate(columns) for columns in zip(part["old"], some)))
    row = {"method": method, "before": rmse(model, *test), "untouched": {"updated": rmse(partly, *quiet), "retrained": rmse(again, *quiet)}}
    model.update(part["new"])
    return row | {"updated": rmse(model, *test), "seconds": model.summary_["seconds"]["update"],
                  "retrained": rmse(lowrank.__dict__[method](rank=RANK).fit(part["all"]), *test)}


def new_films(method, lines):
    """Films that the model never saw, a fifth of them: their first ratings are the news, and the errors are of the next ten."""
    users, items, values = lines
    films = np.unique(items)
    held = np.isin(items, np.random.default_rng(1).choice(films, len(films) // 5, replace=False))
    old = tuple(column[~held] for column in lines)
    known = held & np.isin(users, old[0])
    mean, rows = old[2].mean(), []
    order = np.lexsort((np.arange(len(items))[known], items[known]))
    users, items, values = (column[known][order] for column in lines)
    place = np.arange(len(items)) - np.searchsorted(items, items)
    count = np.searchsorted(items, items, side="right") - np.searchsorted(items, items)
    for first in (1, 3, 10):
        news, next_ones = place < first, (place >= first) & (place < first + 10) & (count >= first + 10)
        news &= count >= first + 10
        counts = dict(zip(*np.unique(items[news], return_counts=True)))
        sums = {film: values[news & (items == film)].sum() for film in counts}
        # The best damping for this very test: no other can do better.
        errors = {damping: np.sqrt(np.mean((np.array([(sums[film] + damping * mean) / (counts[film] + damping) for film in items[next_ones]])
                                            - values[next_ones]) ** 2)) for damping in (0.5, 1, 2, 3, 5, 8, 12, 20, 50)}
        fresh = lowrank.__dict__[method](rank=RANK).fit(old).update((users[news], items[news], values[news]))
        rows.append({"method": method, "first": first, "films": len(counts), "updated": rmse(fresh, users[next_ones], items[next_ones], values[next_ones]),
                     "mean": float(min(errors.values()))})
    return rows


def lists():
    """NDCG@20 on Gowalla before and after an update by the last tenth of each user's line, and after a training on all."""
    old, new = [], []
    for part in ("train", "valid"):
        for line in data.gowalla_lines(part):
            user, *items = line
            cut = len(items) - len(items) // 10 if part == "train" else len(items)
            old += [(user, item) for item in items[:cut]]
            new += [(user, item) for item in items[cut:]]
    test = np.array([(user, item) for user, *items in data.gowalla_lines("test") for item in items], np.int64).T
    old, new = (np.array(pairs, np.int64).T for pairs in (old, new))

    def score(model):
        return model.evaluate((*test, np.ones(len(test[0]), np.float32)), top=20)["ndcg"]

    def fit(pairs):
        return lowrank.ImplicitALS(rank=RANK).fit((*pairs, np.ones(len(pairs[0]), np.float32)))

    model = fit(old)
    rows = [{"library": "lowrank", "before": score(model)}]
    model.update((*new, np.ones(len(new[0]), np.float32)))
    rows[0] |= {"updated": score(model), "seconds": model.summary_["seconds"]["update"]}
    rows[0]["retrained"] = score(fit(np.concatenate([old, new], axis=1)))
    rival = Implicit()
    if not rival.missing():
        files = {}
        for name, pairs in (("old", old), ("new", new), ("test", test)):
            files[name] = WORK / f"gowalla.{name}.npy"
            np.save(files[name], pairs)
        rows.append({"library": "implicit", **rival.run("partial_fit", **files, rank=RANK, threads=program.THREADS)})
    return rows


def in_library(path, lines, count, runs):
    """Median seconds of 2 `runs` updates, where model and ratings are in memory."""
    model, draws, seconds = lowrank.load(path), np.random.default_rng(2), []
    for _ in range(2 * runs):
        users, items, values = lines[draws.choice(len(lines), count, replace=False)].T
        model.update((users.astype(np.int64), items.astype(np.int64), 1 + values.astype(np.float32) % 5))
        seconds.append(model.summary_["seconds"]["update"])
    return float(np.median(seconds))


def cost(method, file, runs):
    model = WORK / f"update.{method}.safetensors"
    run("train", file, "--method", method, "--rank", RANK, "--output", model, "--quiet", "--json")
    rows = []
    lines = np.loadtxt(file, dtype=str, delimiter=",", usecols=(0, 1, 2), skiprows=1, max_rows=200_000)
    for count in (1, 1000):
        chosen = np.random.default_rng(1).choice(len(lines), count, replace=False)
        news = WORK / "news.csv"
        news.write_text("".join(f"{user},{item},{1 + float(value) % 5:g}\n" for user, item, value in lines[chosen]))
        seconds = [run("update", model, "--ratings", news, "--output", WORK / "updated", "--quiet", "--json")["seconds"] for _ in range(runs)]
        rows.append({"method": method, "ratings": count, "library": in_library(model, lines, count, runs), **{stage: float(np.median([one[stage] for one in seconds])) for stage in ("load", "read", "update", "write")}})
    return rows


def tables(document):
    cells = [[f"`{row['method']}`", row["ratings"], *(f"{1000 * row[stage]:.1f}" for stage in ("load", "read", "update", "write")),
              f"{1000 * row['library']:.1f}" if "library" in row else None] for row in document["cost"]]
    worth = [[f"`{row['method']}`", f"{row['before']:.4f}", f"{row['updated']:.4f}", f"{row['retrained']:.4f}", f"{row['seconds']:.2f}"] for row in document["accuracy"]]
    quiet = [[f"`{row['method']}`", f"{row['untouched']['updated']:.4f}", f"{row['untouched']['retrained']:.4f}"] for row in document["accuracy"]]
    films = [[f"`{row['method']}`", row["first"], row["films"], f"{row['updated']:.4f}", f"{row['mean']:.4f}"] for row in document["films"]]
    ranked = [[row["library"], *(f"{row[part]:.4f}" for part in ("before", "updated", "retrained")), f"{row['seconds']:.2f}"] for row in document["lists"]]
    return "\n\n".join([
        table([f"ML-1M, rank {RANK}", "new ratings", "load ms", "read ms", "update ms", "write ms", "update in the library, ms"], cells),
        table(["RMSE of what comes next", "old model", "updated", "trained on all", "seconds of the update"], worth),
        table(["RMSE for users without news", "updated", "trained on all"], quiet),
        table(["films that are new", "ratings of each", "films", "RMSE of the next 10", "their mean, shrunk by the best damping"], films),
        table([f"NDCG@20 on Gowalla, rank {RANK}", "old model", "updated", "trained on all", "seconds of the update"], ranked)])


def by_time(file):
    rows = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=(0, 1, 2, 3))
    rows = rows[rows[:, 3] > 0]
    rows = rows[np.argsort(rows[:, 3], kind="stable")]
    return rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2].astype(np.float32)


def main():
    given = arguments(__doc__, quick="one run, one method")
    if lowrank is None:
        raise SystemExit("update.py: lowrank and numpy are missing: PYTHONPATH=build/release/python build/python/bin/python3 bench/update.py")
    methods = {"als": "ALS"} if given.quick else {"als": "ALS", "sgd": "SGD"}
    file = data.movielens_1m("train")
    rows = [row for method in methods for row in cost(method, file, 1 if given.quick else 5)]
    lines = by_time(data.movielens_1m(timed=True))
    save("update", {"rank": RANK, "cost": rows, "accuracy": [accuracy(name, lines) for name in methods.values()],
                    "films": [row for name in methods.values() for row in new_films(name, lines)], "lists": lists()}, tables)


if __name__ == "__main__":
    main()
