"""The tables: facts about keyboards, spellings, names and languages, written for this project, read when needed.

A table is a YAML file of sections. A section of words is a block of lines::

    please = pls | plz          one of these stands for it
    as soon as | once = when    several words, or a phrase
    *ing = *in                  every other word with this ending (or beginning: ``nime* = nme*``)

The section of one language may say ``use: [other, …]``: those sections hold for it too, its own lines coming first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "tables"
SHORTEST_STEM = 2  # letters that must remain beside an ending or a beginning

Alternatives = tuple[str, ...]


@cache
def table(name: str) -> Mapping[str, Any]:
    """A table as it is written."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True)
class Lexicon:
    """What stands for which words: by the first word, the longest phrase first; then by beginnings and endings."""

    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Alternatives], ...]] = field(default_factory=dict)
    beginnings: tuple[tuple[str, Alternatives], ...] = ()
    endings: tuple[tuple[str, Alternatives], ...] = ()

    def affixed(self, word: str) -> Alternatives:
        """What stands for a lower-case word by its beginning or ending; nothing where no rule fits."""
        for start, news in self.beginnings:
            if word.startswith(start) and len(word) >= len(start) + SHORTEST_STEM:
                return tuple(new + word[len(start) :] for new in news)
        for end, news in self.endings:
            if word.endswith(end) and len(word) >= len(end) + SHORTEST_STEM:
                return tuple(word[: -len(end)] + new for new in news)
        return ()


@cache
def lexicon(name: str, section: str, part: str = "words") -> Lexicon:
    """The words of one section of a table."""
    phrases: dict[str, dict[tuple[str, ...], Alternatives]] = {}
    beginnings: dict[str, Alternatives] = {}
    endings: dict[str, Alternatives] = {}
    for lines in _blocks(name, section, part):
        for olds, news in pairs(lines):
            for old in olds:
                if old.startswith("*"):
                    endings.setdefault(old[1:], tuple(new[1:] for new in news))
                elif old.endswith("*"):
                    beginnings.setdefault(old[:-1], tuple(new[:-1] for new in news))
                else:
                    words = tuple(old.split())
                    phrases.setdefault(words[0], {}).setdefault(words, news)
    return Lexicon(
        {first: tuple(sorted(found.items(), key=_longest_first)) for first, found in phrases.items()},
        tuple(sorted(beginnings.items(), key=_longest_first)),
        tuple(sorted(endings.items(), key=_longest_first)),
    )


def _longest_first(entry: tuple[Sequence[Any], Any]) -> tuple[int, Sequence[Any]]:
    return -len(entry[0]), entry[0]


def _blocks(name: str, section: str, part: str) -> list[str]:
    content = table(name)[section]
    if isinstance(content, str):
        return [content]
    own = [content[part]] if part in content else []
    return own + [block for other in content.get("use", ()) for block in _blocks(name, other, part)]


def pairs(lines: str) -> list[tuple[Alternatives, Alternatives]]:
    """The lines ``old | old = new | new`` of a block."""
    found = []
    for line in lines.splitlines():
        if line.strip():
            old, _, new = line.partition("=")
            found.append((alternatives(old), alternatives(new)))
    return found


def alternatives(text: str) -> Alternatives:
    """``a | b`` as its parts, in Unicode's composed form (what they are looked up in)."""
    return tuple(unicodedata.normalize("NFC", part.strip()) for part in text.split("|"))


def spoken(sections: Mapping[str, Any], language: str) -> str | None:
    """The section of a language: its own, or that of the language without its region; None where there is none."""
    if language in sections:
        return language
    plain = language.partition("-")[0]
    return plain if plain in sections else None
