"""The table of names and of the words around them, read once from ``names.yaml``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

Phrases = Mapping[str, tuple[tuple[str, ...], ...]]  # first word → phrases that begin with it, longest first


@dataclass(frozen=True, slots=True)
class Table:
    """Sets of folded words (see :func:`folded`) and phrases of them."""

    given: frozenset[str]
    family: frozenset[str]
    everyday: frozenset[str]  # names that are ordinary words too
    small: frozenset[str]  # names that are ordinary words, or parts of them, without a capital
    grammar: frozenset[str]  # words that say nothing by themselves
    ordinary: frozenset[str]  # words that are no names, those among them
    particles: frozenset[str]
    strong: frozenset[str]  # honorifics
    weak: frozenset[str]
    suffixes: frozenset[str]
    greetings: frozenset[str]
    labels: frozenset[str]
    parties: frozenset[str]
    possessives: frozenset[str]
    relations: frozenset[str]
    roles: frozenset[str]
    introductions: Phrases
    presentations: Phrases  # "I am …": weaker than an introduction
    farewells: Phrases
    phrases: Phrases  # "spoke to …"
    han: str
    han_titles: tuple[str, ...]
    han_introductions: tuple[str, ...]
    kanji: tuple[str, ...]
    hangul: str
    hangul_not: frozenset[str]


def folded(word: str) -> str:
    """A word as it is looked up: composed, lower case, with a plain apostrophe."""
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFC", word).lower().replace("’", "'")


@lru_cache(maxsize=1)
def table() -> Table:
    """The table that is shipped."""
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "names.yaml").read_text(encoding="utf-8"))
    given, family = (_words(*content[kind].values()) for kind in ("given", "family"))
    weak, strong = _words(content["honorifics"]["weak"]), _words(content["honorifics"]["strong"])
    return Table(
        given=given,
        family=family,
        everyday=_words(content["everyday"]),
        small=_words(content["small"]),
        grammar=_words(content["ordinary"]),
        ordinary=_words(content["ordinary"], content["trade"]),
        particles=_words(content["particles"]),
        strong=strong,
        weak=weak - strong,
        suffixes=_words(content["suffixes"]),
        greetings=_words(content["greetings"]),
        labels=_words(content["labels"]),
        parties=_words(content["parties"]),
        possessives=_words(content["possessives"]),
        relations=_words(content["relations"]),
        roles=_words(content["roles"]),
        introductions=phrases(content["introductions"]["strong"]),
        presentations=phrases(content["introductions"]["weak"]),
        farewells=phrases(content["farewells"]),
        phrases=phrases(content["phrases"]),
        han="".join(content["han"].split()),
        han_titles=tuple(content["han_titles"].split()),
        han_introductions=tuple(content["han_introductions"].split()),
        kanji=tuple(content["kanji"].split()),
        hangul="".join(content["hangul"].split()),
        hangul_not=frozenset(content["hangul_not"].split()),
    )


def _words(*lists: str) -> frozenset[str]:
    return frozenset(folded(word) for words in lists for word in words.split())


def phrases(lines: Iterable[str]) -> Phrases:
    """Lines of words by their first word."""
    out: dict[str, list[tuple[str, ...]]] = {}
    for line in lines:
        words = tuple(folded(word) for word in line.split())
        if words:
            out.setdefault(words[0], []).append(words)
    return {first: tuple(sorted(each, key=len, reverse=True)) for first, each in out.items()}
