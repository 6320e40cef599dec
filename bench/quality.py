#!/usr/bin/env python3
"""How good the models are: the RMSE of predicted ratings on ML-100K, with Surprise and cmfrec, and the lists of `implicit` on Gowalla, with LightGCN's.

    bench/quality.py     writes build/bench/quality.json and prints the tables

ML-100K: the mean of the five parts u1 .. u5 that come with it; lowrank and Surprise have their defaults, cmfrec the best regularization of a grid,
chosen by these very figures. Gowalla: trained on train and valid with options that a search found within train
(docs/methods/implicit.md); the figures are those of test. LightGCN's are from table 3 of He et al., "LightGCN: simplifying and powering graph
convolution network for recommendation", SIGIR 2020.
"""

import statistics
import sys

from harness import data, program
from harness.table import arguments, save, table
from rivals.cmfrec import Cmfrec
from rivals.surprise import Surprise

METHODS = ["baseline", "nmf", "sgd", "als", "bayes"]
ALGORITHMS = ["BaselineOnly", "NMF", "SVD"]
CMFREC_RANK, CMFREC_GRID = 40, [6, 9, 12, 18]
# Rank and options; docs/methods/implicit.md says how they were found.
RECIPES = [
    (64, ""),
    (64, "--unobserved-weight .0213 --regularization-exponent .75 --regularization .0105 "
     "--observed-item-exponent -.35 --unobserved-item-exponent -.05 --unobserved-user-exponent .27 --solver cg --cg-steps 2 --epochs 4"),
    (256, "--unobserved-weight .0548 --regularization-exponent .75 --regularization .00811 "
     "--observed-item-exponent -.46 --unobserved-item-exponent -.34 --unobserved-user-exponent .37 --solver cg --cg-steps 3 --epochs 4"),
    (512, "--unobserved-weight .0566 --regularization-exponent .75 --regularization .00846 "
     "--observed-item-exponent -.49 --unobserved-item-exponent -.40 --unobserved-user-exponent .30 --solver cg --cg-steps 3 --epochs 4"),
    (1024, "--unobserved-weight .034 --regularization-exponent .75 --regularization .00769 "
     "--observed-item-exponent -.16 --unobserved-item-exponent -.47 --unobserved-user-exponent .06 --solver cg --cg-steps 2 --epochs 4"),
]
LIGHTGCN = {"name": "LightGCN, rank 64", "recall": 0.1830, "ndcg": 0.1554}


def errors():
    """The mean test RMSE of every program over the five parts of ML-100K."""
    surprise, cmfrec = Surprise(), Cmfrec()
    surprise.prepare()
    cmfrec.prepare()
    found = {}

    def add(name, rmse):
        found.setdefault(name, []).append(rmse)
        print(f"  {name}: {rmse:.4f}", file=sys.stderr, flush=True)

    for part in range(1, 6):
        train, test = (data.movielens_100k(part, kind) for kind in ("base", "test"))
        for method in METHODS:
            add(f"lowrank `{method}`", program.train(train, method=method, test=test)["test"]["rmse"])
        for algorithm in ALGORITHMS:
            add(f"Surprise {algorithm}", surprise.run("rmse", algorithm=algorithm, train=train, test=test)["rmse"])
        for regularization in CMFREC_GRID:
            job = {"rank": CMFREC_RANK, "solver": "exact", "threads": 2, "epochs": 15, "regularization": regularization}
            add(f"cmfrec CMF, lambda {regularization}", cmfrec.run("als", train=train, test=test, **job)["rmse"])
    means = {name: statistics.mean(values) for name, values in found.items()}
    best = min((name for name in means if name.startswith("cmfrec")), key=means.get)
    return {name: rmse for name, rmse in means.items() if not name.startswith("cmfrec") or name == best}


def lists():
    """recall@20 and NDCG@20 on Gowalla's test part, by rank."""
    rows = []
    for rank, options in RECIPES:
        summary = program.train(data.gowalla("train", "valid"), *options.split(), method="implicit", rank=rank)
        figures = program.evaluate(program.MODEL, data.gowalla("test"), top=20)["ranking"]
        rows.append({"rank": rank, "options": options, "seconds": summary["seconds"]["train"], "recall": figures["recall"], "ndcg": figures["ndcg"]})
        print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return rows


def tables(document):
    rows = [[name, f"{value:.4f}"] for name, value in sorted(document["rmse"].items(), key=lambda pair: -pair[1])]
    options = {True: "options of docs/methods/implicit.md", False: "the defaults"}
    ranked = [[f"lowrank `implicit`, rank {row['rank']}, {options[row['options'] != '']}", f"{row['seconds']:.1f}", f"{row['recall']:.4f}", f"{row['ndcg']:.4f}"]
              for row in document["gowalla"]]
    ranked.append([LIGHTGCN["name"], None, f"{LIGHTGCN['recall']:.4f}", f"{LIGHTGCN['ndcg']:.4f}"])
    return table(["ML-100K, mean of u1 .. u5", "test RMSE"], rows) + "\n\n" + table(["Gowalla", "seconds of training", "recall@20", "NDCG@20"], ranked)


def main():
    arguments(__doc__)
    data.need("ml-100k", "lightgcn-gowalla")
    save("quality", {"rmse": errors(), "gowalla": lists()}, tables)


if __name__ == "__main__":
    main()
