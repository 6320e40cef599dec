"""Forks, threads, signals and terminals."""

import fcntl
import multiprocessing
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap

import lowrank
import numpy as np
import pytest
from conftest import short


def fit_again(arguments):
    ratings, threads = arguments
    model = short("sgd").fit(ratings, threads=threads)
    return model.user_factors_.copy(), model.recommend(n=3, threads=threads).ids


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_multiprocessing(ratings, way):
    model = short("sgd").fit(ratings, threads=4)
    expected = model.recommend(n=3, threads=4).ids
    with multiprocessing.get_context(way).Pool(3) as pool:
        for factors, ids in pool.map_async(fit_again, [(ratings, threads) for threads in (1, 2, 4, 4, 2, 1)]).get(timeout=300):
            np.testing.assert_array_equal(factors, model.user_factors_)
            np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(fit_again((ratings, 4))[1], expected)


def test_a_model_that_the_fork_brought_along(ratings):
    model = short("sgd").fit(ratings, threads=4)
    expected = model.recommend(n=3, threads=4).ids.tolist()
    for _ in range(10):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os._exit(0 if model.recommend(n=3, threads=4).ids.tolist() == expected else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_joblib(ratings):
    joblib = pytest.importorskip("joblib")
    fit_again((ratings, 2))
    for backend in ("loky", "multiprocessing", "threading"):
        results = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(fit_again)((ratings, 2)) for _ in range(4))
        for factors, _ in results:
            np.testing.assert_array_equal(factors, results[0][0])


def in_another_process(code):
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_the_interpreter_goes_on_meanwhile():
    """Training, which never ends by itself here, holds the GIL only for its reports: another thread counts, and interrupts it."""
    code = """
        import _thread, threading, time, numpy as np, lowrank
        random = np.random.default_rng(1)
        data = random.integers(0, 900, 20000), random.integers(0, 900, 20000), random.normal(size=20000)

        def count():
            for _ in range(300):
                time.sleep(0.0005)
            _thread.interrupt_main()

        counter = threading.Thread(target=count)
        try:
            counter.start()
            lowrank.SGD(epochs=10**9).fit(data, threads=1)
        except KeyboardInterrupt:
            print("ended")
    """
    assert subprocess.run(in_another_process(code), stdout=subprocess.PIPE, text=True, timeout=300, check=True).stdout == "ended\n"


def test_ctrl_c():
    process = subprocess.Popen(
        in_another_process("""
            import numpy as np, lowrank
            random = np.random.default_rng(1)
            data = random.integers(0, 900, 20000), random.integers(0, 900, 20000), random.normal(size=20000)
            model = lowrank.SGD(epochs=10**9)
            try:
                model.fit(data, callback=lambda report: print("epoch", flush=True) if report["epoch"] == 2 else None)
            except KeyboardInterrupt:
                assert not hasattr(model, "users_")
                print("ended", flush=True)
        """),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "epoch\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=300)[0] == "ended\n"
    assert process.returncode == 0


def test_progress_on_terminals_only(ratings):
    code = "import lowrank; lowrank.SGD(rank=2, epochs=3).fit(([1, 1, 2], [1, 2, 1], [1, 2, 3]){})"
    for extra, expected in [("", False), (", progress=True", True)]:
        result = subprocess.run(in_another_process(code.format(extra)), capture_output=True, text=True, check=True)
        assert result.stdout == "" and bool(result.stderr) == expected
    for hidden in ("", "import sys; sys.modules['tqdm'] = None; "):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        subprocess.run(in_another_process(hidden + code.format("")), stderr=slave, check=True)
        assert select.select([master], [], [], 10)[0]
        shown = os.read(master, 10000).decode()
        os.close(slave)
        os.close(master)
        assert "SGD" in shown and "3" in shown


def test_the_program(program, tmp_path):
    assert program("--version").stdout.startswith("lowrank " + lowrank.__version__)
    assert program("train", check=False).returncode == 2
    path = tmp_path / "ratings.csv"
    program("generate", "--users", 20, "--items", 10, "--ratings", 60, "--output", path)
    assert len(lowrank.read_ratings(path)) == 60


def test_exit_after_fork():
    """A forked process that ends the ordinary way does so without waiting for threads that it lacks."""
    subprocess.run(
        in_another_process("""
            import os, sys, lowrank
            data = (list(range(200)), [1] * 200, [1, 2] * 100)
            lowrank.SGD(rank=2, epochs=2).fit(data, threads=4)
            child = os.fork()
            lowrank.SGD(rank=2, epochs=2).fit(data, threads=4)
            if child == 0:
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """),
        check=True,
        timeout=300,
    )


def test_only_numpy_is_needed():
    code = """
        import sys
        for name in ("scipy", "pandas", "polars", "pyarrow", "sklearn", "tqdm", "joblib"):
            sys.modules[name] = None
        import numpy as np, lowrank
        model = lowrank.SGD(rank=2, epochs=2).fit(([1, 2, 2], ["a", "b", "a"], [1, 2, 3]), validation=([1], ["b"], [2]))
        model.recommend(), model.similar_items(), model.predict([1], ["a"]), model.score([[1, "a"]], [3])
        model.fit(np.array([[1, np.nan], [2, 3]])), repr(model), model.fold_in(np.array([[1, np.nan]]))
        lowrank.split(([1, 2], [1, 2], [1, 2]), test=0.5)
    """
    subprocess.run(in_another_process(code), check=True)
    assert pathlib.Path(lowrank.__file__).with_name("py.typed").exists()
