"""The peers of lowrank, one adapter each, all behind one class."""

import json
import os
import subprocess
import sys
import time

from harness import ROOT, WORK, measure


class Rival:
    """A peer: prepare() once, then run() its tasks.

    A subclass has a name, as the tables show it, the packages of PyPI that it wants, and one static method per task, which runs in an environment
    of its own that has these packages, and which returns what can be JSON. A peer that is a program overrides prepare() and run().
    """

    name = ""
    packages = []

    @property
    def folder(self):
        return WORK / "rivals" / type(self).__name__.lower()

    def prepare(self):
        """Makes the environment, once."""
        done = self.folder / "installed"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
            self.install(*self.packages)
            done.touch()

    def missing(self):
        """Prepares it; why it has to be left out, or nothing."""
        try:
            self.prepare()
        except subprocess.CalledProcessError as error:
            print(f"  {self.name} is left out: {error}", file=sys.stderr)
            return f"it cannot be installed on Python {sys.version_info.major}.{sys.version_info.minor}"
        return None

    def install(self, *arguments):
        subprocess.run([self.folder / "bin" / "python3", "-m", "pip", "-q", "--disable-pip-version-check", "install", *arguments], check=True)

    def run(self, task, limit=None, **job):
        """Does a task, in a process of its own, which ends after `limit` seconds: the result is then these and `stopped`. The threads of a BLAS would fight those of the peer; the BLAS is left to find the processor's kernels."""
        environment = {name: value for name, value in os.environ.items() if name not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        module, name = type(self).__module__, type(self).__name__
        command = [self.folder / "bin" / "python3", "-m", "rivals", module, name, task, json.dumps(job, default=str)]
        result = measure.process(command, limit, cwd=ROOT / "bench", env={**environment, "OPENBLAS_NUM_THREADS": "1"})
        if result.get("stopped"):
            return {"seconds": [limit], "stopped": True}
        return json.loads(result["lines"][-1][1])


def timed(call, *arguments, **options):
    """The seconds of a call, and what it returns."""
    start = time.perf_counter()
    result = call(*arguments, **options)
    return time.perf_counter() - start, result


def timed_fit(file, fit, recommend=None):
    """The seconds of fit(table) with a pandas table of the file, and of recommend(model), each called once before; and the model."""
    import pandas

    table = pandas.read_csv(file)
    fit(table)
    seconds, model = timed(fit, table)
    result = {"fit": seconds}
    if recommend:
        recommend(model)
        result["recommend"] = timed(recommend, model)[0]
    return result, model


def matrix(file):
    """A file of ratings as a sparse matrix."""
    import numpy
    import scipy.sparse

    rows = numpy.loadtxt(file, delimiter=",", dtype=numpy.float32, skiprows=1)
    users, items = (numpy.unique(rows[:, column], return_inverse=True)[1] for column in (0, 1))
    return scipy.sparse.csr_matrix((rows[:, 2], (users, items)))


def rated(file):
    """A file of ratings whose ids are whole numbers, as arrays of users, items and values."""
    import numpy

    rows = numpy.loadtxt(file, delimiter=",", skiprows=1)
    return rows[:, 0].astype(numpy.int64), rows[:, 1].astype(numpy.int64), rows[:, 2]


def clipped_rmse(scores, truth, values):
    """The RMSE of scores that are limited to the range of the training values, as lowrank's are."""
    import numpy

    return float(numpy.sqrt(numpy.mean((numpy.clip(scores, values.min(), values.max()) - truth) ** 2)))
