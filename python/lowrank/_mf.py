"""The class of the article that lowrank started from."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import shown
from lowrank._errors import DataError, NotFittedError, OptionError, TrainingWarning


class MF:
    """Matrix factorization exactly as in the article's program, at the speed of compiled code.

    Zeros mark missing ratings, as there: an entry above zero is a rating to learn from, one that is not zero counts in the error
    and in the mean.

    Parameters
    ----------
    R : array_like of shape (users, items)
        The ratings.
    K : int
        Number of latent features.
    alpha : float
        Learning rate.
    beta : float
        Regularisation.
    iterations : int
        Number of passes over the ratings.
    seed : int, optional
        Of start and order; by default drawn from numpy's global generator, so that ``numpy.random.seed`` repeats a run.

    Attributes
    ----------
    P : ndarray of shape (users, K), float64
        After `train`, as all that follow.
    Q : ndarray of shape (items, K), float64
    b : float
        Mean of the entries that are not zero.
    b_u : ndarray of shape (users,), float64
    b_i : ndarray of shape (items,), float64

    References
    ----------
    Albert Au Yeung, Matrix Factorization: A Simple Tutorial and Implementation in Python, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from lowrank import MF
    >>> R = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]])
    >>> mf = MF(R, K=2, alpha=0.1, beta=0.01, iterations=20, seed=1)
    >>> len(mf.train())
    Iteration: 10 ; error = 0.3485
    Iteration: 20 ; error = 0.0458
    20
    >>> bool(abs(mf.get_rating(0, 0) - 5) < 0.1)
    True
    """

    P: npt.NDArray[np.float64]
    Q: npt.NDArray[np.float64]
    b: np.float64
    b_u: npt.NDArray[np.float64]
    b_i: npt.NDArray[np.float64]

    def __init__(self, R: Any, K: int, alpha: float, beta: float, iterations: int, seed: int | None = None) -> None:
        try:
            given = np.asarray(R)
            ratings = given.astype(np.float64) if given.dtype.kind in "iufbO" else None
        except (TypeError, ValueError):
            ratings = None
        if ratings is None:
            raise DataError("R: expected an array of numbers")
        if ratings.ndim != 2:
            raise DataError(f"R: expected a matrix of users x items, got shape {ratings.shape}")
        if not np.isfinite(ratings).all():
            raise DataError("R: every entry must be a finite number; zeros mark missing ratings")
        self.R = R if isinstance(R, np.ndarray) else ratings
        self.num_users, self.num_items = ratings.shape
        self.K = _number(K, "K", 1, whole=True)
        self.alpha = _number(alpha, "alpha", 0)
        self.beta = _number(beta, "beta", 0)
        self.iterations = _number(iterations, "iterations", 0, whole=True)
        if seed is not None:
            _number(seed, "seed", 0, 2**32 - 1, whole=True)
        self.seed = seed

    def train(self) -> list[tuple[int, float]]:
        """Run all iterations from a new start, printing the error after every tenth as the article's program does.

        Where the numbers run away, the iterations go on from the start with a tenth of the rate, and a warning says so.

        Returns
        -------
        list of (int, float)
            Every iteration, counted from 0, and the error after it (see `mse`).
        """
        ratings = np.asarray(self.R, dtype=np.float64)
        users, items = np.nonzero(ratings > 0)
        if len(users) == 0:
            raise DataError("R: there is no entry above zero to learn from")
        values = ratings[users, items]
        seed = np.random.randint(2**32, dtype=np.uint64) if self.seed is None else self.seed
        random = np.random.RandomState(int(seed))
        self.P = random.normal(scale=1.0 / self.K, size=(self.num_users, self.K))
        self.Q = random.normal(scale=1.0 / self.K, size=(self.num_items, self.K))
        self.b_u = np.zeros(self.num_users)
        self.b_i = np.zeros(self.num_items)
        self.b = np.float64(np.mean(ratings[np.where(ratings != 0)]))
        program = self._program()
        learned = users.astype(np.uint32), items.astype(np.uint32), values
        program.start(*learned, *_entries(ratings), float(self.alpha), float(self.beta))
        training_process = []
        for iteration in range(self.iterations):
            error, cuts = program.iterate(random.permutation(len(values)).astype(np.uint32))
            for rate, smaller in cuts:
                warnings.warn(
                    f"iteration {iteration + 1}: training diverged; it goes on from the start with alpha = {smaller:g} instead of {rate:g}",
                    TrainingWarning,
                    stacklevel=2,
                )
            training_process.append((iteration, error))
            if (iteration + 1) % 10 == 0:
                print(f"Iteration: {iteration + 1} ; error = {error:.4f}")
        return training_process

    def _program(self) -> _core.Tutorial:
        P, Q, b_u, b_i = (np.ascontiguousarray(array, dtype=np.float64) for array in (self.P, self.Q, self.b_u, self.b_i))
        return _core.Tutorial(P, Q, b_u, b_i, float(self.b))

    def mse(self) -> float:
        """Root of the sum of squared errors over the entries that are not zero (which is what the article's `mse` returns).

        Returns
        -------
        float
        """
        self._trained()
        ratings = np.asarray(self.R, dtype=np.float64)
        return self._program().error(*_entries(ratings))

    def get_rating(self, i: int, j: int) -> np.float64:
        """The predicted rating of user i and item j.

        Parameters
        ----------
        i, j : int
            Row and column of R.

        Returns
        -------
        float
        """
        self._trained()
        prediction: np.float64 = self.b + self.b_u[i] + self.b_i[j] + self.P[i, :].dot(self.Q[j, :].T)
        return prediction

    def full_matrix(self) -> npt.NDArray[np.float64]:
        """All predicted ratings.

        Returns
        -------
        ndarray of shape (users, items), float64
        """
        self._trained()
        matrix: npt.NDArray[np.float64] = (
            self.b + self.b_u[:, np.newaxis] + self.b_i[np.newaxis, :] + self.P.dot(self.Q.T)
        )
        return matrix

    def _trained(self) -> None:
        if "P" not in vars(self):
            raise NotFittedError("this MF is not trained yet: call train first")


def _entries(ratings: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.float64]]:
    users, items = ratings.nonzero()
    return users.astype(np.uint32), items.astype(np.uint32), ratings[users, items]


def _number(value: Any, name: str, least: float, most: float = np.inf, *, whole: bool = False) -> Any:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kinds):
        raise OptionError(f"{name}: expected a {'whole ' if whole else ''}number, got {shown(value)}", name)
    if not least <= value <= most or value == np.inf:
        raise OptionError(f"{name}: must be at least {least:g}{'' if most == np.inf else f' and at most {most:g}'}, got {shown(value)}", name)
    return value
