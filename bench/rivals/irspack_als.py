"""irspack and implicit, the rivals of method `implicit`. As a program, in the environment that prepare() makes:

    irspack_als.py PACKAGE FILE RANK SOLVER THREADS EPOCHS      FILE: `user item item ...` a line

prints the seconds of an epoch (the difference of two trainings of EPOCHS and 2 EPOCHS, divided) and the loss of the longer one as method `implicit` states it.
"""

import json
import pathlib
import subprocess
import sys
import time

PACKAGES = ["irspack==0.5.2", "implicit==0.7.3"]
ALPHA0, REGULARIZATION, NU = 0.01, 0.1, 0.5


class IrspackAls:
    def __init__(self, work):
        self.folder = pathlib.Path(work) / "irspack"

    def prepare(self):
        # Not at the top: as a program this file runs inside that environment, from any folder.
        from rivals.environment import python_with

        self.python = python_with(PACKAGES, self.folder)

    def run(self, package, file, rank, solver, threads, epochs):
        from rivals.environment import variables

        environment = variables(OPENBLAS_NUM_THREADS="1")
        command = [self.python, __file__, package, str(file), str(rank), solver, str(threads), str(epochs)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment).stdout
        # A bar of progress comes before it.
        return json.loads(output[output.rindex(b"{"):])


def read(file):
    import numpy
    import scipy.sparse

    users, items, user_numbers, item_numbers = [], [], {}, {}
    for line in open(file):
        user, *of_user = line.split()
        for item in of_user:
            users.append(user_numbers.setdefault(user, len(user_numbers)))
            items.append(item_numbers.setdefault(item, len(item_numbers)))
    ones = numpy.ones(len(users), numpy.float32)
    return scipy.sparse.csr_matrix((ones, (users, items)), shape=(len(user_numbers), len(item_numbers)))


def loss_of(matrix, p, q):
    """Observed cells' (1 - s)^2, alpha0 times the sum of s^2 over all cells, and the regularisation of both sides."""
    import numpy

    p, q = p.astype(numpy.float64), q.astype(numpy.float64)
    rows, columns = matrix.nonzero()
    observed = sum(float(((1 - numpy.einsum("ij,ij->i", p[rows[n:n + 65536]], q[columns[n:n + 65536]])) ** 2).sum()) for n in range(0, len(rows), 65536))
    everything = float(((p.T @ p) * (q.T @ q)).sum())
    weights = [REGULARIZATION * (numpy.asarray(matrix.getnnz(axis=1 - side)) + ALPHA0 * matrix.shape[1 - side]) ** NU for side in (0, 1)]
    return observed + ALPHA0 * everything + float((weights[0] * (p ** 2).sum(1)).sum() + (weights[1] * (q ** 2).sum(1)).sum())


def fit_irspack(matrix, rank, solver, threads, epochs):
    from irspack.recommenders import IALSRecommender

    kinds = {"exact": "CHOLESKY", "cg": "CG", "subspace": "IALSPP"}
    model = IALSRecommender(matrix, n_components=rank, alpha0=ALPHA0, reg=REGULARIZATION, nu=NU, solver_type=kinds[solver], max_cg_steps=3,
                            ialspp_subspace_dimension=64, n_threads=threads, train_epochs=epochs)
    start = time.perf_counter()
    model.learn()
    seconds = time.perf_counter() - start
    return seconds, model.get_user_embedding(), model.get_item_embedding()


def fit_implicit(matrix, rank, solver, threads, epochs):
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=rank, regularization=REGULARIZATION, alpha=100, use_cg=solver == "cg", iterations=epochs, num_threads=threads)
    start = time.perf_counter()
    model.fit(matrix, show_progress=False)
    return time.perf_counter() - start, None, None


def main():
    package, file = sys.argv[1:3]
    solver = sys.argv[4]
    rank, threads, epochs = int(sys.argv[3]), int(sys.argv[5]), int(sys.argv[6])
    fit = {"irspack": fit_irspack, "implicit": fit_implicit}[package]
    matrix = read(file)
    fit(matrix, 16, solver, threads, 1)
    short = fit(matrix, rank, solver, threads, epochs)[0]
    seconds, p, q = fit(matrix, rank, solver, threads, 2 * epochs)
    print(json.dumps({"seconds": (seconds - short) / epochs, "loss": loss_of(matrix, p, q) if p is not None else None}))


if __name__ == "__main__":
    main()
