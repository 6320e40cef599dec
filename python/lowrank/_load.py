"""Loading a model file as an estimator of its method."""

from __future__ import annotations

import json
import os
from typing import BinaryIO

from lowrank import _core
from lowrank._checks import path_of
from lowrank._errors import DataError
from lowrank._estimator import Estimator
from lowrank._methods import classes


def load(path: str | bytes | os.PathLike[str] | BinaryIO) -> Estimator:
    """Load a model file of Python, C++ or the command line.

    Parameters
    ----------
    path : path or binary file object
        Written by `save`, the command line or C++. A file object is read to its end.

    Returns
    -------
    Estimator
        A fitted estimator of the model's method, with the model's options. If this version lacks the method, a plain
        :class:`Estimator`, without options, that answers and cannot be fitted.

    Raises
    ------
    FileError
        The file cannot be read.
    ModelFileError
        It is truncated, altered, or no model file.

    Examples
    --------
    >>> import lowrank, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> model = lowrank.Baseline() if hasattr(lowrank, "Baseline") else lowrank.SGD(rank=2)
    >>> model.fit(([1, 1, 2], [1, 2, 2], [5, 3, 4])).save(path)
    >>> lowrank.load(path).users_.tolist()
    [1, 2]
    """
    if hasattr(path, "read"):
        data = path.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise DataError("path: a file object must be open for bytes, not for text")
        model = _core.Model.deserialize(bytes(data))
    else:
        model = _core.Model.load(path_of(path, "path"))
    record = model.record
    kind = classes.get(record["method"], Estimator)
    options = json.loads(record["options"])
    result = kind(**{name: value for name, value in options.items() if name in kind._options})
    if kind is Estimator:
        result._method = record["method"]
    result._take(model)
    return result
