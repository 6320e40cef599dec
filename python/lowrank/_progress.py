"""A progress bar over epochs, for people who look on."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol


class Bar(Protocol):
    """What shows how far training is."""

    def show(self, report: dict[str, Any]) -> None: ...
    def close(self) -> None: ...


class _Silent:
    def show(self, report: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


def _figures(report: dict[str, Any]) -> dict[str, str]:
    names = [name for name in report if name not in ("epoch", "epochs", "seconds")]
    return {name: f"{report[name]:.4f}" for name in names}


class _Tqdm:
    def __init__(self, tqdm: Any, name: str) -> None:
        self._tqdm = tqdm
        self._name = name
        self._bar: Any = None

    def show(self, report: dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = self._tqdm(total=report["epochs"], desc=self._name, unit="epoch", leave=False)
        self._bar.set_postfix(_figures(report), refresh=False)
        self._bar.update(report["epoch"] - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Line:
    """One line on the terminal, redrawn at most ten times a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = 0.0
        self._width = 0

    def show(self, report: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._shown < 0.1 and report["epoch"] != report["epochs"]:
            return
        self._shown = now
        figures = "  ".join(f"{name} {value}" for name, value in _figures(report).items())
        line = f"{self._name}: epoch {report['epoch']} of {report['epochs']}  {figures}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


class _Guarded:
    """A bar that is given up where it cannot be shown: training goes on when nobody can see it any more."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def show(self, report: dict[str, Any]) -> None:
        try:
            self._bar.show(report)
        except (AttributeError, OSError, ValueError):
            self._bar = _Silent()

    def close(self) -> None:
        try:
            self._bar.close()
        except (AttributeError, OSError, ValueError):
            self._bar = _Silent()


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    return type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def progress_bar(name: str, wanted: bool | None) -> Bar:
    """A bar where somebody looks on: standard error is a terminal, or this is a notebook.

    Parameters
    ----------
    name : str
        What is going on.
    wanted : bool or None
        True and False overrule what was found out.
    """
    notebook = _in_notebook()
    terminal = _is_terminal(sys.stderr)
    if wanted is False or not (wanted or notebook or terminal):
        return _Silent()
    try:
        if notebook:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return _Guarded(_Line(name))
    return _Guarded(_Tqdm(tqdm, name))
