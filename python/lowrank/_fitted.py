"""An estimator's model, and what it shows of it."""

from __future__ import annotations

import copy
import json
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._columns import ids_array
from lowrank._errors import not_fitted
from lowrank._params import Params

Self = TypeVar("Self", bound="Fitted")


class Fitted(Params):
    """The model of an estimator, or none, and the ids of its rows as they were given."""

    _model: _core.Model | None
    _recommender: _core.Recommender | None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clear()

    _user_ids: npt.NDArray[Any] | None
    _item_ids: npt.NDArray[Any] | None
    _history: npt.NDArray[Any]
    _summary: dict[str, Any]
    _layout: str  # of lists and arrays, as `fit` was told
    _given: frozenset[str] = frozenset()  # contexts of columns that the model has taken in, see `in_context`

    def _clear(self) -> None:
        vars(self).update(
            dict.fromkeys(("_model", "_recommender", "_user_ids", "_item_ids"))
            | {"_history": np.zeros(0, [("epoch", np.int64)]), "_summary": {}, "_layout": "auto", "_given": frozenset()}
        )

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def _take(
        self,
        model: _core.Model,
        user_ids: npt.NDArray[Any] | None = None,
        item_ids: npt.NDArray[Any] | None = None,
        history: npt.NDArray[Any] | None = None,
        summary: dict[str, Any] | None = None,
        layout: str = "auto",
        given: frozenset[str] = frozenset(),
    ) -> None:
        # In one step: another thread may ask meanwhile.
        vars(self).update(
            {
                "_model": model,
                "_recommender": _core.Recommender(model),
                "_user_ids": ids_array(_core.model_ids(model, True)) if user_ids is None else user_ids,
                "_item_ids": ids_array(_core.model_ids(model, False)) if item_ids is None else item_ids,
                "_history": np.zeros(0, [("epoch", np.int64)]) if history is None else history,
                "_summary": {} if summary is None else summary,
                "_layout": layout,
                "_given": given,
            }
        )

    def _snapshot(self: Self) -> Self:
        """The estimator as it is now, for a question: another thread may fit it meanwhile."""
        return copy.copy(self)

    def _fitted(self) -> _core.Model:
        if self._model is None:
            raise not_fitted(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self._model

    def _asked(self) -> _core.Recommender:
        """The model prepared for questions, once for all of them."""
        self._fitted()
        assert self._recommender is not None
        return self._recommender

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
    def neighbours_(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32], npt.NDArray[np.uint64]] | None:
        """The weights between items, or None: weights, their items, and where each item's row starts. As ``scipy.sparse.csr_array(neighbours_)``
        a matrix of shape (items, items): row j has the items that item j speaks for.
        """
        return self._fitted().neighbours

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
