"""The base class of the estimators, and load()."""

from __future__ import annotations

import copy
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._errors import DataError, ModelFileError, NotFittedError, OptionError, TrainingWarning, UnknownIdError
from lowrank._input import (
    ColumnNames,
    Columns,
    File,
    Matrix,
    Numbers,
    Source,
    ids_array,
    one_or_many,
    pairs_from,
    ratings_from,
)
from lowrank._progress import progress_bar

Self = TypeVar("Self", bound="Estimator")
#: The argument of a callback after every epoch: number of the epoch, number of epochs, and the figures that the method reports.
Report: TypeAlias = dict[str, Any]

_UNKNOWN = 2**32 - 1


class Lists(NamedTuple):
    """Lists of ids, best first, and their scores: masked arrays of shape (rows, n), the end of a shorter list masked."""

    ids: np.ma.MaskedArray[Any, Any]
    scores: np.ma.MaskedArray[Any, Any]


class Estimator:
    """Base of the estimators: one class per method, whose keyword arguments are the method's options.

    Fitted attributes are views of the model: they take no memory of their own and are read-only.

    Attributes
    ----------
    user_factors_ : ndarray of shape (users, rank), float32
    item_factors_ : ndarray of shape (items, rank), float32
    user_biases_ : ndarray of shape (users,), float32
        Zeros for a model without biases.
    item_biases_ : ndarray of shape (items,), float32
    mean_ : float
        Added to every score; 0 for a model without biases.
    users_ : ndarray of shape (users,)
        Ids in the order of the rows, as they were fitted; after `load` int64 if all are canonical decimals.
    items_ : ndarray of shape (items,)
    history_ : structured ndarray of shape (epochs,)
        Figures of every epoch: ``epoch``, ``seconds``, and for instance ``train_rmse`` and ``validation_rmse``. Empty
        after `load`.
    summary_ : dict
        Results of the training: ``epochs``, ``best_epoch``, ``stopped``, figures, and ``seconds``: ``read`` (from arrays
        or a file to grouped ratings), ``train``, ``write``, ``total``. Empty after `load`.
    record_ : dict
        Origin of the model: method, options, seed, number of ratings, fingerprint of the data, figures.
    """

    _method: ClassVar[str] = ""
    _options: ClassVar[Mapping[str, Any]] = {}
    _model: _core.Model | None

    def __init__(self, **options: Any) -> None:
        for name in options:
            if name not in self._options:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        for name, default in self._options.items():
            setattr(self, name, options.get(name, default))
        self._clear()

    def _clear(self) -> None:
        self._model = None
        self._user_ids: npt.NDArray[Any] | None = None
        self._item_ids: npt.NDArray[Any] | None = None
        self._history = np.zeros(0, [("epoch", np.int64)])
        self._summary: dict[str, Any] = {}

    # ---- parameters, as in scikit-learn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name.

        Parameters
        ----------
        deep : bool
            Has no effect: no option is an estimator.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in self._options}

    def set_params(self: Self, **params: Any) -> Self:
        """Set options by name.

        Returns
        -------
        self

        Raises
        ------
        OptionError
            An option does not exist.
        """
        for name in params:
            if name not in self._options:
                raise OptionError(f"{name}: {type(self).__name__} has no such option; it has {', '.join(self._options)}", name)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.get_params().items() if repr(value) != repr(self._options[name])}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def _texts(self) -> list[tuple[str, str]]:
        """The options as texts, for the compiled part to check and read."""
        texts = []
        for name in self._options:
            value = getattr(self, name)
            if isinstance(value, (bool, np.bool_)):
                text = str(bool(value)).lower()
            elif isinstance(value, (float, np.floating)):
                text = repr(float(value))
            elif value is None and self._options[name] is None:
                text = "auto"
            else:
                text = str(value)
            texts.append((name, text))
        return texts

    # ---- scikit-learn asks for these

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            regressor_tags=RegressorTags(),
            classifier_tags=None,
            input_tags=InputTags(two_d_array=True, string=True, sparse=True, allow_nan=True),
        )

    # ---- training

    def fit(
        self: Self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        callback: Callable[[Report], bool | None] | None = None,
        columns: ColumnNames | None = None,
        format: str = "auto",
        duplicates: str = "last",
        implicit_values: bool = False,
        monitor: str | None = None,
        refit: bool = False,
        init: Estimator | str | os.PathLike[str] | None = None,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        progress: bool | None = None,
        threads: int = 0,
    ) -> Self:
        """Train on ratings.

        The GIL is released. Ctrl-C ends training after the running epoch with KeyboardInterrupt; the estimator is then as
        it was before. The same data, options and seed give the same model, byte for byte, for any number of threads.

        Parameters
        ----------
        X : ratings
            - scipy sparse matrix or array of shape (users, items): stored entries are ratings, explicit zeros included;
              ids are 0 .. n-1; empty rows and columns are kept;
            - tuple ``(users, items, values)`` of arrays of shape (n,);
            - pandas, polars or pyarrow table with the columns ``user``, ``item`` and ``rating`` (see `columns`);
            - path of a file, in any format that the command line reads;
            - dense array of shape (users, items), NaN for a missing rating;
            - two columns, user and item, of shape (n, 2), with `y` the ratings;
            - :class:`lowrank.Ratings`.

            Ids are integers or strings; ``7`` and ``"7"`` are one id.
        y : array_like of shape (n,), optional
            The ratings, if X has two columns.
        validation : ratings or float, optional
            The validation set: the model of the best epoch on it is kept. Ratings in any form of X (a pair ``(X, y)`` for two
            columns), or the share of X to set aside at random by the seed, in (0, 1).
        callback : callable, optional
            Called after every epoch with a dict: ``epoch``, ``epochs``, ``seconds``, and the figures of the method, e.g.
            ``train_rmse`` and ``validation_rmse``. Returning False ends training with the best model so far.
        columns : names, optional
            Names of the columns of a table or file: ``("userId", "movieId", "rating")`` or a mapping with the keys user, item and
            rating. A table of which only user and item are named has a rating of 1 in every row.
        format : str, default "auto"
            Format of a file: ``auto``, ``csv``, ``tsv``, ``movielens``, ``matrix-market`` or ``adjacency``.
        duplicates : {"last", "first", "mean", "error"}
            Rating to keep for a pair that is rated more than once. (Repeated entries of a sparse matrix are summed, as scipy does.)
        implicit_values : bool, default False
            Read a line of two columns in a file as a rating of 1.
        monitor : str, optional
            The validation figure that picks the best epoch; default ``"rmse"``, or a ranking metric for methods that do not predict ratings.
        refit : bool, default False
            With validation: train once more on all of X, for the best number of epochs.
        init : fitted estimator or path of a model, optional
            Warm start: start from its rows, matched by id. It must have the same rank.
        min_rating, max_rating : float, optional
            Predictions are clipped to this range; default: the range of the training ratings.
        clip : bool, default True
            False: predictions are not clipped.
        progress : bool, optional
            Show a progress bar. Default: on a terminal and in a notebook.
        threads : int, default 0
            0 for all processors. Results do not depend on it.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For ratings of the wrong shape or kind, or without any; the message names the argument, or file and line.
        OptionError
            For an option out of range.
        TrainingError
            If training diverges at every learning rate.
        """
        _core.check(self._method, self._texts())
        threads = _threads(threads)
        source = ratings_from(X, y, columns)
        start = time.perf_counter()
        data, user_ids, item_ids = _dataset(source, format, str(duplicates), implicit_values, threads)
        reading = time.perf_counter() - start
        held, share = self._validation(validation, data, columns, format, implicit_values, threads)
        bar = progress_bar(type(self).__name__, progress)
        history: list[Report] = []

        def on_epoch(report: Report) -> bool:
            history.append(report)
            bar.show(report)
            return callback is None or callback(dict(report)) is not False

        def on_divergence(epoch: int, old: float, new: float) -> None:
            warnings.warn(
                f"epoch {epoch}: the numbers ran away; going on with a learning rate of {new:g} instead of {old:g}",
                TrainingWarning,
                stacklevel=3,
            )

        try:
            model, summary = _core.fit(
                data,
                True,
                self._method,
                self._texts(),
                held,
                share,
                monitor or "",
                bool(refit),
                _init_model(init),
                _bound(min_rating, "min_rating"),
                _bound(max_rating, "max_rating"),
                bool(clip),
                threads,
                on_epoch,
                on_divergence,
            )
        finally:
            bar.close()
        self._take(model, user_ids, item_ids)
        self._summary = json.loads(summary)
        for stage in ("read", "total"):
            self._summary["seconds"][stage] += reading
        epochs = self._summary.pop("history", [])
        self._history = _records([{**one, "epoch": number + 1} for number, one in enumerate(epochs)])
        return self

    def _validation(
        self, validation: Any, data: _core.Dataset, columns: ColumnNames | None, format: str, implicit_values: bool, threads: int
    ) -> tuple[_core.Pairs | None, float]:
        """Ratings to validate on, or the share of the data to set aside."""
        if validation is None:
            return None, 0.0
        if isinstance(validation, (float, int, np.floating)) and not isinstance(validation, bool):
            if not 0 < validation < 1:
                raise OptionError(f"validation: the share must be above 0 and below 1, got {validation}", "validation")
            return None, float(validation)
        if isinstance(validation, tuple) and len(validation) == 2:
            source = ratings_from(validation[0], validation[1], columns if _takes_columns(validation[0]) else None, "validation")
        else:
            source = ratings_from(validation, None, columns if _takes_columns(validation) else None, "validation")
        if isinstance(source, File):
            return data.read_pairs(source.path, format, source.columns, implicit_values, threads), 0.0
        table = source.as_columns() if isinstance(source, Matrix) else source
        if len(table.users) == 0:
            raise DataError("validation: there are no ratings to validate on")
        return data.pairs(table.users, table.items, table.values), 0.0

    def _take(self, model: _core.Model, user_ids: npt.NDArray[Any] | None = None, item_ids: npt.NDArray[Any] | None = None) -> None:
        self._clear()
        self._model = model
        self._user_ids = ids_array(_core.model_ids(model, True)) if user_ids is None else user_ids
        self._item_ids = ids_array(_core.model_ids(model, False)) if item_ids is None else item_ids

    # ---- what was learned

    def _fitted(self) -> _core.Model:
        if self._model is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self._model

    @property
    def user_factors_(self) -> npt.NDArray[np.float32]:
        """Factors of users, shape (users, rank)."""
        return self._fitted().user_factors

    @property
    def item_factors_(self) -> npt.NDArray[np.float32]:
        """Factors of items, shape (items, rank)."""
        return self._fitted().item_factors

    @property
    def user_biases_(self) -> npt.NDArray[np.float32]:
        """Biases of users, shape (users,)."""
        return self._fitted().user_biases

    @property
    def item_biases_(self) -> npt.NDArray[np.float32]:
        """Biases of items, shape (items,)."""
        return self._fitted().item_biases

    @property
    def mean_(self) -> float:
        """The mean that is added to every score."""
        return self._fitted().mean

    @property
    def users_(self) -> npt.NDArray[Any]:
        """Ids of users, shape (users,)."""
        self._fitted()
        assert self._user_ids is not None
        return self._user_ids

    @property
    def items_(self) -> npt.NDArray[Any]:
        """Ids of items, shape (items,)."""
        self._fitted()
        assert self._item_ids is not None
        return self._item_ids

    @property
    def history_(self) -> npt.NDArray[Any]:
        """The figures of every epoch, as a structured array."""
        self._fitted()
        return self._history

    @property
    def summary_(self) -> dict[str, Any]:
        """The results of the training."""
        self._fitted()
        return self._summary

    @property
    def record_(self) -> dict[str, Any]:
        """The origin of the model."""
        record = self._fitted().record
        record["options"] = json.loads(record["options"])
        return record

    # ---- questions

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
            _core.model_find(model, True, pairs.users), _core.model_find(model, False, pairs.items), _threads(threads)
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
        ids : masked array of shape (m, n)
            Best first, ties in the order of `items_`; the end of a short list is masked.
        scores : masked array of shape (m, n), float32
            Not clipped, so that they order items at the end of the scale too.

        Raises
        ------
        UnknownIdError
            For a user or item that the model does not know.
        """
        model = self._fitted()
        n = _count(n, "n")
        min_count = _count(min_count, "min_count")
        if unknown not in ("error", "popular"):
            raise OptionError(f"unknown: must be error or popular, got {unknown!r}", "unknown")
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
        indices, scores, counts = model.recommend(numbers, n, bool(filter_seen), limit, without, min_count, _threads(threads))
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
        model = self._fitted()
        n = _count(n, "n")
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
        indices, scores, counts = model.similar(users, numbers, n, str(by), _count(min_count, "min_count"), _threads(threads))
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
            ids = list(dict.fromkeys(ids_array(distinct)[own][unknown].tolist()))
            named = ", ".join(repr(one) for one in ids[:10]) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
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
        model = self._fitted()
        pairs, names = self._pairs(X, y, columns, _threads(threads))
        if len(pairs) == 0:
            raise DataError("X: there are no ratings to fold in")
        result = copy.copy(self)
        result._take(model.fold_in(pairs, _threads(threads)), names, self._item_ids)
        return result

    def _pairs(self, X: Any, y: Any, columns: ColumnNames | None, threads: int, name: str = "X") -> tuple[_core.Pairs, npt.NDArray[Any] | None]:
        """Ratings in the numbering of the model, and the distinct users as they were given."""
        model = self._fitted()
        source = ratings_from(X, y, columns, name)
        if isinstance(source, File):
            return _core.model_read_pairs(model, source.path, "auto", source.columns, False, threads), None
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
        model = self._fitted()
        tops = [] if top is None else [_count(one, "top") for one in ([top] if isinstance(top, (int, np.integer)) else _several(top, "top"))]
        if not model.predicts_ratings and not tops:
            raise OptionError(f"method {self._method} predicts no ratings: top, the length of lists to judge, is needed", "top")
        if relevant_from is not None and not tops:
            raise OptionError("relevant_from: needs top", "relevant_from")
        pairs = self._test_pairs(test, y, columns, _threads(threads))
        result = model.evaluate(pairs, tops, _bound(relevant_from, "relevant_from"), _threads(threads))
        if isinstance(top, (int, np.integer)):
            result.update(result.pop("ranking")[int(top)])
        return result

    # ---- saving

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file that the command line and C++ read and write.

        Parameters
        ----------
        path : str or path-like
            Replaced completely, or not at all.
        """
        self._fitted().save(os.fsdecode(path))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name != "_model"}
        state["_bytes"] = None if self._model is None else self._model.serialize()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        data = state.pop("_bytes")
        vars(self).update(state)
        for ids in (self._user_ids, self._item_ids):
            if ids is not None:
                ids.setflags(write=False)
        self._model = None if data is None else _core.Model.deserialize(data)

    def __copy__(self: Self) -> Self:
        # The model never changes, so copies can share it.
        result = type(self).__new__(type(self))
        vars(result).update(vars(self))
        return result

    def __deepcopy__(self: Self, memo: dict[int, Any]) -> Self:
        result = copy.copy(self)
        for name in self._options:
            setattr(result, name, copy.deepcopy(getattr(self, name), memo))
        result._summary = copy.deepcopy(self._summary, memo)
        result._history = self._history.copy()
        return result


