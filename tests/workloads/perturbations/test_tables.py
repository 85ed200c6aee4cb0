"""The tables: what stands in them can be used, and nothing in them makes a number."""

from __future__ import annotations

import re

import pytest

from edgebench.workloads.perturbations import tables
from edgebench.workloads.perturbations.characters import layout_of, neighbours
from tests.workloads.perturbations.messages import LANGUAGES

SECTIONS = [(name, section, "words") for name in ("chat", "autocorrect", "code-mix") for section in tables.table(name)]
SECTIONS += [("simple", section, "words") for section in tables.table("simple")]
SECTIONS += [("dialects", section, "words") for section in tables.table("dialects")]
SECTIONS += [("dictation", section, "alike") for section in tables.table("dictation")]
NUMBERS = re.findall(
    r"\w+", "one two three four five six seven eight nine ten twelve twenty hundred thousand million half"
)


def entries(name: str, section: str, part: str) -> list[tuple[str, tuple[str, ...]]]:
    words = tables.lexicon(name, section, part)
    phrases = [(" ".join(phrase), news) for found in words.phrases.values() for phrase, news in found]
    return [*phrases, *words.beginnings, *words.endings]


@pytest.mark.parametrize(("name", "section", "part"), SECTIONS)
def test_every_word_becomes_another_one(name, section, part):
    """Keys are lower-case, nothing stands for itself, nothing is empty, and none holds a digit or a placeholder."""
    found = entries(name, section, part)
    assert len(found) >= 7
    for old, news in found:
        assert old == old.lower() and news
        for new in news:
            assert new and new.lower() != old and not re.search(r"[\d{}<>\[\]%`@]|://", new), (old, new)


def test_no_slip_makes_a_number_of_a_word():
    """A phone's slips and words that sound alike neither take a number's name nor give one: sums stay what they are."""
    for name, section, part in (("autocorrect", "en", "words"), ("dictation", "en", "alike"), ("chat", "en", "words")):
        for old, news in entries(name, section, part):
            assert old not in NUMBERS and not set(NUMBERS) & set(news), (name, old, news)


def test_no_slip_touches_a_no():
    """Words that turn a sentence round are in no table of slips."""
    for section, noes in {
        "en": "not no never",
        "es": "no nunca sin",
        "hi": "नहीं मत",
        "bn": "না",
        "sw": "si hapana",
    }.items():
        assert not set(noes.split()) & {old for old, _ in entries("autocorrect", section, "words")}


@pytest.mark.parametrize("layout", tables.table("keyboards")["layouts"])
def test_keys_that_are_near_are_near_both_ways(layout):
    """Every key has one to nine neighbours, each of them its neighbour; none is a digit, a mark or a space."""
    near = neighbours(layout)
    for letter, others in near.items():
        assert 1 <= len(others) <= 9 and letter not in others
        for other in others:
            assert letter in near[other]
            assert not re.match(r"[\d\s.,;:!?'\"-]", other)


def test_layouts_are_those_of_the_languages():
    """Neighbours as on the keys in front of people."""
    assert set(neighbours("qwerty")["a"]) == set("qwsz") and set(neighbours("azerty")["a"]) == set("zq")
    assert "z" in neighbours("qwertz")["t"] and "ñ" in neighbours("spanish")["l"]
    assert "क" in neighbours("inscript-hindi")["त"] and "ख" in neighbours("inscript-hindi")["क"]
    assert "ক" in neighbours("inscript-bengali")["ত"] and set(neighbours("inscript-hindi")["G"]) == set("TYFHVB")
    shown = {language: layout_of(language) for language in (*LANGUAGES, "de", "fr-CA".lower(), "tl")}
    assert shown["hi"] == "inscript-hindi" and shown["bn"] == "inscript-bengali" and shown["es"] == "spanish"
    assert shown["de"] == "qwertz" and shown["fr-ca"] == "azerty" and shown["tl"] == "latin"
    assert shown["hi-en"] == shown["es-en"] == shown["sw"] == "qwerty"


def test_pasted_mail_says_nothing_about_the_matter():
    """No digits, addresses or shop words in what is pasted: it must not hint at an answer."""
    hints = re.compile(
        "refund|order|cancel|deliver|pay|account|login|password|damage|broken|subscri|price|return|parcel"
    )
    for kinds in tables.table("pasted")["texts"].values():
        assert set(kinds) == {"quote", "signature", "forward"}
        for text in (text for texts in kinds.values() for text in texts):
            assert not re.search(r"\d|@|://|www", text)
            assert not hints.search(text.lower())


def test_a_language_without_a_section_has_that_of_its_language():
    """A region falls back on its language; a mix without a section on its first; what is unknown on nothing."""
    sections = {"es": 0, "hi-en": 0}
    assert tables.spoken(sections, "es-mx") == "es" and tables.spoken(sections, "hi-en") == "hi-en"
    assert tables.spoken(sections, "fr") is None


def test_the_longest_phrase_comes_first_and_own_lines_before_others():
    """Within a first word longer phrases win; a section that uses another keeps its own meaning of a word."""
    assert len(tables.lexicon("chat", "en").phrases["thanks"][0][0]) == 3
    assert dict(tables.lexicon("chat", "pcm").phrases["me"])["me",] == ("mi",)
    assert dict(tables.lexicon("chat", "pcm").phrases["please"])["please",] == ("pls", "plz")
