"""Model files, pickles and copies."""

from __future__ import annotations

import copy
import os
from typing import Any, BinaryIO, TypeVar

from lowrank import _core
from lowrank._checks import path_of
from lowrank._errors import DataError
from lowrank._fitted import Fitted

Self = TypeVar("Self", bound="Keeps")


class Keeps(Fitted):
    """An estimator that can be kept."""

    def save(self, path: str | bytes | os.PathLike[str] | BinaryIO) -> None:
        """Write the model file that the command line and C++ read and write.

        Parameters
        ----------
        path : path or binary file object
            A path is replaced completely, or not at all. A file object is written to.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        model = self._fitted()
        if not hasattr(path, "write"):
            model.save(path_of(path, "path"))
            return
        left = memoryview(model.serialize())
        while left.nbytes:
            try:
                written = path.write(left)
            except TypeError:
                raise DataError("path: a file object must be open for bytes, not for text") from None
            left = left[len(left) if written is None else written :]

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        model = state.pop("_model")
        del state["_recommender"]
        state["_bytes"] = None if model is None else model.serialize()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        data = state.pop("_bytes")
        vars(self).update(state)
        for ids in (self._user_ids, self._item_ids):
            if ids is not None:
                ids.setflags(write=False)
        self._model = None if data is None else _core.Model.deserialize(data)
        self._recommender = None if self._model is None else _core.Recommender(self._model)

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
