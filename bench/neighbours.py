#!/usr/bin/env python3
"""Compares item-item models: cosines of Gowalla's items and lists from them with irspack, implicit and similaripy, SLIM with irspack, EASE with numpy.

    bench/neighbours.py [--quick]     writes build/bench/neighbours.json and prints a table; all else should be quiet meanwhile

Training alone is timed, without reading and writing. The programs alternate; the figures are medians. Memory is the peak of the process, with the
ratings and, of the rivals, the interpreter.
"""

import statistics

from harness import WORK, data, measure, program
from harness.table import arguments, ratio, save, table
from rivals.implicit import Implicit
from rivals.irspack import Irspack
from rivals.numpy import Numpy
from rivals.similaripy import Similaripy

TOP = 20
NEIGHBOURS = 100
L1, L2 = 1.0, 10.0
RIDGE = 200.0
# Seconds after which SLIM of a rival is stopped.
LIMIT = 240


def own(file, method, **options):
    def run():
        summary = program.train(file, method=method, threads=program.THREADS, output=WORK / f"{method}.safetensors", **options)
        return {"seconds": [summary["history"][-1]["seconds"]], "bytes": summary["bytes"]}

    return run


def seconds(results, name="seconds"):
    return statistics.median(value for result in results for value in result[name])


def stopped(row):
    """Whether the rival was stopped before its end."""
    return row.get("stopped", False)


def tables(document):
    rows = [[row["what"], f"{row['seconds']:.2f}", rival, f"{'more than ' if stopped(row) else ''}{value:.2f}", f"{'> ' if stopped(row) else ''}{ratio(value, row['seconds'])}"]
            for row in document["rows"] for rival, value in row["rivals"].items()]
    return table(["what", "lowrank, seconds", "rival", "seconds", "ratio"], rows)


def main():
    given = arguments(__doc__, quick="one round, without SLIM")
    runs = 1 if given.quick else 5
    gowalla, movies = data.gowalla("train", "valid"), data.movielens_1m()
    irspack, implicit, similaripy, numpy = rivals = [Irspack(), Implicit(), Similaripy(), Numpy()]
    for rival in rivals:
        rival.prepare()
    common = {"file": gowalla, "neighbours": NEIGHBOURS, "threads": program.THREADS, "runs": 1}
    results = measure.alternate({"lowrank": own(gowalla, "neighbours", similarity="cosine", neighbours=NEIGHBOURS),
                                 irspack.name: lambda: irspack.run("cosine", **common), implicit.name: lambda: implicit.run("cosine", top=TOP, **common),
                                 similaripy.name: lambda: similaripy.run("cosine", **common)}, runs)
    rows = [{"what": f"cosine of Gowalla's items, top {NEIGHBOURS}", "seconds": seconds(results["lowrank"]),
             "rivals": {name: seconds(found) for name, found in results.items() if name != "lowrank"}}]
    lists = [program.call("recommend", TOP, program.THREADS, 3, WORK / "neighbours.safetensors") for _ in range(runs)]
    rows.append({"what": f"top {TOP} of all Gowalla users from these", "seconds": seconds(lists), "rivals": {implicit.name: seconds(results[implicit.name], "lists")}})
    results = measure.alternate({"lowrank": own(movies, "ease", regularization=RIDGE),
                                 numpy.name: lambda: numpy.run("ease", file=movies, regularization=RIDGE, threads=program.THREADS, runs=1)}, runs)
    rows.append({"what": "EASE of ML-1M", "seconds": seconds(results["lowrank"]), "rivals": {numpy.name: seconds(results[numpy.name])}})
    if not given.quick:
        results = measure.alternate({"lowrank": own(gowalla, "slim", l1=L1, l2=L2, candidates=0),
                                     irspack.name: lambda: irspack.run("slim", file=gowalla, l1=L1, l2=L2, threads=program.THREADS, runs=1, limit=LIMIT)}, 1, warm_up=0)
        rows.append({"what": "SLIM of Gowalla, all items", "seconds": seconds(results["lowrank"]), "rivals": {irspack.name: seconds(results[irspack.name])},
                     "stopped": results[irspack.name][0].get("stopped", False)})
    save("neighbours", {"top": TOP, "rows": rows}, tables)


if __name__ == "__main__":
    main()
