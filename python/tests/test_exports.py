"""Models and factors that leave the process: files and file objects, tables, pictures."""

import csv
import io
import pathlib

import lowrank
import numpy as np
import pytest
from conftest import short


@pytest.fixture(scope="module", params=["sgd", "baseline", "implicit"])
def fitted(request, ratings):
    return short(request.param).fit((np.char.add("user, ", ratings[0].astype(str)), ratings[1], ratings[2]), validation=0.1)


def test_file_objects(fitted, tmp_path):
    stream = io.BytesIO()
    fitted.save(stream)
    fitted.save(tmp_path / "model")
    assert stream.getvalue() == (tmp_path / "model").read_bytes()
    stream.seek(0)
    assert lowrank.load(stream)._model.equals(fitted._model)
    with open(tmp_path / "raw", "wb", buffering=0) as file:
        fitted.save(file)
    with open(tmp_path / "raw", "rb") as file:
        assert lowrank.load(file).users_.tolist() == fitted.users_.tolist()
    for text in (io.StringIO(), io.StringIO("model")):
        with pytest.raises(lowrank.DataError, match="bytes, not for text"):
            fitted.save(text) if not text.getvalue() else lowrank.load(text)
    with pytest.raises(lowrank.ModelFileError):
        lowrank.load(io.BytesIO(stream.getvalue()[:-1]))


def test_paths_as_bytes(fitted, ratings_file, tmp_path):
    path = bytes(tmp_path / "model")
    fitted.save(path)
    assert lowrank.load(path)._model.equals(fitted._model)
    name = bytes(ratings_file)
    expected = short("sgd").fit(ratings_file)
    assert short("sgd").fit(name)._model.equals(expected._model)
    assert len(lowrank.read_ratings(name)) == 3000
    assert len(lowrank.split(name)) == 2
    assert expected.evaluate(name) == expected.evaluate(ratings_file)
    assert short("sgd").fit(name, init=path if type(fitted).__name__ == "SGD" else expected, validation=name)._model is not None
    assert lowrank.titles(name, ["x"]) == ["x"]


def test_paths_with_a_nul(fitted, tmp_path, ratings_file):
    fitted.save(tmp_path / "model")
    for path in (f"{tmp_path}/model\0x", f"{tmp_path}/model\0".encode(), pathlib.Path(f"{tmp_path}/model\0x")):
        for ask in (lowrank.load, fitted.save, lambda name: fitted.evaluate(name, top=5), lowrank.read_ratings, lowrank.split, short("sgd").fit, fitted.export,
                    lambda name: lowrank.titles(name, ["x"]), lambda name: short("sgd").fit(ratings_file, init=name)):
            with pytest.raises(lowrank.FileError, match="NUL"):
                ask(path)


def test_a_callback_that_returns_false_of_numpy(ratings):
    assert len(short("sgd", epochs=9).fit(ratings, callback=lambda report: np.bool_(report["epoch"] < 2)).history_) == 2
    assert len(short("sgd", epochs=4).fit(ratings, callback=lambda report: 0).history_) == 4


def test_vectors(fitted):
    users, items = fitted.user_vectors(), fitted.item_vectors()
    np.testing.assert_array_equal(users, fitted.user_factors_)
    np.testing.assert_array_equal(items, fitted.item_factors_)
    users, items = fitted.user_vectors(with_bias=True), fitted.item_vectors(with_bias=True)
    assert users.dtype == items.dtype == np.float32
    scores = fitted.mean_ + fitted.user_biases_[:, None] + fitted.item_biases_ + fitted.user_factors_.astype(float) @ fitted.item_factors_.T
    np.testing.assert_allclose(fitted.mean_ + users.astype(float) @ items.T, scores, rtol=1e-5, atol=1e-5)
    items[:] = 0  # a copy
    assert fitted.item_vectors(with_bias=True).any()


