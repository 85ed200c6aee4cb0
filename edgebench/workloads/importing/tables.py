"""Messages in a table (CSV, TSV, JSON lines, a list of objects, lines of text): one a row, or one turn of a chat a row.

Which column is what is told by its name; where none is known, the one with the longest texts holds the messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebench.errors import DataError
from edgebench.records import Message
from edgebench.workloads.importing import chats
from edgebench.workloads.importing.found import (
    NO_TEXT,
    NONE_ANSWERED,
    Broken,
    Entry,
    Found,
    Noted,
    Passed,
    Piece,
    scalars,
    text_of,
)
from edgebench.workloads.importing.logs import Log

TEXTS = ("input", "message", "text", "question", "prompt", "query", "user_message", "user_input", "utterance", "body",
         "content", "ticket", "request", "description", "comment", "instruction", "email", "mail", "conversation",
         "review", "nachricht", "frage", "mensaje", "pregunta", "mensagem", "question_text", "messages",
         "chat")  # fmt: skip
REFERENCES = ("reference", "label", "answer", "ideal", "expected", "expected_output", "ground_truth", "gold", "intent",
              "category", "class", "queue", "target", "correct", "correct_answer", "solution", "topic")  # fmt: skip
ANSWERS = ("response", "reply", "assistant", "assistant_message", "bot_message", "completion", "output", "model_output")
ROLE = ("role", "sender", "author", "speaker", "from", "sender_type", "author_type")
CONVERSATION = ("conversation_id", "conversation", "thread_id", "thread", "session_id", "session", "chat_id",
                "ticket_id", "dialog_id", "dialogue_id", "case_id")  # fmt: skip
NEVER_TAGS = {"id", "uuid", "user", "user_id", "customer_id", "timestamp", "time", "date", "created", "created_at",
              "updated_at", "email", "phone", "name"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table is what."""

    text: str
    reference: str | None = None
    answer: str | None = None
    role: str | None = None
    conversation: str | None = None
    guessed: bool = False  # the text is only the longest one

    def others(self) -> frozenset[str]:
        given = (self.text, self.reference, self.answer, self.role, self.conversation)
        return frozenset(column for column in given if column is not None)


def settled(log: Log, text: str | None = None, reference: str | None = None) -> Columns | None:
    """The columns of a log; None when none of them could hold messages.

    Raises
    ------
    DataError: a column asked for is not there.
    """
    rows = [entry.value for entry in log.sample() if isinstance(entry.value, dict)]
    known = list(dict.fromkeys(str(key) for row in rows for key in row))
    for column in (text, reference):
        if column is not None and column not in known:
            raise DataError(f"{log.name} has no column {column!r}", hint=f"it has: {', '.join(known[:20])}")
    by_name = {_plain(column): column for column in reversed(known)}
    first = text or _named(by_name, TEXTS, lambda column: _wordy(rows, column))
    guessed = first is None
    first = first or _longest(rows, known)
    if first is None:
        return None
    rest = {name: column for name, column in by_name.items() if column != first}
    return Columns(
        first,
        reference or _named(rest, REFERENCES),
        _named(rest, ANSWERS),
        _named(rest, ROLE, lambda column: _roles(rows, column)),
        _named(rest, CONVERSATION),
        guessed,
    )


def read(log: Log, columns: Columns) -> Iterator[Piece]:
    """The cases of a table of messages."""
    if columns.guessed:
        yield Noted(f"{log.name}: the column {columns.text!r} is taken for the messages: its texts are the longest")
    if columns.role is not None:
        yield from _spoken(log, columns, columns.role)
        return
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
        else:
            yield from _row(entry, columns)


def _row(entry: Entry, columns: Columns) -> Iterator[Piece]:
    row = entry.value
    value = row.get(columns.text)
    held = chats.opened(value)
    if chats.are_messages(held):
        yield from _chat(entry.number, held, row, columns)
        return
    text = text_of(value)
    if text is None:
        yield Passed("a row without a text")
    elif columns.answer is not None and text_of(row.get(columns.answer)) is None:
        yield Passed("a message that was not answered")
    else:
        yield Found(
            entry.number,
            (Message("user", text),),
            reference=_reference(row, columns),
            tags=_tags(row, columns),
            conversation=_conversation(row, columns),
        )


