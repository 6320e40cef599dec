"""polars.read_csv, the rival of the readers. As a program, in the environment that prepare() makes: polars_csv.py FILE TIMES prints the seconds of each time.

It returns three columns as they are; lowrank also turns ids into dense numbers, groups the ratings by user and looks for repeated pairs.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

PACKAGES = ["polars==1.35.2"]


class PolarsCsv:
    name = "polars.read_csv"

    def __init__(self, work):
        self.folder = pathlib.Path(work) / "polars"

    def prepare(self):
        # Not at the top: as a program this file runs inside that environment, from any folder.
        from rivals.environment import python_with

        self.python = python_with(PACKAGES, self.folder)

    def run(self, file, threads, times):
        environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
        return json.loads(subprocess.run([self.python, __file__, file, str(times)], check=True, capture_output=True, env=environment).stdout)


def main():
    import polars

    seconds = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        frame = polars.read_csv(sys.argv[1], has_header=False)
        seconds.append(time.perf_counter() - start)
        del frame
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
