"""Estimators within scikit-learn's machinery."""

import pickle

import lowrank
import numpy as np
import pytest
from conftest import short
from lowrank._methods import classes

sklearn = pytest.importorskip("sklearn")
from sklearn import linear_model  # noqa: E402
from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, cross_val_predict, cross_val_score  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402


@pytest.fixture
def two_columns(ratings):
    return np.column_stack(ratings[:2]), ratings[2]


def predicts(method):
    return next(one for one in lowrank._core.methods() if one["name"] == method)["predicts_ratings"]


def test_clone(method, ratings):
    model = short(method).fit(ratings)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy is not model
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(copy)
    check_is_fitted(model)
    assert is_regressor(model) == (method != "nmf") and not is_classifier(model)


def test_cross_val_score(method, two_columns):
    if not predicts(method):
        pytest.skip("ranks only")
    X, y = two_columns
    folds = KFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(short(method), X, y, cv=folds)
    by_hand = [short(method).fit(X[train], y[train]).score(X[test], y[test]) for train, test in folds.split(X)]
    np.testing.assert_allclose(scores, by_hand)
    assert cross_val_predict(short(method), X, y, cv=folds).shape == y.shape
    assert np.isfinite(cross_val_score(short(method), X, y, cv=3, scoring="neg_mean_absolute_error", n_jobs=2)).all()


def test_grid_search(two_columns):
    X, y = two_columns
    search = GridSearchCV(short("sgd"), {"rank": [0, 2], "regularization": [0.02, 0.1]}, cv=2).fit(X, y)
    assert set(search.best_params_) == {"rank", "regularization"}
    assert search.predict(X[:5]).shape == (5,)
    random = RandomizedSearchCV(short("sgd"), {"rank": [1, 2, 3]}, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert random.best_estimator_.rank in (1, 2, 3)


def test_tables(two_columns):
    pandas = pytest.importorskip("pandas")
    X, y = two_columns
    frame = pandas.DataFrame(X, columns=["who", "what"])
    expected = cross_val_score(short("sgd"), X, y, cv=3)
    np.testing.assert_allclose(cross_val_score(short("sgd"), frame, pandas.Series(y), cv=3), expected)


def test_pipeline(two_columns):
    X, y = two_columns
    pipeline = make_pipeline(FunctionTransformer(lambda pairs: pairs + 1), short("sgd")).fit(X, y)
    expected = short("sgd").fit(X + 1, y)
    np.testing.assert_array_equal(pipeline.predict(X), expected.predict(X + 1))
    assert pipeline.score(X, y) == expected.score(X + 1, y)
    search = GridSearchCV(Pipeline([("model", short("sgd"))]), {"model__rank": [1, 2]}, cv=2).fit(X, y)
    assert search.best_params_["model__rank"] in (1, 2)


@pytest.mark.skipif("nmf" not in classes, reason="this version has no NMF")
def test_parts_of_a_matrix_with_zeros():
    random = np.random.default_rng(0)
    W, H = random.gamma(0.3, size=(40, 3)), random.gamma(0.3, size=(3, 30))
    X = np.round(W @ H, 2).astype(np.float32)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    model = lowrank.NMF(rank=3, absent="zero", epochs=300)
    rows = model.fit_transform(sparse)
    assert rows.shape == (40, 3) and model.components_.shape == (3, 30) and (rows >= 0).all() and (model.components_ >= 0).all()
    assert np.linalg.norm(X - rows @ model.components_) < 0.1 * np.linalg.norm(X)
    new = model.transform(sparse[:7])
    assert new.shape == (7, 3) and (new >= 0).all()
    assert np.linalg.norm(X[:7] - new @ model.components_) < 0.15 * np.linalg.norm(X[:7])
    make_pipeline(lowrank.NMF(rank=3, absent="zero"), FunctionTransformer()).fit_transform(sparse)


PAIRS = "predict takes users and items, not the rows of a matrix"
# Checks of scikit-learn that NMF fails, each because one of its methods means something else here.
EXPECTED = {
    "check_n_features_in_after_fitting": PAIRS,
    "check_estimators_dtypes": PAIRS,
    "check_dtype_object": PAIRS,
    "check_estimator_sparse_array": PAIRS,
    "check_estimator_sparse_matrix": PAIRS,
    "check_estimators_pickle": PAIRS,
    "check_f_contiguous_array_estimator": PAIRS,
    "check_methods_sample_order_invariance": PAIRS,
    "check_methods_subset_invariance": PAIRS,
    "check_dict_unchanged": PAIRS,
    "check_fit_idempotent": PAIRS,
    "check_fit2d_predict1d": PAIRS,
    # Its partial_fit takes new ratings of users by id, of which a matrix of numbers has none.
    "check_fit_score_takes_y": PAIRS,
}
NO_RATINGS = "with absent=zero the model predicts no ratings, so that it has no score"


@pytest.mark.parametrize("absent", ["missing", "zero"])
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(absent):
    expected = dict(EXPECTED)
    if absent == "zero":
        expected |= {"check_pipeline_consistency": NO_RATINGS}
    results = check_estimator(lowrank.NMF(rank=3, epochs=300, absent=absent), expected_failed_checks=expected, on_fail=None, on_skip=None)
    failed = {one["check_name"]: str(one["exception"]) for one in results if one["status"] == "failed"}
    assert failed == {}
    # What is expected to fail does.
    assert {one["check_name"] for one in results if one["status"] == "xfail"} == set(expected)


# Checks that any estimator must pass which learns from ids: the others hand over features, which are no ids.
OF_IDS = ["check_no_attributes_set_in_init", "check_do_not_raise_errors_in_init_or_set_param", "check_parameters_default_constructible",
          "check_get_params_invariance", "check_set_params", "check_mixin_order", "check_estimator_tags_renamed", "check_estimator_repr",
          "check_estimators_unfitted",
          "check_estimator_cloneable", "check_fit1d", "check_valid_tag_types"]


@pytest.mark.filterwarnings("ignore")
def test_check_estimator_of_ids():
    results = check_estimator(short("sgd"), on_fail=None, on_skip=None)
    failed = {one["check_name"]: str(one["exception"]) for one in results if one["status"] == "failed"}
    assert {name: words for name, words in failed.items() if name in OF_IDS} == {}


def test_not_fitted_is_theirs_too(method, ratings):
    for ask in (lambda: short(method).predict([1], [2]), lambda: short(method).users_, lambda: short(method).save("nowhere")):
        with pytest.raises(sklearn.exceptions.NotFittedError) as caught:
            ask()
        assert isinstance(caught.value, lowrank.NotFittedError)
        again = pickle.loads(pickle.dumps(caught.value))
        assert isinstance(again, sklearn.exceptions.NotFittedError) and str(again) == str(caught.value)


def test_y_of_one_column_in_searches(two_columns):
    X, y = two_columns
    expected = short("sgd").fit(X, y)
    np.testing.assert_array_equal(short("sgd").fit(X, y[:, None]).predict(X), expected.predict(X))


@pytest.fixture
def matrix():
    random = np.random.default_rng(3)
    return np.round(random.gamma(0.3, size=(30, 3)) @ random.gamma(0.3, size=(3, 20)), 2)


def test_nmf_is_a_transformer(matrix):
    model = lowrank.NMF(rank=3, absent="zero", epochs=200)
    np.testing.assert_array_equal(model.fit(matrix, np.arange(30)).user_factors_, lowrank.NMF(rank=3, absent="zero", epochs=200).fit(matrix).user_factors_)
    assert model.n_features_in_ == 20 and model.n_components_ == 3 and 1 <= model.n_iter_ <= 200
    assert model.get_feature_names_out().tolist() == ["nmf0", "nmf1", "nmf2"]
    W = model.transform(matrix)
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_, rtol=1e-6)
    tags = sklearn.utils.get_tags(model)
    assert tags.transformer_tags is not None and tags.regressor_tags is None and tags.input_tags.positive_only and not tags.target_tags.required
    for X, words in ((matrix[:, :19], "X has 19 features, but NMF is expecting 20 features as input"), (-matrix, "Negative values in data")):
        for form in (X, pytest.importorskip("scipy.sparse").csr_matrix(X)):
            with pytest.raises(lowrank.DataError, match=words):
                model.transform(form)
    with pytest.raises(lowrank.DataError, match="Negative values in data"):
        lowrank.NMF().fit(-matrix)
    with pytest.raises(lowrank.DataError, match=r"shape \(rows, 3\)"):
        model.inverse_transform(W[:, :2])
    parts = make_pipeline(lowrank.NMF(rank=3, absent="zero"), linear_model.LinearRegression()).fit(matrix, np.arange(30))
    assert parts.predict(matrix).shape == (30,)
    # Arrays of three or four columns, of which elsewhere it is not clear what they are, are matrices here.
    assert lowrank.NMF(rank=1).fit(np.ones((5, 3), int)).n_features_in_ == 3


