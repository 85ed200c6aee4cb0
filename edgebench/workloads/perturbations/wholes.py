"""Perturbations of the message as a whole: cut off, spoken, surrounded by mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, partial

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form, known, share
from edgebench.workloads.perturbations.marks import unmarked
from edgebench.workloads.perturbations.passages import SIGNS, WORD, Edit, Passage
from edgebench.workloads.perturbations.protected import UNSPACED, quoted
from edgebench.workloads.perturbations.swapping import places, swaps
from edgebench.workloads.perturbations.tables import alternatives, lexicon, pairs, spoken, table

KINDS = ("quote", "signature", "forward")
_EVERYWHERE = ("en", "es", "hi", "bn", "sw", "pcm", "sco", "hi-en", "es-en")

# ------------------------------------------------------------------------------------------------------- truncated


def truncated(keep: float = 0.7) -> Form:
    """The message breaks off in the middle of a sentence, after about ``keep`` of its length.

    A minimum functionality test (MFT), not one of invariance: what was asked for may stand in the part that is gone, so
    the right answer may change, and what is tested is whether a target copes with a message that is not complete.
    It breaks off between words, never within anything protected, never before the last words of the reference; at
    least one word stays.
    """
    share("truncated", "keep", keep, 0.95)
    change = partial(_cut, keep=keep)
    return form("truncated", change, languages=_EVERYWHERE, keep=keep)


#: Where a word ends: before white space, and between letters of scripts that write none.
_BREAK = re.compile(rf"(?<=\S)(?=\s)|(?<=[{UNSPACED}])(?=[{UNSPACED}])(?![{SIGNS}])")
_FULL_STOPS = ".!?…।॥。！？"
_CLOSERS = "\"'”’»)]"


def _cut(given: Passage, draws: Draws, *, keep: float) -> str:
    text, full = given.text, len(given.text.rstrip())
    first = WORD.search(text)
    least = max(given.answer_end, _one_word(text, first) if first else 1)
    found = [match.start() for match in _BREAK.finditer(text, 0, full)]
    places = [place for place in found if least <= place < full and not given.holds(place)]
    inside = [place for place in places if not _ends_a_sentence(text, place)]
    if not places:
        return text
    # behind a full stop a whole sentence would be left: only where there is nothing else
    return text[: min(inside or places, key=lambda place: (abs(place - keep * full), place))]


def _one_word(text: str, first: re.Match[str]) -> int:
    return first.start() + 1 if re.match(f"[{UNSPACED}]", first[0]) else first.end()


def _ends_a_sentence(text: str, place: int) -> bool:
    while place and text[place - 1] in _CLOSERS:
        place -= 1
    return place > 0 and text[place - 1] in _FULL_STOPS


# ------------------------------------------------------------------------------------------------------- dictation

SPOKEN = 0.1  # share of marks that are written out as they were said
HEARD = 0.5  # share of words with a sound-alike that are heard as it
_NEW_LINE = re.compile(r"(?<![ \t])[ \t]*[\r\n]+")


def dictation(fillers: float = 0.06) -> Form:
    """A voice message as a phone writes it down: small letters, no punctuation, words heard as others.

    ``fillers``: how many words are followed by an "um" or its like, as a share. A tenth of the marks are written out as
    said ("comma"). Numbers stay as they are.
    """
    share("dictation", "fillers", fillers, 0.5)
    return form("dictation", partial(_heard, fillers=fillers), languages=_EVERYWHERE, fillers=fillers)


def _heard(given: Passage, draws: Draws, *, fillers: float) -> str:
    section = spoken(table("dictation"), given.language)
    alike = list(places(given, lexicon("dictation", section, "alike"))) if section else []
    swapped = swaps(given, alike, draws, draws.rounded(HEARD * len(alike)))
    words = [(start, end, new.lower()) for start, end, new in swapped]
    marks = _outside(sorted([*unmarked(given), *_new_lines(given)]), words)
    if section is None:
        return given.rewritten(str.lower, marks)
    for place in draws.some(draws.rounded(SPOKEN * len(marks)), len(marks)):
        marks[place] = _aloud(marks[place], given, _said(section), draws)
    between = alternatives(table("dictation")[section]["fillers"])
    ends = [(end, end, "") for _, end in given.words if given.text[end : end + 1] == " "]
    free = _outside(ends, words)
    count = draws.rounded(fillers * len(given.words))
    ums = [(*free[index][:2], f" {draws.one_of(between)}") for index in draws.some(count, len(free))]
    return given.rewritten(str.lower, sorted([*words, *marks, *ums]))


def _new_lines(given: Passage) -> list[Edit]:
    return [(*match.span(), " ") for start, end in given.free for match in _NEW_LINE.finditer(given.text, start, end)]


def _outside(edits: list[Edit], others: list[Edit]) -> list[Edit]:
    """The edits that do not touch the inside of any of the others; both are in order."""
    out: list[Edit] = []
    at = 0
    for edit in edits:
        while at < len(others) and others[at][1] <= edit[0]:
            at += 1
        if at == len(others) or edit[1] <= others[at][0]:
            out.append(edit)
    return out


def _aloud(edit: Edit, given: Passage, said: Mapping[str, tuple[str, ...]], draws: Draws) -> Edit:
    """A mark that comes out as the words for it, where people say it at all."""
    start, end, new = edit
    mark = given.text[start:end].strip()[:1] or "newline"
    if mark not in said:
        return edit
    spaced = "" if given.text[end : end + 1].isspace() or end == len(given.text) else " "
    return start, end, f" {draws.one_of(said[mark])}{spaced or new[1:]}"


@cache
def _said(section: str) -> Mapping[str, tuple[str, ...]]:
    return {old: news for olds, news in pairs(table("dictation")[section]["marks"]) for old in olds}


# ---------------------------------------------------------------------------------------------------------- pasted


def pasted(kind: str = "quote") -> Form:
    """Mail that says nothing about the matter: a ``quote`` or a ``signature`` below, a ``forward``'s header above.

    The message itself stays as it is. Text that holds a string of the reference is never pasted.
    """
    known("pasted", "kind", kind, KINDS)
    return form("pasted", partial(_pasted, kind=kind), languages=_EVERYWHERE, kind=kind)


def _pasted(given: Passage, draws: Draws, *, kind: str) -> str:
    languages, texts = table("pasted")["languages"], table("pasted")["texts"]
    section = languages[spoken(languages, given.language) or "en"]
    words = [text.rstrip("\n") for text in texts[section][kind]]
    fitting = [text for text in words if not any(quoted(text, given.reference))]
    if not fitting or not given.text.strip():
        return given.text
    added = draws.one_of(fitting)
    return f"{added}\n\n{given.text}" if kind == "forward" else f"{given.text}\n\n{added}"
