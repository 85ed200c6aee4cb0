"""Noise letter by letter: at a real rate, on a real keyboard."""

from __future__ import annotations

import pytest
from rapidfuzz.distance import Levenshtein

from edgebench.errors import UsageError
from edgebench.workloads.perturbations import build
from edgebench.workloads.perturbations.characters import keyboard_typos, letter_slips, neighbours
from tests.workloads.perturbations.messages import LANGUAGES, item, items


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("name", ["keyboard-typos", "letter-slips"])
def test_the_error_rate_is_the_one_asked_for(name, rate):
    """Levenshtein distance over length, all messages of a language together, is within a tenth of the rate."""
    noisy = build({name: {"rate": rate}})
    for language in LANGUAGES:
        pairs = [(one.text, noisy(one, seed).text) for one in items(language)[:60] for seed in range(3)]
        edits = sum(Levenshtein.distance(old, new) for old, new in pairs)
        assert 0.9 * rate <= edits / sum(len(old) for old, _ in pairs) <= 1.1 * rate, (name, rate, language)


def test_one_message_has_the_edits_it_should():
    """A text of 100 letters at 5 % has five edits; of 10 letters one or none, half of each."""
    noisy = keyboard_typos(0.05)
    long = item("abcdefghij" * 10)
    assert {Levenshtein.distance(noisy(long, seed).text, long.text) for seed in range(20)} == {5}
    short = item("abcdefghij")
    times = sum(noisy(short, seed).text != short.text for seed in range(200))
    assert 70 <= times <= 130


def test_what_can_be_done_is_done_where_little_is_free():
    """With four letters free of a hundred characters, four change and no more; with none, nothing does."""
    noisy = keyboard_typos(0.3)
    text = "abcd " + "1" * 95
    assert 1 <= Levenshtein.distance(noisy(item(text), 1).text, text) <= 4
    assert noisy(item("1" * 100), 1).text == "1" * 100
    assert noisy(item("мир, 平和, 7"), 1).text == "мир, 平和, 7"  # no layout of ours has these letters


@pytest.mark.parametrize("language", ["en", "es", "de", "fr", "hi", "bn"])
def test_a_slip_goes_to_a_neighbouring_key(language):
    """Every letter that is new is a neighbour of the one it stands for or beside; capitals stay capitals."""
    texts = {"hi": "मेरा सामान नहीं आया", "bn": "আমার টাকা কই", "de": "Wo ist MEIN Paket geblieben"}
    text = texts.get(language, "Where is MY parcel, please")
    near = neighbours({"de": "qwertz", "fr": "azerty", "es": "spanish", "hi": "inscript-hindi"}.get(language, "qwerty"))
    near = neighbours("inscript-bengali") if language == "bn" else near
    for seed in range(40):
        new = keyboard_typos(0.1)(item(text, language), seed).text
        for edit in Levenshtein.editops(text, new):
            around = text[max(0, edit.src_pos - 2) : edit.src_pos + 2]
            assert edit.tag in ("replace", "insert")
            assert any(new[edit.dest_pos] in near.get(letter, ()) for letter in around), (text, new)


def test_the_layout_follows_the_language_unless_given():
    """The same English text slips on AZERTY when told so, and then the name says it."""
    noisy = keyboard_typos(0.3, layout="azerty")
    assert noisy.name == "keyboard-typos(0.3, layout=azerty)" and keyboard_typos().name == "keyboard-typos(0.05)"
    letters = set(noisy(item("q" * 60), 1).text) - {"q"}
    assert letters and letters <= set(neighbours("azerty")["q"]) and "a" in letters


def test_letters_are_dropped_or_doubled_and_first_ones_stay():
    """Each edit takes out a letter or says it twice; the first letter of a word is never dropped."""
    slips = letter_slips(0.1)
    for one in items("en")[:40]:
        new = slips(one, 3).text
        tags = {edit.tag for edit in Levenshtein.editops(one.text, new)}
        assert tags <= {"insert", "delete", "replace"}
        assert len(new.split()) == len(one.text.split())
        assert [word[0] for word in new.split()] == [word[0] for word in one.text.split()]


@pytest.mark.parametrize("rate", [0, -0.1, 0.9, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["keyboard-typos", "letter-slips"])
def test_a_rate_nobody_could_read_is_refused(name, rate):
    """Only rates above 0 and up to 0.3; the hint says what to type."""
    with pytest.raises(UsageError, match=r"must be above 0 and at most 0\.3") as caught:
        build({name: {"rate": rate}})
    assert caught.value.hint == f"{name}: {{rate: 0.05}}"


def test_an_unknown_layout_is_refused_with_the_nearest():
    """A slip of the pen in the layout's name is met with a "did you mean"."""
    with pytest.raises(UsageError, match="no layout is called 'azert'") as caught:
        keyboard_typos(layout="azert")
    assert caught.value.hint == "did you mean 'azerty'?"
