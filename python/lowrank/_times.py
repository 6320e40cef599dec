"""Times of ratings, of every kind that Python and its libraries have, as integers."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from lowrank._errors import DataError

_MISSING = ("", "-", "na", "n/a", "nan", "nat", "null", "none", "\\n", "<na>")


def _nanoseconds(time: datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    past = time - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return ((past.days * 86400 + past.seconds) * 10**6 + past.microseconds) * 1000 + int(getattr(time, "nanosecond", 0))


def _whole(time: Any) -> int | None:
    """One time as an integer, or None if it is missing: dates and texts of dates in nanoseconds, numbers as they are."""
    if isinstance(time, str):
        text = time.strip()
        if text.lower() in _MISSING:
            return None
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return int(float(text))
        except ValueError:
            # Python 3.10 knows no Z.
            return _nanoseconds(datetime.fromisoformat(text[:-1] + "+00:00" if text[-1] in "Zz" else text))
    if time is None or time != time:
        return None
    if isinstance(time, np.datetime64):
        return int(time.astype("datetime64[ns]").astype(np.int64))
    if isinstance(time, datetime):
        return _nanoseconds(time)
    if isinstance(time, date):
        return _nanoseconds(datetime(time.year, time.month, time.day))
    return None if str(time) in ("<NA>", "NaT") else int(time)


def time_column(times: Any) -> npt.NDArray[np.int64]:
    """Times as integers that are in their order: numbers as they are, fractions cut off; dates in nanoseconds since 1970, in UTC where they
    have no zone. Raises DataError for what is no time, and for missing times, which are not the oldest."""
    try:
        if getattr(getattr(times, "dtype", None), "tz", None) is not None and hasattr(times, "to_numpy"):
            times = times.to_numpy("datetime64[ns]")
        array = np.asarray(times)
    except (TypeError, ValueError):
        raise DataError("time: expected timestamps") from None
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        whole = array.astype("datetime64[ns]").astype(np.int64)
    elif array.dtype.kind == "f":
        missing = ~np.isfinite(array)
        whole = np.where(missing, 0, array).astype(np.int64)
    elif array.dtype.kind in "iub":
        return np.ascontiguousarray(array.astype(np.int64))
    else:
        whole = np.zeros(array.shape, dtype=np.int64)
        missing = np.zeros(array.shape, dtype=bool)
        for at, time in enumerate(array.tolist() if array.dtype.kind != "O" else array):
            try:
                number = _whole(time.decode() if isinstance(time, bytes) else time)
                missing[at] = number is None
                whole[at] = number or 0
            except (TypeError, ValueError, OverflowError):
                raise DataError(f"time: expected a timestamp in row {at}, found {time!r:.60}") from None
    if missing.any():
        raise DataError(f"time: there is none in row {int(np.flatnonzero(missing)[0])}")
    return np.ascontiguousarray(whole)
