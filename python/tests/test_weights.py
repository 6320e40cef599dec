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
    for model in (lowrank.BPR(), lowrank.ItemNeighbours(), lowrank.NMF(absent="zero"), lowrank.SGD(update_order="tutorial")):
        with pytest.raises(lowrank.OptionError, match=f"sample_weight: method {model._method} .*reads no weights"):
            model.fit(ratings, sample_weight=weights)
    with pytest.raises(lowrank.OptionError, match="sum and count take no weights"):
        lowrank.Baseline().fit(ratings, sample_weight=weights, duplicates="sum")


@pytest.fixture
def cells():
    """A sparse matrix of ratings with an empty row and column, the weights of its entries, and both as triples."""
    random = np.random.default_rng(5)
    dense = np.where(random.random((40, 30)) < 0.3, random.integers(1, 6, (40, 30)), np.nan)
    dense[7], dense[:, 11] = np.nan, np.nan
    users, items = np.nonzero(~np.isnan(dense))
    values = dense[users, items].astype(np.float32)
    weights = random.integers(1, 9, len(users)).astype(np.float32) / 2
    return dense, (users, items, values), weights


def spread(cells, weights, shape=(40, 30), fill=np.nan):
    table = np.full(shape, float(fill))
    table[cells[0], cells[1]] = weights
    return table


@pytest.mark.filterwarnings("ignore:the ratings look like opinions")
@pytest.mark.parametrize("method", WEIGHING)
def test_matrices_have_weights_in_their_shape_or_in_the_order_of_their_entries(method, cells):
    dense, triples, weights = cells
    # With all rows and columns, as a matrix has them: what is fitted equals whatever the form.
    expected = short(method).fit(dense, sample_weight=spread(triples, weights))
    assert len(expected.users_) == 40 and len(expected.items_) == 30
    plain = short(method).fit(dense)
    assert not np.array_equal(numbers_of(expected), numbers_of(plain))
    shuffled = np.random.default_rng(6).permutation(len(weights))
    coo = scipy.sparse.coo_array((triples[2][shuffled], (triples[0][shuffled], triples[1][shuffled])), shape=dense.shape)
    csr = scipy.sparse.coo_array((triples[2], (triples[0], triples[1])), shape=dense.shape).tocsr()
    of_weights = scipy.sparse.coo_array((weights, (triples[0], triples[1])), shape=dense.shape)
    unsorted = csr.copy()
    for row in range(40):
        part = slice(unsorted.indptr[row], unsorted.indptr[row + 1])
        unsorted.indices[part], unsorted.data[part] = unsorted.indices[part][::-1].copy(), unsorted.data[part][::-1].copy()
    unsorted = scipy.sparse.csr_array((unsorted.data, unsorted.indices, unsorted.indptr), shape=csr.shape)
    backwards = np.concatenate([weights[csr.indptr[row]:csr.indptr[row + 1]][::-1] for row in range(40)])
    others = [
        short(method).fit(csr, sample_weight=weights),
        short(method).fit(csr, sample_weight=weights.tolist()),
        short(method).fit(unsorted, sample_weight=backwards),
        short(method).fit(coo, sample_weight=weights[shuffled]),
        short(method).fit(csr.tocsc(), sample_weight=of_weights.tocsc().data),
        short(method).fit(scipy.sparse.csr_matrix(csr), sample_weight=scipy.sparse.csr_matrix(of_weights)),
        short(method).fit(csr.tocsc(), sample_weight=of_weights.tocsr()),
        short(method).fit(csr.tolil(), sample_weight=of_weights.tocsc()),
        short(method).fit(csr, sample_weight=spread(triples, weights)),
        short(method).fit(np.ma.masked_invalid(dense), sample_weight=spread(triples, weights)),
        short(method).fit(dense.tolist(), sample_weight=spread(triples, weights, fill=-1).tolist()),
        short(method).fit(np.nan_to_num(dense), sample_weight=spread(triples, weights, fill=np.inf), layout="sparse"),
    ]
    for at, other in enumerate(others):
        np.testing.assert_array_equal(numbers_of(other), numbers_of(expected), f"form {at}")
        assert other.record_["fingerprint"] == expected.record_["fingerprint"]
    # The rows that have ratings get what triples give them.
    rows = short("baseline").fit(triples, sample_weight=weights)
    whole = short("baseline").fit(csr, sample_weight=weights)
    assert whole.mean_ == rows.mean_


