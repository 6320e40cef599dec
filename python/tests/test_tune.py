"""Search over options."""

import json
import os
import signal
import subprocess
import sys
import threading

import lowrank
import numpy as np
import pytest


@pytest.fixture
def ratings():
    random = np.random.default_rng(3)
    users, items = random.integers(0, 50, 1200), random.integers(0, 30, 1200)
    taste = random.standard_normal((50, 2)) @ random.standard_normal((2, 30))
    return users, items, np.clip(np.round(3 + taste[users, items]), 1, 5)


def test_the_model_is_that_of_the_chosen_options(ratings, tmp_path):
    found = lowrank.tune(lowrank.SGD(), ratings, trials=6, seed=2)
    assert isinstance(found.model, lowrank.SGD)
    assert set(found.options) == {"rank", "epochs", "learning_rate", "regularization", "prior_ratings", "neighbours"}
    again = lowrank.SGD(**found.summary["options"]).fit(ratings)
    found.model.save(tmp_path / "tuned")
    again.save(tmp_path / "again")
    assert (tmp_path / "tuned").read_bytes() == (tmp_path / "again").read_bytes()
    full = [run["figure"] for run in found.trials if run["full"] and run["split"] == 0]
    assert min(full) <= found.trials[0]["figure"]
    assert found.summary["trials"] == 6


def test_the_program_gives_the_same(ratings, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("".join(f"{user},{item},{value:g}\n" for user, item, value in zip(*ratings)))
    program = [sys.executable, "-m", "lowrank", "tune", str(path), "-o", str(tmp_path / "shell"), "--trials", "5", "--methods", "sgd,baseline"]
    shell = subprocess.run([*program, "--json", "--quiet", "--trials-file", str(tmp_path / "a")], check=True, capture_output=True, text=True)
    found = lowrank.tune([lowrank.SGD(), lowrank.Baseline()], path, trials=5, trials_file=tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert json.loads(shell.stdout)["finalists"] == found.summary["finalists"]
    found.model.save(tmp_path / "python")
    assert (tmp_path / "python").read_bytes() == (tmp_path / "shell").read_bytes()


def test_spaces_and_what_is_wrong_with_them(ratings):
    found = lowrank.tune(lowrank.ALS(), ratings, trials=8, space={"rank": (2, 8), "regularization": (0.01, 1.0, "log"), "solver": ["exact", "cg"]})
    for run in found.trials[1:]:
        assert run["options"]["rank"] in (*range(2, 9), 128)
        assert run["options"]["solver"] in ("exact", "cg")
    for space, problem in [
        ({"rank": (8, 2)}, 'space: rank has the range "8..2", which is empty'),
        ({"rank": 3}, "space: rank: expected \\(low, high\\)"),
        ({"size": (1, 2)}, "space: size is not an option of a method of this search"),
        ("rank=", "space: rank has no values"),
    ]:
        with pytest.raises(lowrank.OptionError, match=problem):
            lowrank.tune(lowrank.ALS(), ratings, space=space)
    with pytest.raises(lowrank.OptionError, match="separator: is read only for a file of ratings"):
        lowrank.tune(lowrank.ALS(), ratings, separator=";")
    with pytest.raises(lowrank.OptionError, match="space: rank has values, but its value is stated"):
        lowrank.tune(lowrank.ALS(rank=4), ratings, space={"rank": (2, 8)})
    with pytest.raises(lowrank.DataError, match="estimators: expected estimators of lowrank, got str"):
        lowrank.tune("als", ratings)


def test_validation_test_and_callback(ratings):
    columns = list(zip(*ratings))
    train, held, test = columns[:800], columns[800:1000], columns[1000:]
    seen = []
    found = lowrank.tune(
        lowrank.ItemNeighbours(),
        tuple(map(list, zip(*train))),
        trials=4,
        validation=tuple(map(list, zip(*held))),
        test=tuple(map(list, zip(*test))),
        callback=seen.append,
    )
    assert found.summary["monitor"] == "ndcg@20"
    assert found.test is not None
    assert seen == found.trials
    assert {run["epochs"] for run in seen} == {0}


def test_a_test_file_is_opened_last(ratings, tmp_path):
    with pytest.raises(lowrank.FileError):
        lowrank.tune(lowrank.Baseline(), ratings, trials=2, test=tmp_path / "none.csv")
    late = tmp_path / "late.csv"

    def write(run):
        if run["split"] == 2:
            late.write_text("1,2,3\n")

    assert lowrank.tune(lowrank.Baseline(), ratings, trials=2, test=late, callback=write).test["ratings"] == 1


def test_interrupts_are_exceptions_and_the_search_goes_on_from_its_file(ratings, tmp_path):
    def interrupt(run):
        if run["trial"] == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lowrank.tune(lowrank.SGD(), ratings, trials=10, trials_file=tmp_path / "part", callback=interrupt)
    whole = lowrank.tune(lowrank.SGD(), ratings, trials=10, trials_file=tmp_path / "whole")
    part = lowrank.tune(lowrank.SGD(), ratings, trials=10, trials_file=tmp_path / "part")
    assert part.trials == whole.trials
    assert (tmp_path / "part").read_bytes() == (tmp_path / "whole").read_bytes()


def test_errors_in_a_callback_come_through(ratings):
    def fail(run):
        raise ZeroDivisionError("in the callback")

    with pytest.raises(ZeroDivisionError, match="in the callback"):
        lowrank.tune(lowrank.SGD(), ratings, trials=4, callback=fail)


def test_other_threads_go_on_meanwhile(ratings):
    turns = [0]
    ended = threading.Event()

    def count():
        while not ended.is_set():
            turns[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    lowrank.tune(lowrank.SGD(), ratings, trials=10)
    ended.set()
    thread.join()
    assert turns[0] > 100
