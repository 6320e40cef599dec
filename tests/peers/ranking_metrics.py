#!/usr/bin/env python3
"""Holds the ranking metrics of `lowrank evaluate --top` against three programs of others, pytrec_eval (trec_eval), ranx and RecTools, on lists
that `lowrank recommend` gives.

    ranking_metrics.py PROGRAM ROOT BUILD

Ends with 77 (skipped) where pytrec_eval or ranx are missing; scripts/install-packages lays them into build/python. RecTools, which wants other
packages than they do, gets an environment of its own, or is left out with the reason. What is relevant and who is judged is found here from the files
alone. Lists are handed over with their places as scores, so that ties cannot be broken differently. All three divide the average precision by the
number of relevant items; theirs is rescaled to min(K, relevant).
"""

import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

# Compiling ranx takes longer than running it as it stands.
os.environ["NUMBA_DISABLE_JIT"] = "1"
from peers import SKIPPED, python_with

try:
    import pytrec_eval
    import ranx
except ImportError as error:
    print(f"skipped: {error}; scripts/install-packages test installs what is missing")
    sys.exit(SKIPPED)

TOPS = [1, 5, 20, 100]
TREC = {"recall": "recall_{}", "precision": "P_{}", "ndcg": "ndcg_cut_{}", "map": "map_cut_{}", "hit_rate": "success_{}"}
RANX = {name: name for name in ["recall", "precision", "ndcg", "map", "mrr", "hit_rate"]}


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def triples(path):
    for line in path.read_text().splitlines():
        user, item, value = line.replace(",", " ").split()[:3]
        yield user, item, float(value)


def relevant_items(train, test, relevant_from):
    rated = {(user, item) for user, item, _ in triples(train)}
    relevant = {}
    for user, item, value in triples(test):
        if (user, item) not in rated and (relevant_from is None or value >= relevant_from):
            relevant.setdefault(user, set()).add(item)
    return relevant


def lists_of(program, model, users, folder):
    ids = folder / "users"
    ids.write_text("".join(f"{user}\n" for user in users))
    document = json.loads(run(program, "recommend", model, "--users", ids, "--top", max(TOPS), "--unknown", "popular", "--json"))
    return {entry["user"]: [item["item"] for item in entry["items"]] for entry in document["users"]}


def by_trec(relevant, lists, top):
    run_ = {user: {item: -float(place) for place, item in enumerate(items[:top])} for user, items in lists.items()}
    # A user whose list is empty would be left out.
    for items in run_.values():
        items.setdefault("\n nothing", -1e6)
    judged = {user: {item: 1 for item in items} for user, items in relevant.items()}
    measures = {name.format(top) for name in TREC.values()} | {"recip_rank"}
    found = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(run_)
    scores = {name: {user: found[user][measure.format(top)] for user in relevant} for name, measure in TREC.items()}
    scores["mrr"] = {user: found[user]["recip_rank"] for user in relevant}
    return scores


def by_ranx(relevant, lists, top):
    users = list(relevant)
    judged = ranx.Qrels({user: {item: 1 for item in relevant[user]} for user in users})
    run_ = ranx.Run({user: {item: -float(place) for place, item in enumerate(lists[user] or ["\n nothing"])} for user in users})
    found = ranx.evaluate(judged, run_, [f"{measure}@{top}" for measure in RANX.values()], return_mean=False)
    order = {user: n for n, user in enumerate(run_.keys())}
    return {name: {user: found[f"{measure}@{top}"][order[user]] for user in users} for name, measure in RANX.items()}


#: The interpreter that has RecTools, under its name; set by main().
INTERPRETERS = {"rectools": None}


def means_by_rectools(train, relevant, lists):
    trained = sorted({(user, item) for user, item, _ in triples(train)})
    task = json.dumps({"trained": trained, "relevant": {user: sorted(items) for user, items in relevant.items()}, "lists": lists, "tops": TOPS})
    command = [INTERPRETERS["rectools"], "-W", "ignore", pathlib.Path(__file__).with_name("rectools_metrics.py")]
    result = subprocess.run(list(map(str, command)), input=task, check=True, stdout=subprocess.PIPE, text=True)
    return {int(top): means for top, means in json.loads(result.stdout).items()}


