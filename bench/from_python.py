#!/usr/bin/env python3
"""Compares the Python package with implicit, Surprise, cornac and cmfrec on ML-1M and Gowalla: the whole call as a user makes it.

    bench/from_python.py [--quick]     writes build/bench/python.json and prints a table; all else should be quiet meanwhile

Fit: from a pandas table in memory to the fitted model. Recommend: from the model to 20 items for every user. Overhead: the seconds of a whole `fit`
less those that the library takes to number the ids, to group the ratings and to train, as a share of the latter. Every call is made once before it is
timed; runs alternate, and the figures are medians. Each package is in an environment of its own in build/bench/rivals; this one is installed from
here.
"""

import functools

from harness import data, measure
from harness.table import arguments, ratio, save, table
from rivals.cmfrec import Cmfrec
from rivals.cornac import Cornac
from rivals.implicit import Implicit
from rivals.package import Package
from rivals.surprise import Surprise

THREADS = 2


def jobs():
    """{what is done: (file, {name: (rival, task, options)})}. Rank 64 and two threads, where the rival has them."""
    sgd, als, implicit = ({"rank": 64, "epochs": epochs, "threads": THREADS} for epochs in (20, 10, 8))
    return {
        "`SGD`, 20 epochs, ML-1M": (data.movielens_1m(), {
            "lowrank": (Package(), "fit", {"method": "SGD", **sgd}), "Surprise SVD, rank 100": (Surprise(), "fit", {}), "cornac MF": (Cornac(), "fit", sgd)}),
        "`ALS`, 10 epochs, ML-1M": (data.movielens_1m(), {
            "lowrank": (Package(), "fit", {"method": "ALS", **als}), "cmfrec CMF": (Cmfrec(), "fit", als)}),
        "`ImplicitALS` by CG, 8 epochs, Gowalla": (data.gowalla("train", "valid"), {
            "lowrank": (Package(), "fit", {"method": "ImplicitALS", "solver": "cg", **implicit}), "implicit": (Implicit(), "fit", implicit),
            "cmfrec CMF_implicit": (Cmfrec(), "fit_implicit", implicit)}),
    }


def tables(document):
    rows = []
    for what, figures in ((row["what"], row["figures"]) for row in document["rows"]):
        own = figures["lowrank"]
        for name, figure in figures.items():
            mine, listed = name == "lowrank", figure.get("recommend")
            overhead = f"{100 * (own['fit'] / own['library'] - 1):.1f} %" if mine else None
            rows.append([f"{what}: {name}", f"{figure['fit']:.3f}", None if mine else ratio(figure["fit"], own["fit"]), overhead,
                         f"{listed:.3f}" if listed else None, None if mine else ratio(listed, own["recommend"])])
    return table([f"from Python, rank 64, {THREADS} threads", "fit, seconds", "ratio of fit", "overhead", "recommend, seconds", "ratio of recommend"], rows)


def main():
    runs = 1 if arguments(__doc__, quick="one run").quick else 5
    todo = jobs()
    for rival in {type(rival): rival for _, programs in todo.values() for rival, _, _ in programs.values()}.values():
        rival.prepare()
    rows = []
    for what, (file, programs) in todo.items():
        calls = {name: functools.partial(rival.run, task, file=file, **options) for name, (rival, task, options) in programs.items()}
        results = measure.alternate(calls, runs, warm_up=0)
        rows.append({"what": what, "figures": {name: {key: measure.median(found, key) for key in found[0]} for name, found in results.items()}})
    save("python", {"rows": rows}, tables)


if __name__ == "__main__":
    main()
