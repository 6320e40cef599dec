"""Contexts of ratings, such as company: fitted from tables, arrays and files, and models in a context."""

import datetime
import json
import warnings

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


def test_unknown_levels_of_ratings_are_counted(table, tmp_path):
    model = context().fit(table, contexts=["company"], time_contexts=["month"])
    other = table.assign(company=table["company"].mask(table.index < 7, "nobody"))
    other.to_csv(tmp_path / "other.csv", index=False)
    plain = lowrank.ALS(rank=1, epochs=1).fit(table)
    count = int((other["company"] == "nobody").sum())
    for ask in (lambda: model.predict(other), lambda: model.predict(other, times=978307200),
                lambda: model.evaluate(other), lambda: model.score(other), lambda: model.evaluate(tmp_path / "other.csv"),
                lambda: lowrank.scorer("rmse")(model, other), lambda: lowrank.compare([model, plain], other)):
        with pytest.warns(lowrank.DataWarning, match=f"{count} of {len(other)} (pairs|ratings) have a level of company that the model has not met") as caught:
            ask()
        assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A month that the model has not met is none to warn of, and so is a missing level.
        model.evaluate(table.assign(time=table["time"] + 10**8))
        model.evaluate(table.assign(company=None))
        plain.evaluate(other)


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
        ({"missing": "kids"}, "missing: is read only with contexts"),
        ({"time_contexts": "month", "missing": "kids"}, "missing: is read only with contexts"),
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


#: Questions that take a context.
QUESTIONS = {
    "predict": lambda model, **how: model.predict([3, 4], [5, 6], **how),
    "predict_matrix": lambda model, **how: model.predict_matrix([3, 4], **how),
    "recommend": lambda model, **how: model.recommend([3, 4], n=5, **how),
    "recommend_users": lambda model, **how: model.recommend_users([5, 6], n=5, **how),
    "similar_items": lambda model, **how: model.similar_items([5], n=5, by="dot", **how),
    "similar_users": lambda model, **how: model.similar_users([3], n=5, by="dot", **how),
    "explain": lambda model, **how: [model.explain(3, 5, **how).contributions],
}


@pytest.fixture(scope="module")
def tastes(table):
    """The same with tastes that company turns around, and that it adds to items."""
    rng = np.random.default_rng(6)
    users, items, added = rng.normal(size=(60, 2)), rng.normal(size=(30, 2)), rng.normal(size=(4, 2))
    scales = np.array([[1.5, 0.5], [-0.5, 1.2], [1.0, 1.0], [0.7, 0.9]])
    company = np.array([{name: n for n, name in enumerate(COMPANY)}.get(name, 3) for name in table["company"]])
    p, q = users[table["user"]], items[table["item"]]
    values = table["rating"] + np.sum(p * q * scales[company] + 0.5 * q * added[company], axis=1)
    return table.assign(rating=values.astype(np.float32))


@pytest.fixture(scope="module")
def both(tastes):
    return context(form="both", context_biases="items").fit(tastes, contexts=["company"])


