"""Programs of others, from PyPI: each in a virtual environment of its own under the build folder, made at its first use."""

import pathlib
import subprocess
import sys

# The exit code by which ctest counts a test as skipped.
SKIPPED = 77


def python_with(build, name, *packages):
    """The interpreter of the environment `name` with `packages`, or None, and the reason on standard output.

    Parameters
    ----------
    build : path
        The build folder.
    name : str
        Of the environment's folder under ``build/peers``.
    packages : str
        What pip installs, wheels alone.
    """
    folder = pathlib.Path(build) / "peers" / name
    python = folder / "bin" / "python"
    mark = folder / "installed"
    wanted = "\n".join(packages) + "\n"
    if mark.exists() and mark.read_text() == wanted:
        return python
    steps = [[sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *packages]]
    for step in steps:
        result = subprocess.run(list(map(str, step)), capture_output=True, text=True, check=False)
        if result.returncode != 0:
            lines = (result.stderr or result.stdout).strip().splitlines()
            print(f"{name} cannot be installed: {lines[-1] if lines else 'exit code ' + str(result.returncode)}")
            return None
    mark.write_text(wanted)
    return python
