"""Why an item scores as it does for a user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lowrank._checks import positive, thread_count
from lowrank._columns import is_one, one_or_many
from lowrank._contexts import HasContexts
from lowrank._errors import DataError
from lowrank._lists import frame_of


class Explanation(NamedTuple):
    """What the items of a user's history contribute to a score: arrays of shape (k,), the greatest contribution first.

    With `kind` ``"sum"``, ``base + contributions.sum() + others`` is `explained`.
    """

    ids: npt.NDArray[Any]
    #: Ratings of the items; NaN where the model does not keep them.
    values: npt.NDArray[np.float32]
    #: In units of the score; below 0 for an item that lowers it.
    contributions: npt.NDArray[np.float64]
    #: The score of the model.
    score: float
    #: The score by fold-in of the user's history, which the contributions are of.
    explained: float
    #: What is not of the history: mean and bias of the item.
    base: float
    #: Sum of all further contributions, and their number.
    others: float
    other_items: int
    #: ``"sum"``, or ``"leave_one_out"`` for contributions that do not add up: what the score loses without the item alone.
    kind: str


class Explains(HasContexts):
    """An estimator that explains its scores."""

    def explain(
        self,
        user: Any,
        items: Any,
        n: int = 10,
        *,
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """Explain scores: the items of the user's history that contribute most, and how much.

        The score that is explained is that of a user folded in from their history. For a user of `fold_in` that is their own. A user
        of the training has factors that were trained along with those of the items, so that the score of the model is another one:
        `score` and `explained` are both returned. A model that fits values needs ``fit(..., keep_values=True)``, or users of `fold_in`.

        Parameters
        ----------
        user : one id
            A user of the model.
        items : array_like of shape (m,), or one id
            The items whose scores to explain.
        n : int, default 10
            Most contributions per score.
        context : mapping, optional
            The context in which the scores are, such as ``{"companion": "kids"}``: the same as of ``in_context(companion="kids")``.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return one table with the columns item, because, value and contribution instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        Explanation, or a list of them
            One for one item. By least squares contributions are the terms of a sum; where there is no such sum (a divergence, a
            pairwise loss, factors held at 0 by ``non_negative``) they are what the score loses when the item is left out.

        Raises
        ------
        UnknownIdError
            For a user or item that the model does not know.
        DataError
            Where the scores depend on no item of a history (`popular`, `baseline`), or the model lacks the values that it fits.

        Notes
        -----
        One solve per call, of K factors or of n items of the history, whichever is less: O(n K min(n, K)), and O(n K) per item.
        Without a sum, n fold-ins. Hu, Koren and Volinsky, ICDM 2008, section 5.
        """
        self = self._within(context)
        recommender = self._asked()
        n = positive(n, "n")
        if not is_one(user):
            raise DataError("user: expected one id")
        row = recommender.find(True, one_or_many(user, "user"), True, "user")
        columns = recommender.find(False, one_or_many(items, "items"), True, "items")
        adds_up, because, values, amounts, ends, others, figures = recommender.explain(int(row[0]), columns, n, thread_count(threads))
        ids = self.items_[because]
        starts = np.concatenate([np.zeros(1, np.uint64), ends[:-1]]) if len(ends) else ends
        if as_frame:
            item = np.repeat(self.items_[columns], (ends - starts).astype(np.int64))
            return frame_of({"item": item, "because": ids, "value": values, "contribution": amounts}, as_frame)
        kind = "sum" if adds_up else "leave_one_out"
        explanations = []
        for start, end, (score, explained, base, rest), count in zip(starts.tolist(), ends.tolist(), figures.tolist(), others.tolist()):
            own = ids[start:end], values[start:end], amounts[start:end]
            explanations.append(Explanation(*own, score, explained, base, rest, count, kind))
        return explanations[0] if is_one(items) else explanations
