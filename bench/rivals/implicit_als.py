"""The PyPI package `implicit`, a rival in recommending: it gets the very factors and seen items of a model of ours.

As a program, in the environment that prepare() makes: implicit_als.py MODEL TOP THREADS RUNS prints one JSON document with the seconds of each call
of AlternatingLeastSquares.recommend() and the lists of the last one.
"""

import json
import pathlib
import subprocess
import sys
import time

PACKAGES = ["implicit==0.7.3", "safetensors==0.8.0"]


class ImplicitAls:
    name = "implicit 0.7.3"

    def __init__(self, work):
        self.folder = pathlib.Path(work) / "implicit"

    def prepare(self):
        # Not at the top: as a program this file runs inside that environment, from any folder.
        from rivals.environment import python_with

        self.python = python_with(PACKAGES, self.folder)

    def run(self, model, top, threads, runs):
        from rivals.environment import variables

        # Its threads and those of the BLAS below it would fight.
        environment = variables(OPENBLAS_NUM_THREADS="1")
        command = [self.python, __file__, model, str(top), str(threads), str(runs)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)


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


def main():
    import numpy
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares
    from safetensors.numpy import load_file

    path, (top, threads, runs) = sys.argv[1], map(int, sys.argv[2:])
    tensors = load_file(path)
    if tensors["item_biases"].any():
        sys.exit("implicit_als.py: the rival has no biases, the model does")
    items, starts = seen_items(tensors["seen_offsets"], tensors["seen_items"])
    shape = (len(tensors["user_factors"]), len(tensors["item_factors"]))
    seen = scipy.sparse.csr_matrix((numpy.ones(len(items), numpy.float32), items, starts), shape=shape)
    model = AlternatingLeastSquares(factors=tensors["user_factors"].shape[1], num_threads=threads)
    model.user_factors, model.item_factors = tensors["user_factors"], tensors["item_factors"]
    users, seconds = numpy.arange(shape[0]), []
    for _ in range(runs):
        start = time.perf_counter()
        lists, _ = model.recommend(users, seen, N=top, filter_already_liked_items=True)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "first": lists[:100].tolist()}))


if __name__ == "__main__":
    main()
