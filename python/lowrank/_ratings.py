"""Ratings in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank._columns import id_column, ids_array, value_column
from lowrank._errors import DataError
from lowrank._times import time_column


class Ratings:
    """Ratings as columns: one row per rating, in a given order, duplicates included.

    Iterating yields the three columns, so that ``users, items, values = ratings`` works; indexing takes rows.

    Parameters
    ----------
    users, items : array_like of shape (n,)
        Ids, integers or strings.
    values : array_like of shape (n,)
        The ratings.
    times : array_like of shape (n,), optional
        Timestamps: numbers, which are kept as integers, or dates or texts of dates (ISO 8601), with or without a zone, which are kept as
        microseconds since 1970. A missing time is an error.

    Attributes
    ----------
    users, items : ndarray of shape (n,)
        int64, or objects if an id is not an integer.
    values : ndarray of shape (n,), float32
    times : ndarray of shape (n,), int64, or None
    layout : str
        What the file was taken for that the ratings were read from: its columns, their separator and its header; empty for
        ratings from elsewhere.

    Examples
    --------
    >>> import lowrank
    >>> ratings = lowrank.Ratings(["ann", "bob"], [1, 2], [4.5, 3])
    >>> len(ratings)
    2
    >>> ratings[ratings.values > 4].users.tolist()
    ['ann']
    """

    layout = ""

    def __init__(self, users: Any, items: Any, values: Any, times: Any = None) -> None:
        self.users = _as_ids(users, "users")
        self.items = _as_ids(items, "items")
        self.values = value_column(values, "values")
        self.times: npt.NDArray[np.int64] | None = None if times is None else time_column(times)
        lengths = {len(self.users), len(self.items), len(self.values)} | ({len(self.times)} if self.times is not None else set())
        if len(lengths) != 1:
            raise DataError(f"users, items, values and times must have equal lengths, got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return iter((self.users, self.items, self.values))

    def __getitem__(self, rows: Any) -> Ratings:
        times = None if self.times is None else self.times[rows]
        part = Ratings.__new__(Ratings)
        part.users, part.items, part.values, part.times = self.users[rows], self.items[rows], self.values[rows], times
        part.layout = self.layout
        if part.values.ndim != 1:
            raise IndexError("rows: expected a slice, a mask or positions")
        return part

    def __repr__(self) -> str:
        return f"<{len(self)} ratings{'' if self.times is None else ' with times'}>"

    def to_frame(self) -> Any:
        """The ratings as a pandas table with the columns user, item, rating and, if there are timestamps, time.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas

        columns: dict[str, npt.NDArray[Any]] = {"user": self.users, "item": self.items, "rating": self.values}
        if self.times is not None:
            columns["time"] = self.times
        return pandas.DataFrame(columns)


def _as_ids(ids: Any, name: str) -> npt.NDArray[Any]:
    numbers, distinct = id_column(ids, name).number()
    array: npt.NDArray[Any] = ids_array(distinct)[numbers]
    return array
