"""Streams: every event is first predicted, then learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import list_lengths, number, positive, shown, thread_count, whole
from lowrank._cross_validate import lines_of
from lowrank._errors import DataError
from lowrank._estimator import Estimator
from lowrank._input import ColumnNames, Reading
from lowrank._lists import frame_of

__all__ = ["StreamFigures", "evaluate_stream"]


@dataclass(frozen=True)
class StreamFigures:
    """The results of a stream.

    Attributes
    ----------
    figures : dict of str to float
        Over all counted events: ``rmse``, or ``hit_rate@K``, ``mrr@K`` and ``recall@K`` of lists.
    moving : dict of str to ndarray
        The same figures over the last `window` events, and ``events``: the counted events until then.
    window : int
        Events of the moving figures.
    microseconds : dict of str to float
        Time of one event: ``p50``, ``p99`` and ``mean``. Nothing else differs from run to run.
    summary : dict
        Everything as ``lowrank evaluate --prequential --json`` prints it.
    """

    figures: dict[str, float]
    moving: dict[str, npt.NDArray[Any]]
    window: int
    microseconds: dict[str, float]
    summary: dict[str, Any]

    def as_frame(self, library: Literal["pandas", "polars"] = "pandas") -> Any:
        """The moving figures as a table with one row per window."""
        return frame_of(self.moving, library)

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in self.figures.items())
        return f"StreamFigures({self.summary['method']}, {self.summary['counted']} events: {figures})"


def evaluate_stream(
    estimator: Estimator,
    ratings: Any,
    *,
    warm: float = 0,
    from_model: bool = False,
    rank: int | None = None,
    top: int | Sequence[int] | None = None,
    window: int = 5000,
    seed: int = 1,
    columns: ColumnNames | None = None,
    format: str = "auto",
    separator: str | None = None,
    decimal: str = "auto",
    encoding: str | None = None,
    skip_bad_lines: bool = False,
    layout: str = "auto",
    implicit_values: bool = False,
    threads: int = 0,
) -> StreamFigures:
    """Predict and then learn every event of a stream, as ``lowrank evaluate --prequential`` does.

    Parameters
    ----------
    estimator : Estimator
        ``SGD``, ``ALS``, ``BayesianMF``, ``Baseline``, ``ImplicitALS``, ``BPR`` or ``Popular``. It stays as it is.
    ratings : ratings with times
        A file, `Ratings`, a table with a column ``time``, or a tuple of users, items, ratings and times. Events of equal times are in the
        order of their lines.
    warm : float, default 0
        Share of the events, the first ones, that the estimator trains on before the stream, in [0, 1); 0 starts from nothing.
    from_model : bool, default False
        Start from the model of `estimator`, which must be fitted.
    rank : int, optional
        Factors of a stream that starts from nothing: 0 to 256, by default 4; for methods that do not predict ratings 1 to 256, by default 16.
        Not for :class:`lowrank.Baseline` and :class:`lowrank.Popular`, which have none.
    top : int or sequence of int, optional
        Lengths of lists of methods that do not predict ratings. Default: 10.
    window : int, default 5000
        Events of the moving figures.
    seed : int, default 1
        Seed of new rows and drawn items.
    columns, format, separator, decimal, encoding, skip_bad_lines, layout, implicit_values
        How `ratings` are read, see :meth:`lowrank.Estimator.fit`.
    threads : int, default 0
        0 for all processors. Only the training of `warm` uses several.

    Returns
    -------
    StreamFigures

    Raises
    ------
    DataError
        For ratings of the wrong shape or kind, and a stream without events to predict.
    OptionError
        For ratings without times, a method that cannot learn from events, and an option out of range or without effect.

    Examples
    --------
    >>> import lowrank, numpy
    >>> random = numpy.random.default_rng(1)
    >>> stream = random.integers(0, 30, 600), random.integers(0, 20, 600), random.integers(1, 6, 600), numpy.arange(600)
    >>> results = lowrank.evaluate_stream(lowrank.Baseline(), stream, window=100)
    >>> list(results.figures), results.moving["events"][:3].tolist()
    (['rmse'], [100, 110, 120])
    """
    if not isinstance(estimator, Estimator):
        raise DataError(f"estimator: expected an estimator of lowrank, got {type(estimator).__name__}")
    if not isinstance(from_model, (bool, np.bool_)):
        raise DataError(f"from_model: expected True or False, got {shown(from_model)}")
    reading = Reading(format, separator, decimal, encoding, skip_bad_lines, implicit_values)
    model = estimator._snapshot()._fitted() if from_model else None
    lines = lines_of(ratings, columns, reading, layout, "global-time", timed=True)
    summary = json.loads(
        _core.evaluate_stream(
            lines,
            estimator._method,
            estimator._texts(),
            model,
            number(warm, "warm"),
            None if rank is None else whole(rank, "rank", 0, 2**32 - 1),
            list_lengths(top),
            positive(window, "window"),
            whole(seed, "seed", 0, 2**64 - 1),
            thread_count(threads),
        )
    )
    names = list(summary["figures"])
    return StreamFigures(
        figures=summary["figures"],
        moving={name: np.array([point[name] for point in summary["moving"]]) for name in ["events", *names]},
        window=summary["window"],
        microseconds=summary["microseconds"],
        summary=summary,
    )
