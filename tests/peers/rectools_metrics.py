"""Means over users of RecTools' metrics, for ranking_metrics.py: reads relevant items and lists as JSON, writes the means as JSON.

Runs in an environment that has RecTools. The ideal of its NDCG is that of K hits unless it is told to take what can be achieved, and its MAP divides
by all relevant items, as trec_eval does.
"""

import json
import sys

import pandas
from rectools import Columns
from rectools.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall

task = json.load(sys.stdin)
relevant = pandas.DataFrame([(user, item) for user, items in task["relevant"].items() for item in items], columns=[Columns.User, Columns.Item])
lists = pandas.DataFrame(
    [(user, item, place) for user, items in task["lists"].items() for place, item in enumerate(items, 1)],
    columns=[Columns.User, Columns.Item, Columns.Rank],
)
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
json.dump(means, sys.stdout)
