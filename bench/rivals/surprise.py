from rivals import Rival, timed_fit


class Surprise(Rival):
    name = "Surprise"
    packages = ["scikit-surprise==1.1.5", "pandas"]

    @staticmethod
    def rmse(algorithm, train, test):
        """The test RMSE of an algorithm with its own defaults."""
        import surprise

        reader = surprise.Reader(line_format="user item rating", sep=",", skip_lines=1)
        [(rows, held_out)] = surprise.model_selection.PredefinedKFold().split(surprise.Dataset.load_from_folds([(train, test)], reader))
        # The baseline draws nothing, and talks.
        options = {"verbose": False} if algorithm == "BaselineOnly" else {"random_state": 0}
        model = getattr(surprise, algorithm)(**options).fit(rows)
        return {"rmse": surprise.accuracy.rmse(model.test(held_out), verbose=False)}

    @staticmethod
    def fit(file):
        import surprise

        reader = surprise.Reader(rating_scale=(1, 5))
        return timed_fit(file, lambda table: surprise.SVD().fit(surprise.Dataset.load_from_df(table, reader).build_full_trainset()))[0]

    @staticmethod
    def neighbours(train, test):
        """Test RMSE, and seconds to fit and to predict, of its most accurate neighbours: of items, by shrunk correlations of residuals."""
        import time

        import surprise

        reader = surprise.Reader(line_format="user item rating", sep=",", skip_lines=1)
        [(rows, held_out)] = surprise.model_selection.PredefinedKFold().split(surprise.Dataset.load_from_folds([(train, test)], reader))
        start = time.perf_counter()
        model = surprise.KNNBaseline(sim_options={"name": "pearson_baseline", "user_based": False}, verbose=False).fit(rows)
        rmse = surprise.accuracy.rmse(model.test(held_out), verbose=False)
        return {"rmse": rmse, "seconds": time.perf_counter() - start}