def _takes_columns(thing: Any) -> bool:
    from lowrank._input import _is_table

    return _is_table(thing) or isinstance(thing, (str, os.PathLike))


def _dataset(
    source: Source, format: str, duplicates: str, implicit_values: bool, threads: int
) -> tuple[_core.Dataset, npt.NDArray[Any] | None, npt.NDArray[Any] | None]:
    """Group the ratings; also returns the ids as they were given."""
    if isinstance(source, File):
        return _core.Dataset.read(source.path, format, source.columns, duplicates, bool(implicit_values), threads), None, None
    if isinstance(source, Matrix):
        rows, columns = source.shape
        return _core.Dataset.from_numbers(source.users, source.items, source.values, rows, columns, duplicates, threads), None, None
    assert source.values is not None
    data, users, items = _core.Dataset.from_ids(source.users, source.items, source.values, duplicates, threads)
    return data, ids_array(users), ids_array(items)


def _threads(threads: Any) -> int:
    return _whole(threads, "threads", -(2**31), 2**31 - 1)


def _count(count: Any, name: str) -> int:
    return _whole(count, name, 1, 2**32 - 2)


def _several(values: Any, name: str) -> list[Any]:
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes)):
        raise OptionError(f"{name}: expected whole numbers, got {values!r}", name)
    return list(values)


