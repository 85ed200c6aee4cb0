"""Marks and capitals left out."""

from __future__ import annotations

import unicodedata

import pytest

from edgebench.workloads.perturbations import build
from edgebench.workloads.perturbations.marks import MARKS, lower_case, no_diacritics, no_punctuation
from edgebench.workloads.perturbations.passages import passage
from tests.workloads.perturbations.messages import LANGUAGES, item, items


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Hello, I'm well-known. Aren't I?!", "Hello Im well known Arent I"),
        ("yes/no - maybe — or…not", "yes no maybe or not"),
        ("¿Dónde está? «Aquí», dijo.", "Dónde está Aquí dijo"),
        ("कहाँ है? आज। कल॥", "कहाँ है आज कल"),
        ("paid 3.50, twice (really).", "paid 3.50, twice really"),
        ("see {name}, or https://example.com.", "see {name} or https://example.com."),
        ("50 % off & more @ ours #now 👍!", "50 % off & more @ ours #now 👍"),
        (" - \n- a", " \n a"),
        ("?!…", "?!…"),
    ],
)
def test_punctuation_goes_and_words_stay_apart(old, new):
    """Marks go; a space stands where two words would meet, none is doubled; a text of marks only stays."""
    assert no_punctuation()(item(old), 1).text == new


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mark_is_left_outside_of_what_is_protected(language):
    """In every real message no mark of a sentence remains, and the letters are the same as before."""
    for one in items(language):
        given = passage(no_punctuation()(one, 1))
        assert not any(set(given.text[start:end]) & set(MARKS) for start, end in given.free)
        letters = [letter for letter in one.text if unicodedata.category(letter)[0] in "LMNS" and letter not in MARKS]
        assert letters == [
            letter for letter in given.text if unicodedata.category(letter)[0] in "LMNS" and letter not in MARKS
        ]


def test_small_letters_but_for_what_is_protected():
    """Capitals of tokens with digits, placeholders and the reference stay."""
    text = "CANCEL my Order AB12 for {Name}, Refund it. ÄÖ"
    assert lower_case()(item(text, reference="refund"), 1).text == "cancel my order AB12 for {Name}, Refund it. äö"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("¿Dónde está mi señal? Müller, łódź, Ørsted", "¿Donde esta mi senal? Muller, lodz, Orsted"),
        ("cafe\u0301 déjà", "cafe deja"),
        ("ज़रा बड़ा चाँद", "जरा बडा चाद"),
        ("চাঁদ বাড়ি হয়", "চাদ বাড়ি হয়"),
        ("مُحَمَّد Ἀθῆναι ёж", "محمد Αθηναι еж"),
        ("naïve {naïve} ñ7", "naive {naïve} ñ7"),
    ],
)
def test_signs_on_letters_go_and_letters_stay(old, new):
    """Accents, dots and strokes go in Latin, Greek, Cyrillic, Arabic, Hindi and Bengali; letters of their own stay."""
    changed = no_diacritics()(item(old), 1).text
    assert unicodedata.normalize("NFC", changed) == unicodedata.normalize("NFC", new)


@pytest.mark.parametrize("name", ["no-punctuation", "lower-case", "no-diacritics", "romanised"])
def test_what_is_gone_stays_gone(name):
    """Done twice it is the same as done once."""
    once = build(name)
    for language in LANGUAGES:
        for one in items(language)[:60]:
            first = once(one, 1)
            assert once(first, 1).text == first.text
