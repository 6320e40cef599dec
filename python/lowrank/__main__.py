"""``python -m lowrank`` and the console script: the command-line program that comes with the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def program() -> Path:
    """Where the program is: in the package, or beside a build tree's."""
    package = Path(__file__).absolute().parent
    places = [package / "bin" / "lowrank", package.parent.parent / "bin" / "lowrank"]
    for place in places:
        if place.is_file():
            return place
    raise SystemExit(f"lowrank: the program is not there: no {places[0]}")


def main() -> None:
    """Become the program."""
    path = program()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(path, ["lowrank", *sys.argv[1:]])


if __name__ == "__main__":
    main()
