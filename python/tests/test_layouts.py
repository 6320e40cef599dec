"""Lists and arrays that may mean several things: taken for what they can only be, or refused with the words that help."""

import re
import warnings

import lowrank
import numpy as np
import pytest
from conftest import short

sparse = pytest.importorskip("scipy.sparse")

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
USERS, ITEMS, VALUES = [1, 1, 2, 3, 3], [10, 20, 10, 30, 20], [5, 3, 4, 2, 1]
TEXTS = ["ann", "ann", "bob", "cy", "cy"], ["tea", "rum", "tea", "ale", "rum"], [5.0, 3.5, 4, 2, 1]
TIMES = [978300760, 978302109, 978301968, 978300275, 978824291]


def fit(X, **how):
    return short("als", rank=2).fit(X, **how)


def same(model, columns):
    return model._model.equals(fit(tuple(columns))._model)


def test_lists_of_tuples_are_ratings():
    for columns in ((USERS, ITEMS, VALUES), TEXTS):
        assert same(fit(list(zip(*columns))), columns)
        assert same(fit(list(zip(*columns, TIMES))), columns)
    assert same(fit([list(row) for row in zip(*TEXTS)]), TEXTS)
    assert same(fit([list(column) for column in TEXTS]), TEXTS)
    assert same(fit(np.array(list(zip(*TEXTS)), dtype=object)), TEXTS)
    for rows in ([(1, 2)], [(1, 2, 3), (1, 2)], [(1, 2, 3, 4, 5)]):
        with pytest.raises(lowrank.DataError, match="row [01]: expected a user, an item, a rating"):
            fit(rows)
    with pytest.raises(lowrank.DataError, match="ids and ratings are given as a tuple"):
        fit([["ann", 1], ["bob", 2]])


@pytest.mark.parametrize("kind", [int, np.int32, float, np.float32, "list"], ids=str)
def test_arrays_of_triples_are_not_matrices(kind):
    for columns in ((USERS, ITEMS, VALUES), (USERS, ITEMS, VALUES, TIMES)):
        rows = np.column_stack(columns)
        X = rows.tolist() if kind == "list" else rows.astype(kind)
        with pytest.raises(lowrank.DataError, match=r'X: .* layout="dense" .* layout="sparse" .* layout="triples".*\(users, items, values\)'):
            fit(X)
        assert same(fit(X, layout="triples"), (USERS, ITEMS, VALUES))
        dense = fit(X, layout="dense")
        assert len(dense.users_) == 5 and len(dense.items_) == len(columns)
        # A question to the fitted model means what `fit` was told.
        assert dense.score(X) == pytest.approx(-np.sqrt(np.mean((dense.predict_matrix() - rows) ** 2)), rel=1e-4)


def test_lists_of_columns_are_not_matrices():
    for X in ([USERS, ITEMS, VALUES], [np.array(USERS), np.array(ITEMS), np.array(VALUES)], [tuple(USERS), ITEMS, VALUES]):
        with pytest.raises(lowrank.DataError, match='layout="columns"'):
            fit(X)
        assert same(fit(X, layout="columns"), (USERS, ITEMS, VALUES))
        assert fit(X, layout="dense").users_.tolist() == [0, 1, 2]


def test_matrices_are_still_matrices():
    cells = np.array([[5, np.nan, 4], [3, 2, np.nan], [1, 1, 5], [4, np.nan, 2]])
    model = fit(cells)
    assert model.users_.tolist() == [0, 1, 2, 3] and model.record_["ratings"] == 9
    for X in (cells.tolist(), np.matrix(cells), np.ma.masked_invalid(cells), cells.astype(object), sparse.csr_matrix(np.nan_to_num(cells)),
              [list(row) for row in cells]):
        assert fit(X)._model.equals(model._model)
    assert fit(np.nan_to_num(cells), layout="sparse")._model.equals(model._model)
    assert fit(np.ma.masked_array(np.nan_to_num(cells)), layout="sparse")._model.equals(model._model)


