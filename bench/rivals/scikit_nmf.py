"""scikit-learn's NMF, the rival of `nmf` over zeros: run as a program of its own by the interpreter that has it.

    scikit_nmf.py RATINGS SOLVER INIT RANK EPOCHS

RATINGS is a CSV of user,item,rating. Prints one JSON: the seconds of fit() alone, and half the squared error that it ended with. scikit-learn reports no
loss on the way, so a run of E epochs is one point of its way down.
"""

import json
import sys
import time
import warnings


def main(path, solver, init, rank, epochs):
    import numpy
    import scipy.sparse
    from sklearn.decomposition import NMF

    warnings.filterwarnings("ignore")
    rows = numpy.loadtxt(path, delimiter=",", dtype=numpy.float64, usecols=(0, 1, 2), skiprows=1)
    users, items = (numpy.unique(rows[:, column], return_inverse=True)[1] for column in (0, 1))
    cells = scipy.sparse.csr_matrix((rows[:, 2].astype(numpy.float32), (users, items)))
    start = time.perf_counter()
    model = NMF(int(rank), solver=solver, init=init, max_iter=int(epochs), tol=0, random_state=1).fit(cells)
    print(json.dumps({"seconds": time.perf_counter() - start, "loss": float(model.reconstruction_err_) ** 2 / 2}))


if __name__ == "__main__":
    main(*sys.argv[1:])
