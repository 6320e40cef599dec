"""Loading a model file as an estimator of its method."""

from __future__ import annotations

import json
import os

from lowrank import _core
from lowrank._errors import DataError
from lowrank._estimator import Estimator
from lowrank._methods import classes


def load(path: str | os.PathLike[str]) -> Estimator:
    """Load a model file of Python, C++ or the command line.

    Parameters
    ----------
    path : str or path-like
        Written by `save`, the command line or C++.

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
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"path: expected a path, got {type(path).__name__}")
    model = _core.Model.load(os.fsdecode(path))
    record = model.record
    kind = classes.get(record["method"], Estimator)
    options = json.loads(record["options"])
    result = kind(**{name: value for name, value in options.items() if name in kind._options})
    if kind is Estimator:
        result._method = record["method"]
    result._take(model)
    return result
