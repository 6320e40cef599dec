"""What a rating depends on besides its user and its item."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._checks import positive, shown
from lowrank._errors import DataWarning, OptionError
from lowrank._fitted import Fitted
from lowrank._lists import frame_of
from lowrank._situations import columns_given, refuse_columns_of
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
        for name, (levels, counts, biases) in _core.model_contexts(self._fitted()).items():
            own = np.array(levels, dtype=object)
            own.setflags(write=False)
            contexts[name] = {"level": own, "ratings": counts, "bias": biases}
        return contexts

    def in_context(self: Self, /, **context: Any) -> Self:
        """The estimator once the context is given, for `recommend`, `predict`, `explain` and all else.

        For one question, `recommend`, `predict` and others take ``context={...}`` themselves. For many in one context this method is
        faster: it goes once through the model.

        Parameters
        ----------
        **context
            Contexts by the names in `contexts_`, as ``companion="kids"`` or ``day="1998-04-01"``: a level, or for a period a date in it as a
            text, ``date``, ``datetime`` or ``numpy.datetime64``, in UTC without a zone. A level without a training rating adds nothing to
            scores, and a DataWarning says so unless it is a period. What is not given adds what it adds on the average.

        Returns
        -------
        estimator
            A fitted estimator whose biases and mean have taken in what the context adds. It has no longer the contexts that were given, and
            its `predict`, `evaluate` and `score` refuse tables and files with a column of one of them.

        Raises
        ------
        OptionError
            For a context that the model does not have, and for a value that is not a date.
        """
        return self._within(context)

    def context_effects(
        self, name: str | None = None, level: Any = None, n: int = 5, *, min_count: int = 10, as_frame: bool | str = False
    ) -> Any:
        """What the levels of contexts do to items: which ones they lift and lower most, as ``lowrank info --contexts`` shows it.

        Parameters
        ----------
        name : str, optional
            One of `contexts_`. Default: all of them.
        level : str or date, optional
            One level of that context, or of a period a date in it, as of `in_context`. Default: all of them.
        n : int, default 5
            Most items that a level lifts, and most that it lowers.
        min_count : int, default 10
            Least number of training ratings of a listed item.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table instead.

        Returns
        -------
        dict of str to ndarray
            Columns of equal length, one row per level and item; of each level first the lifted items, the greatest effect first, then the
            lowered ones, the least first: ``context``, ``level``, ``ratings`` and ``bias`` of the level (as in `contexts_`), ``item``, and
            ``effect``: how much more the level adds to the score of the item than to those of all items on the average, for a user whose
            factors are the mean of all users'. A level that does the same to all items has no rows.

        Raises
        ------
        OptionError
            For a context or level that the model does not have.
        """
        self = self._snapshot()
        contexts = self.contexts_
        if level is not None and name is None:
            raise OptionError("level: needs name, the context that it is a level of", "level")
        named = list(contexts) if name is None else [self._context_named(name)]
        if not named:
            raise OptionError("name: the model knows no contexts", "name")
        tables = []
        for one in named:
            own = contexts[one]
            numbers = range(len(own["level"])) if level is None else [self._level_named(one, level)]
            levels, items, effects = _core.level_effects(
                self._fitted(), list(contexts).index(one), numbers, positive(n, "n"), positive(min_count, "min_count")
            )
            words = np.full(len(levels), one, dtype=object)
            tables.append({"context": words, **{column: values[levels] for column, values in own.items()}, "item": self.items_[items],
                           "effect": effects})
        table = {column: np.concatenate([own[column] for own in tables]) for column in tables[0]}
        return frame_of(table, as_frame) if as_frame else table

    def context_vectors(self, name: str, side: str = "items") -> npt.NDArray[np.float32]:
        """Vectors of the levels of a context, in the order of ``contexts_[name]["level"]``, for pictures of levels and distances between
        them.

        Parameters
        ----------
        name : str
            One of `contexts_`.
        side : {"items", "users"}
            With ``"items"`` the dot product with an item's factors is what the level adds to the score of the item besides biases, for a
            user whose factors are the mean of all users'. With ``"users"`` users and items change places.

        Returns
        -------
        ndarray of shape (levels, rank), float32
            A copy.

        Raises
        ------
        OptionError
            For a context that the model does not have, or a side that does not exist.
        """
        self = self._snapshot()
        number = list(self.contexts_).index(self._context_named(name))
        if side not in ("items", "users"):
            raise OptionError(f"side: must be items or users, got {shown(side)}", "side")
        return _core.level_vectors(self._fitted(), number, side == "users")

    def _level_named(self, name: str, level: Any) -> int:
        model = self._fitted()
        of_column = name in model.context_columns
        try:
            number = _core.level_named(model, name, str(level) if of_column else moment_text(level, "level"))
        except OptionError:
            number = None
        if number is None:
            raise OptionError(f"level: {shown(level)} is no level of {name}", "level")
        return number

    def _context_named(self, name: Any) -> str:
        contexts = list(self.contexts_)
        spelled = _core.context_name(name) if isinstance(name, str) else ""
        if spelled not in contexts:
            raise OptionError(f"name: {shown(name)} is no context of the model, which has {', '.join(contexts) or 'none'}", "name")
        return spelled

    def _within(self: Self, context: Mapping[str, Any] | None, pairs: Any = None) -> Self:
        """The estimator as it is now, once the context of a question is given; for the methods that people call.

        Parameters
        ----------
        context : mapping or None
            As of `in_context`; None for no context.
        pairs : pairs, optional
            What is asked about. A table that has a column of the context, or of one that `in_context` gave, is an error.
        """
        self = self._snapshot()
        if context is None:
            refuse_columns_of(self._given, pairs)
            return self
        if not isinstance(context, Mapping) or not all(isinstance(name, str) for name in context):
            raise OptionError(f'context: expected a mapping of names to levels, such as {{"month": "2001-03"}}, got {shown(context)}', "context")
        model = self._fitted()
        given = self._given | columns_given(context, model)
        refuse_columns_of(given, pairs)
        values = [(name, moment_text(value, name)) for name, value in context.items()]
        if text := model.unknown_levels(values):
            warnings.warn(text, DataWarning, stacklevel=3)
        result = copy.copy(self)
        result._take(model.bind_context(values), self._user_ids, self._item_ids, self._history, self._summary, self._layout, given)
        return result
