"""CSV and TSV read past broken rows: one that does not fit its header is told, and reading goes on at the next line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from edgebench.workloads.importing.found import Broken, Entry

WINDOW = 400  # lines; a quoted cell that runs over half of it was never closed
_NO_TEXT = re.compile("[\ud800-\udfff\0]")


def separator(text: str) -> str:
    """The commonest of comma, semicolon, tab and bar in the first line; a comma where there is none."""
    first = text.lstrip().partition("\n")[0]
    return max((",", ";", "\t", "|"), key=first.count)


def header(lines: Sequence[str], mark: str) -> tuple[str, ...]:
    """The names in the first row; a blank or repeated one is called by its place."""
    first = next((cells for _, cells in _records(lines, mark) if _filled(cells)), [])
    names: list[str] = []
    for place, cell in enumerate(first, 1):
        name = cell.strip()
        names.append(name if name and name not in names and not _NO_TEXT.search(name) else f"column {place}")
    return tuple(names)


def rows(lines: Sequence[str], mark: str, columns: tuple[str, ...]) -> Iterator[Entry | Broken]:
    """Every row below the header as {column: cell}."""
    headed = False
    for number, cells in _records(lines, mark):
        if isinstance(cells, str):
            yield Broken(number, cells)
        elif not _filled(cells):
            continue
        elif not headed:
            headed = True
        elif len(cells) != len(columns):
            yield Broken(number, f"{len(cells)} cells where {len(columns)} are expected")
        elif any(_NO_TEXT.search(cell) for cell in cells):
            yield Broken(number, "bytes that are no text")
        else:
            yield Entry(number, dict(zip(columns, cells, strict=True)))


def _filled(cells: list[str] | str) -> bool:
    return isinstance(cells, list) and any(cell.strip() for cell in cells)


def _records(lines: Sequence[str], mark: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line a row begins on, its cells or why it cannot be read), by windows that a row must not outgrow."""
    at = 0
    while at < len(lines):
        window = (f"{line}\n" for line in lines[at : at + WINDOW])
        reader = csv.reader(window, delimiter=mark, strict=True)
        used = 0  # lines of the window that were read as rows
        try:
            for cells in reader:
                yield at + used + 1, cells
                used = reader.line_num
                if used >= WINDOW // 2:
                    break  # the next row gets half a window at least
        except csv.Error as exc:
            yield at + used + 1, _why(str(exc))
            used += 1  # on at the line behind the one that the broken row begins on
        at += max(1, used)


def _why(reason: str) -> str:
    if "end of data" in reason:
        return "a quote is opened and never closed"
    return "a cell that is too long" if "field limit" in reason else "text follows a closing quote"
