"""Readers: a CSV, TSV, JSONL or JSON file as numbered rows, or one sentence saying which row is wrong.

What is promised for any bytes at all: rows, or :class:`~edgebench.errors.DataError`. Row numbers are what a person
sees in an editor: the line a row begins on (CSV, TSV, JSONL), the place in the list (JSON).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebench.errors import DataError
from edgebench.workloads import decoding

FORMATS: Mapping[str, str] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}

MAX_DEPTH = 32  # of nested JSON: nobody's data is deeper, and hashing it recurses


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file and its cells by column."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A file read whole, with what provenance needs."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    blank: int  # rows with nothing in them, left out
    sha256: str  # of the bytes on disk
    bytes: int
    format: str
    encoding: str


def read(path: Path, *, format: str | None = None, encoding: str | None = None, header: bool = True) -> list[Row]:
    """The rows of a file; see :func:`table`."""
    return list(table(path, format=format, encoding=encoding, header=header).rows)


def table(path: Path, *, format: str | None = None, encoding: str | None = None, header: bool = True) -> Table:
    """A file as rows.

    ``format`` is guessed from the suffix (also before ``.gz``). Text is UTF-8 unless a byte-order mark says otherwise
    (it wins over ``encoding``). Without ``header`` the columns of a CSV or TSV are called "1", "2", ….

    Raises
    ------
    DataError: the file is missing, or is not what its format says; names the row.
    """
    kind = format or _guess(path)
    read = decoding.text(path, encoding)
    text = read.content
    if kind in ("csv", "tsv"):
        rows, columns, blank = _delimited(text, path.name, kind, header)
    else:
        rows, blank = _lines(text, path.name) if kind == "jsonl" else _document(text, path.name)
        columns = tuple(dict.fromkeys(key for row in rows for key in row.values))
    return Table(tuple(rows), columns, blank, read.sha256, read.bytes, kind, read.encoding)


def is_blank(value: object) -> bool:
    """Whether a cell holds nothing a person would call content."""
    return value is None or (isinstance(value, str) and not value.strip())


def _guess(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = FORMATS.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise DataError(
            f"{path.name}: its ending does not say what format it is", hint="add `format: csv` (or tsv, jsonl, json)"
        )
    return found


# --------------------------------------------------------------------------------------------------- CSV and TSV

Parsed = tuple[list[Row], tuple[str, ...], int]


def _delimited(text: str, name: str, kind: str, header: bool) -> Parsed:
    if kind == "csv":
        return _cells(text, name, _separator(text) if header else ",", header, csv.QUOTE_MINIMAL)
    try:
        return _cells(text, name, "\t", header, csv.QUOTE_MINIMAL)
    except DataError as quoted:
        # Spreadsheets quote cells in TSV, most other programs do not: a quote is then a quote.
        try:
            return _cells(text, name, "\t", header, csv.QUOTE_NONE)
        except DataError:
            raise quoted from None


def _separator(text: str) -> str:
    """A header without a comma but with ``;`` (spreadsheets in much of Europe) or a tab is separated by that."""
    first = text.lstrip().partition("\n")[0]
    return next((mark for mark in (",", ";", "\t") if mark in first), ",")


def _cells(text: str, name: str, separator: str, header: bool, quoting: Any) -> Parsed:
    rows: list[Row] = []
    columns: tuple[str, ...] = ()
    blank = 0
    for number, cells in _records(text, name, separator, quoting):
        if not any(cell.strip() for cell in cells):
            blank += 1
        elif not columns and header:
            columns = _header(cells, name, number)
        else:
            columns = columns or tuple(str(place) for place in range(1, len(cells) + 1))
            if len(cells) != len(columns):
                raise DataError(
                    f"{name}: row {number} has {len(cells)} cells where {len(columns)} are expected",
                    hint=f"""a cell that holds {separator!r} or a line break must stand in "double quotes\"""",
                )
            rows.append(Row(number, dict(zip(columns, cells, strict=True))))
    return rows, columns, blank


def _records(text: str, name: str, separator: str, quoting: Any) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)
    while True:
        number = reader.line_num + 1  # where this row begins; a quoted cell may run over many lines
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            raise _broken(str(exc), name, number) from exc
        yield number, cells


