"""Factors for other programs: arrays and tables."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank._checks import path_of, shown
from lowrank._errors import OptionError
from lowrank._fitted import Fitted

_FORMATS = ("csv", "tsv", "npz", "parquet")


class Exports(Fitted):
    """An estimator that hands its factors on."""

    def user_vectors(self, with_bias: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of the users, in the order of `users_`.

        Parameters
        ----------
        with_bias : bool, default False
            Two numbers more, (factors, bias, 1): the dot product with a vector of `item_vectors` is the score but for `mean_`.

        Returns
        -------
        ndarray of shape (users, rank), or (users, rank + 2), float32
            A copy.
        """
        return self._fitted().vectors(True, bool(with_bias))

    def item_vectors(self, with_bias: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of the items, in the order of `items_`, for instance for an index of nearest neighbours.

        Parameters
        ----------
        with_bias : bool, default False
            Two numbers more, (factors, 1, bias): the dot product with a vector of `user_vectors` is the score but for `mean_`.

        Returns
        -------
        ndarray of shape (items, rank), or (items, rank + 2), float32
            A copy.
        """
        return self._fitted().vectors(False, bool(with_bias))

    def export(
        self, path: str | bytes | os.PathLike[str], *, side: str = "items", with_bias: bool = False, format: str | None = None
    ) -> None:
        """Write factors and biases as a table, as ``lowrank export`` does.

        Parameters
        ----------
        path : path
            The file to write.
        side : {"items", "users"}
            The rows of a table. A file of arrays (npz) has both sides.
        with_bias : bool, default False
            Write the vectors of `item_vectors` or `user_vectors` with bias instead of factors and a column of biases.
        format : {"csv", "tsv", "npz", "parquet"}, optional
            Default: by the end of the file's name. Tables have the columns ``item`` (or ``user``), ``ratings``, ``bias`` and
            ``factor_1``, ..., or ``vector_1``, ...; parquet needs pyarrow. An npz file has the arrays ``users``, ``items``, ``mean``,
            ``user_vectors`` and ``item_vectors``, and unless `with_bias` ``user_biases`` and ``item_biases``.

        Raises
        ------
        OptionError
            For a format or side that does not exist.
        FileError
            The file cannot be written.
        """
        self = self._snapshot()
        model = self._fitted()
        name = path_of(path, "path")
        kind = os.path.splitext(name)[1][1:].lower() if format is None else format
        if kind not in _FORMATS:
            raise OptionError(f"format: must be csv, tsv, npz or parquet, got {shown(kind)}", "format")
        if side not in ("items", "users"):
            raise OptionError(f"side: must be items or users, got {shown(side)}", "side")
        users = side == "users"
        if kind in ("csv", "tsv"):
            model.write_vectors(users, bool(with_bias), "," if kind == "csv" else "\t", name)
        elif kind == "npz":
            arrays: dict[str, Any] = {"users": self.users_, "items": self.items_, "mean": np.float64(self.mean_)}
            arrays |= {"user_vectors": self.user_vectors(with_bias), "item_vectors": self.item_vectors(with_bias)}
            if not with_bias:
                arrays |= {"user_biases": self.user_biases_, "item_biases": self.item_biases_}
            for ids in ("users", "items"):
                if arrays[ids].dtype == object:  # texts, so that the file holds no pickle
                    arrays[ids] = np.array([str(one) for one in arrays[ids].tolist()], dtype=np.str_)
            with open(name, "wb") as file:
                np.savez(file, **arrays)
        else:
            self._write_parquet(name, users, with_bias)

    def _write_parquet(self, name: str, users: bool, with_bias: bool) -> None:
        import pyarrow
        import pyarrow.parquet

        model = self._fitted()
        ids = self.users_ if users else self.items_
        texts = [str(one) for one in ids.tolist()] if ids.dtype == object else ids
        table: dict[str, Any] = {"user" if users else "item": texts, "ratings": model.user_ratings if users else model.item_ratings}
        if not with_bias:
            table["bias"] = self.user_biases_ if users else self.item_biases_
        vectors = model.vectors(users, bool(with_bias))
        for column in range(vectors.shape[1]):
            table[f"{'vector' if with_bias else 'factor'}_{column + 1}"] = np.ascontiguousarray(vectors[:, column])
        pyarrow.parquet.write_table(pyarrow.table(table), name)
