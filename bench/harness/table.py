"""What a comparison ends in: a JSON document in build/bench, and a table."""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import time

from harness import ROOT, WORK, program


def table(header, rows):
    """A table in Markdown; a cell that is None is empty."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines)


def ratio(other, own, digits=1):
    """How many times lowrank's seconds go into the other's, or nothing where one is missing."""
    return f"{other / own:.{digits}f}" if own and other else None


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip().split("\n")[0]


def machine():
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"processor": processor, "cores": program.THREADS, "system": platform.platform(), "compiler": first_line("g++", "--version"),
            "commit": first_line("git", "rev-parse", "--short", "HEAD"), "date": time.strftime("%Y-%m-%d")}


def save(name, document, tables):
    """Writes build/bench/NAME.json and prints its tables. What is to be kept is copied to bench/results by hand."""
    WORK.mkdir(parents=True, exist_ok=True)
    command = " ".join(["bench/" + pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])
    document = {"command": command, "machine": machine(), **document}
    (WORK / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(tables(document))


def arguments(description, **options):
    """The options of a comparison: {name: help of a flag, or keyword arguments of add_argument}."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, option in options.items():
        parser.add_argument("--" + name.replace("_", "-"), **({"action": "store_true", "help": option} if isinstance(option, str) else option))
    return parser.parse_args()
