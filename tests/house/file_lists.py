"""The lists of files in CMake are explicit; this fails where a source is in none and would silently not be built, or a test not be run.

usage: file_lists.py ROOT BUILD

BUILD holds compile_commands.json, which names every source that some target compiles.
"""

import json
import sys
from pathlib import Path

FOLDERS = ("src", "tests", "fuzz", "examples", "bench")
# A project of its own, built by house.consumer.
ELSEWHERE = "tests/house/consumer"


def problems(root, build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    compiled = {Path(command["directory"], command["file"]).resolve() for command in commands}
    for folder in FOLDERS:
        sources = sorted(path for path in (root / folder).resolve().rglob("*.cc") if not path.is_relative_to((root / ELSEWHERE).resolve()))
        if folder == "bench" and compiled.isdisjoint(sources):
            continue  # a build without benchmarks
        for source in sources:
            if source not in compiled:
                yield f"{source.relative_to(root.resolve())}: no CMakeLists.txt names it"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1]), Path(sys.argv[2])))
    print("\n".join(found) if found else "every source is listed")
    sys.exit(1 if found else 0)
