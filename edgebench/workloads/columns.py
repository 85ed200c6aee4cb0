"""Columns: which cell of a row is the question, the answer, the choices, the tags; rows become cases.

A column is a name in the file or, in JSON, a dotted path (``meta.language``, ``answers.0``). ``choices`` may name one
column (a list, or ``a|b|c``) or several (``A|B|C|D``). A tag whose value is an object becomes one tag for each key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebench.errors import DataError, did_you_mean
from edgebench.records import Columns, Item, Message
from edgebench.workloads.choices import LETTERS
from edgebench.workloads.readers import Row, Table, is_blank, parsed

ROLES = ("system", "user", "assistant")
MISSING = object()


@dataclass(frozen=True, slots=True)
class Case:
    """An item and the number of the row it came from."""

    row: int
    item: Item


def cases(table: Table, columns: Columns, name: str) -> list[Case]:
    """Every row as an item, its reference still as it was written.

    Raises
    ------
    DataError: a column that is not there; a blank input, a broken chat, choices or stakes that cannot be, with the row.
    """
    columns = settled(table, columns, name)
    return [Case(row.number, _item(row, columns, name)) for row in table.rows]


def settled(table: Table, columns: Columns, name: str) -> Columns:
    """The columns to read, each known to be there. A column called ``reference`` is the reference unless told."""
    if columns.reference is None and _present(table, "reference"):
        columns = Columns(
            columns.input, "reference", columns.choices, columns.tags, columns.cluster, columns.stakes, columns.id
        )
    for role, column in _wanted(columns):
        several = column.split("|") if role == "choices" and not _present(table, column) else [column]
        for part in several:
            if not _present(table, part):
                raise _no_column(table, role, part, name)
    return columns


def _wanted(columns: Columns) -> Iterator[tuple[str, str]]:
    for role in ("input", "reference", "choices", "cluster", "stakes", "id"):
        if (column := getattr(columns, role)) is not None:
            yield role, column
    for tag in columns.tags:
        yield "tags", tag


def _present(table: Table, column: str) -> bool:
    return column in table.columns or any(cell(row.values, column) is not MISSING for row in table.rows)


def _no_column(table: Table, role: str, column: str, name: str) -> DataError:
    known = list(table.columns)
    for row in table.rows[:100]:
        known += [f"{key}.{inner}" for key, value in row.values.items() if isinstance(value, dict) for inner in value]
    known = list(dict.fromkeys(known))
    shown = ", ".join(map(repr, known[:20])) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    hint = did_you_mean(column, known, f"say which one under `columns:`, for example `{role}: {known[0]}`")
    return DataError(f"{name} has no column {column!r} (asked for as {role}); it has {shown}", hint=hint)


def cell(values: Mapping[str, Any], column: str) -> Any:
    """The value at a column or dotted path; MISSING when it is not there."""
    if column in values:
        return values[column]
    here: Any = values
    for part in column.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isascii() and part.isdigit() and len(part) < 6 and int(part) < len(here):
            here = here[int(part)]
        else:
            return MISSING
    return here


def _get(row: Row, column: str | None) -> Any:
    value = MISSING if column is None else cell(row.values, column)
    return None if value is MISSING or is_blank(value) else value


def _item(row: Row, columns: Columns, name: str) -> Item:
    place = f"{name}: row {row.number}"
    cluster, given = _get(row, columns.cluster), _get(row, columns.id)
    return Item(
        id=_plain(given).strip() if given is not None else f"row-{row.number}",
        input=_input(row, columns, place),
        reference=_get(row, columns.reference),
        choices=_choices(row, columns.choices, place),
        tags=dict(_tags(row, columns.tags)),
        cluster=None if cluster is None else _plain(cluster).strip(),
        stakes=_stakes(_get(row, columns.stakes), place),
    )


def _plain(value: Any) -> str:
    """A cell as text: a string as it is, anything else as JSON (so ``true``, not ``True``)."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


# --------------------------------------------------------------------------------------------------- the question


def _input(row: Row, columns: Columns, place: str) -> str | tuple[Message, ...]:
    value = _get(row, columns.input)
    if value is None:
        raise DataError(f"{place} has a blank {columns.input!r}", hint="delete the row, or give it its text")
    if isinstance(value, list):
        return _chat(value, place)
    if isinstance(value, dict):
        raise DataError(
            f"{place}: {columns.input!r} is an object", hint=f"name what is inside: `input: {columns.input}.…`"
        )
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            return _chat(parsed(value), place)
        except (ValueError, DataError):
            return value  # a text that only looks like a chat
    return _plain(value)


def _chat(turns: list[Any], place: str) -> tuple[Message, ...]:
    messages = tuple(_message(turn, number, place) for number, turn in enumerate(turns, 1))
    said = [message for message in messages if message.role == "user"]
    if not said or not said[-1].content.strip():
        raise DataError(f"{place}: a chat in which the user says nothing", hint="give it a message with role user")
    if messages[-1].role == "assistant":
        raise DataError(f"{place}: a chat that ends with the answer", hint="make its last message the reference")
    return messages


def _message(turn: Any, number: int, place: str) -> Message:
    role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
    if isinstance(content, list) and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in content):
        content = "\n".join(part["text"] for part in content)
    if role not in ROLES or not isinstance(content, str):
        raise DataError(
            f'{place}: message {number} of the chat is not {{"role": …, "content": "…"}}',
            hint=f"roles are {', '.join(ROLES)}; the content is a text",
        )
    return Message(role, content)


# --------------------------------------------------------------------------------------------------- what goes with it


def _choices(row: Row, column: str | None, place: str) -> tuple[str, ...]:
    if column is None:
        return ()
    value = _get(row, column)
    if value is None and "|" in column:
        value = [_get(row, part) for part in column.split("|")]
    parts: Sequence[Any] = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
    choices = tuple(_plain(part).strip() for part in parts if not is_blank(part))
    if not 2 <= len(choices) <= len(LETTERS) or len(set(choices)) < len(choices) or len(choices) < len(parts):
        raise DataError(
            f"{place}: its choices are {len(choices)} where 2 to {len(LETTERS)} different ones are needed",
            hint="a list, or one cell with the choices separated by |",
        )
    return choices


def _tags(row: Row, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for column in columns:
        value = _get(row, column)
        inner = value.items() if isinstance(value, dict) else [(column, value)]
        for tag, content in inner:
            if not is_blank(content):
                words = ", ".join(map(_plain, content)) if isinstance(content, list) else _plain(content)
                yield str(tag), words.strip()


def _stakes(value: Any, place: str) -> int | None:
    if value is None:
        return None
    text = str(value).strip().removesuffix(".0")
    if isinstance(value, bool) or text not in ("1", "2", "3", "4"):
        raise DataError(f"{place}: stakes {value!r} is not 1, 2, 3 or 4", hint="1 is harmless, 4 is severe")
    return int(text)
