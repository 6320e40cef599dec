"""The library's errors as exceptions: each is a ``lowrank.Error`` and a ``ValueError`` or ``OSError``."""

from __future__ import annotations

import builtins
import sys
from typing import Any

__all__ = [
    "DataError",
    "DataWarning",
    "Error",
    "FileError",
    "MemoryError",
    "ModelFileError",
    "NotFittedError",
    "OptionError",
    "TrainingError",
    "TrainingWarning",
    "UnknownIdError",
]


class Error(Exception):
    """Base of every error that lowrank raises on purpose."""


class DataError(Error, ValueError):
    """The content of some input is wrong: a malformed line, a wrong shape, a value out of range."""


class FileError(Error, OSError):
    """The operating system refused a file."""


class OptionError(Error, ValueError):
    """An option is unknown, out of its range, or not read by the method.

    Attributes
    ----------
    option : str
        The option's name, e.g. ``"learning_rate"``; may be empty.
    """

    def __init__(self, message: str = "", option: str = "") -> None:
        super().__init__(message, option)
        self.option = option

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownIdError(Error, ValueError):
    """An id was asked for that the model does not know."""


class ModelFileError(Error, ValueError):
    """A model file is truncated, altered, or no model file at all."""


class MemoryError(Error, builtins.MemoryError):
    """Training would need more memory than there is."""


class TrainingError(Error, ValueError):
    """Training cannot produce a finite model from this data with these options."""


class NotFittedError(Error, ValueError, AttributeError):
    """An estimator was asked for something that only a fitted one has."""


def not_fitted(message: str) -> NotFittedError:
    """The exception for an estimator that is not fitted: where scikit-learn is in use, also one of its own NotFittedError."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    return NotFittedError(message) if theirs is None else _both(theirs)(message)


def _both(theirs: Any) -> type[NotFittedError]:
    if "_NotFittedInSklearn" not in globals():
        members = {"__module__": __name__, "__doc__": NotFittedError.__doc__, "__reduce__": lambda self: (not_fitted, self.args)}
        globals()["_NotFittedInSklearn"] = type("NotFittedError", (NotFittedError, theirs), members)
    return globals()["_NotFittedInSklearn"]  # type: ignore[no-any-return]


class DataWarning(UserWarning):
    """Data may mean something else than it was taken for."""


class TrainingWarning(UserWarning):
    """Training went differently than asked for, e.g. with a smaller step."""


for _name in __all__:
    globals()[_name].__module__ = "lowrank"
