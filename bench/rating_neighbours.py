#!/usr/bin/env python3
"""Test RMSE and seconds of `neighbours --similarity pearson` and of `sgd --neighbours`, next to Surprise's KNNBaseline.

    bench/rating_neighbours.py [--quick]    writes build/bench/rating_neighbours.json and prints a table; --quick leaves out Surprise, which takes minutes on ML-1M

ML-100K: the mean of u1 .. u5. ML-1M: every tenth of the shuffled ratings. The options are those of docs/methods/neighbours.md and docs/methods/sgd.md: the defaults,
and recipes that were chosen on training parts, with shrinkage and damping of the correction, and the defaults of `neighbours`, by

    bench/rating_neighbours.py --choose     the error on a held-out tenth of training parts, by shrinkage, damping and power
"""

import itertools
import statistics

from harness import data, program
from harness.table import arguments, save, table
from rivals.surprise import Surprise

RECIPES = {
    "ml-100k": {"rank": 128, "epochs": 30, "learning_rate": 0.05, "regularization": 0.045, "prior_ratings": 67, "initial_scale": 0.02},
    "ml-1m": {"rank": 128, "epochs": 25, "learning_rate": 0.045, "regularization": 0.036, "prior_ratings": 55, "initial_scale": 0.01},
}
PEARSON = {"method": "neighbours", "similarity": "pearson"}


def splits(name):
    if name == "ml-1m":
        return [(data.movielens_1m("train"), data.movielens_1m("test"))]
    return [(data.movielens_100k(part, "base"), data.movielens_100k(part, "test")) for part in range(1, 6)]


def jobs_of(name):
    return {
        "baseline": {"method": "baseline"},
        "neighbours": PEARSON,
        "neighbours, side users": {**PEARSON, "side": "users"},
        "sgd, rank 128": RECIPES[name],
        "sgd, rank 128, 100 neighbours": {**RECIPES[name], "neighbours": 100},
    }


def spent(run):
    """Seconds of training and of predicting the test part, as the rival's are: without reading and writing files."""
    seconds = run["seconds"]
    return seconds["total"] - seconds["read"] - seconds["write"]


def compare(rival):
    for name in RECIPES:
        for job, options in jobs_of(name).items():
            runs = [program.train(train, test=test, **options) for train, test in splits(name)]
            yield {"data": name, "model": job, "rmse": statistics.mean(run["test"]["rmse"] for run in runs), "seconds": statistics.mean(map(spent, runs))}
        if rival:
            runs = [rival.run("neighbours", train=str(train), test=str(test)) for train, test in splits(name)]
            yield {"data": name, "model": "Surprise KNNBaseline", **{key: statistics.mean(run[key] for run in runs) for key in ("rmse", "seconds")}}


def tables(document):
    return table(["data", "model", "test RMSE", "seconds"],
                 [[row["data"], row["model"], f"{row['rmse']:.4f}", f"{row['seconds']:.2f}"] for row in document["rows"]])


def choose():
    print("| shrinkage | damping | RMSE on held-out tenths |\n|---|---|---|")
    for shrinkage, damping in itertools.product((50, 100, 200), (0.1, 0.2, 0.4)):
        options = {**RECIPES["ml-100k"], "patience": 40, "holdout": 0.1, "neighbours": 100, "neighbour_weight": 1}
        runs = [program.train(train, **options, neighbour_shrinkage=shrinkage, neighbour_damping=damping) for train, _ in splits("ml-100k")]
        print(f"| {shrinkage} | {damping} | {statistics.mean(run['validation']['rmse'] for run in runs):.5f} |", flush=True)
    sets = {name: [train for train, _ in splits(name)] for name in RECIPES} | {name: [data.nine_tenths(name)[0]] for name in ("movietweetings", "insteval")}
    print(f"\n| power | shrinkage | damping | {' | '.join(sets)} |\n|{'---|' * (3 + len(sets))}")
    for power, shrinkage, damping in itertools.product((1, 2, 3), (50, 100, 200), (0.02, 0.05, 0.1, 0.3)):
        options = {**PEARSON, "holdout": 0.1, "power": power, "shrinkage": shrinkage, "damping": damping}
        errors = [statistics.mean(program.train(file, **options)["validation"]["rmse"] for file in files) for files in sets.values()]
        print(f"| {power} | {shrinkage} | {damping} | {' | '.join(f'{error:.5f}' for error in errors)} |", flush=True)


def main():
    given = arguments(__doc__, quick="without Surprise", choose="print the errors on held-out tenths of training parts, by shrinkage, damping and power")
    if given.choose:
        choose()
        return
    rival = None if given.quick else Surprise()
    if rival:
        rival.prepare()
    save("rating_neighbours", {"rows": list(compare(rival))}, tables)


if __name__ == "__main__":
    main()
