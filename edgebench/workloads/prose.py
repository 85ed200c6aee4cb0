"""Prose in pieces: the words and the sentences of a text, in any script that puts spaces between words."""

from __future__ import annotations

import re

_NEVER = "mr mrs ms dr prof rev st sr sra srta dra ud uds vs cf ca approx no nos nr fig vol pp art e.g i.e p.ej ej"
_OFTEN = "etc inc ltd co corp jr a.m p.m u.s u.k ee.uu s.a jan feb mar apr jun jul aug sep sept oct nov dec"
TITLES = frozenset(_NEVER.split())  # never the end of a sentence
PERHAPS = frozenset(_OFTEN.split())  # the end of one only before a capital
STOP = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|[।॥。！？؟][\"'”’»)\]]*|\n\s*(?=\n|[-*•–·]\s|\(?\d{1,3}[.)]\s)")
LAST_WORD = re.compile(r"([^\s(\[\"'“‘«]+)\.$")


def words(text: str) -> list[str]:
    """What stands between spaces and holds a letter or a digit."""
    return [word for word in text.split() if any(char.isalnum() for char in word)]


def sentences(text: str) -> list[str]:
    """The sentences of a text. A blank line and an entry of a list end one too; titles and initials do not."""
    out, start = [], 0
    for match in STOP.finditer(text):
        if match[0] == "." and _goes_on(text[start : match.start() + 1], text[match.end() : match.end() + 40]):
            continue
        out.append(text[start : match.end()])
        start = match.end()
    out.append(text[start:])
    return [part.strip() for part in out if any(char.isalnum() for char in part)]


def _goes_on(before: str, after: str) -> bool:
    """Whether a full stop belongs to a shortened word: "Dr. Rao", "at 5 p.m. on Monday", "1. First"."""
    found = LAST_WORD.search(before[-40:])
    if found is None:
        return False
    word, following = found[1].casefold(), after.lstrip()[:1]
    if word in TITLES or (len(word) == 1 and word.isalpha() and found[1].isupper()):
        return bool(following)
    if word.isdigit() and not before[: -len(word) - 1].strip():  # the number of an entry
        return bool(following)
    return word in PERHAPS and bool(following) and not following.isupper()
