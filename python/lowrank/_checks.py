"""Checks of arguments that are numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from lowrank._errors import DataError, FileError, OptionError


def thread_count(threads: Any) -> int:
    """A number of threads; the library checks its range."""
    return whole(threads, "threads", -(2**31), 2**31 - 1)


def positive(value: Any, name: str) -> int:
    """A length or number of ratings, at least 1."""
    return whole(value, name, 1, 2**32 - 2)


def shown(value: Any) -> str:
    """A value as a message shows it: the start of a very long one."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python converts
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"an object of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:50]}..."


def number(value: Any, name: str) -> float:
    """A number; the library checks its range."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise OptionError(f"{name}: expected a number, got {shown(value)}", name)
    try:
        return float(value)
    except OverflowError:
        raise OptionError(f"{name}: {shown(value)} is out of range", name) from None


def path_of(path: Any, name: str) -> str:
    """A path as text, from text, bytes or a path-like object."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise DataError(f"{name}: expected a path, got {type(path).__name__}")
    text = os.fsdecode(path)
    if "\0" in text:
        raise FileError(f"{name}: a path cannot have a NUL character, got {shown(text)}")
    return text


def is_path(thing: Any) -> bool:
    """Whether this names a file."""
    return isinstance(thing, (str, bytes, os.PathLike))


def several(values: Any, name: str) -> list[Any]:
    """The members of an iterable."""
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes)):
        raise OptionError(f"{name}: expected whole numbers, got {shown(values)}", name)
    return list(values)


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number of a range."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"{name}: expected a whole number, got {shown(value)}", name)
    if not least <= value <= most:
        raise OptionError(f"{name}: must be at least {least} and at most {most}, got {shown(value)}", name)
    return int(value)


def optional_rating(value: Any, name: str) -> float | None:
    """A rating as the float32 that the library has, or none."""
    if value is None:
        return None
    try:
        return float(np.float32(value))
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"{name}: expected a number, got {shown(value)}", name) from None


def list_lengths(top: Any) -> list[int]:
    """Lengths of lists, of which there may be one, several or none."""
    if top is None:
        return []
    return [positive(one, "top") for one in ([top] if isinstance(top, (int, np.integer)) else several(top, "top"))]
