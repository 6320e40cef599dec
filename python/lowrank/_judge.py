"""Figures of models: of one, and of several compared."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._ask import Answers
from lowrank._checks import is_path, list_lengths, number, optional_rating, path_of, thread_count
from lowrank._columns import as_table, ids_array, is_table
from lowrank._errors import DataError, DataWarning, OptionError
from lowrank._input import ColumnNames
from lowrank._lists import frame_of
from lowrank._situations import Asked, refuse_columns_of


class Judges(Answers):
    """An estimator that says how good it is."""

    def score(self, X: Any, y: Any = None) -> float:
        """The figure by which scikit-learn's searches choose: greater is better.

        Minus the root mean squared error of predictions; of methods that do not predict ratings NDCG@20 of the lists, without the
        items rated in training. `lowrank.scorer` makes other figures.

        Parameters
        ----------
        X, y : ratings
            In any form that `fit` takes. The rows of a matrix are the users 0, 1, ... of the model: see `lowrank.scorer`.

        Returns
        -------
        float

        Raises
        ------
        DataError
            If there are no ratings, or for lists if nobody has an item that was not rated in training.
        """
        return self._score_by(X, y, None)

    def _score_by(self, X: Any, y: Any, monitor: str | None) -> float:
        self = self._snapshot()
        model = self._fitted()
        return float(_core.score(model, self._test_pairs(X, y, None, 0, model.reads_times), monitor, 0))

    def _test_pairs(
        self, X: Any, y: Any, columns: ColumnNames | None, threads: int, times: bool, like: Asked | None = None,
        models: Sequence[Judges] = (),
    ) -> _core.Pairs:
        """Ratings to score. `models` are those that `compare` compares."""
        X = as_table(X) if is_table(X) else X
        asked = models or (self,)
        given: frozenset[str] = frozenset().union(*(one._given for one in asked))
        refuse_columns_of(given, X)
        contexts = list(dict.fromkeys(name for one in asked for name in one._fitted().context_columns))
        pairs, _ = self._pairs(X, y, columns, threads, times=times, given=given, like=like, contexts=contexts)
        if len(pairs) == 0:
            raise DataError("X: there are no ratings to score")
        for one in asked:
            if text := _core.unknown_levels(one._fitted(), pairs):
                warnings.warn(f"{path_of(X, 'X')}: {text}" if is_path(X) else text, DataWarning, stacklevel=3 if models else 4)
        return pairs

    def evaluate(
        self,
        test: Any,
        y: Any = None,
        *,
        top: int | Sequence[int] | None = None,
        relevant_from: float | None = None,
        beyond_accuracy: bool = False,
        interval: float | None = None,
        per_user: bool = False,
        columns: ColumnNames | None = None,
        threads: int = 0,
    ) -> dict[str, Any]:
        """Score predictions, and lists, on a test set.

        Parameters
        ----------
        test, y : ratings
            In any form that `fit` takes. Times are read where the model depends on them; without times, predictions are of what times
            add on the average.
        top : int or sequence of int, optional
            Also score the lists of this length for every user of `test`, without the items rated in training.
        relevant_from : float, optional
            Least rating of a relevant item; default: all items of `test` are relevant.
        beyond_accuracy : bool, default False
            With `top`: also what the lists are like besides being right. Its time grows with the square of `top`.
        interval : float, optional
            Also an interval of this level, in (0, 1), for every figure, by bootstrap over users (1,000 draws).
        per_user : bool, default False
            Also the figures of every user.
        columns : names, optional
            Names of the columns of a table or file.
        threads : int, default 0
            0 for all processors. Results do not depend on it.

        Returns
        -------
        dict
            ``rmse`` and ``mae`` if the method predicts ratings, the number of ``ratings``, and how many of them have an
            ``unknown`` user or item. With one `top` also ``users`` with a relevant item, ``recall``, ``precision``,
            ``ndcg``, ``map``, ``mrr``, ``hit_rate`` and ``coverage``; with several ``ranking``: these by length of list.
            With `beyond_accuracy` next to these ``novelty`` (bits), ``diversity``, ``popularity``, ``test_popularity`` and ``gini``.
            With `interval` its ``level``, and an ``interval``: the ends, by the name of the figure; without figures of two users it is empty.
            With `per_user` a ``per_user``: columns of equal length by name, ``user`` (ids), ``ratings``, ``rmse``, ``mae``, and for
            instance ``ndcg@20``; NaN where a user has none.
        """
        return self._figures(
            test, y, top=top, relevant_from=relevant_from, beyond_accuracy=beyond_accuracy, interval=interval, per_user=per_user,
            columns=columns, threads=threads,
        )

    def _figures(
        self,
        test: Any,
        y: Any,
        *,
        top: int | Sequence[int] | None,
        columns: ColumnNames | None,
        threads: int,
        relevant_from: float | None = None,
        beyond_accuracy: bool = False,
        interval: float | None = None,
        per_user: bool = False,
        like: Asked | None = None,
    ) -> dict[str, Any]:
        """What `evaluate` returns. `like` are the contexts that a file must have; without it, those of the model are read as far as it has
        them.
        """
        self = self._snapshot()
        model = self._fitted()
        tops = list_lengths(top)
        if not model.predicts_ratings and not tops:
            raise OptionError(f"method {self._method} predicts no ratings: top, the length of lists to judge, is needed", "top")
        for name, given in (("relevant_from", relevant_from is not None), ("beyond_accuracy", bool(beyond_accuracy))):
            if given and not tops:
                raise OptionError(f"{name}: needs top", name)
        threads = thread_count(threads)
        level = None if interval is None else number(interval, "interval")
        pairs = self._test_pairs(test, y, columns, threads, model.reads_times, like)
        limit = optional_rating(relevant_from, "relevant_from")
        result: dict[str, Any] = _core.evaluate(model, pairs, tops, limit, bool(beyond_accuracy), level, bool(per_user), threads)
        if isinstance(top, (int, np.integer)):
            lists = result.pop("ranking")[int(top)]
            if level is not None:
                lists["interval"] = result["interval"] | lists["interval"]
            result.update(lists)
        if per_user:
            result["per_user"]["user"] = ids_array(result["per_user"]["user"])
        return result


def compare(
    models: Sequence[Judges] | Mapping[str, Judges],
    test: Any,
    y: Any = None,
    *,
    top: int | Sequence[int] | None = None,
    relevant_from: float | None = None,
    interval: float | None = None,
    columns: ColumnNames | None = None,
    as_frame: bool | str = False,
    threads: int = 0,
) -> Any:
    """Score several models on one test, and compare each with the first: is it better, and is that more than chance?

    Ids are matched by name: the models may have been fitted on different ratings. An item that a user has in the training data of any of
    the models is neither relevant nor in a list, so that all are asked for the same.

    Parameters
    ----------
    models : sequence of fitted estimators, or mapping from names to them
        At least two.
    test, y : ratings
        In any form that `fit` takes.
    top : int or sequence of int, optional
        Also compare lists of this length. Needed if a model does not predict ratings.
    relevant_from : float, optional
        Least rating of a relevant item; default: all items of `test` are relevant.
    interval : float, optional
        Level of the intervals, in (0, 1); default 0.95.
    columns : names, optional
        Names of the columns of a table or file.
    as_frame : bool or str, default False
        Return a table instead, of the library that is named: ``"pandas"`` (or True), ``"polars"`` or ``"pyarrow"``.
    threads : int, default 0
        0 for all processors. Results do not depend on it.

    Returns
    -------
    list of dict, or table
        One per metric: ``metric`` (its name, such as ``rmse`` or ``ndcg@20``), ``better`` (``lower`` or ``higher``), the number of
        ``users``, for each of ``models`` the ``model`` (its name or number), ``value`` and ``interval``, and for each but the first of
        ``differences`` the ``model``, the ``value`` (figure of the model minus that of the first), its paired ``interval``, ``p`` of a
        permutation test (10,000 draws), ``p_holm`` corrected for the number of differences, and the shares ``users_better`` and
        ``users_worse``. An interval is None with fewer than two users. As a table one row per metric and model, with the columns ``metric``,
        ``model``, ``value``, ``low`` and ``high`` (the interval), ``difference``, ``difference_low``, ``difference_high``, ``p``, ``p_holm``,
        ``users_better`` and ``users_worse``; NaN where there is none, as for the differences of the first model.

    Examples
    --------
    >>> import lowrank
    >>> ratings = (["ann", "ann", "bob", "bob"], ["tea", "rum", "tea", "ale"], [5, 3, 4, 1])
    >>> models = [lowrank.Baseline().fit(ratings), lowrank.ALS(rank=1).fit(ratings)]
    >>> [one["metric"] for one in lowrank.compare(models, (["ann", "bob"], ["ale", "rum"], [2, 3]))]
    ['rmse', 'mae']
    """
    named = dict(models) if isinstance(models, Mapping) else dict(enumerate(models))
    for one in named.values():
        if not isinstance(one, Judges):
            raise DataError(f"models: expected fitted estimators, got {type(one).__name__}")
    if len(named) < 2:
        raise DataError("models: a comparison needs at least two")
    names = list(named)
    fitted = [one._snapshot() for one in named.values()]
    threads = thread_count(threads)
    level = None if interval is None else number(interval, "interval")
    tops = list_lengths(top)
    compiled = [one._fitted() for one in fitted]
    pairs = fitted[0]._test_pairs(test, y, columns, threads, any(model.reads_times for model in compiled), models=fitted)
    limit = optional_rating(relevant_from, "relevant_from")
    metrics: list[dict[str, Any]] = _core.compare(compiled, pairs, tops, limit, level, threads)
    for metric in metrics:
        metric["models"] = [{"model": name} | own for name, own in zip(names, metric["models"])]
        metric["differences"] = [{"model": name} | own for name, own in zip(names[1:], metric["differences"])]
    return frame_of(_columns_of(metrics), as_frame) if as_frame else metrics


def _columns_of(metrics: list[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    """The comparison as columns, one row per metric and model."""
    rows = []
    for metric in metrics:
        for own, difference in zip(metric["models"], [{}, *metric["differences"]]):
            low, high = own["interval"] or (np.nan, np.nan)
            least, most = difference.get("interval") or (np.nan, np.nan)
            rest = [difference.get(name, np.nan) for name in ("p", "p_holm", "users_better", "users_worse")]
            rows.append([metric["metric"], own["model"], own["value"], low, high, difference.get("value", np.nan), least, most, *rest])
    words = ("metric", "model", "value", "low", "high", "difference", "difference_low", "difference_high", "p", "p_holm", "users_better", "users_worse")
    return {word: np.array(column, object if word in ("metric", "model") else np.float64) for word, column in zip(words, zip(*rows))}


class scorer:  # noqa: N801 - used as a function
    """A figure as scikit-learn's ``scoring``: ``GridSearchCV(lowrank.BPR(), grid, scoring=lowrank.scorer("recall@10"))``.

    The folds that scikit-learn makes must be of rows that say whose they are: `X` of two columns, user and item, and `y` the ratings (ones
    where there are none). Rows of a users x items matrix will not do: within a fold they are numbered anew, and no longer the users that
    they were. Items that the user rated in the training part of a fold are left out of lists.

    Parameters
    ----------
    monitor : str
        ``rmse`` or ``mae`` (then minus the error), or ``METRIC@K`` with the metrics of lists of `evaluate`, coverage excepted.

    Examples
    --------
    >>> import lowrank
    >>> lowrank.scorer("ndcg@20")
    scorer('ndcg@20')
    """

    def __init__(self, monitor: str) -> None:
        _core.check_monitor(str(monitor))
        self.monitor = str(monitor)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """The figure of a fitted estimator, or of a pipeline that ends in one and hands on what it is given; greater is better."""
        steps = getattr(estimator, "steps", None)
        if steps:
            X = estimator[:-1].transform(X)
            estimator = steps[-1][1]
        if not isinstance(estimator, Judges):
            raise DataError(f"scorer: expected an estimator of lowrank, got {type(estimator).__name__}")
        return estimator._score_by(X, y, self.monitor)

    def __repr__(self) -> str:
        return f"scorer({self.monitor!r})"
