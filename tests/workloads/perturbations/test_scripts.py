"""Hindi and Bengali as people type them in Latin letters."""

from __future__ import annotations

import re

import pytest

from edgebench.workloads.perturbations.scripts import latin, romanised
from tests.workloads.perturbations.messages import item, items

HINDI = {
    "करना": "karna",
    "समझ": "samajh",
    "बदलना": "badalna",
    "मतलब": "matlab",
    "सरकार": "sarkar",
    "मित्र": "mitra",
    "शब्द": "shabd",
    "लंबा": "lamba",
    "घुटने": "ghutne",
    "लखनऊ": "lakhnau",
    "बच्चों": "bachchon",
    "न": "na",
    "है": "hai",
    "ऑर्डर": "order",
    "क्षमा": "kshama",
}
BENGALI = {
    "করবেন": "korben",
    "জন্য": "jonno",
    "তথ্য": "tottho",
    "ব্যাগ": "bag",
    "বিশ্ব": "bissho",
    "স্বামী": "sami",
    "পাঠাবেন": "pathaben",
    "দেওয়া": "dewa",
    "কলকাতা": "kolkata",
    "চাঁদ": "chad",
    "বন্ধ": "bondho",
    "পড়ে": "pore",
    "হঠাৎ": "hothat",
    "ডেলিভারি": "delivery",
}


@pytest.mark.parametrize(("word", "typed"), [*HINDI.items()])
def test_hindi_words(word, typed):
    """The vowel nobody writes is said in the middle of "samajh" and not at its end; known words have their spelling."""
    assert latin(word, "devanagari") == typed


@pytest.mark.parametrize(("word", "typed"), [*BENGALI.items()])
def test_bengali_words(word, typed):
    """Bengali's own vowel, its doubled consonants and its silent ones."""
    assert latin(word, "bengali") == typed


def test_both_ways_of_writing_a_dotted_letter_are_one():
    """A letter with its dot as one character or as two is typed alike."""
    assert latin("\u095b\u0930\u093e", "devanagari") == latin("ज\u093cरा", "devanagari") == "zara"


def test_all_but_the_script_stays():
    """Latin words, marks, digits of either kind and emoji stay; the danda is a full stop."""
    text = "RuPay कार्ड ४२ दो। OTP आया 😄 {नाम}"
    assert romanised()(item(text, "hi"), 1).text == "RuPay card ४२ do. OTP aaya 😄 {नाम}"


@pytest.mark.parametrize("language", ["hi", "bn"])
def test_nothing_of_the_script_is_left_in_real_messages(language):
    """No letter or sign of Devanagari or Bengali remains outside of what is protected."""
    for one in items(language):
        new = romanised()(one, 1).text
        loose = [token for token in new.split() if not re.search(r"\d", token)]
        assert not re.search("[\u0900-\u09ff]", " ".join(loose)), new
