"""Columns of ids and of ratings, of every library of tables, for the compiled part.

What is contiguous and of the right type is handed on without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._errors import DataError

Values: TypeAlias = npt.NDArray[np.float32]


def library_of(thing: object) -> str:
    """The package that the type of a thing comes from."""
    return type(thing).__module__.partition(".")[0]


def is_table(thing: object) -> bool:
    return (
        (library_of(thing) in ("pandas", "polars") and type(thing).__name__ in ("DataFrame", "LazyFrame"))
        or (library_of(thing) == "pyarrow" and type(thing).__name__ in ("Table", "RecordBatch"))
        or (hasattr(thing, "columns") and hasattr(thing, "__dataframe__"))
        or (hasattr(thing, "__arrow_c_stream__") and not _is_column(thing))
    )


def as_table(table: Any) -> Any:
    """A table as one of pandas, polars or pyarrow."""
    if type(table).__name__ == "LazyFrame":
        return table.collect()
    if library_of(table) in ("pandas", "polars", "pyarrow") and not hasattr(table, "read_all"):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        try:
            import pyarrow
        except ImportError:
            if not hasattr(table, "__dataframe__"):
                raise DataError(f"{type(table).__name__}: reading it takes pyarrow, which is not there") from None
        else:
            try:
                return pyarrow.table(table)
            except (TypeError, ValueError, pyarrow.ArrowException) as error:
                raise DataError(f"{type(table).__name__}: its Arrow stream is not a table: {error}") from None
    import pandas

    return pandas.api.interchange.from_dataframe(table)


def _is_column(thing: object) -> bool:
    return (library_of(thing) in ("pandas", "polars") and type(thing).__name__ in ("Series", "Index")) or (
        library_of(thing) == "pyarrow" and hasattr(thing, "to_pylist")
    )


def _plain(column: Any, name: str) -> Any:
    """A column of a table library as a numpy array or a list."""
    library = library_of(column)
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
    if is_table(ids):
        raise DataError(f"{name}: expected a column of ids, got a whole table; take one of its columns")
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


def is_one(ids: Any) -> bool:
    """Whether this is one id rather than a column of ids."""
    return (isinstance(ids, (str, int, np.integer)) and not isinstance(ids, (bool, np.bool_))) or (isinstance(ids, np.ndarray) and ids.ndim == 0)


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
    if is_table(values):
        raise DataError(f"{name}: expected a column of numbers, got a whole table; take one of its columns")
    if _is_column(values):
        values = _plain(values, name)
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise DataError(f"{name}: masked values are no ratings")
        values = values.data
    try:
        array = np.asarray(values)  # of a matrix too
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name}: expected numbers") from None
    if name == "y" and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # one column, as scikit-learn takes it
    if array.ndim != 1:
        raise DataError(f"{name}: expected one dimension, got shape {array.shape}")
    if array.dtype.kind not in "iufb":
        raise DataError(f"{name}: expected numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def names_of(table: Any) -> list[Any]:
    """The names of the columns of a table that `as_table` gave."""
    return list(table.schema.names if library_of(table) == "pyarrow" else table.columns)


def table_column(table: Any, name: str | int, role: str) -> Any:
    """One column of a table of any library."""
    names = names_of(table)
    if name not in names:
        raise DataError(f'columns: the table has no column "{name}" for {role}; it has: {", ".join(map(str, names))}'
                        ' (format="matrix" reads a table of users x items)')
    if names.count(name) > 1:
        raise DataError(f'columns: the table has more than one column "{name}"')
    return table[name]


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
