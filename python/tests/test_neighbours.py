"""Ratings predicted by neighbours, against Surprise where it is installed, and against a dense loop."""

import lowrank
import numpy as np
import pytest
import scipy.sparse


@pytest.fixture
def opinions():
    random = np.random.default_rng(3)
    users, items = np.nonzero(random.random((50, 30)) < 0.4)
    tastes = random.normal(size=(50, 2)), random.normal(size=(30, 2))
    values = np.clip(np.round(3 + (tastes[0][users] * tastes[1][items]).sum(axis=1) + 0.3 * random.normal(size=len(users))), 1, 5)
    return users, items, values


def dense_weights(model, rows):
    return scipy.sparse.csr_array(model.neighbours_, shape=(rows, rows)).toarray()


def numbered(model, ratings):
    """The ratings by the rows of the model."""
    users, items = ({id: row for row, id in enumerate(ids)} for ids in (model.users_, model.items_))
    return np.array([users[id] for id in ratings[0]]), np.array([items[id] for id in ratings[1]]), ratings[2]


def residuals(model, ratings):
    users, items, values = numbered(model, ratings)
    left = np.full((50, 30), np.nan)
    left[users, items] = values - model.mean_ - model.user_biases_[users] - model.item_biases_[items]
    return left


@pytest.mark.parametrize("side", ["items", "users"])
def test_predictions_are_damped_means(opinions, side):
    model = lowrank.ItemNeighbours(similarity="pearson", side=side, neighbours=8, damping=0.2).fit(opinions)
    left = residuals(model, opinions)
    rated = ~np.isnan(left)
    known = np.where(rated, left, 0)
    if side == "items":
        weights = dense_weights(model, 30)
        means = known @ weights / (0.2 + rated @ weights)
    else:
        weights = dense_weights(model, 50)
        means = weights @ known / (0.2 + weights @ rated)
    scores = model.mean_ + model.user_biases_[:, None] + model.item_biases_[None, :] + means
    users, items = (pairs.ravel() for pairs in np.meshgrid(np.arange(50), np.arange(30), indexing="ij"))
    np.testing.assert_allclose(model.predict(model.users_[users], model.items_[items]), np.clip(scores.ravel(), 1, 5), atol=2e-6)
    assert model.evaluate(opinions)["rmse"] > 0


@pytest.mark.parametrize("side", ["items", "users"])
def test_weights_are_those_of_surprise(opinions, side):
    similarities = pytest.importorskip("surprise.similarities")
    model = lowrank.ItemNeighbours(similarity="pearson", side=side, neighbours=1000, power=1.0).fit(opinions)
    users, items, values = numbered(model, opinions)
    rows, columns, row_biases, column_biases = items, users, model.item_biases_, model.user_biases_
    if side == "users":
        rows, columns, row_biases, column_biases = columns, rows, column_biases, row_biases
    by_column = {column: [] for column in range(len(column_biases))}
    for row, column, value in zip(rows, columns, values):
        by_column[column].append((row, value))
    biases = [np.asarray(side_biases, float) for side_biases in (row_biases, column_biases)]
    expected = similarities.pearson_baseline(len(row_biases), by_column, 1, model.mean_, *biases, 100)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(dense_weights(model, len(row_biases)), np.maximum(expected, 0), atol=1e-6)
