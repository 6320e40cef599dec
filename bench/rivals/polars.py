import os

from rivals import Rival, timed


class Polars(Rival):
    name = "polars.read_csv"
    packages = ["polars==1.35.2"]

    @staticmethod
    def read(file, threads, runs):
        """Seconds of each run. It returns three columns; lowrank also turns ids into dense numbers, groups by user and looks for repeated pairs."""
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars

        return {"seconds": [timed(polars.read_csv, file)[0] for _ in range(runs)]}
