"""What other threads, limits and odd arguments do: an error of lowrank or a result, never a crash or an error of another library."""

import subprocess
import sys
import textwrap
import threading

import lowrank
import numpy as np
import pytest
import scipy.sparse
from conftest import short

HUGE = 10**5000  # more digits than Python converts by default


def run(code, **how):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300, **how)


def changing(array, values):
    """A thread that writes values into an array and takes them back at once, until the event is set."""
    ends = threading.Event()

    def write():
        flat = array.reshape(-1)
        kept = flat.copy()
        rng = np.random.default_rng(1)
        while not ends.is_set():
            at = rng.integers(0, len(flat), 64)
            flat[at] = values
            flat[at] = kept[at]

    thread = threading.Thread(target=write)
    thread.start()
    return ends, thread


@pytest.mark.parametrize("kind", ["int64", "int32", "values", "indices", "indptr", "data", "strings"])
def test_arrays_that_change_during_fit(kind):
    rng = np.random.default_rng(7)
    n = 300_000
    users = rng.integers(0, 3000, n).astype(np.int32 if kind == "int32" else np.int64)
    items = rng.integers(0, 900, n).astype(users.dtype)
    values = rng.normal(size=n).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((values, (users, items)), shape=(3000, 900))
    strings = users.astype(str).astype(object)
    array, written = {
        "int64": (users, np.iinfo(np.int64).min),
        "int32": (users, np.iinfo(np.int32).max),
        "values": (values, np.nan),
        "indices": (matrix.indices, 2**31 - 1),
        "indptr": (matrix.indptr, 2**31 - 1),
        "data": (matrix.data, np.inf),
        "strings": (strings, None),
    }[kind]
    ends, thread = changing(array, written)
    try:
        for _ in range(8):
            try:
                data = matrix if kind in ("indices", "indptr", "data") else ((strings if kind == "strings" else users), items, values)
                model = short("baseline").fit(data)
                assert np.isfinite(model.user_biases_).all()
            except lowrank.Error:
                pass
            except (ValueError, IndexError):  # scipy's and numpy's own words for an inconsistent matrix
                assert kind == "indptr"
    finally:
        ends.set()
        thread.join()


def test_a_daemon_thread_in_fit_at_the_end_of_the_interpreter():
    for wait in ("time.sleep(0.3)", "time.sleep(0.3); import os; threading.Thread(target=lambda: None).start()", "pass"):
        result = run(f"""
            import threading, time, warnings, numpy as np, lowrank
            warnings.simplefilter("ignore", lowrank.TrainingWarning)  # there is nothing to learn
            rng = np.random.default_rng(1)
            data = rng.integers(0, 900, 20000), rng.integers(0, 900, 20000), rng.normal(size=20000)
            def train():
                lowrank.SGD(epochs=10**9, rank=8).fit(data, threads=2, callback=lambda report: True)
            def ask(model):
                while True:
                    model.recommend(n=5)
            model = lowrank.SGD(epochs=1, rank=2).fit(data)
            threading.Thread(target=train, daemon=True).start()
            threading.Thread(target=ask, args=(model,), daemon=True).start()
            {wait}
        """)
        assert (result.returncode, result.stderr) == (0, "")


def test_an_estimator_that_is_refitted_while_it_is_asked():
    """Two data sets with ids and items of their own: every answer is all of one."""
    sets = [([f"{name}{n % 40}" for n in range(400)], [f"{name}-{n * 7 % 30}" for n in range(400)], list(range(400))) for name in "ab"]
    model = short("baseline").fit(sets[0])
    ends = threading.Event()
    wrong = []

    def ask():
        while not ends.is_set():
            try:
                ids, _ = model.recommend(n=3, filter_seen=False)
                table = model.recommend(n=3, filter_seen=False, as_frame=True)
                similar = model.similar_items(n=2, as_frame=True)
                for users, items in ((table["user"], table["item"]), (similar["item"], similar["similar"])):
                    if len({one[0] for one in users} | {one[0] for one in items}) > 1:
                        wrong.append(table)
                if len({one[0] for one in ids.compressed()}) > 1:
                    wrong.append(ids)
                folded = model.fold_in((["new"], ["a-0"], [3]))
                if len(folded.items_) != folded.item_factors_.shape[0]:
                    wrong.append(folded)
            except lowrank.DataError:
                pass
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for time in range(60):
        model.fit(sets[time % 2])
    ends.set()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("megabytes", [60, 200])
