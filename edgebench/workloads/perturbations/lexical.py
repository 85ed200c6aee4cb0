"""Perturbations of words: chat spelling, autocorrect's slips, code-mix, dialect, plain words."""

from __future__ import annotations

import re
from functools import cache, partial

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form, known, share
from edgebench.workloads.perturbations.passages import Edit, Passage
from edgebench.workloads.perturbations.swapping import places, swaps
from edgebench.workloads.perturbations.tables import alternatives, lexicon, spoken, table

SIMPLER = ("en", "es", "sw", "sco", "es-en")  # where most messages have something to make simpler


def chat_spelling(rate: float = 0.8) -> Form:
    """Short forms, slang and missing letters for ``rate`` of the words that have one in the item's language."""
    share("chat-spelling", "rate", rate)
    change = partial(_share_of_known, table_name="chat", rate=rate)
    return form("chat-spelling", change, languages=tuple(table("chat")), rate=rate)


def _share_of_known(given: Passage, draws: Draws, *, table_name: str, rate: float) -> str:
    section = spoken(table(table_name), given.language)
    if section is None:
        return given.text
    found = list(places(given, lexicon(table_name, section)))
    return given.edited(swaps(given, found, draws, draws.rounded(rate * len(found))))


def autocorrect(rate: float = 0.1) -> Form:
    """Real-word slips: ``rate`` of all words (as far as the table knows enough of them) become another real word.

    Words that decide what is meant (not, no, never, …) are not in the tables. In a language a phone's English
    dictionary does not know, English words come out, as they do.
    """
    share("autocorrect", "rate", rate)
    return form("autocorrect", partial(_slips, rate=rate), languages=tuple(table("autocorrect")), rate=rate)


def _slips(given: Passage, draws: Draws, *, rate: float) -> str:
    section = spoken(table("autocorrect"), given.language)
    if section is None:
        return given.text
    found = list(places(given, lexicon("autocorrect", section)))
    return given.edited(swaps(given, found, draws, draws.rounded(rate * len(given.words))))


def code_mix(rate: float = 0.6, into: str | None = None) -> Form:
    """Everyday words in another language, for ``rate`` of those the table knows.

    ``into``: the other language; default: English in every language, Spanish in English.
    """
    share("code-mix", "rate", rate)
    if into is not None:
        known("code-mix", "language", into, sorted({pair.split(">")[1] for pair in table("code-mix")}))
    languages = [pair.split(">")[0] for pair in table("code-mix") if into in (None, pair.split(">")[1])]
    change = partial(_mixed, rate=rate, into=into)
    return form("code-mix", change, languages=dict.fromkeys(languages), rate=rate, into=into)


def _mixed(given: Passage, draws: Draws, *, rate: float, into: str | None) -> str:
    own = spoken({pair.split(">")[0]: 0 for pair in table("code-mix")}, given.language)
    pair = f"{own}>{into or ('es' if own == 'en' else 'en')}"
    if pair not in table("code-mix"):
        return given.text
    found = list(places(given, lexicon("code-mix", pair)))
    return given.edited(swaps(given, found, draws, draws.rounded(rate * len(found))))


def dialect(variety: str = "pcm", rate: float = 1.0) -> Form:
    """Words spelt and said as in a dialect: ``rate`` of those its table knows.

    English becomes Nigerian Pidgin (``pcm``) or Scots (``sco``); Spanish becomes Rioplatense (``es-ar``) or
    Andalusian (``es-an``). A respelling word by word: closer to how people write than to how grammars describe it.
    """
    known("dialect", "variety", variety, list(table("dialects")))
    share("dialect", "rate", rate)
    of = str(table("dialects")[variety]["of"])
    change = partial(_respelt, variety=variety, of=of, rate=rate)
    return form("dialect", change, languages=(of,), variety=variety, rate=rate)


def _respelt(given: Passage, draws: Draws, *, variety: str, of: str, rate: float) -> str:
    if spoken({of: 0}, given.language) is None or given.language == variety:
        return given.text
    found = list(places(given, lexicon("dialects", variety)))
    return given.edited(swaps(given, found, draws, draws.rounded(rate * len(found))))


def simple_words() -> Form:
    """Plain language: everyday words for harder ones, no contractions, and one thought a sentence.

    A semicolon, a dash, or a comma before a word that begins a new thought becomes a full stop.
    """
    return form("simple-words", _simple, languages=SIMPLER)


def _simple(given: Passage, draws: Draws) -> str:
    section = spoken(table("simple"), given.language)
    if section is None:
        return given.text
    found = list(places(given, lexicon("simple", section)))
    words = {edit[0]: edit for edit in swaps(given, found, draws, len(found))}
    joints = _joints(given, _joint(section), "।" if section in ("hi", "bn") else ".", words)
    return given.edited(sorted([*words.values(), *joints]))


def _joints(given: Passage, joint: re.Pattern[str], stop: str, words: dict[int, Edit]) -> list[Edit]:
    """The edits that end a sentence; the next one begins with a capital, in ``words`` where its first word changes."""
    edits: list[Edit] = []
    for start, end in given.free:
        for match in joint.finditer(given.text, start, end):
            first, next_word = match.span()
            capital = given.text[next_word : next_word + 1].upper()
            if next_word in words:
                old_start, old_end, new = words[next_word]
                words[next_word] = (old_start, old_end, new[:1].upper() + new[1:])
                edits.append((first, next_word, f"{stop} "))
            elif next_word < end and len(capital) == 1:
                edits.append((first, next_word + 1, f"{stop} {capital}"))
    return edits


@cache
def _joint(section: str) -> re.Pattern[str]:
    """What parts two thoughts: a semicolon, a dash between spaces, a comma before one of the section's joints."""
    begins = "|".join(
        sorted(map(re.escape, alternatives(table("simple")[section]["joints"])), key=lambda word: (-len(word), word))
    )
    return re.compile(rf"(?:;| [–—-]|,(?= (?:{begins})(?: |$))) (?=\w)", re.IGNORECASE)
