"""Intervals, figures of every user, and comparisons, against scipy and scikit-learn."""

import lowrank
import numpy as np
import pytest
from conftest import short
from lowrank._methods import classes


@pytest.fixture(scope="module")
def parts():
    """Training and test ratings of 150 users, with structure to be learned."""
    random = np.random.default_rng(5)
    users, items = np.divmod(np.flatnonzero(random.random(150 * 60) < 0.4), 60)
    p, q = random.normal(size=(150, 3)), random.normal(size=(60, 3))
    values = np.round(np.clip(3 + 0.3 * np.sum(p[users] * q[items], axis=1) + random.normal(size=60)[items] + 0.5 * random.normal(size=len(users)), 1, 5))
    held = random.random(len(users)) < 0.3
    return (users[~held], items[~held], values[~held]), (users[held], items[held], values[held])


@pytest.fixture(scope="module")
def models(parts):
    train = parts[0]
    return {"baseline": lowrank.Baseline().fit(train), "als": lowrank.ALS(rank=3, epochs=5).fit(train)}


def test_figures_of_every_user(parts, models):
    users, items, values = parts[1]
    model = models["als"]
    found = model.evaluate(parts[1], top=[5, 10], per_user=True)
    table = found["per_user"]
    assert len({len(column) for column in table.values()}) == 1
    errors = model.predict(users, items) - values
    for row, user in enumerate(table["user"]):
        own = errors[users == user]
        assert table["ratings"][row] == len(own)
        assert table["rmse"][row] == pytest.approx(np.sqrt(np.mean(own**2)))
        assert table["mae"][row] == pytest.approx(np.mean(np.abs(own)))
    assert np.sqrt(np.average(table["rmse"] ** 2, weights=table["ratings"])) == pytest.approx(found["rmse"])
    for top, figures in found["ranking"].items():
        for name in ("recall", "precision", "ndcg", "map", "mrr", "hit_rate"):
            assert np.nanmean(table[f"{name}@{top}"]) == pytest.approx(figures[name])
    assert set(model.evaluate(parts[1])) == {"rmse", "mae", "ratings", "unknown"}


def test_ids_of_users_are_as_they_were_given():
    model = lowrank.Baseline().fit((["b", "a", "a"], [1, 1, 2], [1, 2, 3]))
    table = model.evaluate((["a", "new", "b"], [2, 1, 2], [1, 1, 1]), per_user=True)["per_user"]
    assert table["user"].tolist() == ["b", "a", "new"] and table["ratings"].tolist() == [1, 1, 1]


def test_intervals_are_those_of_scipy(parts, models):
    stats = pytest.importorskip("scipy.stats")
    found = models["als"].evaluate(parts[1], top=10, interval=0.9, per_user=True)
    table = found["per_user"]
    assert found["level"] == 0.9

    def rmse(squares, counts, axis=-1):
        return np.sqrt(squares.sum(axis=axis) / counts.sum(axis=axis))

    data = {"rmse": ((table["rmse"] ** 2 * table["ratings"], table["ratings"]), rmse), "ndcg": ((table["ndcg@10"],), np.mean)}
    for name, (columns, statistic) in data.items():
        theirs = stats.bootstrap(columns, statistic, paired=True, confidence_level=0.9, n_resamples=20_000, method="percentile", vectorized=True,
                                 rng=np.random.default_rng(1))
        expected = theirs.confidence_interval
        low, high = found["interval"][name]
        # The quantile of 1,000 draws at 5 % has a standard error of sqrt(.05 * .95 / 1000) in probability: here 0.067 standard deviations.
        assert abs(low - expected.low) < 4 * 0.067 * theirs.standard_error and abs(high - expected.high) < 4 * 0.067 * theirs.standard_error
        assert low < found[name] < high
    assert {"recall", "rmse", "mae"} <= set(found["interval"]) and "coverage" not in found["interval"]


