"""Which items, or users, are most alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lowrank import _core
from lowrank._ask import Answers, Lists
from lowrank._checks import positive, thread_count
from lowrank._input import Numbers


class FindsSimilar(Answers):
    """An estimator that answers which rows are alike."""

    def similar_items(
        self,
        items: Any = None,
        n: int = 10,
        by: str = "cosine",
        *,
        among: Any = None,
        exclude: Any = None,
        min_count: int = 1,
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the items whose factors are most similar to those of given items.

        Parameters
        ----------
        items : array_like of shape (m,), or one id, optional
            Default: all of `items_`.
        n : int, default 10
            Length of the lists.
        by : {"cosine", "dot", "neighbours"}
            Similarity of two rows of factors.
        among : array_like, table, mapping or mask, optional
            List only these items. For every query others in the forms of `recommend`, with the columns item and similar.
        exclude : array_like, table, mapping or mask, optional
            Items to leave out; in the same forms.
        min_count : int, default 1
            Least number of training ratings of a listed item.
        context : mapping, optional
            The context in which factors are compared, such as ``{"companion": "kids"}``: the same as of ``in_context(companion="kids")``.
            Only contexts that scale factors matter, as those of ``ContextALS(form="cp")``.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table with the columns item, similar, rank and score instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids, scores : masked arrays of shape (m, n)
            As of `recommend`. An item whose factors are all zero has an empty list.
        """
        return self._within(context)._similar(items, n, by, among, exclude, min_count, as_frame, threads, users=False)

    def similar_users(
        self,
        users: Any = None,
        n: int = 10,
        by: str = "cosine",
        *,
        among: Any = None,
        exclude: Any = None,
        min_count: int = 1,
        context: Mapping[str, Any] | None = None,
        as_frame: bool | str = False,
        threads: int = 0,
    ) -> Any:
        """List the users whose factors are most similar to those of given users. As `similar_items`.

        Parameters
        ----------
        users : array_like of shape (m,), or one id, optional
            Default: all of `users_`.
        n : int, default 10
            Length of the lists.
        by : {"cosine", "dot"}
            Similarity of two rows of factors.
        among : array_like, table, mapping or mask, optional
            List only these users. For every query others in the forms of `recommend`, with the columns user and similar.
        exclude : array_like, table, mapping or mask, optional
            Users to leave out; in the same forms.
        min_count : int, default 1
            Least number of training ratings of a listed user.
        context : mapping, optional
            As of `similar_items`.
        as_frame : bool or {"pandas", "polars", "pyarrow"}
            Return a table instead.
        threads : int, default 0
            0 for all processors.

        Returns
        -------
        ids, scores : masked arrays of shape (m, n)
        """
        return self._within(context)._similar(users, n, by, among, exclude, min_count, as_frame, threads, users=True)

    def _similar(
        self, ids: Any, n: int, by: str, among: Any, exclude: Any, min_count: int, as_frame: bool | str, threads: int, *, users: bool
    ) -> Any:
        recommender = self._asked()
        n = positive(n, "n")
        min_count = positive(min_count, "min_count")

        def ask(numbers: Numbers, given: _core.Given) -> Lists:
            return recommender.similar(users, numbers, n, str(by), given, min_count, thread_count(threads))

        words = ("user" if users else "item", "similar")
        return self._lists(ids, (users, users), words, ask, as_frame, among=among, exclude=exclude)