def _whole(value: Any, name: str, least: int, most: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"{name}: expected a whole number, got {value!r}", name)
    if not least <= value <= most:
        raise OptionError(f"{name}: must be at least {least} and at most {most}, got {value}", name)
    return int(value)


def _bound(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        return float(np.float32(value))
    except (TypeError, ValueError):
        raise OptionError(f"{name}: expected a number, got {value!r}", name) from None


def _init_model(init: Any) -> _core.Model | None:
    if init is None:
        return None
    if isinstance(init, Estimator):
        return init._fitted()
    if isinstance(init, (str, os.PathLike)):
        return _core.Model.load(os.fsdecode(init))
    raise DataError(f"init: expected a fitted estimator or a path, got {type(init).__name__}")


def _records(epochs: list[Report]) -> npt.NDArray[Any]:
    names = [name for name in dict.fromkeys(name for one in epochs for name in one) if name != "epoch"]
    table = np.zeros(len(epochs), [("epoch", np.int64), *((name, np.float64) for name in names)])
    table["epoch"] = [one["epoch"] for one in epochs]
    for name in names:
        table[name] = [one.get(name, np.nan) for one in epochs]
    table.setflags(write=False)
    return table


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
    raise OptionError(f"as_frame: must be True, pandas, polars or pyarrow, got {library!r}", "as_frame")


def load(path: str | os.PathLike[str]) -> Estimator:
    """Load a model file of Python, C++ or the command line.

    Parameters
    ----------
    path : str or path-like
        Written by `save`, the command line or C++.

    Returns
    -------
    Estimator
        A fitted estimator of the model's method, with the model's options.

    Raises
    ------
    FileError
        The file cannot be read.
    ModelFileError
        It is truncated, altered, or no model file.

    Examples
    --------
    >>> import lowrank, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> model = lowrank.Baseline() if hasattr(lowrank, "Baseline") else lowrank.SGD(rank=2)
    >>> model.fit(([1, 1, 2], [1, 2, 2], [5, 3, 4])).save(path)
    >>> lowrank.load(path).users_.tolist()
    [1, 2]
    """
    from lowrank._methods import classes

    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"path: expected a path, got {type(path).__name__}")
    model = _core.Model.load(os.fsdecode(path))
    record = model.record
    kind = classes.get(record["method"])
    if kind is None:
        raise ModelFileError(f"{os.fsdecode(path)}: this version has no method {record['method']}")
    options = json.loads(record["options"])
    result = kind(**{name: value for name, value in options.items() if name in kind._options})
    result._take(model)
    return result
