"""Files of tables that pyarrow reads: Parquet, Arrow and Feather."""

from __future__ import annotations

from typing import Any

from lowrank import _core
from lowrank._columns import as_table
from lowrank._errors import DataError, FileError

_KINDS = {b"PAR1": "a Parquet file", b"ARROW1": "an Arrow file", b"FEA1": "a Feather file"}
_ROLES = ("user", "item", "rating", "time")


def kind_of(path: str) -> str:
    """What kind of table a file is by its first and last bytes; empty if it is none, or cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(6)
            for mark, kind in _KINDS.items():
                if start.startswith(mark):
                    file.seek(-len(mark), 2)
                    return kind if file.read() == mark else ""
    except OSError:
        pass  # whoever reads the file as text says it
    return ""


def file_table(path: str, kind: str) -> Any:
    """All columns of a file of `kind`, as a pyarrow table."""
    try:
        import pyarrow
        from pyarrow import feather, parquet
    except ImportError:
        raise DataError(f"{path}: this is {kind}, which takes pyarrow to read; install it, or write the table as CSV") from None
    try:
        table = parquet.read_table(path) if "Parquet" in kind else feather.read_table(path)
    except OSError as error:
        raise (DataError if error.errno is None else FileError)(f"{path}: {kind} that pyarrow cannot read: {error}") from None
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: {kind} that pyarrow cannot read: {error}") from None
    return as_table(table)


def columns_by_role(table: Any, named: dict[str, str | int] | None, path: str) -> dict[str, str]:
    """The names of the columns of a table by role: those that are stated, or else those whose names say it. As in a file of text, the ones
    that are left out are found by their names, but not the time, and not the rating.
    """
    names = [str(name) for name in table.schema.names]
    found = _core.columns_by_name(names)
    roles: dict[str, str] = {}
    for role in (*_ROLES, "weight"):
        column = (named or {}).get(role)
        if isinstance(column, int):
            if not 1 <= column <= len(names):
                raise DataError(f"{path}: columns: there is no column {column}, only {len(names)}")
            roles[role] = names[column - 1]
        elif column is not None:
            if column not in names:
                raise DataError(f'{path}: columns: there is no column "{column}"; there are {listed(names)}')
            roles[role] = column
        elif found.get(role) is not None and (named is None or role in ("user", "item")):
            roles[role] = names[found[role]]
    missing = [role for role in ("user", "item") if role not in roles]
    if not missing and named is None and "rating" not in roles:
        missing = ["rating"]
    if missing:
        advice = "name user and item alone in columns to take every row for a rating of 1" if missing == ["rating"] else "use columns"
        raise DataError(f"{path}: no telling which column is the {' and the '.join(missing)} among {listed(names)}; {advice}")
    return roles


def described(path: str, kind: str, table: Any, roles: dict[str, str]) -> str:
    """What a file was taken for."""
    taken = ", ".join(f"{role} = {name}" for role, name in roles.items())
    return f"{path}: {kind} of {len(table.schema.names)} columns; {taken}" + ("" if "rating" in roles else ", rating = 1")


def listed(names: list[Any]) -> str:
    """The first names of columns, for messages."""
    return ", ".join(f'"{name}"' for name in names[:12]) + (" ..." if len(names) > 12 else "")
