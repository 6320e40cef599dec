"""Runs the examples of a section of a page, or of all of it, and compares what they print with what the page shows.

usage: documents.py PAGE SECTION|all PROGRAM

Blocks of `sh` are run in order, in one empty folder, with PROGRAM as `lowrank` on the PATH. A block of `text` is what the block before it prints on
standard output and standard error, in the order of printing.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def blocks_of(page, section):
    if section == "all":
        return re.findall(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```(\w+)\n(.*?)^```$", found[1], re.DOTALL | re.MULTILINE) if found else []


def main(page, section, program):
    blocks = blocks_of(Path(page).read_text(encoding="utf-8"), section)
    if not {"sh", "text"} <= {kind for kind, _ in blocks}:
        raise SystemExit(f'documents.py: {page} has no section "{section}" with sh and text blocks')
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tools:
        (Path(tools) / "lowrank").symlink_to(Path(program).resolve())
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        command = None
        for kind, text in blocks:
            if kind == "sh":
                command = text
                result = subprocess.run(
                    ["sh", "-c", text], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
                )
            elif kind == "text" and result.stdout != text:
                raise SystemExit(f"documents.py: {page} shows\n{text}\nbut\n{command}prints\n{result.stdout}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
