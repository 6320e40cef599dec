#!/usr/bin/env python3
"""Runs clang-tidy on C++ files: exit code 1, and what it found on standard output, unless it finds nothing.

    scripts/tidy.py [--alone] FOLDER FILE...

FOLDER holds the compile_commands.json of a configured build. Most of the time goes into headers of the system and of libraries, so up to BATCH
sources of one folder with equal flags are checked as one file that includes them. If something is found there, or if they do not compile together,
each of them is checked alone. A header is checked with the sources that include it; if none of them is given, with a file that includes
all such headers. With --alone, each file is checked alone, which also shows whether it includes what it uses.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = f"--header-filter=^{re.escape(str(ROOT))}/(include|src|tests|bench|fuzz|examples)/"
BATCH = 8


def flags_of_sources(folder):
    """The compiler's flags for each source, without those that name the source or the outputs."""
    flags = {}
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])[1:]
        words = words[:words.index("-o")] if "-o" in words else [word for word in words if word not in ("-c", entry["file"])]
        flags.setdefault(pathlib.Path(entry["file"]), words)
    return flags


def name_to_include(header):
    return re.sub("^(include|src|tests)/", "", str(header))


def left_over(headers, sources):
    """The headers that none of the sources includes. Tests and fuzz targets include files of their own folder by their bare name."""
    texts = [(ROOT / source).read_text() for source in sources]
    return [header for header in headers
            if not any(re.search(rf'#include "(.*/)?{re.escape(header.name)}"', text) for text in texts)]


def names_in(text):
    """The names that a source defines at the start of a line: two sources that share one may not compile as one file. A namespace of its own
    sets a source apart."""
    if re.search(r"(?m)^namespace lowrank::\w+_test ", text):
        return set()
    types = re.findall(r"(?m)^(?:class|struct|enum class|using) (\w+)", text)
    others = re.findall(r"(?m)^(?!(?:namespace|class|struct|enum|using|template|extern|TEST\w*|INSTANTIATE\w*)\b)[A-Za-z_].*?\b(\w+)(?: = |\(|\{)", text)
    return {*types, *others}


def batches_of(sources, folder, flags, alone):
    """Lists of sources that are checked as one file, with their flags; the longest work first."""
    batches = []
    for source in sources:
        text = (ROOT / source).read_text()
        # A source of a part that is not configured is checked with the flags that clang-tidy guesses.
        own = flags.get(ROOT / source, ["-p", str(folder)])
        # Highway includes such a source again, by its name.
        apart = alone or ROOT / source not in flags or "foreach_target.h" in text
        names = names_in(text)
        fitting = (batch for batch in batches if not apart and batch["key"] == (source.parent, own) and len(batch["members"]) < BATCH
                   and not batch["names"] & names)
        batch = next(fitting, None)
        if batch is None:
            batches.append(batch := {"key": None if apart else (source.parent, own), "flags": own, "members": [], "names": set()})
        batch["members"].append(source)
        batch["names"] |= names
    return [(batch["members"], batch["flags"]) for batch in sorted(batches, key=lambda batch: -len(batch["members"]))]


def tidy(file, flags):
    """What clang-tidy finds in one file; empty if nothing."""
    how = flags if flags[:1] == ["-p"] else ["--", *flags]
    done = subprocess.run(["clang-tidy-16", "--quiet", "--extra-arg=-w", OURS, str(file), *how], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return re.sub(r"(?m)^.*warnings? (generated|treated).*\n", "", done.stdout + done.stderr) or f"{file}: clang-tidy ended with {done.returncode}\n"


def check(number, members, flags, stubs):
    if len(members) == 1 and members[0].suffix == ".cc":
        return tidy(members[0], flags)
    stub = stubs / f"batch-{number}.cc"
    stub.write_text("".join(f'#include "{name_to_include(file) if file.suffix == ".h" else ROOT / file}"\n' for file in members))
    found = tidy(stub, flags)
    if not found or members[0].suffix == ".h":
        return found
    return "".join(tidy(file, flags) for file in members)


def main():
    arguments = sys.argv[1:]
    alone = arguments[:1] == ["--alone"]
    folder, *files = map(pathlib.Path, arguments[alone:])
    flags = flags_of_sources(folder)
    stubs = folder / "batches"
    stubs.mkdir(exist_ok=True)
    sources = [file for file in files if file.suffix == ".cc"]
    headers = left_over([file for file in files if file.suffix == ".h"], sources)
    work = list(batches_of(sources, folder, flags, alone))
    if headers:
        work.insert(0, (headers, ["-std=c++20", "-Iinclude", "-Isrc", "-Itests", "-I."]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = [pool.submit(check, number, *job, stubs) for number, job in enumerate(work)]
        found = [result.result() for result in results]
    print("".join(found), end="")
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
