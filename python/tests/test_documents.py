"""Docstrings, the README and the documentation page do what they say."""

import doctest
import importlib
import inspect
import os
import re

import lowrank
import pytest
from conftest import ROOT
from lowrank._methods import classes

MODULES = ["lowrank", "lowrank._cross_validate", "lowrank._data", "lowrank._judge", "lowrank._load", "lowrank._mf", "lowrank._ratings"]


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert result.attempted and not result.failed


def test_docstrings_of_methods(method):
    tests = doctest.DocTestFinder(recurse=False).find(classes[method], method, module=lowrank)
    assert sum(doctest.DocTestRunner().run(test).failed for test in tests) == 0
    assert tests[0].examples


def test_everything_public_says_what_it_is():
    for name in lowrank.__all__:
        thing = getattr(lowrank, name)
        assert inspect.getdoc(thing), name
        members = inspect.getmembers(thing) if inspect.isclass(thing) and not issubclass(thing, Exception) else ()
        for member, function in members:
            if not member.startswith("_") and (callable(function) or isinstance(function, property)):
                assert inspect.getdoc(function), f"{name}.{member}"


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/factors.md", "docs/new-data.md"])
def test_pages(page, tmp_path, monkeypatch, capsys):
    """Blocks of one page are one program; a block of text shows what the block before prints, numbers to within 0.02."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names = {}
    found = re.findall(r"^```(python|text)\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert any(language == "python" for language, _ in found)
    ran = False
    printed = ""
    for language, text in found:
        if language == "python":
            exec(compile(text, page, "exec"), names)
            printed, ran = capsys.readouterr().out, True
        elif ran:
            words, shown = printed.split(), text.split()
            assert len(words) == len(shown), printed
            for word, wanted in zip(words, shown):
                try:
                    assert abs(float(word) - float(wanted)) <= 0.02, printed
                except ValueError:
                    assert word == wanted, printed
            ran = False
    assert os.listdir(tmp_path)
