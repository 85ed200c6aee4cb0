"""What is protected: whole tokens, placeholders, code, the words of the reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.workloads.perturbations import protected


def kept(text: str, reference: object = None) -> list[str]:
    return [text[start:end] for start, end in protected.spans(text, reference)]


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("paid £3.50, on the 3rd!", ["£3.50,", "3rd!"]),
        ("order st-001 (no. ४२) ৩-এ", ["st-001", "४२)", "৩-এ"]),
        ("half is ½ and m² too", ["½", "m²"]),
        ("see https://example.com/a?b=c. Or www.example.org", ["https://example.com/a?b=c.", "www.example.org"]),
        ("write to ann.o'neil+x@example.co.uk, please", ["ann.o'neil+x@example.co.uk,"]),
        ("example.com is down", ["example.com"]),
        ("Dear {name}, ${sum} is {{due}} for <CUSTOMER> [ID] %s %(who)s", None),
        ("run `rm  -i` and ```\nmake All\n``` now", ["`rm  -i`", "```\nmake All\n```"]),
        ("in 東京で3月に会う", ["3"]),
        ("nothing here. At all, is there?", []),
        ("fish < chips and chips > fish, 50 %", ["50"]),
        ("", []),
    ],
)
def test_numbers_addresses_placeholders_and_code(text, stays):
    """Tokens with a digit, URLs, e-mail addresses, five kinds of placeholders, and code between backticks."""
    wanted = stays if stays is not None else ["{name}", "${sum}", "{{due}}", "<CUSTOMER>", "[ID]", "%s", "%(who)s"]
    assert kept(text) == wanted


def test_the_words_of_the_reference_wherever_they_are_in_it():
    """Strings, members of lists, values of objects at any depth, in any case; keys, numbers and truths are no words."""
    reference = {"vendor": "Acme Ltd", "lines": [{"item": "blue mug", "n": 4, "gift": True}], "town": None}
    text = "ACME LTD sold me a Blue Mug; the vendor, the item and True are not in it"
    assert kept(text, reference) == ["ACME LTD", "Blue Mug"]
    assert kept("Refunds and refund", "refund") == ["Refund", "refund"]
    assert kept("anything at all", ["", "  ", None, 7]) == []


def test_a_letter_is_protected_only_as_a_word():
    """A choice's letter as reference does not freeze every word that has it."""
    assert kept("a banana, or B", "B") == ["B"]
    assert kept("the abba tribute", "ab") == []


@given(st.text(max_size=200), st.lists(st.text(max_size=4), max_size=3))
def test_spans_are_in_order_and_apart(text, reference):
    """Whatever the text and the reference, spans lie within it, in order, with something between each two."""
    edges = [edge for span in protected.spans(text, reference) for edge in span]
    assert edges == sorted(set(edges)) and all(0 <= edge <= len(text) for edge in edges)


@given(st.text(max_size=80), st.sampled_from(["0", "٣", "৭", "①", "a@b", "ftp://x"]), st.text(max_size=80))
def test_a_token_that_tells_is_kept_whole(before, tell, after):
    """Wherever a digit or an address stands, it lies within a span that begins and ends at white space or a border."""
    text = f"{before} {tell} {after}"
    at = len(before) + 1
    assert any(start <= at and at + len(tell) <= end for start, end in protected.spans(text))