@pytest.mark.parametrize("options", [{"absent": "zero"}, {"absent": "zero", "l1_regularization": 0.01}, {"absent": "missing", "biases": False},
                                     {"absent": "zero", "objective": "kullback-leibler"}, {"objective": "kullback-leibler"}], ids=str)
def test_reconstruction_error(matrix, options):
    matrix = matrix + 0.01
    model = lowrank.NMF(rank=3, epochs=20, **options).fit(matrix)
    product = model.user_factors_.astype(float) @ model.item_factors_.T
    if "objective" in options:
        expected = np.sqrt(2 * np.sum(matrix * np.log(matrix / product) - matrix + product))
    else:
        expected = np.linalg.norm(matrix - product)
    assert model.reconstruction_err_ == pytest.approx(expected, rel=1e-3)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(matrix)
    assert lowrank.NMF(rank=3, epochs=20, **options).fit(sparse).reconstruction_err_ == pytest.approx(expected, rel=1e-3)


def test_nmf_of_tables(matrix):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(matrix, columns=[f"word {at}" for at in range(20)])
    model = lowrank.NMF(rank=2, absent="zero").fit(frame)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_array_equal(model.transform(frame), model.transform(matrix))
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(frame[frame.columns[::-1]])
    # Ratings with ids are still ratings.
    ratings = lowrank.NMF(rank=1).fit(pandas.DataFrame({"user": ["a", "b"], "item": ["x", "y"], "rating": [1, 2]}))
    assert ratings.users_.tolist() == ["a", "b"] and not hasattr(ratings, "feature_names_in_")
