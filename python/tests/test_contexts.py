"""Periods of the calendar: times that training reads, predictions that depend on them, and models in a context."""

import datetime
import json

import lowrank
import numpy as np
import pytest
from test_same_bytes import but_for_kinds, bytes_of

MONTHS = np.array([f"2001-{month:02}" for month in range(1, 13)], dtype="M8[M]")


def bayes(time="month", **options):
    return lowrank.BayesianMF(**{"rank": 3, "samples": 30, "burn_in": 10, "time": time, **options})


def short(time="month", **options):
    return bayes(time, **{"samples": 6, "burn_in": 2, **options})


@pytest.fixture(scope="module")
def planted():
    """Ratings of 120 users and 40 items that depend on the month, with times in seconds, and the biases of the months."""
    rng = np.random.default_rng(8)
    users, items = np.nonzero(rng.random((120, 40)) < 0.6)
    order = rng.permutation(len(users))
    users, items = users[order], items[order]
    months = rng.integers(0, 12, len(users))
    biases, seasons, tastes = rng.normal(size=12), rng.normal(size=12), rng.normal(size=40)
    biases -= biases.mean()
    values = 3 + 0.7 * biases[months] + 0.8 * seasons[months] * tastes[items] + 0.3 * rng.normal(size=len(users))
    dates = MONTHS[months].astype("M8[D]") + rng.integers(0, 28, len(users))
    times = dates.astype("M8[s]").astype(np.int64) + rng.integers(0, 86400, len(users))
    return lowrank.Ratings(users + 1000, items, values.astype(np.float32), times), 0.7 * biases


@pytest.fixture(scope="module")
def split(planted):
    return lowrank.split(planted[0], test=0.2)


@pytest.fixture(scope="module")
def model(split):
    return bayes().fit(split[0], clip=False)


def written(ratings, path):
    columns = (column.tolist() for column in (ratings.users, ratings.items, ratings.values, ratings.times))
    path.write_text("".join(f"{user},{item},{value},{time}\n" for user, item, value, time in zip(*columns)))
    return path


@pytest.fixture
def file(split, tmp_path):
    return written(split[0], tmp_path / "train.csv")


def options(model):
    return [part for name, value in model.get_params().items() if name in ("rank", "samples", "burn_in", "time") for part in
            (f"--{name.replace('_', '-')}", value)]


@pytest.mark.parametrize("time", ["day", "week", "month"])
def test_every_form_gives_the_model_of_the_program(time, split, file, program, tmp_path):
    train = split[0]
    output = tmp_path / "program.safetensors"
    program("train", file, "--method", "bayes", *options(short(time)), "--output", output, "--threads", 2, "--quiet")
    expected = output.read_bytes()
    assert bytes_of(short(time).fit(file, threads=1), tmp_path) == expected
    users, items, values, times = train.users, train.items, train.values, train.times
    dates = times.astype("M8[s]")
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"user": users, "item": items, "rating": values}
    frame = pandas.DataFrame(columns)
    named = ("user", "item", "rating", "when")
    forms = [
        (train, None, None),
        ((users, items, values, times), None, None),
        ((users, items, values, times * 1000), None, None),
        ((users, items, values, dates), None, None),
        (list(zip(users.tolist(), items.tolist(), values.tolist(), dates.astype(datetime.datetime).tolist())), None, None),
        (frame.assign(time=times), None, None),
        (frame.assign(timestamp=pandas.to_datetime(dates).tz_localize("UTC").tz_convert("Asia/Tokyo")), None, None),
        (frame.assign(when=dates.astype(str)), None, named),
        (frame.assign(when=dates), None, dict(zip(("user", "item", "rating", "time"), named))),
        (frame.assign(time=times)[["user", "item", "time"]], values, None),
        (polars.DataFrame({**columns, "timestamp": dates.astype("M8[ms]")}), None, None),
        (polars.DataFrame({**columns, "time": times}).to_arrow(), None, None),
    ]
    for X, y, names in forms:
        model = short(time).fit(X, y, columns=names, threads=2)
        assert but_for_kinds(bytes_of(model, tmp_path))[0] == but_for_kinds(expected)[0]
    for library in (frame.assign(timestamp=dates), frame.assign(when=times)):
        library.to_parquet(tmp_path / "table.parquet")
        names = named if "when" in library else None
        assert but_for_kinds(bytes_of(short(time).fit(tmp_path / "table.parquet", columns=names), tmp_path))[0] == but_for_kinds(expected)[0]
    # A method that does not look at times does not ask for any.
    assert bytes_of(short("none").fit(train), tmp_path) == bytes_of(short("none").fit((users, items, values)), tmp_path)


