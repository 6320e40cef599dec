"""Splits and folds by time, and cross-validation."""

import datetime
import json
import warnings

import lowrank
import numpy as np
import pytest
from conftest import short

TIMES = 978300000 + np.arange(3000) * 7919 % 10007


def columns_of(part):
    return [np.asarray(column).tolist() for column in part]


def test_splits_are_those_of_the_program(ratings, program, tmp_path):
    path = tmp_path / "timed.csv"
    path.write_text("".join(f"{user},{item},{value},{time}\n" for user, item, value, time in zip(*ratings, TIMES)))
    whole = lowrank.read_ratings(path)
    moment = int(np.sort(TIMES)[2500])
    cases = [
        (["--by", "last", "--last", 2, "--last-validation", 1], {"by": "last", "last": 2, "last_validation": 1}, ("train", "valid", "test")),
        (["--by", "global-time", "--test", 0.2], {"by": "global-time", "test": 0.2}, ("train", "test")),
        (["--by", "global-time", "--at", moment], {"by": "global-time", "at": moment}, ("train", "test")),
    ]
    for flags, arguments, names in cases:
        program("split", path, "--quiet", "--output", tmp_path / "part", *flags)
        parts = lowrank.split(whole, **arguments)
        assert len(parts) == len(names)
        for part, name in zip(parts, names):
            expected = lowrank.read_ratings(tmp_path / f"part.{name}")
            assert columns_of(part) == columns_of(expected) and part.times.tolist() == expected.times.tolist()
    for by in ("random", "user", "last", "global-time"):
        seed = ["--seed", 7] if by in ("random", "user") else []
        program("split", path, "--quiet", "--output", tmp_path / "fold", "--folds", 3, "--by", by, *seed)
        for at, (train, test) in enumerate(lowrank.split(whole, folds=3, by=by, seed=7 if seed else 1), 1):
            assert columns_of(train) == columns_of(lowrank.read_ratings(tmp_path / f"fold.{at}.train"))
            assert columns_of(test) == columns_of(lowrank.read_ratings(tmp_path / f"fold.{at}.test"))


def test_windows_of_time_are_those_of_scikit_learn():
    model_selection = pytest.importorskip("sklearn.model_selection")
    times = np.random.default_rng(3).permutation(1003) + 978300000
    users, items = np.arange(1003) % 50, np.arange(1003)
    order = np.argsort(times)
    for count in (2, 4, 7):
        expected = model_selection.TimeSeriesSplit(n_splits=count).split(order)
        for (train, test), (before, window) in zip(lowrank.split((users, items, items, times), by="global-time", folds=count), expected):
            assert sorted(train[1]) == sorted(items[order[before]]) and sorted(test[1]) == sorted(items[order[window]])


def test_moments_of_every_kind():
    times = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="M8[D]")
    moments = ["2020-01-02", datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2), np.datetime64("2020-01-02"),
               datetime.datetime(2020, 1, 2, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), 1577923200 * 10**6]
    for at in moments:
        train, test = lowrank.split(([1, 2, 1], [1, 2, 3], [1, 2, 3], times), by="global-time", at=at)
        assert train[1].tolist() == [1] and test[1].tolist() == [2, 3]
    with pytest.raises(lowrank.OptionError, match="at: no rating is at or after 2021-01-01"):
        lowrank.split(([1, 2, 1], [1, 2, 3], [1, 2, 3], times), by="global-time", at="2021-01-01")
    for wrong in (object(), [1]):
        with pytest.raises(lowrank.OptionError, match="at: expected a date or a number"):
            lowrank.split(([1, 2, 1], [1, 2, 3], [1, 2, 3], times), by="global-time", at=wrong)


def test_what_splits_do_not_read(ratings):
    for arguments, message in (({"by": "last", "test": 0.2}, "test: is not read with by=\"last\""), ({"last": 2}, "last: needs by=\"last\""),
                               ({"at": 5}, "at: needs by=\"global-time\""), ({"folds": 3, "validation": 0.1}, "validation: is not read with folds"),
                               ({"folds": 3, "by": "time"}, "by: time has no folds"), ({"folds": 1}, "folds: must be at least 2")):
        with pytest.raises(lowrank.OptionError, match=message):
            lowrank.split((*ratings, TIMES), **arguments)