@pytest.mark.parametrize("side", ["items", "users"])
@pytest.mark.parametrize("with_bias", [False, True])
def test_tables(fitted, tmp_path, program, side, with_bias):
    ids = fitted.items_ if side == "items" else fitted.users_
    biases = fitted.item_biases_ if side == "items" else fitted.user_biases_
    vectors = (fitted.item_vectors if side == "items" else fitted.user_vectors)(with_bias)
    fitted.save(tmp_path / "model")
    flags = ["--with-bias"] if with_bias else []
    for kind, separator in (("csv", ","), ("tsv", "\t")):
        path = tmp_path / f"table.{kind}"
        fitted.export(path, side=side, with_bias=with_bias)
        assert program("export", tmp_path / "model", "--side", side, "--format", kind, *flags).stdout == path.read_text()
        with open(path, newline="") as file:
            header, *rows = csv.reader(file, delimiter=separator)
        word = "vector" if with_bias else "factor"
        assert header == [side[:-1], "ratings", *([] if with_bias else ["bias"]), *(f"{word}_{at + 1}" for at in range(vectors.shape[1]))]
        assert [row[0] for row in rows] == [str(one) for one in ids.tolist()]
        numbers = np.array([row[2:] for row in rows], np.float32)
        np.testing.assert_array_equal(numbers, vectors if with_bias else np.column_stack([biases, vectors]))
    parquet = pytest.importorskip("pyarrow.parquet")
    fitted.export(tmp_path / "table", side=side, with_bias=with_bias, format="parquet")
    table = parquet.read_table(tmp_path / "table")
    assert table.schema.names == header and table[side[:-1]].to_pylist() == ids.tolist()
    np.testing.assert_array_equal(table[header[-1]].to_numpy(), vectors[:, -1] if vectors.shape[1] else biases)


def test_arrays(fitted, tmp_path):
    fitted.export(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        assert arrays["users"].tolist() == fitted.users_.tolist() and arrays["items"].tolist() == fitted.items_.tolist()
        np.testing.assert_array_equal(arrays["item_vectors"], fitted.item_factors_)
        np.testing.assert_array_equal(arrays["user_biases"], fitted.user_biases_)
        assert arrays["mean"] == fitted.mean_
    with pytest.raises(lowrank.OptionError, match="format: must be csv, tsv, npz or parquet"):
        fitted.export(tmp_path / "model.xlsx")
    with pytest.raises(lowrank.OptionError, match="side: must be items or users"):
        fitted.export(tmp_path / "model.csv", side="both")
    with pytest.raises(lowrank.FileError):
        fitted.export(tmp_path / "no" / "model.csv")
    with pytest.raises(lowrank.NotFittedError):
        lowrank.SGD().export(tmp_path / "model.csv")


def test_pictures(fitted, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    if len(fitted.history_) and len(fitted.history_.dtype.names) > 2:
        axes = lowrank.plot_training(fitted)
        lines = {line.get_label(): line for other in axes.figure.axes for line in other.lines}
        for name in fitted.history_.dtype.names:
            if name not in ("epoch", "seconds"):
                np.testing.assert_array_equal(lines[name.replace("_", " ")].get_ydata(), fitted.history_[name])
        own = pyplot.figure().add_subplot()
        assert lowrank.plot_training(fitted, ax=own) is own
    fitted.save(tmp_path / "model")
    with pytest.raises(lowrank.DataError, match="no figures of epochs"):
        lowrank.plot_training(lowrank.load(tmp_path / "model"))
    if fitted.item_factors_.shape[1] == 0:
        with pytest.raises(lowrank.DataError, match="rank 0"):
            lowrank.plot_items(fitted)
        return
    axes = lowrank.plot_items(fitted, {7: "seven", "8": "eight"}, n=60)
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 60 and {"seven", "eight"} <= set(texts)
    texts = [text.get_text() for text in lowrank.plot_items(fitted, [f"film {item}" for item in fitted.items_], n=3).texts]
    counts = np.asarray(fitted._model.item_ratings)
    assert texts == [f"film {fitted.items_[row]}" for row in np.argsort(-counts.astype(int), kind="stable")[:3]]
    with pytest.raises(lowrank.DataError, match="titles: expected one per item"):
        lowrank.plot_items(fitted, ["one"])
    pyplot.close("all")
