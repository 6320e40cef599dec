"""Does what the README's quick start says, as printed, and compares what it prints with what the README shows.

usage: readme.py ROOT PROGRAM PREFIX COMPILER FLAGS [--update]

With --update the README is given what is printed now, where it shows something else.

Blocks of the section "Quick start", in order, in a scratch folder that has examples/ and build/lowrank as a checkout has them:
`sh` is run; `cpp` becomes main.cc; `cmake` becomes CMakeLists.txt, is built against the installation under PREFIX, and the program run;
`text` is what the block before it prints: the same words, and numbers with a decimal point to within 0.02.
Blocks of `python` are left to python/tests/test_documents.py.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

NUMBER = re.compile(r"-?\d+\.\d+")


def quick_start_blocks(readme):
    section = re.search(r"^## Quick start\n(.*?)(?=^## )", readme, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section[1], re.DOTALL | re.MULTILINE) if section else []


def same(shown, printed):
    """Whether two texts agree, up to blanks and the last digits of numbers."""
    shown, printed = shown.split(), printed.split()
    return len(shown) == len(printed) and all(
        a == b or (NUMBER.fullmatch(a) and NUMBER.fullmatch(b) and abs(float(a) - float(b)) <= 0.02) for a, b in zip(shown, printed)
    )


def run(command, folder):
    print("$", command if isinstance(command, str) else " ".join(command), flush=True)
    shell = ["bash", "-euo", "pipefail", "-c", command] if isinstance(command, str) else command
    result = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=False)
    print(result.stdout, result.stderr, sep="", flush=True)
    if result.returncode != 0:
        raise SystemExit(f"readme.py: exit code {result.returncode}")
    return result.stdout


def main(root, program, prefix, compiler, flags, *, update):
    readme = (root / "README.md").read_text(encoding="utf-8")
    blocks = quick_start_blocks(readme)
    if not {"sh", "cpp", "cmake", "text"} <= {kind for kind, _ in blocks}:
        raise SystemExit('readme.py: README.md has no section "Quick start" with sh, text, cpp and cmake blocks')
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "examples").symlink_to(root / "examples")
        (folder / "build").mkdir()
        (folder / "build" / "lowrank").symlink_to(program)
        printed = ""
        unseen = None  # what was printed, until a block shows it
        for kind, text in blocks:
            if kind in ("sh", "cmake") and unseen == "cmake":
                raise SystemExit("readme.py: README.md does not show what the C++ program prints")
            unseen = kind if kind != "text" else None
            if kind == "sh":
                printed = run(text, folder)
            elif kind == "cpp":
                (folder / "main.cc").write_text(text, encoding="utf-8")
            elif kind == "cmake":
                (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
                options = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={flags}"]
                run(["cmake", "-G", "Ninja", "-B", "out", *options], folder)
                run(["cmake", "--build", "out"], folder)
                name = re.search(r"add_executable\((\w+)", text)[1]
                printed = run([f"out/{name}"], folder)
            elif kind == "python":
                printed = None
            elif kind != "text":
                raise SystemExit(f"readme.py: what to do with a block of {kind}?")
            elif printed is None or same(text, printed):
                continue
            elif not update:
                raise SystemExit(f"readme.py: the README shows something else:\n{text}")
            else:
                readme = readme.replace(f"```text\n{text}```", f"```text\n{printed.expandtabs(8)}```", 1)
    if update:
        (root / "README.md").write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:6], update=sys.argv[6:] == ["--update"])
