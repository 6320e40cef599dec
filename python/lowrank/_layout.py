"""How a list or array without names is laid out: as a matrix, as rows (user, item, rating), or as columns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank._checks import shown
from lowrank._errors import DataError, DataWarning, OptionError

#: What `layout` may say.
LAYOUTS = ("auto", "dense", "sparse", "triples", "columns")
_FIELDS = (3, 4)


def check_layout(layout: Any) -> str:
    """One of `LAYOUTS`."""
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise OptionError(f"layout: must be one of {', '.join(LAYOUTS)}, got {shown(layout)}", "layout")
    return layout


def check_layout_of(layout: Any, X: Any, y: Any) -> str:
    """The same, for data that has a layout: a list or array without `y`."""
    if check_layout(layout) != "auto" and (y is not None or not isinstance(X, (list, np.ndarray))):
        what = "X with y" if y is not None else type(X).__name__
        raise OptionError(f"layout: {layout} says what a list or array means, but X is not one: {what}", "layout")
    return str(layout)


def arranged(X: Any, layout: str, name: str) -> Any:
    """X as a tuple of columns or as a matrix of users x items; what is neither list nor array is returned as it is.

    Parameters
    ----------
    X : object
        Ratings, of whatever form.
    layout : str
        One of `LAYOUTS`. ``auto`` takes what can mean one thing only, and else asks.
    name : str
        Of the argument, for messages.
    """
    if isinstance(X, np.matrix):
        X = np.asarray(X)
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        raise DataError(f"{name}: a structured array is not a matrix; give its columns as a tuple (users, items, values)")
    if isinstance(X, list) and X and all(isinstance(row, tuple) for row in X):
        return _from_tuples(X, layout, name)
    if isinstance(X, list) and X and all(isinstance(row, (Sequence, np.ndarray)) and not isinstance(row, (str, bytes)) for row in X):
        return _from_lists(X, layout, name)
    if isinstance(X, np.ndarray) and X.ndim == 2:
        return _from_array(X, layout, name)
    return X


def _from_tuples(rows: list[tuple[Any, ...]], layout: str, name: str) -> Any:
    size = len(rows[0])
    if layout in ("auto", "triples") and size in _FIELDS and all(len(row) == size for row in rows):
        return tuple(list(column) for column in zip(*rows))
    if layout in ("auto", "triples"):
        at = next((at for at, row in enumerate(rows) if len(row) not in _FIELDS or len(row) != size), 0)
        raise DataError(f"{name}: row {at}: expected a user, an item, a rating and perhaps a time, got {shown(rows[at])}")
    return _from_lists(list(rows), layout, name)


def _from_lists(rows: list[Any], layout: str, name: str) -> Any:
    if layout == "columns":
        return _columns(rows, name)
    sizes = {len(row) for row in rows}
    if layout == "triples":
        if len(sizes) != 1 or not sizes <= set(_FIELDS):
            at = next((at for at, row in enumerate(rows) if len(row) not in _FIELDS or len(row) != len(rows[0])), 0)
            raise DataError(f"{name}: row {at}: expected a user, an item, a rating and perhaps a time, got {shown(rows[at])}")
        return tuple(list(column) for column in zip(*rows))
    if layout == "auto" and _has_text(rows):
        as_rows = len(sizes) == 1 and sizes <= set(_FIELDS) and not _has_text(list(row)[2:] for row in rows)
        as_columns = len(sizes) == 1 and len(rows) in _FIELDS and not _has_text(rows[2:])
        if as_rows and as_columns:
            raise DataError(_question(name, f"a list of {len(rows)} rows of {len(rows[0])}", "columns"))
        if as_rows:
            return tuple(list(column) for column in zip(*rows))
        if as_columns:
            return _columns(rows, name)
        raise DataError(f"{name}: expected numbers; ids and ratings are given as a tuple (users, items, values)")
    if layout == "auto" and len(rows) == 3 and len(sizes) == 1 and sizes != {1}:
        matrix = _array(rows, name)
        if matrix.ndim == 2 and _all_whole(matrix[:2]):
            raise DataError(_question(name, f"a list of 3 rows of {matrix.shape[1]}", "columns"))
    if len(sizes) > 1:
        raise DataError(f"{name}: the rows have different lengths")
    return _from_array(_array(rows, name), layout, name)


def _from_array(matrix: npt.NDArray[Any], layout: str, name: str) -> Any:
    if matrix.ndim != 2:
        return matrix
    if layout == "columns":
        return _columns(list(matrix), name)
    if layout == "triples":
        if matrix.shape[1] not in _FIELDS:
            raise DataError(f"{name}: expected 3 or 4 columns, user, item, rating and perhaps time, got an array of shape {matrix.shape}")
        return tuple(matrix[:, column] for column in range(matrix.shape[1]))
    if layout == "auto" and matrix.shape[1] in _FIELDS and not isinstance(matrix, np.ma.MaskedArray):
        if matrix.dtype.kind in "OUT" and _has_text([matrix[:1, :2].ravel().tolist()]):
            return tuple(matrix[:, column] for column in range(matrix.shape[1]))
        if _all_whole(matrix[:, :2]) and _has_no_gaps(matrix):
            raise DataError(_question(name, f"an array of shape {matrix.shape}", "triples"))
    if layout == "sparse":
        return _without_zeros(matrix, name)
    if layout == "auto":
        _warn_of_zeros(matrix, name)
    return matrix


def _columns(columns: list[Any], name: str) -> tuple[Any, ...]:
    if len(columns) not in _FIELDS:
        raise DataError(f"{name}: expected 3 or 4 columns, users, items, ratings and perhaps times, got {len(columns)}")
    return tuple(columns)


def _question(name: str, what: str, other: str) -> str:
    meaning = "rows (user, item, rating)" if other == "triples" else "the columns users, items and ratings"
    return (
        f"{name}: {what} may be a matrix of users x items or {meaning}: say which with layout=\"dense\" (every number is a rating), "
        f'layout="sparse" (zeros are missing) or layout="{other}", or give a tuple (users, items, values)'
    )


def _array(rows: list[Any], name: str) -> npt.NDArray[Any]:
    try:
        return np.asanyarray(rows)
    except ValueError:
        raise DataError(f"{name}: the rows have different lengths") from None


def _has_text(rows: Any) -> bool:
    return any(isinstance(one, (str, bytes)) for row in rows for one in (row.tolist() if isinstance(row, np.ndarray) else row))


def _all_whole(values: npt.NDArray[Any]) -> bool:
    """Whether values could be ids."""
    if values.dtype.kind in "iu":
        return True
    return values.dtype.kind == "f" and values.size > 0 and bool((np.floor(values) == values).all())


def _has_no_gaps(matrix: npt.NDArray[Any]) -> bool:
    return matrix.dtype.kind != "f" or not np.isnan(matrix).any()


def _without_zeros(matrix: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if isinstance(matrix, np.ma.MaskedArray):
        return np.ma.masked_equal(matrix, 0)
    try:
        values = matrix.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name}: expected numbers, with zeros for what is missing") from None
    values[values == 0] = np.nan
    return values


def _warn_of_zeros(matrix: npt.NDArray[Any], name: str) -> None:
    if matrix.dtype.kind not in "iufb" or isinstance(matrix, np.ma.MaskedArray) or not _has_no_gaps(matrix):
        return
    zeros = int(matrix.size - np.count_nonzero(matrix))
    if zeros and not (matrix.dtype.kind in "if" and matrix.min() < 0):
        warnings.warn(
            f'{name}: {zeros} of {matrix.size} cells are 0 and are taken as ratings of 0; layout="sparse" says that zeros are missing, '
            'layout="dense" that they are ratings',
            DataWarning,
            stacklevel=6,
        )
