#!/usr/bin/env python3
"""Holds item-item weights, and predictions from them, against those of irspack and Surprise: cosine, asymmetric cosine and RP3beta, and means over
residuals of the baseline.

    neighbours.py irspack|surprise ROOT BUILD

Ends with 77 (skipped) where the peer cannot be installed. It runs itself again in the environment that has the peer, with lowrank from the build.
"""

import os
import pathlib
import subprocess
import sys

PACKAGES = {"irspack": ("irspack==0.5.2", "numpy", "scipy"), "surprise": ("scikit-surprise==1.1.5", "pandas", "scipy")}


def weights_of_irspack():
    """Weights in both: rows speak for columns."""
    from irspack.recommenders import AsymmetricCosineKNNRecommender, CosineKNNRecommender, RP3betaRecommender

    clicks = scipy.sparse.random(150, 80, density=0.1, random_state=np.random.RandomState(1), format="csr")
    clicks.data[:] = 1
    everything = {"top_k": 80, "n_threads": 1}
    peers = [
        ("cosine", {}, CosineKNNRecommender(clicks, normalize=True, **everything)),
        ("asymmetric-cosine", {"item_exponent": 0.7, "target_exponent": 0.3}, AsymmetricCosineKNNRecommender(clicks, alpha=0.7, **everything)),
        ("rp3beta", {"target_exponent": 0.4}, RP3betaRecommender(clicks, alpha=1, beta=0.4, **everything)),
    ]
    for similarity, options, peer in peers:
        own = lowrank.ItemNeighbours(similarity=similarity, neighbours=80, shrinkage=0, **options).fit(clicks)
        peer.learn()
        expected = peer.W.toarray()
        np.fill_diagonal(expected, 0)
        np.testing.assert_allclose(scipy.sparse.csr_array(own.neighbours_, shape=(80, 80)).toarray(), expected, rtol=1e-6, atol=1e-6, err_msg=similarity)
        print(f"{similarity}: the same weights")

        # Scores of items that a user does not have.
        scores = np.where(clicks.toarray() > 0, -np.inf, np.asarray(peer.get_score(np.arange(150))))
        ids, values = own.recommend(np.arange(150), n=10)
        for user in range(150):
            known = ~np.ma.getmaskarray(values[user])
            best = -np.sort(-scores[user])[: known.sum()]
            np.testing.assert_allclose(values[user][known], best, rtol=1e-6, atol=1e-6)
    print("scores of lists: the same")


def predictions_of_surprise():
    """Surprise's KNNBaseline with the mean and the biases of lowrank: similarities and predictions, by items and by users."""
    import pandas
    import surprise

    draws = np.random.RandomState(2)
    table = pandas.DataFrame({"user": draws.randint(0, 60, 1500), "item": draws.randint(0, 40, 1500)}).drop_duplicates()
    taste = draws.normal(size=(60, 2)) @ draws.normal(size=(2, 40))
    table["rating"] = np.clip(np.round(3 + taste[table.user, table.item] + draws.normal(size=len(table))), 1, 5)
    data = surprise.Dataset.load_from_df(table, surprise.Reader(rating_scale=(1, 5))).build_full_trainset()
    # Pairs without a rating: an item that is rated speaks for itself in Surprise.
    users, items = np.nonzero(scipy.sparse.coo_array((np.ones(len(table)), (table.user, table.item)), shape=(60, 40)).toarray() == 0)

    for side in ("items", "users"):
        own = lowrank.ItemNeighbours(similarity="pearson", side=side, power=1, shrinkage=100, damping=0, neighbours=60).fit(table)
        place = {"user": {one: at for at, one in enumerate(own.users_.tolist())}, "item": {one: at for at, one in enumerate(own.items_.tolist())}}

        class Given(surprise.KNNBaseline):
            def compute_baselines(self):
                shift = own.mean_ - self.trainset.global_mean
                self.bu = np.array([own.user_biases_[place["user"][data.to_raw_uid(at)]] + shift for at in range(data.n_users)], dtype=float)
                self.bi = np.array([own.item_biases_[place["item"][data.to_raw_iid(at)]] for at in range(data.n_items)], dtype=float)
                return self.bu, self.bi

        peer = Given(k=60, min_k=1, sim_options={"name": "pearson_baseline", "user_based": side == "users", "shrinkage": 100}, verbose=False).fit(data)
        expected = np.array([peer.predict(user, item, clip=False).est for user, item in zip(users.tolist(), items.tolist())])
        own_scores = own.predict(users, items)
        clipped = np.clip(expected, table.rating.min(), table.rating.max())
        np.testing.assert_allclose(own_scores, clipped, atol=2e-6)
        print(f"predictions by {side}: the same")


if len(sys.argv) == 4:
    from peers import SKIPPED, python_with

    name, root, build = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    python = python_with(build, name, *PACKAGES[name])
    if python is None:
        sys.exit(SKIPPED)
    environment = {**os.environ, "PYTHONPATH": str(build / "python"), "OPENBLAS_NUM_THREADS": "1"}
    sys.exit(subprocess.run([python, "-W", "ignore", __file__, name], env=environment, check=False).returncode)

import lowrank  # noqa: E402
import numpy as np  # noqa: E402
import scipy.sparse  # noqa: E402

{"irspack": weights_of_irspack, "surprise": predictions_of_surprise}[sys.argv[1]]()
