from rivals import Rival, matrix, timed


class Irspack(Rival):
    name = "irspack"
    packages = ["irspack==0.5.2"]

    @staticmethod
    def train(file, rank, solver, threads, epochs, regularization, unobserved_weight, regularization_exponent):
        """Seconds of an epoch: the difference of two trainings, divided; and the loss of the longer one as method `implicit` states it."""
        from irspack.recommenders import IALSRecommender

        data = matrix(file)
        kinds = {"exact": "CHOLESKY", "cg": "CG", "subspace": "IALSPP"}

        def fit(rank, epochs):
            model = IALSRecommender(data, n_components=rank, alpha0=unobserved_weight, reg=regularization, nu=regularization_exponent,
                                    solver_type=kinds[solver], max_cg_steps=3, ialspp_subspace_dimension=64, n_threads=threads, train_epochs=epochs)
            return timed(model.learn)[0], model

        fit(16, 1)
        short, _ = fit(rank, epochs)
        seconds, model = fit(rank, 2 * epochs)
        loss = loss_of(data, model.get_user_embedding(), model.get_item_embedding(), regularization, unobserved_weight, regularization_exponent)
        return {"seconds": (seconds - short) / epochs, "loss": loss}

    @staticmethod
    def cosine(file, neighbours, threads, runs):
        """Seconds of each fit of the items' cosines."""
        from irspack.recommenders import CosineKNNRecommender

        data = matrix(file)
        data.data[:] = 1
        models = [CosineKNNRecommender(data, top_k=neighbours, normalize=True, n_threads=threads) for _ in range(runs)]
        return {"seconds": [timed(model.learn)[0] for model in models]}

    @staticmethod
    def slim(file, l1, l2, threads, runs):
        """Seconds of each fit of SLIM, to the tolerance of 1e-4; its penalties are per user."""
        from irspack.recommenders import SLIMRecommender

        data = matrix(file)
        data.data[:] = 1
        alpha, users = (l1 + l2) / data.shape[0], data.shape[0]
        models = [SLIMRecommender(data, alpha=alpha, l1_ratio=l1 / (alpha * users), n_threads=threads) for _ in range(runs)]
        return {"seconds": [timed(model.learn)[0] for model in models]}


def loss_of(data, p, q, regularization, unobserved_weight, exponent):
    """(1 - s)^2 of the observed cells, the weighted sum of s^2 over all cells, and the regularization of both sides."""
    import numpy

    p, q = p.astype(numpy.float64), q.astype(numpy.float64)
    rows, columns = data.nonzero()
    observed = sum(float(((1 - numpy.einsum("ij,ij->i", p[rows[n:n + 65536]], q[columns[n:n + 65536]])) ** 2).sum()) for n in range(0, len(rows), 65536))
    everything = float(((p.T @ p) * (q.T @ q)).sum())
    weights = [regularization * (numpy.asarray(data.getnnz(axis=1 - side)) + unobserved_weight * data.shape[1 - side]) ** exponent for side in (0, 1)]
    return observed + unobserved_weight * everything + float((weights[0] * (p ** 2).sum(1)).sum() + (weights[1] * (q ** 2).sum(1)).sum())