def _chat(number: int, held: Sequence[Any], row: Mapping[str, Any], columns: Columns) -> Iterator[Piece]:
    try:
        said = chats.turns(held)
    except chats.NoText:
        yield NO_TEXT
        return
    reference, tags = _reference(row, columns), _tags(row, columns)
    conversation = _conversation(row, columns) or f"line {number}"
    if said and said[-1].role == "user":
        yield Found(number, tuple(said), reference=reference, tags=tags, conversation=conversation)
    found = list(chats.answered(said))
    alone = len(found) == 1 and said[-1].role != "user"  # of several turns nobody knows which one the label is about
    for turns in found:
        yield Found(number, turns, reference=reference if alone else None, tags=tags, conversation=conversation)
    if not found and not (said and said[-1].role == "user"):
        yield NONE_ANSWERED


def _spoken(log: Log, columns: Columns, role: str) -> Iterator[Piece]:
    """One turn a row: rows of one conversation, in the order of the file, are its turns."""
    talks: dict[str, list[tuple[int, Message, Mapping[str, Any]]]] = {}
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
            continue
        row = entry.value
        speaker = chats.ROLES.get(str(row.get(role, "")).strip().lower())
        text = text_of(row.get(columns.text))
        if speaker is None or text is None:
            yield Passed("a row of nobody who asks or answers")
            continue
        talks.setdefault(_conversation(row, columns), []).append((entry.number, Message(speaker, text), row))
    for conversation, turns in talks.items():
        said = [message for _, message, _ in turns]
        for asked in chats.answered(said):
            number, _, row = turns[len(asked) - 1]
            before = asked if conversation else asked[-1:]  # without an id nobody knows what belongs together
            yield Found(
                number, before, reference=_reference(row, columns), tags=_tags(row, columns), conversation=conversation
            )


def _conversation(row: Mapping[str, Any], columns: Columns) -> str:
    return (text_of(row.get(columns.conversation)) if columns.conversation else None) or ""


def _reference(row: Mapping[str, Any], columns: Columns) -> Any:
    value = row.get(columns.reference) if columns.reference is not None else None
    return value.strip() or None if isinstance(value, str) else value


def _tags(row: Mapping[str, Any], columns: Columns) -> dict[str, str]:
    inner = row.get("tags", row.get("metadata"))
    tags = scalars(inner) if isinstance(inner, dict) else {}
    rest = {key: value for key, value in row.items() if _plain(str(key)) not in NEVER_TAGS}
    return {**tags, **scalars(rest, without=columns.others())}


# --------------------------------------------------------------------------------------------------- which is what


def _plain(name: str) -> str:
    """``User Message`` → ``user_message``."""
    return re.sub(r"[^0-9a-z]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")


def _named(by_name: Mapping[str, str], wanted: Sequence[str], fits: Any = None) -> str | None:
    found = (by_name[name] for name in wanted if name in by_name)
    return next((column for column in found if fits is None or fits(column)), None)


def _wordy(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Whether a column holds texts or chats, not numbers or objects."""
    values = [chats.opened(row.get(column)) for row in rows]
    fit = [value for value in values if chats.are_messages(value) or (isinstance(value, str) and value.strip())]
    return len(fit) > 0 and all(
        isinstance(value, str) or chats.are_messages(value) or value is None for value in values
    )


def _roles(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Whether a column says who speaks: the user among them."""
    spoken = [chats.ROLES.get(str(row.get(column, "")).strip().lower()) for row in rows]
    return "user" in spoken and sum(role is not None for role in spoken) >= len(spoken) / 2


def _longest(rows: Sequence[Mapping[str, Any]], known: Sequence[str]) -> str | None:
    """The column with the longest texts, if they are longer than a word or two."""
    mean = {}
    for column in known:
        texts = [row[column] for row in rows if isinstance(row.get(column), str)]
        if texts and len(texts) >= len(rows) / 2:
            mean[column] = sum(map(len, texts)) / len(texts)
    best = max(mean, key=lambda column: mean[column], default=None)
    return best if best is not None and mean[best] >= SHORTEST else None


SHORTEST = 12  # characters, on average, of a column of messages
