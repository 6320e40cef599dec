"""Contexts of ratings, as columns for the compiled part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import is_path, path_of
from lowrank._columns import as_table, is_table, library_of, names_of, table_column
from lowrank._errors import OptionError
from lowrank._files import file_table, kind_of

#: A context: its name, its levels, and the level of each rating.
Levels: TypeAlias = tuple[str, list[str], npt.NDArray[np.uint32]]
#: What `contexts` takes: names of columns, or arrays by name.
Contexts: TypeAlias = "Sequence[str] | Mapping[str, Any]"

#: The number of a missing level.
_MISSING = 2**32 - 1


@dataclass
class Asked:
    """The contexts that are read, and what stands for a missing level."""

    names: list[str] = field(default_factory=list)
    arrays: dict[str, Any] = field(default_factory=dict)
    periods: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    #: Whether a file must have these columns.
    needed: bool = True
    #: Contexts that are given for all ratings, of which a file must not have a column.
    given: list[str] = field(default_factory=list)

    def columns(self, X: Any, size: int, name: str) -> list[Levels]:
        """The contexts of ratings in memory."""
        if self.arrays and name == "validation":
            raise OptionError(f"contexts: arrays are those of the training ratings; give {name} as a table with these columns, a file, or a share", "contexts")
        table = _table_of(X) if self.names else None
        if self.names and table is None:
            raise OptionError(f"contexts: {name} is neither a table nor a file with columns; give a dict of arrays by name", "contexts")
        columns = {one: table_column(table, one, f"a context of {name}") for one in self.names} if self.names else self.arrays
        return [_levels(one, column, size) for one, column in columns.items()]


def levels_known_to(contexts: Sequence[str], X: Any, size: int, missing: Sequence[str] = ()) -> list[Levels]:
    """The contexts of models that a table has columns of. `missing` are texts that stand for a missing level."""
    table = _table_of(X) if contexts else None
    columns = _columns_known_to(contexts, table)
    return [_levels(name, table_column(table, column, "a context"), size, missing) for name, column in columns.items()]


def refuse_lacking(asked: Asked, X: Any, name: str) -> None:
    """Raises OptionError for ratings in memory, or a file that pyarrow reads, without a column of a context that is asked for."""
    if not (asked.names or asked.arrays) or (is_path(X) and not kind_of(path_of(X, name))):
        return
    table = _table_of(X)
    if table is None:
        raise OptionError(f"contexts: {name} must have those of the ratings: give it as a table with these columns, or a file", "contexts")
    columns = [str(column) for column in names_of(table)]
    there = {_core.context_name(column) for column in columns}
    for one in asked.names or asked.arrays:
        if _core.context_name(one) not in there:
            raise OptionError(f'contexts: {name} has no column "{one}" for a context of the ratings; it has: {", ".join(columns)}', "contexts")


def columns_given(context: Iterable[str], model: _core.Model) -> frozenset[str]:
    """The contexts that are given, but for those of times, by their names in the model."""
    return frozenset(_core.context_name(name) for name in context) & frozenset(model.context_columns)


def refuse_columns_of(given: frozenset[str], X: Any) -> None:
    """Raises OptionError for a context that is given, and that a table has a column of too."""
    table = _table_of(X) if given else None
    for column in [] if table is None else names_of(table):
        name = _core.context_name(str(column))
        if name in given:
            raise OptionError(f"context: {name} is given, and the table has a column {column}: leave one of them out", "context")


def _table_of(X: Any) -> Any:
    """A table, or that of a file that pyarrow reads; None for anything else."""
    if is_table(X):
        return as_table(X)
    kind = kind_of(path_of(X, "X")) if is_path(X) else ""
    return file_table(path_of(X, "X"), kind) if kind else None


def _columns_known_to(contexts: Sequence[str], table: Any) -> dict[str, Any]:
    """The columns of a table by the context that each is of."""
    if table is None:
        return {}
    named = {_core.context_name(str(name)): name for name in names_of(table)}
    return {name: named[name] for name in contexts if name in named}


def asked_contexts(contexts: Contexts | None, time_contexts: Sequence[str] | str | None, missing: Sequence[str] | str | None) -> Asked:
    """What the arguments of `fit` ask for."""
    asked = Asked(periods=_texts(time_contexts, "time_contexts"), missing=_texts(missing, "missing"))
    if isinstance(contexts, Mapping):
        asked.arrays = dict(contexts)
        _texts(list(asked.arrays), "contexts")
    else:
        asked.names = _texts(contexts, "contexts")
        for name in asked.names:
            if asked.names.count(name) > 1:
                raise OptionError(f"contexts: {name} is given twice", "contexts")
    return asked


def refuse_arrays(asked: Asked) -> None:
    """Raises OptionError for arrays of contexts of a file."""
    if asked.arrays:
        raise OptionError("contexts: arrays are for ratings in memory; name the columns of a file", "contexts")


def refuse_matrix(asked: Asked) -> None:
    """Raises OptionError for contexts that a matrix cannot have."""
    if asked.names or asked.periods:
        raise OptionError("contexts: a matrix has neither columns nor times; give a dict of arrays by name", "contexts")
    if asked.missing:
        raise OptionError("missing: is read only with contexts, and there are none", "missing")


def _texts(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    for text in texts:
        if not isinstance(text, str):
            raise OptionError(f"{name}: expected texts, got {text!r:.60}", name)
    return texts


def _plain(column: Any) -> list[Any]:
    """The values of a column, None where the library of the table says that one is missing."""
    library = library_of(column)
    if library == "pyarrow":
        return list(column.to_pylist())
    if library == "polars":
        return list(column.to_list())
    if library == "pandas":
        return list(column.astype(object).where(column.notna(), None))
    return list(column.tolist()) if isinstance(column, np.ndarray) else list(column)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, (float, np.floating)) and np.isfinite(value) and value == np.floor(value) else str(value)


def _is_missing(value: Any) -> bool:
    # What differs from itself is NaN or NaT; pandas' NA differs from everything, and says so by its text.
    return value is None or str(value) == "<NA>" or bool(value != value)  # noqa: PLR0124


def _levels(name: str, column: Any, size: int, missing_texts: Sequence[str] = ()) -> Levels:
    values = _plain(column)
    if len(values) != size:
        raise OptionError(f"contexts: {name}: expected one level for each of {size} ratings, got {len(values)}", "contexts")
    levels: list[str] = []
    numbers: dict[Any, int] = {}
    codes = np.empty(size, np.uint32)
    for at, value in enumerate(values):
        key = value if type(value) is str else (type(value), value)
        try:
            code = numbers.get(key)
        except TypeError:
            raise OptionError(f"contexts: {name}: expected texts or numbers, got {value!r:.60}", "contexts") from None
        if code is None:
            missing = _is_missing(value) or _text(value) in missing_texts
            code = _MISSING if missing else len(levels)
            if not missing:
                levels.append(_text(value))
            numbers[key] = code
        codes[at] = code
    return name, levels, codes