def _broken(reason: str, name: str, number: int) -> DataError:
    if "end of data" in reason:
        return DataError(
            f"{name}: row {number}: a quote is opened and never closed",
            hint='close it, or write "" for a quote inside a quoted cell',
        )
    if "field limit" in reason:
        limit = f"{csv.field_size_limit():,}"
        return DataError(
            f"{name}: row {number}: a cell is longer than {limit} characters",
            hint="look for a quote that was never closed; texts this long go into a .jsonl file",
        )
    return DataError(
        f"{name}: row {number}: text follows a closing quote", hint='write "" for a quote inside a quoted cell'
    )


def _header(cells: list[str], name: str, number: int) -> tuple[str, ...]:
    columns = tuple(cell.strip() or str(place) for place, cell in enumerate(cells, 1))
    twice = next((column for place, column in enumerate(columns) if column in columns[:place]), None)
    if twice is not None:
        raise DataError(
            f"{name}: row {number}: two columns are called {twice!r}",
            hint="rename one; or say `header: false` if the first row is data",
        )
    return columns


# --------------------------------------------------------------------------------------------------- JSON and JSONL


def _lines(text: str, name: str) -> tuple[list[Row], int]:
    rows: list[Row] = []
    lines = text.split("\n")  # not splitlines(): a JSON string may hold U+2028
    blank = sum(1 for line in lines[:-1] if not line.strip())
    for number, line in enumerate(lines, 1):
        if line.strip():
            values = _object(_parse(line, name, number), name, number)
            if all(is_blank(value) for value in values.values()):
                blank += 1
            else:
                rows.append(Row(number, values))
    return rows, blank


def _document(text: str, name: str) -> tuple[list[Row], int]:
    if not text.strip():
        return [], 0
    content = _parse(text, name)
    if isinstance(content, dict):
        lists = [key for key, value in content.items() if isinstance(value, list)]
        if len(lists) != 1:
            what = f"has {len(lists)} lists ({', '.join(map(repr, lists[:4]))})" if lists else "has no list"
            raise DataError(
                f"{name}:1:1: a JSON object that {what}, so its rows are unknown",
                hint='write a list of objects, or one list in an object: {"data": [{…}, {…}]}',
            )
        content = content[lists[0]]
    if not isinstance(content, list):
        raise DataError(f"{name}:1:1: neither a list nor an object", hint='write a list of objects: [{"input": …}]')
    every = [Row(number, _object(value, name, number)) for number, value in enumerate(content, 1)]
    rows = [row for row in every if not all(is_blank(value) for value in row.values.values())]
    return rows, len(every) - len(rows)


def _parse(text: str, name: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        place = f"{name}:{line or exc.lineno}:{exc.colno}"
        hint = "one JSON object on each line" if line else "if it holds one object on each line, say `format: jsonl`"
        raise DataError(f"{place}: not JSON: {exc.msg}", hint=hint) from exc
    except RecursionError as exc:
        raise DataError(f"{name}:{line or 1}: JSON nested too deep to read") from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise DataError(f"{name}:{line or 1}: a number is too long to read") from exc


def _object(value: Any, name: str, number: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
        raise DataError(f"{name}: row {number} is {kind}, not an object", hint='write {"input": …, "reference": …}')
    if (reason := unsound(value)) is not None:
        raise DataError(f"{name}: row {number} {reason}", hint="correct that value, or write null")
    return value


def unsound(value: Any) -> str | None:
    """Why parsed JSON cannot be hashed and stored; None when it can."""
    if _depth(value) > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels"
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is no character"
    except ValueError:
        return "holds NaN or an infinite number"
    return "holds a NUL character, which no text holds" if "\\u0000" in text.replace("\\\\", "") else None


def parsed(text: str) -> Any:
    """The JSON inside a cell.

    Raises
    ------
    ValueError: it is not JSON, or not JSON that can be kept.
    """
    try:
        value = json.loads(text)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc
    if (reason := unsound(value)) is not None:
        raise ValueError(reason)
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            break
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list))]
        level = [child for children in inner for child in children]
    return depth
