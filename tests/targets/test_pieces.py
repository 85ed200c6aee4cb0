"""Streaming text: whole characters, nothing beyond a stop, and the pieces add up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgebench.targets.pieces import Pieces

STOPS = ("\n\nInput:", "\nInput:")


def stream(pieces: Pieces, raw: bytes, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    given = [pieces.add(raw[a:b]) for a, b in pairwise(edges)]
    return [*given, pieces.end()]


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_pieces_add_up_however_the_bytes_are_cut(text: str, cuts: list[int]) -> None:
    """No cut inside a character shows, and none loses anything."""
    out = stream(Pieces(), text.encode(), cuts)
    assert "".join(out) == text
    assert "\ufffd" not in "".join(out) or "\ufffd" in text


@given(st.text(alphabet="a\nInput: ", max_size=60), st.lists(st.integers(0, 100)))
def test_nothing_from_a_stop_string_on_is_shown(text: str, cuts: list[int]) -> None:
    """What is shown is what stands before the first stop, however the bytes come."""
    ends = [at for stop in STOPS if (at := text.find(stop)) >= 0]
    assert "".join(stream(Pieces(STOPS), text.encode(), cuts)) == text[: min(ends, default=len(text))]


def test_half_a_character_at_the_end_becomes_a_mark() -> None:
    """A generation cut inside a character says so instead of failing."""
    pieces = Pieces()
    assert pieces.add("🌊".encode()[:2]) == ""
    assert pieces.end() == "\ufffd"


def test_what_might_be_a_stop_waits_only_as_long_as_it_might() -> None:
    """Text that turns out to be no stop is shown with the next piece."""
    pieces = Pieces(STOPS)
    assert pieces.add(b"yes\nIn") == "yes"
    assert pieces.add(b"deed") == "\nIndeed"
    assert not pieces.stopped
