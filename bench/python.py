#!/usr/bin/env python3
"""The Python package beside implicit, Surprise, cornac and cmfrec on ML-1M and Gowalla: the whole call as a user makes it, in one run, runs alternating.

    bench/python.py [--quick]     measures; writes build/bench/python.json and prints a table (all else should be quiet meanwhile)

Fit: from a pandas table in memory to the fitted model. Recommend: from the model to 20 items for every user. Around the library: the wall time of a whole `fit`
less what the library takes to number the ids, to group the ratings and to train, as a share of the latter; medians of all runs. Data are looked for in
$LOWRANK_DATA, then in ../shared/data. All of it runs in an environment in build/bench/python, into which the package is installed from here.
"""

import argparse
import gzip
import lzma
import os
import pathlib
import statistics
import subprocess
import sys
import time

import report
from report import ROOT, WORK
from rivals.environment import python_with, variables

FOLDER = WORK / "python"
PACKAGES = ["pandas", "scipy", "threadpoolctl", "cmfrec==3.5.1.post14", "implicit==0.7.3", "scikit-surprise==1.1.5", "cornac==3.0.1"]
# Beside this file stand others that are called as the rivals are.
sys.path.remove(str(ROOT / "bench"))
DATA = pathlib.Path(os.environ.get("LOWRANK_DATA", ROOT.parent / "shared" / "data"))


def inside():
    """Goes on in the environment that has the rivals and this package, made first where need be."""
    python = python_with(PACKAGES, FOLDER)
    subprocess.run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--force-reinstall", "--no-deps", "--config-settings", f"build-dir={WORK / 'package'}", ROOT], check=True)
    os.execve(python, [str(python), *sys.argv], variables(OPENBLAS_NUM_THREADS="1"))


def ml_1m():
    import pandas as pd

    with lzma.open(DATA / "ml-1m" / "ratings.uirt.tsv.xz", "rt") as file:
        return pd.read_csv(file, sep="\t", header=None, usecols=[0, 1, 2], names=["user", "item", "rating"])


def gowalla():
    import numpy as np
    import pandas as pd

    users, items = [], []
    for name in ("train", "valid"):
        with gzip.open(DATA / "lightgcn-gowalla" / f"{name}.txt.gz", "rt") as file:
            for line in file:
                user, *rest = line.split()
                users += [int(user)] * len(rest)
                items += map(int, rest)
    return pd.DataFrame({"user": users, "item": items, "rating": np.ones(len(users), np.float32)})


def matrix(table):
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_matrix

    users, items = pd.factorize(table.user)[0], pd.factorize(table.item)[0]
    return csr_matrix((table.rating.astype(np.float32), (users, items)))


# fit(table) gives a model, recommend(model) lists of 20 for all users.

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


def recommend_implicit(fitted):
    import numpy as np

    model, data = fitted
    return model.recommend(np.arange(data.shape[0]), data, N=20)


def fit_cmfrec_implicit(table):
    import cmfrec

    renamed = table.rename(columns={"user": "UserId", "item": "ItemId", "rating": "Value"})
    return cmfrec.CMF_implicit(k=64, niter=8, use_cg=True, nthreads=2, verbose=False).fit(renamed)


def own(name, **options):
    def fit(table):
        import lowrank

        return getattr(lowrank, name)(**options).fit(table, progress=False, threads=2)

    return fit


def recommend_own(model):
    return model.recommend(n=20, threads=2)


# What, on what, and by whom: {name: (fit, recommend or nothing)}. Rank 64 but where the name says otherwise, 2 threads where a rival has them.
JOBS = [
    ("`SGD`, 20 epochs, ML-1M", ml_1m, {"lowrank": (own("SGD", rank=64, epochs=20), recommend_own), "Surprise SVD, rank 100": (fit_surprise, None), "cornac MF": (fit_cornac, None)}),
    ("`ALS`, 10 epochs, ML-1M", ml_1m, {"lowrank": (own("ALS", rank=64, epochs=10), recommend_own), "cmfrec CMF": (fit_cmfrec, None)}),
    ("`ImplicitALS` by CG, 8 epochs, Gowalla", gowalla, {"lowrank": (own("ImplicitALS", rank=64, epochs=8, solver="cg"), recommend_own),
                                                         "implicit": (fit_implicit, recommend_implicit), "cmfrec CMF_implicit": (fit_cmfrec_implicit, None)}),
]


def timed(call, *arguments):
    start = time.perf_counter()
    result = call(*arguments)
    return time.perf_counter() - start, result


def measure(table, programs, runs):
    """Median seconds of every program: `fit`, `recommend`, and what the `library` says of a fit; the runs alternate, the first round warms up."""
    seconds = {name: {"fit": [], "recommend": [], "library": []} for name in programs}
    for turn in range(runs + 1):
        for name, (fit, recommend) in programs.items():
            fitted, model = timed(fit, table)
            listed = timed(recommend, model)[0] if recommend else None
            print(f"  {name}: fit {fitted:.3f} s", file=sys.stderr, flush=True)
            if turn == 0:
                continue
            seconds[name]["fit"].append(fitted)
            if listed is not None:
                seconds[name]["recommend"].append(listed)
            if name == "lowrank":
                seconds[name]["library"].append(model.summary_["seconds"]["total"])
    return {name: {what: statistics.median(all_) for what, all_ in figures.items() if all_} for name, figures in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one counted run instead of five")
    arguments = parser.parse_args()
    if not (DATA / "ml-1m").exists() or not (DATA / "lightgcn-gowalla").exists():
        report.skip("ML-1M or Gowalla")
    if pathlib.Path(sys.prefix) != FOLDER:
        inside()
    rows = []
    lines = ["| from Python, rank 64, 2 threads | fit s | ratio | around the library | recommend s | ratio |", "|---|---|---|---|---|---|"]
    for what, data, programs in JOBS:
        figures = measure(data(), programs, 1 if arguments.quick else 5)
        rows.append({"what": what, "figures": figures})
        mine = figures["lowrank"]
        for name, figure in figures.items():
            beside = "" if name == "lowrank" else f"{figure['fit'] / mine['fit']:.1f}"
            around = f"{100 * (mine['fit'] / mine['library'] - 1):.1f} %" if name == "lowrank" else ""
            listed = figure.get("recommend")
            lines.append(f"| {what}: {name} | {figure['fit']:.3f} | {beside} | {around} | {'' if listed is None else f'{listed:.3f}'} |"
                         f" {'' if listed is None or name == 'lowrank' else format(listed / mine['recommend'], '.1f')} |")
    report.write("python", {"rows": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
