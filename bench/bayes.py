#!/usr/bin/env python3
"""Method `bayes` next to myFM (ML-1M, implicit features both ways) and next to SMURFF's Macau (ML-100K, features of films), and its figures on more data.

    bench/bayes.py [--quick] [--full]    writes build/bench/bayes.json and prints tables; all else should be quiet meanwhile; about 12 minutes
    bench/bayes.py --grid                the test RMSE of SMURFF by its model of noise

Seconds of a sweep are the median of a training of 8, the first left out; the programs take turns. A training of 330 sweeps, of which 300 count, gives
lowrank's RMSE, and with --full, half an hour on one thread, myFM's. ML-1M: the test ratings are every tenth of the shuffled ones. SMURFF and lowrank have the
same films' genres and decades, rank and number of sweeps, on the five parts of ML-100K and on a fifth of its films held out whole. Other data: nine tenths
to train on. A rival that cannot be installed is left out, and the table says why.
"""

import functools
import statistics
import sys

from harness import data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.myfm import Myfm
from rivals.smurff import Smurff

RANK, SAMPLES, BURN_IN = 32, 300, 30
SHORT = 8
MACAU = {"rank": 16, "samples": 100, "burn_in": 20}
# What lowrank is given besides the features of films: Macau is the model without implicit features.
OWN_MODELS = {"`bayes --implicit-features none`": {"implicit_features": "none"}, "`bayes`": {}}
OTHERS = {"insteval": "InstEval", "movietweetings": "MovieTweetings", "jester": "Jester, 2,000 users"}
USERS, ITEMS, RATINGS = 69_878, 10_677, 10_000_000


def own(train, rank=RANK, samples=SAMPLES, burn_in=BURN_IN, **options):
    summary = program.train(train, method="bayes", rank=rank, samples=samples, burn_in=burn_in, **options)
    sweeps = [epoch["seconds"] for epoch in summary["history"][1:]]
    return {"seconds": statistics.median(sweeps), "whole": summary["seconds"]["train"], "rmse": summary.get("test", {}).get("rmse")}


def beside_myfm(runs, full):
    """Seconds of a sweep, and the test RMSE."""
    train, test = data.movielens_1m("train"), data.movielens_1m("test")
    rival = Myfm()
    missing = rival.missing()
    calls = {("lowrank", threads): functools.partial(own, train, samples=SHORT, burn_in=0, threads=threads) for threads in dict.fromkeys([program.THREADS, 1])}
    if not missing:
        calls[rival.name, 1] = functools.partial(rival.run, "bayes", train=train, rank=RANK, samples=SHORT, burn_in=0)
    results = measure.alternate(calls, runs, warm_up=0)
    found = {"rank": RANK, "samples": SAMPLES, "burn_in": BURN_IN, "missing": missing,
             "rows": [{"program": name, "threads": threads, "seconds": measure.median(rows, "seconds")} for (name, threads), rows in results.items()]}
    found["lowrank_rmse"] = own(train, test=test)["rmse"]
    if full and not missing:
        found["rival_rmse"] = rival.run("bayes", train=train, test=test, rank=RANK, samples=SAMPLES, burn_in=BURN_IN)["rmse"]
    return found


def parts_of_100k():
    return {"mean of u1 .. u5": [(data.movielens_100k(part, "base"), data.movielens_100k(part, "test")) for part in range(1, 6)],
            "a fifth of the films new": [data.new_items("ml-100k")]}


def beside_smurff(quick):
    """Seconds of training and test RMSE with features of films, means over the parts."""
    rival = Smurff()
    missing = rival.missing()
    features = data.film_features("ml-100k")
    rows = []
    for name, parts in parts_of_100k().items():
        programs = {model: functools.partial(own, item_features=features, **MACAU, **options) for model, options in OWN_MODELS.items()}
        if not missing:
            programs["SMURFF Macau"] = lambda train, test: smurff(rival, train, test, features, rival.noise)
        for model, call in programs.items():
            results = [call(train, test=test) for train, test in (parts[:1] if quick else parts)]
            rows.append({"parts": "u1" if quick and len(parts) > 1 else name, "model": model, "seconds": statistics.mean(one["whole"] for one in results), "rmse": statistics.mean(one["rmse"] for one in results)})
            print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return {**MACAU, "missing": missing, "rows": rows}


def smurff(rival, train, test, features, noise):
    result = rival.run("macau", train=train, test=test, features=features, threads=program.THREADS, noise=noise, **MACAU)
    return {"whole": result["seconds"], "rmse": result["rmse"]}


def sets():
    return {"ML-100K, mean of u1 .. u5": parts_of_100k()["mean of u1 .. u5"], "ML-1M": [(data.movielens_1m("train"), data.movielens_1m("test"))],
            **{title: [data.nine_tenths(name)] for name, title in OTHERS.items()}}


def other_data():
    """Test RMSE and seconds of training with the defaults, and those of myFM where its matrices fit the memory: without implicit features."""
    rival = Myfm()
    missing = rival.missing()
    for name, parts in sets().items():
        results = [own(train, test=test) for train, test in parts]
        row = {"data": name, "seconds": statistics.mean(one["whole"] for one in results), "rmse": statistics.mean(one["rmse"] for one in results)}
        if not missing and name in OTHERS.values():
            row["rival"] = rival.run("factors", train=parts[0][0], test=parts[0][1], rank=10, samples=SAMPLES, burn_in=BURN_IN)
        yield row


