import os

from rivals import Rival, matrix, timed


class ScikitLearn(Rival):
    name = "scikit-learn"
    packages = ["scikit-learn==1.8.0"]

    @staticmethod
    def nmf(file, solver, init, rank, epochs, threads):
        """Seconds of fit(), and half the squared error after it. scikit-learn reports no loss on the way."""
        os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
        import warnings

        from sklearn.decomposition import NMF

        warnings.filterwarnings("ignore")
        cells = matrix(file)
        seconds, model = timed(NMF(rank, solver=solver, init=init, max_iter=epochs, tol=0, random_state=1).fit, cells)
        return {"seconds": seconds, "loss": float(model.reconstruction_err_) ** 2 / 2}
