"""What only non-negative factorization has: a transformer of matrices, as in scikit-learn."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._columns import as_table, is_table, library_of
from lowrank._errors import DataError
from lowrank._estimator import Estimator
from lowrank._input import is_sparse
from lowrank._wide import is_wide

Self = TypeVar("Self", bound="WithParts")


class WithParts(Estimator):
    """The two matrices of a matrix of numbers that are not negative: X is about `transform(X)` times `components_`."""

    # Weights are for ratings alone, by name: scikit-learn would ask them of matrices too.
    def fit(self: Self, X: Any, y: Any = None, **how: Any) -> Self:  # type: ignore[override]
        """Train on ratings, or on a matrix, whose `y` is ignored: an array of more than two columns, or of floating-point numbers.

        Parameters
        ----------
        X : ratings
            As of :meth:`lowrank.Estimator.fit`; also a pandas table of numbers, a row per sample.
        y : array_like, optional
            Ignored if X is a matrix, as transformers do. If X has two columns of ids, user and item: the ratings.
        **how
            As of :meth:`lowrank.Estimator.fit`.

        Returns
        -------
        self
        """
        of_ids = how.get("columns") is not None or how.get("layout", "dense") not in ("dense", "auto") or how.get("format") == "matrix"
        matrix, names = (None, None) if of_ids or (is_table(X) and is_wide(as_table(X))) else _matrix(X, y)
        if matrix is None:
            super().fit(X, y, **how)
        else:
            _check_cells(matrix, "fit")
            super().fit(matrix, **{"layout": "dense", **how} if isinstance(matrix, np.ndarray) else how)
        self._summary["reconstruction_err"] = self._distance(matrix)
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        return self

    def fit_transform(self, X: Any, y: Any = None, **how: Any) -> npt.NDArray[np.float32]:
        """Fit, and return the factors of the rows.

        Parameters
        ----------
        X : sparse matrix or array of shape (rows, columns)
            Anything that `fit` takes.
        y : array_like, optional
            As of `fit`.
        **how
            As of `fit`.

        Returns
        -------
        ndarray of shape (rows, rank), float32
        """
        return self.fit(X, y, **how).user_factors_

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """The factors of new rows, against the fixed `components_`.

        Parameters
        ----------
        X : sparse matrix, array or pandas table of shape (rows, columns)
            Columns as those fitted. NaN is missing, as is what a sparse matrix does not hold; with ``absent="zero"`` that is 0.

        Returns
        -------
        ndarray of shape (rows, rank), float32
            Zeros for a row without entries.

        Raises
        ------
        DataError
            For a negative entry, or another number of columns than that fitted.
        """
        self = self._snapshot()
        self._fitted()
        matrix, names = _matrix(X, None)
        if matrix is None:
            raise DataError("X: expected a matrix of rows x columns")
        _check_cells(matrix, "transform")
        if names is not None and "feature_names_in_" in vars(self) and list(names) != list(self.feature_names_in_):
            raise DataError(_other_names(list(names), list(self.feature_names_in_)))
        if matrix.shape[1] != self.n_features_in_:
            raise DataError(
                f"X has {matrix.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input"
            )
        coo = _entries(matrix)
        rows = np.zeros((matrix.shape[0], self._n_features_out), np.float32)
        if len(coo[0]):
            folded = self.fold_in((coo[0], self.items_[coo[1]], coo[2]))
            rows[folded.users_] = folded.user_factors_
        return rows

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the root mean squared error of the predictions of ratings; of a matrix, whose `y` is ignored, over its entries.

        Parameters
        ----------
        X, y : ratings
            As of `fit`.

        Returns
        -------
        float
        """
        matrix, _ = _matrix(X, y)
        return super().score(X, y) if matrix is None else super().score(matrix)

    def inverse_transform(self, X: Any) -> npt.NDArray[np.float32]:
        """The matrix that factors stand for: X times `components_`.

        Parameters
        ----------
        X : ndarray of shape (rows, rank)
            Factors, as of `transform`.

        Returns
        -------
        ndarray of shape (rows, columns), float32
        """
        factors = np.asarray(X.toarray() if is_sparse(X) else X, dtype=np.float32)
        self = self._snapshot()
        if factors.ndim != 2 or factors.shape[1] != self.components_.shape[0]:
            raise DataError(f"X: expected an array of shape (rows, {self.components_.shape[0]}), got {factors.shape}")
        product: npt.NDArray[np.float32] = factors @ self.components_
        return product

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """The names of the parts: nmf0, nmf1, ...

        Parameters
        ----------
        input_features : ignored
            For the sake of scikit-learn.

        Returns
        -------
        ndarray of shape (rank,), object
        """
        return np.array([f"{type(self).__name__.lower()}{part}" for part in range(self._n_features_out)], dtype=object)

    @property
    def components_(self) -> npt.NDArray[np.float32]:
        """The factors of the columns, shape (rank, columns): a view."""
        return self.item_factors_.T

    @property
    def n_components_(self) -> int:
        """The number of parts."""
        return self._n_features_out

    @property
    def _n_features_out(self) -> int:
        return int(self.item_factors_.shape[1])

    @property
    def n_features_in_(self) -> int:
        """The number of columns of the matrix."""
        return len(self.items_)

    @property
    def n_iter_(self) -> int:
        """The number of epochs that were run; after `load` those of the kept model."""
        self = self._snapshot()
        return int(self.summary_.get("epochs", self.record_["epochs"]))

    @property
    def reconstruction_err_(self) -> float:
        """The distance between matrix and model over the cells of the loss: the Frobenius norm of the difference, or the root of twice
        the Kullback-Leibler divergence. NaN after `load`.
        """
        self = self._snapshot()
        self._fitted()
        return float(self._summary.get("reconstruction_err", np.nan))

    def _distance(self, matrix: Any) -> float:
        """The distance to what was fitted."""
        train = self._summary.get("train", {})
        options = self.record_["options"]
        zeros, divergence = options["absent"] == "zero", options["objective"] == "kullback-leibler"
        if matrix is None:  # of ratings with ids there is only their error
            return float(train["rmse"] * np.sqrt(self._summary["ratings"])) if "rmse" in train and not divergence else float("nan")
        W, H = self.user_factors_.astype(np.float64), self.item_factors_.astype(np.float64)
        rows, columns, values = _entries(matrix)
        values = values.astype(np.float64)
        scores = np.empty(len(values))
        for begin in range(0, len(values), 1 << 16):
            part = slice(begin, begin + (1 << 16))
            scores[part] = np.einsum("ij,ij->i", W[rows[part]], H[columns[part]])
            scores[part] += self.mean_ + self.user_biases_[rows[part]] + self.item_biases_[columns[part]]
        if divergence:
            some = values > 0
            total = float(W.sum(axis=0) @ H.sum(axis=0)) if zeros else float(scores.sum())
            tiny = np.finfo(np.float64).tiny
            loss = float((values[some] * np.log(values[some] / np.maximum(scores[some], tiny))).sum() - values.sum() + total)
            return float(np.sqrt(2 * max(loss, 0.0)))
        squares = float(np.square(values - scores).sum())
        if zeros:  # and those of the cells that the matrix does not hold
            squares += float(np.sum((W.T @ W) * (H.T @ H)) - np.square(scores).sum())
        return float(np.sqrt(max(squares, 0.0)))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float32"]),
            regressor_tags=None,
            classifier_tags=None,
            input_tags=InputTags(two_d_array=True, sparse=True, allow_nan=True, positive_only=True),
        )


