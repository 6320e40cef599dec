"""Means over users of RecTools' metrics, for ranking_metrics.py: reads training pairs, relevant items and lists as JSON, writes the means as JSON.

Runs in an environment that has RecTools. The ideal of its NDCG is that of K hits unless it is told to take what can be achieved, and its MAP divides
by all relevant items, as trec_eval does.
"""

import json
import sys

import numpy
import pandas
from rectools import Columns
from rectools.metrics import MAP, MRR, NDCG, AvgRecPopularity, HitRate, IntraListDiversity, MeanInvUserFreq, Precision, Recall
from rectools.metrics.distances import PairwiseDistanceCalculator

#: The longest lists whose diversity is compared: it takes all pairs of a list.
LONGEST = 20


class OfUsers(PairwiseDistanceCalculator):
    """1 - cosine of the sets of users of two items."""

    def __init__(self, pairs):
        self.users = {item: set(own[Columns.User]) for item, own in pairs.groupby(Columns.Item)}

    def _get_distances_for_item_pairs(self, items_0, items_1):
        pairs = [(self.users[a], self.users[b]) for a, b in zip(items_0, items_1)]
        return numpy.array([1 - len(a & b) / (len(a) * len(b)) ** 0.5 for a, b in pairs])


task = json.load(sys.stdin)
relevant = pandas.DataFrame([(user, item) for user, items in task["relevant"].items() for item in items], columns=[Columns.User, Columns.Item])
lists = pandas.DataFrame(
    [(user, item, place) for user, items in task["lists"].items() for place, item in enumerate(items, 1)],
    columns=[Columns.User, Columns.Item, Columns.Rank],
)
trained = pandas.DataFrame(task["trained"], columns=[Columns.User, Columns.Item])
distances = OfUsers(trained)
counts = relevant.groupby(Columns.User).size()
means = {}
for top in task["tops"]:
    metrics = {
        "recall": Recall(k=top),
        "precision": Precision(k=top),
        "ndcg": NDCG(k=top, divide_by_achievable=True),
        "mrr": MRR(k=top),
        "hit_rate": HitRate(k=top),
    }
    means[top] = {name: float(metric.calc(lists, relevant)) for name, metric in metrics.items()}
    per_user = MAP(k=top).calc_per_user(lists, relevant)
    means[top]["map"] = float((per_user * counts / counts.clip(upper=top)).mean())
    beyond = {
        "novelty": MeanInvUserFreq(k=top).calc_per_user(lists, trained),
        "popularity": AvgRecPopularity(k=top).calc_per_user(lists, trained),
    }
    if top <= LONGEST:
        beyond["diversity"] = IntraListDiversity(k=top, distance_calculator=distances).calc_per_user(lists)
    # A user whose list is empty has no figure there.
    means[top] |= {name: float(per_user.sum() / len(counts)) for name, per_user in beyond.items()}
json.dump(means, sys.stdout)