def check(name, program, model, train, test, folder, relevant_from=None):
    """Compares every metric for every length; ends the program where one differs."""
    relevant = relevant_items(train, test, relevant_from)
    lists = lists_of(program, model, sorted(relevant), folder)
    stated = [] if relevant_from is None else ["--relevant-from", relevant_from]
    own = json.loads(run(program, "evaluate", model, test, "--top", ",".join(map(str, TOPS)), *stated, "--beyond-accuracy", "--json"))["ranking"]
    theirs = means_by_rectools(train, relevant, lists) if INTERPRETERS["rectools"] else {}
    for scores in own:
        top = scores["top"]
        for metric, mean in theirs.get(top, {}).items():
            assert abs(mean - scores[metric]) < 1e-9, f"{name}: {metric}@{top} is {scores[metric]}, RecTools says {mean}"
        assert scores["users"] == len(relevant), f"{name}: {scores['users']} users instead of {len(relevant)}"
        for peer, judge in [("pytrec_eval", by_trec), ("ranx", by_ranx)]:
            for metric, of_user in judge(relevant, lists, top).items():
                if metric == "map":
                    of_user = {user: value * len(relevant[user]) / min(top, len(relevant[user])) for user, value in of_user.items()}
                mean = sum(of_user.values()) / len(of_user)
                assert abs(mean - scores[metric]) < 1e-9, f"{name}: {metric}@{top} is {scores[metric]}, {peer} says {mean}"
    print(f"{name}: {len(relevant)} users, lists of {TOPS}, ndcg@20 {own[2]['ndcg']:.4f}")


def random_case(program, folder, seed):
    """Random ratings; tested with repeats, pairs of the training file, and users and items that it does not have."""
    chance = random.Random(seed)
    items = chance.choice([30, 150, 400])
    train, test, model = folder / "train.csv", folder / "test.csv", folder / "model"
    pairs = {(f"u{chance.randrange(200)}", f"i{min(chance.randrange(items), chance.randrange(items))}") for _ in range(3000)}
    train.write_text("".join(f"{user},{item},{chance.randint(1, 5)}\n" for user, item in sorted(pairs)))
    tested = [(f"u{chance.randrange(230)}", f"i{chance.randrange(items + 20)}") for _ in range(1200)] + chance.sample(sorted(pairs), 100)
    test.write_text("".join(f"{user},{item},{chance.randint(1, 5)}\n" for user, item in tested))
    run(program, "train", train, "--output", model, "--rank", chance.choice([0, 3, 20]), "--epochs", 3, "--seed", seed, "--quiet")
    check(f"random {seed}", program, model, train, test, folder)
    check(f"random {seed}, relevant from 4", program, model, train, test, folder, 4)


def first_users(path, count):
    """Cuts a file down to the ratings of the users that come first in it."""
    users, lines = {}, []
    for line in path.read_text().splitlines():
        user = line.split()[0]
        if len(users) < count or user in users:
            users[user] = True
            lines.append(line)
    path.write_text("\n".join(lines) + "\n")


def films(program, root, folder):
    """The ratings that come with the project."""
    run(program, "split", root / "examples" / "data" / "ratings.dat.gz", "--test", "0.2", "--output", folder / "films")
    train, test, model = folder / "films.train", folder / "films.test", folder / "model"
    first_users(test, 1500)
    run(program, "train", train, "--output", model, "--rank", 8, "--epochs", 5, "--quiet")
    check("films", program, model, train, test, folder)
    check("films, relevant from 8", program, model, train, test, folder, 8)


def places(program, root, folder):
    """Gowalla, where it is there."""
    data = pathlib.Path(os.environ.get("LOWRANK_DATA", root.parent / "shared" / "data")) / "lightgcn-gowalla"
    if not data.is_dir():
        print("Gowalla: not here")
        return
    files = {}
    for part in ["train", "test"]:
        files[part] = folder / f"gowalla.{part}"
        with gzip.open(data / f"{part}.txt.gz", "rt") as lines:
            files[part].write_text("".join(f"{line.split()[0]} {item} 1\n" for line in lines for item in line.split()[1:]))
    first_users(files["test"], 1500)
    run(program, "train", files["train"], "--output", folder / "model", "--method", "implicit", "--rank", 16, "--epochs", 2,
        "--quiet")
    check("Gowalla", program, folder / "model", files["train"], files["test"], folder)


def main():
    program, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    INTERPRETERS["rectools"] = python_with(sys.argv[3], "rectools", "rectools==0.19.0")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for seed in range(6):
            random_case(program, folder, seed)
        films(program, root, folder)
        places(program, root, folder)


if __name__ == "__main__":
    main()
