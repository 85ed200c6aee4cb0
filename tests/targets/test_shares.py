"""Tokens of a chunk by its share of the text: only where chunks hold several, and adding up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Usage
from edgebench.targets.replies import Piece
from edgebench.targets.shares import tokens


def pieces(*texts: str, channel: str = "content") -> list[Piece]:
    return [Piece(text, channel, place) for place, text in enumerate(texts)]  # type: ignore[arg-type]


def test_many_tokens_a_chunk_are_shared_out_by_text() -> None:
    """Twelve tokens over texts of 6, 12 and 6 bytes: 3, 6 and 3."""
    assert tokens(pieces("aaaaaa", "b" * 12, "cccccc"), Usage(output_tokens=12)) == [3, 6, 3]


def test_a_chunk_that_can_be_a_token_is_left_one() -> None:
    """A few tokens more than chunks (the end of the answer, split characters) make no chunk two tokens."""
    assert tokens(pieces("a", "long word", "b"), Usage(output_tokens=4)) == [None] * 3


def test_nobody_counted_or_the_server_did() -> None:
    """Without usage nothing is made up; what the server says of its chunks is kept; a whole document has no share."""
    assert tokens(pieces("a", "b"), None) == [None, None]
    assert tokens(pieces("a", "b"), Usage(output_tokens=None)) == [None, None]
    said = [Piece("a", "content", 0, 4), Piece("b", "content", 1, 2)]
    assert tokens(said, Usage(output_tokens=99)) == [4, 2]
    assert tokens(pieces("whole answer"), Usage(output_tokens=9)) == [None]


def test_reasoning_that_was_not_shown_is_not_shared_out() -> None:
    """Hidden reasoning tokens belong to no chunk; shown ones do."""
    usage = Usage(output_tokens=108, reasoning_tokens=100)
    assert tokens(pieces("aaaa", "bbbb"), usage) == [4, 4]
    shown = [*pieces("r" * 100, channel="reasoning"), *pieces("aaaa", "bbbb")]
    assert tokens(shown, usage) == [100, 4, 4]


@given(st.lists(st.text(min_size=1), min_size=2, max_size=30), st.integers(2, 9))
def test_shares_add_up(texts: list[str], k: int) -> None:
    """However the rounding falls, the chunks hold all the tokens, none of them fewer than none."""
    found = tokens(pieces(*texts), Usage(output_tokens=k * len(texts)))
    assert sum(count or 0 for count in found) == k * len(texts)
    assert all(count is not None and count >= 0 for count in found)
