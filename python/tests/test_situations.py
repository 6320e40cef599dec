"""Contexts of ratings, such as company: fitted from tables, arrays and files, and models in a context."""

import lowrank
import numpy as np
import pytest
from test_same_bytes import bytes_of

pd = pytest.importorskip("pandas")
COMPANY = np.array(["alone", "kids", "friends"], dtype=object)
EFFECTS = np.array([0.8, -1.0, 0.2])


@pytest.fixture(scope="module")
def table():
    """Ratings of 60 users and 30 items that depend on company, each pair in two of three; every tenth company is missing."""
    rng = np.random.default_rng(5)
    users, items = np.nonzero(rng.random((60, 30)) < 0.5)
    users, items = np.repeat(users, 2), np.repeat(items, 2)
    first = rng.integers(0, 3, len(users) // 2)
    company = np.stack([first, (first + 1) % 3], axis=1).ravel()
    values = 3 + EFFECTS[company] + 0.5 * rng.normal(size=60)[users] + 0.2 * rng.normal(size=len(users))
    named = COMPANY[company]
    named[::10] = None
    times = 978307200 + 3600 * rng.integers(0, 24 * 365, len(users))
    return pd.DataFrame({"user": users, "item": items, "rating": values.astype(np.float32), "time": times, "company": named})


def context(**options):
    return lowrank.ContextALS(**{"rank": 2, "epochs": 4, **options})


def test_tables_arrays_and_files_give_the_same_model(table, tmp_path):
    path = tmp_path / "ratings.csv"
    table.to_csv(path, index=False)
    of_table = context().fit(table, contexts=["company"])
    of_arrays = context().fit(table[["user", "item", "rating"]], contexts={"company": table["company"]})
    of_file = context().fit(path, contexts=["company"])
    assert bytes_of(of_table, tmp_path) == bytes_of(of_arrays, tmp_path)
    users, items = table["user"].to_numpy(), table["item"].to_numpy()
    np.testing.assert_array_equal(of_table.predict(users, items), of_file.predict(users, items))
    assert of_table.contexts_["company"]["ratings"].sum() == table["company"].notna().sum()


@pytest.mark.parametrize("form", ["pairwise", "cp", "both", "biases"])
def test_a_context_moves_predictions_as_its_ratings_do(table, form):
    model = context(form=form).fit(table, contexts=["company"])
    levels = model.contexts_["company"]
    biases = dict(zip(levels["level"], levels["bias"]))
    assert set(biases) == set(COMPANY)
    for name, effect in zip(COMPANY, EFFECTS):
        assert biases[name] == pytest.approx(effect - EFFECTS.mean(), abs=0.15)
        moved = model.in_context(company=name).predict(table["user"][:50], table["item"][:50]) - model.predict(table["user"][:50], table["item"][:50])
        assert np.mean(moved) == pytest.approx(biases[name], abs=0.2)


def test_a_model_in_a_context_is_an_ordinary_one(table, tmp_path):
    model = context().fit(table, contexts=["company"])
    kids = model.in_context(company="kids")
    kids.save(tmp_path / "kids.safetensors")
    loaded = lowrank.load(tmp_path / "kids.safetensors")
    assert loaded.contexts_ == {}
    for one, other in zip(loaded.recommend(3, n=5), kids.recommend(3, n=5)):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "all.safetensors")
    again = lowrank.load(tmp_path / "all.safetensors").in_context(company="kids")
    np.testing.assert_array_equal(again.predict(table["user"], table["item"]), kids.predict(table["user"], table["item"]))


def test_tables_and_files_are_judged_in_their_contexts(table, tmp_path):
    model = context().fit(table, contexts=["company"])
    path = tmp_path / "test.csv"
    table.rename(columns={"company": "Company"}).to_csv(path, index=False)
    one_by_one = [model.in_context(company=level) if isinstance(level, str) else model for level in (*COMPANY, None)]
    codes = np.array([{**{name: n for n, name in enumerate(COMPANY)}}.get(name, 3) for name in table["company"]])
    each = np.stack([own.predict(table["user"], table["item"]) for own in one_by_one])
    expected = each[codes, np.arange(len(codes))]
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-5)
    rmse = np.sqrt(np.mean((expected - table["rating"]) ** 2))
    assert model.evaluate(table)["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert model.evaluate(path)["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert model.evaluate(table.drop(columns="company"))["rmse"] > rmse + 0.1


def test_folded_in_users_have_no_biases_of_others(table):
    model = context(context_biases="users").fit(table, contexts=["company"])
    new = table.assign(user=table["user"] + 1000, company=None)[["user", "item", "rating"]]
    folded = model.fold_in(new).in_context(company="kids")
    assert np.isfinite(folded.predict(new["user"], new["item"])).all()
    plain = model.in_context(company="kids")
    biases = plain.predict(table["user"], table["item"]) - folded.predict(new["user"], new["item"])
    assert np.ptp(biases) > 0.01


def test_unknown_levels_add_nothing_and_unknown_contexts_are_refused(table):
    model = context().fit(table, contexts=["company"])
    with pytest.warns(lowrank.DataWarning, match='"nobody" is no level of company'):
        unknown = model.in_context(company="nobody")
    np.testing.assert_array_equal(unknown.predict([3], [4]), model.predict([3], [4]))
    with pytest.raises(lowrank.OptionError, match="weather"):
        model.in_context(weather="rain")


def test_periods_are_derived_from_times(table):
    model = context(rank=0).fit(table, time_contexts=["month", "weekday"])
    assert list(model.contexts_["month"]["level"]) == [f"2001-{month:02}" for month in range(1, 13)]
    assert len(model.contexts_["weekday"]["level"]) == 7


def test_threads_do_not_matter(table, tmp_path):
    assert bytes_of(context(form="both").fit(table, contexts=["company"], threads=1), tmp_path) == bytes_of(
        context(form="both").fit(table, contexts=["company"], threads=3), tmp_path
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"contexts": {"company": ["kids"]}}, "one level for each"),
        ({"contexts": ["company", "company"]}, "company is given twice"),
        ({"contexts": [3]}, "expected texts"),
        ({"contexts": {"company": [["kids"]] * 1876}}, "expected texts or numbers"),
        ({"time_contexts": ["year"]}, "year"),
    ],
)
def test_wrong_contexts_are_refused(table, given, words):
    with pytest.raises(lowrank.OptionError, match=words):
        context().fit(table, **given)


def test_a_column_that_is_missing_is_named(table):
    with pytest.raises(lowrank.DataError, match="weather"):
        context().fit(table, contexts=["weather"])


def test_arrays_beside_a_file_are_refused(table, tmp_path):
    path = tmp_path / "ratings.csv"
    table.to_csv(path, index=False)
    with pytest.raises(lowrank.OptionError, match="arrays are for ratings in memory"):
        context().fit(path, contexts={"company": table["company"]})


def test_methods_without_contexts_refuse_them(table):
    with pytest.raises(lowrank.OptionError, match="contexts"):
        lowrank.ALS(rank=2).fit(table, contexts=["company"])
