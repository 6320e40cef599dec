from rivals import Rival, rated, timed


class Lightfm(Rival):
    """LightFM, compiled here: its wheels do not load."""

    name = "LightFM"
    packages = ["lightfm==1.17"]
    builds_with = ["numpy", "scipy", "cython", "setuptools<81", "wheel"]
    # The best of `bench/features.py --grid`.
    regularization, grid = 3e-3, [3e-4, 1e-3, 3e-3, 1e-2]

    def install(self, *packages):
        super().install(*self.builds_with)
        super().install("--no-build-isolation", "--no-binary", "lightfm", *packages)

    @staticmethod
    def lists(train, test, features, rank, epochs, threads, regularization, top):
        """Seconds of fit(), and the recall@`top` among the items of the test ratings, which are known by their features alone."""
        import numpy
        from lightfm import LightFM

        (users, items, _), (test_users, test_items, _) = rated(train), rated(test)
        table, ids = features_of(features, int(max(items.max(), test_items.max())) + 1)
        shape = (int(max(users.max(), test_users.max())) + 1, table.shape[0])
        pairs = matrix_of(users, items, shape)
        model = LightFM(no_components=rank, loss="warp", item_alpha=regularization, user_alpha=regularization, random_state=1)
        seconds = timed(model.fit, pairs, item_features=table, epochs=epochs, num_threads=threads)[0]
        new = numpy.unique(test_items)
        relevant = {}
        for user, item in zip(test_users.tolist(), test_items.tolist()):
            relevant.setdefault(user, set()).add(item)
        known = set(users.tolist())
        shares = []
        for user, wanted in relevant.items():
            if user in known:
                scores = model.predict(user, new, item_features=table, num_threads=threads)
                shares.append(len(wanted & set(new[numpy.argsort(-scores)[:top]].tolist())) / len(wanted))
        return {"seconds": seconds, "recall": sum(shares) / len(shares)}


def matrix_of(rows, columns, shape):
    import numpy
    import scipy.sparse

    return scipy.sparse.coo_matrix((numpy.ones(len(rows), numpy.float32), (rows, columns)), shape=shape)


def features_of(file, count):
    """A row per item up to `count`: its own column, and those of its features."""
    import csv

    import scipy.sparse

    with open(file) as source:
        lines = [(int(line["item"]), line["feature"]) for line in csv.DictReader(source)]
    count = max(count, max(item for item, _ in lines) + 1)
    names = {name: column for column, name in enumerate(sorted({name for _, name in lines}))}
    table = matrix_of([item for item, _ in lines], [names[name] for _, name in lines], (count, len(names)))
    return scipy.sparse.hstack([scipy.sparse.identity(count, dtype="float32"), table], format="csr"), names
