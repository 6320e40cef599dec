"""The lists of files in CMake are explicit; this fails where a source is in none and would silently not be built, or a test not be run.
It fails as well where the header of the whole API, lowrank/lowrank.h, lacks a public header that none of its headers includes either.

usage: file_lists.py ROOT BUILD

BUILD holds compile_commands.json, which names every source that some target compiles, alone or as one that a file of CMake's includes.
"""

import json
import re
import sys
from pathlib import Path

FOLDERS = ("src", "tests", "fuzz", "examples", "bench")
# A project of its own, built by house.consumer.
ELSEWHERE = "tests/house/consumer"


def compiled_sources(build):
    for command in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        source = Path(command["directory"], command["file"])
        yield source.resolve()
        if source.parent.name == "Unity":
            yield from (Path(name).resolve() for name in re.findall(r'^#include "(.+)"$', source.read_text(encoding="utf-8"), re.MULTILINE))


def problems(root, build):
    compiled = set(compiled_sources(build))
    for folder in FOLDERS:
        sources = sorted(path for path in (root / folder).resolve().rglob("*.cc") if not path.is_relative_to((root / ELSEWHERE).resolve()))
        if folder == "bench" and compiled.isdisjoint(sources):
            continue  # a build without benchmarks
        for source in sources:
            if source not in compiled:
                yield f"{source.relative_to(root.resolve())}: no CMakeLists.txt names it"


def umbrella_problems(root):
    include = root / "include"
    umbrella = include / "lowrank" / "lowrank.h"

    def included(header):
        return re.findall(r'^#include "(.+)"$', header.read_text(encoding="utf-8"), re.MULTILINE)

    reached, waiting = set(), included(umbrella)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += included(include / name)
    for header in sorted(include.rglob("*.h")):
        if header != umbrella and str(header.relative_to(include)) not in reached:
            yield f"{header.relative_to(root)}: lowrank/lowrank.h does not include it"


if __name__ == "__main__":
    found = [*problems(Path(sys.argv[1]), Path(sys.argv[2])), *umbrella_problems(Path(sys.argv[1]))]
    print("\n".join(found) if found else "every source is listed")
    sys.exit(1 if found else 0)
