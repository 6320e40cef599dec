#!/usr/bin/env python3
"""Method `context` next to SMURFF on planted tensors, next to `als` on the same ratings, and its figures on ratings with contexts.

    bench/context.py [--quick]    writes build/bench/context.json and prints tables; all else should be quiet meanwhile

Tensors: random cells, nine tenths to train on; noise is what no model can tell. LDOS-CoMoDa and DePaulMovie: means over five folds, all ratings of a pair of
user and item in one fold. ML-1M (the ratings whose time is known) and MovieTweetings: a random tenth to test on, or the latest. Options that are not the
defaults were chosen on training parts. SMURFF has the best of its kinds of noise, and a factor per mode more
for the biases that it does not have.
"""

import functools
import math
import statistics

from harness import WORK, data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.smurff import Smurff

NOISE = 0.3
TENSORS = {  # name: shape, rank, form; a hundredth of the cells
    "CP, three modes, rank 3": ((800, 600, 60), 3, "cp"),
    "CP, three modes, rank 5": ((1200, 900, 60), 5, "cp"),
    "CP, three modes, rank 10": ((1500, 1000, 80), 10, "cp"),
    "CP, four modes, rank 3": ((300, 200, 20, 20), 3, "cp"),
    "pairwise, three modes, rank 10": ((1500, 1000, 80), 10, "pairwise"),
    "pairwise, four modes, rank 5": ((400, 300, 20, 20), 5, "pairwise"),
}
# Planted tensors have little noise and no prior that suits ratings of people: these were chosen on a part of the training cells.
TENSOR_OPTIONS = {"epochs": 60, "regularization": 0.002, "scale_regularization": 0.001, "context_regularization": 0.001}
LARGE = ((6000, 4000, 100), 10, 1_000_000, "cp")
SAMPLES, BURN_IN = 40, 20
KNOWN = ["daytime", "daytype", "location", "social", "weather", "mood", "decision", "interaction"]
EMOTIONS = ["endEmo", "dominantEmo"]
SMALL = {"LDOS-CoMoDa, contexts known before": ("ldos-comoda", KNOWN), "LDOS-CoMoDa, both emotions": ("ldos-comoda", EMOTIONS),
         "DePaulMovie": ("depaulmovie", ["daytime", "location", "companion"])}
MODELS = {"biases": {"method": "baseline"}, "`als`": {"method": "als"}, "biases of contexts": {"method": "context", "rank": 0},
          "with those of items": {"method": "context", "rank": 0, "context_biases": "items"}, "with those of users": {"method": "context", "rank": 0, "context_biases": "users"},
          "`context`": {"method": "context"}, "`--form cp`": {"method": "context", "form": "cp"}, "`bayes`": {"method": "bayes", "rank": 8},
          "`bayes` with contexts": {"method": "bayes", "rank": 8, "with": True}}
TIMED = {"ML-1M, times known": ("ml-1m", "month,hour"), "MovieTweetings": ("movietweetings", "month")}


def own(train, test, method="context", **options):
    summary = program.train(train, method=method, test=test, **options)
    epochs = [epoch["seconds"] for epoch in summary["history"]]
    return {"seconds": summary["seconds"]["train"], "epoch": statistics.median(epochs) if epochs else None, "rmse": summary["test"]["rmse"]}


def without_contexts(train, test, **options):
    """The test RMSE of a model that does not know contexts: of a pair's training ratings it has the mean, and each of its test ratings counts."""
    program.train(train, duplicates="mean", **options)
    rows = data.read(test)
    pairs = WORK / "pairs.csv"
    pairs.write_text("user,item\n" + "".join(f"{row[0]},{row[1]}\n" for row in rows))
    scores = [float(line.split("\t")[2]) for line in program.lowrank("predict", program.MODEL, pairs, "--quiet")["output"].splitlines()]
    return math.sqrt(statistics.mean((float(row[2]) - score) ** 2 for row, score in zip(rows, scores, strict=True)))


def contexts(modes):
    return ",".join(f"mode{mode + 1}" for mode in range(2, modes))


