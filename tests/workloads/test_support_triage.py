"""The built-in job is what its card says: hand-written, varied, complete, and free of real people's data."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgebench
from tests.workloads.alike import openings, too_alike
from tests.workloads.personal import real_looking

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
TAGS = {
    "length": {"short", "medium", "long"},
    "style": {"clean", "typos", "no-punctuation", "caps", "chatty", "terse"},
    "mood": {"neutral", "polite", "angry", "anxious", "confused"},
    "topics": {"one", "two"},
}


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ITEMS = rows("support-triage.jsonl")
POOL = rows("support-triage-examples.jsonl")
CARD: dict[str, Any] = yaml.safe_load((DATA / "support-triage.yaml").read_text(encoding="utf-8"))
LABELS = tuple(CARD["labels"])
MESSAGES = [row["input"] for row in (*ITEMS, *POOL)]


def test_no_two_messages_are_near_duplicates() -> None:
    """Among items and examples together, no pair is a variation of the other; so no example gives an item away."""
    assert too_alike(MESSAGES) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Hello, where is my order 48213? I have been waiting for 5 days.",
            "Hello, where is my order 771? I have been waiting for 12 days.",
        ),
        ("I would like to cancel my order of the blue lamp", "I would like to cancel my order of the green kettle"),
        ("please refund the toaster it arrived late", "please refund the blanket it arrived late"),
        ("My {item} came broken, please help me", "My vase came broken, please help me"),
        ("CANT LOG IN", "cant log in!!"),
    ],
)
def test_the_detector_catches_a_filled_in_template(one: str, other: str) -> None:
    """Two fillings of one slot template are found, so a generated data set could not pass."""
    assert too_alike([one, other]) == [(one, other)]


def test_the_detector_leaves_two_people_with_one_problem_alone() -> None:
    """The same complaint in two people's words is no near-duplicate."""
    assert too_alike(["wheres my parcel, its been a week", "Order still hasn't turned up. Any news?"]) == []


def test_no_opening_is_a_habit() -> None:
    """With numbers masked, hardly any first four words come back, and no first two more than a dozen times."""
    assert max(openings(MESSAGES, 4).values()) <= 2
    assert max(openings(MESSAGES, 2).values()) <= 12


# ----------------------------------------------------------------------------------------------- complete and balanced


def test_there_are_enough_items_with_ids_of_their_own() -> None:
    """At least 200 items, every id and every text once, in the shape every reader expects."""
    assert len(ITEMS) >= 200
    assert all(set(row) == {"id", "input", "reference", "tags", "stakes"} for row in ITEMS)
    assert len({row["id"] for row in ITEMS}) == len(ITEMS)
    assert len(set(MESSAGES)) == len(MESSAGES)
    assert all(message == message.strip() and message for message in MESSAGES)


def test_every_label_is_asked_for_and_nothing_else() -> None:
    """12 labels; each has at least 15 items, and no reference is outside of the set."""
    counted = Counter(row["reference"] for row in ITEMS)
    assert len(LABELS) == 12
    assert set(counted) == set(LABELS)
    assert min(counted.values()) >= 15


def test_the_example_pool_covers_every_label() -> None:
    """Few-shot prompting finds at least 6 examples of each label, and only known labels."""
    counted = Counter(row["reference"] for row in POOL)
    assert all(set(row) == {"input", "reference"} for row in POOL)
    assert set(counted) == set(LABELS)
    assert min(counted.values()) >= 6


def test_labels_can_be_told_apart_while_they_are_written() -> None:
    """Lower-case words only, and none begins another, so constrained decoding is never left between two."""
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", label) for label in LABELS)
    assert not [(a, b) for a in LABELS for b in LABELS if a != b and b.startswith(a)]


def test_tags_are_complete_and_allowed() -> None:
    """Every item carries the same four tags with a value from the list, and every value is used."""
    assert all(set(row["tags"]) == set(TAGS) for row in ITEMS)
    assert {name: {row["tags"][name] for row in ITEMS} for name in TAGS} == TAGS


def test_the_length_tag_is_true() -> None:
    """Short, medium and long mean what the card says: up to 40, up to 160, above."""

    def length(text: str) -> str:
        return "short" if len(text) <= 40 else "medium" if len(text) <= 160 else "long"

    assert [row["id"] for row in ITEMS if row["tags"]["length"] != length(row["input"])] == []


def test_the_caps_and_punctuation_tags_are_true() -> None:
    """Messages tagged as shouted are upper case; those tagged as unpunctuated hold no full stop between sentences."""
    by_style = {style: [row["input"] for row in ITEMS if row["tags"]["style"] == style] for style in TAGS["style"]}
    assert [text for text in by_style["caps"] if text.upper() != text] == []
    assert [text for text in by_style["no-punctuation"] if re.search(r"\w[.!] +\w", text)] == []


def test_stakes_run_from_harmless_to_severe() -> None:
    """All four levels occur; the severe ones are few, but enough to be looked at as a slice."""
    counted = Counter(row["stakes"] for row in ITEMS)
    assert set(counted) == {1, 2, 3, 4}
    assert 0.05 <= counted[4] / len(ITEMS) <= 0.15
    assert counted[1] + counted[2] > counted[3] + counted[4]


def test_messages_are_as_long_and_short_as_people_write() -> None:
    """From a word or two to a whole story."""
    lengths = [len(row["input"]) for row in ITEMS]
    assert sum(length <= 15 for length in lengths) >= 5
    assert sum(length >= 300 for length in lengths) >= 5
    assert sum(row["tags"]["topics"] == "two" for row in ITEMS) >= 20


# ------------------------------------------------------------------------------------------------------------- the card


def test_the_card_says_what_is_asked() -> None:
    """Name, version, instruction, scorer and a description for every label are there for the loader."""
    assert (CARD["name"], CARD["output"], CARD["max_tokens"]) == ("support-triage", "choice", 12)
    assert CARD["scorers"] == ["label"]
    assert "exactly one label" in CARD["instruction"]
    assert all(isinstance(text, str) and text.endswith(".") for text in CARD["labels"].values())
    assert all(isinstance(CARD[key], str) and CARD[key] for key in ("version", "title", "question"))


def test_the_card_tells_where_the_data_come_from_and_where_they_end() -> None:
    """Provenance names author, language, scope, limits, the rules of labelling and the licence."""
    wanted = {"written", "language", "stands_for", "does_not_stand_for", "two_topics", "stakes", "reviewed", "licence"}
    assert wanted <= set(CARD["provenance"])
    assert all(isinstance(text, str) and text for text in CARD["provenance"].values())


def test_the_counts_on_the_card_are_true() -> None:
    """The card's numbers are those of the files."""
    per_item, per_example = (Counter(row["reference"] for row in table) for table in (ITEMS, POOL))
    assert CARD["counts"] == {
        "items": len(ITEMS),
        "items_per_label": min(per_item.values()),
        "examples": len(POOL),
        "examples_per_label": min(per_example.values()),
    }
    assert max(per_item.values()) == min(per_item.values())


# -------------------------------------------------------------------------------------------------- nobody's own data


def test_no_message_holds_data_of_a_real_person() -> None:
    """No address, link, telephone, card or account number that could belong to somebody."""
    assert [found for message in MESSAGES for found in real_looking(message)] == []


@pytest.mark.parametrize(
    "text", ["mail me: jo@gmail.com", "ring 0151 496 0000", "4111 1111 1111 1111", "+49 170 0000000", "www.shop.test/x"]
)
def test_the_search_for_personal_data_finds_it(text: str) -> None:
    """The patterns catch an ordinary address, telephone number, card number or link."""
    assert real_looking(text)
