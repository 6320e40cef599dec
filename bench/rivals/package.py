from harness import ROOT, WORK
from rivals import Rival, timed_fit


class Package(Rival):
    """lowrank's own Python package, behind the adapter of its rivals, so that all are measured alike."""

    name = "lowrank"
    packages = ["pandas", "scipy"]

    def prepare(self):
        super().prepare()
        self.install("--force-reinstall", "--no-deps", "--config-settings", f"build-dir={WORK / 'package'}", ROOT)

    @staticmethod
    def fit(file, method, threads, **options):
        """`library` is what the library says of the fit: the seconds to number the ids, to group the ratings and to train."""
        import lowrank

        result, model = timed_fit(file, lambda table: getattr(lowrank, method)(**options).fit(table, progress=False, threads=threads),
                                  lambda model: model.recommend(n=20, threads=threads))
        return {**result, "library": model.summary_["seconds"]["total"]}
