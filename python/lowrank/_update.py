"""Models that take in what is new, and forget."""

from __future__ import annotations

import json
import warnings
from typing import Any, TypeVar

from lowrank import _core
from lowrank._ask import Answers
from lowrank._checks import thread_count
from lowrank._columns import one_or_many
from lowrank._errors import DataWarning, OptionError
from lowrank._features import new_features
from lowrank._input import ColumnNames

Self = TypeVar("Self", bound="Updates")


class Updates(Answers):
    """An estimator that learns from new ratings without training again."""

    def update(
        self: Self,
        X: Any = None,
        y: Any = None,
        *,
        remove: Any = None,
        columns: ColumnNames | None = None,
        layout: str | None = None,
        duplicates: str = "last",
        history: Any = None,
        user_features: Any = None,
        item_features: Any = None,
        sweeps: int = 2,
        max_seconds: float = 0,
        retrain: bool = False,
        retrain_share: float = 0.2,
        threads: int = 0,
    ) -> Self:
        """Take new ratings in, and take others out. The users and items that they touch are solved again from all of their ratings.

        All other users and items stay as they are. The model must have the values of its ratings, which it keeps by default (see
        ``keep_values`` of `fit`).

        Parameters
        ----------
        X, y : ratings, optional
            New ratings in any form that `fit` takes; users and items that the model does not know get rows of their own. Users and items
            alone, as a tuple of two columns or a table without a rating, are ratings of 1.
        remove : pairs, optional
            Users and items whose ratings are taken out, as a tuple of two columns, an array of shape (n, 2) or a table. Each must be there.
        columns : names, optional
            Names of the columns of a table or file.
        layout : str, optional
            Meaning of a list or array, as of `fit`. Default: that of `fit`.
        duplicates : str, default "last"
            Rating to keep for a pair that is repeated or has one already, as of `fit`; that of the model comes first.
        history : ratings, optional
            All ratings of the model so far, where it lacks their values.
        user_features, item_features : features, optional
            In any form that `fit` takes, for a model that was fitted with those: of new users or items, and of all that get new ratings.
        sweeps : int, default 2
            Times that the touched users and then the touched items are solved.
        max_seconds : float, default 0
            Seconds after which no further row is solved; 0 for no limit.
        retrain : bool, default False
            Train on all ratings, from the updated model where the method starts from one.
        retrain_share : float, default 0.2
            Share of ratings changed since the last full training beyond which a DataWarning recommends another one.
        threads : int, default 0
            0 for all processors. Results do not depend on it.

        Returns
        -------
        self
            ``summary_`` says what was done: ratings added, replaced and removed, new users and items, touched rows, their objective.
        """
        model = self._fitted()
        count = thread_count(threads)
        ratings = _core.Pairs(model) if X is None else self._pairs(X, y, columns, count, layout=layout, clicks=True)[0]
        removed = None if remove is None else self._pairs(remove, None, columns, count, "remove", layout=layout, clicks=True)[0]
        before = None if history is None else self._pairs(history, None, columns, count, "history", layout=layout, clicks=True)[0]
        users = None if user_features is None else new_features(user_features, True, model)
        items = None if item_features is None else new_features(item_features, False, model)
        self._replace(
            model.update(
                ratings,
                removed,
                [],
                [],
                str(duplicates),
                before,
                users,
                items,
                int(sweeps),
                float(max_seconds),
                float(retrain_share),
                bool(retrain),
                count,
            )
        )
        return self

    def partial_fit(self: Self, X: Any = None, y: Any = None, **how: Any) -> Self:
        """As `update`, under the name that scikit-learn has for it. An estimator that is not fitted yet is fitted.

        Parameters
        ----------
        X, y : ratings
            As of `update`.
        **how
            As of `update`, or of `fit` for the first call.

        Returns
        -------
        self
        """
        if self._model is None:
            self.fit(X, y, **how)  # type: ignore[attr-defined]
            return self
        return self.update(X, y, **how)

    def forget(
        self: Self, users: Any = None, items: Any = None, *, user_features: Any = None, item_features: Any = None, threads: int = 0
    ) -> Self:
        """Forget users and items: their ids, rows and ratings. The rows that their ratings touched are solved again without them.

        Parameters
        ----------
        users, items : array_like or one id, optional
            Ids. Each must be known.
        user_features, item_features : features, optional
            As of `update`: of the users and items that are solved again.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        self
        """
        model = self._fitted()
        if users is None and items is None:
            raise OptionError("users: give users or items to forget", "users")
        own_users = None if user_features is None else new_features(user_features, True, model)
        own_items = None if item_features is None else new_features(item_features, False, model)
        self._replace(
            model.update(
                _core.Pairs(model),
                None,
                self._rows_to_forget(users, True),
                self._rows_to_forget(items, False),
                "last",
                None,
                own_users,
                own_items,
                2,
                0.0,
                0.2,
                False,
                thread_count(threads),
            )
        )
        return self

    def _rows_to_forget(self, ids: Any, users: bool) -> list[int]:
        """The rows of ids, each of which must be known."""
        if ids is None:
            return []
        name = "users" if users else "items"
        return [int(row) for row in self._asked().find(users, one_or_many(ids, name), True, name)]

    def _replace(self, updated: tuple[_core.Model, str]) -> None:
        """Takes the updated model in the place of the old one."""
        model, text = updated
        summary: dict[str, Any] = json.loads(text)
        if summary["retrain_recommended"]:
            warnings.warn(
                f"{100 * summary['changed_share']:.3g} % of the ratings changed since the last full training: fit again, or give retrain=True",
                DataWarning,
                stacklevel=4,
            )
        self._take(model, None, None, self._history, summary, self._layout, self._given)
