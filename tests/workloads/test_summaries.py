"""The built-in job "summaries" is what its card says: hand-written, with references that hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgebench
from tests.workloads.alike import MOST_SHARED_WORDS, jaccard, openings, words
from tests.workloads.personal import real_looking

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
TWISTS = {"none", "changed", "corrected", "open", "safety", "rant"}
TURNS = {"3-4", "5-7"}
GROUPS = ("matter", "status", "next")
TURN = re.compile(r"(?:Customer:|Agent \(\w+\):|\[internal\]) \S")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sheet(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DATA / name).read_text(encoding="utf-8"))
    return read


ITEMS = rows("summaries.jsonl")
POOL = rows("summaries-examples.jsonl")
CARD = sheet("summaries.yaml")
RUBRIC = sheet("summaries-rubric.yaml")
THREADS = [row["input"] for row in (*ITEMS, *POOL)]
SUMMARIES = [row["reference"]["summary"] for row in ITEMS] + [row["reference"] for row in POOL]


def sentences(text: str) -> int:
    return len(re.findall(r"[.!?]+(?=\s|$)", text))


def holds(text: str, strings: Sequence[str]) -> list[str]:
    """Which of the strings the text contains, whatever the case."""
    return [one for one in strings if one.casefold() in text.casefold()]


def foreign_numbers(summary: str, thread: str) -> set[str]:
    """Numbers of the summary that the thread does not hold."""
    return set(NUMBER.findall(summary)) - set(NUMBER.findall(thread))


# --------------------------------------------------------------------------------------------------- written one by one


def too_alike(threads: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that share too many words. Letters are not compared: any two texts this long share many trigrams."""
    bags = [frozenset(words(thread)) for thread in threads]
    return [
        (threads[a], threads[b])
        for a, b in combinations(range(len(threads)), 2)
        if jaccard(bags[a], bags[b]) >= MOST_SHARED_WORDS
    ]


def said_first(thread: str) -> str:
    """The first turn without its speaker."""
    return re.sub(r"^(?:\w+(?: \(\w+\))?:|\[\w+\]) ", "", thread)


def test_no_two_threads_are_near_duplicates() -> None:
    """Among items and examples together, no pair shares 45 % of its words; so no example gives an item away."""
    assert MOST_SHARED_WORDS == 0.45
    assert too_alike(THREADS) == []


def test_the_bound_catches_a_filled_in_template() -> None:
    """Two fillings of one thread are found, while two tickets about one kind of problem are left alone."""
    one = "Customer: My {0} is broken, order 17.\nAgent (Ines): Sorry! A new {0} leaves on {1}.\nCustomer: Thank you."
    filled = [one.format("lamp", "Friday"), one.format("vase", "Tuesday")]
    assert too_alike(filled) == [(filled[0], filled[1])]
    other = "Customer: the kettle I got leaks\nAgent (Bram): Please unplug it, I'll send another.\nCustomer: when?"
    assert too_alike([filled[0], other]) == []


def test_no_opening_is_a_habit() -> None:
    """With speakers and numbers left aside, no two threads begin with the same four words."""
    assert max(openings([said_first(thread) for thread in THREADS], 4).values()) == 1
    assert max(openings([said_first(thread) for thread in THREADS], 2).values()) <= 3
    assert max(openings(SUMMARIES, 4).values()) <= 3


# ----------------------------------------------------------------------------------------------- complete and balanced


def test_there_are_enough_items_with_ids_of_their_own() -> None:
    """105 items numbered in order and 10 examples, every text once, in the shape every reader expects."""
    assert [row["id"] for row in ITEMS] == [f"su-{number:03}" for number in range(1, 106)]
    assert all(list(row) == ["id", "input", "reference", "tags", "stakes"] for row in ITEMS)
    assert all(list(row["reference"]) == ["summary", *GROUPS, "never"] for row in ITEMS)
    assert len(POOL) == 10
    assert all(list(row) == ["input", "reference"] and isinstance(row["reference"], str) for row in POOL)
    assert len(set(THREADS)) == len(THREADS)