def test_months_are_found(planted, split, model):
    train, test = split
    plain = bayes("none").fit(train, clip=False)
    assert model.evaluate(test)["rmse"] < 0.6 * plain.evaluate(test)["rmse"]
    months = model.contexts_["month"]
    assert list(months) == ["level", "ratings", "bias"]
    assert months["level"].tolist() == MONTHS.astype(str).tolist()
    assert months["ratings"].tolist() == np.bincount(train.times.astype("M8[s]").astype("M8[M]").astype(int) % 12).tolist()
    assert np.corrcoef(months["bias"], planted[1])[0, 1] > 0.9
    assert plain.contexts_ == {}
    assert not any(column.flags.writeable for column in months.values())


def test_predictions_are_those_of_the_program(split, model, program, tmp_path):
    test = split[1]
    model.save(tmp_path / "model")
    written(test, tmp_path / "pairs.csv")
    lines = program("predict", tmp_path / "model", tmp_path / "pairs.csv", "--interval", ".8", "--quiet").stdout.splitlines()
    expected = np.array([line.split("\t")[2:] for line in lines], dtype=np.float32)
    found = model.predict(test.users, test.items, times=test.times)
    assert found.astype(np.float32).tolist() == expected[:, 0].tolist()
    assert np.abs(found - model.predict(test.users, test.items)).mean() > 0.3
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": test.users, "item": test.items, "time": test.times.astype("M8[s]")})
    other = frame.rename(columns={"user": "u", "item": "i", "time": "t"})
    names = {"user": "u", "item": "i", "time": "t"}
    for pairs, given in (((test,), {}), ((frame,), {}), ((frame,), {"times": test.times}), ((other,), {"columns": names}),
                         ((test.users, test.items), {"times": frame["time"]}), ((test.users, test.items), {"times": test.times * 10**6})):
        for threads in (1, 2):
            assert model.predict(*pairs, **given, threads=threads).tolist() == found.tolist()
        assert model.predict_interval(*pairs, 0.8, **given).astype(np.float32).tolist() == expected[:, 1:].tolist() if len(pairs) == 2 else True
    again, deviations, known = model.predict(test, return_std=True, return_known=True)
    assert again.tolist() == found.tolist() and (deviations > 0).all() and known.all()
    march = model.predict(test.users, test.items, times=np.full(len(test), 984000000))
    for one in ("2001-03-31", datetime.date(2001, 3, 5), datetime.datetime(2001, 3, 5, 12), np.datetime64("2001-03-07"), 984000000, 984000000.5,
                np.array(984000000), pandas.Timestamp("2001-03-09", tz="UTC")):
        assert model.predict(test.users, test.items, times=one).tolist() == march.tolist()
    year = model.predict(test.users[0], test.items[0], times=MONTHS)
    assert year.shape == (12,) and year[2] == march[0] and len(set(year)) == 12
    # Neither a period that nobody rated in nor a pair without times adds anything.
    assert model.predict(test.users, test.items, times="1990-01-01").tolist() == model.predict(test.users, test.items).tolist()
    assert model.predict(np.zeros(0, int), np.zeros(0, int), times="2001-03-01").shape == (0,)


def test_in_a_context(split, model, program, tmp_path):
    test = split[1]
    march = model.in_context(month="2001-03")
    assert type(march) is type(model) and march.contexts_ == {} and list(model.contexts_) == ["month"]
    assert march.history_ is model.history_ and march.summary_ == model.summary_
    np.testing.assert_allclose(march.predict(test.users, test.items), model.predict(test.users, test.items, times="2001-03-05"), atol=1e-5)
    np.testing.assert_allclose(march.predict_interval(test.users, test.items), model.predict_interval(test.users, test.items, times="2001-03-05"),
                               atol=1e-5)
    for value in ("2001-03-31", datetime.date(2001, 3, 1), datetime.datetime(2001, 3, 31, 23), np.datetime64("2001-03-02")):
        assert model.in_context(month=value)._model.equals(march._model)
        assert model.predict(test.users, test.items, context={"month": value}).tolist() == march.predict(test.users, test.items).tolist()
    for ask in ("predict_interval", "predict"):
        assert getattr(model, ask)(test, context={"month": "2001-03"}).tolist() == getattr(march, ask)(test).tolist()
    with pytest.raises(lowrank.OptionError, match="times: the model does not depend on them"):
        model.predict(test.users, test.items, times=test.times, context={"month": "2001-03"})
    users = split[0].users[:3].tolist()
    model.save(tmp_path / "model")
    lists = program("recommend", tmp_path / "model", "--user", *users, "--top", 4, "--context", "month=2001-03").stdout.splitlines()
    ids, scores = march.recommend(users, n=4)
    assert [line.split("\t")[2] for line in lists] == ids.ravel().astype(str).tolist()
    assert np.array([line.split("\t")[3] for line in lists], np.float32).tolist() == scores.ravel().tolist()
    assert ids.tolist() != model.recommend(users, n=4)[0].tolist()
    march.save(tmp_path / "march")
    assert lowrank.load(tmp_path / "march").predict(test.users, test.items).tolist() == march.predict(test.users, test.items).tolist()
    folded = model.fold_in((["new"] * 5, test.items[:5], test.values[:5]))
    assert list(folded.contexts_) == ["month"] and folded.predict("new", test.items[:5], times="2001-03-01").shape == (5,)
    assert model.in_context(month="1990-01")._model.equals(model.in_context(month="1990-02")._model)
    assert model.in_context().contexts_.keys() == model.contexts_.keys()


