"""Training."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import is_path, optional_rating, path_of, shown, thread_count
from lowrank._columns import ids_array, is_table
from lowrank._errors import DataError, OptionError, TrainingWarning
from lowrank._features import feature_sources
from lowrank._fitted import Fitted
from lowrank._input import ColumnNames, File, Matrix, Reading, Source, lacking_times, ratings_from, tell_skipped, without_weights
from lowrank._layout import check_layout_of
from lowrank._progress import progress_bar
from lowrank._situations import Contexts, asked_contexts, refuse_arrays, refuse_matrix
from lowrank._weights import weigh

Self = TypeVar("Self", bound="Trains")
#: The argument of a callback after every epoch: number of the epoch, number of epochs, and the figures that the method reports.
Report: TypeAlias = dict[str, Any]


class Trains(Fitted):
    """An estimator that learns from ratings."""

    def fit(
        self: Self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation: Any = None,
        callback: Callable[[Report], bool | None] | None = None,
        columns: ColumnNames | None = None,
        format: str = "auto",
        separator: str | None = None,
        decimal: str = "auto",
        encoding: str | None = None,
        skip_bad_lines: bool = False,
        layout: str = "auto",
        duplicates: str = "last",
        implicit_values: bool = False,
        monitor: str | None = None,
        refit: bool = False,
        conformal: bool = False,
        init: Fitted | str | bytes | os.PathLike[str] | None = None,
        user_features: Any = None,
        item_features: Any = None,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        keep_values: bool | None = None,
        contexts: Contexts | None = None,
        time_contexts: Sequence[str] | str | None = None,
        missing: Sequence[str] | str | None = None,
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
              ids are 0 .. n-1; empty rows and columns are kept, unless nearly all are empty (over 4 million, and over 64 per entry):
              then only those with entries have ids;
            - tuple ``(users, items, values)`` of arrays of shape (n,), or with times as the fourth;
            - list of tuples ``(user, item, rating)``;
            - pandas, polars or pyarrow table, or anything with the Arrow stream protocol, with the columns ``user``, ``item`` and
              ``rating`` (see `columns`);
            - table of users x items, NaN or null for a missing rating: a pandas table with users as index and items as columns, or
              any table with the users in its first column (see `format`);
            - path of a file, in any format that the command line reads, or, where pyarrow is there, Parquet, Arrow or Feather;
            - dense array of shape (users, items), NaN for a missing rating;
            - two columns, user and item, of shape (n, 2), with `y` the ratings;
            - :class:`lowrank.Ratings`.

            Ids are integers or strings; ``7`` and ``"7"`` are one id.

            Times are read by ``BayesianMF(time="day")``, ``"week"`` and ``"month"`` alone, which need one for each rating: the fourth of
            a tuple, those of :class:`lowrank.Ratings`, or a column of a table or file, which `columns` names or whose name says it.
        y : array_like of shape (n,), optional
            The ratings, if X has two columns.
        sample_weight : array_like, optional
            How much every rating counts, compared with 1: finite numbers of at least 0. A rating of weight 2 counts as two equal ones,
            one of weight 0 is left out. There is one weight per rating, not per user as scikit-learn's name for rows may suggest:

            - X of rows (columns, tuples, tables, :class:`lowrank.Ratings`): shape (n,), in the order of the ratings;
            - dense X: shape (users, items), as X; weights of cells without a rating are not read;
            - sparse X: shape (n,), in the order of ``X.data`` (CSR, CSC and COO, each entry stored once); or a sparse matrix that stores
              the same entries as X, in any format; or a dense array of shape (users, items).

            A table or file has them in the column that `columns` calls ``weight``. `SGD`, `ALS`, `NMF` (with ``absent="missing"``),
            `Baseline`, `ImplicitALS` (which multiplies its confidence by them) and `Popular` read weights. Validation figures count
            every rating alike.
        validation : ratings or float, optional
            The validation set: the model of the best epoch on it is kept. Ratings in any form of X (a pair ``(X, y)`` for two
            columns), or the share of X to set aside at random by the seed, in (0, 1).
        callback : callable, optional
            Called after every epoch with a dict: ``epoch``, ``epochs``, ``seconds``, and the figures of the method, e.g.
            ``train_rmse`` and ``validation_rmse``. Returning False ends training with the best model so far.
        columns : names, optional
            Names of the columns of a table or file: ``("userId", "movieId", "rating")`` or a mapping with the keys user, item and
            rating, time if times are read, and weight if there are weights (see `sample_weight`). A table of which only user and item are named has a rating
            of 1 in every row. By default, a file's columns are those that its header names, and in a file without one the first three;
            ``summary_["inputs"]`` says what was taken.
        format : str, default "auto"
            Format of a file: ``auto``, ``csv``, ``tsv``, ``movielens``, ``matrix-market``, ``adjacency`` (a user and the user's items
            per line) or ``matrix`` (a table of users x items). ``matrix`` also says of a table that it is one of users x items, where
            its labels leave that open.
        separator : str, optional
            What separates the columns of a file: one character, ``"tab"``, ``"blank"`` or ``"::"``. Default: told from its first lines.
        decimal : {"auto", ".", ","}
            Decimal mark of the ratings in a file. With ``","``, commas do not separate columns unless `separator` says so.
        encoding : str, optional
            Encoding of a file, e.g. ``"latin-1"`` or ``"utf-16"``. Default: UTF-8.
        skip_bad_lines : bool, default False
            Leave malformed lines of a file out. A DataWarning says how many there are, and names the first ten.
        layout : {"auto", "dense", "sparse", "triples", "columns"}
            Meaning of a list or array X: a matrix of which every number is a rating (dense) or of which zeros are missing (sparse),
            rows (user, item, rating), or three columns. Default: what it can be, and an error where that is not clear.
        duplicates : {"last", "first", "mean", "sum", "count", "error"}
            Rating to keep for a pair that is rated more than once: the last one, the first one, their mean, their sum, or their number
            (whatever the ratings; 1 for every other pair). (Repeated entries of a sparse matrix are summed, as scipy does.)
        implicit_values : bool, default False
            Read a line of two columns in a file as a rating of 1.
        monitor : str, optional
            The validation figure that picks the best epoch; default ``"rmse"``, or a ranking metric for methods that do not predict ratings.
        refit : bool, default False
            With validation: train once more on all of X, for the best number of epochs.
        conformal : bool, default False
            With validation, for `BayesianMF`: take the widths of `predict_interval` from the errors of the validation ratings (split
            conformal prediction) instead of the normal distribution. Not together with `refit`.
        init : fitted estimator or path of a model, optional
            Warm start: start from its rows, matched by id. It must have the same rank.
        user_features, item_features : features, optional
            What is known of users or items besides ratings, for methods that read it (`ALS`, `ImplicitALS`, `BayesianMF`): a table with a row per
            id, the ids in the column whose name says so, else in the index where it has a name, else in the first column; the path
            of such a table, or of lines ``id,feature,value``; or ``(names, matrix)`` with a scipy sparse matrix of shape (n, features)
            for the ids 0 .. n-1, or ``(ids, names, matrix)``. Words become columns, lists one per word; numbers are cut at their
            deciles or standardised; what was made of a table is in ``summary_["inputs"]``. Users and items without ratings get their
            vectors from their features.
        min_rating, max_rating : float, optional
            Predictions are clipped to this range; default: the range of the training ratings.
        clip : bool, default True
            False: predictions are not clipped.
        keep_values : bool, optional
            Whether the model keeps the values of the ratings, 1 byte each (4 if there are more than 256 distinct values), which `update`
            and `explain` need where the method fits values. Default: where it does. False leaves them out unless scores need them.
        contexts : list of str or dict of str to array_like of shape (n,), optional
            In what contexts ratings were given, for a method that reads them: names of columns of a table or file, or arrays by name. Levels
            are texts or numbers. None, NaN, an empty text, ``NA``, ``N/A``, ``null`` and ``?`` are missing.
        time_contexts : list of str, optional
            Contexts to derive from the times of ratings, in UTC: ``hour``, ``weekday``, ``day``, ``week``, ``month``, ``season``.
        missing : list of str, optional
            Further texts that stand for a missing level, such as ``"-1"``.
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
        threads = thread_count(threads)
        timed: bool = _core.reads_times(self._method, self._texts())
        asked = asked_contexts(contexts, time_contexts, missing)
        moments = timed or bool(asked.periods)
        source = ratings_from(
            X, y, columns, format=format, layout=check_layout_of(layout, X, y), weights=True, times=moments, contexts=asked.names
        )
        if timed:
            check_timed(source, X, "X", sample_weight)
        if sample_weight is not None:
            weigh(source, X, sample_weight)
        reading = Reading(format, separator, decimal, encoding, skip_bad_lines, implicit_values, asked)
        if not isinstance(source, File) and not is_path(validation):
            reading.refuse_unread()
        start = time.perf_counter()
        data, user_ids, item_ids, taken = dataset(source, reading, str(duplicates), threads, timed, X)
        user_table, item_table = feature_sources(user_features, item_features, encoding)
        described = []
        own_users, own_items = None, None
        if user_table is not None:
            own_users, said = user_table.learn(data)
            described.append(said)
            user_ids = ids_array(data.user_ids())
        if item_table is not None:
            own_items, said = item_table.learn(data)
            described.append(said)
            item_ids = ids_array(data.item_ids())
        seconds = time.perf_counter() - start
        held, share, held_taken = self._validation(validation, data, columns, reading, layout, threads, timed)
        bar = progress_bar(type(self).__name__, progress)

        def on_epoch(report: Report) -> bool:
            bar.show(report)
            going_on = None if callback is None else callback(dict(report))
            return not (isinstance(going_on, (bool, np.bool_)) and not going_on)

        def on_divergence(epoch: int, old: float, new: float) -> None:
            warnings.warn(
                f"epoch {epoch}: the numbers ran away; going on with a learning rate of {new:g} instead of {old:g}",
                TrainingWarning,
                stacklevel=3,
            )

        def on_warning(text: str) -> None:
            warnings.warn(text, TrainingWarning, stacklevel=3)

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
                own_users,
                own_items,
                optional_rating(min_rating, "min_rating"),
                optional_rating(max_rating, "max_rating"),
                bool(clip),
                None if keep_values is None else bool(keep_values),
                bool(conformal),
                threads,
                on_epoch,
                on_divergence,
                on_warning,
            )
        finally:
            bar.close()
        results = json.loads(summary)
        for stage in ("read", "total"):
            results["seconds"][stage] += seconds
        inputs = [text for text in (taken, held_taken, *described) if text]
        if inputs:
            results["inputs"] = inputs
        self._take(model, user_ids, item_ids, _records(results.pop("history", [])), results, layout)
        return self

    def _validation(
        self,
        validation: Any,
        data: _core.Dataset,
        columns: ColumnNames | None,
        reading: Reading,
        layout: str,
        threads: int,
        times: bool,
    ) -> tuple[_core.Pairs | None, float, str]:
        """Ratings to validate on, or the share of the data to set aside; and what a file was taken for."""
        columns = without_weights(columns, reading.contexts.names)
        moments = times or bool(reading.contexts.periods)
        if validation is None:
            return None, 0.0, ""
        if isinstance(validation, (float, int, np.floating)) and not isinstance(validation, bool):
            if not 0 < validation < 1:
                raise OptionError(f"validation: the share must be above 0 and below 1, got {shown(validation)}", "validation")
            return None, float(validation), ""
        if isinstance(validation, tuple) and len(validation) == 2:
            named = columns if _takes_columns(validation[0]) else None
            source = ratings_from(validation[0], validation[1], named, "validation", reading.format, times=moments)
        else:
            named = columns if _takes_columns(validation) else None
            source = ratings_from(
                validation, None, named, "validation", reading.format, layout, times=moments, contexts=reading.contexts.names
            )
        if isinstance(source, File):
            pairs, taken, skipped = data.read_pairs(source.path, source.options(reading, times=times), threads)
            tell_skipped(skipped)
            return pairs, 0.0, taken
        table = source.as_columns() if isinstance(source, Matrix) else source
        if len(table.users) == 0:
            raise DataError("validation: there are no ratings to validate on")
        own = validation[0] if isinstance(validation, tuple) and len(validation) == 2 else validation
        levels = reading.contexts.columns(own, len(table.users), "validation")
        situations = (levels, reading.contexts.periods, reading.contexts.missing, table.times)
        return data.pairs(table.users, table.items, table.values, table.times if times else None, *situations), 0.0, ""


def _takes_columns(thing: Any) -> bool:
    return is_table(thing) or is_path(thing)


def check_timed(source: Source, X: Any, name: str, sample_weight: Any = None) -> None:
    """Raises OptionError for ratings without the times that training needs, and for weights beside times."""
    if lack := lacking_times(source, X, name):
        raise OptionError(f"time: needs a timestamp with each rating, and {lack}", "time")
    if sample_weight is not None:
        raise OptionError("sample_weight: a weight is not read together with times", "sample_weight")
    if not isinstance(source, File) and source.weights is not None:
        raise OptionError("columns: a weight is not read together with times", "columns")


def dataset(
    source: Source, reading: Reading, duplicates: str, threads: int, times: bool, X: Any, name: str = "X"
) -> tuple[_core.Dataset, npt.NDArray[Any] | None, npt.NDArray[Any] | None, str]:
    """Group the ratings; also returns the ids as they were given, and what a file was taken for. `name` is that of X, for messages."""
    if isinstance(source, File):
        refuse_arrays(reading.contexts)
        data, layout, skipped = _core.Dataset.read(source.path, source.options(reading, times=times, needed=times), duplicates, threads)
        tell_skipped(skipped)
        return data, None, None, layout
    asked = reading.contexts
    if isinstance(source, Matrix) and asked.arrays:
        source = source.as_columns()
    if isinstance(source, Matrix):
        refuse_matrix(asked)
        rows, columns = source.shape
        data = _core.Dataset.from_numbers(source.users, source.items, source.values, source.weights, rows, columns, duplicates, threads)
        return data, None, None, ""
    assert source.values is not None
    data, users, items = _core.Dataset.from_ids(
        source.users, source.items, source.values, source.weights, source.times if times else None, duplicates, threads,
        asked.columns(X, len(source.users), name), asked.periods, asked.missing, source.times,
    )
    return data, ids_array(users), ids_array(items), ""


def _init_model(init: Any) -> _core.Model | None:
    if init is None:
        return None
    if isinstance(init, Fitted):
        return init._fitted()
    if is_path(init):
        return _core.Model.load(path_of(init, "init"))
    raise DataError(f"init: expected a fitted estimator or a path, got {type(init).__name__}")


def _records(epochs: list[Report]) -> npt.NDArray[Any]:
    names = [name for name in dict.fromkeys(name for one in epochs for name in one) if name != "epoch"]
    table = np.zeros(len(epochs), [("epoch", np.int64), *((name, np.float64) for name in names)])
    table["epoch"] = [one["epoch"] for one in epochs]
    for name in names:
        table[name] = [one.get(name, np.nan) for one in epochs]
    table.setflags(write=False)
    return table
