"""Lists of ids as they come back, and what may be in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import shown
from lowrank._columns import id_column, is_table, one_or_many
from lowrank._errors import DataError, OptionError
from lowrank._input import Numbers, is_sparse, pairs_from
from lowrank._ratings import Ratings

UNKNOWN = 2**32 - 1

#: Runs of rows, one per query: offsets and rows.
Runs = tuple[npt.NDArray[np.uint64], Numbers]


class Lists(NamedTuple):
    """Lists of ids, best first, and their scores: masked arrays of shape (rows, n), the end of a shorter list masked."""

    ids: np.ma.MaskedArray[Any, Any]
    scores: np.ma.MaskedArray[Any, Any]


def lists_of(
    names: npt.NDArray[Any],
    ids: npt.NDArray[Any],
    indices: Numbers,
    scores: npt.NDArray[np.float32],
    counts: Numbers,
    words: tuple[str, str],
    as_frame: bool | str,
) -> Any:
    """Lists of numbers as lists of ids: masked arrays, or a table."""
    missing = np.arange(indices.shape[1], dtype=np.int64) >= counts[:, np.newaxis]
    if as_frame:
        rows, places = np.nonzero(~missing)
        table = {words[0]: names[rows], words[1]: ids[indices[rows, places]], "rank": places + 1, "score": scores[rows, places]}
        return frame_of(table, as_frame)
    if not missing.any():
        return Lists(np.ma.MaskedArray(ids[indices]), np.ma.MaskedArray(scores))
    found = ids[indices] if len(ids) else np.zeros(indices.shape, ids.dtype)
    return Lists(np.ma.MaskedArray(found, mask=missing), np.ma.MaskedArray(scores, mask=missing.copy()))


def frame_of(table: dict[str, npt.NDArray[Any]], library: bool | str) -> Any:
    """A table of the library that is named; True for pandas."""
    if library is True or library == "pandas":
        import pandas

        return pandas.DataFrame(table)
    if library == "polars":
        import polars

        return polars.DataFrame({name: column.tolist() if column.dtype == object else column for name, column in table.items()})
    if library == "pyarrow":
        import pyarrow

        return pyarrow.table(table)
    raise OptionError(f"as_frame: must be True, pandas, polars or pyarrow, got {shown(library)}", "as_frame")


class Filter:
    """What lists may hold, as `items` and `exclude` state it: ids for all lists, or pairs of a query and an id.

    Parameters
    ----------
    recommender : _core.Recommender
        Looks ids up.
    queries : ndarray of shape (m,), uint32
        Numbers of the rows that the lists are for.
    asked : _core.Ids or None
        Their ids; None for all rows of their side.
    users : (bool, bool)
        Whether the queries are users, and whether the listed rows are.
    listed : int
        Number of rows of the side that is listed.
    words : (str, str)
        Names of the two columns of a table of pairs.
    """

    def __init__(
        self,
        recommender: _core.Recommender,
        queries: Numbers,
        asked: _core.Ids | None,
        users: tuple[bool, bool],
        listed: int,
        words: tuple[str, str],
    ) -> None:
        self._recommender = recommender
        self._queries = queries
        self._asked = asked
        self._users = users
        self._listed = listed
        self._words = words

    def given(self, only: Any, exclude: Any, names: tuple[str, str]) -> _core.Given:
        """The same for the compiled part. \\param names  of the two arguments"""
        all_of, each_of = self._rows(only, names[0])
        all_but, each_but = self._rows(exclude, names[1])
        return _core.Given(all_of, np.zeros(0, np.uint32) if all_but is None else all_but, each_of, each_but)

    def _rows(self, rows: Any, argument: str) -> tuple[Numbers | None, Runs | None]:
        """Rows for all lists, or for each."""
        if rows is None:
            return None, None
        if is_sparse(rows) or (isinstance(rows, np.ndarray) and rows.ndim == 2):
            return None, self._mask(rows, argument)
        if isinstance(rows, Mapping):
            return None, self._mapping(rows, argument)
        if isinstance(rows, Ratings):
            if self._users[0] == self._users[1]:
                raise DataError(f"{argument}: expected ids, a table with the columns {' and '.join(self._words)}, a mapping or a mask")
            columns = id_column(rows.users, argument), id_column(rows.items, argument)
            return None, self._pairs(*(columns if self._users[0] else columns[::-1]))
        if is_table(rows):
            pairs = pairs_from(rows, dict(zip(("user", "item"), self._words)), argument)
            return None, self._pairs(pairs.users, pairs.items)
        return self._recommender.find(self._users[1], one_or_many(rows, argument), True, argument), None

    def _mask(self, mask: Any, argument: str) -> Runs:
        shape = (len(self._queries), self._listed)
        if tuple(mask.shape) != shape:
            kind = "user" if self._users[1] else "item"
            raise DataError(
                f"{argument}: expected a mask of shape {shape}, one row per list and one column per {kind} of the model, got {tuple(mask.shape)}"
            )
        if is_sparse(mask):
            coo = mask.tocoo()
            marked = np.asarray(coo.data) != 0
            row, column = np.asarray(coo.row)[marked], np.asarray(coo.col)[marked]
        else:
            if mask.dtype.kind not in "b":
                raise DataError(f"{argument}: expected a mask of True and False, got an array of {mask.dtype}")
            row, column = np.nonzero(mask)
        return _runs(row.astype(np.int64), column.astype(np.uint32), np.arange(shape[0], dtype=np.int64))

    def _mapping(self, rows: Mapping[Any, Any], argument: str) -> Runs:
        keys: list[Any] = []
        values: list[Any] = []
        for key, ids in rows.items():
            if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
                raise DataError(f"{argument}: expected a list of ids for {shown(key)}, got {type(ids).__name__}")
            own = list(ids)
            keys += [key] * len(own)
            values += own
        return self._pairs(id_column(keys, argument), id_column(values, argument))

    def _pairs(self, queries: _core.Ids, rows: _core.Ids) -> Runs:
        """Pairs of ids. Those that the model does not know, or that nobody asks for, have no effect."""
        theirs = self._recommender.find(self._users[0], queries, False, "").astype(np.int64)
        own = self._queries.astype(np.int64)
        if self._asked is not None and (own == UNKNOWN).any():
            # Queries that the model does not know are told apart by their ids.
            numbers, distinct = self._asked.number()
            known = {str(one): UNKNOWN + 1 + number for number, one in enumerate(distinct)}
            own[own == UNKNOWN] = UNKNOWN + 1 + numbers[own == UNKNOWN].astype(np.int64)
            their_numbers, their_ids = queries.number()
            named = np.array([known.get(str(one), -1) for one in their_ids], np.int64)
            theirs[theirs == UNKNOWN] = named[their_numbers[theirs == UNKNOWN]]
        found = self._recommender.find(self._users[1], rows, False, "")
        keep = (found != UNKNOWN) & (theirs != UNKNOWN)
        return _runs(theirs[keep], found[keep], own)


def _runs(keys: npt.NDArray[np.int64], rows: Numbers, queries: npt.NDArray[np.int64]) -> Runs:
    """For each query the rows that stand beside its key."""
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    starts = np.searchsorted(keys, queries, "left")
    counts = np.searchsorted(keys, queries, "right") - starts
    offsets = np.zeros(len(queries) + 1, np.uint64)
    np.cumsum(counts, out=offsets[1:])
    places = np.repeat(starts - offsets[:-1].astype(np.int64), counts) + np.arange(int(offsets[-1]), dtype=np.int64)
    return offsets, np.ascontiguousarray(rows[places])
