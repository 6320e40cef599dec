"""Times of ratings, of every kind that Python and its libraries have, as integers."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lowrank import _core
from lowrank._errors import DataError, OptionError

Times: TypeAlias = npt.NDArray[np.int64]

#: Where the units of numbers since 1970 end, as in files: nothing below the first bound tells, then seconds, milliseconds ...
_BOUNDS = (10**8, 10**11, 10**14, 10**17)
_UNITS = ("numbers", "seconds", "milliseconds", "microseconds", "nanoseconds")


def _microseconds(time: datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    past = time - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (past.days * 86400 + past.seconds) * 10**6 + past.microseconds


def _whole(time: Any) -> tuple[bool, int] | None:
    """Whether one time is a date, and it in microseconds since 1970, or else as an integer. None if it is missing."""
    if isinstance(time, str):
        return _core.time_of(time.strip())  # type: ignore[no-any-return]
    if time is None or str(time) in ("<NA>", "NaT", "nan"):
        return None
    if isinstance(time, np.datetime64):
        return True, int(time.astype("datetime64[us]").astype(np.int64))
    if isinstance(time, datetime):
        return True, _microseconds(time)
    if isinstance(time, date):
        return True, _microseconds(datetime(time.year, time.month, time.day))
    return False, int(time)


def moment_text(moment: Any, name: str = "at") -> str:
    """One time as a text that the library reads: a date, or a number. `name` is that of the argument, for messages."""
    if isinstance(moment, str):
        return moment
    try:
        found = _whole(moment)
    except (TypeError, ValueError, OverflowError):
        found = None
    if found is None:
        raise OptionError(f"{name}: expected a date or a number, got {moment!r:.60}", name)
    is_date, time = found
    return f"{np.datetime64(time, 'us')}" if is_date else str(time)


def time_column(times: Any) -> npt.NDArray[np.int64]:
    """Times as integers that are in their order: numbers as they are, fractions cut off; dates in microseconds since 1970, in UTC where they
    have no zone. Raises DataError for what is no time, for dates among numbers, for numbers in two units, and for missing times, which are
    not the oldest.
    """
    try:
        if getattr(getattr(times, "dtype", None), "tz", None) is not None and hasattr(times, "to_numpy"):
            times = times.to_numpy("datetime64[us]")
        array = np.asarray(times)
    except (TypeError, ValueError):
        raise DataError("time: expected timestamps") from None
    if array.dtype.kind == "M":
        _refuse_missing(np.isnat(array))
        return np.ascontiguousarray(array.astype("datetime64[us]").astype(np.int64))
    if array.dtype.kind == "f":
        _refuse_missing(np.isnan(array))
        if not (np.abs(array) < 2.0**63).all():
            raise _fault(int(np.flatnonzero(~(np.abs(array) < 2.0**63))[0]), array)
    elif array.dtype.kind not in "iub":
        array, dates = _one_by_one(array)
        if dates:
            return array
    whole = np.ascontiguousarray(array.astype(np.int64))
    _refuse_two_units(whole)
    return whole


def times_of_pairs(times: Any, size: int) -> Times:
    """The times of `size` pairs: one for each, or one for all of them."""
    is_one = isinstance(times, (str, bytes, int, float, date, np.generic)) or (isinstance(times, np.ndarray) and times.ndim == 0)
    own = time_column([times[()] if isinstance(times, np.ndarray) else times] if is_one else times)
    return np.repeat(own, size) if is_one else own


def _one_by_one(array: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], bool]:
    """The times of an array of objects, and whether they are dates."""
    whole = np.zeros(array.shape, dtype=np.int64)
    dates = False
    for at, time in enumerate(array.tolist() if array.dtype.kind != "O" else array):
        try:
            found = _whole(time.decode() if isinstance(time, bytes) else time)
            if found is None:
                raise DataError(f"time: there is none in row {at}")
            is_date, whole[at] = found
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, DataError):
                raise
            raise _fault(at, array) from None
        if at > 0 and is_date != dates:
            raise _fault(at, array, "date" if dates else "number")
        dates = is_date
    return whole, dates


def _refuse_missing(missing: npt.NDArray[np.bool_]) -> None:
    if missing.any():
        raise DataError(f"time: there is none in row {int(np.flatnonzero(missing)[0])}")


def _refuse_two_units(whole: npt.NDArray[np.int64]) -> None:
    told = np.flatnonzero(whole >= _BOUNDS[0])
    if len(told) == 0:
        return
    units = np.searchsorted(_BOUNDS, whole[told], side="right")
    other = np.flatnonzero(units != units[0])
    if len(other):
        row = int(told[other[0]])
        raise DataError(
            f"time: row {row} is in {_UNITS[int(units[other[0]])]}, {int(whole[row])}, after others in {_UNITS[int(units[0])]}"
        )


def _fault(row: int, array: npt.NDArray[Any], expected: str = "timestamp") -> DataError:
    found = array[row]
    return DataError(f"time: expected a {expected} in row {row}, found {found.item() if hasattr(found, 'item') else found!r:.60}")