def test_probabilities_of_ratings(split):
    train, test = ((part.users, part.items, np.clip(np.round(part.values), 1, 5), part.times) for part in split)
    model = short(likelihood="ordinal").fit(train)
    given = model.predict_proba(test[0], test[1], times="2001-05-01")
    np.testing.assert_allclose(given, model.in_context(month="2001-05").predict_proba(test[0], test[1]), atol=1e-5)
    assert np.abs(given - model.predict_proba(test[0], test[1])).max() > 0.05
    inside = model.predict_proba(test[0], test[1], context={"month": "2001-05"})
    assert inside.tolist() == model.in_context(month="2001-05").predict_proba(test[0], test[1]).tolist()


def test_figures_read_times(split, model, program, tmp_path):
    test = split[1]
    pandas = pytest.importorskip("pandas")
    figures = model.evaluate(test)
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean((model.predict(test) - test.values) ** 2)))
    frame = pandas.DataFrame({"user": test.users, "item": test.items, "rating": test.values, "time": test.times})
    for form in ((*test, test.times), frame, written(test, tmp_path / "test.csv")):
        assert model.evaluate(form) == figures
        assert model.score(form) == -figures["rmse"]
    assert model.score(frame[["user", "item", "time"]], frame["rating"]) == -figures["rmse"]
    model.save(tmp_path / "model")
    printed = json.loads(program("evaluate", tmp_path / "model", tmp_path / "test.csv", "--json", "--quiet").stdout)
    assert printed["rmse"] == pytest.approx(figures["rmse"], abs=1e-6)
    assert model.evaluate(tuple(test))["rmse"] > 1.5 * figures["rmse"]
    plain = lowrank.Baseline().fit(split[0])
    for models in ([plain, model], [model, plain]):
        values = [one["value"] for one in lowrank.compare(models, test)[0]["models"]]
        assert sorted(values) == pytest.approx([figures["rmse"], plain.evaluate(test)["rmse"]])


def test_validation_sets_have_times(split, file, program, tmp_path):
    held = written(split[1], tmp_path / "held.csv")
    output = tmp_path / "program.safetensors"
    program("train", file, "--method", "bayes", *options(short()), "--validation", held, "--output", output, "--quiet")
    expected = output.read_bytes()
    assert bytes_of(short().fit(file, validation=held), tmp_path) == expected
    for validation in (split[1], (*split[1], split[1].times), held):
        fitted = short().fit(split[0], validation=validation)
        assert but_for_kinds(bytes_of(fitted, tmp_path))[0] == but_for_kinds(expected)[0]
    # A validation set may do without.
    assert short().fit(split[0], validation=tuple(split[1])).summary_["validation"]["rmse"] > 0
    share = short().fit(split[0], validation=0.2)
    program("train", file, "--method", "bayes", *options(short()), "--holdout", 0.2, "--output", output, "--quiet")
    assert but_for_kinds(bytes_of(share, tmp_path))[0] == but_for_kinds(output.read_bytes())[0]


def test_folds_and_searches_have_times(split, file, program):
    train, test = split
    results = lowrank.cross_validate(short(), train, folds=3, fold_seed=2)
    printed = json.loads(program("cv", file, "--method", "bayes", *options(short()), "--folds", 3, "--fold-seed", 2, "--json", "--quiet").stdout)
    assert printed["figures"] == results.summary["figures"]
    assert results.mean["rmse"] < 0.8 * lowrank.cross_validate(short("none"), train, folds=3, fold_seed=2).mean["rmse"]
    assert lowrank.cross_validate(short(), file, folds=3, fold_seed=2).scores.tolist() == results.scores.tolist()
    space = {"time": ["none", "month"]}
    for given in (train, file, (*train, train.times)):
        found = lowrank.tune(bayes("none", samples=12), given, trials=4, space=space, test=test)
        assert found.model.time == "month" and list(found.model.contexts_) == ["month"]
        assert found.test["rmse"] < 0.6
    inner = lowrank.cross_validate(short("none"), train, folds=2, tune={"trials": 3, "space": space})
    assert [fold["options"]["time"] for fold in inner.folds] == ["month", "month"]
    flags = [*options(short()), "--folds", 2, "--tune", "--trials 3 --space time=none|month", "--json", "--quiet"]
    del flags[flags.index("--time") : flags.index("--time") + 2]
    assert json.loads(program("cv", file, "--method", "bayes", *flags).stdout)["figures"] == inner.summary["figures"]
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV(short(), {"time": ["none", "month"]}, cv=2)
    pandas = pytest.importorskip("pandas")
    search.fit(pandas.DataFrame({"user": train.users, "item": train.items, "time": train.times}), train.values)
    assert search.best_params_ == {"time": "month"}


