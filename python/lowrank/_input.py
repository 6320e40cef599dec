"""Tables of ratings in every form that Python has them, as columns for the compiled part.

What is contiguous and of the right type is handed on without a copy.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import is_path, path_of
from lowrank._columns import Values, as_table, id_column, is_table, library_of, names_of, table_column, value_column
from lowrank._errors import DataError, DataWarning, OptionError
from lowrank._files import columns_by_role, file_table, kind_of, listed
from lowrank._layout import arranged
from lowrank._ratings import Ratings
from lowrank._situations import Asked
from lowrank._times import Times, time_column
from lowrank._wide import cells_of, is_wide

Numbers: TypeAlias = npt.NDArray[np.uint32]
#: Names of the columns user, item and rating (and time, and weight) of a table or file.
ColumnNames: TypeAlias = "str | Sequence[str] | Mapping[str, str | int]"

_ROLES = ("user", "item", "rating", "time", "weight")


@dataclass
class Reading:
    """How a file of ratings is read, besides its columns."""

    format: str = "auto"
    separator: str | None = None
    decimal: str = "auto"
    encoding: str | None = None
    skip_bad_lines: bool = False
    implicit_values: bool = False
    contexts: Asked = field(default_factory=Asked)

    def refuse_unread(self) -> None:
        """Raises OptionError for what only a file has, where none is read."""
        if self.format not in ("auto", "matrix"):
            raise OptionError(f"format: {self.format!r} is read only for a file of ratings", "format")
        for name in ("separator", "decimal", "encoding", "skip_bad_lines", "implicit_values"):
            if getattr(self, name) not in (False, None, "auto"):
                raise OptionError(f"{name}: is read only for a file of ratings", name)


@dataclass
class File:
    """A file of ratings, and its columns."""

    path: str
    columns: str

    def options(self, reading: Reading, *, times: bool = False, needed: bool = False) -> dict[str, Any]:
        """What the compiled part takes. `times` says whether times are read, `needed` whether a rating without one is an error."""
        return {
            "format": reading.format,
            "columns": self.columns,
            "separator": _text_of(reading.separator, "separator"),
            "decimal": _text_of(reading.decimal, "decimal"),
            "encoding": _text_of(reading.encoding, "encoding"),
            "skip_bad_lines": bool(reading.skip_bad_lines),
            "implicit_values": bool(reading.implicit_values),
            "keep_times": times,
            "times_needed": needed,
            "contexts": reading.contexts.names,
            "contexts_needed": reading.contexts.needed,
            "time_contexts": reading.contexts.periods,
            "missing": reading.contexts.missing,
            "given_contexts": reading.contexts.given,
        }


@dataclass
class Columns:
    """Ratings, one per row. Without values when only pairs were given."""

    users: _core.Ids
    items: _core.Ids
    values: Values | None
    weights: Values | None = None
    times: Times | None = None


@dataclass
class Matrix:
    """Cells of a users x items matrix, by number."""

    users: Numbers
    items: Numbers
    values: Values
    shape: tuple[int, int]
    weights: Values | None = None

    def as_columns(self) -> Columns:
        """The same with numbers as ids."""
        return Columns(
            _core.Ids(self.users.astype(np.int64), "users"), _core.Ids(self.items.astype(np.int64), "items"), self.values
        )


Source: TypeAlias = File | Columns | Matrix


def column_names(columns: ColumnNames | None, contexts: Sequence[str] = ()) -> dict[str, str | int] | None:
    """What `columns` says, by role or name of a context; nothing when it was not given."""
    if columns is None:
        return None
    if isinstance(columns, str):
        pairs = [part.partition("=") for part in columns.split(",")]
        named: dict[str, str | int] = {role.strip(): name.strip() for role, _, name in pairs}
    elif isinstance(columns, Mapping):
        named = dict(columns)
    elif isinstance(columns, Sequence):
        if not 2 <= len(columns) <= len(_ROLES):
            raise DataError(f"columns: expected 2 to 5 names, got {len(columns)}")
        named = dict(zip(_ROLES, columns))
    else:
        raise DataError(f"columns: expected names, got {type(columns).__name__}")
    for role, name in named.items():
        if role not in _ROLES and role not in contexts:
            raise DataError(f'columns: there is no role "{role}"; there are user, item, rating, time and weight')
        if not isinstance(name, (str, int)) or name == "":
            raise DataError(f"columns: {role}: expected a name, got {name!r}")
    return named


def _text_of(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value:
        raise OptionError(f"{name}: expected a text, got {value!r:.60}", name)
    return value


def tell_skipped(text: str) -> None:
    """Warns of the lines of a file that were skipped, if there were any."""
    if text:
        warnings.warn(text, DataWarning, stacklevel=3)


def _file_columns(named: dict[str, str | int] | None) -> str:
    return ",".join(f"{role}={name}" for role, name in (named or {}).items())


def times_of_table(table: Any, named: dict[str, str | int] | None) -> Times | None:
    """The column of times that is named, or else called ``time``, or, where no columns are named, that whose name says so."""
    if named is not None and "time" in named:
        return time_column(table_column(table, named["time"], "time"))
    names = names_of(table)
    if "time" in names:
        return time_column(table_column(table, "time", "time"))
    found = None if named is not None else _core.columns_by_name([str(name) for name in names])["time"]
    return None if found is None else time_column(table_column(table, names[found], "time"))


def _from_table(
    table: Any, y: Any, columns: ColumnNames | None, *, pairs: bool, format: str = "auto", times: bool = False
) -> Columns:
    table = as_table(table)
    named = column_names(columns)
    if format not in ("auto", "matrix"):
        raise OptionError(f"format: {format} is a format of files; a table has auto or matrix", "format")
    if format == "matrix" and (named is not None or y is not None):
        raise OptionError("format: a matrix has neither columns nor y", "format")
    if format == "matrix" or (named is None and y is None and not pairs and is_wide(table)):
        return Columns(*cells_of(table))
    names = names_of(table)
    own_times = times_of_table(table, named) if times else None
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
        return Columns(users, items, value_column(y, "y"), times=own_times)
    if pairs:
        return Columns(users, items, None, times=own_times)
    weights = value_column(table_column(table, named["weight"], "weight"), "weight") if "weight" in named else None
    if "rating" not in named:
        return Columns(users, items, np.ones(len(users), np.float32), weights, own_times)
    return Columns(users, items, value_column(table_column(table, named["rating"], "rating"), "rating"), weights, own_times)


def _from_file_table(path: str, kind: str, columns: ColumnNames | None, format: str, times: bool) -> Columns:
    table = file_table(path, kind)
    if format == "matrix" or (columns is None and format == "auto" and is_wide(table)):
        return _from_table(table, None, columns, pairs=False, format="matrix")
    roles = columns_by_role(table, column_names(columns), path)
    return _from_table(table, None, roles, pairs=False, format=format, times=times)


def _is_vast(shape: tuple[int, int], entries: int) -> bool:
    """Whether nearly all rows or columns of a matrix are empty, so that its numbers are ids of another system."""
    return any(size > max(2**22, 64 * entries) for size in shape)


def _from_vast(matrix: Any) -> Columns:
    """The cells of a matrix, with the ids of the rows and columns that have any. No memory grows with the shape."""
    if matrix.format in ("csr", "csc"):
        matrix = _checked(matrix)
    coo = matrix.tocoo(copy=True)
    if coo.dtype.kind in "iub":
        coo = coo.astype(np.float64)
    coo.sum_duplicates()
    order = np.lexsort((coo.col, coo.row))  # scipy's own order depends on its version
    users, items = coo.row[order].astype(np.int64), coo.col[order].astype(np.int64)
    return Columns(_core.Ids(users, "users"), _core.Ids(items, "items"), value_column(coo.data[order], "X"))


def _from_sparse(matrix: Any) -> Source:
    if matrix.ndim != 2:
        raise DataError(f"X: expected a matrix of users x items, got shape {matrix.shape}")
    if matrix.dtype.kind not in "iufb":
        raise DataError(f"X: expected numbers, got a matrix of {matrix.dtype}")
    if _is_vast(matrix.shape, matrix.nnz) and matrix.nnz > 0:
        return _from_vast(matrix)
    csr = _summed(matrix)
    counts = np.diff(csr.indptr)
    users = np.repeat(np.arange(matrix.shape[0], dtype=np.uint32), counts)
    items = csr.indices[: len(users)]
    items = items.view(np.uint32) if items.dtype == np.int32 else items.astype(np.uint32)
    return Matrix(users, np.ascontiguousarray(items), value_column(csr.data[: len(users)], "X"), _shape(matrix.shape))


def _checked(matrix: Any) -> Any:
    """A CSR or CSC matrix whose rows or columns are in order, in a copy: scipy trusts what it is given."""
    offsets = matrix.indptr.copy()
    size = int(offsets[-1])
    if int(offsets[0]) != 0 or (np.diff(offsets) < 0).any() or size > min(len(matrix.indices), len(matrix.data)):
        raise DataError("X: the rows of the sparse matrix are not in order")
    indices = matrix.indices[:size]
    if size and (int(indices.min()) < 0 or int(indices.max()) >= matrix.shape[1 if matrix.format == "csr" else 0]):
        raise DataError("X: an index of the sparse matrix is beyond its shape")
    return type(matrix)((matrix.data[:size], indices, offsets), shape=matrix.shape, copy=False)


def _summed(matrix: Any) -> Any:
    """Rows of cells that occur once: repeated ones are summed, in floating point whatever the type of the numbers."""
    given = getattr(matrix, "format", "")
    if given in ("csr", "csc"):
        matrix = _checked(matrix)
        if matrix.has_canonical_format:
            return matrix.tocsr()
    if matrix.dtype.kind in "iub" and given in ("coo", "csr", "csc"):
        matrix = matrix.astype(np.float64)
    csr = matrix.tocsr(copy=True) if given == "csr" else matrix.tocsr()
    if given == "bsr":
        csr.eliminate_zeros()  # what fills its blocks
    if not csr.has_canonical_format:
        csr.sum_duplicates()
    return csr


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
        X = np.asarray(X)
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


def is_sparse(X: object) -> bool:
    return hasattr(X, "tocsr") and hasattr(X, "shape") and hasattr(X, "dtype")


def refuse_weights(columns: ColumnNames | None, contexts: Sequence[str] = ()) -> None:
    """Refuses a column of weights where none are read."""
    if "weight" in (column_names(columns, contexts) or {}):
        raise OptionError("columns: a weight is read only by fit", "columns")


def without_weights(columns: ColumnNames | None, contexts: Sequence[str] = ()) -> ColumnNames | None:
    """The same columns but for the weight."""
    named = column_names(columns, contexts)
    return columns if named is None or "weight" not in named else {role: at for role, at in named.items() if role != "weight"}


def ratings_from(
    X: Any,
    y: Any = None,
    columns: ColumnNames | None = None,
    name: str = "X",
    format: str = "auto",
    layout: str = "auto",
    weights: bool = False,
    times: bool = False,
    contexts: Sequence[str] = (),
) -> Source:
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
    format : str
        Of a file (see :meth:`lowrank.Estimator.fit`), or ``matrix`` for a table of users x items.
    layout : str
        Of a list or array, see :meth:`lowrank.Estimator.fit`.
    weights : bool
        Whether `columns` may name weights.
    times : bool
        Whether times are taken, where there are any; of a file, `File.options` says it.
    contexts : sequence of str
        Further names that `columns` may give to columns of a file.
    """
    if not weights:
        refuse_weights(columns, contexts)
    if is_path(X):
        if y is not None:
            raise DataError("y: a file of ratings has them itself")
        path = path_of(X, name)
        if kind := kind_of(path):
            return _from_file_table(path, kind, columns, format, times)
        return File(path, _file_columns(column_names(columns, contexts)))
    if is_table(X):
        return _from_table(X, y, columns, pairs=False, format=format, times=times)
    if columns is not None:
        raise DataError(f"columns: {name} is neither a table nor a file")
    if isinstance(X, Ratings):
        if y is not None:
            raise DataError("y: the ratings are in X already")
        return Columns(
            id_column(X.users, "users"), id_column(X.items, "items"), value_column(X.values, "values"), times=X.times if times else None
        )
    if y is not None:
        if is_sparse(X):
            raise DataError("y: a sparse matrix has its ratings itself")
        users, items = _two_columns(X, name)
        return Columns(users, items, value_column(y, "y"))
    if is_sparse(X):
        return _from_sparse(X)
    X = arranged(X, layout, name)
    if isinstance(X, tuple):
        if len(X) not in (3, 4):
            raise DataError(f"{name}: expected a tuple (users, items, values), got one of {len(X)}")
        if len(X) == 4 and len(X[3]) != len(X[0]):
            raise DataError(f"{name}: users and times must have equal lengths, not {len(X[0])} and {len(X[3])}")
        own_times = time_column(X[3]) if times and len(X) == 4 else None
        return Columns(id_column(X[0], "users"), id_column(X[1], "items"), value_column(X[2], "values"), times=own_times)
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            raise DataError(f"{name}: expected a matrix of users x items, got an array of shape {X.shape}")
        return _from_dense(X)
    raise DataError(f"{name}: expected ratings (a sparse matrix, a tuple, a table, a path or an array), got {type(X).__name__}")


