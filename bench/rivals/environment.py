"""The Python environments that rivals from PyPI live in, each of its own, beside the build."""

import os
import pathlib
import subprocess
import sys


def python_with(packages, folder):
    """The interpreter of an environment with `packages` in `folder`, which is made once."""
    folder = pathlib.Path(folder)
    python, done = folder / "bin" / "python3", folder / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install", *packages], check=True)
        done.touch()
    return python


def variables(**given):
    """The environment variables that a rival runs with: those here and `given`. Its BLAS is left to find the processor's kernels by itself."""
    return {**{name: value for name, value in os.environ.items() if name not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}, **given}
