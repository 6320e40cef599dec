#!/usr/bin/env python3
"""Whether the defaults of each method carry over: on every data set, the validation figure of the defaults beside the best of a search of `lowrank tune`.

    bench/defaults.py [--trials 20] [--methods als,sgd] [--sets ml-100k,gowalla]

Of ratings nine tenths of each set are read (harness/data.py), in contexts four fifths; of Gowalla and ML-1M the training lines, of Last.fm all. A random tenth of what is read is
held out to choose on. The figure of a trial is that of the first inner split, which all trials share, after its full number of epochs. Ratings: RMSE, less
is better. Lists: NDCG@20, more is better. Writes build/bench/defaults.json after every search; with --go-on what that has is not searched again.
"""

import json

from context import KNOWN
from harness import WORK, data, program
from harness.table import arguments, save, table

OF_RATINGS = ("sgd", "als", "nmf", "asymmetric", "neighbours", "bayes", "baseline")
OF_LISTS = ("implicit", "bpr", "neighbours", "slim", "ease")
OF_CONTEXTS = ("context",)
LISTS = {"gowalla": lambda: data.gowalla("train"), "ml-1m-implicit": data.movielens_1m_implicit, "hetrec-lastfm": data.lastfm}
# What makes a method one of ratings.
FIXED = {("ratings", "neighbours"): "--similarity pearson"}
# Where a training takes minutes; and the ratings of Jester are below 0, too.
LEFT_OUT = {("bayes", "ml-1m"), ("slim", "gowalla"), ("ease", "gowalla"), ("ease", "hetrec-lastfm"), ("nmf", "jester")}
CONTEXTS = {"ldos-comoda": KNOWN, "depaulmovie": ["daytime", "location", "companion"]}
METHODS, SETS = OF_RATINGS + OF_CONTEXTS + OF_LISTS, [*data.RATED, *CONTEXTS, *LISTS]


def search(file, kind, name, method, trials):
    """The figures of the defaults and of the best trial, and what the search chose."""
    ranks = kind == "lists"
    log = WORK / "defaults.jsonl"
    log.unlink(missing_ok=True)
    options = {"monitor": "ndcg@20", "implicit_values": True} if ranks else {"monitor": "rmse"}
    if fixed := FIXED.get((kind, method)):
        options["fixed"] = fixed
    if kind == "contexts":
        options["contexts"] = ",".join(CONTEXTS[name])
    summary = json.loads(program.lowrank("tune", file, "--quiet", "--json", methods=method, trials=trials, trials_file=log, output=program.MODEL, **options)["output"])
    runs = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    whole = {run["trial"]: run["figure"] for run in runs if run.get("full") and run["split"] == 0 and run["figure"] is not None}
    if 1 not in whole:
        raise SystemExit(f"{method} on {file}: the training with the defaults failed")
    best = (max if ranks else min)(whole, key=whole.get)
    chosen = next(run["options"] for run in runs if run.get("trial") == best)
    default = next(run["options"] for run in runs if run.get("trial") == 1)
    gain = (whole[best] / whole[1] - 1) if ranks else (1 - whole[best] / whole[1])
    return {"default": whole[1], "best": whole[best], "gain": gain, "options": {name: value for name, value in chosen.items() if value != default[name]},
            "seconds": summary["seconds"]["search"]}


def tables(document):
    lines = []
    for kind, figure in (("ratings", "RMSE"), ("contexts", "RMSE"), ("lists", "NDCG@20")):
        rows = [[f"`{row['method']}`", row["data"], f"{row['default']:.4f}", f"{row['best']:.4f}", f"{100 * row['gain']:.1f} %",
                 " ".join(f"--{name.replace('_', '-')} {value}" for name, value in row["options"].items())] for row in document[kind]]
        lines.append(table(["method", "data", f"{figure} of the defaults", f"best of {document['trials']} trials", "better by", "options that differ"], rows))
    return "\n\n".join(lines)


def main():
    given = arguments(__doc__, trials={"type": int, "default": 20}, methods={"default": ",".join(dict.fromkeys(METHODS))},
                      sets={"default": ",".join(SETS)}, go_on="keep the searches that build/bench/defaults.json has")
    methods, sets = given.methods.split(","), given.sets.split(",")
    if unknown := {*methods} - {*METHODS} | {*sets} - {*SETS}:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}")
    document = {"trials": given.trials, "ratings": [], "contexts": [], "lists": []}
    if given.go_on:
        before = json.loads((WORK / "defaults.json").read_text())
        document = {name: before.get(name, document[name]) for name in document}
    done = {(kind, row["method"], row["data"]) for kind in ("ratings", "contexts", "lists") for row in document[kind]}
    jobs = [("ratings", name, method, lambda name=name: data.nine_tenths(name)[0]) for name in data.RATED for method in OF_RATINGS]
    jobs += [("contexts", name, method, lambda name=name: data.folds_by_pair(name)[0][0]) for name in CONTEXTS for method in OF_CONTEXTS]
    jobs += [("lists", name, method, file) for name, file in LISTS.items() for method in OF_LISTS]
    for kind, name, method, file in jobs:
        if name in sets and method in methods and (method, name) not in LEFT_OUT and (kind, method, name) not in done:
            document[kind].append({"method": method, "data": name, **search(file(), kind, name, method, given.trials)})
            save("defaults", document, lambda _: "")
    places = [(kind, method, name) for kind, name, method, _ in jobs]
    for kind in ("ratings", "contexts", "lists"):
        document[kind].sort(key=lambda row: places.index((kind, row["method"], row["data"])))
    save("defaults", document, tables)


if __name__ == "__main__":
    main()
