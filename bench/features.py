#!/usr/bin/env python3
"""Films that nobody has rated, known by genres and decades: `als` next to cmfrec's CMF, and `implicit` next to LightFM, on ML-1M.

    bench/features.py [--quick]    writes build/bench/features.json and prints tables; all else should be quiet meanwhile
    bench/features.py --grid       finds the rivals' options, on a fifth of the films that are left

A fifth of the films, drawn at random, is held out with all of its ratings: the RMSE of these, and the recall@20 among these films alone. Fitting is timed,
the data in memory. lowrank has its defaults; runs alternate, figures are medians. LightFM is compiled from its source; a rival that cannot be
installed is left out.
"""

import functools
import itertools
import json

from harness import WORK, data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.cmfrec import Cmfrec
from rivals.lightfm import Lightfm

TOP = 20
CMF_GRID = {"regularization": [1, 5, 25], "weight": [0.5, 5, 50]}
CMF = {"rank": 40, "epochs": 10}
WARP = {"rank": 64, "epochs": 30}


def own_rmse(train, test, features, **options):
    with_them = {"item_features": features} if features else {}
    summary = program.train(train, method="als", test=test, **with_them, **options)
    return {"seconds": summary["seconds"]["train"], "rmse": summary["test"]["rmse"]}


def own_recall(train, test, features):
    """Of the new films that a user rated, the share among the first 20 that are recommended of them."""
    seconds = program.train(train, method="implicit", rank=WARP["rank"], item_features=features)["seconds"]["train"]
    relevant = {}
    for user, item, _ in data.read(test):
        relevant.setdefault(user, set()).add(item)
    new = WORK / "new_films"
    new.write_text("".join(f"{item}\n" for item in sorted({item for items in relevant.values() for item in items})))
    lists = json.loads(program.lowrank("recommend", program.MODEL, "--all", "--json", items=new, unknown_items="skip", top=TOP)["output"])["users"]
    shares = [len(relevant[one["user"]] & {item["item"] for item in one["items"]}) / len(relevant[one["user"]]) for one in lists if one["user"] in relevant]
    return {"seconds": seconds, "recall": sum(shares) / len(shares)}


def find(files):
    """The rivals' figures by their options, within the ratings to train on."""
    cmfrec, lightfm = Cmfrec(), Lightfm()
    cmfrec.prepare()
    lightfm.prepare()
    for regularization, weight in itertools.product(*CMF_GRID.values()):
        result = cmfrec.run("with_features", **files, **CMF, threads=program.THREADS, regularization=regularization, weight=weight)
        print(f"cmfrec, lambda {regularization}, weight {weight}: RMSE {result['rmse']:.4f}", flush=True)
    for regularization in lightfm.grid:
        result = lightfm.run("lists", **files, **WARP, threads=program.THREADS, regularization=regularization, top=TOP)
        print(f"LightFM, regularization {regularization}: recall@{TOP} {result['recall']:.4f}", flush=True)


def compare(files, runs):
    cmfrec, lightfm = Cmfrec(), Lightfm()
    missing = {rival.name: why for rival in (cmfrec, lightfm) if (why := rival.missing())}
    calls = {"`als` without features": functools.partial(own_rmse, **{**files, "features": None}), "`als`": functools.partial(own_rmse, **files)}
    if cmfrec.name not in missing:
        calls["cmfrec CMF"] = functools.partial(cmfrec.run, "with_features", **files, **CMF, threads=program.THREADS, **cmfrec.of_features)
    calls["`implicit`"] = functools.partial(own_recall, **files)
    if lightfm.name not in missing:
        calls["LightFM WARP"] = functools.partial(lightfm.run, "lists", **files, **WARP, threads=program.THREADS, regularization=lightfm.regularization, top=TOP)
    results = measure.alternate(calls, runs, warm_up=0)
    rows = [{"model": name, "seconds": measure.median(found, "seconds"), "rmse": found[-1].get("rmse"), "recall": found[-1].get("recall")} for name, found in results.items()]
    return {"rows": rows, "missing": missing}


def tables(document):
    rows = {row["model"]: row for row in document["rows"]}
    parts = []
    for figure, title, own, rival in (("rmse", "test RMSE", "`als`", "cmfrec CMF"), ("recall", f"recall@{TOP}", "`implicit`", "LightFM WARP")):
        lines = [[name, f"{row['seconds']:.2f}", f"{row[figure]:.4f}", ratio(row["seconds"], rows[own]["seconds"]) if name == rival else None]
                 for name, row in rows.items() if row[figure] is not None]
        parts.append(table(["ML-1M, a fifth of the films without ratings", "seconds of training", title, "ratio"], lines))
    parts += [f"{name} is left out: {why}." for name, why in document["missing"].items()]
    return "\n\n".join(parts)


def main():
    given = arguments(__doc__, quick="one run", grid="the rivals' figures by their options, on a part of the training ratings")
    train, test = data.new_items("ml-1m")
    features = data.film_features("ml-1m")
    if given.grid:
        inner = data.new_items_of(train, "ml-1m.inner")
        find({"train": inner[0], "test": inner[1], "features": features})
        return
    save("features", compare({"train": train, "test": test, "features": features}, 1 if given.quick else 3), tables)


if __name__ == "__main__":
    main()
