"""Updates of models: new ratings, users and items, removals, and what is forgotten."""

import lowrank
import numpy as np
import pytest
from conftest import short


def test_an_update_changes_what_it_touches_alone(method, ratings):
    model = short(method).fit(ratings)
    users, items = model.users_.copy(), model.items_.copy()
    factors, biases = model.user_factors_.copy(), model.user_biases_.copy()
    new_user, new_item = int(users.max()) + 1, int(items.max()) + 1
    result = model.update(([new_user, new_user, users[0]], [items[0], new_item, items[1]], [5, 4, 3]))
    assert result is model
    assert model.users_.tolist() == [*users.tolist(), new_user] and model.users_.dtype == users.dtype
    assert model.items_.tolist() == [*items.tolist(), new_item]
    assert model.summary_["new_users"] == model.summary_["new_items"] == 1
    assert np.isfinite(model.predict(new_user, new_item)).all()
    weights_alone = method in ("neighbours", "slim", "ease")
    if not weights_alone:
        np.testing.assert_array_equal(model.user_factors_[1:-1], factors[1:])
        np.testing.assert_array_equal(model.user_biases_[1:-1], biases[1:])
    model.forget(users=[new_user], items=new_item)
    assert model.users_.tolist() == users.tolist() and model.items_.tolist() == items.tolist()
    # Weights are learned anew, as in a training.
    assert "lineage" not in model.record_ if weights_alone else model.record_["lineage"]["updates"] == 2


def test_the_row_is_a_ridge_regression(ratings):
    model = lowrank.ALS(rank=3, epochs=4, regularization=0.1, biases=False).fit(ratings)
    items = model.items_[:6]
    values = np.array([1, 2, 3, 4, 5, 1.0])
    folded = model.fold_in((["x"] * 6, items, values))
    model.update((np.full(6, 10**6), items, values), sweeps=1)
    np.testing.assert_allclose(model.user_factors_[-1], folded.user_factors_[0], rtol=1e-5)


def test_removed_ratings_are_gone(ratings):
    users, items, _ = ratings
    model = lowrank.ALS(rank=3, epochs=3).fit(ratings)
    count = model.record_["ratings"]
    model.update(remove=(users[:2], items[:2]))
    assert model.summary_["removed"] == len({*zip(users[:2].tolist(), items[:2].tolist())})
    assert model.record_["ratings"] == count - model.summary_["removed"]
    with pytest.raises(lowrank.DataError, match="cannot be removed"):
        model.update(remove=(users[:1], items[:1]))
    with pytest.raises(lowrank.UnknownIdError, match="-5"):
        model.forget(users=-5)
    with pytest.raises(lowrank.OptionError, match="give users or items"):
        model.forget()


def test_partial_fit_fits_and_updates(ratings):
    users, items, values = ratings
    some = len(users) // 2
    model = lowrank.SGD(rank=3, epochs=3)
    model.partial_fit((users[:some], items[:some], values[:some]))
    first = model.record_["ratings"]
    with pytest.warns(lowrank.DataWarning, match="fit again"):
        model.partial_fit((users[some:], items[some:], values[some:]))
    assert model.record_["ratings"] > first and set(model.users_.tolist()) == set(users.tolist())


def test_a_model_without_values_asks_for_its_history(ratings):
    kept = lowrank.ALS(rank=3, epochs=3).fit(ratings)
    bare = lowrank.ALS(rank=3, epochs=3).fit(ratings, keep_values=False)
    news = ([kept.users_[0]], [kept.items_[3]], [2.5])
    with pytest.raises(lowrank.DataError, match="history"):
        bare.update(news)
    bare.update(news, history=ratings)
    kept.update(news)
    np.testing.assert_array_equal(bare.user_factors_, kept.user_factors_)
    np.testing.assert_array_equal(bare.item_factors_, kept.item_factors_)


def test_options(ratings):
    model = lowrank.ALS(rank=3, epochs=3).fit(ratings)
    news = ([model.users_[0]], [model.items_[3]], [2.5])
    for options in ({"sweeps": 0}, {"max_seconds": -1}, {"retrain_share": 0}, {"duplicates": "newest"}):
        with pytest.raises(lowrank.OptionError, match=next(iter(options))):
            model.update(news, **options)
    model.update(news, retrain=True)
    assert model.summary_["retrained"] and "lineage" not in model.record_


def test_tables_have_no_say_in_the_kind_of_ids(ratings):
    model = lowrank.ALS(rank=3, epochs=3).fit((["a", "b", "a"], ["x", "y", "y"], [1, 2, 3]))
    model.update((["c"], ["x"], [3]))
    assert model.users_.tolist() == ["a", "b", "c"]


def test_items_are_folded_in_as_users_are(ratings):
    model = lowrank.ALS(rank=3, epochs=4, regularization=0.1, biases=False).fit(ratings)
    users = model.users_[:6]
    values = np.array([1, 2, 3, 4, 5, 1.0], dtype=np.float32)
    folded = model.fold_in((users, ["x"] * 6, values), side="items")
    assert folded.items_.tolist() == ["x"] and folded.users_.tolist() == model.users_.tolist()
    model.update((users, np.full(6, 10**6), values), sweeps=1)
    assert folded.item_factors_.shape == (1, 3)
    # The users of the update have moved before the item was solved: solved once more against them, it is the same.
    again = model.fold_in((users, ["x"] * 6, values), side="items")
    np.testing.assert_allclose(model.item_factors_[-1], again.item_factors_[0], rtol=1e-5)
    with pytest.raises(lowrank.OptionError, match="side"):
        model.fold_in((users, ["x"] * 6, values), side="films")