def test_zeros_of_a_dense_array_warn():
    cells = np.array([[5, 3, 0, 1, 2], [4, 0, 0, 1, 3], [1, 1, 0, 5, 0]])
    for X in (cells, cells.astype(float), cells > 0, [*cells.tolist(), [1, 1, 1, 1, 1]]):
        with pytest.warns(lowrank.DataWarning, match=r'of \d+ cells are 0 .* layout="sparse" .* layout="dense"'):
            model = short("als").fit(X)
        assert model.record_["ratings"] == np.size(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(cells, layout="dense")
        assert fit(cells, layout="sparse").record_["ratings"] == 10
        fit(cells + 1)
        fit(cells - 2)  # a scale that goes below zero has its zeros
        fit(np.where(cells == 5, np.nan, cells))  # who knows NaN means zeros
        fit(sparse.csr_matrix(cells))


def test_a_layout_is_checked():
    for layout in ("wide", None, 3):
        with pytest.raises(lowrank.OptionError, match="layout: must be one of auto, dense, sparse, triples, columns"):
            fit((USERS, ITEMS, VALUES), layout=layout)
    for X, y in (("ratings.csv", None), ((USERS, ITEMS, VALUES), None), (sparse.eye(3), None), (np.ones((3, 2), int), [1, 2, 3])):
        with pytest.raises(lowrank.OptionError, match="layout: triples says what a list or array means"):
            short("als").fit(X, y, layout="triples")
    with pytest.raises(lowrank.DataError, match="expected 3 or 4 columns"):
        fit(np.ones((2, 5)), layout="triples")


def test_repeated_cells_of_sparse_matrices_are_summed_in_floating_point():
    rows, columns, values = [0, 0, 1, 1, 0], [0, 0, 1, 1, 1], [100, 100, 7, 60, 1]
    expected = fit(([0, 1, 0], [0, 1, 1], [200.0, 67.0, 1.0]))
    offsets = [0, 3, 5]
    for kind in (np.int8, np.uint8, np.int64, np.float32, np.float64):
        data = np.array(values, kind)
        csr = sparse.csr_matrix((np.array([100, 100, 1, 7, 60], kind), [0, 0, 1, 1, 1], offsets), shape=(2, 2))
        csc = sparse.csc_matrix((np.array([100, 100, 1, 7, 60], kind), [0, 0, 0, 1, 1], [0, 2, 5]), shape=(2, 2))
        before = csr.data.copy()
        for X in (sparse.coo_matrix((data, (rows, columns)), shape=(2, 2)), csr, csc, sparse.csr_array(csr), sparse.coo_array((data, (rows, columns)))):
            np.testing.assert_allclose(fit(X).predict_matrix(), expected.predict_matrix(), rtol=1e-6)
        np.testing.assert_array_equal(csr.data, before)
    assert fit(sparse.coo_matrix((np.array([True, True]), ([0, 0], [0, 0])), shape=(1, 1))).predict(0, 0)[0] == 2


def test_what_fills_blocks_is_no_rating():
    cells = np.zeros((4, 6))
    cells[[0, 1, 3], [0, 3, 5]] = [5, 3, 4]
    expected = fit(sparse.csr_matrix(cells))
    for blocks in ((2, 2), (4, 3), (1, 1)):
        assert fit(sparse.bsr_matrix(cells, blocksize=blocks))._model.equals(expected._model)
    for other in ("dia", "dok", "lil", "coo", "csc"):
        assert fit(sparse.csr_matrix(cells).asformat(other))._model.equals(expected._model)
    # In other matrices a stored zero is a rating.
    stored = sparse.csr_matrix(cells)
    stored.data[0] = 0
    assert fit(stored).record_["ratings"] == 3


def test_parts_of_split_go_into_fit():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = USERS, ITEMS, VALUES, TIMES
    train, test = lowrank.split(columns, test=0.4, by="time")
    assert len(train) == 4
    model = fit(train, validation=test)
    expected = fit(train[:3], validation=test[:3])
    assert model._model.equals(expected._model)
    assert model.evaluate(test) == expected.evaluate(test[:3])
    table = pandas.DataFrame(dict(zip(("user", "item", "rating", "time"), columns)))
    for lazy in (polars.from_pandas(table).lazy(), polars.from_pandas(table), table):
        own_train, own_test = lowrank.split(lazy, test=0.4, by="time")
        assert fit(own_train, validation=own_test)._model.equals(expected._model)
        assert fit(lazy)._model.equals(fit(columns)._model)
    with pytest.raises(lowrank.DataError, match="users and times must have equal lengths, not 5 and 1"):
        fit((USERS, ITEMS, VALUES, [1]))


class Stream:
    """What has the Arrow stream protocol and nothing else, as tables of many libraries."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def test_the_arrow_stream_protocol():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"user": USERS, "item": ITEMS, "rating": VALUES})
    expected = fit((USERS, ITEMS, VALUES))
    for stream in (Stream(table), table.to_reader(), table.to_batches()[0], pyarrow.table(table).combine_chunks()):
        assert fit(stream)._model.equals(expected._model)
    named = pyarrow.table({"who": TEXTS[0], "what": TEXTS[1], "stars": TEXTS[2]})
    assert same(fit(Stream(named), columns=("who", "what", "stars")), TEXTS)
    train, test = lowrank.split(Stream(table), test=0.4)
    assert len(train) == 3 and len(test) == 2
    assert expected.predict(Stream(table.select(["user", "item"]))).shape == (5,)
    with pytest.raises(lowrank.DataError, match="Arrow stream is not a table"):
        fit(Stream(pyarrow.chunked_array([[1, 2]])))


def test_y_of_one_column():
    X = np.column_stack([USERS, ITEMS])
    expected = fit((USERS, ITEMS, VALUES))
    for y in (np.array(VALUES)[:, None], np.matrix(VALUES).T, [[value] for value in VALUES]):
        assert short("als", rank=2).fit(X, y)._model.equals(expected._model)
    with pytest.raises(lowrank.DataError, match=re.escape("y: expected one dimension, got shape (5, 2)")):
        fit(X, y=X)
