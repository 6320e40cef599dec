"""What the estimators of all methods answer, against slow loops over their own factors."""

import copy
import inspect
import pickle
import time
import warnings

import lowrank
import numpy as np
import pytest
import scipy.sparse
from conftest import sealed, short
from lowrank import _core
from lowrank._methods import classes


@pytest.fixture
def fitted(method, ratings):
    return short(method).fit(ratings)


def dense_scores(model):
    scores = model.mean_ + model.user_biases_[:, None] + model.item_biases_[None, :] + model.user_factors_.astype(float) @ model.item_factors_.T
    if model.neighbours_ is not None:
        weights = scipy.sparse.csr_array(model.neighbours_, shape=(len(model.items_),) * 2).toarray()
        for user, _ in enumerate(model.users_):
            scores[user] += weights[model._model.seen(user)].sum(axis=0)
    return scores


def test_options_are_those_of_the_description(method):
    described = next(one for one in _core.methods() if one["name"] == method)
    defaults = {option["name"]: option["default"] for option in described["options"]}
    model = classes[method]()
    assert model.get_params() == defaults
    assert {name: one.default for name, one in inspect.signature(classes[method]).parameters.items()} == defaults
    for option in described["options"]:
        assert f"{option['name']} : " in classes[method].__doc__
        kind = option["kind"]
        assert type(getattr(model, option["name"])).__name__ == ("NoneType" if kind == "float | None" else kind)


def test_names():
    for method, name in [("sgd", "SGD"), ("als", "ALS"), ("implicit", "ImplicitALS"), ("nmf", "NMF"), ("baseline", "Baseline"),
                         ("popular", "Popular")]:
        assert hasattr(lowrank, name) == (method in classes)
        assert (name in lowrank.__all__) == (method in classes)
    assert lowrank.__version__.count(".") == 2


def test_params_and_repr(method):
    model = short(method)
    kind = type(model)
    assert repr(kind()) == f"{kind.__name__}()"
    assert eval(repr(model), {kind.__name__: kind}).get_params() == model.get_params()
    if "seed" in model.get_params():
        assert model.set_params(seed=5) is model and model.seed == 5
        assert "seed=5" in repr(model)
    with pytest.raises(lowrank.OptionError, match="colour"):
        model.set_params(colour=1)
    with pytest.raises(TypeError, match="colour"):
        kind(colour=1)


def test_attributes_are_views(fitted, method):
    shapes = {"user_factors_": (120, None), "item_factors_": (60, None), "user_biases_": (120,), "item_biases_": (60,), "users_": (120,),
              "items_": (60,)}
    for name, shape in shapes.items():
        array = getattr(fitted, name)
        assert array.shape == tuple(size or fitted.user_factors_.shape[1] for size in shape)
        assert array.size == 0 or not array.flags.writeable
        assert array.size == 0 or np.shares_memory(array, getattr(fitted, name))
    assert isinstance(fitted.mean_, float)
    assert len(fitted.history_) == fitted.summary_["epochs"]
    # A view keeps what it shows alive.
    factors = fitted.item_factors_
    expected = factors.copy()
    del fitted
    np.testing.assert_array_equal(factors, expected)


def test_seconds_are_those_of_the_whole_call(method, ratings):
    start = time.perf_counter()
    seconds = short(method).fit(ratings).summary_["seconds"]
    whole = time.perf_counter() - start
    assert 0 < seconds["read"] < seconds["total"] < whole
    assert seconds["total"] >= seconds["read"] + seconds["train"]