def same(one, other):
    return all(np.array_equal(np.ma.getdata(a), np.ma.getdata(b)) for a, b in zip(one, other))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_in_a_context_is_one_to_the_model_in_it(both, question):
    ask = QUESTIONS[question]
    found = ask(both, context={"company": "kids"})
    assert same(found, ask(both.in_context(company="kids")))
    assert same(ask(both, context={}), ask(both)) and same(ask(both, context=None), ask(both))
    if question != "similar_users":  # scales are taken into the items' factors
        assert not same(found, ask(both))
    assert list(both.contexts_) == ["company"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_contexts_of_questions_that_the_model_does_not_know(both, question):
    ask = QUESTIONS[question]
    with pytest.warns(lowrank.DataWarning, match='"nobody" is no level of company') as caught:
        unknown = ask(both, context={"company": "nobody"})
    assert len(caught) == 1 and caught[0].filename == __file__
    np.testing.assert_allclose(np.ma.getdata(unknown[-1]), np.ma.getdata(ask(both)[-1]), atol=1e-5)
    for wrong in ({"weather": "rain"}, {"company": "kids", "weather": "rain"}, "kids", {1: "kids"}, ["company"]):
        with pytest.raises(lowrank.OptionError) as refused:
            ask(both, context=wrong)
        assert refused.value.option == "context"
    with pytest.raises(lowrank.OptionError, match="which has none"):
        ask(lowrank.ALS(rank=2, epochs=2).fit(([3, 4, 4], [5, 5, 6], [1, 2, 3])), context={"company": "kids"})


def test_tables_of_pairs_may_have_the_other_contexts(tastes, tmp_path):
    weather = tastes.assign(weather=np.where(np.arange(len(tastes)) % 3 == 0, "rain", "sun"))
    model = context(form="biases").fit(weather, contexts=["company", "weather"])
    pairs = weather[["user", "item", "company"]].rename(columns={"company": "Company"})
    with pytest.raises(lowrank.OptionError, match="context: company is given, and the table has a column Company: leave one of them out") as refused:
        model.predict(pairs, context={"company": "kids"})
    assert refused.value.option == "context"
    of_kids = model.in_context(company="kids")
    rated = pairs.assign(rating=3.0)
    rated.to_parquet(tmp_path / "rated.parquet")
    rated.to_csv(tmp_path / "rated.csv", index=False)
    for ask in (lambda: of_kids.predict(pairs), lambda: of_kids.predict(pairs, context={"weather": "rain"}), lambda: of_kids.evaluate(rated),
                lambda: of_kids.score(rated), lambda: of_kids.evaluate(tmp_path / "rated.csv"), lambda: of_kids.in_context(weather="sun").score(rated),
                lambda: of_kids.evaluate(tmp_path / "rated.parquet"), lambda: lowrank.compare([model, of_kids], rated),
                lambda: lowrank.compare([model, of_kids], tmp_path / "rated.csv")):
        with pytest.raises(lowrank.OptionError, match='context: company is given, and .* has a column "?Company"?: leave one of them out'):
            ask()
    assert of_kids.predict(pairs.drop(columns="Company")).shape == (len(pairs),)
    # A model that is fitted anew has nothing given.
    of_kids.fit(weather, contexts=["company", "weather"])
    np.testing.assert_array_equal(of_kids.predict(pairs), model.predict(pairs))
    np.testing.assert_array_equal(model.predict(pairs, context={"weather": "rain"}), model.in_context(weather="rain").predict(pairs))
    np.testing.assert_allclose(model.predict(pairs, context={"weather": "rain"}), model.predict(pairs.assign(weather="rain")), rtol=1e-5)
    arrow = pytest.importorskip("pyarrow").Table.from_pandas(pairs)
    np.testing.assert_array_equal(model.predict(arrow.to_reader(), context={"weather": "rain"}), model.predict(pairs, context={"weather": "rain"}))
    weather.to_parquet(tmp_path / "ratings.parquet")
    of_file = context(form="biases").fit(tmp_path / "ratings.parquet", contexts=["company", "weather"])
    np.testing.assert_array_equal(of_file.predict(pairs), model.predict(pairs))
    assert of_file.evaluate(tmp_path / "ratings.parquet") == model.evaluate(weather)


WAYS = [{"contexts": ["company"]}, {"contexts": ["company"], "missing": "kids"}, {"contexts": ["company"], "time_contexts": ["month", "weekday"]}]


def flags(given):
    return [part for name, values in given.items() for part in (f"--{name.replace('_', '-')}", ",".join([values] if isinstance(values, str) else values))]


@pytest.mark.parametrize("given", WAYS)
def test_folds_have_contexts_as_the_program_has_them(tastes, program, tmp_path, given):
    path = tmp_path / "ratings.csv"
    tastes.to_csv(path, index=False)
    method = ["--method", "context", "--rank", 2, "--epochs", 4, "--form", "both"]
    printed = program("cv", path, *method, *flags(given), "--folds", 3, "--by", "pair", "--json", "--quiet").stdout
    arrays = given | {"contexts": {"company": tastes["company"]}}
    for ratings, how in ((path, given), (tastes, given), (tastes, arrays)):
        results = lowrank.cross_validate(context(form="both"), ratings, folds=3, by="pair", threads=1, **how)
        assert results.summary["figures"] == json.loads(printed)["figures"]
    assert results.mean["rmse"] < lowrank.cross_validate(context(form="both"), tastes, folds=3, by="pair").mean["rmse"] - 0.01


def test_folds_of_single_ratings_warn_of_pairs_in_several(tastes):
    with pytest.warns(lowrank.TrainingWarning, match='by="pair"'):
        lowrank.cross_validate(context(), tastes, folds=2, contexts=["company"])


@pytest.mark.parametrize("given", WAYS)
def test_searches_have_contexts_as_the_program_has_them(tastes, program, tmp_path, given):
    path = tmp_path / "ratings.csv"
    tastes.to_csv(path, index=False)
    space = "form=pairwise|biases,epochs=2..3"
    printed = program("tune", path, "-o", tmp_path / "shell", "--methods", "context", "--trials", 3, "--space", space, *flags(given), "--json",
                      "--quiet", "--trials-file", tmp_path / "shell.jsonl", "--test", path).stdout
    arrays = given | {"contexts": {"company": tastes["company"]}}
    for ratings, how in ((path, given), (tastes, given), (tastes, arrays)):
        name = tmp_path / f"python{len(list(tmp_path.iterdir()))}.jsonl"
        found = lowrank.tune(lowrank.ContextALS(), ratings, trials=3, space=space, trials_file=name, test=path, **how)
        assert name.read_bytes() == (tmp_path / "shell.jsonl").read_bytes()
        assert found.summary["finalists"] == json.loads(printed)["finalists"]
        assert found.test["rmse"] == pytest.approx(json.loads(printed)["test"]["rmse"], abs=1e-5)
        assert "company" in found.model.contexts_
    assert bytes_of(lowrank.tune(lowrank.ContextALS(), path, trials=3, space=space, **given).model, tmp_path) == (tmp_path / "shell").read_bytes()


def test_searches_and_folds_refuse_what_fit_refuses(tastes, tmp_path):
    path = tmp_path / "ratings.csv"
    tastes.to_csv(path, index=False)
    matrix = np.ones((4, 5), np.float32)
    for ask in (lambda *ratings, **how: lowrank.cross_validate(context(), *ratings, folds=2, **how),
                lambda *ratings, **how: lowrank.tune(lowrank.ContextALS(), *ratings, trials=1, **how)):
        for ratings, given, words in ((path, {"contexts": {"company": tastes["company"]}}, "arrays are for ratings in memory"),
                                      (tastes, {"contexts": {"company": ["kids"]}}, "one level for each"),
                                      (matrix, {"contexts": ["company"]}, "a matrix has neither columns nor times"),
                                      (tuple(matrix[:3, :4]), {"contexts": ["company"]}, "ratings is neither a table nor a file"),
                                      (tuple(matrix[:3, :4]), {"time_contexts": ["month"]}, "need a timestamp with each rating"),
                                      (tastes, {"time_contexts": ["year"]}, "year"),
                                      (path, {"missing": "kids"}, "missing: is read only with contexts"),
                                      (tastes, {"missing": "kids"}, "missing: is read only with contexts"),
                                      (matrix, {"missing": "kids"}, "missing: is read only with contexts")):
            with pytest.raises(lowrank.OptionError, match=words):
                ask(ratings, **given)
        with pytest.raises(lowrank.DataError, match="weather"):
            ask(tastes, contexts=["weather"])
    arrays = {"company": tastes["company"]}
    for given in (arrays, ["company"]):
        with pytest.raises(lowrank.OptionError, match="contexts: test must have those of the ratings: give it as a table"):
            lowrank.tune(lowrank.ContextALS(), tastes, trials=1, contexts=given, test=([1], [2], [3]))
        with pytest.raises(lowrank.OptionError, match='contexts: test has no column "company" for a context of the ratings'):
            lowrank.tune(lowrank.ContextALS(), tastes, trials=1, contexts=given, test=tastes.drop(columns="company"))
    tastes.drop(columns="company").to_csv(tmp_path / "lacks.csv", index=False)
    with pytest.raises(lowrank.OptionError, match='contexts: .*lacks.csv: there is no column "company"'):
        lowrank.tune(lowrank.ContextALS(), tastes, trials=1, contexts=["company"], test=tmp_path / "lacks.csv")
    with pytest.raises(lowrank.OptionError, match="time_contexts: need a timestamp with each rating, and the table has no column of times"):
        lowrank.tune(lowrank.ContextALS(), tastes, trials=1, time_contexts=["month"], test=tastes.drop(columns="time"))
    with pytest.raises(lowrank.OptionError, match="time_contexts: need a timestamp with each rating, and test has none"):
        lowrank.tune(lowrank.ContextALS(), tastes, trials=1, time_contexts=["month"], test=([1], [2], [3]))
    with pytest.raises(lowrank.OptionError, match="give validation as a table"):
        lowrank.tune(lowrank.ContextALS(), tastes, trials=1, contexts=arrays, validation=([1], [2], [3]))
    for given in WAYS:
        with pytest.raises(lowrank.OptionError, match="contexts: is not an option of method als"):
            lowrank.cross_validate(lowrank.ALS(rank=2), tastes, folds=2, **given)
        with pytest.raises(lowrank.OptionError, match="contexts: is not an option of method als"):
            lowrank.tune(lowrank.ALS(), tastes, trials=2, **given)


@pytest.mark.parametrize("form", ["biases", "pairwise", "cp", "both"])
def test_what_levels_do_is_what_the_program_shows(tastes, program, tmp_path, form):
    model = context(form=form, context_biases="items" if form == "both" else "none").fit(tastes, contexts=["company"], time_contexts=["season"])
    model.save(tmp_path / "model")
    shown = json.loads(program("info", tmp_path / "model", "--contexts", "--top", 4, "--min-count", 15, "--json").stdout)
    rows = [(name, level["level"], level["ratings"], level["bias"], int(effect["item"]), effect["effect"])
            for name, levels in shown.items() for level in levels for effect in level["lifts"] + level["lowers"]]
    found = model.context_effects(n=4, min_count=15)
    assert list(found) == ["context", "level", "ratings", "bias", "item", "effect"]
    assert [(*row[:3], row[4]) for row in zip(*found.values())] == [(*row[:3], row[4]) for row in rows]
    for column, place in (("bias", 3), ("effect", 5)):
        np.testing.assert_allclose(found[column], [row[place] for row in rows], atol=6e-5)
    assert bool(rows) == (form != "biases")
    of_one = model.context_effects("company", "kids", 4, min_count=15)
    chosen = (found["context"] == "company") & (found["level"] == "kids")
    assert all(np.array_equal(of_one[name], found[name][chosen]) for name in found)
    # A date stands for the period that it lies in, and a name may be spelled as the header of the ratings spells it.
    for level in ("spring", "2001-04-30", datetime.date(2001, 4, 30), np.datetime64("2001-05-01"), pd.Timestamp("2001-04-30 23:00")):
        of_spring = model.context_effects("Season", level, 4, min_count=15)
        assert all(np.array_equal(of_spring[name], found[name][(found["level"] == "spring")]) for name in found)
    frame = model.context_effects("company", n=4, min_count=15, as_frame=True)
    assert isinstance(frame, pd.DataFrame) and len(frame) == np.sum(found["context"] == "company")


def test_what_levels_do_to_scores(tastes):
    model = context(form="both", context_biases="items").fit(tastes, contexts=["company"], clip=False)
    items = model.items_
    for level in COMPANY:
        effects = model.context_effects("company", level, len(items), min_count=1)
        assert len(effects["item"]) == len(items)
        # The means over users of predictions are those of the mean user.
        added = (model.predict_matrix(context={"company": level}) - model.predict_matrix()).mean(axis=0)
        order = [items.tolist().index(item) for item in effects["item"]]
        np.testing.assert_allclose(effects["effect"], (added - added.mean())[order], atol=1e-5)


def test_vectors_of_levels(tastes):
    model = context(form="both").fit(tastes, contexts=["company"], clip=False)
    levels = model.contexts_["company"]["level"].tolist()
    vectors = model.context_vectors("company")
    assert vectors.shape == (3, 2) and vectors.dtype == np.float32
    for side, axis, factors in (("items", 0, model.item_factors_), ("users", 1, model.user_factors_)):
        for level, vector in zip(levels, model.context_vectors("company", side)):
            added = (model.predict_matrix(context={"company": level}) - model.predict_matrix()).mean(axis=axis)
            products = factors @ vector
            np.testing.assert_allclose(products - products.mean(), added - added.mean(), atol=1e-5)
    pairwise = context(form="pairwise").fit(tastes, contexts=["company"])
    np.testing.assert_array_equal(pairwise.context_vectors("company", "users"), pairwise.context_vectors("company"))
    assert not context(form="biases").fit(tastes, contexts=["company"]).context_vectors("company").any()


def test_levels_that_there_are_not(both, tastes):
    dated = context(form="biases", epochs=1).fit(tastes, time_contexts=["season"])
    plain = lowrank.Baseline().fit(([3, 4, 4], [5, 5, 6], [1, 2, 3]))
    for ask, words in ((lambda: both.context_effects("weather"), 'name: \'weather\' is no context of the model, which has company'),
                       (lambda: both.context_effects("company", "nobody"), "level: 'nobody' is no level of company"),
                       (lambda: both.context_effects(level="kids"), "level: needs name"),
                       (lambda: dated.context_effects("season", "kids"), "level: 'kids' is no level of season"),
                       (lambda: dated.context_effects("season", None, 0), "n: must be at least 1"),
                       (lambda: both.context_effects(n=0), "n: must be at least 1"),
                       (lambda: both.context_effects(min_count=0), "min_count: must be at least 1"),
                       (lambda: both.context_vectors("weather"), "is no context of the model"),
                       (lambda: both.context_vectors("company", "both"), "side: must be items or users"),
                       (plain.context_effects, "name: the model knows no contexts"),
                       (lambda: plain.context_vectors("company"), "which has none")):
        with pytest.raises(lowrank.OptionError, match=words):
            ask()
    with pytest.raises(lowrank.NotFittedError):
        context().context_effects()


def test_training_goes_on_from_a_model_with_contexts(tastes, tmp_path):
    first = context(form="both", epochs=3, prior_ratings=1.0).fit(tastes, contexts=["company"])
    first.save(tmp_path / "model")
    again = context(form="both", epochs=1, prior_ratings=1.0)
    warm = again.fit(tastes, contexts=["company"], init=first).predict(tastes)
    assert again.evaluate(tastes)["rmse"] < 0.9 * context(form="both", epochs=1).fit(tastes, contexts=["company"]).evaluate(tastes)["rmse"]
    np.testing.assert_array_equal(again.fit(tastes, contexts=["company"], init=tmp_path / "model").predict(tastes), warm)
    # Rows are matched by id, and levels by name, whatever their order.
    backwards = again.fit(tastes[::-1], contexts=["company"], init=first)
    assert backwards.contexts_["company"]["level"].tolist() != first.contexts_["company"]["level"].tolist()
    np.testing.assert_allclose(backwards.predict(tastes), warm, atol=1e-4)
    # Levels, users and items that the model does not know start anew.
    some = tastes[(tastes["user"] < 40) & (tastes["company"] != "friends")]
    grown = again.fit(tastes, contexts=["company"], init=context(form="both", epochs=3, prior_ratings=1.0).fit(some, contexts=["company"]))
    assert set(grown.contexts_["company"]["level"]) == set(COMPANY)
    assert np.isfinite(grown.predict(tastes)).all()
    # Nor need either of the two have contexts.
    plain = lowrank.ALS(rank=2, epochs=3).fit(tastes)
    assert again.fit(tastes, contexts=["company"], init=plain).evaluate(tastes)["rmse"] < plain.evaluate(tastes)["rmse"]
    assert np.isfinite(lowrank.ALS(rank=2, epochs=1).fit(tastes, init=first).predict(tastes)).all()


def test_parts_of_tables_have_contexts(tastes):
    train, test = lowrank.split(tastes, test=0.2, by="pair")
    pairs = {part: set(zip(own["user"], own["item"])) for part, own in (("train", train), ("test", test))}
    assert not pairs["train"] & pairs["test"] and list(test.columns) == list(tastes.columns)
    model = context().fit(train, contexts=["company"])
    assert model.evaluate(test)["rmse"] < model.evaluate(test.drop(columns="company"))["rmse"] - 0.05
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV(context(), {"form": ["pairwise", "biases"]}, cv=2)
    search.fit(train.drop(columns=["rating", "time"]), train["rating"], contexts=["company"])
    assert -search.best_score_ < -context().fit(train.drop(columns="company")).score(test)


def test_searches_within_folds_have_contexts(tastes):
    search = {"trials": 2, "space": {"form": ["biases", "pairwise"]}}
    results = lowrank.cross_validate(lowrank.ContextALS(rank=2), tastes, folds=2, by="pair", tune=search, contexts=["company"])
    assert len(results.folds) == 2 and {"form", "rank"} <= set(results.folds[0]["options"])
    plain = lowrank.cross_validate(lowrank.ContextALS(rank=2), tastes, folds=2, by="pair", tune=search)
    assert results.mean["rmse"] < plain.mean["rmse"] - 0.01


def test_intervals_are_those_of_the_context(table):
    model = lowrank.BayesianMF(rank=2, samples=20, burn_in=10).fit(table, contexts=["company"])
    own = table.assign(company="kids")[["user", "item", "company"]][:40]
    bound = model.in_context(company="kids")
    scores, deviations = model.predict(own, return_std=True)
    np.testing.assert_allclose(scores, bound.predict(own["user"], own["item"]), atol=1e-4)
    ends = model.predict_interval(own)
    np.testing.assert_allclose(ends, bound.predict_interval(own["user"], own["item"]), atol=1e-3)
    assert np.mean(ends.mean(axis=1)) < np.mean(model.predict_interval(own["user"], own["item"]).mean(axis=1)) - 0.5
    assert np.all(deviations > 0.1)


def test_a_comparison_reads_the_contexts_of_all_models(table, tmp_path):
    path = tmp_path / "ratings.csv"
    table.to_csv(path, index=False)
    plain, model = lowrank.ALS(rank=2).fit(table), context().fit(table, contexts=["company"])
    for test in (table, path):
        alone = [one.evaluate(test)["rmse"] for one in (plain, model)]
        assert alone[1] < alone[0] - 0.05
        for first, second, expected in ((plain, model, alone), (model, plain, alone[::-1])):
            rmse = next(metric for metric in lowrank.compare([first, second], test) if metric["metric"] == "rmse")
            assert [one["value"] for one in rmse["models"]] == pytest.approx(expected, rel=1e-9)
