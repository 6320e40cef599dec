import statistics
import time

from rivals import Rival, clipped_rmse, rated


class Myfm(Rival):
    """libFM's model and sampler as a package of Python: a factorization machine with relation blocks, drawn by Gibbs sampling on one thread."""

    name = "myFM"
    packages = ["myfm==0.4.0"]

    @staticmethod
    def bayes(train, rank, samples, burn_in, test=None, seed=1):
        """Median seconds of a sweep, the first left out, and the test RMSE of the mean of `samples` sweeps after `burn_in`.

        Users have the items that they rated as features, items the users who rated them, each with n^(-1/2); a group, which has priors of its own, for each
        of the four kinds of columns.
        """
        import myfm
        import numpy
        import scipy.sparse

        users, items, values = rated(train)
        held_out = rated(test) if test else (numpy.zeros(0, numpy.int64),) * 2 + (numpy.zeros(0),)
        shape = [int(max(ids.max(), others.max(initial=0))) + 1 for ids, others in ((users, held_out[0]), (items, held_out[1]))]
        cells = scipy.sparse.csr_matrix((numpy.ones(len(values)), (users, items)), shape=shape)

        def features(own):
            counts = numpy.maximum(own.getnnz(axis=1), 1)
            return scipy.sparse.hstack([scipy.sparse.identity(own.shape[0]), scipy.sparse.diags(counts**-0.5) @ own], format="csr")

        tables = [features(cells), features(cells.T.tocsr())]

        def blocks(*ids):
            return [myfm.RelationBlock(rows.tolist(), one) for rows, one in zip(ids, tables)]

        ends = []

        def callback(*_):
            ends.append(time.perf_counter())
            return False, None

        model = myfm.MyFMRegressor(rank=rank, random_seed=seed)
        sizes = [shape[0], shape[1], shape[1], shape[0]]
        model.fit(None, values, X_rel=blocks(users, items), n_iter=burn_in + samples, n_kept_samples=samples, group_shapes=sizes, callback=callback)
        result = {"seconds": statistics.median(end - start for start, end in zip(ends, ends[1:]))}
        if test:
            result["rmse"] = clipped_rmse(model.predict(None, blocks(*held_out[:2]), n_workers=1), held_out[2], values)
        return result

    @staticmethod
    def factors(train, test, rank, samples, burn_in, seed=1):
        """Seconds of training and the test RMSE of the mean of `samples` sweeps after `burn_in`, of users and items alone, without features of what was rated."""
        import myfm
        import numpy
        import scipy.sparse

        users, items, values = rated(train)
        test_users, test_items, truth = rated(test)
        numbers = [{one: number for number, one in enumerate(numpy.unique(numpy.concatenate(both)))} for both in ((users, test_users), (items, test_items))]

        def columns(*ids):
            places = numpy.stack([[own[one] for one in side] for own, side in zip(numbers, ids)], axis=1)
            places[:, 1] += len(numbers[0])
            shape = (len(places), len(numbers[0]) + len(numbers[1]))
            return scipy.sparse.csr_matrix((numpy.ones(places.size), places.ravel(), numpy.arange(0, places.size + 1, 2)), shape=shape)

        start = time.perf_counter()
        model = myfm.MyFMRegressor(rank=rank, random_seed=seed)
        model.fit(columns(users, items), values, n_iter=burn_in + samples, n_kept_samples=samples, group_shapes=[len(own) for own in numbers])
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "rmse": clipped_rmse(model.predict(columns(test_users, test_items), n_workers=1), truth, values)}