def test_predict(fitted, ratings):
    users, items, _ = ratings
    model = fitted._model
    rows, columns = np.searchsorted(np.sort(fitted.users_), users), None
    row_of = {user: row for row, user in enumerate(fitted.users_)}
    column_of = {item: column for column, item in enumerate(fitted.items_)}
    rows, columns = [row_of[user] for user in users], [column_of[item] for item in items]
    expected = dense_scores(fitted)[rows, columns]
    if model.clips:
        expected = np.clip(expected, model.min_rating, model.max_rating)
    np.testing.assert_allclose(fitted.predict(users, items), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(fitted.predict(np.column_stack([users, items])), fitted.predict(users, items))
    np.testing.assert_array_equal(fitted.predict(users.astype(str), items), fitted.predict(users, items))
    assert fitted.predict(int(users[0]), int(items[0])).shape == (1,)
    assert fitted.predict([], []).shape == (0,)
    # Somebody and something unknown: the mean.
    assert fitted.predict(["nobody"], ["nothing"])[0] == pytest.approx(model.rating_mean)


def test_recommend_is_the_sorted_scores(fitted, ratings):
    users, items, _ = ratings
    scores = dense_scores(fitted)
    seen = np.zeros(scores.shape, bool)
    row_of = {user: row for row, user in enumerate(fitted.users_)}
    column_of = {item: column for column, item in enumerate(fitted.items_)}
    seen[[row_of[user] for user in users], [column_of[item] for item in items]] = True
    asked = fitted.users_[[5, 0, 7]]
    for filter_seen in (True, False):
        ids, values = fitted.recommend(asked, n=4, filter_seen=filter_seen)
        assert ids.shape == values.shape == (3, 4) and ids.dtype == fitted.items_.dtype
        for place, row in enumerate([5, 0, 7]):
            allowed = np.where(seen[row] & filter_seen, -np.inf, scores[row])
            np.testing.assert_allclose(values[place], np.sort(allowed)[::-1][:4], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(scores[row][[column_of[item] for item in ids[place]]], values[place], rtol=1e-4, atol=1e-5)
    everyone, _ = fitted.recommend(n=4)
    np.testing.assert_array_equal(everyone[[5, 0, 7]], fitted.recommend(asked, n=4).ids)


def test_short_lists_are_masked(fitted, ratings):
    ids, scores = fitted.recommend(n=60)
    counts = {user: 0 for user in fitted.users_.tolist()}
    for user in ratings[0].tolist():
        counts[user] += 1
    for row, user in enumerate(fitted.users_.tolist()):
        assert np.ma.getmaskarray(ids)[row].tolist() == [place >= 60 - counts[user] for place in range(60)]
    assert (np.ma.getmaskarray(ids) == np.ma.getmaskarray(scores)).all()
    for library in ("pandas", "polars", "pyarrow"):
        pytest.importorskip(library)
        frame = fitted.recommend(n=60, as_frame=library)
        assert len(frame) == ids.count()
    frame = fitted.recommend(fitted.users_[:2], n=3, as_frame=True)
    assert list(frame.columns) == ["user", "item", "rank", "score"]
    assert frame["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    assert frame["item"].tolist() == fitted.recommend(fitted.users_[:2], n=3).ids.ravel().tolist()


def test_recommend_among_and_without(fitted):
    among = fitted.items_[[3, 9, 11, 20]]
    ids, _ = fitted.recommend(fitted.users_[:5], n=4, filter_seen=False, items=among)
    assert all(set(row) == set(among.tolist()) for row in ids.tolist())
    ids, _ = fitted.recommend(fitted.users_[:5], n=60, filter_seen=False, exclude=among.astype(str))
    assert ids.shape == (5, 60) and (ids.count(axis=1) == 56).all()
    assert not set(among.tolist()) & set(ids.compressed().tolist())
    ids, _ = fitted.recommend(fitted.users_[:1], n=4, filter_seen=False, items=among, exclude=among[:1])
    assert set(ids.compressed().tolist()) == set(among[1:].tolist())
    assert fitted.recommend(fitted.users_[:1], items=[]).ids.count() == 0


def test_lists_only_what_was_rated_enough(fitted, ratings):
    for side, ids, some, many in (
        (1, fitted.items_, True, lambda least: fitted.recommend(n=200, filter_seen=False, min_count=least).ids),
        (1, fitted.items_, fitted.item_factors_.any(), lambda least: fitted.similar_items(n=200, by="dot", min_count=least).ids),
        (0, fitted.users_, fitted.user_factors_.any(), lambda least: fitted.similar_users(n=200, by="dot", min_count=least).ids),
    ):
        counts = np.array([np.count_nonzero(ratings[side] == one) for one in ids])
        least = int(np.median(counts))
        often = set(ids[counts >= least].tolist())
        assert 1 < len(often) < len(ids)
        assert set(many(least).compressed().tolist()) == (often if some else set())


def test_similar(fitted):
    factors = fitted.item_factors_.astype(float)
    norms = np.linalg.norm(factors, axis=1)
    if not norms.any():
        ids, _ = fitted.similar_items(fitted.items_[:2])
        assert ids.shape == (2, 10) and ids.count() == 0
        return
    with np.errstate(invalid="ignore"):
        cosine = np.where(norms[:, None] * norms > 0, factors @ factors.T / norms / norms[:, None], -np.inf)
    np.fill_diagonal(cosine, -np.inf)
    asked = np.flatnonzero(norms)[[4, 8]]
    ids, scores = fitted.similar_items(fitted.items_[asked], n=5)
    np.testing.assert_allclose(scores, np.sort(cosine[asked], axis=1)[:, ::-1][:, :5], atol=1e-5)
    dots = factors @ factors.T
    np.fill_diagonal(dots, -np.inf)
    np.testing.assert_allclose(fitted.similar_items(n=5, by="dot").scores, np.sort(dots, axis=1)[:, ::-1][:, :5], rtol=1e-4, atol=1e-5)
    assert fitted.similar_users(fitted.users_[0], n=3).ids.shape == (1, 3)
    assert list(fitted.similar_items(fitted.items_[0], n=3, as_frame=True).columns) == ["item", "similar", "rank", "score"]
    with pytest.raises(lowrank.OptionError, match="cosine, dot or neighbours"):
        fitted.similar_items(by="euclid")
    with pytest.raises(lowrank.OptionError, match="min_count"):
        fitted.similar_users(min_count=0)


def test_fold_in(fitted, ratings):
    users, items, values = ratings
    chosen = np.isin(users, fitted.users_[:3])
    new = np.char.add("new", users[chosen].astype(str)), items[chosen], values[chosen]
    folded = fitted.fold_in(new)
    assert set(folded.users_.tolist()) == {f"new{user}" for user in fitted.users_[:3]}
    assert folded.user_factors_.shape == (3, fitted.user_factors_.shape[1])
    assert np.shares_memory(folded.items_, fitted.items_)
    ids, _ = folded.recommend(n=60)
    for name, row in zip(folded.users_, ids):
        assert not set(row.compressed().tolist()) & set(items[chosen][new[0] == name].tolist())
    # Nothing has become of the one that folded.
    assert len(fitted.users_) == 120


def test_score_and_evaluate(fitted, ratings):
    users, items, values = ratings
    if not fitted._model.predicts_ratings:
        # Its monitor: here nobody has an item that is not in the training data.
        with pytest.raises(lowrank.DataError, match="no test user has a relevant item"):
            fitted.score(ratings)
        return
    rmse = np.sqrt(np.mean((fitted.predict(users, items) - values) ** 2))
    assert fitted.score(np.column_stack([users, items]), values) == pytest.approx(-rmse, abs=1e-6)
    result = fitted.evaluate(ratings)
    assert result["rmse"] == pytest.approx(rmse, abs=1e-6)
    assert result["mae"] == pytest.approx(np.mean(np.abs(fitted.predict(users, items) - values)), abs=1e-6)
    assert (result["ratings"], result["unknown"]) == (3000, 0)
    assert fitted.evaluate(([1000, -1], [0, 0], [3, 3]))["unknown"] == 1


def test_evaluate_lists(method, ratings, program, tmp_path):
    users, items, values = ratings
    model = short(method).fit((users[500:], items[500:], values[500:]))
    test = users[:500], items[:500], values[:500]
    result = model.evaluate(test, top=5, relevant_from=3)
    ids, _ = model.recommend(n=5)
    recalls, precisions = [], []
    for user, row in zip(model.users_, ids):
        relevant = set(test[1][(test[0] == user) & (test[2] >= 3)].tolist())
        if relevant:
            hits = len(relevant & set(row.compressed().tolist()))
            recalls.append(hits / len(relevant))
            precisions.append(hits / 5)
    assert result["users"] == len(recalls)
    assert result["recall"] == pytest.approx(np.mean(recalls)) and result["precision"] == pytest.approx(np.mean(precisions))
    several = model.evaluate(test, top=[5, 10], relevant_from=3)["ranking"]
    assert several[5]["ndcg"] == result["ndcg"] and several[10]["recall"] >= several[5]["recall"]
    assert model.fit(ratings, validation=0.1, monitor="ndcg@5").summary_["epochs"] >= 1


def test_kept_and_loaded(fitted, method, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = lowrank.load(tmp_path / "model")
    assert type(loaded) is classes[method]
    assert loaded.get_params() == fitted.get_params()
    for other in (loaded, pickle.loads(pickle.dumps(fitted)), copy.copy(fitted), copy.deepcopy(fitted)):
        assert other._model.equals(fitted._model)
        assert other.users_.dtype == np.int64
        np.testing.assert_array_equal(other.users_, fitted.users_)
        np.testing.assert_array_equal(other.recommend(n=5).ids, fitted.recommend(n=5).ids)
    kept = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(kept.history_, fitted.history_)
    assert len(loaded.history_) == 0
    unfitted = pickle.loads(pickle.dumps(classes[method]()))
    with pytest.raises(lowrank.NotFittedError):
        unfitted.predict([1], [2])


@pytest.mark.parametrize(
    "ids", [["7", "8"], [7, 8], ["a", "7"], [7, "a"], ["007", "7"], [2**70, 7], [-5, 0], ["-0", "5"], ["é", "日本"]], ids=str
)
def test_ids_come_back_as_they_were(ids, tmp_path):
    model = short("sgd").fit((ids, ["x", "y"], [1, 2]))
    assert [type(one) for one in model.users_.tolist()] == [type(one) for one in ids]
    assert model.users_.tolist() == ids
    again = pickle.loads(pickle.dumps(model))
    assert again.users_.tolist() == ids
    model.save(tmp_path / "model")
    loaded = lowrank.load(tmp_path / "model")
    texts = [str(one) for one in ids]
    # A file has one kind of ids per side: integers and strings together come back as strings.
    assert loaded.users_.tolist() == (texts if len({type(one) for one in ids}) == 2 else ids)
    assert loaded.users_.dtype == model.users_.dtype
    np.testing.assert_array_equal(model.predict(ids, ["x", "y"]), loaded.predict(texts, ["x", "y"]))
    assert model.recommend(ids, filter_seen=False).ids.shape == (2, 2)


def test_ids_of_a_file_are_integers_where_all_can_be(tmp_path):
    for texts, ids in [(["7", "-8"], [7, -8]), (["007", "8"], ["007", "8"]), (["7", "a"], ["7", "a"])]:
        (tmp_path / "ratings.csv").write_text("".join(f"{text},x,{at}\n" for at, text in enumerate(texts)))
        model = short("sgd").fit(tmp_path / "ratings.csv")
        model.save(tmp_path / "model")
        for one in (model, lowrank.load(tmp_path / "model")):
            assert one.users_.tolist() == ids
            assert one.items_.tolist() == ["x"]


@pytest.mark.parametrize("ids", [["7", "8"], [7, 8], [2**70, 8]], ids=str)
def test_ids_of_folded_users_come_back(ids, tmp_path):
    model = short("sgd").fit((["a", "b"], [1, 2], [1, 2])).fold_in((ids, [1, 2], [1, 2]))
    assert model.users_.tolist() == ids
    model.save(tmp_path / "model")
    loaded = lowrank.load(tmp_path / "model")
    assert loaded.users_.tolist() == ids and loaded.users_.dtype == model.users_.dtype
    assert loaded.items_.tolist() == [1, 2]


def test_a_model_of_an_unknown_method(fitted, method, ratings, tmp_path):
    data = fitted._model.serialize()
    assert sealed(data) == data
    unknown = "z" * len(method)
    (tmp_path / "model").write_bytes(sealed(data.replace(f'"method":"{method}"'.encode(), f'"method":"{unknown}"'.encode(), 1)))
    loaded = lowrank.load(tmp_path / "model")
    assert type(loaded) is lowrank.Estimator and loaded.get_params() == {}
    assert loaded.record_["method"] == unknown and loaded.record_["options"] == fitted.record_["options"]
    for model in (loaded, pickle.loads(pickle.dumps(loaded)), copy.deepcopy(loaded)):
        np.testing.assert_array_equal(model.predict(*ratings[:2]), fitted.predict(*ratings[:2]))
        np.testing.assert_array_equal(model.recommend(n=5).ids, fitted.recommend(n=5).ids)
        with pytest.raises(lowrank.OptionError, match=unknown):
            model.fit(([1], [1], [1]))
        assert model.users_.tolist() == fitted.users_.tolist()
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_seven_and_seven_are_one():
    model = short("sgd").fit(([7, "7", 8], [1, 2, 1], [1, 2, 3]))
    assert model.users_.tolist() == [7, 8]
    assert model.record_["ratings"] == 3


def test_duplicates():
    data = ([1, 1, 1, 2], [1, 1, 1, 1], [1, 2, 5, 4])
    assert short("sgd").fit(data)._model.rating_mean == 4.5
    assert short("sgd").fit(data, duplicates="first")._model.rating_mean == 2.5
    assert short("sgd").fit(data, duplicates="mean")._model.rating_mean == pytest.approx((8 / 3 + 4) / 2)
    assert short("sgd").fit(data, duplicates="sum")._model.rating_mean == 6
    assert short("sgd").fit(data, duplicates="count")._model.rating_mean == 2
    with pytest.raises(lowrank.DataError, match="more than once"):
        short("sgd").fit(data, duplicates="error")


def test_validation(method, ratings):
    users, items, values = ratings
    train, test = (users[300:], items[300:], values[300:]), (users[:300], items[:300], values[:300])
    if not next(one for one in _core.methods() if one["name"] == method)["predicts_ratings"]:
        pytest.skip("ranks only")
    model = short(method, epochs=8).fit(train, validation=test)
    assert model.summary_["validation"]["rmse"] == pytest.approx(model.evaluate(test)["rmse"])
    if len(model.history_):
        assert model.summary_["validation"]["rmse"] == pytest.approx(np.nanmin(model.history_["validation_rmse"]))
    pair = short(method, epochs=8).fit(train, validation=(np.column_stack(test[:2]), test[2]))
    assert pair._model.equals(model._model)
    assert short(method).fit(train, validation=0.1).summary_["validation"]["ratings"] == 270
    assert "validation_mae" in (short(method).fit(train, validation=0.1, monitor="mae").history_.dtype.names or ("validation_mae",))


def test_callback(ratings):
    reports = []
    model = short("sgd", epochs=5).fit(ratings, callback=reports.append)
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([report["train_rmse"] for report in reports], model.history_["train_rmse"])
    ended = short("sgd", epochs=50).fit(ratings, callback=lambda report: report["epoch"] < 2)
    assert ended.summary_["stopped"] == "observer" and len(ended.history_) == 2

    def fail(report):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        short("sgd").fit(ratings, callback=fail)
    before = copy.copy(model)
    with pytest.raises(KeyError):
        model.fit(ratings, callback=fail)
    assert model._model is before._model


def test_init(method, ratings, tmp_path):
    model = short(method).fit(ratings)
    model.save(tmp_path / "model")
    if method in ("popular", "neighbours", "ease", "slim"):
        with pytest.raises(lowrank.OptionError, match="init: is not an option of method"):
            short(method).fit(ratings, init=model)
        return
    again = short(method).fit(ratings, init=model)
    assert again._model.equals(short(method).fit(ratings, init=tmp_path / "model")._model)


def test_range_of_predictions(ratings):
    model = short("sgd").fit(ratings, min_rating=2, max_rating=3)
    assert model.predict(*ratings[:2]).min() >= 2 and model.predict(*ratings[:2]).max() <= 3
    free = short("sgd", learning_rate=0.3, epochs=50, regularization=0.0).fit(ratings, clip=False)
    assert not free._model.clips


def test_users_without_ratings():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(([1.0, 2.0, 3.0], ([0, 0, 2], [0, 1, 1])), shape=(4, 3))
    model = short("sgd").fit(matrix)
    ids, _ = model.recommend(n=3)
    assert ids.shape == (4, 3) and ids.count(axis=1).tolist() == [0, 0, 1, 0]
    with pytest.raises(lowrank.UnknownIdError, match='users: .* user "1"'):
        model.recommend([0, 1])
    assert model.recommend([1], unknown="popular").ids.compressed().tolist() == [1, 0]
    assert model.recommend(["1", 99], unknown="popular").scores.filled(0).tolist()[0][:2] == [2.0, 1.0]


def test_training_that_runs_away_warns(ratings):
    with pytest.warns(lowrank.TrainingWarning, match="learning rate"):
        model = short("sgd", learning_rate=1e6, epochs=2).fit(ratings)
    assert np.isfinite(model.user_factors_).all()


@pytest.mark.parametrize("refit", [False, True])
def test_lists_learned_from_opinions_warn_once(ratings, refit):
    for model in (lowrank.Popular(), lowrank.BPR(epochs=2), lowrank.ItemNeighbours(), lowrank.ImplicitALS(epochs=2, rank=4, alpha=0)):
        with pytest.warns(lowrank.TrainingWarning, match=f"from 0.5 to 5: method {model._method} takes every value") as caught:
            model.fit(ratings, validation=0.2, refit=refit)
        assert len([one for one in caught if one.category is lowrank.TrainingWarning]) == 1
    users, items, _ = ratings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lowrank.Popular().fit((users, items, np.ones(len(users))))
        lowrank.ALS(epochs=2, rank=4).fit(ratings)


@pytest.mark.parametrize("name", ["Popular", "Baseline", "ItemNeighbours"])
def test_only_a_holdout_reads_the_seed_of_what_draws_nothing(ratings, name):
    model = getattr(lowrank, name)(seed=2)
    with pytest.raises(lowrank.OptionError, match="seed: is not read by method .*, which draws nothing, except for validation"):
        model.fit(ratings)
    model.fit(ratings, validation=0.2)


def test_split_and_read(ratings, ratings_file, program, tmp_path):
    whole = lowrank.read_ratings(ratings_file)
    assert len(whole) == 3000 and whole.users.dtype == np.int64 and whole.times is None
    for column, expected in zip(whole, ratings):
        np.testing.assert_array_equal(column, expected)
    for by in ("random", "user"):
        program("split", ratings_file, "--output", tmp_path / by, "--test", 0.2, "--validation", 0.1, "--by", by, "--seed", 4)
        parts = lowrank.split(whole, test=0.2, validation=0.1, by=by, seed=4)
        for part, name in zip(parts, ("train", "valid", "test")):
            expected = lowrank.read_ratings(tmp_path / f"{by}.{name}")
            for column, wanted in zip(part, expected):
                np.testing.assert_array_equal(column, wanted)
    train, test = lowrank.split(ratings, seed=4)
    assert [len(column) for column in (*train, *test)] == [2700] * 3 + [300] * 3
    frame = whole.to_frame().assign(time=np.arange(3000))
    for library in (frame, pytest.importorskip("polars").from_pandas(frame), pytest.importorskip("pyarrow").Table.from_pandas(frame)):
        train, test = lowrank.split(library, by="time")
        assert type(train) is type(library) and len(train) + len(test) == 3000
    sparse = pytest.importorskip("scipy.sparse").csr_matrix((ratings[2], (ratings[0], ratings[1])))
    train, test = lowrank.split(sparse)
    assert (train + test != sparse).nnz == 0 and test.nnz == 300
    with pytest.raises(lowrank.DataError, match="timestamp"):
        lowrank.split(ratings, by="time")


def test_times_of_every_kind():
    pandas = pytest.importorskip("pandas")
    texts = ["2020-01-02T00:30:00+02:00", "2020-01-01T23:00:00Z", "2020-01-01 21:00"]
    # In UTC: 22:30, 23:00 and 21:00 of January 1st.
    zoned = pandas.Series(pandas.to_datetime(texts, utc=True, format="ISO8601"))
    kinds = [texts, zoned, zoned.dt.tz_convert("Asia/Tokyo"), zoned.dt.tz_localize(None), list(zoned), [2, 3, 1], [2e9, 3e9, 1.28e9],
             ["2", "3", "1"], np.array(["2020-01-02", "2020-01-03", "2020-01-01"], dtype="M8[D]"), np.array(texts)]
    for times in kinds:
        frame = pandas.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "rating": [1, 2, 3], "time": times})
        train, test = lowrank.split(frame, by="time", test=0.34)
        assert test.item.tolist() == [2] and train.item.tolist() == [1, 3]
        assert np.argsort(lowrank.Ratings([1, 1, 1], [1, 2, 3], [1, 2, 3], times).times).tolist() == [2, 0, 1]
    assert lowrank.Ratings([1], [1], [1], ["2020-01-01T01:00:00+01:00"]).times.tolist() == [1577836800 * 10**6]
    for missing in (np.array(["2020-01-01", "NaT"], dtype="M8[s]"), [1.0, np.nan], ["2020-01-01", None], ["2020-01-01", "NaT"],
                    pandas.Series(pandas.to_datetime(["2020-01-01", None], utc=True))):
        with pytest.raises(lowrank.DataError, match="none in row 1"):
            lowrank.split(([1, 1], [1, 2], [1, 2], missing), by="time")
    for wrong, message in ((["2020-01-01", "Monday"], "timestamp in row 1, found 'Monday'"), (["2020-01-01", "17"], "date in row 1, found '17'"),
                           (["17", "2020-01-01"], "number in row 1"), ([978300760, 978300760123], "row 1 is in milliseconds, .* in seconds"),
                           ([1.0, 1e30], "timestamp in row 1"), (["9e8", "9e14"], "row 1 is in microseconds"), (["2020-02-30"] * 2, "row 0")):
        with pytest.raises(lowrank.DataError, match=message):
            lowrank.split(([1, 1], [1, 2], [1, 2], wrong), by="time")
    # Beyond what nanoseconds reach.
    assert lowrank.Ratings([1], [1], [1], ["9999-12-31"]).times.tolist() == [253402214400 * 10**6]
    assert lowrank.Ratings([1], [1], [1], np.array(["9999-12-31"], "M8[D]")).times.tolist() == [253402214400 * 10**6]
