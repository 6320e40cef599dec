from rivals import Rival, timed, timed_fit


class Cmfrec(Rival):
    name = "cmfrec"
    packages = ["numpy", "scipy", "pandas", "threadpoolctl", "cmfrec==3.5.1.post14"]
    # The best of the grid on ML-1M at rank 40.
    regularization, grid = 25, [6, 12, 18, 25, 35, 50]
    # The best of `bench/features.py --grid`.
    of_features = {"regularization": 5, "weight": 5}

    @staticmethod
    def als(train, test, rank, solver, threads, epochs, regularization):
        """Seconds of fit(), the ratings in memory, and the test RMSE. Ids are whole numbers."""
        import numpy
        import scipy.sparse
        from cmfrec import CMF

        rows, held_out = (numpy.loadtxt(file, delimiter=",", dtype=numpy.float32, skiprows=1) for file in (train, test))
        shape = tuple(int(max(rows[:, column].max(), held_out[:, column].max())) + 1 for column in (0, 1))
        cells = scipy.sparse.coo_matrix((rows[:, 2], (rows[:, 0].astype(numpy.int32), rows[:, 1].astype(numpy.int32))), shape=shape)
        model = CMF(k=rank, lambda_=regularization, method="als", use_cg=solver == "cg", niter=epochs, nthreads=threads, use_float=True, verbose=False,
                    finalize_chol=False)
        seconds = timed(model.fit, cells)[0]
        scores = model.predict(held_out[:, 0].astype(numpy.int32), held_out[:, 1].astype(numpy.int32))
        errors = numpy.clip(scores, rows[:, 2].min(), rows[:, 2].max()) - held_out[:, 2]
        return {"seconds": seconds, "rmse": float(numpy.sqrt(numpy.nanmean(errors.astype(numpy.float64) ** 2)))}

    @staticmethod
    def with_features(train, test, features, rank, threads, epochs, regularization, weight):
        """Seconds of fit() with a matrix of features of items, one line per item and feature, and the test RMSE. Items without ratings get their rows from it.

        `weight` is that of the features' part of the loss."""
        import csv

        import numpy
        import pandas
        from cmfrec import CMF

        rows, held_out = (pandas.read_csv(file).set_axis(["UserId", "ItemId", "Rating"], axis=1) for file in (train, test))
        with open(features) as file:
            lines = [(int(line["item"]), line["feature"]) for line in csv.DictReader(file)]
        columns = sorted({name for _, name in lines})
        table = pandas.crosstab([item for item, _ in lines], [name for _, name in lines])[columns].clip(upper=1).astype(float)
        table = table.rename_axis(index="ItemId", columns=None).reset_index()
        model = CMF(k=rank, lambda_=regularization, w_item=weight, method="als", use_cg=False, niter=epochs, nthreads=threads, verbose=False)
        seconds = timed(model.fit, rows, I=table)[0]
        scores = model.predict(held_out.UserId.to_numpy(), held_out.ItemId.to_numpy())
        scores = numpy.where(numpy.isfinite(scores), scores, rows.Rating.mean())
        errors = numpy.clip(scores, rows.Rating.min(), rows.Rating.max()) - held_out.Rating.to_numpy()
        return {"seconds": seconds, "rmse": float(numpy.sqrt(numpy.mean(errors**2)))}

    @staticmethod
    def fit(file, rank, epochs, threads):
        import cmfrec

        def fit(table):
            renamed = table.rename(columns={"user": "UserId", "item": "ItemId", "rating": "Rating"})
            return cmfrec.CMF(k=rank, niter=epochs, use_cg=False, nthreads=threads, verbose=False).fit(renamed)

        return timed_fit(file, fit)[0]

    @staticmethod
    def fit_implicit(file, rank, epochs, threads):
        import cmfrec

        def fit(table):
            renamed = table.rename(columns={"user": "UserId", "item": "ItemId", "rating": "Value"})
            return cmfrec.CMF_implicit(k=rank, niter=epochs, use_cg=True, nthreads=threads, verbose=False).fit(renamed)

        return timed_fit(file, fit)[0]
