from rivals import Rival, timed_fit


class Cornac(Rival):
    name = "cornac"
    packages = ["pandas", "cornac==3.0.1"]

    @staticmethod
    def fit(file, rank, epochs, threads):
        import cornac

        def fit(table):
            data = cornac.data.Dataset.from_uir(list(table.itertuples(index=False, name=None)))
            return cornac.models.MF(k=rank, max_iter=epochs, num_threads=threads).fit(data)

        return timed_fit(file, fit)[0]
