"""cmfrec and Spark, the rivals of method `als`. As a program, in the environment that prepare() makes:

    explicit_als.py PACKAGE TRAIN TEST RANK SOLVER THREADS ITERATIONS REGULARIZATION      files: CSV of user,item,rating, whole numbers as ids, with a header

prints the seconds of fit() with so many iterations, the ratings in memory, and the test RMSE.
"""

import json
import pathlib
import subprocess
import sys
import time

PACKAGES = {"cmfrec": ["numpy", "scipy", "pandas", "threadpoolctl", "cmfrec==3.5.1.post14"], "spark": ["numpy", "pyspark==4.3.0"]}
# Each on its own scale: the best of the grid in als.py.
REGULARIZATION = {"cmfrec": 25.0, "spark": 0.06}


class ExplicitAls:
    def __init__(self, package, work):
        self.name = package
        self.folder = pathlib.Path(work) / package

    def prepare(self):
        # Not at the top: as a program this file runs inside that environment, from any folder.
        from rivals.environment import python_with

        self.python = python_with(PACKAGES[self.name], self.folder)

    def run(self, train, test, rank, solver, threads, iterations, regularization=None):
        regularization = REGULARIZATION[self.name] if regularization is None else regularization
        from rivals.environment import variables

        environment = variables(OPENBLAS_NUM_THREADS="1", PYSPARK_PYTHON=str(self.python))
        command = [self.python, __file__, self.name, str(train), str(test), str(rank), solver, str(threads), str(iterations), str(regularization)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment).stdout
        return json.loads(output[output.rindex(b"{"):])


def cmfrec(train, test, rank, solver, threads, iterations, regularization):
    import numpy
    import scipy.sparse
    from cmfrec import CMF

    rows, held_out = (numpy.loadtxt(file, delimiter=",", dtype=numpy.float32, skiprows=1) for file in (train, test))
    shape = tuple(int(max(rows[:, column].max(), held_out[:, column].max())) + 1 for column in (0, 1))
    cells = scipy.sparse.coo_matrix((rows[:, 2], (rows[:, 0].astype(numpy.int32), rows[:, 1].astype(numpy.int32))), shape=shape)
    model = CMF(k=rank, lambda_=regularization, method="als", use_cg=solver == "cg", niter=iterations, nthreads=threads, use_float=True, verbose=False,
                finalize_chol=False)
    start = time.perf_counter()
    model.fit(cells)
    seconds = time.perf_counter() - start
    scores = model.predict(held_out[:, 0].astype(numpy.int32), held_out[:, 1].astype(numpy.int32))
    errors = numpy.clip(scores, rows[:, 2].min(), rows[:, 2].max()) - held_out[:, 2]
    return seconds, float(numpy.sqrt(numpy.nanmean(errors.astype(numpy.float64) ** 2)))


def spark(train, test, rank, _, threads, iterations, regularization):
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master(f"local[{threads}]").config("spark.driver.memory", "6g").config("spark.ui.enabled", "false").getOrCreate()
    rows, held_out = (session.read.csv(str(file), schema="user INT, item INT, rating FLOAT", header=True).cache() for file in (train, test))
    rows.count()

    def fit(count):
        start = time.perf_counter()
        model = ALS(rank=rank, maxIter=count, regParam=regularization, coldStartStrategy="drop", seed=1).fit(rows)
        model.userFactors.count()
        model.itemFactors.count()
        return time.perf_counter() - start, model

    fit(1)  # starts the machine up
    seconds, model = fit(iterations)
    return seconds, RegressionEvaluator(labelCol="rating").evaluate(model.transform(held_out))


def main():
    package, train, test, rank, solver, threads, iterations, regularization = sys.argv[1:]
    seconds, rmse = {"cmfrec": cmfrec, "spark": spark}[package](train, test, int(rank), solver, int(threads), int(iterations), float(regularization))
    print(json.dumps({"seconds": seconds, "rmse": rmse}))


if __name__ == "__main__":
    main()