def test_no_threads_left(megabytes):
    result = run(f"""
        import os, resource, numpy as np, lowrank
        rng = np.random.default_rng(1)
        data = rng.integers(0, 90, 2000), rng.integers(0, 90, 2000), rng.normal(size=2000)
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + ({megabytes} << 20)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        try:
            first = lowrank.SGD(epochs=2, rank=2).fit(data, threads=64)
            assert first.recommend(n=3, threads=64).ids.shape == (len(first.users_), 3)
        except MemoryError:
            pass
        child = os.fork()
        if child == 0:
            try:
                lowrank.SGD(epochs=2, rank=2).fit(data, threads=64)
            except MemoryError:
                pass
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        print("done")
    """)
    assert result.stdout == "done\n", result.stderr


def test_tables_as_columns():
    pandas = pytest.importorskip("pandas")
    columns = {"user": [1, 2, 3], "item": [1, 2, 3], "rating": [1.0, 2.0, 3.0]}
    tables = [pandas.DataFrame(columns)]
    for library in ("pyarrow", "polars"):
        try:
            module = __import__(library)
        except ImportError:
            continue
        tables.append(module.table(columns) if library == "pyarrow" else module.DataFrame(columns))
    model = short("baseline").fit((columns["user"], columns["item"], columns["rating"]))
    for table in tables:
        for ask in (lambda: model.recommend(table), lambda: model.similar_items(table), lambda: model.predict(table, [1, 2, 3]),
                    lambda: model.fit((table, table, [1, 2, 3])), lambda: model.fit(([1, 2, 3], [1, 2, 3], table)),
                    lambda: lowrank.Ratings(table, table, table)):
            with pytest.raises(lowrank.DataError, match="a whole table"):
                ask()


@pytest.mark.parametrize("stream", ["None", "io.StringIO()", "Closed()", "Full()"])
@pytest.mark.parametrize("hidden", ["", "sys.modules['tqdm'] = None"])
def test_progress_where_nobody_can_see_it(stream, hidden):
    result = run(f"""
        import io, sys
        class Full(io.StringIO):
            def write(self, text):
                raise OSError(28, "No space left on device")
        def Closed():
            stream = io.StringIO()
            stream.close()
            return stream
        {hidden}
        import lowrank
        sys.stderr = {stream}
        model = lowrank.SGD(rank=2, epochs=3).fit(([1, 1, 2], [1, 2, 1], [1, 2, 3]), progress=True)
        model = lowrank.SGD(rank=2, epochs=3).fit(([1, 1, 2], [1, 2, 1], [1, 2, 3]))
        print(len(model.history_))
    """)
    assert result.stdout == "3\n", result.stderr


def test_progress_with_a_closed_descriptor():
    result = subprocess.run(
        ["sh", "-c", f'exec {sys.executable} -c "import lowrank; '
         'print(len(lowrank.SGD(rank=2, epochs=3).fit(([1, 1, 2], [1, 2, 1], [1, 2, 3]), progress=True).history_))" 2>&-'],
        stdout=subprocess.PIPE, text=True, timeout=300)
    assert result.stdout == "3\n"


ODD = [float("nan"), float("inf"), -1, HUGE, -HUGE, "x", None, b"1", 1.5, [1], object(), True, np.float32("nan"), np.array([1, 2]), 2**64]


def test_odd_numbers_are_errors_of_lowrank(ratings):
    model = short("sgd").fit(ratings)
    columns = [1, 1, 2, 2], [1, 2, 1, 2], [5, 3, 4, 1]
    foreign = []
    for value in ODD:
        for name, ask in {
            "seed": lambda: lowrank.SGD(seed=value, epochs=1).fit(columns),
            "rank": lambda: lowrank.SGD(rank=value, epochs=1).fit(columns),
            "learning_rate": lambda: lowrank.SGD(learning_rate=value, epochs=1).fit(columns),
            "epochs": lambda: lowrank.SGD(epochs=value).fit(columns) if value is not True else None,
            "threads": lambda: lowrank.SGD(epochs=1).fit(columns, threads=value),
            "min_rating": lambda: lowrank.SGD(epochs=1).fit(columns, min_rating=value),
            "validation": lambda: lowrank.SGD(epochs=1).fit(columns, validation=value),
            "n": lambda: model.recommend(n=value),
            "min_count": lambda: model.recommend(n=1, min_count=value),
            "users": lambda: model.recommend(value, n=1),
            "items": lambda: model.recommend(n=1, items=value),
            "unknown": lambda: model.recommend(n=1, unknown=value),
            "frame": lambda: model.recommend(n=1, as_frame=value) if not isinstance(value, bool) and not isinstance(value, np.ndarray) else None,
            "predict": lambda: model.predict([value], [value]),
            "top": lambda: model.evaluate(columns, top=value),
            "relevant_from": lambda: model.evaluate(columns, top=1, relevant_from=value),
            "split seed": lambda: lowrank.split(columns, seed=value),
            "split test": lambda: lowrank.split(columns, test=value),
            "split validation": lambda: lowrank.split(columns, validation=value),
            "ids": lambda: model.fit(([value, value], [1, 2], [3, 4])),
            "values": lambda: lowrank.SGD(epochs=1).fit(([1, 2], [1, 2], [value, value])),
            "K": lambda: lowrank.MF(np.ones((2, 2)), K=value, alpha=0.1, beta=0, iterations=1),
            "MF seed": lambda: lowrank.MF(np.ones((2, 2)), K=1, alpha=0.1, beta=0, iterations=1, seed=value),
        }.items():
            try:
                ask()
            except (lowrank.Error, MemoryError):
                pass
            except Exception as error:
                foreign.append((name, type(value).__name__, type(error).__name__, str(error)[:100]))
    assert not foreign, "\n".join(map(str, foreign))


