"""Tables of users x items, and what files are taken for."""

import lowrank
import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

CELLS = [("ann", "A", 5.0), ("ann", "C", 3.0), ("bob", "A", 1.0), ("cy", "B", 0.0), ("cy", "C", 2.0)]
LONG = pandas.DataFrame(CELLS, columns=["user", "item", "rating"])


def table():
    return LONG.pivot(index="user", columns="item", values="rating")


def fitted(ratings, **how):
    model = lowrank.SGD(rank=2, epochs=3).fit(ratings, threads=1, progress=False, **how)
    return model.users_.tolist(), model.items_.tolist(), model.user_factors_.tobytes(), model.item_factors_.tobytes()


def test_a_table_of_users_x_items_is_its_cells():
    expected = fitted(LONG)
    assert fitted(table()) == expected
    assert fitted(table().rename_axis(None).rename_axis(None, axis=1)) == expected
    assert fitted(table().astype("Float64")) == expected
    assert fitted(table().reset_index()) == expected
    assert fitted(table(), format="matrix") == expected
    assert fitted(table().reset_index().rename(columns={"user": "who"}), format="matrix") == expected


def test_numbers_are_ids_too():
    ratings = pandas.DataFrame([(7, 1, 5.0), (7, 3, 3.0), (9, 1, 1.0)], columns=["user", "item", "rating"])
    wide = ratings.pivot(index="user", columns="item", values="rating")
    assert fitted(wide) == fitted(ratings)
    assert fitted(wide)[0] == [7, 9]


def test_tables_of_other_libraries():
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    wide = table().reset_index()
    assert fitted(polars.from_pandas(wide)) == fitted(LONG)
    assert fitted(pyarrow.Table.from_pandas(wide, preserve_index=False)) == fitted(LONG)


def test_what_is_no_table_of_users_x_items_is_not_taken_for_one():
    with pytest.raises(lowrank.DataError, match='no column "user"'):
        fitted(pandas.DataFrame({"who": [1, 2, 3], "what": [10, 2000, 30], "how": [5, 3, 4]}))
    with pytest.raises(lowrank.DataError, match='no column "rating"'):
        fitted(LONG.rename(columns={"rating": "stars"}))
    with pytest.raises(lowrank.DataError, match="one row per user"):
        fitted(pandas.concat([table(), table()]), format="matrix")
    with pytest.raises(lowrank.DataError, match="expected numbers"):
        fitted(table().assign(D="x"), format="matrix")
    with pytest.raises(lowrank.OptionError, match="format"):
        fitted(LONG, format="csv")


def test_a_table_of_users_x_items_is_evaluated():
    model = lowrank.SGD(rank=2, epochs=3).fit(LONG, progress=False)
    assert model.evaluate(table())["rmse"] == model.evaluate(LONG)["rmse"]
    validated = lowrank.SGD(rank=2, epochs=3).fit(LONG, validation=table(), progress=False)
    assert validated.summary_["validation"]["ratings"] == len(CELLS)


def test_names_of_a_file_decide(tmp_path):
    path = tmp_path / "books.csv"
    path.write_text("book_id,user_id,time,rating\n10,1,978300760,5\n20,1,978300761,3\n10,2,978300762,4\n")
    ratings = lowrank.read_ratings(path)
    assert (ratings.users.tolist(), ratings.items.tolist(), ratings.values.tolist()) == ([1, 1, 2], [10, 20, 10], [5, 3, 4])
    assert ratings.times.tolist() == [978300760, 978300761, 978300762]
    assert ratings.layout == f"{path}: 4 columns separated by commas, header; user = user_id, item = book_id, rating = rating, time = time (seconds since 1970)"
    assert ratings[:1].layout == ratings.layout
    model = lowrank.SGD(rank=2, epochs=1).fit(path, validation=path, progress=False)
    line = f"{path}: 4 columns separated by commas, header; user = user_id, item = book_id, rating = rating"
    assert model.summary_["inputs"] == [line, line]
    assert model.items_.tolist() == [10, 20]
    assert lowrank.split(path, test=0.4)[0].items.dtype == np.int64


def test_clicks_of_a_file(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\n1,10,978300760\n1,20,978300761\n")
    for how in ({}, {"columns": ("user", "item")}, {"columns": {"user": 1, "item": 2}}):
        assert lowrank.read_ratings(path, implicit_values=True, **how).values.tolist() == [1, 1]
    assert lowrank.Popular().fit(path, implicit_values=True, columns=("user", "item"), progress=False).items_.tolist() == [10, 20]
    with pytest.raises(lowrank.DataError, match=r"clicks.csv:1: .*; use implicit_values to read"):
        lowrank.read_ratings(path)


def test_messages_name_the_arguments_of_python(tmp_path):
    path = tmp_path / "unclear.csv"
    path.write_text("who,what,how\n1,10,5\n1,20,3\n")
    with pytest.raises(lowrank.DataError, match="use columns user=who,item=what,rating=how"):
        lowrank.SGD().fit(path)
    assert len(lowrank.read_ratings(path, columns="user=who,item=what,rating=how")) == 2
    path.write_text("1 10 20\n2 10 20 30\n3 10\n")
    with pytest.raises(lowrank.DataError, match="use format adjacency"):
        lowrank.read_ratings(path)
    assert len(lowrank.read_ratings(path, format="adjacency")) == 6
    path.write_text(",A,B\nann,5,-\nbob,1,NaN\n")
    assert lowrank.read_ratings(path).items.tolist() == ["A", "A"]