def tensors(rival, quick):
    """Test RMSE on planted tensors, and that of noise alone."""
    for name, (shape, rank, form) in TENSORS.items():
        train, test = data.planted(shape, rank, math.prod(shape) // 100, NOISE, form)
        options = {key: value for key, value in TENSOR_OPTIONS.items() if key != ("context_regularization" if form == "cp" else "scale_regularization")}
        row = {"data": name, "noise": NOISE, "rmse": own(train, test, rank=rank, form=form, contexts=contexts(len(shape)), **options)["rmse"]}
        if rival and not quick:
            row["smurff"] = rival.run("tensor", train=train, test=test, modes=len(shape), rank=rank + len(shape), samples=200, burn_in=100, threads=program.THREADS, noise=rival.noise)["rmse"]
        yield row


def speed(rival, runs):
    """Seconds of training on a tensor of a million cells, and RMSE."""
    shape, rank, cells, form = LARGE
    train, test = data.planted(shape, rank, cells, NOISE, form)
    options = {name: value for name, value in TENSOR_OPTIONS.items() if name != "context_regularization"} | {"epochs": 30}
    calls = {"`context`": functools.partial(own, train, test, rank=rank, form=form, contexts=contexts(len(shape)), threads=program.THREADS, **options)}
    if rival:
        calls["SMURFF"] = functools.partial(rival.run, "tensor", train=train, test=test, modes=len(shape), rank=rank + len(shape), samples=SAMPLES, burn_in=BURN_IN,
                                            threads=program.THREADS, noise=rival.noise)
    results = measure.alternate(calls, runs, warm_up=0)
    return [{"program": name, "seconds": measure.median(rows, "seconds"), "rmse": rows[-1]["rmse"]} for name, rows in results.items()]


def beside_als(runs):
    """Seconds of an epoch of the same ratings with a third mode and without."""
    train, test = data.timed_parts("ml-1m", "random")
    calls = {"`als`": functools.partial(own, train, test, method="als", rank=64, threads=program.THREADS)}
    for form in ("pairwise", "cp", "both"):
        calls[f"`context --form {form}`"] = functools.partial(own, train, test, rank=64, form=form, time_context="month", threads=program.THREADS)
    results = measure.alternate(calls, runs, warm_up=0)
    return [{"model": name, "epoch": measure.median(rows, "epoch"), "rmse": rows[-1]["rmse"]} for name, rows in results.items()]


def small():
    """Mean test RMSE over five folds."""
    for name, (key, columns) in SMALL.items():
        row = {"data": name}
        for model, options in MODELS.items():
            chosen = {option: value for option, value in options.items() if option != "with"}
            if options["method"] == "context" or options.get("with"):
                chosen["contexts"] = ",".join(columns)
                row[model] = statistics.mean(own(train, test, **chosen)["rmse"] for train, test in data.folds_by_pair(key))
            else:
                row[model] = statistics.mean(without_contexts(train, test, **chosen) for train, test in data.folds_by_pair(key))
        yield row


def by_time():
    for name, (key, periods) in TIMED.items():
        for split in ("random", "time"):
            train, test = data.timed_parts(key, split)
            yield {"data": f"{name}, {'a random tenth' if split == 'random' else 'the latest tenth'}", "contexts": periods,
                   "als": own(train, test, method="als")["rmse"], "rmse": own(train, test, time_context=periods)["rmse"],
                   "bayes": own(train, test, method="bayes", rank=16, samples=150)["rmse"],
                   "bayes_in": own(train, test, method="bayes", rank=16, samples=150, time_context=periods)["rmse"]}


def cells(row, names):
    return [row["data"], *(f"{row[name]:.4f}" if row.get(name) else None for name in names)]


def tables(document):
    parts = [table(["planted tensor", "noise", "`context`, test RMSE", "SMURFF"], [cells(row, ["noise", "rmse", "smurff"]) for row in document["tensors"]])]
    rows = document["speed"]
    parts.append(table(["a tensor of three modes, a million cells", "seconds of training", "test RMSE", "times faster"],
                       [[row["program"], f"{row['seconds']:.2f}", f"{row['rmse']:.4f}", ratio(row["seconds"], rows[0]["seconds"]) if n else None] for n, row in enumerate(rows)]))
    rows = document["beside_als"]
    parts.append(table(["ML-1M, times known, rank 64", "seconds of an epoch", "test RMSE", "speed of `als`"],
                       [[row["model"], f"{row['epoch']:.3f}", f"{row['rmse']:.4f}", f"{rows[0]['epoch'] / row['epoch']:.2f}"] for row in rows]))
    parts.append(table(["mean test RMSE, five folds by pair", *MODELS], [cells(row, MODELS) for row in document["small"]]))
    parts.append(table(["ratings with times", "contexts", "`als`, test RMSE", "`context`", "`bayes`", "`bayes` with contexts"],
                       [[row["data"], row["contexts"], *(f"{row[name]:.4f}" for name in ("als", "rmse", "bayes", "bayes_in"))] for row in document["timed"]]))
    if document["missing"]:
        parts.append(f"SMURFF is left out: {document['missing']}.")
    return "\n\n".join(parts)


def main():
    given = arguments(__doc__, quick="one run, and SMURFF beside the large tensor only")
    rival = Smurff()
    missing = rival.missing()
    rival = None if missing else rival
    runs = 1 if given.quick else 3
    save("context", {"missing": missing, "tensors": list(tensors(rival, given.quick)), "speed": speed(rival, runs), "beside_als": beside_als(runs),
                     "small": list(small()), "timed": list(by_time())}, tables)


if __name__ == "__main__":
    main()
