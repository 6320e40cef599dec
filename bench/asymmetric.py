#!/usr/bin/env python3
"""Errors of `asymmetric` on MovieLens, next to those of `sgd`: the table of docs/methods/asymmetric.md.

    bench/asymmetric.py [--threads 2]

All methods have the options of that page, which were chosen on tenths of training parts alone; every test part is scored once.
"""

import argparse
import statistics

from harness import data, program

METHODS = {
    "sgd": ["--method", "sgd"],
    "asymmetric": ["--method", "asymmetric"],
    "asymmetric --user-factors": ["--method", "asymmetric", "--user-factors"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=program.THREADS)
    threads = parser.parse_args().threads
    sets = {
        "ML-100K, mean of u1..u5": [(data.movielens_100k(part, "base"), data.movielens_100k(part, "test")) for part in range(1, 6)],
        "ML-1M": [(data.movielens_1m("train"), data.movielens_1m("test"))],
    }
    for name, parts in sets.items():
        for method, options in METHODS.items():
            runs = [program.train(train, *options, test=test, threads=threads) for train, test in parts]
            rmse = statistics.mean(run["test"]["rmse"] for run in runs)
            seconds = statistics.mean(run["seconds"]["train"] for run in runs)
            print(f"{name:24} {method:26} RMSE {rmse:.4f}  {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
