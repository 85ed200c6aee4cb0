"""Romanisation: Devanagari and Bengali in Latin letters, as people type them rather than as scholars write them.

Word by word: a spelling everybody knows (``है`` → hai, ``ऑर्डर`` → order), else letter by letter. Both scripts write a
vowel (Hindi a, Bengali o) only by writing nothing, and speech drops it: at the end of a word, and between two syllables
where the one before ends in a vowel and the next has one of its own (करना → karna, करবেন → korben). Read from the end,
so that no two neighbours fall; the first syllable keeps its vowel.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form
from edgebench.workloads.perturbations.passages import Edit, Passage
from edgebench.workloads.perturbations.tables import pairs, table

#: The letters and signs of a script, without its digits.
_SCRIPTS = {"devanagari": "\u0900-\u0963\u0970-\u097f", "bengali": "\u0980-\u09e3\u09f0\u09f1\u09fc-\u09fe"}
_WORDS = {name: re.compile(f"[{letters}](?:[{letters}\u200c\u200d])*") for name, letters in _SCRIPTS.items()}
_STOPS = re.compile("[\u0964\u0965]")  # the full stop both scripts use
_KILLERS = "\u094d\u09cd"  # take the vowel away, and join to what follows
_CODAS = "\u0901\u0902\u0903\u0981\u0982\u0983\u09ce"
_JOINERS = re.compile("[\u200c\u200d]")
DOUBLED = "="  # no letter of its own: the one before it, twice
_LIQUID = ("y", "r", "v", "l", "w")  # a conjunct that ends so cannot be said without a vowel: मित्र → mitra


@dataclass(frozen=True, slots=True)
class Script:
    """How one script is put into Latin letters."""

    inherent: str  # the vowel that writing nothing means
    letters: Mapping[str, str]  # consonants, and conjuncts with a sound of their own
    vowels: Mapping[str, str]
    signs: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(slots=True)
class _Syllable:
    onset: str = ""  # in Latin letters
    consonants: int = 0
    vowel: str = ""
    written: bool = True  # False: the vowel is the inherent one
    coda: str = ""  # a nasal or a breath after the vowel


def romanised() -> Form:
    """Devanagari and Bengali words in Latin letters; other scripts, and all digits, stay."""
    return form("romanised", _typed, languages=("hi", "bn"))


def _typed(given: Passage, draws: Draws) -> str:
    edits: list[Edit] = []
    for start, end in given.free:
        for name, words in _WORDS.items():
            edits += [(*each.span(), latin(each[0], name)) for each in words.finditer(given.text, start, end)]
        edits += [(*each.span(), ".") for each in _STOPS.finditer(given.text, start, end)]
    return given.edited(sorted(edits))


@cache
def script(name: str) -> Script:
    """A script's letters and words."""
    content = table("romanised")[name]
    parts = {part: _mapping(content[part]) for part in ("letters", "joined", "vowels", "signs", "words")}
    letters = {**parts["letters"], **parts["joined"]}
    return Script(str(content["inherent"]), letters, parts["vowels"], parts["signs"], parts["words"])


def _mapping(lines: str) -> dict[str, str]:
    return {old: new[0] for olds, new in pairs(lines) for old in olds}


@lru_cache(maxsize=4096)
def latin(word: str, name: str) -> str:
    """One word in Latin letters."""
    word = _JOINERS.sub("", unicodedata.normalize("NFC", word))
    known = script(name)
    if word in known.words:
        return known.words[word]
    return _spelt(_silenced(list(_syllables(word, known)), keeps_after_conjuncts=name == "bengali"))


def _syllables(word: str, known: Script) -> Iterator[_Syllable]:
    """A word as it is written, vowels that are only implied marked as such."""
    at, first = 0, True
    while at < len(word):
        now = _Syllable()
        if letter := _letter(word, at, known):
            at = _cluster(word, at + len(letter), letter, now, known, first=first)
            if at < len(word) and word[at] in known.signs and word[at] not in _CODAS:
                now.vowel, at = known.signs[word[at]], at + 1
            elif word[at - 1] not in _KILLERS:
                now.vowel, now.written = known.inherent, False
        else:  # a vowel of its own, or a sign that stands alone
            now.vowel = known.vowels.get(word[at]) or known.signs.get(word[at], word[at])
            at += 1
        while at < len(word) and word[at] in _CODAS:
            now.coda, at = now.coda + known.signs.get(word[at], ""), at + 1
        yield now
        first = False


def _cluster(word: str, at: int, letter: str, now: _Syllable, known: Script, *, first: bool) -> int:
    """Read the consonants that are written as one with ``letter``; where the reading has come to."""
    last = now.onset = known.letters[letter]
    now.consonants = 1
    while at < len(word) and word[at] in _KILLERS:
        at += 1
        follower = _letter(word, at, known)
        if not follower:
            break
        at += len(follower)
        now.consonants += 1
        sound = known.letters[follower]
        if follower == "য" and (word[at : at + 1] == "া" or not first):
            # ব্যাগ → bag, and জন্য → jonno: it doubles what it follows
            sound = "" if word[at : at + 1] == "া" else DOUBLED
        elif follower == "য":
            sound = "y"  # ব্যবহার → byobohar
        elif follower == "ব" and last not in ("m", "r", "l", "b", "d"):
            sound = "" if first else DOUBLED  # স্বামী → sami, বিশ্ব → bissho
        if sound == DOUBLED:
            now.onset = now.onset.removesuffix(last) + last[:1] + last
        else:
            now.onset, last = now.onset + sound, sound or last
    return at


def _letter(word: str, at: int, known: Script) -> str:
    """The consonant at a place: the longest of the script's letters, "" where there is none."""
    return next((word[at : at + size] for size in (3, 2, 1) if word[at : at + size] in known.letters), "")


def _silenced(syllables: list[_Syllable], *, keeps_after_conjuncts: bool) -> list[_Syllable]:
    """The syllables with the vowels gone that are written by nothing and not said."""
    last = len(syllables) - 1
    for place in range(last, 0, -1):
        now, before = syllables[place], syllables[place - 1]
        if now.written or now.coda:
            continue
        if place == last:
            heavy = now.consonants > 1 and (keeps_after_conjuncts or now.onset.endswith(_LIQUID))
            now.vowel = now.vowel if heavy else ""
        else:
            after = syllables[place + 1]
            if now.consonants == 1 == after.consonants and before.vowel and after.vowel and not before.coda:
                now.vowel = ""
    return syllables


def _spelt(syllables: list[_Syllable]) -> str:
    out = ""
    for now, after in zip(syllables, [*syllables[1:], _Syllable()], strict=True):
        glide = "y" if not now.consonants and now.vowel == "e" and out.endswith("a") else ""  # जाएगा → jayega
        coda = "m" if now.coda == "n" and after.onset[:1] in ("p", "b", "m") else now.coda
        out += now.onset + glide + now.vowel + coda
    return out.replace("oya", "wa")  # দেওয়া → dewa
