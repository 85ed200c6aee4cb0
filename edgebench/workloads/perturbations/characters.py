"""Noise letter by letter, at a real rate: the Levenshtein distance over the length of the text.

The number of edits is the rate times the length, rounded at random so that the mean is exact; each is one letter put in
the place of another, added, or left out, at a place of its own. Where too little of a text is unprotected, as many
are made as there are places.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form, known, share
from edgebench.workloads.perturbations.passages import Edit, Passage
from edgebench.workloads.perturbations.tables import spoken, table

MOST = 0.3  # beyond, edits begin to meet and undo one another, and nobody could read the text
EXTRA = 0.25  # of keyboard typos: the share where a neighbouring key is hit too, not instead
REACH = 25  # squared distance of two keys that are neighbours, in quarters of a key
LANGUAGES = ("en", "es", "hi", "bn", "sw", "pcm", "sco", "hi-en", "es-en")


def keyboard_typos(rate: float = 0.05, layout: str | None = None) -> Form:
    """Letters slip to a neighbouring key of ``layout`` (default: that of the item's language).

    ``rate`` is the character error rate. A slip never makes a digit, a mark or a space.
    """
    share("keyboard-typos", "rate", rate, MOST)
    if layout is not None:
        known("keyboard-typos", "layout", layout, sorted(table("keyboards")["layouts"]))
    change = partial(_typos, rate=rate, layout=layout)
    return form("keyboard-typos", change, languages=LANGUAGES, rate=rate, layout=layout)


def _typos(given: Passage, draws: Draws, *, rate: float, layout: str | None) -> str:
    near = neighbours(layout or layout_of(given.language))
    places = [place for place in given.keyed if given.text[place] in near]
    edits: list[Edit] = []
    for index in draws.some(draws.rounded(rate * len(given.text)), len(places)):
        place = places[index]
        slip = draws.one_of(near[given.text[place]])
        if draws.chance(EXTRA):
            edits.append((place, place, slip) if draws.chance(0.5) else (place + 1, place + 1, slip))
        else:
            edits.append((place, place + 1, slip))
    return given.edited(edits)


def layout_of(language: str) -> str:
    """The layout people type a language on; for one we do not know, the Latin letters of QWERTY."""
    known_languages = table("keyboards")["languages"]
    section = spoken(known_languages, language)
    return str(known_languages[section]) if section else "latin"


@cache
def neighbours(layout: str) -> Mapping[str, tuple[str, ...]]:
    """letter → letters within reach of a slip, capitals with capitals. Latin letters are on every layout's keys.

    Keys are neighbours when their centres are at most 1¼ keys apart; rows are staggered as the table says. On a key
    with two letters of a script without capitals, the other letter is a neighbour as well: Shift slips too.
    """
    near = dict(neighbours("latin")) if layout != "latin" else {}
    for place, letter, twin in _keys(layout):
        found = [
            other
            for (column, row), other, _ in _keys(layout)
            if other != letter and (column - place[0]) ** 2 + (4 * (row - place[1])) ** 2 <= REACH
        ]
        near[letter] = tuple(found + ([twin] if twin else []))
        if letter.upper() != letter and len(letter.upper()) == 1:
            near[letter.upper()] = tuple(other.upper() for other in found if len(other.upper()) == 1)
    return near


@cache
def _keys(layout: str) -> tuple[tuple[tuple[int, int], str, str], ...]:
    """((quarter keys from the left, row), letter, letter on the same key with the other Shift), level by level."""
    content = table("keyboards")["layouts"][layout]
    offsets = content["offsets"]
    levels = [[row.split() for row in rows] for rows in (content["rows"], content.get("shifted")) if rows]
    keys = []
    for number, level in enumerate(levels):
        twins = levels[1 - number] if len(levels) == 2 else None
        for row, letters in enumerate(level):
            for column, letter in enumerate(letters):
                if letter != "_":
                    twin = twins[row][column] if twins else "_"
                    keys.append(((4 * column + offsets[row] + 1000 * number, row), letter, "" if twin == "_" else twin))
    return tuple(keys)


def letter_slips(rate: float = 0.05) -> Form:
    """Letters are dropped or doubled, half of each; ``rate`` is the character error rate. First letters stay."""
    share("letter-slips", "rate", rate, MOST)
    return form("letter-slips", partial(_slips, rate=rate), languages=LANGUAGES, rate=rate)


def _slips(given: Passage, draws: Draws, *, rate: float) -> str:
    keyed = set(given.keyed)
    places = [place for place in given.keyed if place - 1 in keyed]
    edits: list[Edit] = []
    last, dropped = -9, False
    for index in draws.some(draws.rounded(rate * len(given.text)), len(places)):
        place = places[index]
        # Next to one another a dropped and a doubled letter are a single substitution: they would count once.
        dropped = dropped if place - last <= 2 else draws.chance(0.5)
        edits.append((place, place + 1, "") if dropped else (place, place, given.text[place]))
        last = place
    return given.edited(edits)
