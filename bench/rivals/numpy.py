from rivals import Rival, matrix, timed


class Numpy(Rival):
    name = "numpy"
    packages = ["numpy", "scipy", "threadpoolctl"]

    @staticmethod
    def ease(file, regularization, threads, runs):
        """Seconds of each EASE with the BLAS of numpy on all threads, as its article has it, without the choice of the weights to keep."""
        import numpy
        from threadpoolctl import threadpool_limits

        data = matrix(file).astype(numpy.float64)
        data.data[:] = 1

        def fit():
            gram = (data.T @ data).toarray()
            gram[numpy.diag_indices_from(gram)] += regularization
            inverse = numpy.linalg.inv(gram)
            weights = inverse / -numpy.diag(inverse)
            weights[numpy.diag_indices_from(weights)] = 0
            return weights

        with threadpool_limits(threads):
            return {"seconds": [timed(fit)[0] for _ in range(runs)]}
