"""Questions beyond lists for users: users for an item, one user against many items, candidates and exclusions per query."""

import lowrank
import numpy as np
import pytest
from conftest import short

scipy_sparse = pytest.importorskip("scipy.sparse")


@pytest.fixture(scope="module", params=["sgd", "als", "bayes", "asymmetric", "nmf", "baseline", "popular", "implicit", "bpr"])
def fitted(request, ratings):
    return short(request.param).fit(ratings)


def scores_of(model):
    return model.mean_ + model.user_biases_[:, None] + model.item_biases_[None, :] + model.user_factors_.astype(float) @ model.item_factors_.T


def seen_of(model, ratings):
    seen = np.zeros((len(model.users_), len(model.items_)), bool)
    rows = {user: row for row, user in enumerate(model.users_.tolist())}
    columns = {item: column for column, item in enumerate(model.items_.tolist())}
    seen[[rows[user] for user in ratings[0].tolist()], [columns[item] for item in ratings[1].tolist()]] = True
    return seen


def check_lists(lists, allowed, scores, names):
    """Lists against a slow loop: the greatest allowed scores, in order."""
    n = lists.ids.shape[1]
    place = {name: at for at, name in enumerate(names.tolist())}
    for row in range(len(allowed)):
        expected = np.sort(scores[row][allowed[row]])[::-1][:n]
        found = lists.ids[row].compressed().tolist()
        assert len(found) == len(set(found)) == len(expected)
        assert all(allowed[row][place[one]] for one in found)
        np.testing.assert_allclose(lists.scores[row].compressed(), expected, rtol=1e-4, atol=1e-5)


def test_users_for_an_item(fitted, ratings):
    scores, seen = scores_of(fitted).T, seen_of(fitted, ratings).T
    items = [4, 0, 9]
    for filter_seen in (True, False):
        lists = fitted.recommend_users(fitted.items_[items], n=15, filter_seen=filter_seen)
        check_lists(lists, ~(seen[items] & filter_seen), scores[items], fitted.users_)
    everything = fitted.recommend_users(n=3)
    np.testing.assert_array_equal(everything.ids[items], fitted.recommend_users(fitted.items_[items], n=3).ids)
    some = fitted.users_[[3, 50, 60]]
    lists = fitted.recommend_users(fitted.items_[items], n=9, filter_seen=False, users=some, exclude=some[:1])
    assert all(set(row.compressed().tolist()) == set(some[1:].tolist()) for row in lists.ids)
    counts = seen.sum(axis=0)
    lists = fitted.recommend_users(fitted.items_[:2], n=200, filter_seen=False, min_count=int(np.median(counts)))
    assert set(lists.ids[0].compressed().tolist()) == set(fitted.users_[counts >= np.median(counts)].tolist())
    frame = fitted.recommend_users(fitted.items_[0], n=2, as_frame=True)
    assert list(frame.columns) == ["item", "user", "rank", "score"] and len(frame) == 2
    with pytest.raises(lowrank.UnknownIdError, match="items: "):
        fitted.recommend_users(["none"])
    with pytest.raises(lowrank.UnknownIdError, match="users: "):
        fitted.recommend_users(users=["none"])


