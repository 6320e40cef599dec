"""Questions to a model: predictions, lists, fold-in and figures."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import optional_rating, positive, several, shown, thread_count
from lowrank._columns import ids_array, one_or_many
from lowrank._errors import DataError, OptionError, UnknownIdError
from lowrank._fitted import Fitted
from lowrank._input import ColumnNames, Columns, File, Matrix, Numbers, pairs_from, ratings_from

Self = TypeVar("Self", bound="Answers")

_UNKNOWN = 2**32 - 1


class Lists(NamedTuple):
    """Lists of ids, best first, and their scores: masked arrays of shape (rows, n), the end of a shorter list masked."""

    ids: np.ma.MaskedArray[Any, Any]
    scores: np.ma.MaskedArray[Any, Any]


class Answers(Fitted):
    """An estimator that answers."""

    def predict(self, users: Any, items: Any = None, *, columns: ColumnNames | None = None, threads: int = 0) -> npt.NDArray[np.float64]:
        """Predict ratings of pairs.

        Parameters
        ----------
        users : array_like of shape (n,), or two columns
            Ids; or users and items together, as an array or list of shape (n, 2) or a table.
        items : array_like of shape (n,), optional
            Ids.
        columns : names, optional
            Names of the columns of a table.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ndarray of shape (n,), float64
            Clipped to the range of ratings if the model clips. An unknown user or item is predicted from what is known:
            the other's bias, or the mean.
        """
        model = self._fitted()
        if items is None:
            pairs = pairs_from(users, columns)
        else:
            pairs = Columns(one_or_many(users, "users"), one_or_many(items, "items"), None)
        if len(pairs.users) != len(pairs.items):
            raise DataError(f"users and items must have equal lengths, not {len(pairs.users)} and {len(pairs.items)}")
        return model.predict(
            _core.model_find(model, True, pairs.users), _core.model_find(model, False, pairs.items), thread_count(threads)
        )

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
        items : array_like, optional
            Candidates: recommend only these items.
        exclude : array_like, optional
            Items to leave out.
        min_count : int, default 1
            Least number of training ratings of a recommended item.
        unknown : {"error", "popular"}
            List of an unknown user: an error, or the items with the most training ratings, whose scores are these
            numbers.
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
        """
        self = self._snapshot()
        model = self._fitted()
        n = positive(n, "n")
        min_count = positive(min_count, "min_count")
        if not isinstance(unknown, str) or unknown not in ("error", "popular"):
            raise OptionError(f"unknown: must be error or popular, got {shown(unknown)}", "unknown")
        if users is None:
            numbers: Numbers = np.arange(len(self.users_), dtype=np.uint32)
            names = self.users_
            silent = np.asarray(model.user_ratings) == 0 if unknown == "error" else np.zeros(len(numbers), bool)
        else:
            column = one_or_many(users, "users")
            numbers = _core.model_find(model, True, column)
            if unknown == "error":
                self._check_known(column, numbers, model.user_ratings, "users", "user")
            own, distinct = column.number()
            names = ids_array(distinct)[own]
            silent = np.zeros(len(numbers), bool)
        limit = None if items is None else self._items_of(items, "items")
        without = np.zeros(0, np.uint32) if exclude is None else self._items_of(exclude, "exclude")
        indices, scores, counts = model.recommend(numbers, n, bool(filter_seen), limit, without, min_count, thread_count(threads))
        counts[silent] = 0
        return self._lists(names, self.items_, indices, scores, counts, ("user", "item"), as_frame)

    def similar_items(
        self,
        items: Any = None,
        n: int = 10,
        by: str = "cosine",
        *,
        min_count: int = 1,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the items whose factors are most similar to those of given items.

        Parameters
        ----------
        items : array_like of shape (m,), or one id, optional
            Default: all of `items_`.
        n : int, default 10
            Length of the lists.
        by : {"cosine", "dot"}
            Similarity of two rows of factors.
        min_count : int, default 1
            Least number of training ratings of a listed item.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table with the columns item, similar, rank and score instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids, scores : masked arrays of shape (m, n)
            As of `recommend`. An item whose factors are all zero has an empty list.
        """
        return self._similar(items, n, by, min_count, as_frame, threads, users=False)

    def similar_users(
        self,
        users: Any = None,
        n: int = 10,
        by: str = "cosine",
        *,
        min_count: int = 1,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the users whose factors are most similar to those of given users. As `similar_items`.

        Parameters
        ----------
        users : array_like of shape (m,), or one id, optional
            Default: all of `users_`.
        n : int, default 10
            Length of the lists.
        by : {"cosine", "dot"}
            Similarity of two rows of factors.
        min_count : int, default 1
            Least number of training ratings of a listed user.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids, scores : masked arrays of shape (m, n)
        """
        return self._similar(users, n, by, min_count, as_frame, threads, users=True)

    def _similar(self, ids: Any, n: int, by: str, min_count: int, as_frame: bool | str, threads: int, *, users: bool) -> Any:
        self = self._snapshot()
        model = self._fitted()
        n = positive(n, "n")
        all_ids = self.users_ if users else self.items_
        kind = "user" if users else "item"
        if ids is None:
            numbers: Numbers = np.arange(len(all_ids), dtype=np.uint32)
            names = all_ids
        else:
            column = one_or_many(ids, f"{kind}s")
            numbers = _core.model_find(model, users, column)
            self._check_known(column, numbers, model.user_ratings if users else model.item_ratings, f"{kind}s", kind)
            names = all_ids[numbers]
        indices, scores, counts = model.similar(users, numbers, n, str(by), positive(min_count, "min_count"), thread_count(threads))
        return self._lists(names, all_ids, indices, scores, counts, (kind, "similar"), as_frame)

    def _items_of(self, items: Any, argument: str) -> Numbers:
        column = one_or_many(items, argument)
        numbers = _core.model_find(self._fitted(), False, column)
        self._check_known(column, numbers, None, argument, "item")
        return numbers

    def _check_known(
        self, column: _core.Ids, numbers: Numbers, ratings: npt.NDArray[np.uint32] | None, argument: str, kind: str
    ) -> None:
        unknown = numbers == _UNKNOWN
        if ratings is not None and not unknown.all():
            known = np.flatnonzero(~unknown)
            unknown[known] = np.asarray(ratings)[numbers[known]] == 0
        if unknown.any():
            own, distinct = column.number()
            _, first = np.unique(own[unknown], return_index=True)
            ids = ids_array(distinct)[own[unknown][np.sort(first)]].tolist()
            named = ", ".join(shown(one) for one in ids[:10]) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
            raise UnknownIdError(f"{argument}: the model does not know {kind}{'s' if len(ids) > 1 else ''} {named}")

    def _lists(
        self,
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
            return _frame(table, as_frame)
        if not missing.any():
            return Lists(np.ma.MaskedArray(ids[indices]), np.ma.MaskedArray(scores))
        found = ids[indices] if len(ids) else np.zeros(indices.shape, ids.dtype)
        return Lists(np.ma.MaskedArray(found, mask=missing), np.ma.MaskedArray(scores, mask=missing.copy()))

    def fold_in(self: Self, X: Any, y: Any = None, *, columns: ColumnNames | None = None, threads: int = 0) -> Self:
        """Fold in new users: compute their factors from their ratings, against the fixed items.

        Parameters
        ----------
        X, y : ratings
            In any form that `fit` takes; of a matrix, columns are the items with the ids 0 .. n-1. Items that the model does
            not know are left out.
        columns : names, optional
            Names of the columns of a table or file.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        estimator
            A fitted estimator with the users of X, in order of first appearance, and the items of this one. The items
            that they rated in X count as seen.
        """
        self = self._snapshot()
        model = self._fitted()
        pairs, names = self._pairs(X, y, columns, thread_count(threads))
        if len(pairs) == 0:
            raise DataError("X: there are no ratings to fold in")
        result = copy.copy(self)
        result._take(model.fold_in(pairs, thread_count(threads)), names, self._item_ids)
        return result

    def _pairs(self, X: Any, y: Any, columns: ColumnNames | None, threads: int, name: str = "X") -> tuple[_core.Pairs, npt.NDArray[Any] | None]:
        """Ratings in the numbering of the model, and the distinct users as they were given."""
        model = self._fitted()
        source = ratings_from(X, y, columns, name)
        if isinstance(source, File):
            return _core.model_read_pairs(model, source.path, "auto", source.columns, False, threads)[0], None
        table = source.as_columns() if isinstance(source, Matrix) else source
        _, distinct = table.users.number()
        return _core.model_pairs(model, table.users, table.items, table.values), ids_array(distinct)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the root mean squared error of predictions, so that greater is better.

        Parameters
        ----------
        X, y : ratings
            In any form that `fit` takes.

        Returns
        -------
        float
        """
        self = self._snapshot()
        model = self._fitted()
        if not model.predicts_ratings:
            raise OptionError(f"method {self._method} predicts no ratings, so that it has no RMSE; evaluate(test, top=...) judges lists")
        return -float(model.evaluate(self._test_pairs(X, y, None, 0), [], None, 0)["rmse"])

    def _test_pairs(self, X: Any, y: Any, columns: ColumnNames | None, threads: int) -> _core.Pairs:
        pairs, _ = self._pairs(X, y, columns, threads)
        if len(pairs) == 0:
            raise DataError("X: there are no ratings to score")
        return pairs

    def evaluate(
        self,
        test: Any,
        y: Any = None,
        *,
        top: int | Sequence[int] | None = None,
        relevant_from: float | None = None,
        columns: ColumnNames | None = None,
        threads: int = 0,
    ) -> dict[str, Any]:
        """Score predictions, and lists, on a test set.

        Parameters
        ----------
        test, y : ratings
            In any form that `fit` takes.
        top : int or sequence of int, optional
            Also score the lists of this length for every user of `test`, without the items rated in training.
        relevant_from : float, optional
            Least rating of a relevant item; default: all items of `test` are relevant.
        columns : names, optional
            Names of the columns of a table or file.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        dict
            ``rmse`` and ``mae`` if the method predicts ratings, the number of ``ratings``, and how many of them have an
            ``unknown`` user or item. With one `top` also ``users`` with a relevant item, ``recall``, ``precision``,
            ``ndcg``, ``map``, ``mrr``, ``hit_rate`` and ``coverage``; with several ``ranking``: these by length of list.
        """
        self = self._snapshot()
        model = self._fitted()
        tops = [] if top is None else [positive(one, "top") for one in ([top] if isinstance(top, (int, np.integer)) else several(top, "top"))]
        if not model.predicts_ratings and not tops:
            raise OptionError(f"method {self._method} predicts no ratings: top, the length of lists to judge, is needed", "top")
        if relevant_from is not None and not tops:
            raise OptionError("relevant_from: needs top", "relevant_from")
        pairs = self._test_pairs(test, y, columns, thread_count(threads))
        result = model.evaluate(pairs, tops, optional_rating(relevant_from, "relevant_from"), thread_count(threads))
        if isinstance(top, (int, np.integer)):
            result.update(result.pop("ranking")[int(top)])
        return result


def _frame(table: dict[str, npt.NDArray[Any]], library: bool | str) -> Any:
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
