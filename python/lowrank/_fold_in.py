"""Rows of users and items that a model was not trained with."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy.typing as npt

from lowrank import _core
from lowrank._checks import thread_count
from lowrank._columns import ids_array
from lowrank._contexts import HasContexts
from lowrank._errors import DataError, OptionError
from lowrank._features import new_features
from lowrank._input import ColumnNames, File, Matrix, Reading, Source, is_clicks, pairs_from, ratings_from
from lowrank._layout import check_layout
from lowrank._situations import Asked, levels_known_to

Self = TypeVar("Self", bound="FoldsIn")


class FoldsIn(HasContexts):
    """An estimator that takes in new users and items."""

    def fold_in(
        self: Self,
        X: Any = None,
        y: Any = None,
        *,
        columns: ColumnNames | None = None,
        layout: str | None = None,
        features: Any = None,
        side: str = "users",
        threads: int = 0,
    ) -> Self:
        """Fold in new users: compute their factors from their ratings, against the fixed items. Or new items, against the fixed users.

        Parameters
        ----------
        X, y : ratings
            In any form that `fit` takes; of a matrix, columns are the items with the ids 0 .. n-1. Items that the model does
            not know are left out. Users and items alone, as a tuple of two columns or a table without a rating, are ratings of 1.
        columns : names, optional
            Names of the columns of a table or file.
        layout : str, optional
            Meaning of a list or array, as of `fit`. Default: that of `fit`.
        features : features, optional
            Of users, in any form that `fit` takes for ``user_features``, where the model was fitted with those: a user is solved around
            what their features let expect. Users without ratings are known by their features alone; X may then be left out. A
            DataWarning says what the model's features do not have.
        side : {"users", "items"}, default "users"
            Whose rows are computed. With ``"items"`` users and items change places in all that is said here.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        estimator
            A fitted estimator with the users of X, in order of first appearance, and the items of this one. The items
            that they rated in X count as seen. A user of X without any item that the model knows is kept: their predictions
            are those of an unknown user, and ``recommend(..., unknown="popular")`` gives them a list.
        """
        self = self._snapshot()
        model = self._fitted()
        if side not in ("users", "items"):
            raise OptionError(f'side: must be "users" or "items", got {side!r}', "side")
        of_users = side == "users"
        own = None if features is None else new_features(features, of_users, model)
        names: npt.NDArray[Any] | None
        if X is None and own is not None:
            pairs, names = _core.Pairs(model), None
        else:
            pairs, names = self._pairs(X, y, columns, thread_count(threads), layout=layout, clicks=True)
            if len(pairs) == 0:
                raise DataError("X: there are no ratings to fold in")
        result = copy.copy(self)
        if not of_users:
            result._take(model.fold_in_items(pairs, thread_count(threads), own), self._user_ids, None, given=self._given)
            return result
        result._take(model.fold_in(pairs, thread_count(threads), own), names if own is None else None, self._item_ids, given=self._given)
        return result

    def add_items(self: Self, features: Any) -> Self:
        """Take in items that are known by their features alone, so that they can be scored and recommended.

        Parameters
        ----------
        features : features
            In any form that `fit` takes for ``item_features``, with which the model must have been fitted. A DataWarning says what the
            model's features do not have. Items that the model has ratings of stay as they are.

        Returns
        -------
        estimator
            A fitted estimator with the items of this one and the new ones behind them.
        """
        return self._with_rows(features, of_users=False)

    def add_users(self: Self, features: Any) -> Self:
        """Take in users that are known by their features alone, so that they can be predicted and recommended for.

        Parameters
        ----------
        features : features
            In any form that `fit` takes for ``user_features``, with which the model must have been fitted. A DataWarning says what the
            model's features do not have. Users that the model has ratings of stay as they are.

        Returns
        -------
        estimator
            A fitted estimator with the users of this one and the new ones behind them.
        """
        return self._with_rows(features, of_users=True)

    def _with_rows(self: Self, features: Any, *, of_users: bool) -> Self:
        """An estimator with new rows of one side, known by their features."""
        self = self._snapshot()
        model = self._fitted()
        result = copy.copy(self)
        rows = new_features(features, of_users, model)
        users, items = (None, self._item_ids) if of_users else (self._user_ids, None)
        result._take(model.add_users(rows) if of_users else model.add_items(rows), users, items, given=self._given)
        return result

    def _pairs(
        self,
        X: Any,
        y: Any,
        columns: ColumnNames | None,
        threads: int,
        name: str = "X",
        *,
        layout: str | None = None,
        clicks: bool = False,
        times: bool = False,
        given: frozenset[str] = frozenset(),
        like: Asked | None = None,
        contexts: Sequence[str] | None = None,
    ) -> tuple[_core.Pairs, npt.NDArray[Any] | None]:
        """Ratings in the numbering of the model, and the distinct users as they were given. `given` are contexts that X must not have, `like`
        those that a file must have. `contexts` are read where X has them; None for those of the model.
        """
        model = self._fitted()
        contexts = list(model.context_columns if contexts is None else contexts)
        if clicks and y is None and is_clicks(X, columns):
            source: Source = pairs_from(X, columns, name)
        else:
            own_layout = self._layout if layout is None else check_layout(layout)
            source = ratings_from(X, y, columns, name, layout=own_layout, times=times, contexts=contexts)
        if isinstance(source, File):
            reading = Reading(contexts=like or Asked(names=contexts, needed=False, given=sorted(given)))
            return _core.model_read_pairs(model, source.path, source.options(reading, times=times), threads)[0], None
        table = source.as_columns() if isinstance(source, Matrix) else source
        _, distinct = table.users.number()
        levels = levels_known_to(contexts, X, len(table.users), like.missing if like else ())
        return _core.model_pairs(model, table.users, table.items, table.values, table.times, levels), ids_array(distinct)
