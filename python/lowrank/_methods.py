"""One class per method, made from the compiled description of its options."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from lowrank import _core
from lowrank._estimator import Estimator
from lowrank._parts import WithParts


def _type(option: dict[str, Any]) -> str:
    if option["choices"]:
        return "{" + ", ".join(f'"{choice}"' for choice in option["choices"]) + "}"
    return str(option["kind"]).replace(" | ", " or ")


def _docstring(name: str, method: dict[str, Any]) -> str:
    summary = method["summary"][0].upper() + method["summary"][1:]
    lines = [f"{summary}.", "", "Parameters", "----------"]
    for option in method["options"]:
        text = option["help"][0].upper() + option["help"][1:].rstrip(".")
        lines.append(f"{option['name']} : {_type(option)}, default {option['default']!r}")
        if option["condition"]:
            text += f"; {option['condition']}"
        lines += textwrap.wrap(f"{text}.", 110, initial_indent="    ", subsequent_indent="    ")
    attributes = inspect.cleandoc(Estimator.__doc__ or "")
    lines += ["", attributes[attributes.index("Attributes\n") :].rstrip()]
    lines += [
        "",
        "References",
        "----------",
        *textwrap.wrap(method["reference"], 110),
        "",
        "Examples",
        "--------",
        ">>> import lowrank",
        '>>> users = ["ann", "ann", "ann", "bob", "bob", "cy", "cy"]',
        '>>> items = ["tea", "rum", "ale", "tea", "rum", "rum", "ale"]',
        ">>> ratings = [5, 3, 1, 4, 3, 1, 5]",
        f">>> model = lowrank.{name}().fit((users, items, ratings))",
        '>>> ids, scores = model.recommend(["bob"], n=2)',
        ">>> ids.tolist()",
        "[['ale', None]]",
    ]
    return "\n".join(lines)


def _make_class(method: dict[str, Any]) -> type[Estimator]:
    name = method["class"]
    options = {option["name"]: option["default"] for option in method["options"]}

    def __init__(self: Any, **given: Any) -> None:
        Estimator.__init__(self, **given)

    # scikit-learn and people learn the options from the signature.
    keywords = [
        inspect.Parameter(option["name"], inspect.Parameter.KEYWORD_ONLY, default=option["default"], annotation=option["kind"])
        for option in method["options"]
    ]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([first, *keywords])  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{name}.__init__"
    base = WithParts if method["name"] == "nmf" else Estimator
    members = {
        "__init__": __init__,
        "__doc__": _docstring(name, method),
        "__module__": "lowrank",
        "_method": method["name"],
        "_options": options,
    }
    return type(name, (base,), members)


#: The class of every method that the compiled part has, by the method's name.
classes: dict[str, type[Estimator]] = {}
__all__ = ["classes"]
for _description in _core.methods():
    _class = _make_class(_description)
    classes[_description["name"]] = _class
    globals()[_class.__name__] = _class
    __all__.append(_class.__name__)
