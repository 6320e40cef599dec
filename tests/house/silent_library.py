"""The library prints nothing, ends no process and asks the environment in one place only: its object files refer to nothing that does.

usage: silent_library.py OBJECT...
"""

import subprocess
import sys
from pathlib import Path

FORBIDDEN = {
    "prints": {
        "stdout", "stderr", "printf", "vprintf", "fprintf", "vfprintf", "dprintf", "vdprintf", "puts", "putchar", "putc", "fputs", "fputc", "putc_unlocked", "putchar_unlocked",
        "perror", "psignal", "syslog", "__printf_chk", "__fprintf_chk", "__vprintf_chk", "__vfprintf_chk", "__dprintf_chk",
        "_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "_ZSt5wcout", "_ZSt5wcerr", "_ZNSt8ios_base4InitC1Ev",
    },
    "ends the process": {"exit", "_exit", "_Exit", "quick_exit", "abort", "kill", "raise"},
    "asks the environment": {"getenv", "secure_getenv", "environ", "__environ"},
}
ALLOWED = {("simd_level.cc", "getenv")}


def references(path):
    """The symbols that an object file, or the members of a library, use and do not define."""
    listing = subprocess.run(["nm", "--undefined-only", "--format=posix", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[0].split("@")[0] for line in listing.splitlines() if line.strip() and not line.endswith(":")}


def problems(paths):
    for path in paths:
        source = Path(path).name.removesuffix(".o")
        symbols = references(path)
        for what, names in FORBIDDEN.items():
            for symbol in sorted(symbols & names):
                if (source, symbol) not in ALLOWED:
                    yield f"{source}: {what} ({symbol})"


if __name__ == "__main__":
    found = list(problems(sys.argv[1:]))
    print("\n".join(found) if found else f"{len(sys.argv) - 1} object files, all silent")
    sys.exit(1 if found or len(sys.argv) < 2 else 0)
