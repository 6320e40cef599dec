#!/usr/bin/env python3
"""What every comparison ends in: a JSON document with the machine and a table in Markdown; and README's figures, made from those kept in bench/results.

    bench/report.py [--check]      puts the kept tables between the marks of README.md (--check: fails where it does not show them)
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- bench/report.py: begin -->", "<!-- bench/report.py: end -->"
# In the order of README.md.
KEPT = ["sgd", "read", "growth", "als", "implicit", "nmf", "recommend", "python", "quality"]


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip().split("\n")[0]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"processor": model, "cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "compiler": first_line("g++", "--version"),
            "commit": first_line("git", "rev-parse", "--short", "HEAD"), "date": time.strftime("%Y-%m-%d")}


def write(name, document, table):
    """Writes build/bench/NAME.json and prints the table. What is to be kept is copied to bench/results by hand."""
    WORK.mkdir(parents=True, exist_ok=True)
    command = " ".join(["bench/" + pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])
    (WORK / f"{name}.json").write_text(json.dumps({"command": command, "machine": machine(), **document, "table": table}, indent=1) + "\n")
    print(table)


def skip(what):
    """Ends a comparison whose data are not there; that is no failure."""
    print(f"{pathlib.Path(sys.argv[0]).name}: skipped, {what} is not here")
    sys.exit(0)


def figures():
    parts = []
    for name in KEPT:
        file = RESULTS / f"{name}.json"
        if not file.exists():
            continue
        document = json.loads(file.read_text())
        box = document["machine"]
        parts.append(f"{document['table']}\n\n`{document['command']}`, {box['date']}: {box['processor']}, {box['cores']} cores, {box['compiler']}, commit {box['commit']}.\n")
    return "\n".join(parts)


def main():
    readme = ROOT / "README.md"
    text = readme.read_text()
    new = text[:text.index(BEGIN) + len(BEGIN)] + "\n" + figures() + text[text.index(END):]
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if new == text else "report.py: README.md does not show what bench/results holds; run bench/report.py")
    readme.write_text(new)


if __name__ == "__main__":
    main()
