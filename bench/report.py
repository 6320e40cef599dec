#!/usr/bin/env python3
"""Writes what the documentation shows of the figures kept in bench/results: docs/benchmarks.md, the pictures, and the lines between the marks of README.md.

    bench/report.py [--check]      --check: changes nothing, and fails where something shows other figures
"""

import json
import sys

import als
import bayes
import context
import defaults
import features
import fold_in
import from_python
import growth
import implicit_feedback
import neighbours
import nmf
import quality
import rating_neighbours
import read
import recommend
import serve
import sgd
import stream
import tune
import update
from harness import ROOT, picture
from harness.table import ratio, table
from rivals import Rival
from rivals.libmf import CRATE

RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- bench/report.py: begin -->", "<!-- bench/report.py: end -->"
# In the order of docs/benchmarks.md: the kept document, its title, and what makes its tables. What is not kept is left out.
KEPT = [
    ("sgd", "Stochastic gradient descent", sgd.tables),
    ("als", "Alternating least squares for ratings", als.tables),
    ("bayes", "Bayesian factorization", bayes.tables),
    ("features", "Items known by their features", features.tables),
    ("implicit", "Alternating least squares for implicit feedback", implicit_feedback.tables),
    ("nmf", "Non-negative factorization", nmf.tables),
    ("neighbours", "Neighbours for lists", neighbours.tables),
    ("rating_neighbours", "Neighbours for ratings", rating_neighbours.tables),
    ("context", "Contexts", context.tables),
    ("quality", "How good the models are", quality.tables),
    ("tune", "Searching for options", tune.tables),
    ("defaults", "How far the defaults carry", defaults.tables),
    ("recommend", "Top-N lists", recommend.tables),
    ("fold_in", "Fold-in", fold_in.tables),
    ("update", "Updates", update.tables),
    ("stream", "Streams", stream.tables),
    ("serve", "The service", serve.tables),
    ("read", "Reading", read.tables),
    ("growth", "From 1 to 100 million ratings", growth.tables),
    ("billion", "A billion ratings", growth.billion_table),
    ("python", "From Python", from_python.tables),
]
INTRODUCTION = """# Benchmarks

How fast is lowrank, and how good are its models, compared with the packages that do the same? Whole processes or calls are timed next to the peer's in one run,
on the same data and threads, at the same quality or a better one. A ratio says how many times faster lowrank is: the peer's seconds divided by lowrank's.
The figures come from a shared machine, on which times vary by a tenth from run to run. The peers are {peers}.

`make bench` measures it, but for the search and the defaults (`bench/tune.py`, `bench/defaults.py`), which take hours. Below each table is the command that measured it; what each one does is in the first lines of its script in [bench](../bench).
This page is written by `bench/report.py` from the documents in [bench/results](../bench/results).

![speed and accuracy of lowrank and of its peers](benchmarks.svg)
"""


def documents():
    return {name: json.loads((RESULTS / f"{name}.json").read_text()) for name, _, _ in KEPT if (RESULTS / f"{name}.json").exists()}


def row(document, **wanted):
    return next(row for row in document["rows"] if all(row.get(key) == value for key, value in wanted.items()))


def page(kept):
    pinned = {package.replace("==", " ") for rival in Rival.__subclasses__() for package in rival.packages if "==" in package and "safetensors" not in package}
    parts = [INTRODUCTION.format(peers=", ".join(sorted({*pinned, f"LIBMF (crate libmf {CRATE})"}, key=str.lower)))]
    for name, title, tables in KEPT:
        if name in kept:
            box = kept[name]["machine"]
            source = f"`{kept[name]['command']}`, {box['date']}: {box['processor']}, {box['cores']} cores, {box['compiler']}, commit {box['commit']}."
            parts.append(f"## {title}\n{tables(kept[name])}\n\n{source}\n")
    return "\n".join(parts)


def sweep(kept):
    """Seconds of a sweep of lowrank's `bayes`, and of its rival's."""
    rows = kept["bayes"]["myfm"]["rows"]
    return next(one["seconds"] for one in rows if one["program"] == "lowrank" and one["threads"] == 2), next(one["seconds"] for one in rows if one["program"] != "lowrank")