def test_messages_are_short():
    model = short("baseline").fit((["a", "b"], ["x", "y"], [1, 2]))
    with pytest.raises(lowrank.UnknownIdError) as caught:
        model.recommend(["z" * 100_000] * 3 + ["w"])
    assert len(str(caught.value)) < 200 and '"w"' in str(caught.value)


def test_messages_give_no_orders_to_a_terminal(tmp_path):
    model = short("baseline").fit((["a", "b"], ["x", "y"], [1, 2]))
    for ask in (lambda: lowrank.load(tmp_path / "\x1b[31mnone"), lambda: model.fit(str(tmp_path / "\x9b31mnone")), lambda: model.recommend(["\x1b[31m"]),
                lambda: model.save(tmp_path / "\x1b]0;x\x07" / "m")):
        with pytest.raises(lowrank.Error) as caught:
            ask()
        assert str(caught.value).isprintable()


def test_the_compiled_part_checks_lengths_and_numbers():
    from lowrank import _core

    model = short("sgd").fit(([1, 2, 3], [1, 2, 3], [1, 2, 3]))._asked()
    zeros = np.zeros(3, np.uint32)
    for users, items in ((3, 2), (2, 3), (0, 3), (3, 0)):
        with pytest.raises(lowrank.DataError):
            model.predict(zeros[:users], zeros[:items], None, [], 1)
    beyond = np.array([0, 3, 2**32 - 1], np.uint32)
    assert np.isfinite(model.predict(beyond, beyond[::-1].copy(), None, [], 2)).all()
    given = _core.Given(beyond, beyond, None, None)
    for users in (True, False):
        with pytest.raises(lowrank.DataError):
            model.similar(users, beyond, 2, "cosine", given, 1, 2)
    for ask in (model.recommend, model.recommend_users):
        with pytest.raises(lowrank.DataError):
            ask(beyond, 2, True, given, 1, 2)
        ask(beyond[::2].copy(), 2, True, given, 1, 2)
        for offsets, rows in (([0, 1], [0]), ([0, 1, 1], []), ([0, 2, 1, 3], [0, 1, 2]), ([1, 1, 1, 1], [0])):
            runs = np.array(offsets, np.uint64), np.array(rows, np.uint32)
            for wrong in (_core.Given(None, zeros, runs, None), _core.Given(None, zeros, None, runs)):
                with pytest.raises(lowrank.DataError):
                    ask(zeros, 2, True, wrong, 1, 2)
        runs = np.array([0, 1, 3, 3], np.uint64), np.array([2**32 - 1, 7, 2], np.uint32)
        ask(zeros, 2, True, _core.Given(None, zeros, runs, runs), 1, 2)
    with pytest.raises(lowrank.DataError):
        _core.Dataset.from_numbers(beyond, zeros, np.ones(3, np.float32), None, 3, 3, "last", 1)
    with pytest.raises(lowrank.DataError):
        _core.Dataset.from_numbers(zeros[:2], zeros, np.ones(3, np.float32), None, 3, 3, "last", 1)


def test_lists_longer_than_the_items():
    model = short("sgd").fit(([1, 2, 3], [1, 2, 3], [1, 2, 3]))
    assert model.recommend(n=10**8).ids.shape == (3, 3)
    assert model.similar_items(n=10**8).ids.shape == (3, 3)
    assert len(model.recommend(n=10**8, filter_seen=False, as_frame=True)) == 9


def test_ids_that_collide_in_a_fixed_hash():
    """Integers whose distances are powers of two, and what Python itself takes for equal modulo its prime."""
    for step in (2**32, 2**47, 2**48, 2**61 - 1):
        count = min(20_000, 2**63 // step - 1)
        ids = np.arange(count, dtype=np.int64) * step
        model = short("baseline").fit((ids, ids, np.ones(count)))
        assert len(model.users_) == count
        with pytest.raises(lowrank.UnknownIdError):
            model.recommend(ids + 1)
