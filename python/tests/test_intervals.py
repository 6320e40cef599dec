"""How far ratings lie from predictions: deviations, intervals, probabilities of ratings, and how good they are."""

import lowrank
import numpy as np
import pytest


def planted(seed=0, users=150, items=60, share=0.6):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(users, 2)), rng.normal(size=(items, 2))
    rows, columns = np.nonzero(rng.random((users, items)) < share)
    values = 3 + (factors[0][rows] * factors[1][columns]).sum(axis=1) + 0.5 * rng.normal(size=len(rows))
    held = rng.random(len(rows)) < 0.2
    return (rows[~held], columns[~held], values[~held]), (rows[held], columns[held], values[held])


def bayes(**options):
    return lowrank.BayesianMF(**{"rank": 3, "samples": 60, "burn_in": 20, **options})


@pytest.fixture(scope="module")
def split():
    return planted()


@pytest.fixture(scope="module")
def model(split):
    return bayes().fit(split[0], clip=False)


def test_deviations_and_intervals_belong_together(model, split):
    users, items, values = split[1]
    predictions, deviations = model.predict(users, items, return_std=True)
    assert np.array_equal(predictions, model.predict(users, items))
    assert (deviations > 0).all()
    ends = model.predict_interval(users, items, level=0.6826894921370859)
    assert ends.shape == (len(users), 2)
    np.testing.assert_allclose(ends[:, 0], predictions - deviations, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ends[:, 1], predictions + deviations, rtol=1e-5, atol=1e-5)
    inside = np.mean((ends[:, 0] <= values) & (values <= ends[:, 1]))
    assert abs(inside - 0.6827) < 0.05
    known = model.predict(users[:3], items[:3], return_std=True, return_known=True)
    assert len(known) == 3
    assert known[2].all()
    assert model.predict_interval(users[0], items[:4]).shape == (4, 2)
    assert model.predict_interval(np.zeros(0, int), np.zeros(0, int)).shape == (0, 2)


def test_unknown_users_are_less_certain(model, split):
    users, items, _ = split[1]
    _, deviations = model.predict([users[0], 10**6], [items[0], items[0]], return_std=True)
    assert deviations[1] > deviations[0]


def test_evaluate_says_whether_they_hold(model, split):
    figures = model.evaluate(split[1])["calibration"]
    assert figures["crps"] < 1.02 * figures["constant_crps"]
    assert set(figures["coverage"]) == {0.5, 0.8, 0.9, 0.95}
    assert all(abs(share - level) < 0.06 for level, share in figures["coverage"].items())


def test_probabilities_of_ratings(split):
    stars = tuple((users, items, np.clip(np.round(values), 1, 5)) for users, items, values in split)
    model = bayes(likelihood="ordinal").fit(stars[0])
    users, items, values = stars[1]
    probabilities = model.predict_proba(users, items)
    assert model.levels_.tolist() == [1, 2, 3, 4, 5]
    assert probabilities.shape == (len(users), 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    mean = (probabilities * model.levels_).sum(axis=1)
    assert np.abs(mean - model.predict(users, items)).max() < 0.3
    _, deviations = model.predict(users, items, return_std=True)
    np.testing.assert_allclose(deviations**2, (probabilities * (model.levels_ - mean[:, None]) ** 2).sum(axis=1), rtol=1e-6, atol=1e-9)
    ends = model.predict_interval(users, items, level=0.8)
    assert set(np.unique(ends)) <= {1, 2, 3, 4, 5}
    assert np.mean((ends[:, 0] <= values) & (values <= ends[:, 1])) > 0.78
    assert model.predict_proba(np.zeros(0, int), np.zeros(0, int)).shape == (0, 5)


def test_conformal_widths_come_from_validation(split):
    train, test = split
    plain = bayes().fit(train, validation=test, clip=False)
    conformal = bayes().fit(train, validation=test, clip=False, conformal=True)
    assert np.array_equal(plain.predict(*test[:2]), conformal.predict(*test[:2]))
    ends = conformal.predict_interval(*test[:2], level=0.9)
    assert abs(np.mean((ends[:, 0] <= test[2]) & (test[2] <= ends[:, 1])) - 0.9) < 0.01


def test_they_travel_through_files_and_fold_in(model, split, tmp_path):
    users, items, values = split[1]
    model.save(tmp_path / "m")
    again = lowrank.load(tmp_path / "m")
    assert np.array_equal(again.predict_interval(users, items), model.predict_interval(users, items))
    folded = model.fold_in((["new"] * 10, items[:10], values[:10]))
    assert (folded.predict(["new"] * 3, items[:3], return_std=True)[1] > 0).all()


def test_what_cannot_be_said_is_an_error(model, split):
    users, items, _ = split[1]
    with pytest.raises(lowrank.OptionError, match="interval"):
        model.predict_interval(users, items, level=1.0)
    with pytest.raises(lowrank.DataError, match="ordinal"):
        model.predict_proba(users, items)
    with pytest.raises(AttributeError, match="ordinal"):
        _ = model.levels_
    with pytest.raises(lowrank.DataError, match="uncertainty"):
        lowrank.Baseline().fit(split[0]).predict(users, items, return_std=True)
    with pytest.raises(lowrank.OptionError, match="conformal"):
        bayes().fit(split[0], conformal=True)
