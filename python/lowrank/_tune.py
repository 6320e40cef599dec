"""Search over the options of methods."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lowrank import _core
from lowrank._checks import number, path_of, positive, several, shown, thread_count, whole
from lowrank._columns import as_table, ids_array, is_table
from lowrank._errors import DataError, OptionError, TrainingWarning
from lowrank._estimator import Estimator
from lowrank._features import feature_sources
from lowrank._fit import Trains, check_timed, dataset
from lowrank._input import ColumnNames, File, Reading, lacking_times, ratings_from
from lowrank._layout import check_layout_of
from lowrank._methods import classes
from lowrank._progress import progress_bar
from lowrank._situations import Asked, Contexts, asked_contexts, refuse_lacking

__all__ = ["Tuned", "tune"]


@dataclass(frozen=True)
class Tuned:
    """The results of a search.

    Attributes
    ----------
    model : Estimator
        The chosen method with the chosen options, fitted to all ratings.
    options : dict
        The options that were searched, with the chosen values.
    trials : list of dict
        Every training, in the order of the search: number of the ``trial``, ``method``, searched ``options``, ``epochs`` of the schedule
        (0 for a method without), ``full`` (whether these are the trial's own), inner ``split``, validation ``figure`` (None where training
        failed), ``best_epoch``, and ``problem``, the sentence that says why training failed.
    validation : float
        The mean validation figure of the chosen options. It is optimistic: it chose them.
    test : dict or None
        Figures of the test ratings, as :meth:`lowrank.Estimator.evaluate` gives them.
    summary : dict
        Everything as ``lowrank tune --json`` prints it.
    """

    model: Estimator
    options: dict[str, Any]
    trials: list[dict[str, Any]]
    validation: float
    test: dict[str, Any] | None
    summary: dict[str, Any]

    def __repr__(self) -> str:
        return f"Tuned({self.model!r}, {self.summary['monitor']} {self.validation:.4f}, {self.summary['trials']} trials)"


def tune(
    estimators: Trains | Sequence[Trains],
    ratings: Any,
    *,
    trials: int = 60,
    seconds: float = 0,
    space: str | Mapping[str, Any] | None = None,
    fixed: Sequence[str] = (),
    validation: Any = None,
    user_features: Any = None,
    item_features: Any = None,
    holdout: float = 0,
    folds: int = 0,
    monitor: str | None = None,
    test: Any = None,
    seed: int = 1,
    trials_file: str | bytes | os.PathLike[str] | None = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
    columns: ColumnNames | None = None,
    format: str = "auto",
    separator: str | None = None,
    decimal: str = "auto",
    encoding: str | None = None,
    skip_bad_lines: bool = False,
    layout: str = "auto",
    duplicates: str = "last",
    implicit_values: bool = False,
    contexts: Contexts | None = None,
    time_contexts: Sequence[str] | str | None = None,
    missing: Sequence[str] | str | None = None,
    progress: bool | None = None,
    threads: int = 0,
) -> Tuned:
    """Search the options of one or more methods for the best validation figure, then train with the best, as ``lowrank tune`` does.

    The same data, options and seed give the same trials and the same model for any number of threads. The estimators stay as they are.
    Ctrl-C raises KeyboardInterrupt; with `trials_file` the same call then goes on where it was.

    Parameters
    ----------
    estimators : Estimator or sequence of Estimator
        Methods to search, each with the same number of trials. Options whose value is not the default are not searched.
    ratings : ratings
        In any form that :meth:`lowrank.Estimator.fit` takes but two columns with `y`.
    trials : int, default 60
        Options to try per method, 1 to 100000; the first are the method's own values.
    seconds : float, default 0
        Time after which no further round of trials starts; 0: no limit.
    space : dict or str, optional
        What to try instead of the methods' own ranges: a range ``(low, high)`` or ``(low, high, "log")``, or a list of choices, by name
        of the option; or the text of ``lowrank tune --space``.
    fixed : sequence of str
        Options to keep at their defaults.
    validation : ratings, optional
        Ratings to validate on, in place of a part of `ratings`.
    user_features, item_features : features, optional
        What is known of users or items besides ratings, in any form that :meth:`lowrank.Estimator.fit` takes. Every method of the search
        must read it.
    holdout : float, default 0
        Share of the ratings to validate on, in (0, 1); 0: a tenth, unless there are `folds` or a `validation` set.
    folds : int, default 0
        Parts of the ratings, 2 to 100: the search validates on the first, the best few options on each. 0: a holdout.
    monitor : str, optional
        The validation figure to improve; default ``"rmse"``, or ``"ndcg@20"`` where a method does not predict ratings.
    test : ratings, optional
        Ratings to score once, when the model is trained; files are opened only then.
    seed : int, default 1
        Seed of the split, of every training and of the search.
    trials_file : path, optional
        File of the trials, JSON lines, written as they come. One that is there is gone on with.
    callback : callable, optional
        Called with a dict, as in `Tuned.trials`, after every training.
    columns, format, separator, decimal, encoding, skip_bad_lines, layout, duplicates, implicit_values
        How `ratings` are read, see :meth:`lowrank.Estimator.fit`.
    contexts, time_contexts, missing
        In what contexts ratings were given, for methods that read them; see :meth:`lowrank.Estimator.fit`. Parts of the ratings are then
        pairs of a user and an item, each with all its ratings. `validation` and `test` have the same columns.
    progress : bool, optional
        Show a progress bar. Default: on a terminal and in a notebook.
    threads : int, default 0
        0 for all processors.

    Returns
    -------
    Tuned

    Raises
    ------
    DataError
        For ratings of the wrong shape or kind, and for a file of trials of another search.
    OptionError
        For an option out of range, and a space that is empty or wrong.
    TrainingError
        If no trial can be trained.

    Examples
    --------
    >>> import lowrank, numpy
    >>> random = numpy.random.default_rng(1)
    >>> ratings = random.integers(0, 30, 600), random.integers(0, 20, 600), random.integers(1, 6, 600)
    >>> found = lowrank.tune(lowrank.Baseline(), ratings, trials=4, space={"user_damping": (1, 40, "log")})
    >>> found.model.predict([1], [2]).shape
    (1,)
    """
    methods: list[Any] = list(estimators) if isinstance(estimators, (list, tuple)) else [estimators]
    for one in methods:
        if not isinstance(one, Trains):
            raise DataError(f"estimators: expected estimators of lowrank, got {type(one).__name__}")
    threads = thread_count(threads)
    search = search_options(
        trials=trials, seconds=seconds, space=space, fixed=fixed, holdout=holdout, folds=folds, monitor=monitor, seed=seed
    )
    texts = [(one._method, one._texts()) for one in methods]
    timed: bool = _core.may_read_times(texts, search)
    asked = asked_contexts(contexts, time_contexts, missing)
    if test is not None:
        test = as_table(test) if is_table(test) else test
        refuse_lacking(asked, test, "test")
    moments = timed or bool(asked.periods)
    source = ratings_from(
        ratings, None, columns, "ratings", format, check_layout_of(layout, ratings, None), times=moments, contexts=asked.names
    )
    if timed:
        check_timed(source, ratings, "ratings")
    if test is not None and asked.periods:
        _refuse_timeless(test, columns)
    reading = Reading(format, separator, decimal, encoding, skip_bad_lines, implicit_values, asked)
    if not isinstance(source, File):
        reading.refuse_unread()
    data, user_ids, item_ids, _ = dataset(source, reading, str(duplicates), threads, timed, ratings, "ratings")
    features: list[_core.Features | None] = [None, None]
    for at, table in enumerate(feature_sources(user_features, item_features, encoding)):
        if table is not None:
            features[at], _ = table.learn(data)
    if features[0] is not None:
        user_ids = ids_array(data.user_ids())
    if features[1] is not None:
        item_ids = ids_array(data.item_ids())
    held = None
    if validation is not None:
        if isinstance(validation, (int, float, np.number)):
            raise OptionError("validation: expected ratings; a share is stated by holdout", "validation")
        held, _, _ = methods[0]._validation(validation, data, columns, reading, layout, threads, timed)
    total = search["trials"] * len(methods)
    bar = progress_bar("tune", progress)
    most = [0]

    def on_run(run: dict[str, Any], best: float | None, done: float) -> None:
        most[0] = max(most[0], run["trial"])
        figures = {} if best is None else {"best": best}
        bar.show({"epoch": most[0], "epochs": max(total, most[0]), **figures})
        if callback is not None:
            callback(_with_options(run))

    def on_warning(text: str) -> None:
        warnings.warn(text, TrainingWarning, stacklevel=3)

    try:
        model, text, runs = _core.tune(
            data,
            texts,
            search,
            held,
            features[0],
            features[1],
            threads,
            "" if trials_file is None else path_of(trials_file, "trials_file"),
            on_run,
            on_warning,
        )
    finally:
        bar.close()
    summary = json.loads(text)
    chosen = classes[summary["method"]](**summary["options"])
    chosen._take(model, user_ids, item_ids, None, summary, layout)
    figures = None
    if test is not None:
        top = summary["monitor"].partition("@")[2]
        like = Asked(names=asked.names or list(asked.arrays), periods=asked.periods, missing=asked.missing)
        figures = chosen._figures(test, None, top=int(top) if top else None, columns=columns, threads=threads, like=like)
    return Tuned(
        model=chosen,
        options=summary["searched"],
        trials=[_with_options(run) for run in runs],
        validation=summary["validation"][summary["monitor"]],
        test=figures,
        summary=summary,
    )


def _refuse_timeless(test: Any, columns: ColumnNames | None) -> None:
    """Raises OptionError for test ratings without times, where contexts are derived from times."""
    if lack := lacking_times(ratings_from(test, None, columns, "test", times=True), test, "test"):
        raise OptionError(f"time_contexts: need a timestamp with each rating, and {lack}", "time_contexts")


def search_options(
    *,
    trials: int = 60,
    seconds: float = 0,
    space: str | Mapping[str, Any] | None = None,
    fixed: Sequence[str] = (),
    holdout: float = 0,
    folds: int = 0,
    monitor: str | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """The options of a search as the library takes them: see `tune`."""
    return {
        "trials": positive(trials, "trials"),
        "seconds": number(seconds, "seconds"),
        "space": _space_text(space),
        "fixed": [str(name) for name in several(fixed, "fixed")],
        "holdout": number(holdout, "holdout"),
        "folds": whole(folds, "folds", 0, 2**32 - 1),
        "monitor": monitor or "",
        "seed": whole(seed, "seed", 0, 2**64 - 1),
    }


def _with_options(run: dict[str, Any]) -> dict[str, Any]:
    return run | {"options": json.loads(run["options"])}


def _space_text(space: str | Mapping[str, Any] | None) -> str:
    if space is None or isinstance(space, str):
        return space or ""
    return ",".join(f"{name}={_values_text(name, values)}" for name, values in space.items())


def _values_text(name: str, values: Any) -> str:
    """A range or choices as the library reads them."""
    if isinstance(values, str):
        return values
    if isinstance(values, tuple) and len(values) in (2, 3):
        low, high = (_value_text(value) for value in values[:2])
        return f"{low}..{high}" + (f":{values[2]}" if len(values) == 3 else "")
    if isinstance(values, list):
        return "|".join(_value_text(value) for value in values)
    raise OptionError(f"space: {name}: expected (low, high), (low, high, 'log') or a list of choices, got {shown(values)}", "space")


def _value_text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return "auto" if value is None else str(value)
