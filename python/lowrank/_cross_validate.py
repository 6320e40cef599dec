"""Cross-validation."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import list_lengths, number, optional_rating, shown, thread_count, whole
from lowrank._columns import is_table
from lowrank._errors import DataError, OptionError, TrainingWarning
from lowrank._features import feature_sources
from lowrank._fit import Report, Trains, check_timed
from lowrank._input import ColumnNames, File, Matrix, Reading, lacking_times, ratings_from, tell_skipped
from lowrank._layout import check_layout_of
from lowrank._lists import frame_of
from lowrank._progress import Bar, progress_bar
from lowrank._situations import Contexts, asked_contexts, refuse_arrays, refuse_matrix
from lowrank._tune import search_options

__all__ = ["CrossValidated", "cross_validate"]


@dataclass(frozen=True)
class CrossValidated:
    """The results of a cross-validation.

    Attributes
    ----------
    names : tuple of str
        Names of the figures: ``rmse`` and ``mae``, where the method predicts ratings, and METRIC@K of lists.
    scores : ndarray of shape (folds, figures)
        The figures of each fold.
    mean, sd : dict of str to float
        Mean of the folds' figures, and their standard deviation (with K - 1 in the denominator).
    pooled : dict of str to float
        The figures over the test ratings, or lists, of all folds together. Coverage has none.
    interval : dict of str to (float, float)
        Intervals of `pooled` at level `level`, by bootstrap over users. Empty with fewer than two users.
    level : float
    folds : tuple of dict
        For each fold: ``fold``, numbers of ratings ``train`` and ``test``, ``unknown`` (test ratings of a user or item without a
        training rating and without features), test ``users``, ``options`` of the method, ``epochs``, ``best_epoch``, ``figures``, ``seconds``, and ``from``,
        the first moment of the test ratings, for folds by time.
    summary : dict
        Everything as ``lowrank cv --json`` prints it.
    """

    names: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    mean: dict[str, float]
    sd: dict[str, float]
    pooled: dict[str, float]
    interval: dict[str, tuple[float, float]]
    level: float
    folds: tuple[dict[str, Any], ...]
    summary: dict[str, Any]

    def as_frame(self, library: Literal["pandas", "polars"] = "pandas") -> Any:
        """A table with one row per figure: ``figure``, ``mean``, ``sd``, ``low``, ``high``, and ``fold_1`` to ``fold_K``."""
        limits = [self.interval.get(name, (np.nan, np.nan)) for name in self.names]
        table = {
            "figure": np.array(self.names, dtype=object),
            "mean": np.array([self.mean[name] for name in self.names]),
            "sd": np.array([self.sd[name] for name in self.names]),
            "low": np.array([low for low, _ in limits]),
            "high": np.array([high for _, high in limits]),
        }
        return frame_of(table | {f"fold_{at + 1}": row for at, row in enumerate(self.scores)}, library)

    def __repr__(self) -> str:
        lines = [f"CrossValidated({self.summary['method']}, {len(self.folds)} folds by {self.summary['by']}"]
        for name in self.names:
            limits = "  [{:.4f}, {:.4f}]".format(*self.interval[name]) if name in self.interval else ""
            lines.append(f"  {name:<14} {self.mean[name]:.4f} +- {self.sd[name]:.4f}{limits}")
        return "\n".join(lines) + ")"


def cross_validate(
    estimator: Trains,
    ratings: Any,
    *,
    folds: int = 5,
    by: Literal["random", "user", "last", "global-time", "pair"] = "random",
    fold_seed: int = 1,
    top: int | Sequence[int] | None = None,
    relevant_from: float | None = None,
    interval: float = 0.95,
    tune: Mapping[str, Any] | None = None,
    validation: float | None = None,
    monitor: str | None = None,
    refit: bool = False,
    user_features: Any = None,
    item_features: Any = None,
    min_rating: float | None = None,
    max_rating: float | None = None,
    clip: bool = True,
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
) -> CrossValidated:
    """Train and test an estimator on several folds of the same ratings, as ``lowrank cv`` does.

    Each fold is trained on its training ratings alone and tested once. The same data, options and seeds give the same figures for any
    number of threads. The estimator stays as it is; Ctrl-C raises KeyboardInterrupt.

    Parameters
    ----------
    estimator : Estimator
        Method and options, e.g. ``lowrank.SGD(rank=8)``.
    ratings : ratings
        In any form that :meth:`lowrank.Estimator.fit` takes but two columns with `y`. Weights are not read. Repeats of a pair become one
        rating first, by `duplicates`, so that no pair is in two folds.
    folds : int, default 5
        Number of folds, 2 to 100.
    by : {"random", "user", "last", "global-time", "pair"}
        Ratings that a fold tests. ``random``: a random K-th of all ratings; ``user``: of every user's; ``pair``: of the
        pairs of a user and an item, each with all its ratings. With ``last`` and ``global-time`` a
        fold trains only on what is earlier: ``last`` tests one of the latest K ratings of every user, the latest one in the last fold;
        ``global-time`` tests one of K windows of time. Times are found as by :meth:`lowrank.Estimator.fit`.
    fold_seed : int
        Seed of the folds; only with ``by="random"`` and ``"user"``. The estimator's own seed is another one.
    top : int or sequence of int, optional
        Also score lists of these lengths. Default: none, and 20 for methods that do not predict ratings.
    relevant_from : float, optional
        With lists: the lowest test rating of a relevant item. Default: all are relevant.
    interval : float, default 0.95
        Level of the intervals.
    tune : mapping, optional
        Search the options of the method anew within the training ratings of each fold, so that what is chosen has not seen the test
        ratings. Arguments of :func:`lowrank.tune`: ``trials``, ``seconds``, ``space``, ``fixed``, ``holdout``, ``folds``, ``monitor`` and
        ``seed``, such as ``{"trials": 30}``. Options of `estimator` whose value is not the default are not searched.
    validation : float, optional
        Share of the training ratings of each fold to set aside as its validation set, in (0, 1).
    monitor, refit, min_rating, max_rating, clip
        See :meth:`lowrank.Estimator.fit`.
    user_features, item_features : features, optional
        What is known of users or items besides ratings, in any form that :meth:`lowrank.Estimator.fit` takes, for methods that read it.
        Columns are decided anew in each fold. Test ratings of an item without training ratings are predicted from its features.
    columns, format, separator, decimal, encoding, skip_bad_lines, layout, duplicates, implicit_values
        How `ratings` are read, see :meth:`lowrank.Estimator.fit`.
    contexts, time_contexts, missing
        In what contexts ratings were given, for a method that reads them; see :meth:`lowrank.Estimator.fit`. Pairs that recur in several
        contexts may then be in several folds, and a TrainingWarning says so, unless folds go ``by="pair"``.
    progress : bool, optional
        Show a progress bar. Default: on a terminal and in a notebook.
    threads : int, default 0
        0 for all processors.

    Returns
    -------
    CrossValidated

    Raises
    ------
    DataError
        For ratings of the wrong shape or kind, without times where they are needed, or too few for the folds.
    OptionError
        For an option out of range or not read.

    Examples
    --------
    >>> import lowrank, numpy
    >>> random = numpy.random.default_rng(1)
    >>> ratings = random.integers(0, 30, 600), random.integers(0, 20, 600), random.integers(1, 6, 600)
    >>> results = lowrank.cross_validate(lowrank.Baseline(), ratings, folds=3)
    >>> results.names, results.scores.shape
    (('rmse', 'mae'), (3, 2))
    >>> low, high = results.interval["rmse"]
    >>> low < results.pooled["rmse"] < high
    True
    """
    if not isinstance(estimator, Trains):
        raise DataError(f"estimator: expected an estimator of lowrank, got {type(estimator).__name__}")
    _core.check(estimator._method, estimator._texts())
    asked = asked_contexts(contexts, time_contexts, missing)
    reading = Reading(format, separator, decimal, encoding, skip_bad_lines, implicit_values, asked)
    search = _search(tune)
    texts = estimator._texts()
    timed: bool = _core.reads_times(estimator._method, texts) or (search is not None and _core.may_read_times([(estimator._method, texts)], search))
    lines = lines_of(ratings, columns, reading, layout, str(by), timed)
    sources = feature_sources(user_features, item_features, encoding)
    bar: list[Bar] = [progress_bar(type(estimator).__name__, False)]

    def on_fold(fold: int, count: int) -> None:
        bar[0].close()
        bar[0] = progress_bar(f"{type(estimator).__name__}, fold {fold} of {count}", progress)

    def on_epoch(report: Report) -> bool:
        bar[0].show(report)
        return True

    def on_divergence(epoch: int, old: float, new: float) -> None:
        text = f"epoch {epoch}: the numbers ran away; going on with a learning rate of {new:g} instead of {old:g}"
        warnings.warn(text, TrainingWarning, stacklevel=3)

    def on_warning(text: str) -> None:
        warnings.warn(text, TrainingWarning, stacklevel=3)

    try:
        text = _core.cross_validate(
            lines,
            estimator._method,
            texts,
            str(duplicates),
            0.0 if validation is None else _share(validation),
            monitor or "",
            bool(refit),
            optional_rating(min_rating, "min_rating"),
            optional_rating(max_rating, "max_rating"),
            bool(clip),
            whole(folds, "folds", 0, 2**32 - 1),
            str(by),
            whole(fold_seed, "fold_seed", 0, 2**64 - 1),
            list_lengths(top),
            optional_rating(relevant_from, "relevant_from"),
            number(interval, "interval"),
            search,
            sources[0],
            sources[1],
            thread_count(threads),
            on_fold,
            on_epoch,
            on_divergence,
            on_warning,
        )
    finally:
        bar[0].close()
    return _results(json.loads(text), float(interval))


def _results(summary: dict[str, Any], level: float) -> CrossValidated:
    figures = summary["figures"]
    names = tuple(figures)
    return CrossValidated(
        names=names,
        scores=np.array([[fold["figures"].get(name, np.nan) for name in names] for fold in summary["folds"]]),
        mean={name: figures[name].get("mean", np.nan) for name in names},
        sd={name: figures[name].get("sd", np.nan) for name in names},
        pooled={name: figures[name]["pooled"] for name in names if "pooled" in figures[name]},
        interval={name: (figures[name]["interval"][0], figures[name]["interval"][1]) for name in names if "interval" in figures[name]},
        level=level,
        folds=tuple(summary["folds"]),
        summary=summary,
    )


def _search(tune: Any) -> dict[str, Any] | None:
    if tune is None:
        return None
    names = ("trials", "seconds", "space", "fixed", "holdout", "folds", "monitor", "seed")
    if not isinstance(tune, Mapping) or not set(tune) <= set(names):
        raise OptionError(f"tune: expected a mapping with some of {', '.join(names)}, got {shown(tune)}", "tune")
    return search_options(**tune)


def _share(validation: Any) -> float:
    share = number(validation, "validation")
    if not 0 < share < 1:
        raise OptionError(f"validation: the share must be above 0 and below 1, got {shown(validation)}", "validation")
    return share


def lines_of(ratings: Any, columns: ColumnNames | None, reading: Reading, layout: str, by: str, timed: bool) -> _core.RatingLines:
    """Ratings in their order. `timed` says whether training reads times."""
    by_time: bool = _core.needs_times(by)
    times = timed or by_time
    asked = reading.contexts
    moments = times or bool(asked.periods)
    source = ratings_from(
        ratings, None, columns, "ratings", reading.format, check_layout_of(layout, ratings, None), times=moments, contexts=asked.names
    )
    if isinstance(source, File):
        refuse_arrays(asked)
        lines, _, skipped = _core.RatingLines.read(source.path, source.options(reading, times=times, needed=times))
        tell_skipped(skipped)
        return lines
    reading.refuse_unread()
    if timed:
        check_timed(source, ratings, "ratings")
    elif by_time and is_table(ratings) and (lack := lacking_times(source, ratings, "ratings")):
        raise DataError(f"a split by {by} needs a timestamp for every rating, and {lack}")
    if isinstance(source, Matrix):
        refuse_matrix(asked)
    table = source.as_columns() if isinstance(source, Matrix) else source
    assert table.values is not None
    levels = asked.columns(ratings, len(table.users), "ratings")
    own_times = table.times if times else None
    return _core.RatingLines.from_columns(
        table.users, table.items, table.values, own_times, levels, asked.periods, asked.missing, table.times
    )