def variants():
    """Test RMSE of the model with more and more of what is known: attributes, the day of the rating, a likelihood of steps."""
    both = {"ML-100K, u1, rank 10": (10, [data.movielens_100k(1, part, timed=True) for part in ("base", "test")],
                                     {"user_features": data.FOLDER / "ml-100k" / "u.user", "item_features": data.FOLDER / "ml-100k" / "u.item"}),
            "ML-1M, rank 32": (RANK, [data.movielens_1m(part, timed=True) for part in ("train", "test")],
                               {"user_features": data.FOLDER / "ml-1m" / "users.dat", "item_features": data.FOLDER / "ml-1m" / "movies.dat"})}
    timed = {"time": "day", "likelihood": "ordinal"}
    for name, (rank, (train, test), features) in both.items():
        for model, options in {"implicit features both ways": {}, "+ attributes": features, "+ day, ordinal": timed, "+ attributes, day, ordinal": {**features, **timed}}.items():
            yield {"data": name, "model": model, "rmse": own(train, rank=rank, test=test, **options)["rmse"]}


def intervals():
    """Shares of the test ratings within intervals, and CRPS: of the defaults, and with widths from a tenth of the training ratings."""
    for name, parts in sets().items():
        train, test = parts[0]
        for kind, options in {"normal": {}, "conformal": {"holdout": 0.1, "conformal": True}}.items():
            own(train, **options)
            figures = program.evaluate(program.MODEL, test)["calibration"]
            yield {"data": name.replace("mean of u1 .. u5", "u1"), "widths": kind, "crps": figures["crps"], "constant_crps": figures["constant_crps"],
                   "coverage": [one["share"] for one in figures["coverage"]]}


def sweeps():
    """Seconds of a sweep of larger trainings."""
    yield {"data": "ML-1M, rank 128", "seconds": own(data.movielens_1m("train"), rank=128, samples=SHORT, burn_in=0)["seconds"]}
    yield {"data": f"synthetic ratings, {RATINGS // 1_000_000} million, rank {RANK}",
           "seconds": own(data.synthetic(USERS, ITEMS, RATINGS), samples=SHORT, burn_in=0)["seconds"]}


def tables(document):
    beside, macau = document["myfm"], document["smurff"]
    own_rmse, rival_rmse = (f"{value:.4f}" if value else None for value in (beside["lowrank_rmse"], beside.get("rival_rmse")))
    rival = next((row for row in beside["rows"] if row["program"] != "lowrank"), {})
    rows = [[row["program"], row["threads"], f"{row['seconds']:.3f}", own_rmse if row["program"] == "lowrank" else rival_rmse,
             ratio(rival.get("seconds"), row["seconds"]) if row["program"] == "lowrank" else None] for row in beside["rows"]]
    parts = [table([f"ML-1M, rank {beside['rank']}, implicit features both ways", "threads", "seconds per sweep",
                    f"test RMSE of {beside['samples']} sweeps after {beside['burn_in']}", "times faster"], rows)]
    if not rival_rmse and rival:
        parts.append("The test RMSE of myFM is measured with `--full` only.")
    intervals_table = table(["intervals of `bayes`", "widths", "50 %", "80 %", "90 %", "95 %", "CRPS", "with one normal distribution"],
                            [[row["data"], row["widths"], *(f"{100 * share:.1f} %" for share in row["coverage"]), f"{row['crps']:.4f}",
                              f"{row['constant_crps']:.4f}"] for row in document["intervals"]])
    rows = [[row["parts"], row["model"], f"{row['seconds']:.2f}", f"{row['rmse']:.4f}"] for row in macau["rows"]]
    parts.append(table(["ML-100K with genres and decades of films", f"rank {macau['rank']}, {macau['samples']} sweeps after {macau['burn_in']}",
                        "seconds of training", "test RMSE"], rows))
    parts.append(table(["`bayes`, the defaults", "seconds of training", "test RMSE", "myFM, rank 10, without implicit features: seconds", "its test RMSE"],
                       [[row["data"], f"{row['seconds']:.1f}", f"{row['rmse']:.4f}",
                         *((f"{row['rival']['seconds']:.1f}", f"{row['rival']['rmse']:.4f}") if "rival" in row else (None, None))] for row in document["others"]]))
    parts.append(table(["`bayes` with", "test RMSE"], [[f"{row['data']}: {row['model']}", f"{row['rmse']:.4f}"] for row in document["variants"]]))
    parts.append(intervals_table)
    parts.append(table(["`bayes`", "seconds per sweep"], [[row["data"], f"{row['seconds']:.3f}"] for row in document["sweeps"]]))
    parts += [f"{rival}: left out, {found['missing']}." for rival, found in (("myFM", beside), ("SMURFF", macau)) if found["missing"]]
    return "\n\n".join(parts)


def main():
    given = arguments(__doc__, quick="one run, one part of ML-100K", full="the test RMSE of myFM as well", grid="the test RMSE of SMURFF by its model of noise")
    data.need("ml-1m", "ml-100k", "insteval", "movietweetings-100k", "jester-1")
    if given.grid:
        rival = Smurff()
        rival.prepare()
        train, test = parts_of_100k()["mean of u1 .. u5"][0]
        for noise in rival.grid:
            result = smurff(rival, train, test, data.film_features("ml-100k"), noise)
            print(f"{noise}: test RMSE {result['rmse']:.4f}", flush=True)
        return
    document = {"myfm": beside_myfm(1 if given.quick else 3, given.full), "smurff": beside_smurff(given.quick)}
    save("bayes", {**document, "others": list(other_data()), "variants": list(variants()), "intervals": list(intervals()), "sweeps": list(sweeps())}, tables)


if __name__ == "__main__":
    main()
