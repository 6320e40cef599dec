#!/usr/bin/env python3
"""`lowrank tune` next to random search and Optuna's TPE, with as many trials over the same space and the same trainings; and what a search costs.

    bench/tune.py [--trials 60] [--seeds 15] [--sets ml-100k,ml-1m] [--optuna]

Cost: seconds and peak memory of a search of `sgd` on ML-1M up to rank 64 on 2 threads, next to one training of rank 64. Quality: the best RMSE on the
held-out tenth that every trial is validated on, and the RMSE on the test part of the model trained on all training ratings with those options; medians
over seeds of the searches, whose split and trainings all have seed 1. Writes build/bench/tune.json. Optuna is taken from the environment (pip install
optuna).
"""

import json
import math
import random
import statistics

from harness import data, program, table

# The space of `lowrank tune --methods sgd`: lowest and highest value, all on a logarithmic scale.
SPACE = {"rank": (8, 128), "epochs": (10, 40), "learning_rate": (0.02, 0.2), "regularization": (0.01, 0.16), "prior_ratings": (10, 700)}
WHOLE = ("rank", "epochs")
SETS = {
    "ml-100k": lambda: (data.movielens_100k(1, "base"), data.movielens_100k(1, "test")),
    "ml-1m": lambda: (data.movielens_1m("train"), data.movielens_1m("test")),
}


def tune(train, **options):
    """The summary of a search, its seconds and its peak memory."""
    result = program.lowrank("tune", train, "--quiet", "--json", output=program.MODEL, **options)
    return {**json.loads(result["output"]), "wall": result["seconds"], "bytes": result["bytes"]}


def figure(train, options):
    """The RMSE on the held-out tenth, and the best number of epochs."""
    summary = program.train(train, holdout=0.1, **options)
    return summary["validation"]["rmse"], summary["best_epoch"]


def test_figure(train, test, options, epochs):
    return program.train(train, test=test, **{**options, "epochs": epochs})["test"]["rmse"]


def by_random(train, trials, seed):
    """The best of the defaults and of random points."""
    draws = random.Random(seed)
    tried = [{}]
    while len(tried) < trials:
        point = {name: math.exp(draws.uniform(math.log(low), math.log(high))) for name, (low, high) in SPACE.items()}
        tried.append({name: round(value) if name in WHOLE else float(f"{value:.4g}") for name, value in point.items()})
    return min(((*figure(train, options), options) for options in tried), key=lambda one: one[0])


def by_optuna(train, trials, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = []

    def objective(trial):
        options = {
            name: trial.suggest_int(name, low, high, log=True) if name in WHOLE else trial.suggest_float(name, low, high, log=True)
            for name, (low, high) in SPACE.items()
        }
        rmse, epochs = figure(train, options)
        known.append((rmse, epochs, options))
        return rmse

    optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)).optimize(objective, n_trials=trials)
    return min(known, key=lambda one: one[0])


def by_tune(train, trials, seed):
    """A search of that seed chooses the options; they are judged on the split and by the training that all others have."""
    summary = tune(train, trials=trials, seed=seed)
    options = {name: value for name, value in summary["searched"].items() if value is not None}
    return (*figure(train, options), options)


def quality(name, trials, seeds, rivals):
    train, test = SETS[name]()
    rows = {}
    for rival, search in rivals.items():
        found = [search(train, trials, seed) for seed in range(1, seeds + 1)]
        rows[rival] = {
            "validation": statistics.median(rmse for rmse, _, _ in found),
            "test": statistics.median(test_figure(train, test, options, epochs) for _, epochs, options in found),
        }
        print(f"  {name}, {rival}: {rows[rival]}", flush=True)
    return rows


def cost(trials):
    ratings = data.movielens_1m()
    single = program.train(ratings, rank=64, holdout=0.1, threads=2)
    search = tune(ratings, trials=trials, threads=2, space="rank=16..64:log")
    return {"seconds": search["wall"], "bytes": search["bytes"], "training_seconds": single["wall"], "training_bytes": single["bytes"],
            "runs": search["runs"]}


def tables(document):
    spent = document["cost"]
    lines = [
        f"{document['trials']} trials of sgd on ML-1M, rank 16 to 64, 2 threads: {spent['seconds']:.1f} s, {spent['bytes'] / 1e6:.0f} MB; "
        f"one training of rank 64: {spent['training_seconds']:.2f} s, {spent['training_bytes'] / 1e6:.0f} MB",
        "",
    ]
    rows = [[name, rival, f"{one['validation']:.5f}", f"{one['test']:.5f}"] for name, rivals in document["quality"].items() for rival, one in rivals.items()]
    return "\n".join(lines) + table.table(["data", "search", "validation RMSE", "test RMSE"], rows)


def main():
    arguments = table.arguments(
        __doc__,
        trials={"type": int, "default": 60, "help": "trials of every search"},
        seeds={"type": int, "default": 15, "help": "searches, of which the median counts"},
        sets={"default": ",".join(SETS), "help": "data sets, separated by commas"},
        optuna="run Optuna's TPE too",
    )
    rivals = {"lowrank tune": by_tune, "random": by_random}
    if arguments.optuna:
        rivals["Optuna TPE"] = by_optuna
    document = {"trials": arguments.trials, "seeds": arguments.seeds, "cost": cost(arguments.trials)}
    document["quality"] = {name: quality(name, arguments.trials, arguments.seeds, rivals) for name in arguments.sets.split(",")}
    table.save("tune", document, tables)


if __name__ == "__main__":
    main()