def test_threads_are_short_tickets() -> None:
    """3 to 7 turns, each with its speaker, and 60 to 220 words; somebody outside speaks in every one."""
    for thread in THREADS:
        turns = thread.split("\n")
        assert 3 <= len(turns) <= 7, thread
        assert all(TURN.match(turn) and turn == turn.strip() for turn in turns), thread
        assert 60 <= len(thread.split()) <= 220, thread
        assert "Customer: " in thread and "Agent (" in thread
    assert sum("[internal]" in thread for thread in THREADS) >= 40


def test_tags_are_complete_and_true() -> None:
    """Every item carries its desk and its turns as counted; there are many desks, none above a tenth."""
    assert all(list(row["tags"]) == ["field", "turns", "twist"] for row in ITEMS)
    counted = {row["id"]: "3-4" if row["input"].count("\n") < 4 else "5-7" for row in ITEMS}
    assert {row["id"]: row["tags"]["turns"] for row in ITEMS} == counted
    assert set(counted.values()) == TURNS
    desks = Counter(row["tags"]["field"] for row in ITEMS)
    assert len(desks) >= 20
    assert max(desks.values()) <= len(ITEMS) / 10


def test_every_twist_is_as_frequent() -> None:
    """Six twists, none of them rare, so each can be looked at as a slice."""
    counted = Counter(row["tags"]["twist"] for row in ITEMS)
    assert set(counted) == TWISTS
    assert min(counted.values()) >= 15


def test_stakes_run_from_harmless_to_severe() -> None:
    """All four levels occur; the severe ones are few, but enough to be looked at as a slice."""
    counted = Counter(row["stakes"] for row in ITEMS)
    assert set(counted) == {1, 2, 3, 4}
    assert 0.05 <= counted[4] / len(ITEMS) <= 0.15
    assert counted[1] + counted[2] > counted[3] + counted[4]


# ------------------------------------------------------------------------------------------------------- the references


def test_a_reference_is_two_sentences_that_fit() -> None:
    """Exactly two sentences, items and examples alike, of a length that the longest answer allowed has room for."""
    assert [text for text in SUMMARIES if sentences(text) != 2 or not text.endswith(".")] == []
    assert [text for text in SUMMARIES if not 20 <= len(text.split()) <= 70 or len(text) > 4 * CARD["max_tokens"]] == []


def test_a_reference_covers_its_own_groups() -> None:
    """One to three groups for each of matter, status and next, every one met by the summary beside it."""
    for row in ITEMS:
        for name in GROUPS:
            groups = row["reference"][name]
            assert 1 <= len(groups) <= 3, (row["id"], name)
            missed = [group for group in groups if not holds(row["reference"]["summary"], group)]
            assert missed == [], (row["id"], name)


def test_a_reference_avoids_what_must_never_be_said() -> None:
    """Every item names something a right summary cannot contain, and its own summary does not contain it."""
    assert [row["id"] for row in ITEMS if not row["reference"]["never"]] == []
    caught = {row["id"]: holds(row["reference"]["summary"], row["reference"]["never"]) for row in ITEMS}
    assert {name: found for name, found in caught.items() if found} == {}


def test_no_group_asks_for_what_is_forbidden() -> None:
    """Meeting a group never means saying what must not be said: no string of a group holds one of "never"."""
    clashes = [
        (row["id"], string)
        for row in ITEMS
        for name in GROUPS
        for group in row["reference"][name]
        for string in group
        if holds(string, row["reference"]["never"])
    ]
    assert clashes == []


def test_strings_are_long_enough_to_mean_something() -> None:
    """No string is empty, padded or listed twice in its group, and none of letters alone is shorter than three."""
    for row in ITEMS:
        for group in (*(group for name in GROUPS for group in row["reference"][name]), row["reference"]["never"]):
            assert all(string == string.strip() and string for string in group), row["id"]
            assert len(set(group)) == len(group), row["id"]
            assert [string for string in group if string.isalpha() and len(string) < 3] == [], row["id"]


def test_numbers_come_from_the_thread() -> None:
    """No summary invents a number, and a forbidden string warns only of numbers that somebody wrote."""
    pairs = [(row["reference"]["summary"], row["input"]) for row in ITEMS]
    pairs += [(row["reference"], row["input"]) for row in POOL]
    pairs += [(string, row["input"]) for row in ITEMS for string in row["reference"]["never"]]
    assert [found for summary, thread in pairs if (found := foreign_numbers(summary, thread))] == []


