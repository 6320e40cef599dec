"""Tables of ratings in every form that Python has them, as columns for the compiled part.

What is contiguous and of the right type is handed on without a copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._errors import DataError

Numbers: TypeAlias = npt.NDArray[np.uint32]
Values: TypeAlias = npt.NDArray[np.float32]
#: Names of the columns user, item and rating (and time) of a table or file.
ColumnNames: TypeAlias = "str | Sequence[str] | Mapping[str, str | int]"

_ROLES = ("user", "item", "rating", "time")


@dataclass
class File:
    """A file of ratings, and how to read it."""

    path: str
    columns: str


@dataclass
class Columns:
    """Ratings, one a row. Without values when only pairs were given."""

    users: _core.Ids
    items: _core.Ids
    values: Values | None


@dataclass
class Matrix:
    """Cells of a users x items matrix, by number."""

    users: Numbers
    items: Numbers
    values: Values
    shape: tuple[int, int]

    def as_columns(self) -> Columns:
        """The same with numbers as ids."""
        return Columns(
            _core.Ids(self.users.astype(np.int64), "users"), _core.Ids(self.items.astype(np.int64), "items"), self.values
        )


Source: TypeAlias = File | Columns | Matrix


def _library(thing: object) -> str:
    """The package that the type of a thing comes from."""
    return type(thing).__module__.partition(".")[0]


def _is_table(thing: object) -> bool:
    return (
        (_library(thing) in ("pandas", "polars") and type(thing).__name__ in ("DataFrame", "LazyFrame"))
        or (_library(thing) == "pyarrow" and type(thing).__name__ in ("Table", "RecordBatch"))
        or (hasattr(thing, "columns") and hasattr(thing, "__dataframe__"))
    )


def _is_column(thing: object) -> bool:
    return (_library(thing) in ("pandas", "polars") and type(thing).__name__ in ("Series", "Index")) or (
        _library(thing) == "pyarrow" and hasattr(thing, "to_pylist")
    )


def _plain(column: Any, name: str) -> Any:
    """A column of a table library as a numpy array or a list."""
    library = _library(column)
    if library == "pyarrow":
        if column.null_count:
            raise DataError(f"{name}: {column.null_count} of its values are missing")
        import pyarrow

        numeric = pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type)
        if hasattr(column, "combine_chunks"):
            column = column.combine_chunks()
        if hasattr(column, "chunks"):  # older releases keep one chunk in the wrapping
            return np.concatenate([chunk.to_numpy() for chunk in column.chunks]) if numeric and column.num_chunks else column.to_pylist()
        return column.to_numpy() if numeric else column.to_pylist()
    if library == "polars":
        if column.null_count():
            raise DataError(f"{name}: {column.null_count()} of its values are missing")
        return column.to_numpy() if column.dtype.is_numeric() else column.to_list()
    if library == "pandas":
        missing = column.isna()
        if missing.any():
            raise DataError(f"{name}: {int(missing.sum())} of its values are missing")
        numpy_type = getattr(column.dtype, "numpy_dtype", column.dtype)
        if isinstance(numpy_type, np.dtype) and numpy_type.kind in "iufb":
            return column.to_numpy(dtype=numpy_type)
        return column.to_numpy(dtype=object)
    return column


def id_column(ids: Any, name: str) -> _core.Ids:
    """A column of ids for the compiled part.

    Parameters
    ----------
    ids : array_like of shape (n,)
        Integers or strings. Floating-point numbers are taken where all are whole.
    name : str
        Of the argument, for messages.
    """
    if isinstance(ids, _core.Ids):
        return ids
    if _is_column(ids):
        ids = _plain(ids, name)
    if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
        raise DataError(f"{name}: expected a column of ids, got {type(ids).__name__}")
    if isinstance(ids, np.ma.MaskedArray):
        if np.ma.getmaskarray(ids).any():
            raise DataError(f"{name}: masked values are no ids")
        ids = ids.data
    if not isinstance(ids, np.ndarray):
        return _core.Ids(list(ids), name)
    if ids.ndim != 1:
        raise DataError(f"{name}: expected one dimension, got an array of shape {ids.shape}")
    kind = ids.dtype.kind
    if kind == "f":
        wide = ids.astype(np.float64)
        whole = np.isfinite(wide) & (np.floor(wide) == wide) & (np.abs(wide) < 2.0**63)
        if not whole.all():
            at = int(np.argmin(whole))
            raise DataError(f"{name}: position {at}: ids must be integers or strings, found {ids[at]}")
        ids = ids.astype(np.int64)
    elif kind == "u" and ids.dtype.itemsize == 8 and ids.size and int(ids.max()) > np.iinfo(np.int64).max:
        return _core.Ids(ids.tolist(), name)
    elif kind in "iu":
        if ids.dtype not in (np.dtype(np.int32), np.dtype(np.int64)):
            ids = ids.astype(np.int64)
    elif kind in "UTO":
        return _core.Ids(ids.tolist(), name)
    else:
        raise DataError(f"{name}: ids must be integers or strings, got an array of {ids.dtype}")
    return _core.Ids(np.ascontiguousarray(ids), name)


def one_or_many(ids: Any, name: str) -> _core.Ids:
    """The same for one id alone, too."""
    if isinstance(ids, (str, int, np.integer)) and not isinstance(ids, (bool, np.bool_)):
        ids = [ids]
    elif isinstance(ids, np.ndarray) and ids.ndim == 0:
        ids = ids.reshape(1)
    return id_column(ids, name)


def value_column(values: Any, name: str) -> Values:
    """A column of ratings as float32.

    Parameters
    ----------
    values : array_like of shape (n,)
        Numbers.
    name : str
        Of the argument, for messages.
    """
    if _is_column(values):
        values = _plain(values, name)
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise DataError(f"{name}: masked values are no ratings")
        values = values.data
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name}: expected numbers") from None
    if array.ndim != 1:
        raise DataError(f"{name}: expected one dimension, got shape {array.shape}")
    if array.dtype.kind not in "iufb":
        raise DataError(f"{name}: expected numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def column_names(columns: ColumnNames | None) -> dict[str, str | int] | None:
    """What `columns` says, by role; nothing when it was not given."""
    if columns is None:
        return None
    if isinstance(columns, str):
        pairs = [part.partition("=") for part in columns.split(",")]
        named: dict[str, str | int] = {role.strip(): name.strip() for role, _, name in pairs}
    elif isinstance(columns, Mapping):
        named = dict(columns)
    elif isinstance(columns, Sequence):
        if not 2 <= len(columns) <= len(_ROLES):
            raise DataError(f"columns: expected 2 to 4 names, got {len(columns)}")
        named = dict(zip(_ROLES, columns))
    else:
        raise DataError(f"columns: expected names, got {type(columns).__name__}")
    for role, name in named.items():
        if role not in _ROLES:
            raise DataError(f'columns: there is no role "{role}"; there are user, item, rating and time')
        if not isinstance(name, (str, int)) or name == "":
            raise DataError(f"columns: {role}: expected a name, got {name!r}")
    return named


def _file_columns(named: dict[str, str | int] | None) -> str:
    return ",".join(f"{role}={name}" for role, name in (named or {}).items())


def table_column(table: Any, name: str | int, role: str) -> Any:
    """One column of a table of any library."""
    names = table.schema.names if _library(table) == "pyarrow" else list(table.columns)
    if name not in names:
        raise DataError(f'columns: the table has no column "{name}" for {role}; it has: {", ".join(map(str, names))}')
    if names.count(name) > 1:
        raise DataError(f'columns: the table has more than one column "{name}"')
    return table[name]


def _from_table(table: Any, y: Any, columns: ColumnNames | None, *, pairs: bool) -> Columns:
    if type(table).__name__ == "LazyFrame":
        table = table.collect()
    if _library(table) not in ("pandas", "polars", "pyarrow"):
        import pandas

        table = pandas.api.interchange.from_dataframe(table)
    named = column_names(columns)
    names = table.schema.names if _library(table) == "pyarrow" else list(table.columns)
    if named is None:
        named = {"user": "user", "item": "item", "rating": "rating"}
        # scikit-learn hands two columns over under whatever names they have.
        if (y is not None or pairs) and len(names) == 2 and not {"user", "item"} <= set(names):
            named = {"user": names[0], "item": names[1]}
    for role in ("user", "item"):
        named.setdefault(role, role)
    users = id_column(table_column(table, named["user"], "user"), "user")
    items = id_column(table_column(table, named["item"], "item"), "item")
    if y is not None:
        return Columns(users, items, value_column(y, "y"))
    if pairs:
        return Columns(users, items, None)
    if "rating" not in named:
        return Columns(users, items, np.ones(len(users), np.float32))
    return Columns(users, items, value_column(table_column(table, named["rating"], "rating"), "rating"))


def _from_sparse(matrix: Any) -> Matrix:
    if matrix.ndim != 2:
        raise DataError(f"X: expected a matrix of users x items, got shape {matrix.shape}")
    if matrix.dtype.kind not in "iufb":
        raise DataError(f"X: expected numbers, got a matrix of {matrix.dtype}")
    csr = matrix.tocsr()
    counts = np.diff(csr.indptr)
    if (counts < 0).any() or int(csr.indptr[-1]) > len(csr.indices):
        raise DataError("X: the rows of the sparse matrix are not in order")
    size = int(csr.indptr[-1])
    users = np.repeat(np.arange(matrix.shape[0], dtype=np.uint32), counts)
    items = csr.indices[:size]
    if size and (int(items.min()) < 0 or int(items.max()) >= matrix.shape[1]):
        raise DataError("X: an index of the sparse matrix is beyond its shape")
    items = items.view(np.uint32) if items.dtype == np.int32 else items.astype(np.uint32)
    return Matrix(users, np.ascontiguousarray(items), value_column(csr.data[:size], "X"), _shape(matrix.shape))


def _shape(shape: tuple[int, int]) -> tuple[int, int]:
    for name, size in zip(("rows", "columns"), shape):
        if size >= 2**32 - 1:
            raise DataError(f"X: more than {2**32 - 2} {name}")
    return int(shape[0]), int(shape[1])


def _from_dense(matrix: npt.NDArray[Any]) -> Matrix:
    if matrix.dtype.kind == "O":
        try:
            matrix = matrix.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError("X: expected numbers, with NaN for what is missing") from None
    if matrix.dtype.kind not in "iufb":
        raise DataError(f"X: expected numbers, got an array of {matrix.dtype}")
    if isinstance(matrix, np.ma.MaskedArray):
        known = ~np.ma.getmaskarray(matrix)
        matrix = matrix.data
    else:
        known = np.ones(matrix.shape, bool)
    if matrix.dtype.kind == "f":
        known = known & ~np.isnan(matrix)
    users, items = np.nonzero(known)
    return Matrix(users.astype(np.uint32), items.astype(np.uint32), value_column(matrix[users, items], "X"), _shape(matrix.shape))


def _two_columns(X: Any, name: str) -> tuple[_core.Ids, _core.Ids]:
    if isinstance(X, tuple) and len(X) == 2:
        return id_column(X[0], "users"), id_column(X[1], "items")
    if isinstance(X, np.ndarray):
        if X.ndim != 2 or X.shape[1] != 2:
            raise DataError(f"{name}: expected two columns, user and item, got an array of shape {X.shape}")
        return id_column(X[:, 0], f"{name}, column of users"), id_column(X[:, 1], f"{name}, column of items")
    if isinstance(X, Iterable) and not isinstance(X, (str, bytes, Mapping)):
        rows = list(X)
        for at, row in enumerate(rows):
            if isinstance(row, (str, bytes)) or not isinstance(row, Sequence | np.ndarray) or len(row) != 2:
                raise DataError(f"{name}: row {at}: expected a user and an item")
        return id_column([row[0] for row in rows], "users"), id_column([row[1] for row in rows], "items")
    raise DataError(f"{name}: expected two columns, user and item, got {type(X).__name__}")


def _is_sparse(X: object) -> bool:
    return hasattr(X, "tocsr") and hasattr(X, "shape") and hasattr(X, "dtype")


def ratings_from(X: Any, y: Any = None, columns: ColumnNames | None = None, name: str = "X") -> Source:
    """Ratings of whatever form.

    Parameters
    ----------
    X : sparse matrix, tuple, table, path, array or two columns
        See :meth:`lowrank.Estimator.fit`.
    y : array_like of shape (n,), optional
        The ratings, where X has two columns, user and item.
    columns : names, optional
        Of the columns of a table or file.
    name : str
        Of the argument, for messages.
    """
    from lowrank._data import Ratings

    if isinstance(X, (str, os.PathLike)):
        if y is not None:
            raise DataError("y: a file of ratings has them itself")
        return File(os.fsdecode(X), _file_columns(column_names(columns)))
    if _is_table(X):
        return _from_table(X, y, columns, pairs=False)
    if columns is not None:
        raise DataError(f"columns: {name} is neither a table nor a file")
    if isinstance(X, Ratings):
        if y is not None:
            raise DataError("y: the ratings are in X already")
        return Columns(id_column(X.users, "users"), id_column(X.items, "items"), value_column(X.values, "values"))
    if y is not None:
        if _is_sparse(X):
            raise DataError("y: a sparse matrix has its ratings itself")
        users, items = _two_columns(X, name)
        return Columns(users, items, value_column(y, "y"))
    if _is_sparse(X):
        return _from_sparse(X)
    if isinstance(X, tuple):
        if len(X) != 3:
            raise DataError(f"{name}: expected a tuple (users, items, values), got one of {len(X)}")
        return Columns(id_column(X[0], "users"), id_column(X[1], "items"), value_column(X[2], "values"))
    if isinstance(X, np.ndarray) or (isinstance(X, list) and X and isinstance(X[0], Sequence) and not isinstance(X[0], str)):
        try:
            array = np.asanyarray(X)
        except ValueError:
            raise DataError(f"{name}: the rows have different lengths") from None
        if array.ndim != 2:
            raise DataError(f"{name}: expected a matrix of users x items, got an array of shape {array.shape}")
        return _from_dense(array)
    raise DataError(f"{name}: expected ratings (a sparse matrix, a tuple, a table, a path or an array), got {type(X).__name__}")


def pairs_from(X: Any, columns: ColumnNames | None = None, name: str = "X") -> Columns:
    """Pairs of users and items, without ratings: a table, a tuple of two columns, or an array or list of two columns."""
    from lowrank._data import Ratings

    if isinstance(X, Ratings):
        return Columns(id_column(X.users, "users"), id_column(X.items, "items"), None)
    if _is_table(X):
        return _from_table(X, None, columns, pairs=True)
    return Columns(*_two_columns(X, name), None)


def ids_array(ids: npt.NDArray[np.int64] | list[Any]) -> npt.NDArray[Any]:
    """Distinct ids as they come back: int64 where all are integers that fit, else objects."""
    if isinstance(ids, list):
        array: npt.NDArray[Any] = np.empty(len(ids), dtype=object)
        array[:] = ids
        if (ids and all(isinstance(one, (int, np.integer)) and -(2**63) <= one < 2**63 for one in ids)) or not ids:
            array = array.astype(np.int64)
    else:
        array = ids
    array.setflags(write=False)
    return array
