"""The notebook runs from its first cell to its last and draws what it shows."""

import calendar
import json
import re

import numpy as np
import pytest
from conftest import ROOT

matplotlib = pytest.importorskip("matplotlib")


def test_the_notebook(tmp_path, monkeypatch):
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "examples" / "films.ipynb").read_text(encoding="utf-8"))
    names = {}
    drawn = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        exec(compile("".join(cell["source"]), "films.ipynb", "exec"), names)
        shown = sum("image/png" in output.get("data", {}) for output in cell["outputs"])
        assert len(plt.get_fignums()) == shown
        for number in plt.get_fignums():
            figure = plt.figure(number)
            figure.canvas.draw()
            assert len(np.unique(np.asarray(figure.canvas.buffer_rgba()).reshape(-1, 4), axis=0)) > 20
            assert figure.axes[0].get_xlabel() or figure.axes[0].get_title()
            drawn += 1
            if figure.axes[0].texts:
                labels = [text.get_text() for text in figure.axes[0].texts]
                films = len(labels) == 20 and all(re.search(r"\(\d{4}\)$", label) for label in labels)
                assert films or labels == calendar.month_name[2:10]
        plt.close("all")
    assert drawn == 4
