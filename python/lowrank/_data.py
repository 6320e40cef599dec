"""Reading and splitting ratings; titles."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import is_path, number, path_of, whole
from lowrank._columns import as_table, id_column, ids_array, is_table, library_of, table_column
from lowrank._errors import DataError
from lowrank._files import columns_by_role, described, file_table, kind_of
from lowrank._input import ColumnNames, File, Reading, column_names, is_sparse, ratings_from, refuse_weights, tell_skipped
from lowrank._ratings import Ratings
from lowrank._times import time_column

__all__ = ["read_ratings", "split", "titles"]


def read_ratings(
    path: str | bytes | os.PathLike[str],
    *,
    columns: ColumnNames | None = None,
    format: str = "auto",
    separator: str | None = None,
    decimal: str = "auto",
    encoding: str | None = None,
    skip_bad_lines: bool = False,
    implicit_values: bool = False,
) -> Ratings:
    """Read a file of ratings.

    ``fit`` takes a path itself, and reads it faster.

    Parameters
    ----------
    path : str or path-like
        CSV, TSV, MovieLens, Matrix Market or adjacency; plain, ``.gz``, ``.zst`` or ``.xz``. Or, where pyarrow is there, Parquet, Arrow or
        Feather, of which only `columns` is read here.
    columns : str, sequence or mapping, optional
        Which column holds what, by number from 1 or by name: ``("userId", "movieId", "rating")``,
        ``{"user": 1, "item": 2, "rating": 3, "time": 4}`` or ``"user=1,item=2,rating=3,time=4"``. Default: by the names in the
        header, and in a file without one in that order.
    format : str, default "auto"
        ``auto``, ``csv``, ``tsv``, ``movielens``, ``matrix-market``, ``adjacency`` or ``matrix``.
    separator : str, optional
        What separates columns: one character, ``"tab"``, ``"blank"`` or ``"::"``. Default: told from the first lines.
    decimal : {"auto", ".", ","}
        Decimal mark of the ratings. With ``","``, commas do not separate columns unless `separator` says so.
    encoding : str, optional
        Encoding of the file, e.g. ``"latin-1"`` or ``"utf-16"``. Default: UTF-8.
    skip_bad_lines : bool, default False
        Leave malformed lines out. A DataWarning says how many there are, and names the first ten.
    implicit_values : bool, default False
        Read a line without a rating as a rating of 1.

    Returns
    -------
    Ratings
        In the order of the file; its `layout` says what the file was taken for. Ids are int64 if all of a column are canonical decimals, and strings otherwise.

    Raises
    ------
    FileError
        The file cannot be read.
    DataError
        Its content is wrong; the message names file and line.

    Examples
    --------
    >>> import lowrank, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> _ = path.write_text("ann,7,4.5\\nbob,7,3\\n")
    >>> lowrank.read_ratings(path).items.tolist()
    [7, 7]
    """
    if not is_path(path):
        raise DataError(f"path: expected a path, got {type(path).__name__}")
    name = path_of(path, "path")
    if kind := kind_of(name):
        refuse_weights(columns)
        return _table_ratings(name, kind, columns)
    source = ratings_from(path, columns=columns)
    assert isinstance(source, File)
    reading = Reading(format, separator, decimal, encoding, skip_bad_lines, implicit_values)
    users, items, values, times, user_ids, item_ids, layout, skipped = _core.lines(source.path, source.options(reading))
    tell_skipped(skipped)
    result = Ratings.__new__(Ratings)
    result.users, result.items = ids_array(user_ids)[users], ids_array(item_ids)[items]
    result.values, result.times, result.layout = values, times, layout
    return result


def _table_ratings(path: str, kind: str, columns: ColumnNames | None) -> Ratings:
    """The ratings of a file that pyarrow reads."""
    table = file_table(path, kind)
    roles = columns_by_role(table, column_names(columns), path)
    values = table[roles["rating"]] if "rating" in roles else np.ones(len(table), np.float32)
    times = table[roles["time"]] if "time" in roles and not table[roles["time"]].null_count else None
    result = Ratings(table[roles["user"]], table[roles["item"]], values, times)
    result.layout = described(path, kind, table, roles)
    return result


def split(
    ratings: Any,
    *,
    test: float = 0.1,
    validation: float = 0.0,
    by: Literal["random", "user", "time"] = "random",
    seed: int = 1,
    columns: ColumnNames | None = None,
) -> tuple[Any, ...]:
    """Split ratings into training, test and validation sets, as ``lowrank split`` does.

    Parameters
    ----------
    ratings : Ratings, path, table, tuple or sparse matrix
        Ratings to split.
    test, validation : float
        Shares of the ratings, in [0, 1), together below 1. Exactly ``round(share * n)`` are set aside.
    by : {"random", "user", "time"}
        At random from all ratings; at random from every user's; or the latest of every user's, by the times of `ratings` or the
        column ``time`` of a table: numbers, dates, or texts of dates (ISO 8601), with or without a zone. A missing time is an error.
    seed : int
        Seed of the random choice; not with ``by="time"``.
    columns : names, optional
        Names of the columns of a table or file.

    Returns
    -------
    train, test : of the kind of `ratings` (Ratings for a path)
        With `validation` above 0: train, validation, test.

    Examples
    --------
    >>> import lowrank
    >>> train, test = lowrank.split(([1, 1, 2, 2], [1, 2, 1, 2], [5, 3, 4, 1]), test=0.25)
    >>> len(train[0]), len(test[0])
    (3, 1)
    """
    if is_path(ratings):
        ratings = read_ratings(ratings, columns=columns)
        columns = None
    times = None
    if isinstance(ratings, Ratings):
        users, times = id_column(ratings.users, "users"), ratings.times
    elif is_table(ratings):
        ratings = as_table(ratings)
        named = column_names(columns) or {}
        users = id_column(table_column(ratings, named.get("user", "user"), "user"), "user")
        if by == "time":
            times = time_column(table_column(ratings, named.get("time", "time"), "time"))
    elif is_sparse(ratings):
        coo = ratings.tocoo()
        users = id_column(np.asarray(coo.row, dtype=np.int64), "ratings")
    elif isinstance(ratings, tuple) and len(ratings) in (3, 4):
        users = id_column(ratings[0], "users")
        times = time_column(ratings[3]) if len(ratings) == 4 else None
        ratings = tuple(column if hasattr(column, "__array__") else np.asarray(column, dtype=object if at < 2 else None)
                        for at, column in enumerate(ratings))
        if any(len(column) != len(users) for column in ratings):
            raise DataError("ratings: the columns must have equal lengths")
    else:
        raise DataError(f"ratings: expected Ratings, a path, a table, a tuple or a sparse matrix, got {type(ratings).__name__}")
    numbers, _ = users.number()
    if times is not None and len(times) != len(numbers):
        raise DataError("time: expected a timestamp for every rating")
    shares = number(test, "test"), number(validation, "validation")
    parts = _core.parts(numbers, times, *shares, str(by), whole(seed, "seed", 0, 2**64 - 1))
    wanted = (0, 1, 2) if shares[1] > 0 else (0, 2)
    return tuple(_rows(ratings, np.flatnonzero(parts == part)) for part in wanted)


def _rows(ratings: Any, rows: npt.NDArray[np.intp]) -> Any:
    if isinstance(ratings, tuple):
        return tuple(column[rows] for column in ratings)
    if is_sparse(ratings):
        coo = ratings.tocoo()
        part = type(coo)((coo.data[rows], (coo.row[rows], coo.col[rows])), shape=coo.shape)
        return part.asformat(ratings.format)
    if library_of(ratings) == "pandas":
        return ratings.iloc[rows]
    if library_of(ratings) == "pyarrow":
        return ratings.take(rows)
    return ratings[rows]


def titles(path: str | bytes | os.PathLike[str], ids: Any) -> list[str]:
    """Look titles up in a file of lines ``id::title``, ``id,title`` or ``id|title``.

    Parameters
    ----------
    path : str or path-like
        The file, compressed or not. A line that is not valid UTF-8 is read as Latin-1.
    ids : array_like of shape (n,)
        Item ids.

    Returns
    -------
    list of str
        One title per id; the id itself if the file has no title for it.
    """
    texts = [str(one) for one in np.ma.getdata(ids).tolist()]
    return [title or text for title, text in zip(_core.titles(path_of(path, "path"), texts), texts)]
