"""Bad input: an exception of the right type, with a sentence that names the argument."""

import re

import lowrank
import numpy as np
import pytest
from conftest import ROOT, short

GOOD = ([1, 2], [1, 2], [3, 4])


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (None, None, "X: expected ratings"),
        (7, None, "X: expected ratings"),
        ({}, None, "X: expected ratings"),
        ([], None, "X: expected ratings"),
        ((), None, "tuple"),
        (([1], [2]), None, "tuple"),
        (([1, 2], [1], [3, 4]), None, "equal lengths, not 2, 1 and 2"),
        (([1, 2], [1, 2], [3, np.nan]), None, "position 1: .* NaN"),
        (([1, 2], [1, 2], [3, np.inf]), None, "infinity"),
        (([1, 2], [1, 2], [3, 1e300]), None, "beyond 32 bits"),
        (([1, 2], [1, 2], ["a", "b"]), None, "values: expected numbers"),
        (([1, 2], [1, 2], [1j, 2]), None, "values: expected numbers"),
        (([1, 2], [1, 2], [[1], [2]]), None, "values: expected one dimension"),
        (([1.5, 2], [1, 2], [3, 4]), None, "users: .* integers or strings"),
        ((np.array([1.5, 2]), [1, 2], [3, 4]), None, "users: position 0: .* found 1.5"),
        ((np.array([np.nan, 2]), [1, 2], [3, 4]), None, "users: position 0: .* found nan"),
        ((np.array([True, False]), [1, 2], [3, 4]), None, "users: .* bool"),
        (([1, 2], np.array([1j, 2]), [3, 4]), None, "items: .* complex"),
        (([1, 2], [None, "a"], [3, 4]), None, "items: position 0: .* NoneType"),
        (([1, 2], ["", "a"], [3, 4]), None, "items: position 0: an empty id"),
        (([1, 2], ["b\n", "a"], [3, 4]), None, "items: position 0: a control character"),
        (([1, 2], ["\ud800", "a"], [3, 4]), None, "items: position 0: .* UTF-8"),
        ((np.zeros((2, 2)), [1, 2], [3, 4]), None, r"users: expected one dimension, got an array of shape \(2, 2\)"),
        (("ab", [1, 2], [3, 4]), None, "users: expected a column of ids, got str"),
        (np.zeros(3), None, "matrix of users x items"),
        (np.zeros((2, 2, 2)), None, "matrix of users x items"),
        (np.zeros((2, 3)), [1, 2], r"expected two columns, user and item, got an array of shape \(2, 3\)"),
        (np.zeros((2, 2), int), [1, 2, 3], "equal lengths"),
        ([[1, 2], [3]], [1, 2], "row 1: expected a user and an item"),
        (np.full((2, 2), np.nan), None, "no ratings to train on"),
        (np.array([[1, np.inf]]), None, "infinity"),
        (([], [], []), None, "no ratings to train on"),
        ("/nowhere/ratings.csv", None, "/nowhere/ratings.csv"),
    ],
)
def test_fit(X, y, words):
    with pytest.raises((lowrank.DataError, lowrank.FileError), match=words):
        short("sgd").fit(X, y)


def test_tables():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": [1, 2], "item": [1, 2], "stars": [1.0, None]})
    with pytest.raises(lowrank.DataError, match='no column "rating" for rating; it has: user, item, stars'):
        short("sgd").fit(frame)
    with pytest.raises(lowrank.DataError, match="rating: 1 of its values are missing"):
        short("sgd").fit(frame, columns=("user", "item", "stars"))
    with pytest.raises(lowrank.DataError, match='no role "stars"'):
        short("sgd").fit(frame, columns={"stars": "stars"})
    with pytest.raises(lowrank.DataError, match="columns: .* neither a table nor a file"):
        short("sgd").fit(GOOD, columns=("a", "b", "c"))


