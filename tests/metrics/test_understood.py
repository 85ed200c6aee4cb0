"""What two answers are compared by: never raises, whatever the text; what changes no meaning changes nothing."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.metrics.understood import plain


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_a_plain_form_that_is_its_own(text: str) -> None:
    """Made plain once or twice, it is the same; case and space around do not matter."""
    once = plain(text)
    assert plain(once) == once or text.strip().startswith(("{", "["))
    assert plain(f"  {text}\n") == once


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=8), st.booleans()), max_size=5))
def test_objects_are_compared_by_content(value: dict[str, object]) -> None:
    """Order of keys and space between them do not matter."""
    turned = dict(reversed(list(value.items())))
    assert plain(json.dumps(value)) == plain(json.dumps(turned, indent=3, ensure_ascii=False))


def test_words_are_compared_without_what_stands_around_them() -> None:
    """Case, quotes, full stops; words themselves count."""
    assert plain('"Refund."') == plain("refund") == plain("  REFUND!\n")
    assert plain("not a refund") != plain("refund")
    assert plain("???") == "???"  # nothing but marks is compared as it stands
    assert plain("[" * 100_000) == plain("[" * 100_000)
