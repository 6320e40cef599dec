"""Questions to a model: predictions, lists and fold-in."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import positive, shown, thread_count
from lowrank._columns import as_table, ids_array, is_one, is_table, one_or_many
from lowrank._errors import DataError, DataWarning, OptionError
from lowrank._fold_in import FoldsIn
from lowrank._input import ColumnNames, Columns, Numbers, pairs_from
from lowrank._lists import UNKNOWN, Filter, frame_of, lists_of
from lowrank._situations import Levels, levels_known_to
from lowrank._times import Times, times_of_pairs

Self = TypeVar("Self", bound="Answers")
#: Rows, scores and lengths of lists.
Lists = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]


class Answers(FoldsIn):
    """An estimator that answers."""

    def predict(
        self,
        users: Any,
        items: Any = None,
        *,
        times: Any = None,
        columns: ColumnNames | None = None,
        context: Mapping[str, Any] | None = None,
        return_known: bool = False,
        return_std: bool = False,
        threads: int = 0,
    ) -> Any:
        """Predict ratings of pairs.

        Parameters
        ----------
        users : array_like of shape (n,), one id, or two columns
            Ids; or users and items together, as an array or list of shape (n, 2) or a table. One id is a user for all items.
        items : array_like of shape (n,) or one id, optional
            Ids. One id is an item for all users.
        times : array_like of shape (n,), or one date or number, optional
            When the ratings are given, for models that depend on it (`BayesianMF` with ``time``): dates or numbers as of
            :class:`lowrank.Ratings`. Default: the times of a table or of :class:`lowrank.Ratings`; without times, what times add on the
            average.
        columns : names, optional
            Names of the columns of a table.
        context : mapping, optional
            The context of all pairs, such as ``{"companion": "kids"}``: the same as of ``in_context(companion="kids")``. A table with a
            column of that context is refused.
        return_known : bool, default False
            Also return which predictions are of a user and an item that the model knows.
        return_std : bool, default False
            Also return how far ratings lie from the predictions. For models of `BayesianMF`.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        predictions : ndarray of shape (n,), float64
            Clipped to the range of ratings if the model clips. An unknown user or item is predicted from what is known:
            the other's bias, or the mean.
        std : ndarray of shape (n,), float64
            With `return_std`: the standard deviation of the rating around its prediction, of noise and of what is not known of user and
            item.
        known : ndarray of shape (n,), bool
            With `return_known`: False where user or item is unknown, or has no training rating.

        Raises
        ------
        OptionError
            For a context that the model does not have, or that is given twice.
        """
        users = _again(users, items)
        self = self._within(context, None if items is not None else users)
        recommender, rows, own_times, levels = self._rows_of(users, items, times, columns)
        predictions = recommender.predict(*rows, own_times, levels, thread_count(threads))
        if not return_known and not return_std:
            return predictions
        results: list[Any] = [predictions]
        if return_std:
            results.append(np.sqrt(recommender.predict_variances(*rows, own_times, levels, thread_count(threads))))
        if return_known:
            model = self._fitted()
            results.append(_has_ratings(model.user_ratings, rows[0]) & _has_ratings(model.item_ratings, rows[1]))
        return tuple(results)

    def predict_interval(
        self,
        users: Any,
        items: Any = None,
        level: float = 0.9,
        *,
        times: Any = None,
        columns: ColumnNames | None = None,
        context: Mapping[str, Any] | None = None,
        threads: int = 0,
    ) -> Any:
        """Predict where the ratings of pairs lie. For models of `BayesianMF`.

        Parameters
        ----------
        users, items, times, columns, context, threads
            As of `predict`.
        level : float, default 0.9
            The probability that the interval holds the rating, above 0 and below 1.

        Returns
        -------
        ndarray of shape (n, 2), float64
            The ends of each interval, within the range of ratings if the model clips. With ``likelihood="ordinal"`` they are ratings
            of the scale, and the interval holds the rating with this probability or more.
        """
        users = _again(users, items)
        self = self._within(context, None if items is not None else users)
        recommender, rows, own_times, levels = self._rows_of(users, items, times, columns)
        return recommender.predict_intervals(*rows, float(level), own_times, levels, thread_count(threads)).reshape(-1, 2)

    def predict_proba(
        self,
        users: Any,
        items: Any = None,
        *,
        times: Any = None,
        columns: ColumnNames | None = None,
        context: Mapping[str, Any] | None = None,
        threads: int = 0,
    ) -> Any:
        """Predict the probability of every rating of the scale. For models of ``BayesianMF(likelihood="ordinal")``.

        Parameters
        ----------
        users, items, times, columns, context, threads
            As of `predict`.

        Returns
        -------
        ndarray of shape (n, levels), float64
            One column per rating in `levels_`. Rows sum to 1.
        """
        users = _again(users, items)
        self = self._within(context, None if items is not None else users)
        recommender, rows, own_times, levels = self._rows_of(users, items, times, columns)
        probabilities = recommender.predict_probabilities(*rows, own_times, levels, thread_count(threads))
        return probabilities.reshape(len(rows[0]), len(self.levels_))

    @property
    def levels_(self) -> Any:
        """The different ratings, ascending, of a model with ``likelihood="ordinal"``."""
        levels = self._fitted().levels
        if levels is None:
            raise AttributeError('levels_: the model has no ordinal scale: fit it with likelihood="ordinal"')
        return np.asarray(levels, dtype=np.float32)

    def _rows_of(
        self, users: Any, items: Any, times: Any, columns: ColumnNames | None
    ) -> tuple[Any, tuple[Any, Any], Times | None, list[Levels]]:
        """The recommender, the rows of both sides of pairs that are given as of `predict`, and the times and contexts of the pairs."""
        recommender = self._asked()
        timed = self._fitted().reads_times
        if times is not None and not timed:
            raise OptionError('times: the model does not depend on them: fit BayesianMF with time="day", "week" or "month"', "times")
        if items is None:
            pairs = pairs_from(users, columns, times=timed and times is None)
        else:
            pairs = Columns(one_or_many(users, "users"), one_or_many(items, "items"), None)
        rows = recommender.find(True, pairs.users, False, "users"), recommender.find(False, pairs.items, False, "items")
        if items is not None and is_one(users) != is_one(items):
            size = max(len(rows[0]), len(rows[1])) if min(len(rows[0]), len(rows[1])) else 0
            rows = tuple(np.repeat(own, size) if is_one(given) else own for own, given in zip(rows, (users, items)))  # type: ignore[assignment]
        if len(rows[0]) != len(rows[1]):
            raise DataError(f"users and items must have equal lengths, not {len(rows[0])} and {len(rows[1])}")
        levels = levels_known_to(self._fitted().context_columns, users, len(rows[0])) if items is None else []
        if levels and (text := _core.unknown_levels_of(self._fitted(), levels, len(rows[0]))):
            warnings.warn(text, DataWarning, stacklevel=3)
        if times is None:
            return recommender, rows, pairs.times, levels
        own_times = times_of_pairs(times, len(rows[0]))
        if items is not None and is_one(users) and is_one(items):  # one pair at several times
            rows = np.repeat(rows[0], len(own_times)), np.repeat(rows[1], len(own_times))
        return recommender, rows, own_times, levels

    def predict_matrix(
        self,
        users: Any = None,
        items: Any = None,
        *,
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """Predict the ratings of every user for every item: 8 bytes per cell.

        Parameters
        ----------
        users : array_like of shape (m,), or one id, optional
            Default: all of `users_`.
        items : array_like of shape (k,), or one id, optional
            Default: all of `items_`.
        context : mapping, optional
            The context of all pairs, as of `predict`.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table instead: one row per user, one column per item. In pandas the users are the index; elsewhere they are
            the column ``user``, and the names of the other columns are the ids as texts.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ndarray of shape (m, k), float64
            As of `predict`.
        """
        self = self._within(context)
        recommender = self._asked()
        rows, row_ids = self._rows(users, True, refuses=False)
        columns, column_ids = self._rows(items, False, refuses=False)
        matrix = recommender.predict_matrix(rows, columns, thread_count(threads))
        if not as_frame:
            return matrix
        if as_frame is True or as_frame == "pandas":
            import pandas

            return pandas.DataFrame(matrix, pandas.Index(row_ids, name="user"), pandas.Index(column_ids, name="item"))
        table = {"user": row_ids, **{str(one): column for one, column in zip(column_ids.tolist(), matrix.T)}}
        if len(table) != len(column_ids) + 1:
            raise DataError('items: as names of columns the ids must be distinct, and none may be "user"')
        return frame_of(table, as_frame)

    def recommend(
        self,
        users: Any = None,
        n: int = 10,
        filter_seen: bool = True,
        items: Any = None,
        exclude: Any = None,
        *,
        min_count: int = 1,
        unknown: str = "error",
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the items with the highest scores for users.

        Parameters
        ----------
        users : array_like of shape (m,), or one id, optional
            Default: all of `users_`; those without a training rating get empty lists.
        n : int, default 10
            Number of items per list; fewer if no more candidates are left.
        filter_seen : bool, default True
            Leave out items that the user has rated.
        items : array_like, table, mapping or mask, optional
            Candidates: recommend only these items. For every user others: a table with the columns user and item, a mapping of
            users to lists of items, or a mask (sparse, or an array of bool) with a row per user asked for and a column per item of
            `items_`; a user without candidates gets an empty list.
        exclude : array_like, table, mapping or mask, optional
            Items to leave out; in the same forms. Pairs with a user or item that the model does not know have no effect.
        min_count : int, default 1
            Least number of training ratings of a recommended item.
        unknown : {"error", "popular"}
            List of an unknown user: an error, or the items with the most training ratings, whose scores are these
            numbers.
        context : mapping, optional
            The context that the lists are for, such as ``{"companion": "kids"}``: the same as of ``in_context(companion="kids")``.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table with the columns user, item, rank and score instead, without masked rows.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids : masked array of shape (m, n), or (m, items) where there are fewer items than n
            Best first, ties in the order of `items_`; the end of a short list is masked.
        scores : masked array of the same shape, float32
            Not clipped, so that they order items at the end of the scale too.

        Raises
        ------
        UnknownIdError
            For a user or item that the model does not know.
        OptionError
            For a context that the model does not have.
        """
        self = self._within(context)
        recommender = self._asked()
        n = positive(n, "n")
        min_count = positive(min_count, "min_count")
        if not isinstance(unknown, str) or unknown not in ("error", "popular"):
            raise OptionError(f"unknown: must be error or popular, got {shown(unknown)}", "unknown")
        refuses = unknown == "error"

        def ask(numbers: Numbers, given: _core.Given) -> Lists:
            indices, scores, counts = recommender.recommend(numbers, n, bool(filter_seen), given, min_count, thread_count(threads))
            if users is None and refuses:
                counts[np.asarray(self._fitted().user_ratings) == 0] = 0
            return indices, scores, counts

        return self._lists(users, (True, False), ("user", "item"), ask, as_frame, refuses, items=items, exclude=exclude)

    def recommend_users(
        self,
        items: Any = None,
        n: int = 10,
        filter_seen: bool = True,
        users: Any = None,
        exclude: Any = None,
        *,
        min_count: int = 1,
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the users for whom given items score highest: whom to tell of an item.

        Parameters
        ----------
        items : array_like of shape (m,), or one id, optional
            Default: all of `items_`; those without a training rating get empty lists.
        n : int, default 10
            Number of users per list; fewer if no more are left.
        filter_seen : bool, default True
            Leave out users that have rated the item.
        users : array_like, table, mapping or mask, optional
            List only these users; for every item others in the forms of `recommend`, with the columns item and user.
        exclude : array_like, table, mapping or mask, optional
            Users to leave out; in the same forms.
        min_count : int, default 1
            Least number of training ratings of a listed user.
        context : mapping, optional
            The context that the lists are for, as of `recommend`.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table with the columns item, user, rank and score instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids, scores : masked arrays of shape (m, n), or (m, users) where there are fewer users than n
            As of `recommend`.

        Raises
        ------
        UnknownIdError
            For an item or user that the model does not know.
        OptionError
            For a context that the model does not have.
        """
        self = self._within(context)
        recommender = self._asked()
        n = positive(n, "n")
        min_count = positive(min_count, "min_count")

        def ask(numbers: Numbers, given: _core.Given) -> Lists:
            return recommender.recommend_users(numbers, n, bool(filter_seen), given, min_count, thread_count(threads))

        return self._lists(items, (False, True), ("item", "user"), ask, as_frame, users=users, exclude=exclude)

    def _lists(
        self,
        ids: Any,
        sides: tuple[bool, bool],
        words: tuple[str, str],
        ask: Callable[[Numbers, _core.Given], Lists],
        as_frame: bool | str,
        refuses: bool = True,
        **filters: Any,
    ) -> Any:
        """Lists as Python returns them.

        Parameters
        ----------
        ids : array_like, or one id, or None
            What the lists are for.
        sides : (bool, bool)
            Whether they are for users, and whether users are listed.
        words : (str, str)
            Names of the two columns of ids.
        ask : callable
            Gives the lists for numbers of rows and a filter.
        refuses : bool
            Whether an unknown id is an error.
        filters : the rows to list, and those to leave out, each under the name of its argument
        """
        asked = None if ids is None else one_or_many(ids, "users" if sides[0] else "items")
        numbers, names = self._rows(asked, sides[0], refuses=refuses)
        listed = self.users_ if sides[1] else self.items_
        only, exclude = filters
        chosen = Filter(self._asked(), numbers, asked, sides, len(listed), words)
        indices, scores, counts = ask(numbers, chosen.given(filters[only], filters[exclude], (only, exclude)))
        return lists_of(names, listed, indices, scores, counts, words, as_frame)

    def _rows(self, ids: Any, users: bool, *, refuses: bool) -> tuple[Numbers, npt.NDArray[Any]]:
        """Numbers of rows and their ids as they were given; all rows where no ids are."""
        all_ids = self.users_ if users else self.items_
        if ids is None:
            return np.arange(len(all_ids), dtype=np.uint32), all_ids
        argument = "users" if users else "items"
        column = one_or_many(ids, argument)
        numbers = self._asked().find(users, column, refuses, argument)
        if refuses:
            return numbers, all_ids[numbers]
        own, distinct = column.number()
        return numbers, ids_array(distinct)[own]


def _again(users: Any, items: Any) -> Any:
    """`users` of `predict`, a table of pairs as one that can be read more than once."""
    return as_table(users) if items is None and is_table(users) else users


def _has_ratings(counts: npt.NDArray[np.uint32], rows: Numbers) -> npt.NDArray[np.bool_]:
    """Whether the model knows rows, of which some may be of no vocabulary."""
    known: npt.NDArray[np.bool_] = rows != UNKNOWN
    known[known] = np.asarray(counts)[rows[known]] != 0
    return known
