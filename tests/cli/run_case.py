#!/usr/bin/env python3
"""Runs text cases of what a user types: a command, its expected output and exit code.

    run_case.py PROGRAM FILE.test...

A case file is a list of sections, each headed by a line that starts with `--- `; lines before the first one are a comment. The sections run
in their order in an empty folder of their own, with PROGRAM as `lowrank` on the PATH:

    --- file NAME        the lines below are written to NAME
    --- run              the lines below are run by `sh`
    --- stdout           what the command before must print; nothing where the section is missing
    --- stderr           the same for standard error
    --- stdout any       whatever it prints is fine (also: stderr any)
    --- json             standard output must be exactly one JSON document, and hold what the document below does
    --- exit N           its exit code; 0 where the section is missing

In stdout and stderr `{{...}}` is a regular expression, the rest is literal; lines must match from the first to the last. In json, objects
may have more keys than expected; lists and values must be equal, numbers to within 1e-6, and "{{...}}" strings match as above ("{{}}" is
any value).

Every command line that is refused (exit code 2) must end with the line that names the help command; it is checked here, and not part of the
expected stderr.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SHOWN_LIMIT = 40
HELP_LINE = re.compile(r'Type "lowrank( [a-z-]+( --method [a-z-]+)?)? --help" for (its options|a list of the commands)\.')


class Mismatch(Exception):
    """Something is not as the case expects it."""


def parse(path):
    """The sections of a case file: (line number, kind, argument, body)."""
    sections = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("--- "):
            kind, _, argument = line[4:].partition(" ")
            sections.append((number, kind, argument.strip(), []))
        elif sections:
            sections[-1][3].append(line)
    return [(number, kind, argument, trimmed(body)) for number, kind, argument, body in sections]


def trimmed(body):
    """Without the blank lines that set sections apart."""
    while body and not body[-1].strip():
        body = body[:-1]
    return body


def pattern(line):
    parts = re.split(r"\{\{(.*?)\}\}(?!\})", line)
    return "".join(f"(?:{part})" if i % 2 else re.escape(part) for i, part in enumerate(parts))


def check_lines(name, expected, text):
    lines = text.splitlines()
    for i, line in enumerate(expected):
        if i >= len(lines) or not re.fullmatch(pattern(line), lines[i]):
            found = lines[i] if i < len(lines) else "(end)"
            raise Mismatch(f"{name}, line {i + 1}:\n  expected {line}\n  found    {found}")
    if len(lines) > len(expected):
        raise Mismatch(f"{name}: unexpected line {len(expected) + 1}: {lines[len(expected)]}")


def check_json(expected, found, where="document"):
    if isinstance(expected, str) and expected.startswith("{{") and expected.endswith("}}"):
        if expected != "{{}}" and not re.fullmatch(pattern(expected), str(found)):
            raise Mismatch(f"{where}: expected {expected}, found {found!r}")
    elif isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                raise Mismatch(f"{where}: no key {key!r} among {sorted(found)}")
            check_json(value, found[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            raise Mismatch(f"{where}: expected {len(expected)} entries, found {len(found)}")
        for i, (left, right) in enumerate(zip(expected, found)):
            check_json(left, right, f"{where}[{i}]")
    elif isinstance(expected, (int, float)) and not isinstance(expected, bool) and type(found) in (int, float):
        if abs(expected - found) > 1e-6 * max(1, abs(expected)):
            raise Mismatch(f"{where}: expected {expected}, found {found}")
    elif type(expected) is not type(found) or expected != found:
        raise Mismatch(f"{where}: expected {expected!r}, found {found!r}")


def check_result(result, expectations):
    code = int(expectations.get("exit", (0, "0", []))[1])
    if result.returncode != code:
        raise Mismatch(f"exit code: expected {code}, found {result.returncode}")
    errors = result.stderr.splitlines()
    if result.returncode == 2:
        if not errors or not HELP_LINE.fullmatch(errors[-1]):
            raise Mismatch("stderr: a refused command line must end with the help command to type")
    errors = [line for line in errors if not HELP_LINE.fullmatch(line)]
    if "json" in expectations:
        document = json.loads(result.stdout)
        check_json(json.loads("\n".join(expectations["json"][2])), document)
    elif expectations.get("stdout", (0, "", []))[1] != "any":
        check_lines("stdout", expectations.get("stdout", (0, "", []))[2], result.stdout)
    if expectations.get("stderr", (0, "", []))[1] != "any":
        check_lines("stderr", expectations.get("stderr", (0, "", []))[2], "".join(line + "\n" for line in errors))


def shown(text):
    lines = text.splitlines()
    more = [f"... {len(lines) - SHOWN_LIMIT} more lines"] if len(lines) > SHOWN_LIMIT else []
    return "\n".join("    " + line for line in lines[:SHOWN_LIMIT] + more)


def run_case(program, path):
    """Runs one case file and returns the number of commands; raises Mismatch."""
    sections = parse(path)
    commands = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = pathlib.Path(folder, "bin")
        tools.mkdir()
        (tools / "lowrank").symlink_to(program)
        work = pathlib.Path(folder, "work")
        work.mkdir()
        environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
        i = 0
        while i < len(sections):
            number, kind, argument, body = sections[i]
            i += 1
            if kind == "file":
                (work / argument).write_text("".join(line + "\n" for line in body), encoding="utf-8")
            elif kind == "run":
                expectations = {}
                while i < len(sections) and sections[i][1] in ("stdout", "stderr", "json", "exit"):
                    expectations[sections[i][1]] = sections[i][0], sections[i][2], sections[i][3]
                    i += 1
                command = "\n".join(body)
                result = subprocess.run(["sh", "-c", command], cwd=work, env=environment, capture_output=True, text=True, timeout=120,
                                        stdin=subprocess.DEVNULL)
                commands += 1
                try:
                    check_result(result, expectations)
                except (Mismatch, json.JSONDecodeError) as problem:
                    raise Mismatch(f"{path}:{number}: {command}\n{problem}\nstdout:\n{shown(result.stdout)}\n"
                                   f"stderr:\n{shown(result.stderr)}") from None
            else:
                raise Mismatch(f"{path}:{number}: unknown section {kind!r}")
    if commands == 0:
        raise Mismatch(f"{path}: no command")
    return commands


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    failed = 0
    for name in sys.argv[2:]:
        try:
            print(f"{name}: {run_case(program, pathlib.Path(name))} commands as expected")
        except Mismatch as problem:
            failed += 1
            print(problem)
    return 1 if failed or len(sys.argv) < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
