"""Every public header compiles alone, and twice in one source.

usage: headers_alone.py ROOT COMPILER
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root, compiler = Path(sys.argv[1]), sys.argv[2]
include = root / "include"


def compile_alone(header):
    name = header.relative_to(include).as_posix()
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}", "-x", "c++", "-"]
    return subprocess.run(command, input=f'#include "{name}"\n#include "{name}"\n', capture_output=True, text=True, check=False)


headers = sorted(include.rglob("*.h"))
with ThreadPoolExecutor(os.cpu_count()) as pool:
    failed = [result.stderr for result in pool.map(compile_alone, headers) if result.returncode != 0]
print("\n".join(failed) if failed else f"{len(headers)} headers compile alone")
sys.exit(1 if failed or not headers else 0)
