"""How files are read, where the caller says it."""

import warnings

import lowrank
import numpy as np
import pytest


def triples(path, **options):
    read = lowrank.read_ratings(path, **options)
    return list(zip(read.users.tolist(), read.items.tolist(), read.values.tolist()))


def test_separator_and_decimal(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("ann;x;1,000\nbob;y;2\n")
    with pytest.raises(lowrank.DataError, match=r'r.csv:1: .*"1,000", whose comma may be .* use decimal , if'):
        lowrank.read_ratings(path)
    assert triples(path, decimal=",") == [("ann", "x", 1.0), ("bob", "y", 2.0)]
    path.write_text("ann^x^4.5\nbob^y^2\n")
    assert triples(path, separator="^") == [("ann", "x", 4.5), ("bob", "y", 2.0)]
    model = lowrank.Baseline().fit(path, separator="^", validation=path)
    assert model.summary_["inputs"][0].startswith(f'{path}: 3 columns separated by "^"')
    for wrong in ("", "ab", 7):
        with pytest.raises(lowrank.OptionError, match="separator: "):
            lowrank.read_ratings(path, separator=wrong)
    with pytest.raises(lowrank.OptionError, match="decimal: must be . or , or auto"):
        lowrank.read_ratings(path, decimal="comma")


def test_encoding(tmp_path):
    path = tmp_path / "r.csv"
    for encoding in ("latin-1", "utf-16", "utf-16-be".replace("-be", "be"), "cp1252", "utf-8", "utf-8-sig"):
        path.write_bytes("José,x,4\nb,y,3\n".encode(encoding))
        assert triples(path, encoding=encoding) == [("José", "x", 4.0), ("b", "y", 3.0)], encoding
    path.write_bytes("José,x,4\n".encode("utf-16"))
    with pytest.raises(lowrank.DataError, match="this is UTF-16 text, which is not read; use encoding utf-16"):
        lowrank.read_ratings(path)
    with pytest.raises(lowrank.OptionError, match="encoding: must be an encoding that iconv knows"):
        lowrank.read_ratings(path, encoding="klingon")


def test_bad_lines_are_skipped(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("ann,x,4\nbob,y\ncid,x,good\nbob,x,3\n")
    with pytest.warns(lowrank.DataWarning, match="2 malformed lines skipped:\n.*r.csv:2: too few columns.*\n.*r.csv:3: expected a number"):
        assert triples(path, skip_bad_lines=True) == [("ann", "x", 4.0), ("bob", "x", 3.0)]
    with pytest.warns(lowrank.DataWarning, match="2 malformed lines skipped"):
        model = lowrank.Baseline().fit(path, skip_bad_lines=True)
    assert model.summary_["ratings"] == 2
    assert sorted(model.users_.tolist()) == ["ann", "bob"]
    path.write_text("ann,x,4\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", lowrank.DataWarning)
        lowrank.read_ratings(path, skip_bad_lines=True)


@pytest.mark.parametrize("option", [{"separator": ","}, {"decimal": ","}, {"encoding": "utf-8"}, {"skip_bad_lines": True}])
def test_options_of_files_are_not_read_elsewhere(option):
    with pytest.raises(lowrank.OptionError, match=f"{next(iter(option))}: is read only for a file of ratings"):
        lowrank.Baseline().fit(([1, 2], [1, 2], [3.0, 4.0]), **option)


def test_tables_of_pyarrow(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table = pyarrow.table({"movie_id": [7, 8, 7], "userId": ["ann", "ann", "bob"], "stars": [4.0, 3.5, 1.0],
                           "date": np.array(["2020-01-01", "2020-01-03", "2020-01-02"], dtype="M8[s]")})
    plain = lowrank.Baseline().fit((["ann", "ann", "bob"], [7, 8, 7], [4, 3.5, 1]))
    writers = {"r.parquet": parquet.write_table, "r.arrow": feather.write_feather,
               "r.feather": lambda table, path: feather.write_feather(table.set_column(3, "date", [[1, 3, 2]]), path, version=1)}
    for name, write in writers.items():
        path = tmp_path / name
        write(table, str(path))
        ratings = lowrank.read_ratings(path)
        assert list(zip(ratings.users.tolist(), ratings.items.tolist(), ratings.values.tolist())) == [
            ("ann", 7, 4.0), ("ann", 8, 3.5), ("bob", 7, 1.0)]
        assert np.argsort(ratings.times).tolist() == [0, 2, 1]
        assert ratings.layout.endswith("of 4 columns; user = userId, item = movie_id, rating = stars, time = date")
        model = lowrank.Baseline().fit(path, validation=path)
        assert model.predict(["bob"], [8]) == plain.predict(["bob"], [8])
        assert lowrank.Baseline().fit(path, columns={"user": 2, "item": "movie_id"}).summary_["ratings"] == 3
        weighed = lowrank.Baseline().fit(path, columns={"user": 2, "item": 1, "rating": 3, "weight": "stars"})
        assert weighed.predict(["bob"], [8]) != plain.predict(["bob"], [8])
        with pytest.raises(lowrank.OptionError, match="a weight is read only by fit"):
            lowrank.read_ratings(path, columns={"user": 2, "item": 1, "weight": "stars"})
        with pytest.raises(lowrank.OptionError, match="separator: is read only for"):
            lowrank.Baseline().fit(path, separator=",")
        with pytest.raises(lowrank.DataError, match='no column "who"; there are "movie_id", "userId"'):
            lowrank.read_ratings(path, columns={"user": "who", "item": "movie_id"})
    path = tmp_path / "r.parquet"
    parquet.write_table(table.rename_columns(["a", "b", "c", "d"]), path)
    with pytest.raises(lowrank.DataError, match='r.parquet: no telling which column is the user and the item among "a", "b", "c", "d"'):
        lowrank.Baseline().fit(path)
    parquet.write_table(table.drop_columns(["stars"]), path)
    with pytest.raises(lowrank.DataError, match="is the rating among .* name user and item alone"):
        lowrank.read_ratings(path)
    path.write_bytes(path.read_bytes()[:-9] + b"PAR1")
    with pytest.raises(lowrank.DataError, match="r.parquet: a Parquet file that pyarrow cannot read"):
        lowrank.read_ratings(path)
    path.write_text("PAR1,x,4\n")
    assert triples(path) == [("PAR1", "x", 4.0)]


def test_tables_without_pyarrow(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "r.parquet"
    parquet.write_table(pytest.importorskip("pyarrow").table({"user": [1], "item": [1], "rating": [1]}), path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(lowrank.DataError, match="r.parquet: this is a Parquet file, which takes pyarrow to read"):
        lowrank.read_ratings(path)


@pytest.mark.parametrize("kind", ["coo", "csr", "csc"])
@pytest.mark.parametrize("shape", [(2**31 - 5, 30), (30, 2**31 - 5), (2**33, 2**40)])
def test_empty_rows_of_a_vast_shape_have_no_ids(kind, shape):
    sparse = pytest.importorskip("scipy.sparse")
    resource = pytest.importorskip("resource")
    rows, columns = [0, shape[0] - 1, shape[0] - 1], [3, shape[1] - 1, 3]
    matrix = sparse.coo_array(([4, 3, 2, 5], ([*rows, 0], [*columns, 3])), shape=shape)
    if (kind == "csr" and shape[0] > 100) or (kind == "csc" and shape[1] > 100):
        matrix = sparse.coo_array(matrix)  # scipy itself would need the memory
    else:
        matrix = matrix.asformat(kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = lowrank.Baseline().fit(matrix)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert sorted(model.users_.tolist()) == [0, shape[0] - 1]
    assert sorted(model.items_.tolist()) == [3, shape[1] - 1]
    assert model.summary_["ratings"] == 3
    other = lowrank.Baseline().fit(([0, shape[0] - 1, shape[0] - 1], columns, [9.0, 3.0, 2.0]))
    assert model.predict([0], [3]) == other.predict([0], [3])
