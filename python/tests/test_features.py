"""Features of users and items, in every form that Python has them."""

import lowrank
import numpy as np
import pytest
import scipy.sparse

ITEMS = 30
GENRES = [["Comedy", "War"], ["War"], ["Drama"]]


@pytest.fixture
def ratings():
    random = np.random.default_rng(5)
    users, items = np.nonzero(random.random((60, ITEMS)) < 0.4)
    taste = random.normal(size=(60, 3))
    values = np.clip(np.round(3 + taste[users, items % 3] + 0.3 * random.normal(size=len(users))), 1, 5)
    return users, items, values


@pytest.fixture
def table():
    pandas = pytest.importorskip("pandas")
    ids = range(ITEMS + 3)
    return pandas.DataFrame({"item": ids, "genres": [GENRES[item % 3] for item in ids], "kids": [item % 2 == 0 for item in ids]})


def test_cold_items_are_known_by_their_features(ratings, table):
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, item_features=table)
    assert list(model.items_[-3:]) == [ITEMS, ITEMS + 1, ITEMS + 2]
    assert np.abs(model.item_factors_[-3:]).sum() > 0
    assert "genres: 3 words in lists; kids: 0 and 1" in model.summary_["inputs"][0]
    assert model.summary_["item_features"] == 4
    # What users think of a genre's films is what they are told to think of new ones.
    grid = np.array([model.predict([user] * (ITEMS + 3), list(range(ITEMS + 3))) for user in range(60)])
    means = np.stack([grid[:, kind:ITEMS:3].mean(axis=1) for kind in range(3)], axis=1)
    assert np.corrcoef(means.ravel(), grid[:, ITEMS:].ravel())[0, 1] > 0.7


def test_every_form_gives_the_same_model(ratings, table, tmp_path):
    pandas = pytest.importorskip("pandas")
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, item_features=table)
    path = tmp_path / "items.csv"
    pandas.DataFrame({**table, "genres": ["|".join(own) for own in table["genres"]], "kids": table["kids"].astype(int)}).to_csv(path, index=False)
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    for form in (str(path), path, table.set_index("item"), polars.from_pandas(table), pyarrow.Table.from_pandas(table)):
        other = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, item_features=form)
        assert np.array_equal(other.item_factors_, model.item_factors_), type(form)


def matrix_of():
    rows = np.zeros((ITEMS + 3, 3), dtype=np.float32)
    rows[np.arange(ITEMS + 3), np.arange(ITEMS + 3) % 3] = 1
    return scipy.sparse.csr_matrix(rows)


@pytest.mark.parametrize("ids", [(), (np.arange(ITEMS + 3),)])
def test_a_matrix_with_names(ratings, ids):
    users, items, values = ratings
    model = lowrank.ImplicitALS(rank=4).fit((users, items, np.ones_like(values)), item_features=(*ids, ["a", "b", "c"], matrix_of()))
    vectors = model.item_factors_[model.items_ >= ITEMS]
    assert np.abs(vectors).sum() > 0
    # The same features, the same vector.
    more = model.add_items((["new"], ["b"], scipy.sparse.csr_matrix([[1.0]])))
    assert more.items_[-1] == "new"
    assert np.allclose(more.item_factors_[-1], model.item_factors_[list(model.items_).index(ITEMS + 1)], atol=1e-6)


def test_new_items_and_a_warning_of_unknown_words(ratings, table):
    pandas = pytest.importorskip("pandas")
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, item_features=table)
    new = pandas.DataFrame({"item": [100, 101], "genres": [["War"], ["Western"]], "kids": [True, True]})
    with pytest.warns(lowrank.DataWarning, match="Western"):
        more = model.add_items(new)
    assert list(more.items_[-2:]) == [100, 101]
    lists = more.recommend([3], n=ITEMS + 5, filter_seen=False)
    assert {100, 101} <= set(np.ravel(lists[0]).tolist())


def test_users_by_features_and_ratings(ratings):
    pandas = pytest.importorskip("pandas")
    users = pandas.DataFrame({"user": range(60), "team": ["red", "blue"] * 30})
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, user_features=users)
    fresh = pandas.DataFrame({"user": ["x", "y"], "team": ["red", "blue"]})
    alone = model.fold_in(features=fresh)
    assert list(alone.users_) == ["x", "y"]
    both = model.fold_in((["x", "x"], [0, 1], [5.0, 1.0]), features=fresh)
    assert list(both.users_) == ["x", "y"]
    assert np.array_equal(both.user_factors_[1], alone.user_factors_[1])
    assert not np.array_equal(both.user_factors_[0], alone.user_factors_[0])
    without = model.fold_in((["x", "x"], [0, 1], [5.0, 1.0]))
    assert not np.array_equal(both.user_factors_[0], without.user_factors_[0])


