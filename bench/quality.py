#!/usr/bin/env python3
"""How good the models are: the RMSE of predicted ratings on ML-100K beside Surprise and cmfrec, and the lists of `implicit` on Gowalla beside LightGCN's.

    bench/quality.py     writes build/bench/quality.json and prints the tables

ML-100K: the mean of the five parts u1 .. u5 that come with it; lowrank and Surprise with their defaults, cmfrec with the best regularisation of a grid, chosen
by these very figures. Gowalla: trained on train and valid with options that bench/implicit_search.py found within train, the same that stand in
docs/methods/implicit.md; the figures are those of test. LightGCN's are from table 3 of He et al., "LightGCN: simplifying and powering graph convolution network
for recommendation", SIGIR 2020. Data are looked for in $LOWRANK_DATA, then in ../shared/data.
"""

import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys

import report
from recommend import gowalla, gowalla_part
from report import ROOT, WORK
from rivals.explicit_als import ExplicitAls
from rivals.surprise_rmse import SurpriseRmse

DATA = pathlib.Path(os.environ.get("LOWRANK_DATA", ROOT.parent / "shared" / "data"))
METHODS = ["baseline", "nmf", "sgd", "als"]
SURPRISE = ["BaselineOnly", "NMF", "SVD"]
CMFREC_RANK, CMFREC_GRID = 40, [6, 9, 12, 18]
# Rank and options; docs/methods/implicit.md says how they were found.
RECIPES = [
    (64, ""),
    (64, "--unobserved-weight .0213 --regularization-exponent .75 --regularization .0105 --observed-item-exponent -.35 --unobserved-item-exponent -.05 --unobserved-user-exponent .27 --solver cg --cg-steps 2 --epochs 4"),
    (256, "--unobserved-weight .0548 --regularization-exponent .75 --regularization .00811 --observed-item-exponent -.46 --unobserved-item-exponent -.34 --unobserved-user-exponent .37 --solver cg --cg-steps 3 --epochs 4"),
    (512, "--unobserved-weight .0566 --regularization-exponent .75 --regularization .00846 --observed-item-exponent -.49 --unobserved-item-exponent -.40 --unobserved-user-exponent .30 --solver cg --cg-steps 3 --epochs 4"),
    (1024, "--unobserved-weight .034 --regularization-exponent .75 --regularization .00769 --observed-item-exponent -.16 --unobserved-item-exponent -.47 --unobserved-user-exponent .06 --solver cg --cg-steps 2 --epochs 4"),
]
LIGHTGCN = "LightGCN, rank 64", 0.1830, 0.1554


def lowrank(*arguments):
    command = [str(word) for word in [ROOT / "build" / "lowrank", *arguments, "--json"]]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def errors():
    """The mean test RMSE of every program over the five parts of ML-100K."""
    surprise, cmfrec = SurpriseRmse(WORK), ExplicitAls("cmfrec", WORK)
    surprise.prepare()
    cmfrec.prepare()
    found = {}

    def add(name, rmse):
        found.setdefault(name, []).append(rmse)
        print(f"  {name}: {rmse:.4f}", file=sys.stderr, flush=True)

    for part in range(1, 6):
        files = []
        for kind in ("base", "test"):
            text = gzip.decompress((DATA / "ml-100k" / f"u{part}.{kind}.gz").read_bytes()).decode()
            files += [WORK / f"ml100k.{kind}.tsv", WORK / f"ml100k.{kind}.csv"]
            files[-2].write_text(text)
            files[-1].write_text("user,item,rating\n" + "".join(",".join(line.split("\t")[:3]) + "\n" for line in text.splitlines()))
        train, train_csv, test, test_csv = files
        for method in METHODS:
            summary = lowrank("train", train, "--method", method, "--test", test, "--output", WORK / "quality.safetensors", "--quiet")
            add(f"lowrank `{method}`", summary["test"]["rmse"])
        for algorithm in SURPRISE:
            add(f"Surprise {algorithm}", surprise.run(algorithm, train, test))
        for regularization in CMFREC_GRID:
            add(f"cmfrec CMF, lambda {regularization}", cmfrec.run(train_csv, test_csv, CMFREC_RANK, "chol", 2, 15, regularization)["rmse"])
    means = {name: statistics.mean(values) for name, values in found.items()}
    best = min((name for name in means if name.startswith("cmfrec")), key=means.get)
    return {name: rmse for name, rmse in means.items() if not name.startswith("cmfrec") or name == best}


def lists():
    """recall@20 and NDCG@20 on Gowalla's test part, by rank."""
    train, test = gowalla(), gowalla_part("test")
    rows = []
    for rank, options in RECIPES:
        model = WORK / "quality.safetensors"
        summary = lowrank("train", train, "--format", "adjacency", "--method", "implicit", "--rank", rank, *options.split(), "--output", model, "--quiet")
        figures = lowrank("evaluate", model, test, "--format", "adjacency", "--top", 20)["ranking"]
        rows.append({"rank": rank, "options": options, "seconds": summary["seconds"]["train"], "recall": figures["recall"], "ndcg": figures["ndcg"]})
        print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return rows


def main():
    if not (DATA / "ml-100k").is_dir():
        report.skip("ML-100K")
    rmse, ranked = errors(), lists()
    lines = ["| ML-100K, mean of u1 .. u5 | RMSE |", "|---|---|"]
    lines += [f"| {name} | {value:.4f} |" for name, value in sorted(rmse.items(), key=lambda pair: -pair[1])]
    lines += ["", "| `implicit` on Gowalla | seconds | recall@20 | NDCG@20 |", "|---|---|---|---|"]
    for row in ranked:
        options = "options of docs/methods/implicit.md" if row["options"] else "the defaults"
        lines.append(f"| rank {row['rank']}, {options} | {row['seconds']:.1f} | {row['recall']:.4f} | {row['ndcg']:.4f} |")
    lines.append(f"| {LIGHTGCN[0]} | | {LIGHTGCN[1]:.4f} | {LIGHTGCN[2]:.4f} |")
    report.write("quality", {"rmse": rmse, "gowalla": ranked}, "\n".join(lines))


if __name__ == "__main__":
    main()