def test_comparison_against_scipy(parts, models):
    stats = pytest.importorskip("scipy.stats")
    found = {one["metric"]: one for one in lowrank.compare(models, parts[1], top=10)}
    tables = [model.evaluate(parts[1], top=10, per_user=True)["per_user"] for model in models.values()]
    assert list(found)[:2] == ["rmse", "mae"] and len(found) == 8
    compared = 0
    for name in ("mae", "ndcg@10", "recall@10"):
        if name == "mae":
            counts = tables[0]["ratings"]
            first, second = (table["mae"] * counts / counts.mean() for table in tables)
        else:
            first, second = (table[name] for table in tables)
        difference = found[name]["differences"][0]
        assert difference["model"] == "als"
        assert difference["value"] == pytest.approx(np.mean(second - first))
        theirs = stats.permutation_test((second, first), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", vectorized=True,
                                        n_resamples=10_000, rng=np.random.default_rng(2))
        error = np.sqrt(max(theirs.pvalue * (1 - theirs.pvalue), 1e-4) / 10_000)
        assert abs(difference["p"] - theirs.pvalue) < 5 * np.sqrt(2) * error
        # For a mean of many users the t-test is nearly the same.
        assert abs(difference["p"] - stats.ttest_rel(second, first).pvalue) < 0.02
        boot = stats.bootstrap((second, first), lambda a, b, axis=-1: np.mean(a - b, axis=axis), paired=True, n_resamples=20_000, method="percentile",
                               vectorized=True, rng=np.random.default_rng(3))
        # At 2.5 % the standard error of 1,000 draws is 0.084 standard deviations. Weights of users vary the mean of "mae" a little more.
        bound = (6 if name == "mae" else 4) * 0.084 * boot.standard_error
        assert np.allclose(difference["interval"], boot.confidence_interval, atol=bound, rtol=0)
        sign = -1 if found[name]["better"] == "lower" else 1
        assert difference["users_better"] == pytest.approx(np.mean(sign * (second - first) > 0))
        assert difference["users_worse"] == pytest.approx(np.mean(sign * (second - first) < 0))
        compared += 1
    assert compared == 3


def test_holm_against_its_definition(parts, models):
    found = lowrank.compare({**models, "again": models["als"]}, parts[1], top=[3, 10])
    p = np.array([one["p"] for metric in found for one in metric["differences"]])
    corrected = np.array([one["p_holm"] for metric in found for one in metric["differences"]])
    order = np.argsort(p, kind="stable")
    expected = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    np.testing.assert_allclose(corrected[order], expected)
    same = {tuple(one["value"] for one in metric["differences"]) for metric in found}
    assert all(a == b for a, b in same)


def test_a_model_and_itself(parts, models):
    for metric in lowrank.compare([models["als"], models["als"]], parts[1], top=5, interval=0.5):
        assert metric["models"][0] == metric["models"][1] | {"model": 0}
        assert metric["differences"] == [{"model": 1, "value": 0, "interval": (0, 0), "p": 1, "p_holm": 1, "users_better": 0, "users_worse": 0}]


def test_models_of_other_ratings(parts, models):
    users, items, values = parts[0]
    other = lowrank.Baseline().fit((users[::-1], items[::-1], values[::-1]))
    for metric in lowrank.compare([models["baseline"], other], parts[1]):
        assert metric["differences"][0]["value"] == pytest.approx(0, abs=1e-5)


def test_lists_alone(parts):
    users, items, _ = parts[0]
    ones = (users, items, np.ones(len(users)))
    found = lowrank.compare([lowrank.Popular().fit(ones), lowrank.ImplicitALS(rank=3, epochs=3).fit(ones)], parts[1], top=5)
    assert [one["metric"] for one in found] == ["recall@5", "precision@5", "ndcg@5", "map@5", "mrr@5", "hit_rate@5"]


def test_beyond_accuracy(parts, models):
    users, items, _ = parts[0]
    model = models["als"]
    found = model.evaluate(parts[1], top=5, beyond_accuracy=True, per_user=True, interval=0.9)
    lists = {user: np.ravel(model.recommend(user, n=5)[0]) for user in np.unique(parts[1][0])}
    count = np.bincount(items, minlength=60)
    has = np.zeros((60, 150))
    has[items, users] = 1
    cosine = has @ has.T / np.sqrt(np.outer(count, count))
    novelty, diversity, popularity = [], [], []
    for user in found["per_user"]["user"]:
        own = np.asarray(lists[user])
        novelty.append(np.mean(-np.log2(count[own] / len(np.unique(users)))))
        popularity.append(np.mean(count[own]))
        diversity.append(1 - (cosine[np.ix_(own, own)].sum() - 5) / 20)
    assert found["novelty"] == pytest.approx(np.mean(novelty))
    assert found["popularity"] == pytest.approx(np.mean(popularity))
    assert found["diversity"] == pytest.approx(np.mean(diversity))
    exposure = np.bincount(np.concatenate([np.asarray(lists[user]) for user in found["per_user"]["user"]]), minlength=60)
    assert found["gini"] == pytest.approx(np.abs(exposure[:, None] - exposure).sum() / (2 * 60 * exposure.sum()))
    assert "novelty" in found["interval"] and "gini" not in found["interval"] and "test_popularity" in found
    assert "novelty" not in model.evaluate(parts[1], top=5)


