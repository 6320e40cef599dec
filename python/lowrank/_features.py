"""Features of users and items in every form that Python has them, for the compiled part."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lowrank import _core
from lowrank._checks import is_path, path_of
from lowrank._columns import as_table, is_table, library_of
from lowrank._errors import DataError, DataWarning

#: Separates the words of a list, as in a file.
_LIST = "|"


def feature_source(features: Any, users: bool, chosen: str | Sequence[str] | None = None, encoding: str | None = None) -> _core.FeatureSource:
    """Features as `fit` takes them, before they have columns."""
    name = "user_features" if users else "item_features"
    columns = "" if chosen is None else chosen if isinstance(chosen, str) else ",".join(map(str, chosen))
    if is_path(features):
        return _core.FeatureSource.from_file(users, path_of(features, name), columns, encoding or "")
    if is_table(features):
        names, texts = _texts_of(as_table(features))
        return _core.FeatureSource.from_columns(users, names, texts, columns)
    if isinstance(features, tuple) and len(features) in (2, 3) and hasattr(features[-1], "tocsr"):
        return _from_matrix(features, users, name)
    raise DataError(
        f"{name}: expected a table, a path, or (names, scipy sparse matrix), with the ids of its rows in front where they are not "
        f"0, 1, 2 ..., got {type(features).__name__}"
    )


def feature_sources(user_features: Any, item_features: Any, encoding: str | None) -> list[_core.FeatureSource | None]:
    """The features of users and of items, where they are given."""
    given = ((user_features, True), (item_features, False))
    return [None if features is None else feature_source(features, users, None, encoding) for features, users in given]


def new_features(features: Any, users: bool, model: _core.Model, encoding: str | None = None) -> _core.NewFeatures:
    """Features of new rows, in the columns of a model. Warns of what these do not have."""
    rows, gaps = feature_source(features, users, None, encoding).apply(model)
    if gaps:
        warnings.warn(gaps, DataWarning, stacklevel=4)
    return rows


def _from_matrix(given: tuple[Any, ...], users: bool, name: str) -> _core.FeatureSource:
    matrix = given[-1].tocsr().copy()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    names = [str(one) for one in given[-2]]
    if matrix.shape[1] != len(names):
        raise DataError(f"{name}: {len(names)} names for {matrix.shape[1]} columns")
    ids = [_text(one) for one in given[0]] if len(given) == 3 else []
    if len(given) == 3 and len(ids) != matrix.shape[0]:
        raise DataError(f"{name}: {len(ids)} ids for {matrix.shape[0]} rows")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(matrix.data, dtype=np.float32)
    return _core.FeatureSource.from_matrix(
        users, ids, names, np.ascontiguousarray(matrix.indptr, dtype=np.int64), np.ascontiguousarray(matrix.indices, dtype=np.int64), values
    )


def _texts_of(table: Any) -> tuple[list[str], list[list[str]]]:
    """The columns of a table as texts; a named index is its first column."""
    library = library_of(table)
    if library == "pandas" and table.index.name is not None:
        table = table.reset_index()
    names = list(table.schema.names) if library == "pyarrow" else list(table.columns)
    columns = []
    for at in range(len(names)):
        values: Iterable[Any]
        if library == "pyarrow":
            values = table.column(at).to_pylist()
        elif library == "polars":
            values = table.to_series(at).to_list()
        else:
            values = table.iloc[:, at].tolist()
        columns.append([_text(value) for value in values])
    return [str(name) for name in names], columns


def _text(value: Any) -> str:
    """A cell as a file has it; a missing one is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if math.isnan(value):
            return ""
        # A column of integers with missing ones is one of floats.
        return str(int(value)) if math.isfinite(value) and float(value).is_integer() else repr(float(value))
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return _LIST.join(sorted(map(_text, value)) if isinstance(value, (set, frozenset)) else map(_text, value))
    if isinstance(value, (datetime.date, np.datetime64)):
        text = str(value)
        return "" if text == "NaT" else text[:10]
    text = str(value)
    return "" if text in ("<NA>", "NaT") else text
