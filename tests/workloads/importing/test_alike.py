"""Near-duplicates: what is one, what is none, and that looking for them does not grow with the square of the log."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgebench
from edgebench.workloads.importing import alike
from edgebench.workloads.importing.alike import THRESHOLD, Text, leaders

DATA = Path(edgebench.__file__).parent / "workloads" / "data"


def messages() -> list[str]:
    rows = (DATA / "support-triage.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(row)["input"] for row in rows]


@pytest.mark.parametrize(("one", "other", "near"), [
    ("where is my order 48213?", "Where is my order 99120?", True),
    ("Where is my order?\n", "where  is my order?", True),
    ("I never got the parcel you sent on Monday, please help",
     "I never got the parcel you sent on Tuesday, please help", True),
    ("मेरा पार्सल कहाँ है, दो हफ्ते हो गए", "मेरा पार्सल कहाँ है, दो हफ्ते हो गये", True),
    ("where is my order", "cancel my order", False),
    ("refund", "refuse", False),
    ("", "a", False),
])  # fmt: skip
def test_what_counts_as_near(one: str, other: str, near: bool) -> None:
    """Case, blanks and numbers do not tell two messages apart; a word in a long one hardly does; another wish does."""
    assert (leaders([Text(one), Text(other)]) == [0, 0]) is near


def test_the_same_words_in_another_conversation_are_another_case() -> None:
    """ "yes please" is an answer to what came before."""
    texts = [Text("yes please", "Shall I cancel it?"), Text("yes please", "Do you want a new one instead?"),
             Text("Yes, please", "Shall I cancel it?"), Text("yes please", "Shall I cancel it??")]  # fmt: skip
    assert leaders(texts) == [0, 1, 2, 0]


def test_messages_written_one_by_one_are_no_duplicates() -> None:
    """Of the 300 of the built-in job, which another test holds apart more strictly, none is dropped."""
    found = leaders([Text(message) for message in messages()])
    assert found == list(range(len(found)))


def test_every_pair_above_the_threshold_is_found() -> None:
    """Against comparing each with each, on messages with words changed: nothing alike is kept beside its leader."""
    rng = random.Random(5)
    base = messages()[:60]
    texts = []
    for _ in range(400):
        words = rng.choice(base).split()
        for _ in range(rng.randrange(4)):
            words[rng.randrange(len(words))] = rng.choice(("now", "please", "again", "today"))
        texts.append(" ".join(words))
    found = leaders([Text(text) for text in texts])
    kept = sorted(set(found))
    sets = {place: alike.trigrams(alike.plain(texts[place])) for place in range(len(texts))}
    missed = [(a, b) for n, a in enumerate(kept) for b in kept[:n] if alike.jaccard(sets[a], sets[b]) >= THRESHOLD]
    assert len(missed) <= 2
    assert all(alike.jaccard(sets[place], sets[leader]) >= THRESHOLD for place, leader in enumerate(found))
    assert len(kept) < 350


@given(st.lists(st.text(max_size=12), max_size=12))
@settings(max_examples=100, deadline=None)
def test_a_leader_leads_itself_and_comes_first(texts: list[str]) -> None:
    """For any texts; the same texts give the same leaders."""
    found = leaders([Text(text) for text in texts])
    assert all(found[leader] == leader <= place for place, leader in enumerate(found))
    assert found == leaders([Text(text) for text in texts])


def test_a_log_of_one_template_is_compared_in_reason() -> None:
    """Thousands of messages that are all somewhat alike: each is held against few (the time limit would notice)."""
    rng = random.Random(6)
    words = [word for message in messages() for word in message.split()]
    texts = [f"Hello, my {' '.join(rng.choices(words, k=5))} has not arrived yet, please help me" for _ in range(3_000)]
    assert len(set(leaders([Text(text) for text in texts]))) > 1_000