def speeds(kept):
    """What, lowrank's seconds, the peer, its seconds."""
    own, libmf = (row(kept["sgd"], program=name, rank=64, threads=2) for name in ("lowrank", "LIBMF (avx)"))
    explicit = row(kept["als"], rival="cmfrec", solver="exact")
    implicit = row(kept["implicit"], solver="exact", rank=64)
    factors = row(kept["nmf"], data="ML-1M", solver="cd", init="nndsvda")
    lists = row(kept["recommend"], rank=64, threads=2)
    reading = row(kept["read"], ids="integers", threads=2)
    return [("sgd: 10 million ratings, text to model", own["whole_seconds"], "LIBMF", libmf["whole_seconds"]),
            ("als: an epoch on ML-1M, rank 40", explicit["lowrank_seconds"], "cmfrec", explicit["rival_seconds"]),
            ("bayes: a sweep of ML-1M, rank 32", sweep(kept)[0], "myFM", sweep(kept)[1]),
            ("implicit: an epoch on Gowalla, rank 64", implicit["lowrank"], "irspack", implicit["irspack"]),
            ("nmf: ML-1M, to scikit-learn's loss", factors["own_seconds"], "scikit-learn", factors["seconds"]),
            ("top 20 of all Gowalla users, rank 64", lists["seconds"], "implicit", lists["rival"]),
            ("reading 10 million ratings", reading["lowrank"], "polars", reading["polars.read_csv"])]


def accuracy(kept):
    """Name, value, whether it is lowrank's: of the errors, best first, and of the lists."""
    errors = sorted(kept["quality"]["rmse"].items(), key=lambda pair: pair[1])
    names = {name: name.replace("`", "").split(",")[0] for name, _ in errors}
    lists = [(f"lowrank implicit, rank {one['rank']}", one["recall"], True) for one in kept["quality"]["gowalla"] if one["options"]]
    lists = sorted([*lists, (quality.LIGHTGCN["name"], quality.LIGHTGCN["recall"], False)], key=lambda one: -one[1])
    return [(names[name], value, name.startswith("lowrank")) for name, value in errors], lists


def lines(kept):
    """The lines of README."""
    own, libmf = (row(kept["sgd"], program=name, rank=64, threads=2) for name in ("lowrank", "LIBMF (avx)"))
    rmse, lists = kept["quality"]["rmse"], row(kept["recommend"], rank=64, threads=2)
    own_sweep, rival_sweep = sweep(kept)
    own_rmse, rival_rmse = rmse["lowrank `sgd`"], rmse["Surprise SVD"]
    return table(["", "lowrank", "peer", "", "command"], [
        ["`sgd`, 10 million ratings from text to model, 2 threads", f"{own['whole_seconds']:.2f} s, test RMSE {own['rmse']:.4f}",
         f"LIBMF: {libmf['whole_seconds']:.2f} s, {libmf['rmse']:.4f}", f"{ratio(libmf['whole_seconds'], own['whole_seconds'])} times faster", "`bench/sgd.py`"],
        ["a sweep of `bayes` on ML-1M, rank 32, implicit features both ways", f"{own_sweep:.3f} s (2 threads), test RMSE {kept['bayes']['myfm']['lowrank_rmse']:.4f}",
         f"myFM: {rival_sweep:.2f} s (1 thread)", f"{ratio(rival_sweep, own_sweep)} times faster", "`bench/bayes.py`"],
        [f"20 best items for each of the {lists['users']:,} users of Gowalla", f"{lists['seconds']:.2f} s", f"implicit: {lists['rival']:.2f} s",
         f"{ratio(lists['rival'], lists['seconds'])} times faster", "`bench/recommend.py`"],
        ["test RMSE on ML-100K with default options, `sgd`", f"{own_rmse:.4f}", f"Surprise SVD: {rival_rmse:.4f}",
         f"{100 * (1 - own_rmse / rival_rmse):.1f} % less error", "`bench/quality.py`"]])


def main():
    kept = documents()
    readme = (ROOT / "README.md").read_text()
    shown = {
        "README.md": readme[:readme.index(BEGIN) + len(BEGIN)] + "\n" + lines(kept) + "\n" + readme[readme.index(END):],
        "docs/benchmarks.md": page(kept),
        "docs/benchmarks.svg": picture.beside_peers(speeds(kept), *accuracy(kept)),
        "bench/results/growth.svg": picture.growth(kept["growth"]["rows"]),
    }
    stale = [name for name, content in shown.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != content]
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"report.py: {', '.join(stale)}: not what bench/results holds; run bench/report.py" if stale else 0)
    for name in stale:
        (ROOT / name).write_text(shown[name])


if __name__ == "__main__":
    main()
