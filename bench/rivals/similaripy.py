from rivals import Rival, matrix, timed


class Similaripy(Rival):
    name = "similaripy"
    packages = ["similaripy==0.7.0"]

    @staticmethod
    def cosine(file, neighbours, threads, runs):
        """Seconds of each fit of the items' cosines."""
        import similaripy

        data = matrix(file)
        data.data[:] = 1
        items = data.T.tocsr()
        return {"seconds": [timed(similaripy.cosine, items, k=neighbours, num_threads=threads, verbose=False)[0] for _ in range(runs)]}
