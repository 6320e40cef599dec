"""The lists of files in CMake are explicit; this fails where a source is in none and would silently not be built, or a test not be run.

usage: file_lists.py ROOT
"""

import re
import sys
from pathlib import Path


def problems(root):
    for folder in ("src", "tests", "fuzz", "bench", "examples"):
        for source in sorted((root / folder).rglob("*.cc")):
            lists = [parent / "CMakeLists.txt" for parent in source.parents if parent != root and parent.is_relative_to(root)]
            named = any(
                re.search(rf"(?<![\w./-]){re.escape(source.relative_to(cmake.parent).as_posix())}(?![\w.-])", cmake.read_text(encoding="utf-8"))
                for cmake in lists
                if cmake.is_file()
            )
            if not named:
                yield f"{source.relative_to(root)}: no CMakeLists.txt above it names it"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found) if found else "every source is listed")
    sys.exit(1 if found else 0)
