"""Walks every #include of the library and its doors and fails on an arrow that the table of HACKING.md does not allow.

usage: layers.py ROOT
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# Headers that stand in no room's folder, and the room that they belong to.
ROOM_OF_HEADER = {"lowrank/version.h": "base", "lowrank/lowrank.h": "cli"}
# Libraries that are one room's secret: a prefix of the header, and the files that may include it.
SECRETS = {"hwy/": "src/kernels/", "Eigen/": "src/kernels/eigen.cc", "CLI/": "src/cli/", "boost/": "src/serve/net.cc", "sqlite3.h": "src/serve/store"}


def read_rows(hacking):
    """Row number of every room, 0 at the top, from the block that follows the heading "Who may know whom"."""
    block = re.search(r"^## Who may know whom\n.*?```\n(.*?)```", hacking, re.DOTALL | re.MULTILINE)
    if block is None:
        raise SystemExit('layers.py: HACKING.md has no table under "Who may know whom"')
    return {room: row for row, line in enumerate(block[1].splitlines()) for room in line.split()}


def room_of(path):
    """The room of a file given relative to the root, or None."""
    parts = path.parts
    if parts[:2] == ("include", "lowrank"):
        name = "/".join(parts[1:])
        return ROOM_OF_HEADER.get(name, parts[2] if len(parts) > 3 else None)
    return parts[1] if len(parts) > 2 else None


def problems_of(root, path, rows):
    """Every include of one file that must not be, as sentences."""
    relative = path.relative_to(root)
    room = room_of(relative)
    if room not in rows:
        yield f"{relative}: stands in no room of the table"
        return
    text = path.read_text(encoding="utf-8")
    public = relative.parts[0] == "include"
    if public and re.search(r"^namespace lowrank\b", text, re.MULTILINE):
        yield f'{relative}: a public header opens namespace [[gnu::visibility("default")]] lowrank: a shared library hides the rest'
    for match in INCLUDE.finditer(text):
        place = f"{relative}:{text.count(chr(10), 0, match.start()) + 1}"
        angled, name = match[1] == "<", match[2]
        for prefix, holder in SECRETS.items():
            if name.startswith(prefix) and not str(relative).startswith(holder):
                yield f"{place}: <{name}> is for {holder} alone"
        if angled:
            if name.startswith("lowrank/"):
                yield f'{place}: write "{name}", in quotes'
            elif public and not re.fullmatch(r"[a-z_]+", name):
                yield f"{place}: a public header includes the standard library and lowrank alone, not <{name}>"
            continue
        target = Path("include", name) if name.startswith("lowrank/") else Path("src", name)
        if (root / target).is_file():
            if public and target.parts[0] != "include":
                yield f'{place}: a public header must not need the private "{name}"'
            known = room_of(target)
            if known not in rows:
                yield f'{place}: "{name}" stands in no room of the table'
            elif known != room and rows[known] <= rows[room]:
                yield f'{place}: {room} must not know {known} ("{name}")'
        elif public or not re.fullmatch(r"[A-Z]+/.+", name):
            yield f'{place}: "{name}" is neither in include/ nor in src/; write the path from there'


def problems(root):
    rows = read_rows((root / "HACKING.md").read_text(encoding="utf-8"))
    files = sorted(path for folder in ("include", "src") for path in (root / folder).rglob("*") if path.suffix in (".h", ".cc"))
    if not files:
        return [f"{root}: no sources"]
    return [problem for path in files for problem in problems_of(root, path, rows)]


if __name__ == "__main__":
    found = problems(Path(sys.argv[1]))
    print("\n".join(found) if found else "every include is allowed")
    sys.exit(1 if found else 0)
