#!/usr/bin/env python3
"""The Python package beside implicit, Surprise, cornac and cmfrec: the whole call as a user makes it, in one run, times alternating.

    bench/python.py [--runs 5] [--data FOLDER]

Fit: from a pandas table in memory to the fitted model. Recommend: from the model to the lists of all users. And the binding's own share: the wall time of `fit`
less what the library itself reports for its training. Rivals that are not installed are left out, saying so; give implicit and cmfrec OPENBLAS_NUM_THREADS=1.
FOLDER (default ../shared/data) holds ml-1m and lightgcn-gowalla. Run it with the virtual environment's python, with the package importable.
"""

import argparse
import gzip
import json
import lzma
import pathlib
import statistics
import sys
import time

import numpy as np
import pandas as pd

import lowrank

ROOT = pathlib.Path(__file__).resolve().parent.parent


def ml_1m(folder):
    with lzma.open(folder / "ml-1m" / "ratings.uirt.tsv.xz", "rt") as file:
        return pd.read_csv(file, sep="\t", header=None, usecols=[0, 1, 2], names=["user", "item", "rating"])


def gowalla(folder):
    users, items = [], []
    for name in ("train", "valid"):
        with gzip.open(folder / "lightgcn-gowalla" / f"{name}.txt.gz", "rt") as file:
            for line in file:
                user, *rest = line.split()
                users += [int(user)] * len(rest)
                items += map(int, rest)
    return pd.DataFrame({"user": users, "item": items, "rating": np.ones(len(users), np.float32)})


def matrix(table):
    from scipy.sparse import csr_matrix

    users, items = pd.factorize(table.user)[0], pd.factorize(table.item)[0]
    return csr_matrix((table.rating.astype(np.float32), (users, items)))


# Every rival: fit(table) gives a model, recommend(model, table), where there is one, lists of 20 for all users.

def fit_surprise(table):
    import surprise

    reader = surprise.Reader(rating_scale=(1, 5))
    return surprise.SVD().fit(surprise.Dataset.load_from_df(table[["user", "item", "rating"]], reader).build_full_trainset())


def fit_cornac(table):
    import cornac

    data = cornac.data.Dataset.from_uir(list(table.itertuples(index=False, name=None)))
    return cornac.models.MF(k=64, max_iter=20, num_threads=2).fit(data)


def fit_cmfrec(table):
    import cmfrec

    renamed = table.rename(columns={"user": "UserId", "item": "ItemId", "rating": "Rating"})
    return cmfrec.CMF(k=64, niter=10, use_cg=False, nthreads=2, verbose=False).fit(renamed)


def fit_implicit(table):
    import implicit.als

    model = implicit.als.AlternatingLeastSquares(factors=64, iterations=8, use_cg=True, num_threads=2, calculate_training_loss=False)
    data = matrix(table)
    model.fit(data, show_progress=False)
    return model, data


def recommend_implicit(fitted, table):
    model, data = fitted
    return model.recommend(np.arange(data.shape[0]), data, N=20)


def fit_cmfrec_implicit(table):
    import cmfrec

    renamed = table.rename(columns={"user": "UserId", "item": "ItemId", "rating": "Value"})
    return cmfrec.CMF_implicit(k=64, niter=8, use_cg=True, nthreads=2, verbose=False).fit(renamed)


def own(name, **options):
    return lambda table: getattr(lowrank, name)(**options).fit(table, progress=False, threads=2)


def recommend_own(model, table):
    return model.recommend(n=20, threads=2)


def jobs():
    """(what, table, {name: (fit, recommend or nothing)}), where lowrank has the method."""
    yield "sgd, rank 64, 20 epochs", "ml-1m", {"lowrank": (own("SGD", rank=64, epochs=20), recommend_own), "Surprise SVD, rank 100": (fit_surprise, None),
                                               "cornac MF": (fit_cornac, None)}
    if hasattr(lowrank, "ALS"):
        yield "als, rank 64, 10 epochs", "ml-1m", {"lowrank": (own("ALS", rank=64, epochs=10), recommend_own), "cmfrec CMF": (fit_cmfrec, None)}
    if hasattr(lowrank, "ImplicitALS"):
        own_fit = own("ImplicitALS", rank=64, epochs=8, solver="cg")
        yield "implicit, rank 64, 8 epochs of CG", "gowalla", {"lowrank": (own_fit, recommend_own), "implicit": (fit_implicit, recommend_implicit),
                                                               "cmfrec CMF_implicit": (fit_cmfrec_implicit, None)}


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def measure(table, programs, runs):
    """Least and median seconds of every program, the runs alternating; the first round warms up."""
    seconds = {name: {"fit": [], "recommend": [], "library": []} for name in programs}
    missing = set()
    for turn in range(runs + 1):
        for name, (fit, recommend) in programs.items():
            if name in missing:
                continue
            try:
                took, model = timed(lambda: fit(table))
            except ImportError as error:
                print(f"{name}: not installed ({error})", file=sys.stderr)
                missing.add(name)
                continue
            asked = timed(lambda: recommend(model, table))[0] if recommend else None
            if turn == 0:
                continue
            seconds[name]["fit"].append(took)
            if asked is not None:
                seconds[name]["recommend"].append(asked)
            if isinstance(model, lowrank.Estimator):
                seconds[name]["library"].append(model.summary_["seconds"]["total"])
    return {name: {what: {"least": min(all_), "median": statistics.median(all_)} for what, all_ in figures.items() if all_}
            for name, figures in seconds.items() if name not in missing}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    tables = {"ml-1m": ml_1m(arguments.data), "gowalla": gowalla(arguments.data)}
    rows = []
    for what, data, programs in jobs():
        figures = measure(tables[data], programs, arguments.runs)
        rows.append({"what": what, "data": data, "figures": figures})
        mine = figures["lowrank"]
        print(f"{what}, {data}")
        for name, figure in figures.items():
            ratio = "" if name == "lowrank" else f"   lowrank is {figure['fit']['median'] / mine['fit']['median']:.1f} times as fast"
            lists = f", recommend {figure['recommend']['median']:.3f} s" if "recommend" in figure else ""
            print(f"  {name:24} fit {figure['fit']['median']:.3f} s{lists}{ratio}")
        print(f"  table to ratings, ids and back: {100 * (mine['fit']['least'] / mine['library']['least'] - 1):.1f} % of the library's own time")
    work = ROOT / "build" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    (work / "python.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
