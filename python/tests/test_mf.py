"""The article's class: its snippet as it stands, and the published program's figures."""

import contextlib
import io
import re

import lowrank
import numpy as np
import pytest
from lowrank import MF

EXAMPLE = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]])

SNIPPET = """
from lowrank import MF
import numpy as np

R = np.array([
    [5, 3, 0, 1],
    [4, 0, 0, 1],
    [1, 1, 0, 5],
    [1, 0, 0, 4],
    [0, 1, 5, 4],
])

mf = MF(R, K=2, alpha=0.1, beta=0.01, iterations=20)
training_process = mf.train()
print()
print("P x Q:")
print(mf.full_matrix())
print()
print("Global bias:")
print(mf.b)
print()
print("User bias:")
print(mf.b_u)
print()
print("Item bias:")
print(mf.b_i)
"""


def quiet(model):
    with contextlib.redirect_stdout(io.StringIO()):
        return model.train()


def test_the_snippet_prints_what_it_prints():
    np.random.seed(1)
    printed = io.StringIO()
    names = {}
    with contextlib.redirect_stdout(printed):
        exec(SNIPPET, names)
    lines = printed.getvalue().splitlines()
    assert re.fullmatch(r"Iteration: 10 ; error = \d\.\d{4}", lines[0])
    assert re.fullmatch(r"Iteration: 20 ; error = \d\.\d{4}", lines[1])
    assert lines[2:4] == ["", "P x Q:"] and "Global bias:" in lines and "User bias:" in lines and "Item bias:" in lines
    process = names["training_process"]
    assert [iteration for iteration, _ in process] == list(range(20))
    assert f"{process[9][1]:.4f}" in lines[0] and f"{process[19][1]:.4f}" in lines[1]
    assert float(lines[lines.index("Global bias:") + 1]) == pytest.approx(36 / 13)


def test_the_published_distribution_over_starts():
    errors = np.array([[error for _, error in quiet(MF(EXAMPLE, K=2, alpha=0.1, beta=0.01, iterations=20, seed=seed))] for seed in range(500)])
    # 5th, 50th and 95th percentile of the published program over 500 starts; three standard errors of such estimates.
    low, middle, high = np.percentile(errors[:, 19], [5, 50, 95])
    assert 0.032 < low < 0.040 and 0.051 < middle < 0.066 and 0.25 < high < 0.50
    low, middle, high = np.percentile(errors[:, 9], [5, 50, 95])
    assert 0.08 < low < 0.125 and 0.27 < middle < 0.38 and 0.85 < high < 1.25


def test_the_printed_matrix_of_the_article():
    known = EXAMPLE > 0
    matrices = []
    for seed in range(40):
        model = MF(EXAMPLE, 2, 0.1, 0.01, 20, seed=seed)
        quiet(model)
        matrices.append(model.full_matrix())
    printed = np.array([[4.99, 3, 3.34, 1.01], [4, 3.18, 2.98, 1.01], [1.02, 0.96, 5.54, 4.97], [1, 0.6, 4.78, 3.97], [1.53, 1.05, 4.94, 4.03]])
    middle = np.median(matrices, axis=0)
    assert np.abs(middle - printed)[known].max() < 0.06
    assert np.std(matrices, axis=0)[~known].min() > 0.2


def one_by_one(R, K, alpha, beta, P, Q, order):
    """The article's update in plain loops: with its quirk that the item learns from the new user vector."""
    P, Q = P.copy(), Q.copy()
    b, b_u, b_i = np.mean(R[R != 0]), np.zeros(len(P)), np.zeros(len(Q))
    for i, j in order:
        error = R[i, j] - (b + b_u[i] + b_i[j] + P[i] @ Q[j])
        b_u[i] += alpha * (error - beta * b_u[i])
        b_i[j] += alpha * (error - beta * b_i[j])
        for k in range(K):
            P[i, k] += alpha * (error * Q[j, k] - beta * P[i, k])
        for k in range(K):
            Q[j, k] += alpha * (error * P[i, k] - beta * Q[j, k])
    return P, Q, b_u, b_i