def test_what_is_refused(split, model, file, tmp_path):
    users, items, values = (column[:50] for column in split[0])
    times = split[0].times[:50]
    pandas, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    frame = pandas.DataFrame({"user": users, "item": items, "rating": values})
    matrix = sparse.csr_matrix((values, (users, items)))
    for X, y, message in (((users, items, values), None, "time: needs a timestamp with each rating, and X has none: give a tuple"),
                          (matrix, None, "and X has none"), (np.column_stack([users, items]), values, "and X has none"),
                          (lowrank.Ratings(users, items, values), None, "and X has none"),
                          (frame, None, 'the table has no column of times among "user", "item", "rating": name it in columns')):
        with pytest.raises(lowrank.OptionError, match=message) as refused:
            short().fit(X, y)
        assert refused.value.option == "time"
    frame.to_parquet(tmp_path / "table.parquet")
    with pytest.raises(lowrank.OptionError, match="table.parquet has no column of times: name it in columns"):
        short().fit(tmp_path / "table.parquet")
    (tmp_path / "timeless.csv").write_text("1,2,3\n1,3,4\n")
    with pytest.raises(lowrank.DataError, match=r"timeless.csv: no column of timestamps; use columns to name it"):
        short().fit(tmp_path / "timeless.csv")
    timed = (users, items, values, times)
    with pytest.raises(lowrank.OptionError, match="sample_weight: a weight is not read together with times"):
        short().fit(timed, sample_weight=np.ones(50))
    weighted = {"user": 1, "item": 2, "rating": 3, "weight": 4, "time": 4}
    with pytest.raises(lowrank.OptionError, match="columns: a weight is not read together with times"):
        short().fit(file, columns=weighted)
    with pytest.raises(lowrank.OptionError, match="columns: a weight is not read together with times"):
        short().fit(frame.assign(time=times, weight=1.0), columns=("user", "item", "rating", "time", "weight"))
    with pytest.raises(lowrank.DataError, match="there is none in row 3"):
        short().fit((users, items, values, [None if at == 3 else int(time) for at, time in enumerate(times)]))
    with pytest.raises(lowrank.OptionError, match="time: needs a timestamp with each rating, and ratings has none"):
        lowrank.cross_validate(short(), (users, items, values))
    with pytest.raises(lowrank.OptionError, match="time: needs a timestamp with each rating, and ratings has none"):
        lowrank.tune(short("none"), (users, items, values), trials=2, space={"time": ["none", "day"]})
    with pytest.raises(lowrank.DataError, match="a split by last needs a timestamp for every rating, and the table has no column of times"):
        lowrank.cross_validate(short("none"), frame, by="last")
    for ask in (model.in_context(month="2001-03").predict, short("none").fit(timed).predict, lowrank.Baseline().fit(timed).predict):
        with pytest.raises(lowrank.OptionError, match="times: the model does not depend on them"):
            ask(users, items, times=times)
    with pytest.raises(lowrank.DataError, match="times: expected one time for each of 50 pairs, or one for all, got 3"):
        model.predict(users, items, times=times[:3])
    with pytest.raises(lowrank.DataError, match="time: expected a"):
        model.predict(users, items, times="yesterday")
    with pytest.raises(lowrank.OptionError, match='context: "day" is no context of the model, which has month') as unknown:
        model.in_context(day="2001-03-01")
    assert unknown.value.option == "context"
    with pytest.raises(lowrank.OptionError, match="which has none"):
        lowrank.Baseline().fit(timed).in_context(month="2001-03")
    for wrong in ("March", 3):
        with pytest.raises(lowrank.OptionError, match="is no month: give a date"):
            model.in_context(month=wrong)
    with pytest.raises(lowrank.OptionError, match="month: expected a date or a number"):
        model.in_context(month=None)
    with pytest.raises(lowrank.NotFittedError):
        _ = short().contexts_
