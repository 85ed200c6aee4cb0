"""Words put in the place of others, as a lexicon says: where they stand, how many of them, in which case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.passages import Edit, Passage, as_written
from edgebench.workloads.perturbations.tables import Alternatives, Lexicon

Place = tuple[int, int, Alternatives]


def places(given: Passage, words: Lexicon) -> Iterator[Place]:
    """Where a lexicon has something to say, the longest phrase first, one after the other."""
    text, spans = given.text, given.words
    lower = [_key(text[start:end]) for start, end in spans]
    at = 0
    while at < len(spans):
        for phrase, news in words.phrases.get(lower[at], ()):
            last = at + len(phrase) - 1
            if _stands(phrase, at, lower, given):
                yield spans[at][0], spans[last][1], news
                at = last
                break
        else:
            if news := words.affixed(lower[at]):
                yield (*spans[at], news)
        at += 1


def _key(word: str) -> str:
    """A word as lexicons spell it."""
    low = word.lower()
    return low if low.isascii() else unicodedata.normalize("NFC", low.replace("’", "'"))


def _stands(phrase: tuple[str, ...], at: int, lower: list[str], given: Passage) -> bool:
    """Whether the words from ``at`` on are this phrase (the first one is), with one space between each two."""
    if len(phrase) == 1:
        return True
    if tuple(lower[at : at + len(phrase)]) != phrase:
        return False
    spans = given.words[at : at + len(phrase)]
    return all(given.text[a[1] : b[0]] == " " for a, b in pairwise(spans))


def swaps(given: Passage, found: list[Place], draws: Draws, count: int) -> list[Edit]:
    """``count`` of the places, each with one of its alternatives in the case of what it stands for."""
    edits: list[Edit] = []
    for index in draws.some(count, len(found)):
        start, end, news = found[index]
        edits.append((start, end, as_written(given.text[start:end], draws.one_of(news))))
    return edits
