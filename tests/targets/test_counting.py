"""Two counts of the same answer: both are kept, and only one that cannot be true is called a contradiction."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Usage
from edgebench.targets.counting import UNSEEN, contradicts, heard
from edgebench.targets.replies import Channel, Piece


def pieces(texts: Sequence[str], channel: Channel = "content") -> list[Piece]:
    return [Piece(text, channel, 0) for text in texts]


def says(output: int | None, reasoning: int | None = None) -> Usage:
    return Usage(10, output, reasoning_tokens=reasoning, counted_by="provider")


WORDS = pieces(["Hello"] * 40)


@pytest.mark.parametrize(
    ("usage", "given_pieces", "logprobs", "expected"),
    [
        (says(40), WORDS, 0, False),
        (says(41), WORDS, 0, False),  # the token that ends an answer has no text
        (says(5), WORDS, 0, True),  # forty chunks are not five tokens
        (says(36), WORDS, 0, False),  # a character in two chunks now and then
        (says(35), WORDS, 0, True),
        (says(0), pieces(["Hi"]), 0, True),  # something was said
        (says(400), pieces(["x" * 900] * 3), 0, False),  # coalesced
        (says(400), pieces(["xyz"] * 3), 0, True),  # nine bytes are not four hundred tokens
        (says(400, 390), pieces(["xyz"] * 3), 0, False),  # …unless the rest was thought, and owned up to
        (says(3, 390), [*pieces(["hm"] * 390, "reasoning"), *pieces(["xyz"] * 3)], 0, False),  # counted apart
        (says(3), [*pieces(["hm"] * 390, "reasoning"), *pieces(["xyz"] * 3)], 0, True),  # not counted at all
        (says(100), pieces(["x" * 50] * 40), 100, False),  # a list of tokens is exact
        (says(130), pieces(["x" * 50] * 40), 100, True),
        (says(50), pieces(['{"a":1}'], "tool"), 0, False),  # the syntax of a call is not shown
        (says(None), WORDS, 0, False),
        (None, WORDS, 0, False),
        (says(7), [], 0, False),  # an empty answer is another failure
    ],
)
def test_what_can_be_true_and_what_cannot(
    usage: Usage | None, given_pieces: list[Piece], logprobs: int, expected: bool
) -> None:
    """Too few for what was heard, or too many for the text there is."""
    assert contradicts(usage, given_pieces, logprobs) is expected


def test_log_probabilities_are_counted_where_there_are_any() -> None:
    """One entry is one token of the content; other channels are counted by chunks."""
    assert heard(WORDS, 0) == 40
    assert heard([*pieces(["hm"], "reasoning"), *pieces(["a b c"])], 3) == 4


@given(texts=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=60), ended=st.integers(0, UNSEEN))
def test_an_honest_server_is_never_accused(texts: list[str], ended: int) -> None:
    """A token a chunk, however long its text, and what marks the end of an answer."""
    assert not contradicts(says(len(texts) + ended), pieces(texts), 0)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30), st.integers(1, 1000))
def test_more_tokens_than_bytes_are_noticed(texts: list[str], more: int) -> None:
    """No token with a text is shorter than a byte."""
    size = sum(len(text.encode()) for text in texts)
    assert contradicts(says(size + UNSEEN + more), pieces(texts), 0)