def test_an_invented_number_would_be_found() -> None:
    """Times, amounts and dates are compared whole, so half of one does not pass for another."""
    assert foreign_numbers("It comes at 16:30 for £1,200.", "at 16:00, it costs £1,200.50") == {"16:30", "1,200"}
    assert foreign_numbers("Paid 42.50 on 3 May.", "42.50 was paid on 3 May") == set()


# -------------------------------------------------------------------------------------------------- the rubric and card


def test_the_rubric_adds_up() -> None:
    """Weights sum to one; every criterion has a question, levels from 0 upwards and a rule; no two share a name."""
    criteria = RUBRIC["criteria"]
    assert (RUBRIC["name"], RUBRIC["version"]) == ("summaries", "1")
    assert [one["name"] for one in criteria] == ["matter", "status", "next", "form", "faithful"]
    assert sum(one["weight"] for one in criteria) == pytest.approx(1)
    for one in criteria:
        assert set(one) == {"name", "weight", "question", "levels", "rule"}
        assert one["question"].endswith("?")
        assert list(one["levels"]) == list(range(len(one["levels"])))
        assert len(one["levels"]) >= 2
        assert all(text.endswith(".") for text in one["levels"].values())


def test_the_rules_of_the_rubric_fit_the_references() -> None:
    """What a rule covers or avoids is a key of every reference, and the form asked for is that of the references."""
    rules = {one["name"]: one["rule"] for one in RUBRIC["criteria"]}
    assert {name: rules[name] for name in GROUPS} == {name: {"covers": name} for name in GROUPS}
    assert rules["form"] == {"sentences": 2}
    assert rules["faithful"] == {"numbers_from_input": True, "avoids": "never"}


def test_domain_terms_are_those_of_the_threads() -> None:
    """Every term a judge is told about occurs in a thread, and is explained."""
    assert len(RUBRIC["domain_terms"]) >= 10
    everything = "\n".join(row["input"] for row in ITEMS).casefold()
    assert [term for term in RUBRIC["domain_terms"] if term.casefold() not in everything] == []
    assert all(text.endswith(".") for text in RUBRIC["domain_terms"].values())


def test_the_card_says_what_is_asked() -> None:
    """Name, version, instruction and the rubric are there for the loader."""
    assert (CARD["name"], CARD["version"], CARD["output"], CARD["max_tokens"]) == ("summaries", "1", "text", 120)
    assert CARD["scorers"] == [{"rubric": {"file": "summaries-rubric.yaml"}}]
    assert (DATA / CARD["scorers"][0]["rubric"]["file"]).is_file()
    assert "exactly two sentences" in CARD["instruction"]
    assert all(isinstance(CARD[key], str) and CARD[key] for key in ("title", "question"))


def test_the_card_tells_where_the_data_come_from_and_where_they_end() -> None:
    """Provenance names author, language, scope, limits, the rules of the references and the licence."""
    wanted = {"written", "language", "stands_for", "does_not_stand_for", "references", "borders", "stakes", "tags"}
    assert wanted | {"reviewed", "personal_data", "licence"} == set(CARD["provenance"])
    assert all(isinstance(text, str) and text for text in CARD["provenance"].values())


def test_the_counts_on_the_card_are_true() -> None:
    """The card's numbers are those of the files."""
    assert CARD["counts"] == {
        "items": len(ITEMS),
        "items_per_twist": dict(Counter(row["tags"]["twist"] for row in ITEMS)),
        "examples": len(POOL),
    }


# -------------------------------------------------------------------------------------------------- nobody's own data


def test_no_thread_holds_data_of_a_real_person() -> None:
    """No address, link, telephone, card or account number that could belong to somebody."""
    assert [found for text in (*THREADS, *SUMMARIES) for found in real_looking(text)] == []


@pytest.mark.parametrize(
    "text", ["mail me: jo@gmail.com", "ring 0151 496 0000", "4111 1111 1111 1111", "+49 170 0000000", "www.shop.test/x"]
)
def test_the_search_for_personal_data_finds_it(text: str) -> None:
    """The patterns catch an ordinary address, telephone number, card number or link."""
    assert real_looking(text)
