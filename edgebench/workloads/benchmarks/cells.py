"""Cells of a benchmark's rows: what must be there, or one sentence with the file and the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebench.errors import DataError
from edgebench.records import digest
from edgebench.workloads import readers
from edgebench.workloads.columns import Case
from edgebench.workloads.duplicates import asked
from edgebench.workloads.readers import Row, Table

AGAIN = "fetch the file again from where it is published"


def filled(folder: Path, name: str, *, format: str, cells: int | None = None) -> Table:
    """The rows of the file ``name`` in ``folder``, at least one; ``cells``: it has no header, but so many cells a row.

    Raises
    ------
    DataError: the file is missing, is not what its makers publish, or is empty.
    """
    table = readers.table(folder / name, format=format, header=cells is None)
    if not table.rows:
        raise DataError(f"{name} has no rows", hint=AGAIN)
    if cells is not None and len(table.columns) != cells:
        raise wrong(table.rows[0], name, f"has {len(table.columns)} cells where {cells} are expected")
    return table


def words(row: Row, key: str, name: str) -> str:
    """A text that is there, without spaces around it."""
    return whole(row, key, name).strip()


def whole(row: Row, key: str, name: str) -> str:
    """A text that is there, to its last space."""
    value = row.values.get(key)
    if not isinstance(value, str) or not value.strip():
        what = "no" if value is None else "a blank" if isinstance(value, str) else "no text under"
        raise wrong(row, name, f"has {what} {key!r}")
    return value


def wrong(row: Row, name: str, what: str) -> DataError:
    """One sentence about one row."""
    return DataError(f"{name}: row {row.number} {what}", hint=AGAIN)


def told_apart(cases: Iterable[Case], how: str) -> tuple[tuple[Case, ...], int]:
    """The cases without exact repeats (kept where ``how`` is "keep"), and how many were left out.

    Nobody here can correct a published file: the same question with another reference is kept as it is published, and
    whatever asks the same shares a cluster, so that intervals do not take it for independent.
    """
    kept: list[Case] = []
    seen: dict[str, set[str]] = {}
    dropped = 0
    for case in cases:
        expected = seen.setdefault(asked(case.item), set())
        if how != "keep" and digest(case.item.reference) in expected:
            dropped += 1
            continue
        expected.add(digest(case.item.reference))
        kept.append(case)
    return _clustered(kept), dropped


def _clustered(cases: Sequence[Case]) -> tuple[Case, ...]:
    counts: dict[str, int] = {}
    for case in cases:
        counts[asked(case.item)] = counts.get(asked(case.item), 0) + 1
    out: list[Case] = []
    for case in cases:
        key = asked(case.item)
        shared = counts[key] > 1 and case.item.cluster is None
        out.append(replace(case, item=replace(case.item, cluster=f"same-input-{key[:12]}")) if shared else case)
    return tuple(out)


def kept_of(tables: Mapping[str, Table]) -> dict[str, tuple[str, int]]:
    """What is kept of the files read: name → SHA-256 and bytes."""
    return {name: (table.sha256, table.bytes) for name, table in tables.items()}
