"""The same options, data and seed give the same model file from the command line, C++ and Python, in every form of input.

A form of input shows in one place: the file says whether its ids were integers, strings or text.
"""

import json
import os
import subprocess

import lowrank
import numpy as np
import pytest
from conftest import short


def bytes_of(model, tmp_path):
    path = tmp_path / "python.safetensors"
    model.save(path)
    return path.read_bytes()


def but_for_kinds(data):
    """What a model file says, its kinds of ids apart: (header and data, (kind of user ids, kind of item ids))."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    del header["__metadata__"]["checksum"]
    model = json.loads(header["__metadata__"].pop("model"))
    kinds = model.pop("user_ids"), model.pop("item_ids")
    return (header, model, data[start:]), kinds


def options_of(model):
    for name, value in model.get_params().items():
        default = type(model)().get_params()[name]
        if value != default:
            yield name, value


def flags_of(model):
    for name, value in options_of(model):
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{'' if value else 'no-'}{flag}"
        else:
            yield from (f"--{flag}", str(value))


def seeded(method, seed):
    """A short estimator, with a seed where training without a validation share reads one."""
    return short(method) if method in ("baseline", "ease", "neighbours", "popular", "slim") else short(method, seed=seed)


@pytest.mark.parametrize("threads", [1, 2])
def test_command_line_and_python(method, ratings_file, ratings, program, tmp_path, threads):
    model = seeded(method, 7)
    output = tmp_path / "program.safetensors"
    program("train", ratings_file, "--output", output, "--method", method, *flags_of(model), "--threads", threads, "--quiet")
    expected = output.read_bytes()
    assert bytes_of(model.fit(ratings_file, threads=threads), tmp_path) == expected
    assert but_for_kinds(bytes_of(model.fit(ratings), tmp_path)) == (but_for_kinds(expected)[0], ("integer", "integer"))
    assert bytes_of(lowrank.load(output), tmp_path) == expected


def test_cpp_and_python(method, ratings_file, ratings, tmp_path):
    trainer = os.environ.get("LOWRANK_CPP_TRAINER")
    if not trainer:
        pytest.skip("LOWRANK_CPP_TRAINER names no program")
    model = seeded(method, 3)
    output = tmp_path / "cpp.safetensors"
    given = [f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options_of(model)]
    subprocess.run([trainer, ratings_file, output, method, *given], check=True)
    expected = output.read_bytes()
    assert bytes_of(model.fit(ratings_file, threads=1), tmp_path) == expected
    assert but_for_kinds(bytes_of(model.fit(ratings, threads=1), tmp_path))[0] == but_for_kinds(expected)[0]


def test_with_a_holdout(method, ratings_file, program, tmp_path):
    model = short(method)
    output = tmp_path / "program.safetensors"
    arguments = ["--holdout", "0.2", "--refit", "--quiet"]
    program("train", ratings_file, "--output", output, "--method", method, *flags_of(model), *arguments)
    assert bytes_of(model.fit(ratings_file, validation=0.2, refit=True), tmp_path) == output.read_bytes()


def test_every_form_of_input(method, ratings, tmp_path):
    users, items, values = ratings
    expected = but_for_kinds(bytes_of(short(method).fit((users, items, values)), tmp_path))[0]
    strings = users.astype(str), items.astype(str).astype(object), values.astype(np.float32)
    mixed = [int(user) if user % 2 else str(user) for user in users], items.astype(np.int32), values.tolist()
    pandas = pytest.importorskip("pandas").DataFrame({"user": users, "item": items, "rating": values})
    polars = pytest.importorskip("polars").DataFrame({"user": users, "item": items.astype(str), "rating": values})
    pyarrow = pytest.importorskip("pyarrow").table({"user": users.astype(str), "item": items, "rating": values})
    named = pandas.rename(columns={"user": "a", "item": "b", "rating": "c"})[["c", "b", "a"]]
    integers = "integer", "integer"
    for X, y, columns, kinds in [
        (strings, None, None, ("string", "string")),
        (mixed, None, None, ("text", "integer")),
        ((users.astype(np.uint64), items.astype(np.int8), values), None, None, integers),
        ((users.astype(float), items, values), None, None, integers),
        (np.column_stack([users, items]), values, None, integers),
        ([[int(user), str(item)] for user, item in zip(users, items)], values, None, ("integer", "string")),
        (np.asfortranarray(np.column_stack([users, items])), values, None, integers),
        (pandas, None, None, integers),
        (pandas.astype({"user": "category", "item": "Int64"}), None, None, integers),
        (pandas.astype({"user": "string", "item": "str"}), None, None, ("string", "string")),
        (pandas[["user", "item"]], pandas["rating"], None, integers),
        (named, None, ("a", "b", "c"), integers),
        (named, None, {"user": "a", "item": "b", "rating": "c"}, integers),
        (polars, None, None, ("integer", "string")),
        (polars.lazy(), None, None, ("integer", "string")),
        (pyarrow, None, None, ("string", "integer")),
        (lowrank.Ratings(users, items, values), None, None, integers),
    ]:
        assert but_for_kinds(bytes_of(short(method).fit(X, y, columns=columns), tmp_path)) == (expected, kinds)


def test_matrices(method):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.full((6, 5), np.nan)
    dense[0, 1], dense[0, 3], dense[2, 2], dense[5, 0], dense[5, 1] = 3, 0, 4.5, 1, 2
    rows, columns = np.nonzero(~np.isnan(dense))
    csr = sparse.csr_matrix((dense[rows, columns], (rows, columns)), shape=dense.shape)
    assert csr.nnz == 5
    models = [short(method).fit(form) for form in (dense, csr, csr.tocsc(), csr.tocoo(), sparse.csr_array(csr), np.ma.masked_invalid(dense))]
    for model in models:
        assert model._model.equals(models[0]._model)
        assert model.users_.tolist() == list(range(6))
        assert model.items_.tolist() == list(range(5))
        # A zero is no interaction.
        assert model.record_["ratings"] == (4 if method in ("implicit", "implicit-context", "popular", "bpr", "neighbours", "ease", "slim") else 5)
