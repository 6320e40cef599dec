#!/usr/bin/env python3
"""Searches options of `implicit` on Gowalla by NDCG@20 on a held-out part, then trains the choice on train and valid and scores test once.

    bench/implicit_search.py [--rank 64] [--trials 60] [--seed 1] [--threads 2] [--hold-out last] [--no-test] [--near OPTIONS]

Test is what each user visited last: its items are closest to the end of the user's line in train, while those of valid come from all of it. So the
last fifth of every line of train is held out, and the rest of train and valid is trained on; with --hold-out valid, train is trained on and valid is
held out, as it is meant.

Prints a line for every setting tried, then the choice and its figures on test. The first third of the trials are drawn from the whole region, the others
near one of the best four so far; with --near, all of them near the options given, as one text, every one that is printed.
"""

import argparse
import math
import pathlib
import random
import tempfile

from harness import data, program

SOLVERS = [["exact"], ["cg", "--cg-steps", 1], ["cg", "--cg-steps", 2], ["cg", "--cg-steps", 3]]
# `size` is the regularization that a row of RATINGS ratings gets, where the other side has OTHERS rows. The option follows from it, the weight and
# the exponent.
RATINGS, OTHERS = 30, 36000


class Search:
    def __init__(self, folder, rank, threads, hold_out):
        self.rank, self.threads, self.model = rank, threads, folder / "model.safetensors"
        self.parts = {"train": data.gowalla("train"), "valid": data.gowalla("valid"), "both": data.gowalla("train", "valid"), "test": data.gowalla("test")}
        if hold_out == "last":
            lines = data.gowalla_lines("train")
            cuts = [1 + len(line[1:]) * 4 // 5 for line in lines]
            kept, held = folder / "kept.csv", folder / "held.csv"
            kept.write_text(data.pairs([*data.gowalla_lines("valid"), *(line[:cut] for line, cut in zip(lines, cuts))]))
            held.write_text(data.pairs(line[:1] + line[cut:] for line, cut in zip(lines, cuts)))
            self.parts |= {"train": kept, "valid": held}

    def train(self, part, setting):
        program.train(self.parts[part], *map(str, options(setting)), method="implicit", rank=self.rank, threads=self.threads, output=self.model)

    def evaluate(self, part):
        """recall@20 and NDCG@20."""
        figures = program.evaluate(self.model, self.parts[part], top=20, threads=self.threads)["ranking"]
        return figures["recall"], figures["ndcg"]


def options(setting):
    regularization = setting["size"] / (RATINGS + setting["weight"] * OTHERS) ** setting["exponent"]
    return ["--unobserved-weight", f"{setting['weight']:.3g}", "--regularization-exponent", setting["exponent"], "--regularization", f"{regularization:.3g}",
            "--observed-item-exponent", f"{setting['observed_item']:.2f}", "--unobserved-item-exponent", f"{setting['unobserved_item']:.2f}",
            "--unobserved-user-exponent", f"{setting['unobserved_user']:.2f}", "--solver", *setting["solver"], "--epochs", setting["epochs"]]


def setting_of(text):
    """The setting whose options() are this text."""
    words = text.split()
    value = {name: words[words.index("--" + name) + 1] for name in (word[2:] for word in words if word.startswith("--"))}
    weight, exponent = float(value["unobserved-weight"]), float(value["regularization-exponent"])
    steps = ["--cg-steps", value["cg-steps"]] if "cg-steps" in value else []
    return {"weight": weight, "exponent": exponent, "size": float(value["regularization"]) * (RATINGS + weight * OTHERS) ** exponent,
            "observed_item": float(value["observed-item-exponent"]), "unobserved_item": float(value["unobserved-item-exponent"]),
            "unobserved_user": float(value["unobserved-user-exponent"]), "solver": [value["solver"], *steps], "epochs": int(value["epochs"])}


def draw(random):
    return {"weight": math.exp(random.uniform(math.log(0.008), math.log(0.05))), "exponent": random.choice([0.75, 0.85, 1]),
            "size": math.exp(random.uniform(math.log(0.5), math.log(2.5))), "observed_item": random.uniform(-0.6, 0),
            "unobserved_item": random.uniform(-0.1, 0.4), "unobserved_user": random.uniform(0, 1), "solver": random.choice(SOLVERS),
            "epochs": random.choice([3, 4, 5, 6, 8])}


def near(random, setting):
    """A setting with at most one of the choices drawn anew, and the numbers moved a little."""
    fresh = draw(random)
    moved = {**setting, "weight": setting["weight"] * math.exp(random.gauss(0, 0.2)), "size": setting["size"] * math.exp(random.gauss(0, 0.15))}
    for name in ("observed_item", "unobserved_item", "unobserved_user"):
        moved[name] += random.gauss(0, 0.08)
    for name in random.sample(["exponent", "solver", "epochs"], random.randint(0, 1)):
        moved[name] = fresh[name]
    return moved


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--hold-out", choices=["last", "valid"], default="last")
    parser.add_argument("--near", type=setting_of, help="start from these options instead of any")
    parser.add_argument("--no-test", action="store_true", help="search alone; leave test for another run")
    arguments = parser.parse_args()
    draws = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        search = Search(pathlib.Path(folder), arguments.rank, arguments.threads, arguments.hold_out)
        tried = []
        for trial in range(arguments.trials):
            if not tried and arguments.near:
                setting = arguments.near
            elif trial < arguments.trials / 3 and not arguments.near:
                setting = draw(draws)
            else:
                setting = near(draws, draws.choice(tried[:4])[1])
            search.train("train", setting)
            recall, ndcg = search.evaluate("valid")
            print(*options(setting), f"held out: recall@20 {recall:.5f} ndcg@20 {ndcg:.5f}", flush=True)
            tried.append((ndcg, setting))
            tried.sort(key=lambda one: -one[0])
        _, setting = tried[0]
        print("chosen:", *options(setting))
        if arguments.no_test:
            return
        search.train("both", setting)
        recall, ndcg = search.evaluate("test")
        print(f"test recall@20 {recall:.4f} ndcg@20 {ndcg:.4f}")


if __name__ == "__main__":
    main()
