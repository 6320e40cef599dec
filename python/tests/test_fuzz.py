"""Whatever a caller passes: a result or an exception, never a crash."""

import pickle

import lowrank
import numpy as np
import pytest
from conftest import short
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytestmark = pytest.mark.filterwarnings("ignore")
# What bad input may end in.
EXPECTED = (lowrank.Error, ValueError, TypeError, OverflowError, MemoryError, IndexError)
settings.register_profile("fuzz", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("fuzz")

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.binary(max_size=4), st.just(object()), st.complex_numbers()
)
some_ids = st.one_of(st.integers(-3, 8), st.integers(), st.text(max_size=3))
shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
any_array = st.one_of(
    *(arrays.arrays(dtype, shapes) for dtype in ("i1", "u1", "<i4", ">i4", "i8", "u8", "f2", "f4", "f8", "c8", "?", "U2", "S2", "M8[s]")),
    arrays.arrays(object, shapes, elements=anything),
)
column = st.one_of(st.lists(some_ids, max_size=6), st.lists(anything, max_size=4), any_array, anything)
values = st.one_of(st.lists(st.floats(0, 5), max_size=6), any_array, anything)
anything_at_all = st.one_of(
    anything, any_array, st.lists(anything, max_size=4), st.tuples(column, column, values), st.dictionaries(st.text(max_size=2), anything, max_size=2),
    st.lists(st.lists(some_ids, max_size=3), max_size=4),
)


def attempt(call):
    try:
        return call()
    except EXPECTED:
        return None


@pytest.fixture(scope="module")
def model():
    return short("sgd", rank=3, epochs=2).fit(([1, 1, 2, "x"], [1, 2, 1, 3], [1, 2, 3, 4]))


def check(fitted):
    assert np.isfinite(fitted.user_factors_).all() and np.isfinite(fitted.item_biases_).all()
    fitted.recommend(n=2)
    assert pickle.loads(pickle.dumps(fitted))._model.equals(fitted._model)


@given(st.tuples(column, column, values))
@settings(max_examples=300)
def test_columns(data):
    fitted = attempt(lambda: short("sgd", rank=2, epochs=1).fit(data))
    if fitted is not None:
        check(fitted)


@given(anything_at_all, st.one_of(st.none(), values))
@settings(max_examples=300)
def test_fit(X, y):
    fitted = attempt(lambda: short("sgd", rank=2, epochs=1).fit(X, y))
    if fitted is not None:
        check(fitted)


@given(anything_at_all, anything_at_all, anything, anything, anything_at_all)
@settings(max_examples=300)
def test_questions(model, first, second, n, flag, third):
    attempt(lambda: model.predict(first, second))
    attempt(lambda: model.predict(first))
    small = n if not isinstance(n, int) or isinstance(n, bool) or n < 1000 else 5
    attempt(lambda: model.recommend(first, n=small, filter_seen=flag, items=third))
    attempt(lambda: model.recommend(n=small, exclude=first))
    attempt(lambda: model.similar_items(first, n=small, by=flag))
    attempt(lambda: model.similar_users(first, threads=n))
    attempt(lambda: model.fold_in(first, second))
    attempt(lambda: model.evaluate(first, second))
    attempt(lambda: model.score(first))
    attempt(lambda: lowrank.split(first, test=n))
    attempt(lambda: lowrank.Ratings(first, second, third))
    check(model)


@given(st.dictionaries(st.sampled_from(sorted(lowrank.SGD._options)), st.one_of(anything, st.integers(-2, 3), st.floats(0, 1)), max_size=3))
@settings(max_examples=300)
def test_options(options):
    def fit():
        model = lowrank.SGD(**{"epochs": 1, "rank": 2, **options})
        if (isinstance(model.epochs, int) and model.epochs > 3) or (isinstance(model.rank, int) and model.rank > 4096):
            model.epochs, model.rank = 1, 2
        return model.fit(([1, 2], [1, 2], [3, 4]))

    attempt(fit)


@given(st.dictionaries(st.sampled_from(["validation", "callback", "columns", "format", "duplicates", "monitor", "refit", "init", "min_rating",
                                        "max_rating", "clip", "threads"]), anything_at_all, max_size=2))
@settings(max_examples=200)
def test_how(how):
    attempt(lambda: short("sgd", rank=2, epochs=1).fit(([1, 2, 1], [1, 2, 2], [3, 4, 5]), **how))


@given(anything_at_all, anything, anything, anything, st.one_of(st.integers(0, 3), anything))
@settings(max_examples=200)
def test_mf(R, K, alpha, beta, iterations):
    if (isinstance(K, int) and K > 100) or (isinstance(iterations, int) and iterations > 100):
        return
    mf = attempt(lambda: lowrank.MF(R, K, alpha, beta, iterations))
    if mf is not None:
        attempt(mf.train)


@given(st.binary(max_size=300), st.integers(0, 10**6))
@settings(max_examples=200)
def test_model_bytes(model, junk, place):
    whole = model._model.serialize()
    place %= len(whole)
    for data in (junk, whole[:place], whole[:place] + junk + whole[place + len(junk) :]):
        if data != whole:
            with pytest.raises(lowrank.ModelFileError):
                lowrank._core.Model.deserialize(data)


def test_a_broken_sparse_matrix():
    sparse = pytest.importorskip("scipy.sparse")
    for spoil in (lambda m: m.indices.__setitem__(0, 10**6), lambda m: m.indices.__setitem__(0, -1), lambda m: m.indptr.__setitem__(1, 10**6),
                  lambda m: m.indptr.__setitem__(-1, 10**6), lambda m: m.data.__setitem__(0, np.nan)):
        matrix = sparse.csr_matrix(np.eye(4))
        spoil(matrix)
        with pytest.raises(EXPECTED):
            short("sgd").fit(matrix)