def test_content_of_files(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,3\n1,3,abc\n")
    with pytest.raises(lowrank.DataError, match=r"ratings.csv:2: .*abc"):
        short("sgd").fit(path)
    with pytest.raises(lowrank.DataError, match=r"ratings.csv:2"):
        lowrank.read_ratings(path)


def test_options():
    for name, value, words in [
        ("rank", -1, "rank: .*-1"),
        ("rank", 1.5, "rank: .*1.5"),
        ("rank", None, "rank: .*None"),
        ("rank", True, "rank: .*true"),
        ("rank", 10**30, "rank: "),
        ("learning_rate", -1, "learning_rate: must be above 0"),
        ("learning_rate", float("nan"), "learning_rate: "),
        ("schedule", "steep", "schedule: must be one of linear, constant"),
        ("biases", 3, "biases: must be true or false"),
        ("seed", -1, "seed: "),
    ]:
        model = lowrank.SGD(**{name: value})
        with pytest.raises(lowrank.OptionError, match=words) as caught:
            model.fit(GOOD)
        assert caught.value.option == name
        assert "--" not in str(caught.value)
    for name, value in [("threads", -1), ("threads", 1.5), ("threads", 10**9), ("validation", 1.5), ("validation", -0.1), ("monitor", "beauty"),
                        ("duplicates", "best"), ("format", "xml"), ("min_rating", "low"), ("refit", True)]:
        with pytest.raises(lowrank.Error, match=name if name not in ("duplicates", "format") else "best|xml|ratings"):
            short("sgd").fit("/nowhere" if name == "format" else GOOD, **{name: value})


@pytest.mark.parametrize(
    ("method", "options", "how", "words", "option"),
    [
        ("als", {"cg_steps": 5}, {}, 'cg_steps: is not read with solver="exact", only with solver="cg"', "cg_steps"),
        ("sgd", {"schedule": "constant", "update_order": "tutorial"}, {}, 'schedule: is not read with update_order="tutorial"', "schedule"),
        ("sgd", {"rank": 0, "initial_scale": 1.0}, {}, "initial_scale: is not read with rank=0", "initial_scale"),
        ("als", {"non_negative": True, "solver": "cg"}, {}, "solver: is not read with non_negative=True", "solver"),
        ("sgd", {"biases": False, "bias_regularization": "rating"}, {}, "bias_regularization: is not read with biases=False", "bias_regularization"),
        ("sgd", {"patience": 3}, {}, "patience: needs validation$", "patience"),
        ("sgd", {}, {"refit": True}, "refit: needs validation$", "refit"),
        ("sgd", {}, {"monitor": "mae"}, "monitor: needs validation$", "monitor"),
        ("implicit", {}, {"monitor": "rmse", "validation": 0.5}, "monitor: method implicit does not predict ratings and has no rmse", "monitor"),
        ("implicit", {}, {"clip": False}, "clip=False: is not an option of method implicit", "clip"),
        ("sgd", {}, {"clip": False, "min_rating": 1}, "min_rating: cannot be given together with clip=False", "min_rating"),
        ("sgd", {}, {"min_rating": 50}, "min_rating: 50 is above the highest rating, 4; give max_rating as well", "min_rating"),
        ("sgd", {}, {"implicit_values": True}, "implicit_values: is read only for a file", "implicit_values"),
        ("sgd", {}, {"format": "csv"}, "format: 'csv' is read only for a file", "format"),
    ],
)
def test_options_that_are_not_read(method, options, how, words, option):
    model = short(method, **options)
    with pytest.raises(lowrank.OptionError, match=words) as caught:
        model.fit(GOOD, **how)
    assert caught.value.option == option
    assert "--" not in str(caught.value) and "holdout" not in str(caught.value)


def test_options_at_their_defaults_are_never_refused(method):
    model = short(method)
    again = type(model)(**model.get_params())
    again.fit(GOOD)
    assert "only with" in (type(again).__doc__ or "") or method in ("popular", "ease", "slim")


def test_start_from_strangers():
    with pytest.raises(lowrank.OptionError, match="init: the model to start from has no user and no item in common"):
        short("sgd").fit(GOOD, init=short("sgd").fit((["a", "b"], ["x", "y"], [3, 4])))


def test_a_repeated_pair_is_named_by_its_ids():
    for users, items, words in [(["ann", "bob", "ann"], ["tea", "rum", "tea"], 'user "ann" rated item "tea" more than once'),
                                ([70, 80, 70], [900, 901, 900], 'user "70" rated item "900" more than once')]:
        with pytest.raises(lowrank.DataError, match=words):
            short("sgd").fit((users, items, [3, 4, 5]), duplicates="error")
        short("sgd").fit((users[:2], items[:2], [3, 4]), duplicates="error")


def test_splits_by_time_draw_nothing():
    with pytest.raises(lowrank.OptionError, match='seed: is not read with by="time"'):
        lowrank.split((*GOOD, [1, 2]), by="time", seed=4)


def test_questions():
    model = short("sgd").fit(GOOD)
    with pytest.raises(lowrank.UnknownIdError, match="users: the model does not know user \"x\""):
        model.recommend(["x"])
    with pytest.raises(lowrank.UnknownIdError, match="users: the model does not know users \"x\", \"3\""):
        model.recommend(["x", 3, 1, "x"])
    with pytest.raises(lowrank.UnknownIdError, match="items: the model does not know item \"9\""):
        model.recommend(items=[9])
    with pytest.raises(lowrank.UnknownIdError, match="exclude: the model does not know item \"9\""):
        model.recommend(exclude=[9])
    with pytest.raises(lowrank.UnknownIdError, match="items: "):
        model.similar_items(5)
    with pytest.raises(lowrank.OptionError, match="n: must be at least 1"):
        model.recommend(n=0)
    with pytest.raises(lowrank.OptionError, match="n: expected a whole number"):
        model.recommend(n=2.5)
    with pytest.raises(lowrank.OptionError, match="as_frame"):
        model.recommend(as_frame="excel")
    with pytest.raises(lowrank.DataError, match="equal lengths, not 2 and 1"):
        model.predict([1, 2], [1])
    with pytest.raises(lowrank.DataError, match="two columns"):
        model.predict(np.zeros((2, 3)))
    assert model.recommend(n=2**32 - 2, users=[1] * 2000).ids.shape == (2000, len(model.items_))


def test_unfitted(method):
    model = short(method)
    for question in (lambda: model.predict([1], [1]), model.recommend, model.similar_items, lambda: model.fold_in(GOOD),
                     lambda: model.score(GOOD), lambda: model.evaluate(GOOD), lambda: model.save("/tmp/x"), lambda: model.users_):
        with pytest.raises(lowrank.NotFittedError, match="not fitted yet"):
            question()
    assert not hasattr(model, "user_factors_")


def test_model_files(tmp_path):
    with pytest.raises(lowrank.FileError, match="nowhere"):
        lowrank.load("/nowhere")
    (tmp_path / "model").write_bytes(b"no model")
    with pytest.raises(lowrank.ModelFileError, match="model"):
        lowrank.load(tmp_path / "model")
    with pytest.raises(lowrank.FileError):
        short("sgd").fit(GOOD).save("/nowhere/model")


def test_every_type_of_the_library_is_a_class():
    header = (ROOT / "include" / "lowrank" / "base" / "error.h").read_text(encoding="utf-8")
    types = re.findall(r"^class (\w+) : public Error", header, re.MULTILINE)
    assert len(types) >= 7
    assert set(lowrank._core.error_names()) == {"Error", *types}
    for name in types:
        error = getattr(lowrank, name)
        assert issubclass(error, lowrank.Error)
        assert name in lowrank.__all__
        assert str(error("so it is")) == "so it is"


def test_options_are_spelled_as_in_python(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("1,2\n")
    with pytest.raises(lowrank.DataError, match="use implicit_values to read"):
        lowrank.SGD().fit(path)
    with pytest.raises(lowrank.OptionError, match='with update_order="tutorial"') as caught:
        lowrank.SGD(update_order="tutorial", prior_ratings=1).fit(GOOD)
    assert caught.value.option == "prior_ratings"


def test_types():
    for error in (lowrank.DataError, lowrank.OptionError, lowrank.UnknownIdError, lowrank.ModelFileError, lowrank.TrainingError,
                  lowrank.NotFittedError):
        assert issubclass(error, lowrank.Error) and issubclass(error, ValueError)
    assert issubclass(lowrank.FileError, OSError) and issubclass(lowrank.FileError, lowrank.Error)
