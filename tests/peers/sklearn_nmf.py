"""Runs scikit-learn's own tests of its NMF on lowrank's: a plugin of pytest that puts an adapter in the place of the class.

    python -m pytest -p sklearn_nmf --pyargs sklearn.decomposition.tests.test_nmf

What asks for parts of scikit-learn's code, for a start of one's own or for different penalties on the two sides is left out, each with its reason.
"""

import lowrank
import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition
from sklearn.base import BaseEstimator

#: Tests of the estimator; the others are of functions within scikit-learn, of its messages, or of MiniBatchNMF.
TESTS = {
    "test_nmf_fit_nn_output",
    "test_nmf_fit_close",
    "test_nmf_true_reconstruction",
    "test_nmf_transform",
    "test_nmf_inverse_transform",
    "test_n_components_greater_n_features",
    "test_nmf_sparse_input",
    "test_nmf_sparse_transform",
    "test_nmf_regularization",
    "test_nmf_float32_float64_consistency",
    "test_feature_names_out",
    "test_nmf_n_components_auto",
}


class NMF(BaseEstimator):
    """scikit-learn's parameters and attributes over a :class:`lowrank.NMF`."""

    def __init__(self, n_components="auto", *, init=None, solver="cd", beta_loss="frobenius", tol=1e-4, max_iter=200, random_state=None,
                 alpha_W=0.0, alpha_H="same", l1_ratio=0.0, verbose=0, shuffle=False):
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle

    def _model(self, X):
        if self.init == "custom":
            pytest.skip("lowrank takes no start of one's own")
        if self.alpha_H not in ("same", self.alpha_W):
            pytest.skip("lowrank has one penalty for both sides")
        divergence = self.beta_loss in ("kullback-leibler", 1)
        if not divergence and self.beta_loss not in ("frobenius", 2):
            pytest.skip("lowrank has the Frobenius norm and the Kullback-Leibler divergence alone")
        values = X.data if scipy.sparse.issparse(X) else X[X != 0]
        random = self.init == "random" or self.n_components_beyond(X)
        # lowrank's penalties are of ratings that are divided by their root mean square, and of factors divided by its root.
        scale = np.sqrt(np.mean(np.square(values, dtype=float)))
        return lowrank.NMF(
            rank=X.shape[1] if self.n_components in (None, "auto") else self.n_components,
            absent="zero",
            objective="kullback-leibler" if divergence else "frobenius",
            solver="multiplicative" if self.solver == "mu" else "coordinate",
            initialization="random" if random else "nndsvd",
            regularization=self.alpha_W * (1 - self.l1_ratio) / (1 if divergence else scale),
            l1_regularization=self.alpha_W * self.l1_ratio / (np.sqrt(scale) if divergence else scale**1.5),
            epochs=self.max_iter,
            tolerance=min(self.tol**2, 1),
            **({"seed": self.random_state} if random and isinstance(self.random_state, int) else {}),
        )

    def n_components_beyond(self, X):
        return not isinstance(self.n_components, str) and self.n_components is not None and self.n_components > min(X.shape)

    def fit(self, X, y=None, **start):
        self.fit_transform(X, y, **start)
        return self

    def fit_transform(self, X, y=None, W=None, H=None):
        self._fitted = self._model(X)
        W = self._fitted.fit_transform(X)
        self.components_ = self._fitted.components_
        self.n_components_ = self.components_.shape[0]
        self.reconstruction_err_ = self._fitted.reconstruction_err_
        self.n_iter_ = self._fitted.n_iter_
        return W

    def transform(self, X):
        return self._fitted.transform(X)

    def inverse_transform(self, X):
        return self._fitted.inverse_transform(X)

    def get_feature_names_out(self):
        return self._fitted.get_feature_names_out()


sklearn.decomposition.NMF = NMF


def pytest_collection_modifyitems(config, items):
    chosen = [one for one in items if one.originalname in TESTS and "MiniBatchNMF" not in one.name]
    config.hook.pytest_deselected(items=[one for one in items if one not in chosen])
    items[:] = chosen
    missing = TESTS - {one.originalname for one in items}
    if missing:
        raise pytest.UsageError(f"scikit-learn has no such tests any more: {sorted(missing)}")
