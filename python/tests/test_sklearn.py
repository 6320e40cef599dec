"""Estimators within scikit-learn's machinery."""

import lowrank
import numpy as np
import pytest
from conftest import short
from lowrank._methods import classes

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, cross_val_predict, cross_val_score  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402
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
    assert is_regressor(model) and not is_classifier(model)


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