def test_one_iteration_is_the_articles():
    R = EXAMPLE.astype(float)
    R[1, 1], R[4, 0] = -2, 0.5
    model = MF(R, K=3, alpha=0.05, beta=0.02, iterations=1, seed=11)
    quiet(model)
    random = np.random.RandomState(11)
    P, Q = random.normal(scale=1 / 3, size=(5, 3)), random.normal(scale=1 / 3, size=(4, 3))
    samples = [(i, j) for i in range(5) for j in range(4) if R[i, j] > 0]
    order = [samples[n] for n in random.permutation(len(samples))]
    expected = one_by_one(R, 3, 0.05, 0.02, P, Q, order)
    for array, wanted in zip((model.P, model.Q, model.b_u, model.b_i), expected):
        np.testing.assert_allclose(array, wanted, rtol=1e-12)


def test_what_counts_is_what_the_program_counts():
    R = EXAMPLE.astype(float)
    R[0, 2], R[3, 1] = -1, 0.25
    model = MF(R, 2, 0.1, 0.01, 10, seed=2)
    process = quiet(model)
    assert model.b == pytest.approx(R[R != 0].mean())
    full = model.full_matrix()
    assert model.mse() == pytest.approx(np.sqrt(np.sum((R - full)[R != 0] ** 2)))
    assert process[-1][1] == pytest.approx(model.mse())
    assert model.get_rating(3, 1) == pytest.approx(full[3, 1])
    assert model.P.shape == (5, 2) and model.Q.shape == (4, 2) and model.b_u.shape == (5,) and model.b_i.shape == (4,)
    # The negative entry is none to learn from: without it the same steps are taken, but for the mean.
    assert abs(full[3, 1] - 0.25) < 0.5


def test_seeds():
    first, again, other = (MF(EXAMPLE, 2, 0.1, 0.01, 3, seed=seed) for seed in (5, 5, 6))
    assert quiet(first) == quiet(again) != quiet(other)
    np.random.seed(42)
    one = quiet(MF(EXAMPLE, 2, 0.1, 0.01, 3))
    two = quiet(MF(EXAMPLE, 2, 0.1, 0.01, 3))
    np.random.seed(42)
    assert quiet(MF(EXAMPLE, 2, 0.1, 0.01, 3)) == one != two


def test_numbers_that_run_away_are_caught():
    with pytest.warns(lowrank.TrainingWarning, match="alpha"):
        model = MF(EXAMPLE * 1e3, 2, 50.0, 0.01, 5, seed=1)
        quiet(model)
    assert np.isfinite(model.full_matrix()).all()


def test_errors():
    for arguments, words in [
        ((EXAMPLE[0], 2, 0.1, 0.01, 5), "R: expected a matrix"),
        (([["a"]], 2, 0.1, 0.01, 5), "R: expected an array of numbers"),
        ((np.full((2, 2), np.nan), 2, 0.1, 0.01, 5), "R: every entry must be a finite number"),
        ((EXAMPLE, 0, 0.1, 0.01, 5), "K: must be at least 1"),
        ((EXAMPLE, 2.5, 0.1, 0.01, 5), "K: expected a whole number"),
        ((EXAMPLE, 2, -1, 0.01, 5), "alpha: "),
        ((EXAMPLE, 2, 0.1, float("nan"), 5), "beta: "),
        ((EXAMPLE, 2, 0.1, 0.01, -5), "iterations: "),
    ]:
        with pytest.raises(lowrank.Error, match=words):
            MF(*arguments)
    with pytest.raises(lowrank.DataError, match="no entry above zero"):
        MF(np.zeros((2, 2)), 2, 0.1, 0.01, 5).train()
    with pytest.raises(lowrank.NotFittedError):
        MF(EXAMPLE, 2, 0.1, 0.01, 5).mse()
