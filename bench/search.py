#!/usr/bin/env python3
"""Looks for the best options of a method on a set of ratings, on validation parts alone.

    bench/search.py RATINGS [--method sgd] [--folds 3] [--fixed "--rank 128"] [--grid learning-rate=.03,.045,.06] [--grid epochs=20,25,30] ...

Tenths of RATINGS are set aside in turn (by seed), each candidate is trained on the rest, and its RMSE on the tenths averaged. One option after another is
set to its best value, the others held, until a round changes nothing. The last line is the command's options. A test file never takes part.
"""

import argparse
import pathlib
import statistics
import tempfile

from harness import program


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings")
    parser.add_argument("--method", default="sgd")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--fixed", default="", help="options that stay as they are")
    parser.add_argument("--grid", action="append", default=[], metavar="OPTION=VALUE,VALUE,...",
                        help="candidates of one option; the first is where the search starts")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    grid = {name: values.split(",") for name, values in (entry.split("=") for entry in arguments.grid)}
    best = {name: values[0] for name, values in grid.items()}
    known = {}
    with tempfile.TemporaryDirectory() as folder:
        parts = [pathlib.Path(folder) / f"fold{fold}" for fold in range(arguments.folds)]
        for fold, part in enumerate(parts):
            program.lowrank("split", arguments.ratings, test=0.1, seed=fold + 1, output=part)

        def rmse(options):
            key = tuple(options.items())
            if key not in known:
                words = arguments.fixed.split() + program.flags(options)
                options = {"method": arguments.method, "output": f"{folder}/model"}
                known[key] = statistics.mean(program.train(f"{part}.train", *words, test=f"{part}.test", **options)["test"]["rmse"] for part in parts)
                print(f"{known[key]:.5f}  " + " ".join(words), flush=True)
            return known[key]

        for _ in range(arguments.rounds):
            before = dict(best)
            for name, values in grid.items():
                best[name] = min(values, key=lambda value: rmse({**best, name: value}))
            if best == before:
                break
        print(f"best: {rmse(best):.5f}  {arguments.fixed} " + " ".join(program.flags(best)))


if __name__ == "__main__":
    main()
