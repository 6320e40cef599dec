"""Streams: every event is first predicted, then learned."""

import json

import lowrank
import numpy as np
import pytest


def stream_of(count=800):
    random = np.random.default_rng(5)
    return random.integers(0, 40, count), random.integers(0, 30, count), random.integers(1, 6, count), np.arange(count)[::-1].copy()


def without_times(summary):
    return {name: value for name, value in summary.items() if name != "microseconds"}


def test_the_program_and_python_agree(program, tmp_path):
    stream = stream_of()
    path = tmp_path / "stream.csv"
    path.write_text("".join(f"{user},{item},{value},{time}\n" for user, item, value, time in zip(*stream)))
    for estimator, arguments, flags in (
        (lowrank.SGD(), {}, ["--method", "sgd"]),
        (lowrank.ALS(rank=8), {"warm": 0.5}, ["--method", "als", "--warm", 0.5, "--rank", 8]),
        (lowrank.Popular(), {"top": [1, 5]}, ["--method", "popular", "--top", "1,5"]),
    ):
        printed = json.loads(program("evaluate", "--prequential", path, "--quiet", "--json", "--window", 100, *flags).stdout)
        for ratings in (stream, str(path)):
            results = lowrank.evaluate_stream(estimator, ratings, window=100, **arguments)
            assert without_times(results.summary) == without_times(printed)
            assert results.figures == printed["figures"] and results.window == 100
            assert results.moving["events"][0] == 100 and len(results.moving["events"]) == len(printed["moving"])
            assert set(results.microseconds) == {"p50", "p99", "mean"}


def test_it_goes_on_from_a_model():
    users, items, values, times = stream_of()
    model = lowrank.ALS(rank=3).fit((users, items, values))
    results = lowrank.evaluate_stream(model, (users, items, values, times), from_model=True)
    assert results.summary["new_users"] == 0 and results.summary["method"] == "als"
    with pytest.raises(lowrank.OptionError):
        lowrank.evaluate_stream(model, (users, items, values, times), from_model=True, warm=0.5)


def test_what_is_refused():
    users, items, values, times = stream_of(50)
    with pytest.raises(lowrank.OptionError, match="slim cannot learn from the events of a stream"):
        lowrank.evaluate_stream(lowrank.SLIM(), (users, items, values, times))
    with pytest.raises(lowrank.OptionError, match="needs a timestamp"):
        lowrank.evaluate_stream(lowrank.SGD(), (users, items, values))
    with pytest.raises(lowrank.OptionError):
        lowrank.evaluate_stream(lowrank.SGD(), (users, items, values, times), warm=1)
    with pytest.raises(lowrank.DataError, match="estimator"):
        lowrank.evaluate_stream("sgd", (users, items, values, times))
