"""What a reader finds in a log: a case, a line that cannot be read, a part passed over, or something to be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebench.records import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a log: its number (line, or place in the list) and what it holds."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody asked: the turns of a conversation up to a message of the user."""

    number: int
    turns: tuple[Message, ...]  # the last one is the user's
    reference: Any = None  # the right answer where the log has one; what a model once answered is none
    choices: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    conversation: str = ""  # the same for turns of one conversation

    @property
    def asked(self) -> str:
        return self.turns[-1].content


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that cannot be read, and why."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A part that can be read and is no case, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the person should know of how a log was read."""

    sentence: str


Piece = Found | Broken | Passed | Noted

# what readers of several formats pass over, counted under one name
NO_TEXT = Passed("a message with an image, a file or no text")
SAYS_NOTHING = Passed("a request in which the user says nothing")
UNANSWERED = Passed("a request that was not answered")
NONE_ANSWERED = Passed("a conversation in which no message of the user is answered")


def text_of(value: Any) -> str | None:
    """A plain value as a text; None for nothing, blanks, lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, (int, float)) else None


def scalars(value: Mapping[str, Any], *, without: frozenset[str] | set[str] = frozenset()) -> dict[str, str]:
    """The plain values of an object as tags: short ones only."""
    out = {}
    for key, content in value.items():
        text = text_of(content)
        if text is not None and key not in without and len(text) <= LONGEST_TAG and "\n" not in text:
            out[str(key)] = text
    return out


LONGEST_TAG = 60  # characters
