"""Surprise, the rival of `sgd` and `nmf` in the errors of predicted ratings. As a program, in the environment that prepare() makes:

    surprise_rmse.py ALGORITHM TRAIN TEST      files: lines of user, item, rating, separated by tabs

prints the test RMSE of an algorithm of Surprise with its own defaults.
"""

import pathlib
import subprocess
import sys

PACKAGES = ["scikit-surprise==1.1.5"]


class SurpriseRmse:
    def __init__(self, work):
        self.folder = pathlib.Path(work) / "surprise"

    def prepare(self):
        # Not at the top: as a program this file runs inside that environment, from any folder.
        from rivals.environment import python_with

        self.python = python_with(PACKAGES, self.folder)

    def run(self, algorithm, train, test):
        return float(subprocess.run([self.python, __file__, algorithm, train, test], check=True, capture_output=True, text=True).stdout)


def main():
    import surprise

    algorithm, train, test = sys.argv[1:]
    reader = surprise.Reader(line_format="user item rating timestamp", sep="\t")
    data = surprise.Dataset.load_from_folds([(train, test)], reader)
    [(rows, held_out)] = surprise.model_selection.PredefinedKFold().split(data)
    # The baseline draws nothing, and talks.
    options = {"verbose": False} if algorithm == "BaselineOnly" else {"random_state": 0}
    model = getattr(surprise, algorithm)(**options).fit(rows)
    print(surprise.accuracy.rmse(model.test(held_out), verbose=False))


if __name__ == "__main__":
    main()
