import os
import sys

from rivals import Rival, timed


class Spark(Rival):
    name = "Spark"
    packages = ["numpy", "pyspark==4.3.0"]
    # The best of the grid on ML-1M at rank 64.
    regularization, grid = 0.06, [0.03, 0.045, 0.06, 0.075, 0.1]

    @staticmethod
    def als(train, test, rank, solver, threads, epochs, regularization):
        """Seconds of fit(), the ratings in memory, and the test RMSE. It has one solver."""
        os.environ["PYSPARK_PYTHON"] = sys.executable
        from pyspark.ml.evaluation import RegressionEvaluator
        from pyspark.ml.recommendation import ALS
        from pyspark.sql import SparkSession

        session = SparkSession.builder.master(f"local[{threads}]").config("spark.driver.memory", "6g").config("spark.ui.enabled", "false").getOrCreate()
        rows, held_out = (session.read.csv(file, schema="user INT, item INT, rating FLOAT", header=True).cache() for file in (train, test))
        rows.count()

        def fit(count):
            model = ALS(rank=rank, maxIter=count, regParam=regularization, coldStartStrategy="drop", seed=1).fit(rows)
            model.userFactors.count()
            model.itemFactors.count()
            return model

        fit(1)  # starts the machine up
        seconds, model = timed(fit, epochs)
        return {"seconds": seconds, "rmse": RegressionEvaluator(labelCol="rating").evaluate(model.transform(held_out))}