def test_shared_pairs_are_told():
    with pytest.warns(lowrank.DataWarning, match="1 pair of a user and an item"):
        lowrank.split(([1, 1, 1], [2, 2, 3], [4, 4, 1]), folds=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lowrank.split(([1, 1, 1], [2, 4, 3], [4, 4, 1]), folds=3)


@pytest.mark.parametrize("name", ["sgd", "als", "popular"])
def test_figures_are_those_of_fits_and_of_the_program(name, ratings, ratings_file, program):
    top = None if name == "als" else [5]
    model = short(name)
    results = lowrank.cross_validate(model, ratings, folds=3, by="user", fold_seed=4, top=top, threads=1)
    for at, (train, test) in enumerate(lowrank.split(ratings, folds=3, by="user", seed=4)):
        figures = short(name).fit(train).evaluate(test, top=top)
        expected = {metric: figures[metric] for metric in ("rmse", "mae") if metric in figures}
        expected |= {f"{metric}@5": value for metric, value in figures.get("ranking", {5: {}})[5].items() if f"{metric}@5" in results.names}
        assert dict(zip(results.names, results.scores[at])) == expected and len(expected) > 1
    flags = [flag for key, value in model.get_params().items() if key in ("rank", "epochs") for flag in (f"--{key}", value)]
    lists = ["--top", 5] if top else []
    printed = json.loads(program("cv", ratings_file, "--method", name, *flags, "--folds", 3, "--by", "user", "--fold-seed", 4, *lists,
                                 "--json", "--quiet").stdout)
    assert printed["figures"] == results.summary["figures"]
    np.testing.assert_allclose([results.mean[one] for one in results.names], results.scores.mean(axis=0))
    np.testing.assert_allclose([results.sd[one] for one in results.names], results.scores.std(axis=0, ddof=1))
    assert all(low <= results.pooled[one] <= high for one, (low, high) in results.interval.items())
    frame = results.as_frame()
    assert frame.figure.tolist() == list(results.names) and frame.fold_2.tolist() == results.scores[1].tolist()
    assert not hasattr(model, "users_") or model._model is None
    assert repr(results).startswith(f"CrossValidated({name}, 3 folds by user")


def test_forms_of_ratings_are_one(ratings, ratings_file, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(dict(zip(("user", "item", "rating"), ratings))).assign(time=TIMES)
    whole = lowrank.Ratings(*ratings, TIMES)
    timed = ((*ratings, TIMES), frame, whole)
    for by, forms in (("random", (ratings, frame, whole, ratings_file)), ("global-time", timed), ("last", timed)):
        found = [lowrank.cross_validate(lowrank.Baseline(), form, folds=3, by=by) for form in forms]
        assert all(one.mean == found[0].mean for one in found)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix((ratings[2], (ratings[0], ratings[1])))
    assert lowrank.cross_validate(lowrank.Baseline(), sparse, folds=3).scores.shape == (3, 2)
    for by in ("last", "global-time"):
        with pytest.raises(lowrank.DataError, match="timestamp"):
            lowrank.cross_validate(lowrank.Baseline(), ratings, by=by)
    path = tmp_path / "frame.parquet"
    pytest.importorskip("pyarrow")
    frame.to_parquet(path)
    assert lowrank.cross_validate(lowrank.Baseline(), path, folds=3, by="global-time").folds[0]["from"] > 978300000


def test_a_search_within_each_fold_is_the_one_of_tune(ratings):
    search = {"trials": 5, "space": {"user_damping": (1, 40, "log")}, "seed": 3}
    results = lowrank.cross_validate(lowrank.Baseline(), ratings, folds=2, tune=search)
    assert [fold["trials"] for fold in results.folds] == [5, 5]
    users, items, values = (np.asarray(column) for column in ratings)
    (train, test), _ = lowrank.split((users, items, values), folds=2)
    found = lowrank.tune(lowrank.Baseline(), train, **search)
    assert results.folds[0]["options"]["user_damping"] == found.model.user_damping
    np.testing.assert_allclose(results.scores[0, 0], found.model.evaluate(test)["rmse"], atol=1e-12)
    assert results.scores.tobytes() == lowrank.cross_validate(lowrank.Baseline(), ratings, folds=2, tune=search, threads=1).scores.tobytes()


def test_what_cross_validation_refuses(ratings):
    model = lowrank.Baseline()
    for arguments, message in (({"folds": 1}, "folds: must be at least 2"), ({"by": "time"}, "by: time has no folds"), ({"by": "x"}, "by: must be"),
                               ({"top": 0}, "top: must be at least 1"), ({"relevant_from": 3}, "relevant_from: needs top"),
                               ({"interval": 1}, "interval: must be"), ({"validation": 1}, "validation: the share"), ({"refit": True}, "refit: needs"),
                               ({"separator": ";"}, "separator: is read only"), ({"threads": -1}, "threads"), ({"top": "5"}, "top: expected whole numbers"),
                               ({"duplicates": "no"}, "duplicates"),
                               ({"tune": 30}, "tune: expected a mapping"), ({"tune": {"trial": 3}}, "tune: expected a mapping"),
                               ({"tune": {"trials": 3}, "validation": 0.1}, "holdout: is not read with tune|validation")):
        with pytest.raises(lowrank.OptionError, match=message):
            lowrank.cross_validate(model, ratings, **arguments)
    with pytest.raises(lowrank.OptionError, match="fold_seed: is not read with by=\"last\""):
        lowrank.cross_validate(model, (*ratings, TIMES), by="last", fold_seed=2)
    with pytest.raises(lowrank.DataError, match="estimator: expected an estimator of lowrank"):
        lowrank.cross_validate("sgd", ratings)
