#!/usr/bin/env python3
"""`lowrank tune` next to random search and Optuna's TPE, with as many trials over the same space and the same trainings; and what a search costs.

    bench/tune.py [--trials 60] [--seeds 15] [--optuna-seeds 10] [--sets ml-100k,insteval]

Quality: eight tenths of the ratings are trained on, a tenth is chosen on, a tenth is the test part (harness/data.py). All searches with a seed train with that
seed. Figures are medians over the seeds: the lowest validation RMSE of a search, and the test RMSE of what it chose, trained with the best number of epochs.
Cost: seconds, processor seconds and peak memory of a search of `sgd` on ML-1M up to rank 64 on 2 threads, next to one training of rank 64. Writes
build/bench/tune.json after every search once each has ended once. Optuna is taken from the environment (pip install optuna); with --optuna-seeds 0 it is left out.
"""

import itertools
import json
import math
import random
import statistics

from harness import data, program, table

# Of the space of `lowrank tune --methods sgd` all but the neighbours, all on a logarithmic scale: lowest and highest value.
SPACE = {"rank": (8, 128), "epochs": (10, 40), "learning_rate": (0.02, 0.2), "regularization": (0.01, 0.16), "prior_ratings": (10, 700)}
WHOLE = ("rank", "epochs")


def tune(train, **options):
    """The summary of a search, its seconds and its peak memory."""
    result = program.lowrank("tune", train, "--quiet", "--json", **{"output": program.MODEL, **options})
    return {**json.loads(result["output"]), "wall": result["seconds"], "processor": result["processor"]}


class Trainings:
    """What every search may ask: the validation RMSE of options, and at the end the test RMSE of the best."""

    def __init__(self, name, seed):
        self.train, self.validation, self.test = data.tenths(name)
        self.seed = seed
        self.best = (math.inf, None, None)

    def __call__(self, options):
        summary = program.train(self.train, validation=self.validation, seed=self.seed, threads=1, **options)
        rmse = summary["validation"]["rmse"]
        self.best = min(self.best, (rmse, summary["best_epoch"], options), key=lambda one: one[0])
        return rmse

    def figures(self):
        rmse, epochs, options = self.best
        return rmse, program.train(self.train, test=self.test, seed=self.seed, threads=1, **{**options, "epochs": epochs})["test"]["rmse"]


def by_random(name, trials, seed):
    """The defaults, then random points."""
    ask, draws = Trainings(name, seed), random.Random(seed)
    ask({})
    for _ in range(trials - 1):
        point = {option: math.exp(draws.uniform(math.log(low), math.log(high))) for option, (low, high) in SPACE.items()}
        ask({option: round(value) if option in WHOLE else float(f"{value:.4g}") for option, value in point.items()})
    return ask.figures()


def by_optuna(name, trials, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ask = Trainings(name, seed)

    def objective(trial):
        return ask({
            option: trial.suggest_int(option, low, high, log=True) if option in WHOLE else trial.suggest_float(option, low, high, log=True)
            for option, (low, high) in SPACE.items()
        })

    optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)).optimize(objective, n_trials=trials)
    return ask.figures()


def by_tune(name, trials, seed):
    train, validation, test = data.tenths(name)
    space = ",".join(f"{option}={low}..{high}:log" for option, (low, high) in SPACE.items())
    summary = tune(train, validation=validation, test=test, trials=trials, seed=seed, threads=1, space=space, fixed="--neighbours 0")
    return min(one["figures"][0] for one in summary["finalists"]), summary["test"]["rmse"]


def medians(found):
    """{data: {search: medians}} of {data: {search: [figures of each seed]}}."""
    return {
        name: {
            rival: {"seeds": len(figures), "validation": statistics.median(one for one, _ in figures), "test": statistics.median(one for _, one in figures), "found": figures}
            for rival, figures in rivals.items()
        }
        for name, rivals in found.items()
    }


def cost(trials):
    ratings = data.movielens_1m()
    single, corrected = (program.train(ratings, rank=64, holdout=0.1, threads=2, **more) for more in ({}, {"neighbours": 100}))
    search = tune(ratings, trials=trials, threads=2, space="rank=16..64:log")
    return {"seconds": search["wall"], "processor": search["processor"], "bytes": search["peak_memory_bytes"], "training_seconds": single["wall"],
            "training_bytes": single["peak_memory_bytes"], "corrected_seconds": corrected["wall"], "corrected_bytes": corrected["peak_memory_bytes"],
            "runs": search["runs"]}


def tables(document):
    lines = []
    if "cost" in document:
        spent = document["cost"]
        lines = [f"{document['trials']} trials of `sgd` on ML-1M, rank 16 to 64, 2 threads: {spent['seconds']:.1f} s, {spent['processor']:.1f} processor seconds, "
                 f"{spent['bytes'] / 1e6:.0f} MB; one training of rank 64: {spent['training_seconds']:.2f} s, {spent['training_bytes'] / 1e6:.0f} MB, "
                 f"and with 100 neighbours, which the search tries too: {spent['corrected_seconds']:.2f} s, {spent['corrected_bytes'] / 1e6:.0f} MB.", ""]
    rows = [[name, rival, one["seeds"], f"{one['validation']:.5f}", f"{one['test']:.5f}"] for name, rivals in document["quality"].items() for rival, one in rivals.items()]
    lines += [f"The best of {document['trials']} trials, median of the seeds, beside as many of others over the same ranges of `sgd`:", ""]
    return "\n".join(lines) + table.table(["data", "search", "seeds", "validation RMSE", "test RMSE"], rows)


def main():
    arguments = table.arguments(
        __doc__,
        trials={"type": int, "default": 60, "help": "trials of every search"},
        seeds={"type": int, "default": 15, "help": "searches of tune and random search"},
        optuna_seeds={"type": int, "default": 10, "help": "searches of Optuna"},
        sets={"default": ",".join(data.RATED), "help": "data sets, separated by commas"},
        no_cost="leave the cost out",
    )
    document = {"trials": arguments.trials, **({} if arguments.no_cost else {"cost": cost(arguments.trials)})}
    searches = {"lowrank tune": (by_tune, arguments.seeds), "random search": (by_random, arguments.seeds), "Optuna TPE": (by_optuna, arguments.optuna_seeds)}
    found = {name: {rival: [] for rival, (_, seeds) in searches.items() if seeds > 0} for name in arguments.sets.split(",")}
    for seed, name, (rival, (search, seeds)) in itertools.product(range(1, arguments.seeds + 1), found, searches.items()):
        if seed > seeds:
            continue
        found[name][rival].append(search(name, arguments.trials, seed))
        print(f"  seed {seed}, {name}, {rival}: {found[name][rival][-1]}", flush=True)
        if all(figures for rivals in found.values() for figures in rivals.values()):
            table.save("tune", {**document, "quality": medians(found)}, tables)


if __name__ == "__main__":
    main()
