"""Reading and splitting ratings; titles."""

from __future__ import annotations

import os
import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import is_path, number, path_of, whole
from lowrank._columns import as_table, id_column, ids_array, is_table, library_of, names_of, table_column
from lowrank._errors import DataError, DataWarning
from lowrank._files import columns_by_role, described, file_table, kind_of, listed
from lowrank._input import ColumnNames, File, Reading, column_names, is_sparse, ratings_from, refuse_weights, tell_skipped, times_of_table
from lowrank._ratings import Ratings
from lowrank._times import moment_text, time_column

__all__ = ["read_ratings", "split", "titles"]

#: How `split` sets ratings aside.
SplitBy: TypeAlias = Literal["random", "user", "time", "last", "global-time", "pair"]


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
    by: SplitBy = "random",
    seed: int = 1,
    last: int = 1,
    last_validation: int = 0,
    at: Any = None,
    folds: int | None = None,
    columns: ColumnNames | None = None,
) -> tuple[Any, ...]:
    """Split ratings into training, test and validation sets, as ``lowrank split`` does.

    Parameters
    ----------
    ratings : Ratings, path, table, tuple or sparse matrix
        Ratings to split. The parts of a table have all of its columns, those of contexts too; of a file, read it as a table to keep contexts.
    test, validation : float
        Shares of the ratings, in [0, 1), together below 1. Exactly ``round(share * n)`` are set aside; with ``by="global-time"`` as near
        to it as moments allow. Not with ``by="last"``.
    by : {"random", "user", "time", "last", "global-time", "pair"}
        At random from all ratings; at random from every user's; the latest share of every user's; the latest `last` of every user's, but
        never the only one; those from one moment on, the same for all users; or pairs of a user and an item at random, each with all its
        ratings. Times are those of `ratings` or the column ``time`` of a
        table: numbers, dates, or texts of dates (ISO 8601), with or without a zone. A missing time is an error.
    seed : int
        Seed of the random choice; only with ``by="random"``, ``"user"`` and ``"pair"``.
    last, last_validation : int
        With ``by="last"``: ratings of every user for the test set, at least 1, and for the validation set, those before.
    at : date, datetime, str or number, optional
        With ``by="global-time"``, instead of `test`: the first moment of the test set, as a date (UTC without a zone) or as a number like
        the times of `ratings`.
    folds : int, optional
        K folds for cross-validation instead, 2 to 100. With ``by="random"``, ``"user"`` and ``"pair"`` every rating is tested in one fold; with
        ``"last"`` and ``"global-time"`` the origin rolls forward: each fold trains on what is earlier than its test ratings (see
        docs/command-line.md).
    columns : names, optional
        Names of the columns of a table or file.

    Returns
    -------
    train, test : of the kind of `ratings` (Ratings for a path)
        With a validation set: train, validation, test. With `folds`: K pairs (train, test).

    Warns
    -----
    DataWarning
        Where ratings of one pair of a user and an item are in several parts.

    Examples
    --------
    >>> import lowrank
    >>> train, test = lowrank.split(([1, 1, 2, 2], [1, 2, 1, 2], [5, 3, 4, 1]), test=0.25)
    >>> len(train[0]), len(test[0])
    (3, 1)
    """
    options = _core.SplitOptions(
        number(test, "test"), number(validation, "validation"), str(by), whole(seed, "seed", 0, 2**64 - 1),
        whole(last, "last", 0, 2**32 - 1), whole(last_validation, "last_validation", 0, 2**32 - 1), "" if at is None else moment_text(at),
    )
    if is_path(ratings):
        ratings = read_ratings(ratings, columns=columns)
        columns = None
    ratings, users, items, times = _columns_to_split(ratings, columns, _core.needs_times(str(by)))
    if times is not None and len(times) != len(users):
        raise DataError("time: expected a timestamp for every rating")
    numbers, item_numbers = users.number()[0], items.number()[0]
    if folds is not None:
        windows, rolls = _core.folds(numbers, item_numbers, times, options, whole(folds, "folds", 0, 2**32 - 1))
        _warn_of_shared(numbers, item_numbers, windows)
        ones = range(1, int(folds) + 1)
        trained = [windows < fold if rolls else windows != fold for fold in ones]
        return tuple(
            (_rows(ratings, np.flatnonzero(train)), _rows(ratings, np.flatnonzero(windows == fold))) for fold, train in zip(ones, trained)
        )
    parts = _core.parts(numbers, item_numbers, times, options)
    _warn_of_shared(numbers, item_numbers, parts)
    wanted = (0, 1, 2) if options.validates else (0, 2)
    return tuple(_rows(ratings, np.flatnonzero(parts == part)) for part in wanted)


def _warn_of_shared(users: Any, items: Any, labels: Any) -> None:
    if text := _core.shared_pairs(users, items, labels):
        warnings.warn(text, DataWarning, stacklevel=3)


def _columns_to_split(ratings: Any, columns: ColumnNames | None, needs_times: bool) -> tuple[Any, _core.Ids, _core.Ids, Any]:
    """Ratings whose rows can be taken, and their columns of users, items and times."""
    if isinstance(ratings, Ratings):
        return ratings, id_column(ratings.users, "users"), id_column(ratings.items, "items"), ratings.times
    if is_table(ratings):
        table = as_table(ratings)
        named = column_names(columns) or {}
        users, items = (id_column(table_column(table, named.get(role, role), role), role) for role in ("user", "item"))
        times = times_of_table(table, column_names(columns)) if needs_times else None
        if needs_times and times is None:
            raise DataError(f"columns: the table has no column of times among {listed(names_of(table))}")
        return table, users, items, times
    if is_sparse(ratings):
        coo = ratings.tocoo()
        users, items = (id_column(np.asarray(numbers, dtype=np.int64), "ratings") for numbers in (coo.row, coo.col))
        return ratings, users, items, None
    if isinstance(ratings, tuple) and len(ratings) in (3, 4):
        users, items = id_column(ratings[0], "users"), id_column(ratings[1], "items")
        times = time_column(ratings[3]) if len(ratings) == 4 else None
        arrays = tuple(column if hasattr(column, "__array__") else np.asarray(column, dtype=object if at < 2 else None)
                       for at, column in enumerate(ratings))
        if any(len(column) != len(users) for column in arrays):
            raise DataError("ratings: the columns must have equal lengths")
        return arrays, users, items, times
    raise DataError(f"ratings: expected Ratings, a path, a table, a tuple or a sparse matrix, got {type(ratings).__name__}")


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
