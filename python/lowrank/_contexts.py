"""What a rating depends on besides its user and its item."""

from __future__ import annotations

import copy
import warnings
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank._errors import DataWarning
from lowrank._fitted import Fitted
from lowrank._times import moment_text

Self = TypeVar("Self", bound="HasContexts")


class HasContexts(Fitted):
    """An estimator whose model may know contexts."""

    @property
    def contexts_(self) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """The contexts of the model by name, such as ``day`` of ``BayesianMF(time="day")`` or those that `ContextALS` was fitted with; empty
        for most models.

        Each is a table as a dict of columns: ``level`` (periods as ``1998-04-01``, ``1998-W14`` or ``1998-04``, in the order of the
        calendar), ``ratings`` (training ratings in the level) and ``bias`` (added to every score in it).
        """
        contexts = {}
        for name, (levels, counts, biases) in self._fitted().contexts.items():
            own = np.array(levels, dtype=object)
            own.setflags(write=False)
            contexts[name] = {"level": own, "ratings": counts, "bias": biases}
        return contexts

    def in_context(self: Self, **context: Any) -> Self:
        """The estimator once the context is given, for `recommend`, `predict`, `explain` and all else.

        Parameters
        ----------
        **context
            Contexts by the names in `contexts_`, as ``companion="kids"`` or ``day="1998-04-01"``: a level, or for a period a date in it as a
            text, ``date``, ``datetime`` or ``numpy.datetime64``, in UTC without a zone. A level without a training rating adds nothing to
            scores, and a DataWarning says so unless it is a period. What is not given adds what it adds on the average.

        Returns
        -------
        estimator
            A fitted estimator whose biases and mean have taken in what the context adds. It has no longer the contexts that were given.

        Raises
        ------
        OptionError
            For a context that the model does not have, and for a value that is not a date.
        """
        self = self._snapshot()
        values = [(name, moment_text(value, name)) for name, value in context.items()]
        if text := self._fitted().unknown_levels(values):
            warnings.warn(text, DataWarning, stacklevel=2)
        result = copy.copy(self)
        result._take(self._fitted().bind_context(values), self._user_ids, self._item_ids, self._history, self._summary, self._layout)
        return result
