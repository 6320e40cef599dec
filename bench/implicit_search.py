#!/usr/bin/env python3
"""Searches options of `implicit` on Gowalla: trains on train, chooses by NDCG@20 on valid, trains the choice on both and scores test once.

    bench/implicit_search.py --data ../shared/data/lightgcn-gowalla [--rank 64] [--threads 2] [--around]

Prints a line for every setting tried, then the choice and its figures on test. `--around` searches near the documented recipe alone.
"""

import argparse
import gzip
import itertools
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# unobserved_weight, regularization_exponent, regularization. The last two go together: lambda (n + alpha0 m)^nu is to be of one size.
WEIGHTS = [0.005, 0.007, 0.01, 0.012, 0.015, 0.02]
REGULARIZATIONS = {0.5: [0.05, 0.1, 0.2], 0.75: [0.01, 0.015, 0.02, 0.04], 1: [0.001, 0.002, 0.003, 0.005]}
EPOCHS = [5, 6, 8]


class Search:
    def __init__(self, program, data, folder, rank, threads):
        self.program, self.folder, self.rank, self.threads = str(program), folder, rank, threads
        self.model = folder / "model.safetensors"
        parts = {name: gzip.open(data / f"{name}.txt.gz", "rt").read() for name in ("train", "valid", "test")}
        for name, text in {**parts, "both": parts["train"] + parts["valid"]}.items():
            # A user's line may have no item, which the format of the program does not allow.
            lines = [line for line in text.splitlines() if len(line.split()) > 1]
            (folder / name).write_text("\n".join(lines) + "\n")

    def run(self, *arguments):
        return json.loads(subprocess.run([self.program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout)

    def score(self, setting, train, test):
        weight, exponent, regularization, epochs = setting
        self.run("train", self.folder / train, "--format", "adjacency", "--method", "implicit", "--rank", self.rank, "--unobserved-weight", weight,
                 "--regularization-exponent", exponent, "--regularization", regularization, "--epochs", epochs, "--threads", self.threads,
                 "--output", self.model, "--quiet", "--json")
        return self.run("evaluate", self.model, self.folder / test, "--format", "adjacency", "--top", 20, "--threads", self.threads, "--json")


def figures(document):
    """recall@20 and NDCG@20, wherever the document holds them."""
    found = {}

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key.split("@")[0] in ("recall", "ndcg") and isinstance(value, (int, float)):
                    found[key.split("@")[0]] = value
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    return found["recall"], found["ndcg"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "lowrank")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--around", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        search = Search(arguments.program, arguments.data, pathlib.Path(folder), arguments.rank, arguments.threads)
        settings = [(weight, exponent, regularization, epochs) for exponent, choices in REGULARIZATIONS.items()
                    for weight, regularization, epochs in itertools.product(WEIGHTS, choices, EPOCHS)]
        if arguments.around:
            settings = list(itertools.product([0.01, 0.012, 0.015], [0.75], [0.015, 0.02], [5, 6]))
        tried = []
        for setting in settings:
            recall, ndcg = figures(search.score(setting, "train", "valid"))
            tried.append((ndcg, setting))
            print(*setting, f"valid recall@20 {recall:.4f} ndcg@20 {ndcg:.4f}", flush=True)
        _, best = max(tried)
        recall, ndcg = figures(search.score(best, "both", "test"))
        print("chosen: unobserved_weight {} regularization_exponent {} regularization {} epochs {}".format(*best))
        print(f"test recall@20 {recall:.4f} ndcg@20 {ndcg:.4f}")


if __name__ == "__main__":
    main()
