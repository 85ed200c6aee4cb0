"""Marks and capitals left out: punctuation, upper case, the signs on letters."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form
from edgebench.workloads.perturbations.passages import Edit, Passage

#: Marks of a sentence, in the scripts we know. Signs that mean something of their own (%, &, @, #, +, =, currencies,
#: emoji) are no punctuation.
INNER = "'’‘ʼ`"  # within a word nothing stands for them: dont
MARKS = INNER + '.,;:!?…"“”„«»‹›()[]{}¿¡-‐‑–—―/\\•·*_~।॥،؛؟。，、！？：；「」『』（）'
_RUN = re.compile(f"[{re.escape(MARKS)}]+")
_ALL = ("en", "es", "hi", "bn", "sw", "pcm", "sco", "hi-en", "es-en")


def no_punctuation() -> Form:
    """Every mark of a sentence is gone; where one stood between two words without a space, a space stands now."""
    return form("no-punctuation", lambda given, draws: bare(given), languages=_ALL)


def bare(given: Passage) -> str:
    """The text without punctuation outside what is protected."""
    return given.edited(unmarked(given))


def unmarked(given: Passage) -> list[Edit]:
    """The edits that take out every run of marks, and the space that would be left doubled."""
    text = given.text
    edits: list[Edit] = []
    for start, end in given.free:
        for match in _RUN.finditer(text, start, end):
            first, last = match.span()
            before, after = text[first - 1 : first], text[last : last + 1]
            if before.strip() and after.strip():  # between two words
                new = "" if set(match[0]) <= set(INNER) else " "
            else:
                new = ""
                if before == " " and first > start and not after.strip():
                    first -= 1
            if edits and edits[-1][1] > first:  # the space before is gone already
                first = edits[-1][1]
            edits.append((first, last, new))
    return edits


def lower_case() -> Form:
    """Everything unprotected in small letters."""
    changes = ("en", "es", "sw", "pcm", "sco", "hi-en", "es-en")
    return form("lower-case", lambda given, draws: given.rewritten(str.lower), languages=changes)


def no_diacritics() -> Form:
    """Letters without their accents and signs: é → e, ñ → n, ज़ → ज; चाँद → चाद, চাঁদ → চাদ."""
    return form("no-diacritics", _plain, languages=("es", "hi", "es-en"))


def _plain(given: Passage, draws: Draws) -> str:
    return given.rewritten(lambda free: "".join(map(_plain_letter, free)))


#: Signs people leave out: accents on Latin, Greek and Cyrillic letters; the dot of ज़ and the moon-dot of Hindi and
#: Bengali; the vowel points of Arabic and Hebrew. A sign that makes another letter (Bengali য়, ড়) is none of them.
_SIGNS = re.compile("[\u0300-\u036f\u093c\u0901\u0981\u064b-\u0652\u0670\u05b0-\u05bc\u05c1\u05c2]")
_STROKES = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H", "ı": "i"}


@cache
def _plain_letter(letter: str) -> str:
    if letter < "\x80":
        return letter
    if letter in _STROKES:
        return _STROKES[letter]
    apart = unicodedata.normalize("NFD", letter)
    plain = _SIGNS.sub("", apart)
    return letter if plain == apart else unicodedata.normalize("NFC", plain)
