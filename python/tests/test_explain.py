"""Explanations: sums over a history, against a dense solution, and what they say where there is none."""

import lowrank
import numpy as np
import pytest
from conftest import short


def given(ratings, user):
    users, items, values = ratings
    return items[users == user], values[users == user]


def test_terms_add_up_to_the_score_of_a_folded_in_user(ratings):
    model = lowrank.ALS(rank=5, epochs=3, regularization=0.1, prior_ratings=2, bias_regularization="factors").fit(ratings)
    user = ratings[0][0]
    items, values = given(ratings, user)
    guests = model.fold_in((np.full(len(items), user), items, values))
    asked = model.items_[[0, 7, 30]]
    for why, item in zip(guests.explain(user, asked, n=100), asked):
        assert why.kind == "sum" and why.other_items == 0 and why.others == 0
        np.testing.assert_allclose(why.base + why.contributions.sum(), why.explained, rtol=1e-12)
        np.testing.assert_allclose(why.explained, why.score, atol=1e-4)
        assert sorted(why.ids.tolist()) == sorted(items.tolist())
        np.testing.assert_array_equal(why.values, [values[items == one][0] for one in why.ids])
        assert (np.diff(why.contributions) <= 0).all()
        some = guests.explain(user, item, n=2)
        np.testing.assert_array_equal(some.ids, why.ids[:2])
        np.testing.assert_allclose(some.others, why.contributions[2:].sum(), atol=1e-12)
        assert some.other_items == len(items) - 2


def test_terms_are_those_of_hu_koren_and_volinsky(ratings):
    """implicit: A = alpha0 Y'Y + Y_S' Y_S + ridge, and what an item adds is y' A^-1 y_j."""
    users, items, values = ratings
    model = lowrank.ImplicitALS(
        rank=4, epochs=3, regularization=0.3, regularization_exponent=0, unobserved_weight=0.2, unobserved_user_exponent=0
    ).fit((users, items, np.ones_like(values)))
    user = users[5]
    own = np.unique(items[users == user])
    place = {item: row for row, item in enumerate(model.items_.tolist())}
    y = model.item_factors_.astype(float)
    mine = y[[place[item] for item in own.tolist()]]
    matrix = 0.2 * y.T @ y + mine.T @ mine + 0.3 * np.eye(4)
    why = model.explain(user, model.items_[3], n=1000)
    expected = mine @ np.linalg.solve(matrix, y[3])
    found = dict(zip(why.ids.tolist(), why.contributions.tolist()))
    np.testing.assert_allclose([found[item] for item in own.tolist()], expected, atol=1e-5)
    assert why.base == 0 and np.isnan(why.values).all()
    np.testing.assert_allclose(why.explained, expected.sum(), atol=1e-5)
    np.testing.assert_allclose(why.score, model.user_factors_[model.users_.tolist().index(user)] @ model.item_factors_[3], atol=1e-5)


def test_every_method_explains_or_says_why_not(method, ratings):
    model = short(method).fit(ratings, keep_values=True)
    user = model.users_[0]
    if method in ("popular", "baseline"):
        with pytest.raises(lowrank.DataError, match=f"nothing to explain.* {method} "):
            model.explain(user, model.items_[0])
        return
    items, values = given(ratings, user)
    for item in model.items_[:3]:
        why = model.explain(user, item)
        assert why.kind in ("sum", "leave_one_out")
        assert set(why.ids.tolist()) <= set(items.tolist())
        np.testing.assert_array_equal(why.values, [values[items == one][0] for one in why.ids])
        if why.kind == "sum":
            np.testing.assert_allclose(why.base + why.contributions.sum() + why.others, why.explained, atol=1e-9)
    assert model.explain(user, item, threads=1).contributions.tobytes() == why.contributions.tobytes()


@pytest.mark.parametrize("method", ["implicit", "bpr"])
def test_dislikes_are_kept_where_nothing_else_counts(method):
    users = ["ann", "ann", "ann", "bob", "bob", "cid", "cid", "cid"]
    items = ["tea", "rum", "gin", "rum", "ale", "tea", "ale", "gin"]
    values = np.array([1, -1, 1, 1, 1, 1, 1, -1.0])
    model = short(method, rank=2).fit((users, items, values))
    folded = model.fold_in((users, items, values))
    for user in ("ann", "cid"):
        own, theirs = model.explain(user, "ale"), folded.explain(user, "ale")
        assert own.contributions.tobytes() == theirs.contributions.tobytes() and own.explained == theirs.explained
        assert {"rum", "gin"} & set(own.ids.tolist()) <= ({"gin"} if user == "ann" else set())


def test_values_must_be_kept_where_they_are_fitted(ratings, tmp_path):
    model = lowrank.SGD(rank=2, epochs=2).fit(ratings, keep_values=False)
    with pytest.raises(lowrank.DataError, match="keep_values"):
        model.explain(model.users_[0], model.items_[0])
    kept = lowrank.SGD(rank=2, epochs=2).fit(ratings, keep_values=True)
    kept.save(tmp_path / "model")
    again = lowrank.load(tmp_path / "model")
    user, item = kept.users_[1], kept.items_[2]
    assert again.explain(user, item).contributions.tobytes() == kept.explain(user, item).contributions.tobytes()
    np.testing.assert_array_equal(kept.user_factors_, model.user_factors_)


def test_tables_and_errors(ratings):
    model = lowrank.SGD(rank=2, epochs=2).fit(ratings, keep_values=True)
    user = model.users_[0]
    frame = model.explain(user, model.items_[:2], n=3, as_frame=True)
    assert list(frame.columns) == ["item", "because", "value", "contribution"]
    assert frame["item"].tolist() == [model.items_[0]] * 3 + [model.items_[1]] * 3
    assert model.explain(user, []) == []
    with pytest.raises(lowrank.UnknownIdError, match="user: "):
        model.explain("nobody", model.items_[0])
    with pytest.raises(lowrank.UnknownIdError, match="items: "):
        model.explain(user, ["nothing"])
    with pytest.raises(lowrank.DataError, match="user: expected one id"):
        model.explain([user], model.items_[0])
    with pytest.raises(lowrank.OptionError, match="n: "):
        model.explain(user, model.items_[0], n=0)