def test_a_cell_of_weight_zero_is_left_out_and_its_row_kept(cells):
    dense, triples, weights = cells
    weights[::3] = 0
    weights[triples[0] == triples[0][0]] = 0  # a row altogether
    left = dense.copy()
    left[triples[0][weights == 0], triples[1][weights == 0]] = np.nan
    expected = lowrank.ALS(rank=3, epochs=3).fit(left, sample_weight=spread(triples, weights))
    model = lowrank.ALS(rank=3, epochs=3).fit(dense, sample_weight=spread(triples, weights))
    np.testing.assert_array_equal(numbers_of(model), numbers_of(expected))
    assert len(model.users_) == 40
    with pytest.raises(lowrank.DataError, match="sample_weight: all weights are 0"):
        lowrank.Baseline().fit(dense, sample_weight=np.zeros(dense.shape))


def test_a_vast_matrix_has_weights_of_its_entries():
    rows, columns, values = [2**40, 5, 5, 17], [3, 2**41, 4, 3], np.array([1.0, 5, 3, 4])
    weights = np.array([1, 2, 3, 0.5])
    vast = scipy.sparse.coo_array((values, (np.array(rows), np.array(columns))), shape=(2**42, 2**42))
    expected = lowrank.Baseline().fit((rows, columns, values), sample_weight=weights)
    for other in (weights, scipy.sparse.coo_array((weights, (np.array(rows), np.array(columns))), shape=vast.shape)):
        model = lowrank.Baseline().fit(vast, sample_weight=other)
        assert model.mean_ == pytest.approx(expected.mean_, rel=1e-12)
        np.testing.assert_allclose(model.predict(rows, columns), expected.predict(rows, columns), rtol=1e-6)
    with pytest.raises(lowrank.DataError, match="for each of the 4 stored entries of X, got 3"):
        lowrank.Baseline().fit(vast, sample_weight=weights[:3])


def test_weights_of_matrices_that_do_not_fit(cells):
    dense, triples, weights = cells
    csr = scipy.sparse.coo_array((triples[2], (triples[0], triples[1])), shape=dense.shape).tocsr()
    of_weights = scipy.sparse.coo_array((weights, (triples[0], triples[1])), shape=dense.shape).tocsr()
    entries = len(weights)
    other = of_weights.tolil()
    other[triples[0][0], triples[1][0]] = 0
    twice = scipy.sparse.coo_array((np.ones(2), ([3, 3], [4, 4])), shape=dense.shape)
    for X, wrong, message in [
        (dense, weights, rf"one weight per cell of X, an array of shape \(40, 30\), got shape \({entries},\)"),
        (dense, np.ones((30, 40)), r"an array of shape \(40, 30\), got shape \(30, 40\)"),
        (dense, of_weights, "got a sparse matrix"),
        (dense, "heavy", "sample_weight"),
        (csr, np.ones(40), f"one weight for each of the {entries} stored entries of X, got 40"),
        (csr, np.ones((40, 1)), r"an array of shape \(40, 30\), got shape \(40, 1\)"),
        (csr, "heavy", "sample_weight"),
        (csr, of_weights.T, r"a sparse matrix of shape \(40, 30\), as X, got shape \(30, 40\)"),
        (csr, scipy.sparse.csr_array(other), f"must store the {entries} entries that X stores, but its {entries - 1} entries are others"),
        (csr.tolil(), weights, "the entries of a LIL matrix have no order"),
        (twice, np.ones(2), "row 3, column 4 has two weights; X must store each entry once"),
    ]:
        with pytest.raises(lowrank.DataError, match=f"sample_weight.*{message}" if message != "sample_weight" else message):
            lowrank.Baseline().fit(X, sample_weight=wrong)
    for value, found in [(-1, "found -1"), (np.nan, "found NaN"), (np.inf, "found infinity"), (1e39, "found infinity, or a number beyond 32 bits")]:
        wrong = weights.astype(np.float64)
        wrong[17] = value
        place = f"row {triples[0][17]}, column {triples[1][17]}: a weight must be a finite number of at least 0, {found}"
        for X, given in [(dense, spread(triples, wrong)), (csr, wrong), (csr, scipy.sparse.coo_array((wrong, triples[:2]), shape=dense.shape))]:
            with pytest.raises(lowrank.DataError, match=f"sample_weight: {place}"):
                lowrank.Baseline().fit(X, sample_weight=given)
    with pytest.raises(lowrank.OptionError, match="sample_weight: method bpr .*reads no weights"):
        lowrank.BPR().fit(csr, sample_weight=weights)
    with pytest.raises(lowrank.OptionError, match="sum and count take no weights"):
        lowrank.Baseline().fit(csr, sample_weight=weights, duplicates="sum")


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
