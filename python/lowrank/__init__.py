"""lowrank factorizes large, sparse rating matrices.

>>> import lowrank
>>> model = lowrank.SGD(rank=2).fit((["ann", "ann", "bob"], ["tea", "rum", "tea"], [5, 3, 4]))
>>> model.predict(["bob"], ["rum"]).shape
(1,)

One class per method, with the fit, predict and score of scikit-learn; ``recommend`` for lists; ``save`` and ``load`` for model
files that the command line and C++ share. `MF` is the class of the article that lowrank started from.
"""

from lowrank import _methods
from lowrank._core import simd_level
from lowrank._core import version as _version
from lowrank._cross_validate import CrossValidated, cross_validate
from lowrank._data import read_ratings, split, titles
from lowrank._errors import (
    DataError,
    DataWarning,
    Error,
    FileError,
    MemoryError,
    ModelFileError,
    NotFittedError,
    OptionError,
    TrainingError,
    TrainingWarning,
    UnknownIdError,
)
from lowrank._estimator import Estimator
from lowrank._explain import Explanation
from lowrank._judge import compare, scorer
from lowrank._lists import Lists
from lowrank._load import load
from lowrank._methods import *
from lowrank._mf import MF
from lowrank._plots import plot_items, plot_training
from lowrank._ratings import Ratings
from lowrank._stream import StreamFigures, evaluate_stream
from lowrank._tune import Tuned, tune

__version__ = _version()
__all__ = [
    "MF",
    "CrossValidated",
    "DataError",
    "DataWarning",
    "Error",
    "Estimator",
    "Explanation",
    "FileError",
    "Lists",
    "MemoryError",
    "ModelFileError",
    "NotFittedError",
    "OptionError",
    "Ratings",
    "StreamFigures",
    "TrainingError",
    "TrainingWarning",
    "Tuned",
    "UnknownIdError",
    "compare",
    "cross_validate",
    "evaluate_stream",
    "load",
    "plot_items",
    "plot_training",
    "read_ratings",
    "scorer",
    "simd_level",
    "split",
    "titles",
    "tune",
]
__all__ += [name for name in _methods.__all__ if name != "classes"]