def _matrix(X: Any, y: Any) -> tuple[Any, npt.NDArray[Any] | None]:
    """X as an array or sparse matrix, and the names of its columns; nothing where X holds ids."""
    if is_sparse(X):
        return X, None
    if is_table(X):
        X = as_table(X)
        names = X.schema.names if library_of(X) == "pyarrow" else list(X.columns)
        named = _core.columns_by_name([str(name) for name in names])
        if {"user", "item"} <= set(names) or named["header"] or not hasattr(X, "to_numpy"):
            return None, None
        values = X.to_numpy()
        if values.dtype.kind not in "iufb" or (y is not None and values.shape[1] == 2 and values.dtype.kind != "f"):
            return None, None
        return values, np.array(names, dtype=object) if all(isinstance(name, str) for name in names) else None
    if hasattr(X, "__array__") and not isinstance(X, np.ndarray):
        X = np.asarray(X)
    if isinstance(X, list) and X and isinstance(X[0], (list, np.ndarray)):
        X = np.asarray(X)
    if not isinstance(X, np.ndarray) or isinstance(X, np.ma.MaskedArray) or X.ndim != 2:
        return None, None
    if y is not None and X.shape[1] == 2 and X.dtype.kind not in "fc":
        return None, None
    return np.asarray(X), None


def _check_cells(matrix: Any, where: str) -> None:
    """What scikit-learn asks of a matrix, in its words."""
    if matrix.dtype.kind == "c":
        raise DataError("X: Complex data not supported")
    for name, size in zip(("sample", "feature"), matrix.shape):
        if size == 0:
            raise DataError(f"X: found array with 0 {name}(s) (shape={tuple(matrix.shape)}) while a minimum of 1 is required.")
    values = matrix.data if is_sparse(matrix) else matrix
    if values.dtype.kind in "if" and bool((values < 0).any()):
        raise DataError(f"X: Negative values in data passed to NMF.{where}: its factors are not negative")


def _entries(matrix: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Rows, columns and values of what is not missing."""
    if is_sparse(matrix):
        coo = matrix.tocsr().tocoo()
        return np.asarray(coo.row, np.int64), np.asarray(coo.col, np.int64), np.asarray(coo.data)
    values = matrix.astype(np.float64) if matrix.dtype.kind == "O" else matrix
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    rows, columns = np.nonzero(known)
    return rows, columns, values[rows, columns]


def _other_names(given: list[Any], fitted: list[Any]) -> str:
    """scikit-learn's words for columns that are not those fitted."""
    lines = ["The feature names should match those that were passed during fit."]
    unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    for words, names in (("Feature names unseen at fit time:", unseen), ("Feature names seen at fit time, yet now missing:", missing)):
        if names:
            lines += [words, *(f"- {name}" for name in names[:5])]
    if not unseen and not missing:
        lines.append("Feature names must be in the same order as they were in fit.")
    return "\n".join(lines) + "\n"
