"""Pictures, where matplotlib is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowrank._checks import positive
from lowrank._errors import DataError
from lowrank._estimator import Estimator

__all__ = ["plot_items", "plot_training"]


def plot_training(model: Estimator, ax: Any = None) -> Any:
    """Draw the figures of every epoch: of the training ratings and, where there was one, of the validation set.

    Parameters
    ----------
    model : fitted estimator
        Fitted, not loaded: a model file holds no figures of epochs.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib axes
        Figures in other units than the first have an axis of their own, on the right.

    Raises
    ------
    DataError
        There are no figures of epochs.
    ImportError
        matplotlib is not there.
    """
    history = model.history_
    names = [name for name in history.dtype.names or () if name not in ("epoch", "seconds")]
    if not len(history) or not names:
        raise DataError("model: it has no figures of epochs, as after load")
    from matplotlib import pyplot

    if ax is None:
        ax = pyplot.figure().add_subplot()
    first = names[0].split("_", 1)[1]
    alike = [name for name in names if name.split("_", 1)[1] == first]
    lines = []
    other = None
    for at, name in enumerate(names):
        if name in alike:
            axes = ax
        else:
            other = other or ax.twinx()
            axes = other
        style = "-" if name in alike else "--"
        lines += axes.plot(history["epoch"], history[name], style, color=f"C{at}", label=name.replace("_", " "))
    best = model.summary_.get("best_epoch")
    if best and any(name.startswith("validation_") for name in names):
        ax.axvline(best, color="grey", linestyle=":", label=f"best epoch: {best}")
    ax.set_xlabel("epoch")
    ax.set_ylabel(first.replace("_", " "))
    if other is not None:
        other.set_ylabel(", ".join(name.replace("_", " ") for name in names if name not in alike))
    ax.legend(handles=[*lines, *[line for line in ax.lines if line not in lines]])
    ax.set_title(type(model).__name__)
    return ax


def plot_items(model: Estimator, titles: Any = None, n: int = 50, ax: Any = None) -> Any:
    """Draw the items with the most training ratings in the plane in which their factors differ most (their first two principal
    components). Neighbours are rated alike by the same users; the axes mean nothing by themselves.

    Parameters
    ----------
    model : fitted estimator
        With a rank of at least 1.
    titles : mapping or sequence, optional
        Titles by item id, or one per item in the order of `items_`. Default: the ids.
    n : int, default 50
        Number of items.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    DataError
        The model has no factors, or `titles` does not fit.
    ImportError
        matplotlib is not there.
    """
    model = model._snapshot()
    counts = np.asarray(model._fitted().item_ratings)
    shown = np.argsort(-counts.astype(np.int64), kind="stable")[: positive(n, "n")]
    shown = shown[counts[shown] > 0]
    factors = model.item_factors_[shown].astype(np.float64)
    if factors.shape[1] == 0:
        raise DataError("model: it has rank 0, so its items have no factors to draw")
    ids = model.items_[shown].tolist()
    if titles is None:
        labels = [str(one) for one in ids]
    elif isinstance(titles, Mapping):
        labels = [str(titles.get(one, titles.get(str(one), one))) for one in ids]
    else:
        texts = list(titles)
        if len(texts) != len(counts):
            raise DataError(f"titles: expected one per item of items_, {len(counts)}, got {len(texts)}")
        labels = [str(texts[row]) for row in shown]
    from matplotlib import pyplot

    if ax is None:
        ax = pyplot.figure(figsize=(10, 8)).add_subplot()
    centred = factors - factors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(shown), 2))
    places[:, : min(2, len(axes))] = centred @ axes[:2].T
    ax.scatter(places[:, 0], places[:, 1], s=12)
    for label, (x, y) in zip(labels, places):
        ax.annotate(label.replace("$", r"\$"), (x, y), fontsize=8, xytext=(3, 3), textcoords="offset points")
    ax.set_title(f"{type(model).__name__}: items with the most ratings")
    return ax