def forms(mask, asked, ids, words):
    """A mask in every form in which lists may be told what they may hold, one row per query."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rows, columns = np.nonzero(mask)
    pairs = {words[0]: asked[rows], words[1]: ids[columns]}
    yield mask
    yield scipy_sparse.csr_matrix(mask)
    yield scipy_sparse.coo_array(mask.astype(float))
    yield pandas.DataFrame(pairs)
    yield polars.DataFrame({name: column.astype(str).tolist() for name, column in pairs.items()})
    yield {one: ids[columns[rows == row]].tolist() for row, one in enumerate(asked.tolist())}


def test_candidates_and_exclusions_per_user(fitted, ratings):
    scores, seen = scores_of(fitted), seen_of(fitted, ratings)
    random = np.random.default_rng(0)
    rows = np.array([5, 0, 77])
    mask = random.random((3, len(fitted.items_))) < 0.3
    for form in forms(mask, fitted.users_[rows], fitted.items_, ("user", "item")):
        check_lists(fitted.recommend(fitted.users_[rows], n=60, exclude=form), ~seen[rows] & ~mask, scores[rows], fitted.items_)
        check_lists(fitted.recommend(fitted.users_[rows], n=60, items=form), ~seen[rows] & mask, scores[rows], fitted.items_)
    both = fitted.recommend(fitted.users_[rows], n=60, items=mask, exclude=fitted.items_[:9], filter_seen=False)
    check_lists(both, mask & (np.arange(60) >= 9), scores[rows], fitted.items_)
    # Many users are ranked by another way than few.
    mask = random.random(seen.shape) < 0.3
    check_lists(fitted.recommend(n=60, exclude=mask), ~seen & ~mask, scores, fitted.items_)
    check_lists(fitted.recommend(n=60, items=mask), ~seen & mask, scores, fitted.items_)
    as_ratings = lowrank.Ratings(ratings[0], ratings[1], ratings[2])
    check_lists(fitted.recommend(n=60, filter_seen=False, exclude=as_ratings), ~seen, scores, fitted.items_)
    check_lists(fitted.recommend_users(n=120, filter_seen=False, exclude=as_ratings), ~seen.T, scores.T, fitted.users_)


def test_exclusions_of_users_that_the_model_does_not_know(fitted):
    everything = fitted.recommend(["new", "other"], n=60, unknown="popular").ids
    first = everything[0].tolist()
    lists = fitted.recommend(["new", "other"], n=60, unknown="popular", exclude={"new": first[:2], "nobody": first[:9]}).ids
    assert lists[0].compressed().tolist() == first[2:] and lists[1].tolist() == first


def test_similar_among_and_without(fitted):
    if not fitted.item_factors_.any():
        pytest.skip("no factors")
    n = len(fitted.items_)
    dots = fitted.item_factors_.astype(float) @ fitted.item_factors_.T
    asked = np.array([4, 8])
    mask = np.random.default_rng(1).random((2, n)) < 0.4
    own = np.arange(n) == asked[:, None]
    for form in forms(mask, fitted.items_[asked], fitted.items_, ("item", "similar")):
        check_lists(fitted.similar_items(fitted.items_[asked], n=n, by="dot", exclude=form), ~own & ~mask, dots[asked], fitted.items_)
        check_lists(fitted.similar_items(fitted.items_[asked], n=n, by="dot", among=form), ~own & mask, dots[asked], fitted.items_)
    lists = fitted.similar_users(fitted.users_[:2], n=9, by="dot", among=fitted.users_[:4], exclude=fitted.users_[3])
    assert set(lists.ids[0].compressed().tolist()) == set(fitted.users_[[1, 2]].tolist())


def test_masks_that_do_not_fit(fitted):
    for mask in (np.zeros((2, 3), bool), scipy_sparse.csr_matrix((3, 60)), scipy_sparse.csr_matrix((2, 61))):
        with pytest.raises(lowrank.DataError, match=r"exclude: expected a mask of shape \(2, 60\)"):
            fitted.recommend(fitted.users_[:2], exclude=mask)
    with pytest.raises(lowrank.DataError, match="exclude: .* True and False"):
        fitted.recommend(fitted.users_[:2], exclude=np.zeros((2, 60)))
    with pytest.raises(lowrank.DataError, match="exclude: .* list of ids for 1"):
        fitted.recommend(fitted.users_[:2], exclude={1: 7})


def test_one_against_many(fitted):
    users, items = fitted.users_[:7], fitted.items_[:7]
    np.testing.assert_array_equal(fitted.predict(users[0], items), fitted.predict(np.repeat(users[0], 7), items))
    np.testing.assert_array_equal(fitted.predict(str(users[0]), items), fitted.predict(users[0], items))
    np.testing.assert_array_equal(fitted.predict(users, items[3]), fitted.predict(users, np.repeat(items[3], 7)))
    assert fitted.predict(users[0], []).shape == (0,)
    for lengths in (([users[0]], items), (users[:2], items)):
        with pytest.raises(lowrank.DataError, match="equal lengths"):
            fitted.predict(*lengths)


def test_known_pairs(fitted):
    user, item = fitted.users_[0], fitted.items_[0]
    predictions, known = fitted.predict([user, user, "new", "new"], [item, "none", item, "none"], return_known=True)
    assert known.dtype == bool and known.tolist() == [True, False, False, False]
    np.testing.assert_array_equal(predictions, fitted.predict([user, user, "new", "new"], [item, "none", item, "none"]))


def test_rows_without_ratings_are_not_known():
    matrix = scipy_sparse.csr_matrix(([1.0, 2.0, 3.0], ([0, 0, 2], [0, 1, 1])), shape=(4, 3))
    model = short("sgd").fit(matrix)
    assert model.predict([0, 1, 0], [0, 0, 2], return_known=True)[1].tolist() == [True, False, False]
    assert model.recommend_users(n=4).ids.count(axis=1).tolist() == [1, 0, 0]


def test_a_matrix_of_predictions(fitted):
    matrix = fitted.predict_matrix()
    assert matrix.shape == (120, 60)
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    np.testing.assert_array_equal(matrix.ravel(), fitted.predict(fitted.users_[rows], fitted.items_[columns]))
    some = fitted.predict_matrix(fitted.users_[[3, 1]], fitted.items_[:5])
    np.testing.assert_array_equal(some, matrix[[3, 1], :5])
    np.testing.assert_array_equal(fitted.predict_matrix("new", fitted.items_[:2]), [fitted.predict(["new", "new"], fitted.items_[:2])])
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = fitted.predict_matrix(as_frame=True)
    assert isinstance(frame, pandas.DataFrame) and frame.loc[fitted.users_[3], fitted.items_[7]] == matrix[3, 7]
    table = fitted.predict_matrix(fitted.users_[:2], as_frame="polars")
    assert isinstance(table, polars.DataFrame) and table.columns == ["user", *map(str, fitted.items_.tolist())]
    np.testing.assert_array_equal(table.drop("user").to_numpy(), matrix[:2])


def test_clicks_are_folded_in(fitted):
    pandas = pytest.importorskip("pandas")
    users, items = ["ann", "ann", "bob"], [fitted.items_[0], fitted.items_[1], fitted.items_[2]]
    expected = fitted.fold_in((users, items, [1, 1, 1]))
    for clicks in ((users, items), pandas.DataFrame({"user": users, "item": items}), list(zip(users, items))):
        folded = fitted.fold_in(clicks)
        assert folded.users_.tolist() == ["ann", "bob"]
        np.testing.assert_array_equal(folded.user_factors_, expected.user_factors_)


def test_users_of_unknown_items_alone_are_kept(fitted):
    folded = fitted.fold_in((["ann", "bob"], ["nothing", fitted.items_[0]], [4, 5]))
    assert folded.users_.tolist() == ["ann", "bob"]
    lists = folded.recommend(["ann", "bob"], n=5, unknown="popular").ids
    assert lists[0].count() == 5
    np.testing.assert_array_equal(folded.predict("ann", fitted.items_[:3]), fitted.predict("nobody", fitted.items_[:3]))
    with pytest.raises(lowrank.UnknownIdError, match='users: .* "ann"'):
        folded.recommend(["ann"])
    assert folded.recommend(n=5).ids.count(axis=1).tolist() == [0, 5]


def test_ids_of_an_iterator(fitted):
    np.testing.assert_array_equal(fitted.recommend(iter([1005, 1000]), n=3).ids, fitted.recommend([1005, 1000], n=3).ids)
    np.testing.assert_array_equal(fitted.recommend_users(iter([5, 7]), n=3).ids, fitted.recommend_users([5, 7], n=3).ids)
