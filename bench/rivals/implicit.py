import itertools

from rivals import Rival, matrix, timed, timed_fit


class Implicit(Rival):
    name = "implicit"
    packages = ["implicit==0.7.3", "safetensors==0.8.0", "pandas", "threadpoolctl"]

    @staticmethod
    def train(file, rank, solver, threads, epochs, regularization, unobserved_weight, **_):
        """Seconds of an epoch: the difference of two trainings, divided. Its loss is another one, with one constant regularization."""
        from implicit.cpu.als import AlternatingLeastSquares

        data = matrix(file)

        def fit(rank, iterations):
            model = AlternatingLeastSquares(factors=rank, regularization=regularization, alpha=1 / unobserved_weight, use_cg=solver == "cg",
                                            iterations=iterations, num_threads=threads)
            return timed(model.fit, data, show_progress=False)[0]

        fit(16, 1)
        short = fit(rank, epochs)
        return {"seconds": (fit(rank, 2 * epochs) - short) / epochs, "loss": None}

    @staticmethod
    def cosine(file, neighbours, top, threads, runs):
        """Seconds of each fit of the items' cosines, and of the lists of all users."""
        import numpy
        from implicit.nearest_neighbours import CosineRecommender

        data = matrix(file)
        data.data[:] = 1
        users = numpy.arange(data.shape[0])
        fits, lists = [], []
        for _ in range(runs):
            model = CosineRecommender(K=neighbours + 1, num_threads=threads)
            fits.append(timed(model.fit, data, show_progress=False)[0])
            lists.append(timed(model.recommend, users, data, N=top, filter_already_liked_items=True)[0])
        return {"seconds": fits, "lists": lists}

    @staticmethod
    def recommend(model, top, threads, runs):
        """Seconds of each call for all users, with the very factors and seen items of a model of lowrank."""
        import numpy
        import scipy.sparse
        from implicit.cpu.als import AlternatingLeastSquares
        from safetensors.numpy import load_file

        tensors = load_file(model)
        if tensors["item_biases"].any():
            raise SystemExit("implicit has no biases, the model has")
        items, starts = seen_items(tensors["seen_offsets"], tensors["seen_items"])
        shape = (len(tensors["user_factors"]), len(tensors["item_factors"]))
        seen = scipy.sparse.csr_matrix((numpy.ones(len(items), numpy.float32), items, starts), shape=shape)
        own = AlternatingLeastSquares(factors=tensors["user_factors"].shape[1], num_threads=threads)
        own.user_factors, own.item_factors = tensors["user_factors"], tensors["item_factors"]
        users = numpy.arange(shape[0])
        return {"seconds": [timed(own.recommend, users, seen, N=top, filter_already_liked_items=True)[0] for _ in range(runs)]}

    @staticmethod
    def fit(file, rank, epochs, threads):
        import numpy
        import pandas
        import scipy.sparse
        from implicit.cpu.als import AlternatingLeastSquares

        def fit(table):
            users, items = pandas.factorize(table.user)[0], pandas.factorize(table.item)[0]
            data = scipy.sparse.csr_matrix((table.rating.astype(numpy.float32), (users, items)))
            model = AlternatingLeastSquares(factors=rank, iterations=epochs, use_cg=True, num_threads=threads)
            model.fit(data, show_progress=False)
            return model, data

        return timed_fit(file, fit, lambda fitted: fitted[0].recommend(numpy.arange(fitted[1].shape[0]), fitted[1], N=20))[0]

    @staticmethod
    def partial_fit(old, new, test, rank, threads):
        """NDCG@20 on the pairs of `test` of a model of the pairs of `old`, of the same with the users and items of `new` fitted again, and of a model of
        both. What was trained on is not listed. Of a few options those count whose model of `old` lists `new` best."""
        import numpy
        import scipy.sparse
        from implicit.cpu.als import AlternatingLeastSquares

        old, new, test = (numpy.load(file) for file in (old, new, test))
        users, items = (max(part[axis].max() for part in (old, new, test)) + 1 for axis in (0, 1))

        def table(*parts):
            pairs = numpy.concatenate(parts, axis=1)
            data = scipy.sparse.csr_matrix((numpy.ones(pairs.shape[1], numpy.float32), (pairs[0], pairs[1])), shape=(users, items))
            data.data[:] = 1
            return data

        discounts = 1 / numpy.log2(numpy.arange(20) + 2)

        def ndcg(model, seen, relevant):
            asked = numpy.flatnonzero(numpy.diff(relevant.indptr))
            listed = model.recommend(asked, seen[asked], N=20, filter_already_liked_items=True)[0]
            hits = numpy.array([numpy.isin(row, relevant.indices[relevant.indptr[user]:relevant.indptr[user + 1]]) for user, row in zip(asked, listed)])
            ideal = numpy.cumsum(discounts)[numpy.minimum(numpy.diff(relevant.indptr)[asked], 20) - 1]
            return float(numpy.mean(hits @ discounts / ideal))

        def fit(data, regularization, alpha):
            model = AlternatingLeastSquares(factors=rank, regularization=regularization, alpha=alpha, iterations=15, num_threads=threads, random_state=1)
            model.fit(data, show_progress=False)
            return model

        before, after, tested = table(old), table(old, new), table(test)
        options = max(itertools.product((0.01, 1), (10, 100)), key=lambda options: ndcg(fit(before, *options), before, table(new)))
        model = fit(before, *options)
        result = {"before": ndcg(model, after, tested), "options": options}

        def update():
            own_users, own_items = numpy.unique(new[0]), numpy.unique(new[1])
            model.partial_fit_users(own_users, after[own_users])
            model.partial_fit_items(own_items, after.T.tocsr()[own_items])

        result["seconds"] = timed(update)[0]
        result["updated"] = ndcg(model, after, tested)
        result["retrained"] = ndcg(fit(after, *options), after, tested)
        return result


def seen_items(offsets, codes):
    """The indices and row starts of all seen items, from their coding (docs/model-file.md)."""
    items, starts = [], [0]
    for user in range(len(offsets) - 1):
        item, value, shift = -1, 0, 0
        for byte in codes[offsets[user]:offsets[user + 1]].tolist():
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                item += value + 1
                items.append(item)
                value = shift = 0
        starts.append(len(items))
    return items, starts
