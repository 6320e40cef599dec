"""The options of an estimator, as parameters of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from lowrank._checks import shown
from lowrank._errors import OptionError

Self = TypeVar("Self", bound="Params")


class Params:
    """Options as keyword arguments and attributes."""

    _method: str = ""
    _options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        for name in options:
            if name not in self._options:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        for name, default in self._options.items():
            setattr(self, name, options.get(name, default))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name.

        Parameters
        ----------
        deep : bool
            Has no effect: no option is an estimator.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in self._options}

    def set_params(self: Self, **params: Any) -> Self:
        """Set options by name.

        Returns
        -------
        self

        Raises
        ------
        OptionError
            An option does not exist.
        """
        for name in params:
            if name not in self._options:
                raise OptionError(f"{name}: {type(self).__name__} has no such option; it has {', '.join(self._options)}", name)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.get_params().items() if repr(value) != repr(self._options[name])}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def _texts(self) -> list[tuple[str, str]]:
        """The options as texts, for the compiled part to check and read."""
        texts = []
        for name in self._options:
            value = getattr(self, name)
            if isinstance(value, (bool, np.bool_)):
                text = str(bool(value)).lower()
            elif isinstance(value, (float, np.floating)):
                text = repr(float(value))
            elif value is None and self._options[name] is None:
                text = "auto"
            else:
                try:
                    text = str(value)
                except ValueError:
                    raise OptionError(f"{name}: {shown(value)} is out of range", name) from None
            texts.append((name, text))
        return texts

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            regressor_tags=RegressorTags(),
            classifier_tags=None,
            input_tags=InputTags(two_d_array=True, string=True, sparse=True, allow_nan=True),
        )
