"""What the tests share: small ratings, every method that there is, and the command-line program."""

import os
import pathlib
import subprocess
import sys

import lowrank
import numpy as np
import pytest
from lowrank._methods import classes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Short, so that a test takes no time; of the options a method has, those here are set.
SHORT = {"rank": 4, "epochs": 3}


def short(method, **options):
    """An estimator of a method whose training is short."""
    kind = classes[method]
    wanted = {**SHORT, **options}
    return kind(**{name: value for name, value in wanted.items() if name in kind._options})


@pytest.fixture(params=sorted(classes))
def method(request):
    return request.param


@pytest.fixture(scope="session")
def ratings():
    """3,000 distinct pairs of 120 users and 60 items, values of a planted model in half stars, in random order."""
    random = np.random.default_rng(5)
    cells = random.permutation(120 * 60)[:3000]
    users, items = cells // 60, cells % 60
    p, q = random.normal(size=(120, 2)), random.normal(size=(60, 2))
    values = np.clip(np.round(2 * (3 + np.sum(p[users] * q[items], axis=1))) / 2, 0.5, 5)
    return users.astype(np.int64) + 1000, items.astype(np.int64), values


@pytest.fixture(scope="session")
def program():
    """Calls the command-line program; returns what it prints."""

    def call(*arguments, check=True):
        command = [sys.executable, "-m", "lowrank", *map(str, arguments)]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=300)

    return call


@pytest.fixture
def ratings_file(ratings, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("".join(f"{user},{item},{value}\n" for user, item, value in zip(*ratings)))
    return path


def sealed(data):
    """A model file with the checksum of its bytes, as docs/model-file.md defines it."""

    def mix(x):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    step = np.uint64(0x9E3779B97F4A7C15)
    blank = data[:37] + b"0" * 16 + data[53:]
    lanes = np.zeros(4, np.uint64)
    for words in np.frombuffer(blank + bytes(32 - len(blank) % 32), "<u8").reshape(-1, 4):
        lanes = mix((lanes ^ words) + step)
    total = np.array([len(data)], np.uint64)
    for lane in lanes:
        total = mix((total ^ lane) + step)
    return data[:37] + f"{int(total[0]):016x}".encode() + data[53:]


def real_data(*parts):
    """A file of the real data sets, or a skip that says so."""
    for folder in (os.environ.get("LOWRANK_DATA"), ROOT.parent / "shared" / "data"):
        if folder and pathlib.Path(folder, *parts).exists():
            return pathlib.Path(folder, *parts)
    pytest.skip(f"no {'/'.join(parts)} in $LOWRANK_DATA or ../shared/data")


__all__ = ["ROOT", "lowrank", "real_data", "sealed", "short"]