def test_a_model_keeps_its_features(ratings, table, tmp_path):
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, item_features=table)
    model.save(tmp_path / "m.safetensors")
    again = lowrank.load(tmp_path / "m.safetensors")
    new = (["new"], ["genres=War", "kids"], scipy.sparse.csr_matrix([[1.0, 1.0]]))
    assert np.array_equal(again.add_items(new).item_factors_[-1], model.add_items(new).item_factors_[-1])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (7, "expected a table, a path"),
        ((["a"], scipy.sparse.csr_matrix([[1.0, 2.0]])), "1 names for 2 columns"),
        (([1, 2], ["a", "b"], scipy.sparse.csr_matrix([[1.0, 2.0]])), "2 ids for 1 rows"),
        (([1, 1], ["a"], scipy.sparse.csr_matrix([[1.0], [2.0]])), "has two rows"),
        ((["a", "a"], scipy.sparse.csr_matrix([[1.0, 2.0]])), "two columns are called"),
        ((["a"], scipy.sparse.csr_matrix([[np.inf]])), "0 or not finite"),
    ],
)
def test_what_is_wrong_is_said(ratings, features, message):
    with pytest.raises(lowrank.DataError, match=message):
        lowrank.ALS(rank=2).fit(ratings, item_features=features)


def test_methods_and_models_without_features_refuse_them(ratings, table):
    with pytest.raises(lowrank.OptionError, match="item_features"):
        lowrank.SGD(rank=2).fit(ratings, item_features=table)
    with pytest.raises(lowrank.OptionError, match="no features of items"):
        lowrank.ALS(rank=2, prior_ratings=5).fit(ratings).add_items(table)


def odd_users():
    return ["odd"], scipy.sparse.csr_matrix(np.arange(60)[:, None] % 2)


def test_new_users_by_their_features(ratings):
    pandas = pytest.importorskip("pandas")
    users = pandas.DataFrame({"user": range(60), "team": ["red", "blue"] * 30})
    model = lowrank.ALS(rank=4, prior_ratings=5).fit(ratings, user_features=users)
    fresh = pandas.DataFrame({"user": [100, 101, 3], "team": ["red", "blue", "red"]})
    more = model.add_users(fresh)
    assert list(more.users_[-2:]) == [100, 101] and len(more.users_) == 62
    assert np.array_equal(more.user_factors_[-2:], model.fold_in(features=fresh).user_factors_[:2])
    assert np.array_equal(more.predict([3, 4], [1, 2]), model.predict([3, 4], [1, 2]))
    assert len(np.ravel(more.recommend([100], n=5)[0])) == 5
    with pytest.raises(lowrank.OptionError, match="no features of users"):
        lowrank.ALS(rank=2, prior_ratings=5).fit(ratings).add_users(fresh)


def test_cross_validation_with_features(ratings, table, tmp_path):
    estimator = lowrank.ALS(rank=2, prior_ratings=5)
    without = lowrank.cross_validate(estimator, ratings, folds=3)
    results = lowrank.cross_validate(estimator, ratings, folds=3, item_features=table)
    assert not np.array_equal(results.scores, without.scores)
    path = tmp_path / "items.csv"
    table.assign(genres=["|".join(own) for own in table["genres"]], kids=table["kids"].astype(int)).to_csv(path, index=False)
    assert np.array_equal(lowrank.cross_validate(estimator, ratings, folds=3, item_features=path).scores, results.scores)
    both = lowrank.cross_validate(estimator, ratings, folds=3, item_features=table, user_features=odd_users())
    assert not np.array_equal(both.scores, results.scores)
    with pytest.raises(lowrank.OptionError, match="item_features: is not an option of method sgd"):
        lowrank.cross_validate(lowrank.SGD(rank=2), ratings, folds=3, item_features=table)


def test_folds_know_new_items_by_their_features():
    # Every item has one rating, so that no test item has one in training.
    items = np.arange(60)
    ratings = items % 7, items, np.where(items % 2 == 0, 5.0, 1.0)
    kinds = ["even", "odd"], scipy.sparse.csr_matrix(np.stack([items % 2 == 0, items % 2 == 1], axis=1).astype(np.float32))
    estimator = lowrank.ALS(rank=0)
    without = lowrank.cross_validate(estimator, ratings, folds=4)
    results = lowrank.cross_validate(estimator, ratings, folds=4, item_features=kinds)
    assert [fold["unknown"] for fold in without.folds] == [fold["test"] for fold in without.folds]
    assert [fold["unknown"] for fold in results.folds] == [0, 0, 0, 0]
    assert results.mean["rmse"] < without.mean["rmse"] - 0.5


def test_a_search_with_features(ratings, table):
    found = lowrank.tune(lowrank.ALS(rank=2), ratings, trials=2, item_features=table, user_features=odd_users())
    assert list(found.model.items_[-3:]) == [ITEMS, ITEMS + 1, ITEMS + 2]
    again = lowrank.ALS(**found.summary["options"]).fit(ratings, item_features=table, user_features=odd_users())
    assert np.array_equal(again.item_factors_, found.model.item_factors_)
    with pytest.raises(lowrank.OptionError, match="item_features: is not an option of method sgd"):
        lowrank.tune([lowrank.ALS(rank=2), lowrank.SGD(rank=2)], ratings, trials=2, item_features=table)
