"""Weights of ratings: what they do to models, in every form that ratings have."""

import lowrank
import numpy as np
import pytest
import scipy.sparse
from conftest import short

WEIGHING = ["sgd", "als", "nmf", "baseline", "implicit", "popular"]


@pytest.fixture
def weights(ratings):
    return np.exp(np.random.default_rng(3).normal(size=len(ratings[0]))).astype(np.float32)


def numbers_of(model):
    return np.concatenate([np.ravel(part) for part in (model.user_factors_, model.item_factors_, model.user_biases_, model.item_biases_)])


@pytest.mark.filterwarnings("ignore:the ratings look like opinions")
@pytest.mark.parametrize("method", WEIGHING)
def test_every_form_of_weights_gives_the_same_model(method, ratings, weights, tmp_path):
    pandas = pytest.importorskip("pandas")
    users, items, values = ratings
    expected = short(method).fit(ratings, sample_weight=weights)
    table = pandas.DataFrame({"user": users, "item": items, "rating": values, "w": weights})
    path = tmp_path / "ratings.csv"
    table.to_csv(path, index=False)
    columns = {"user": "user", "item": "item", "rating": "rating", "weight": "w"}
    rows = list(zip(users.tolist(), items.tolist(), values.tolist()))
    others = [
        short(method).fit(table, columns=columns),
        short(method).fit(table[["user", "item", "rating"]], sample_weight=table["w"]),
        short(method).fit(path, columns=columns),
        short(method).fit(rows, sample_weight=weights.tolist()),
        short(method).fit(np.stack([users, items], axis=1), values, sample_weight=weights),
        short(method).fit(lowrank.Ratings(users, items, values), sample_weight=weights),
    ]
    for other in others:
        np.testing.assert_array_equal(numbers_of(other), numbers_of(expected))
        assert other.record_["fingerprint"] == expected.record_["fingerprint"]
    assert not np.array_equal(numbers_of(expected), numbers_of(short(method).fit(ratings)))


@pytest.mark.filterwarnings("ignore:the ratings look like opinions")
@pytest.mark.parametrize("method", WEIGHING)
def test_a_weight_of_zero_leaves_out(method, ratings, weights):
    users, items, values = ratings
    weights[::3] = 0
    weights[users == users[0]] = 0  # a user altogether
    kept = weights > 0
    expected = short(method).fit((users[kept], items[kept], values[kept]), sample_weight=weights[kept])
    for ids in (users, list(map(str, users))):
        model = short(method).fit((ids, items, values), sample_weight=weights)
        np.testing.assert_array_equal(numbers_of(model), numbers_of(expected))
        assert list(map(str, model.users_)) == list(map(str, expected.users_))
        assert len(model.users_) == len(set(users[kept].tolist()))


def test_a_rating_of_weight_two_is_there_twice(ratings):
    users = ratings[0]
    twice = np.random.default_rng(1).random(len(users)) < 0.3
    ones = np.ones(len(users) + twice.sum())
    repeated = tuple(np.concatenate([column, column[twice]]) for column in ratings)
    for model in (lowrank.ALS(rank=4, epochs=5, prior_ratings=20), lowrank.Baseline(), lowrank.SGD(rank=4, epochs=3, prior_ratings=20)):
        by_weight = type(model)(**model.get_params()).fit(ratings, sample_weight=1.0 + twice)
        by_repeats = model.fit(repeated, sample_weight=ones, duplicates="mean")
        np.testing.assert_allclose(numbers_of(by_weight), numbers_of(by_repeats), atol=1e-5)


def test_the_training_error_is_weighted_and_that_of_validation_is_not(ratings, weights):
    users, items, values = ratings
    test = tuple(column[:500] for column in ratings)
    model = lowrank.ALS(rank=4, epochs=5).fit(ratings, sample_weight=weights, validation=test)
    errors = model.predict(users, items) - values
    assert model.record_["metrics"]["train_rmse"] == pytest.approx(np.sqrt(np.average(errors**2, weights=weights)), rel=1e-5)
    assert model.record_["metrics"]["validation_rmse"] == pytest.approx(np.sqrt(np.mean(errors[:500] ** 2)), rel=1e-5)


@pytest.mark.parametrize("wrong, message", [(-1, "at least 0, found -1"), (np.nan, "found NaN"), (np.inf, "found infinity"), (1e39, "beyond 32 bits")])
def test_wrong_weights_name_their_place(ratings, weights, wrong, message):
    weights = weights.astype(float)
    weights[17] = wrong
    with pytest.raises(lowrank.DataError, match=f"sample_weight: position 17: a weight must be a finite number .*{message}"):
        lowrank.Baseline().fit(ratings, sample_weight=weights)


def test_weights_that_do_not_fit(ratings, ratings_file, weights):
    for wrong in (weights[:-1], np.append(weights, 1)):
        with pytest.raises(lowrank.DataError, match=f"one weight for each of 3000 ratings, got {len(wrong)}"):
            lowrank.Baseline().fit(ratings, sample_weight=wrong)
    with pytest.raises(lowrank.DataError, match="sample_weight"):
        lowrank.Baseline().fit(ratings, sample_weight="heavy")
    with pytest.raises(lowrank.DataError, match="sample_weight: all weights are 0"):
        lowrank.Baseline().fit(ratings, sample_weight=np.zeros(3000))
    with pytest.raises(lowrank.OptionError, match="sample_weight: a file"):
        lowrank.Baseline().fit(ratings_file, sample_weight=weights)
    matrix = scipy.sparse.csr_array(np.eye(5))
    for X in (matrix, np.full((3, 6), 2.5)):
        with pytest.raises(lowrank.OptionError, match="sample_weight: a matrix"):
            lowrank.Baseline().fit(X, sample_weight=np.ones(5))
    for model in (lowrank.BPR(), lowrank.ItemNeighbours(), lowrank.NMF(absent="zero"), lowrank.SGD(update_order="tutorial")):
        with pytest.raises(lowrank.OptionError, match=f"sample_weight: method {model._method} .*reads no weights"):
            model.fit(ratings, sample_weight=weights)
    with pytest.raises(lowrank.OptionError, match="sum and count take no weights"):
        lowrank.Baseline().fit(ratings, sample_weight=weights, duplicates="sum")


def test_columns_of_weights_are_read_by_fit_alone(ratings, ratings_file, tmp_path):
    weighted = tmp_path / "weighted.csv"
    weighted.write_text("".join(f"{line},2\n" for line in ratings_file.read_text().split()))
    columns = {"user": 1, "item": 2, "rating": 3, "weight": 4}
    model = lowrank.ALS(rank=2, epochs=2).fit(weighted, columns=columns, validation=ratings_file)
    assert "weight = column 4" in model.summary_["inputs"][0] and ", weight" not in model.summary_["inputs"][1]
    for ask in (lowrank.read_ratings, lambda path, columns: lowrank.split(path, test=0.1, columns=columns)):
        with pytest.raises(lowrank.OptionError, match="columns: a weight is read only"):
            ask(weighted, columns=columns)
    with pytest.raises(lowrank.OptionError, match="columns: a weight is read only by fit"):
        model.fold_in(weighted, columns=columns)
