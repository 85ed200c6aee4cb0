"""Reading grade: how many years of school a text asks for, in the languages a formula was made for.

English: Flesch–Kincaid, 0.39 · words/sentences + 11.8 · syllables/words − 15.59 (J. P. Kincaid et al., 1975).
Spanish: Crawford, −0.205 · sentences per 100 words + 0.049 · syllables per 100 words − 3.407 (A. N. Crawford, 1984),
made for texts of the first school years; beside it Fernández-Huerta's reading ease, 206.84 − 0.60 · syllables per 100
words − 1.02 · words per sentence (J. Fernández Huerta, 1959). All of them were made for passages of about a hundred
words, so that a text of a few has no grade. Syllables are counted by rules, not looked up: some words are miscounted.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from edgebench.workloads import prose

FEWEST_WORDS = 30
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class Grade:
    """A reading grade in years of school, or the reason why there is none."""

    years: float | None
    method: str = ""
    ease: float | None = None  # 0 (hard) … 100 (easy), where the language has such a formula
    why_absent: str = ""


def grade(text: str, language: str | None) -> Grade:
    """The reading grade of a text in a language (``en``, ``es-MX``)."""
    code = (language or "").partition("-")[0].casefold()
    mixed = language is not None and language.endswith("-en") and code != "en"
    if code not in ("en", "es") or mixed:
        return Grade(None, why_absent=f"no formula for {language!r}" if language else "the language is not named")
    words = [word for word in prose.words(text) if any(char.isalpha() for char in word)]
    if len(words) < FEWEST_WORDS:
        return Grade(None, why_absent=f"{len(words)} words; a grade needs {FEWEST_WORDS}")
    count = english if code == "en" else spanish
    syllables, sentences = sum(map(count, words)), max(1, len(prose.sentences(text)))
    if code == "en":
        return Grade(0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59, "Flesch–Kincaid")
    per_hundred = 100 * syllables / len(words)
    years = -0.205 * 100 * sentences / len(words) + 0.049 * per_hundred - 3.407
    return Grade(years, "Crawford", 206.84 - 0.60 * per_hundred - 1.02 * len(words) / sentences)


#: English: vowels that stand side by side in two syllables, and an e that is not heard
_TWO = re.compile(
    r"(?<![ctsgx])ia(?!ge)|(?<![cgtsx])io|(?<![pg])eo|(?<![qg])u[ao]|(?<![ctsn])ie(?=t|nt|nc)|^scie|ciet|niet"
    r"|[aeouy]ing|(?<!^e)[aeou]y[aeou](?!d$)|[^aeiouy]iest$|[aeiouy][^aeiouy]+ier$|crea(?![mks])|[rd]ea$|^react|oe[mt]|eum"
    r"|^(?:f|d|cr)uel"
)
_SILENT = re.compile(
    r"[^aeiouy]e$(?<![^aeiouy]le)|[gq]ue$|(?<!r)(?<!l)[^aeiouytd]ed$|(?<![dc])[rl]ed$|[gq]ues$"
    r"|[^aeiouyscxzghl]es$|[aeiouy]les$|[^cs]hes$|[aeiouy][^aeiouy]+e(?:ly|ful|less|ment)"
)
_LEARNT = {"business": 2, "different": 3, "element": 3, "evening": 2, "every": 2, "something": 2, "sometimes": 2}


def english(word: str) -> int:
    """Syllables of an English word: groups of vowels, more for vowels side by side, less for an e nobody hears."""
    text = "".join(char for char in unicodedata.normalize("NFD", word.casefold()) if "a" <= char <= "z")
    if text in _LEARNT:
        return _LEARNT[text]
    groups, two, silent = (len(pattern.findall(text)) for pattern in (_VOWELS, _TWO, _SILENT))
    return max(1, groups + two - silent)


def spanish(word: str) -> int:
    """Syllables of a Spanish word: its vowels, those of one diphthong or triphthong together."""
    text = unicodedata.normalize("NFC", word.casefold())
    text = re.sub(r"qu(?=[eiéí])|gu(?=[eiéí])", "k", text)  # the u is not heard
    text = re.sub(r"(?<=[^aeiouáéíóúü])y\b|\by\b", "i", text)
    strong, weak = "aeoáéó", "iuü"
    count, before = 0, ""
    for char in text:
        if char not in f"{strong}{weak}íú":
            before = "" if char != "h" else before  # a silent h parts no vowels
            continue
        joined = (
            before
            and not (before in strong and char in strong)
            and "í" not in (before, char)
            and "ú" not in (before, char)
        )
        count += 0 if joined else 1
        before = char
    return max(1, count)
