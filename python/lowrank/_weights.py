"""Weights of ratings: one per row of a table, or one per cell or stored entry of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank._columns import Values, value_column
from lowrank._errors import DataError, OptionError
from lowrank._input import File, Matrix, Numbers, Source, is_sparse

Positions = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def weigh(source: Source, X: Any, weights: Any) -> None:
    """Gives ratings their weights.

    Parameters
    ----------
    source : File, Columns or Matrix
        What was made of X.
    X : ratings
        As they were given.
    weights : array_like or sparse matrix
        See :meth:`lowrank.Estimator.fit`.
    """
    if isinstance(source, File):
        raise OptionError('sample_weight: a file has its weights in a column, columns={"weight": ...}', "sample_weight")
    if source.weights is not None:
        raise OptionError("sample_weight: the weights are in the column that columns names already", "sample_weight")
    if is_sparse(X):
        source.weights = _of_entries(X, source, weights)
    elif isinstance(source, Matrix):
        source.weights = _of_cells(source, weights)
    else:
        source.weights = value_column(weights, "sample_weight")


def _array(weights: Any) -> npt.NDArray[Any]:
    if isinstance(weights, np.ma.MaskedArray):
        return weights
    try:
        return np.asarray(weights)
    except (TypeError, ValueError):
        raise DataError("sample_weight: expected numbers") from None


def _of_cells(source: Matrix, weights: Any) -> Values:
    """The weights of the cells that have a rating, of an array as large as the matrix."""
    expected = f"sample_weight: expected one weight per cell of X, an array of shape {source.shape}"
    if is_sparse(weights):
        raise DataError(f"{expected}, got a sparse matrix")
    table = _array(weights)
    if table.shape != source.shape:
        raise DataError(f"{expected}, got shape {table.shape}")
    return _checked((source.users, source.items), value_column(table[source.users, source.items], "sample_weight"))


def _of_entries(X: Any, source: Source, weights: Any) -> Values:
    """The weights of the entries of a sparse matrix, in the order of its ratings in `source`."""
    if not is_sparse(weights):
        table = _array(weights)
        if table.ndim == 2 and isinstance(source, Matrix):
            return _of_cells(source, table)
        weights = _in_order_of(X, value_column(table, "sample_weight"))
    elif weights.shape != X.shape:
        raise DataError(f"sample_weight: expected a sparse matrix of shape {X.shape}, as X, got shape {weights.shape}")
    positions, values = _by_row(weights)
    of_ratings = (source.users, source.items) if isinstance(source, Matrix) else _distinct(_by_row(X)[0])
    twice = (np.diff(positions[0]) == 0) & (np.diff(positions[1]) == 0)
    if twice.any():
        at = int(twice.argmax())
        raise DataError(f"sample_weight: row {positions[0][at]}, column {positions[1][at]} has two weights; X must store each entry once")
    if not all(np.array_equal(one, other) for one, other in zip(positions, of_ratings)):
        raise DataError(
            f"sample_weight: a sparse matrix of weights must store the {len(of_ratings[0])} entries that X stores, "
            f"but its {len(values)} entries are others"
        )
    return _checked(positions, value_column(values, "sample_weight"))


def _in_order_of(X: Any, weights: Values) -> Any:
    """A matrix with a weight for each entry of X, of weights in the order of ``X.data``."""
    if X.format not in ("csr", "csc", "coo"):
        raise DataError(
            f"sample_weight: the entries of a {X.format.upper()} matrix have no order; give X as CSR, CSC or COO, or the weights as a sparse matrix"
        )
    if len(weights) != X.nnz:
        raise DataError(f"sample_weight: expected one weight for each of the {X.nnz} stored entries of X, got {len(weights)}")
    if X.format == "coo":
        return type(X)((weights, (X.row, X.col)), shape=X.shape)
    return type(X)((weights, X.indices[: X.nnz], X.indptr), shape=X.shape)


def _by_row(matrix: Any) -> tuple[Positions, npt.NDArray[Any]]:
    """Rows, columns and numbers of the entries of a sparse matrix, row by row, and within a row by column."""
    coo = matrix.tocoo()
    order = np.lexsort((coo.col, coo.row))
    return (coo.row[order], coo.col[order]), coo.data[order]


def _distinct(positions: Positions) -> Positions:
    rows, columns = positions
    first = np.ones(len(rows), bool)
    first[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
    return rows[first], columns[first]


def _checked(positions: tuple[Numbers, Numbers] | Positions, weights: Values) -> Values:
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        found = "NaN" if np.isnan(weights[at]) else "infinity, or a number beyond 32 bits" if np.isinf(weights[at]) else f"{weights[at]:.9g}"
        raise DataError(
            f"sample_weight: row {positions[0][at]}, column {positions[1][at]}: a weight must be a finite number of at least 0, found {found}"
        )
    return weights