def test_wrong_input(parts, models):
    test = parts[1]
    model = models["als"]
    for ask, words in (
        (lambda: lowrank.compare([model], test), "at least two"),
        (lambda: lowrank.compare([], test), "at least two"),
        (lambda: lowrank.compare([model, "als"], test), "expected fitted estimators, got str"),
        (lambda: lowrank.compare([model, lowrank.ALS()], test), "not fitted"),
        (lambda: lowrank.compare([model, model], test, interval=95), "interval: must be above 0 and below 1"),
        (lambda: lowrank.compare([model, model], test, relevant_from=3), "relevant_from: needs top"),
        (lambda: lowrank.compare([model, lowrank.Popular().fit(parts[0])], test), "top: is needed"),
        (lambda: lowrank.compare([model, model], ([], [], [])), "no ratings"),
        (lambda: model.evaluate(test, interval=1), "interval: must be above 0 and below 1"),
        (lambda: model.evaluate(test, interval="wide"), "interval: expected a number"),
        (lambda: model.evaluate(test, beyond_accuracy=True), "beyond_accuracy: needs top"),
        (lambda: lowrank.scorer("ndcg"), "monitor"),
        (lambda: lowrank.scorer("coverage@5"), "monitor"),
        (lambda: lowrank.scorer("rmse")(object(), np.column_stack(test[:2]), test[2]), "expected an estimator of lowrank, got object"),
    ):
        with pytest.raises(lowrank.Error, match=words):
            ask()


def ranks_only():
    return [one["name"] for one in lowrank._core.methods() if not one["predicts_ratings"]]


@pytest.mark.parametrize("method", ranks_only())
def test_searches_over_ranking_methods(parts, method):
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

    users, items, _ = parts[0]
    X, y = np.column_stack([users, items]), np.ones(len(users))
    folds = KFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(short(method), X, y, cv=folds)
    for (train, test), score in zip(folds.split(X), scores):
        model = short(method).fit(X[train], y[train])
        assert score == model.score(X[test], y[test]) == model.evaluate(X[test], y[test], top=20)["ndcg"] > 0
    recall = cross_val_score(short(method), X, y, cv=folds, scoring=lowrank.scorer("recall@5"))
    assert np.isfinite(recall).all() and (recall != scores).any()
    options = short(method).get_params()
    name, values = next((name, values) for name, values in (("rank", [1, 2]), ("regularization", [1.0, 9.0]), ("l2", [1.0, 9.0]), ("seed", [1]))
                        if name in options)
    search = GridSearchCV(short(method), {name: values}, cv=folds, scoring=lowrank.scorer("ndcg@10"), error_score="raise").fit(X, y)
    assert search.best_params_[name] in values and search.best_score_ > 0


def test_scorers(parts, models):
    model, test = models["als"], parts[1]
    figures = model.evaluate(test, top=10)
    X, y = np.column_stack(test[:2]), test[2]
    assert lowrank.scorer("rmse")(model, X, y) == -figures["rmse"] == model.score(X, y)
    assert lowrank.scorer("mae")(model, X, y) == -figures["mae"]
    assert lowrank.scorer("ndcg@10")(model, X, y) == figures["ndcg"]
    pytest.importorskip("sklearn")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    pipeline = make_pipeline(FunctionTransformer(lambda pairs: pairs + 1), lowrank.ALS(rank=3, epochs=5)).fit(np.column_stack(parts[0][:2]), parts[0][2])
    assert lowrank.scorer("ndcg@10")(pipeline, X, y) == pytest.approx(figures["ndcg"], abs=0.05)


def test_every_class_has_both_doors():
    assert all(hasattr(one, "evaluate") and hasattr(one, "score") for one in classes.values())


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_comparison_as_a_table(parts, models, library):
    pytest.importorskip(library)
    two = {"als": models["als"], "baseline": lowrank.Baseline().fit(parts[0])}
    given = lowrank.compare(two, parts[1], top=5)
    table = lowrank.compare(two, parts[1], top=5, as_frame=library)
    columns = table.to_dict("list") if library == "pandas" else table.to_dict(as_series=False) if library == "polars" else table.to_pydict()
    assert columns["metric"] == [one["metric"] for one in given for _ in two]
    assert columns["model"] == list(two) * len(given)
    for at, one in enumerate(given):
        difference = one["differences"][0]
        first, second = ({name: column[2 * at + place] for name, column in columns.items()} for place in (0, 1))
        assert [first["value"], second["value"]] == [model["value"] for model in one["models"]]
        assert [second["low"], second["high"]] == list(one["models"][1]["interval"])
        assert np.isnan(first["difference"]) and np.isnan(first["p"])
        assert second["difference"] == difference["value"] and [second["difference_low"], second["difference_high"]] == list(difference["interval"])
        names = ("p", "p_holm", "users_better", "users_worse")
        assert [second[name] for name in names] == [difference[name] for name in names]
