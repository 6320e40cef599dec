#!/usr/bin/env python3
"""Asks lowrank and the package implicit the same questions about the same factors: lists with and without filters, new users, similar items and
users, the loss of training, and the cosine, TF-IDF and BM25 of items.

    implicit_lists.py ROOT BUILD

Ends with 77 (skipped) where implicit cannot be installed. It runs itself again in the environment that has implicit, with lowrank from the build.
"""

import os
import pathlib
import subprocess
import sys

ALPHA, REGULARIZATION = 3.0, 0.5


def recommenders():
    """A trained model of each, on the same clicks and with the same factors."""
    clicks = scipy.sparse.random(150, 80, density=0.08, random_state=np.random.RandomState(1), format="csr", dtype=np.float32)
    clicks.data = np.ceil(5 * clicks.data)
    # Loss and fold-in of implicit: weight 1 of a missing cell, alpha r of another.
    own = lowrank.ImplicitALS(rank=8, epochs=30, unobserved="missing", unobserved_weight=1, observed_weight=0, alpha=ALPHA,
                              regularization=REGULARIZATION, regularization_exponent=0)
    own.fit(clicks)
    theirs = AlternatingLeastSquares(factors=8, regularization=REGULARIZATION, alpha=ALPHA, use_cg=False, iterations=30, random_state=1,
                                     num_threads=1)
    theirs.fit(clicks, show_progress=False)
    return clicks, own, theirs


def same_lists(ids, scores, other_ids, other_scores):
    """The same scores in the same places; ids may differ where scores are equal."""
    for one, score, other, other_score in zip(ids, scores, other_ids, other_scores):
        known = ~np.ma.getmaskarray(score)
        np.testing.assert_allclose(score[known], other_score[: known.sum()], atol=2e-5)
        clear = np.abs(np.diff(score[known], append=-np.inf, prepend=np.inf)) > 1e-4
        clear = clear[:-1] & clear[1:]
        np.testing.assert_array_equal(one[known][clear], np.asarray(other)[: known.sum()][clear])


def main():
    clicks, own, theirs = recommenders()
    users = np.arange(clicks.shape[0])
    loss = calculate_loss(ALPHA * clicks, theirs.user_factors.astype(float), theirs.item_factors.astype(float), REGULARIZATION)
    ours = calculate_loss(ALPHA * clicks, own.user_factors_.astype(float), own.item_factors_.astype(float), REGULARIZATION)
    assert abs(ours / loss - 1) < 0.02, (ours, loss)
    print(f"loss {ours:.5f}, implicit {loss:.5f}")

    # implicit changes a matrix that it is asked about some items alone: it gets copies.
    theirs.user_factors, theirs.item_factors = own.user_factors_.copy(), own.item_factors_.copy()
    theirs._YtY = theirs._XtX = theirs._item_norms = theirs._user_norms = None
    for seen in (True, False):
        for size in (1, 10, 80):
            ids, scores = own.recommend(users, n=size, filter_seen=seen)
            same_lists(ids, scores, *theirs.recommend(users, clicks.copy(), N=size, filter_already_liked_items=seen))
    some = np.arange(5, 60, 3)
    ids, scores = own.recommend(users, n=10, items=some)
    same_lists(ids, scores, *theirs.recommend(users, clicks.copy(), N=10, items=some))
    ids, scores = own.recommend(users, n=10, exclude=some)
    same_lists(ids, scores, *theirs.recommend(users, clicks.copy(), N=10, filter_items=some))
    print("lists: the same, with seen items and without, among some items and without some")

    known = own.user_factors_.any(axis=1)
    folded = own.fold_in(clicks).user_factors_
    exact = theirs.recalculate_user(users, clicks)
    np.testing.assert_allclose(folded[known], exact[known], atol=1e-4)
    print("new users: the same factors")

    for ours_of, theirs_of, rows in [(own.similar_items, theirs.similar_items, 80), (own.similar_users, theirs.similar_users, 150)]:
        asked = np.flatnonzero((own.item_factors_ if rows == 80 else own.user_factors_).any(axis=1))
        ids, scores = ours_of(asked, n=10)
        others, values = theirs_of(asked, N=11)
        same_lists(ids, scores, others[:, 1:], values[:, 1:])
    print("similar items and users: the same")

    binary = (clicks > 0).astype(float)
    for similarity, peer, counts in [("cosine", CosineRecommender, binary), ("tf-idf", TFIDFRecommender, clicks), ("bm25", BM25Recommender, clicks)]:
        by_peer = peer(K=81)
        by_peer.fit(counts.astype(float), show_progress=False)
        near = lowrank.ItemNeighbours(similarity=similarity, neighbours=80, shrinkage=0).fit(counts).neighbours_
        ours_of, theirs_of = scipy.sparse.csr_array(near, shape=(80, 80)).toarray(), by_peer.similarity.toarray()
        np.fill_diagonal(theirs_of, 0)
        np.testing.assert_allclose(ours_of, theirs_of, rtol=1e-6, atol=1e-6)
        print(f"{similarity} of items: the same")


if len(sys.argv) == 3:
    from peers import SKIPPED, python_with

    root, build = map(pathlib.Path, sys.argv[1:])
    python = python_with(build, "implicit", "implicit==0.7.3", "numpy", "scipy")
    if python is None:
        sys.exit(SKIPPED)
    environment = {**os.environ, "PYTHONPATH": str(build / "python"), "OPENBLAS_NUM_THREADS": "1"}
    sys.exit(subprocess.run([python, "-W", "ignore", __file__], env=environment, check=False).returncode)

import lowrank  # noqa: E402
import numpy as np  # noqa: E402
import scipy.sparse  # noqa: E402
from implicit.cpu._als import calculate_loss  # noqa: E402
from implicit.cpu.als import AlternatingLeastSquares  # noqa: E402
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender  # noqa: E402

main()
