"""A text as a perturbation sees it: its words and letters, its language, and what of it must stay.

Change is a list of edits, each over an unprotected stretch, applied at once; so nothing protected can move apart.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from edgebench.records import Item
from edgebench.workloads.perturbations import protected
from edgebench.workloads.perturbations.protected import Span

Edit = tuple[int, int, str]  # [start, end) becomes the string

#: Combining signs that belong to the letter before them. Written out, because ``\w`` leaves them out and Unicode's
#: tables differ between versions of Python.
SIGNS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0903\u093a-\u093c\u093e-\u094f\u0951-\u0957"
    "\u0962\u0963\u0981-\u0983\u09bc\u09be-\u09cd\u09d7\u09e2\u09e3\u09fe\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75"
    "\u0a81-\u0a83\u0abc\u0abe-\u0acd\u0ae2\u0ae3\u0b01-\u0b03\u0b3c\u0b3e-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bcd\u0bd7"
    "\u0c00-\u0c04\u0c3c\u0c3e-\u0c56\u0c62\u0c63\u0c81-\u0c83\u0cbc\u0cbe-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b\u0d3c"
    "\u0d3e-\u0d4d\u0d57\u0d62\u0d63\u0d81-\u0d83\u0dca-\u0ddf\u0df2\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u200c\u200d"
)
LETTER = r"[^\W\d_]"
WORD = re.compile(rf"{LETTER}(?:{LETTER}+|[{SIGNS}]+|['’](?={LETTER}))*")
KEYED = re.compile(rf"{LETTER}|[{SIGNS}]")  # what one key puts down within a word
_DEVANAGARI, _BENGALI = re.compile("[\u0900-\u0963\u0970-\u097f]"), re.compile("[\u0980-\u09ff]")


@dataclass(frozen=True)
class Passage:
    """A text, the language it is in, and the stretches of it that stay."""

    text: str
    language: str = "en"
    kept: tuple[Span, ...] = ()
    answer_end: int = 0  # where the last words of the reference end; 0: they are not in the text
    reference: Any = None

    @cached_property
    def free(self) -> tuple[Span, ...]:
        """What lies between the protected stretches."""
        edges = [0, *(edge for span in self.kept for edge in span), len(self.text)]
        return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start)

    @cached_property
    def words(self) -> tuple[Span, ...]:
        """Whole words no part of which is protected."""
        found = [match.span() for match in WORD.finditer(self.text)]
        return tuple(self._clear(found) if self.kept else found)

    @cached_property
    def keyed(self) -> tuple[int, ...]:
        """Places of the letters and signs that may change."""
        return tuple(match.start() for start, end in self.free for match in KEYED.finditer(self.text, start, end))

    def _clear(self, found: list[Span]) -> Iterator[Span]:
        kept, at = self.kept, 0
        for start, end in found:
            while at < len(kept) and kept[at][1] <= start:
                at += 1
            if at == len(kept) or end <= kept[at][0]:
                yield start, end

    def holds(self, place: int) -> bool:
        """Whether a cut at ``place`` would be within something protected."""
        at = bisect_left(self.kept, (place, 0)) - 1
        return at >= 0 and place < self.kept[at][1]

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text with edits carried out; they are in order and apart."""
        out: list[str] = []
        done = 0
        for start, end, new in edits:
            out += (self.text[done:start], new)
            done = end
        return "".join((*out, self.text[done:]))

    def rewritten(self, change: Callable[[str], str], edits: Iterable[Edit] = ()) -> str:
        """The text with edits carried out, and every other unprotected stretch put through ``change``."""
        text, done, at = self.text, 0, 0
        out: list[str] = []
        for start, end, new in (*edits, (len(self.text), len(self.text), "")):
            while at < len(self.kept) and self.kept[at][0] < start:
                first, last = self.kept[at]
                out += (change(text[done:first]), text[first:last])
                done, at = last, at + 1
            out += (change(text[done:start]), new)
            done = end
        return "".join(out)


def passage(item: Item) -> Passage:
    """The user's words of an item: its input, or the last user message of a chat (nothing where there is none)."""
    text = item.text if said(item) is not None else ""
    answer_end = max((end for _, end in protected.quoted(text, item.reference)), default=0)
    return Passage(text, language_of(item, text), protected.spans(text, item.reference), answer_end, item.reference)


def said(item: Item) -> int | None:
    """Which message is the user's last: its place in a chat, −1 for a text, None when nobody has said anything."""
    if isinstance(item.input, str):
        return -1
    places = (place for place in reversed(range(len(item.input))) if item.input[place].role == "user")
    return next(places, None)


def with_text(item: Item, text: str) -> Item:
    """The item with other words of the user; it stays a form of what it is a form of."""
    place = said(item)
    if isinstance(item.input, str):
        return replace(item, input=text, form_of=item.digest)
    if place is None:
        return replace(item, form_of=item.digest)
    turns = list(item.input)
    turns[place] = replace(turns[place], content=text)
    return replace(item, input=tuple(turns), form_of=item.digest)


def language_of(item: Item, text: str) -> str:
    """The item's tag ``language``; without one, what its script tells, else English."""
    if tag := item.tags.get("language", "").strip():
        return tag.lower().replace("_", "-")
    return by_script(text)


def by_script(text: str) -> str:
    """What the script of a text tells of its language: "hi" in Devanagari, "bn" in Bengali, else "en"."""
    devanagari, bengali = len(_DEVANAGARI.findall(text)), len(_BENGALI.findall(text))
    if 3 * max(devanagari, bengali) < len(text) or not text:
        return "en"
    return "hi" if devanagari >= bengali else "bn"


def as_written(old: str, new: str) -> str:
    """``new`` in the case of what it stands for: capitals for CAPITALS, a first capital for a first capital."""
    if old.isupper() and sum(map(str.isalpha, old)) > 1:
        return new.upper()
    if old[:1] == "I" and not old[1:2].isalpha():  # "I", "I'm": a capital that says nothing
        return new
    return new[:1].upper() + new[1:] if old[:1].isupper() else new
