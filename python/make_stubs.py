"""Writes the typing stubs of what is made at run time: of the compiled part, and of the estimators from its description.

usage: make_stubs.py FOLDER

FOLDER holds the package lowrank with its compiled part; the stubs go beside that.
"""

import importlib.util
import re
import sys
from pathlib import Path

from nanobind.stubgen import StubGen


def import_core(package):
    """The compiled part alone: the package itself may need what a machine that only builds does not have."""
    path = next(package.glob("_core*.so"))
    spec = importlib.util.spec_from_file_location("lowrank._core", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lowrank._core"] = module
    spec.loader.exec_module(module)
    return module


def core_stub(core):
    generator = StubGen(core)
    generator.put(core)
    stub = generator.get()
    # The generator knows containers, not what is in them.
    for bare, full in (("tuple", "tuple[Any, ...]"), ("dict", "dict[str, Any]"), ("list", "list[Any]"), ("object", "Any")):
        stub = re.sub(rf"(-> |: ){bare}(?=[:,) ]|$)", rf"\1{full}", stub, flags=re.MULTILINE)
    return stub.replace("from typing import Annotated", "from typing import Annotated, Any", 1)


def methods_stub(core):
    """The classes that _methods.py makes, with the options of the description as keyword arguments."""
    lines = [
        "from typing import Any, Literal",
        "",
        "from lowrank._estimator import Estimator as Estimator",
        "from lowrank._parts import WithParts as WithParts",
        "",
        "classes: dict[str, type[Estimator]]",
    ]
    exported = ["classes"]
    for method in core.methods():
        name = method["class"]
        exported.append(name)
        kinds = {}
        for option in method["options"]:
            choices = ", ".join(f'"{choice}"' for choice in option["choices"])
            kinds[option["name"]] = f"Literal[{choices}]" if choices else option["kind"]
        lines += ["", f"class {name}({'WithParts' if method['name'] == 'nmf' else 'Estimator'}):"]
        lines += [f"    {option}: {kind}" for option, kind in kinds.items()]
        lines += ["    def __init__(", "        self,", "        *,"]
        lines += [f"        {option['name']}: {kinds[option['name']]} = {option['default']!r}," for option in method["options"]]
        lines += ["    ) -> None: ..."]
    lines += ["", f"__all__ = {exported!r}", ""]
    return "\n".join(lines)


def main(folder):
    package = folder / "lowrank"
    core = import_core(package)
    (package / "_core.pyi").write_text(core_stub(core), encoding="utf-8")
    (package / "_methods.pyi").write_text(methods_stub(core), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
