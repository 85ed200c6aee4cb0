"""A text as a perturbation sees it."""

from __future__ import annotations

from edgebench.records import Item, Message
from edgebench.workloads.perturbations.passages import Passage, as_written, language_of, passage, with_text
from tests.workloads.perturbations.messages import item


def test_words_keep_their_signs_and_their_apostrophes():
    """Vowel signs, joiners and inner apostrophes belong to the word; marks and digits do not."""
    text = "don't ‘quote’ नहीं দিয়েছি, O’Neil's"
    words = [text[start:end] for start, end in Passage(text).words]
    assert words == ["don't", "quote", "नहीं", "দিয়েছি", "O’Neil's"]


def test_words_that_are_partly_protected_are_not_free():
    """A word that shares a letter with something protected is left out, its other letters are still letters."""
    given = passage(item("two refunds, ok", reference="refund"))
    assert [given.text[start:end] for start, end in given.words] == ["two", "ok"]
    assert "".join(given.text[place] for place in given.keyed) == "twosok"


def test_the_last_words_of_the_user_are_the_text():
    """In a chat the last user message changes, and nothing else does; the digest stays that of the original."""
    chat = Item("i", (Message("user", "hi"), Message("assistant", "yes?"), Message("user", "where")), "x")
    changed = with_text(chat, "WHERE")
    assert [m.content for m in changed.input] == ["hi", "yes?", "WHERE"]
    assert changed.form_of == changed.digest == chat.digest
    assert with_text(changed, "again").form_of == chat.digest


def test_a_chat_without_a_user_stays():
    """Where nobody has said anything there is no text, and the item is marked as a form all the same."""
    silent = Item("i", (Message("system", "Be kind"),))
    assert passage(silent).text == "" and with_text(silent, "").input == silent.input
    assert with_text(silent, "").form_of == silent.digest
    assert passage(Item("i", ())).text == ""


def test_the_language_is_the_tag_or_what_the_script_tells():
    """Tags in any case; without one Devanagari is Hindi, Bengali is Bengali, everything else English."""
    assert language_of(item("x", "pt_BR"), "x") == "pt-br"
    untagged = Item("i", "")
    for text, language in (("मेरा order कहाँ है", "hi"), ("টাকা কই", "bn"), ("where", "en"), ("", "en")):
        assert language_of(untagged, text) == language
    assert language_of(untagged, "a long English text with one word in Hindi: नहीं") == "en"


def test_case_follows_what_is_replaced():
    """CAPITALS stay capitals, a first capital stays one, and English I says nothing about case."""
    assert as_written("PLEASE", "pls") == "PLS" and as_written("Please", "pls") == "Pls"
    assert as_written("please", "pls") == "pls" and as_written("I'm", "im") == "im"
    assert as_written("A", "wan") == "Wan" and as_written("है", "hai") == "hai"
