"""Wide tables: a row per user, a column per item, and a missing value where there is no rating."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._columns import Values, id_column, library_of, value_column
from lowrank._errors import DataError

#: Users, items and values of the cells with a rating, row by row.
Cells = tuple[_core.Ids, _core.Ids, Values]


def is_wide(table: Any) -> bool:
    """Whether a table is one of users x items beyond doubt: it says so by the labels of its rows and columns."""
    names = _names(table)
    columns = _core.columns_by_name([str(name) for name in names])
    if len(names) < 2 or columns["header"] or {"user", "item", "rating"} & {str(name) for name in names[1:]}:
        return False
    inner = names[1:] if _starts_with_users(table) else names
    if len(inner) < 2 or not all(_is_numeric(table[name]) for name in inner) or len(set(names)) < len(names):
        return False
    if library_of(table) == "pandas":
        if not _is_counted(table.index):
            if _labels(table.columns) or _core.columns_by_name([str(table.index.name)])["user"] == 0:
                return True
            # A part of a longer table keeps its numbers, so these alone say nothing, and no user is a time.
            kind = table.index.dtype.kind
            return kind in "iuO" and (_is_alike(table, inner) or (kind == "O" and _has_missing(table, inner)))
        if not _starts_with_users(table):
            return (_labels(table.columns) or _is_counted(table.columns)) and not _may_be_triples(table)
    return columns["user"] == 0 and (_has_missing(table, inner) or (len(inner) > 2 and _is_alike(table, inner)))


def cells_of(table: Any) -> Cells:
    """The ratings of a table of users x items.

    Users are the index of a pandas table whose columns are all numbers, and the first column of any other table.
    """
    names = _names(table)
    if len(set(names)) < len(names):
        raise DataError("X: the table has two columns of the same name")
    first = _starts_with_users(table)
    inner = names[1:] if first else names
    users = id_column(table[names[0]], "users") if first else id_column(table.index, "users")
    if not inner:
        raise DataError("X: a table of users x items needs a column per item")
    matrix = np.empty((len(users), len(inner)), np.float64)
    for at, name in enumerate(inner):
        matrix[:, at] = _numbers(table[name], name)
    row, column = np.nonzero(~np.isnan(matrix))
    numbers, distinct = users.number()
    if len(distinct) < len(users):
        raise DataError("X: a table of users x items has one row per user, but a user of this one has two")
    given = distinct if isinstance(distinct, np.ndarray) else np.fromiter(distinct, dtype=object, count=len(distinct))
    items = np.empty(len(inner), dtype=object)
    items[:] = [name.item() if isinstance(name, np.generic) else name for name in inner]
    return (
        id_column(given[numbers[row]], "users"),
        id_column(items[column].tolist(), "items"),
        value_column(matrix[row, column], "X"),
    )


def _names(table: Any) -> list[Any]:
    return list(table.schema.names) if library_of(table) == "pyarrow" else list(table.columns)


def _is_numeric(column: Any) -> bool:
    library = library_of(column)
    if library == "pyarrow":
        import pyarrow

        kind = column.type
        return bool(pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_null(kind))
    if library == "polars":
        return bool(column.dtype.is_numeric() or str(column.dtype) == "Null")
    return getattr(column.dtype, "kind", "O") in "iuf"


def _numbers(column: Any, name: Any) -> npt.NDArray[np.float64]:
    try:
        if library_of(column) == "pyarrow":
            column = column.to_pandas()
        if library_of(column) == "polars":
            return np.asarray(column.cast(float, strict=False).to_numpy(), dtype=np.float64) if not _is_numeric(column) else np.asarray(
                column.to_numpy(), dtype=np.float64
            )
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise DataError(f'X: expected numbers in column "{name}", with NaN for what is missing') from None


def _starts_with_users(table: Any) -> bool:
    """Whether the users are the first column rather than the index."""
    if library_of(table) != "pandas":
        return True
    first = table.columns[0]
    return _is_counted(table.index) and (_core.columns_by_name([str(first)])["user"] == 0 or not _is_numeric(table[first]))


def _is_counted(index: Any) -> bool:
    """Whether labels are only 0, 1, 2 ..., as of a table that was given none."""
    return type(index).__name__ == "RangeIndex" and index.name is None


def _labels(columns: Any) -> bool:
    return columns.name is not None


def _may_be_triples(table: Any) -> bool:
    """Whether a table without labels could be the columns user, item and rating (and time)."""
    if not _is_counted(table.columns) or table.shape[1] not in (3, 4):
        return False
    return not _has_missing(table, list(table.columns))


def _has_missing(table: Any, names: list[Any]) -> bool:
    return any(bool(np.isnan(_numbers(table[name], name)).any()) for name in names)


def _is_alike(table: Any, names: list[Any]) -> bool:
    """Whether the ratings of no item are ten times as large as those of another."""
    columns = [np.abs(_numbers(table[name], name)) for name in names]
    largest = [float(np.nanmax(column)) for column in columns if not np.isnan(column).all()]
    largest = [one for one in largest if one > 0]
    return not largest or max(largest) <= 10 * min(largest)