def lacking_times(source: Source, X: Any, name: str) -> str:
    """What to say of ratings without times, where they are needed; empty if there are times, or a file that is to have them."""
    if isinstance(source, File) or (isinstance(source, Columns) and source.times is not None):
        return ""
    if is_path(X):
        return f"{path_of(X, name)} has no column of times: name it in columns"
    if is_table(X):
        return f"the table has no column of times among {listed(names_of(as_table(X)))}: name it in columns"
    return f"{name} has none: give a tuple (users, items, values, times), lowrank.Ratings with times, or a table or file with a column of times"


def pairs_from(X: Any, columns: ColumnNames | None = None, name: str = "X", *, times: bool = False) -> Columns:
    """Pairs of users and items, without ratings: a table, a tuple of two columns, or an array or list of two columns."""
    if isinstance(X, Ratings):
        return Columns(id_column(X.users, "users"), id_column(X.items, "items"), None, times=X.times if times else None)
    if is_table(X):
        return _from_table(X, None, columns, pairs=True, times=times)
    return Columns(*_two_columns(X, name), None)


def is_clicks(X: Any, columns: ColumnNames | None = None) -> bool:
    """Whether X holds users and items without ratings."""
    if is_table(X):
        if columns is not None:
            return "rating" not in (column_names(columns) or {})
        table = X.collect_schema() if type(X).__name__ == "LazyFrame" else X
        names = set(X.schema.names if library_of(X) == "pyarrow" else getattr(table, "columns", table))
        return {"user", "item"} <= names and "rating" not in names
    if isinstance(X, list):
        return bool(X) and all(isinstance(row, tuple) and len(row) == 2 for row in X)
    return isinstance(X, tuple) and len(X) == 2
