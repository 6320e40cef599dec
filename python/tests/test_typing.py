"""The package and its stubs under mypy in strict mode, and ruff; its imports."""

import ast
import graphlib
import pathlib
import subprocess
import sys

import lowrank
import pytest
from conftest import ROOT

USE = """
import numpy as np
import numpy.typing as npt

import lowrank

model: lowrank.SGD = lowrank.SGD(rank=4, schedule="linear").fit(([1, 2], [1, 2], [3, 4]))
factors: npt.NDArray[np.float32] = model.user_factors_
score: float = model.score([[1, 2]], [3])
loaded: lowrank.Estimator = lowrank.load("model")
steps: list[tuple[int, float]] = lowrank.MF(np.eye(2), 1, 0.1, 0.1, 1).train()
lowrank.SGD(rank="much")  # type: ignore[arg-type]
lowrank.SGD(schedule="steep")  # type: ignore[arg-type]
lowrank.SGD(colour=1)  # type: ignore[call-arg]
"""


def test_the_package_and_its_stubs():
    mypy = pytest.importorskip("mypy.api")
    package = pathlib.Path(lowrank.__file__).parent
    out, err, code = mypy.run(["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir=/dev/null", str(package)])
    assert code == 0, out + err


def test_a_program_that_uses_it(tmp_path):
    pytest.importorskip("mypy.api")
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=/dev/null", "use.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff():
    pytest.importorskip("ruff")
    result = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "python"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_imports_have_no_circles():
    """Imports of the package's own modules, wherever they are in a file."""
    graph = {}
    for path in (ROOT / "python" / "lowrank").glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        graph[path.stem] = {node.module.removeprefix("lowrank.") for node in nodes if node.module.startswith("lowrank.")}
        graph[path.stem] |= {alias.name for node in nodes if node.module == "lowrank" for alias in node.names}
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError
    assert order.index("_estimator") < order.index("_methods") < order.index("__init__")
