"""The built-in job of answers from a text is what its card says: hand-written, varied, quotable, nobody's own data."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgebench
from edgebench.workloads import read_builtin
from tests.workloads.alike import jaccard, openings, too_alike, words
from tests.workloads.personal import real_looking

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
KINDS = {"answer": 72, "not-in-text": 26, "ask-back": 22}
STYLES = {"clean", "typos", "chatty", "terse"}
ASKED = "\n\nQuestion: "
#: Whole texts are long, and long English texts share their letters and little words whatever they say: of them only the
#: words are compared (the most alike of ours share 0.25). The questions alone are held to the bounds of short messages.
MOST_SHARED_WORDS = 0.45


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ITEMS = rows("grounded-answers.jsonl")
POOL = rows("grounded-answers-examples.jsonl")
CARD: dict[str, Any] = yaml.safe_load((DATA / "grounded-answers.yaml").read_text(encoding="utf-8"))
INPUTS = [row["input"] for row in (*ITEMS, *POOL)]


def policy(row: dict[str, Any]) -> str:
    return str(row["input"]).partition(ASKED)[0]


def question(row: dict[str, Any]) -> str:
    return str(row["input"]).partition(ASKED)[2]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [row for row in ITEMS if row["reference"]["kind"] == kind]


# ------------------------------------------------------------------------------------------------ how alike they are


def sharing_words(texts: list[str]) -> list[tuple[str, str]]:
    bags = [frozenset(words(text)) for text in texts]
    pairs = combinations(range(len(texts)), 2)
    return [(texts[a], texts[b]) for a, b in pairs if jaccard(bags[a], bags[b]) >= MOST_SHARED_WORDS]


def test_no_two_texts_are_near_duplicates() -> None:
    """Among items and examples together no text is a variation of another, with its question or without."""
    assert sharing_words(INPUTS) == []
    assert sharing_words([policy(row) for row in (*ITEMS, *POOL)]) == []


def test_no_two_questions_are_near_duplicates() -> None:
    """Nor does any question, taken alone, say what another says in its letters or words."""
    assert too_alike([question(row) for row in (*ITEMS, *POOL)]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Returns at Alba. Goods may be sent back within 14 days. Sale items are exchanged. Postage is paid by you.",
            "Returns at Berg. Goods may be sent back within 30 days. Gift items are exchanged. Postage is paid by us.",
        ),
        (
            "Members of the gym may enter from 6.00 to 22.00. Guests pay £5. Lockers are emptied at night by staff.",
            "Members of the pool may enter from 7.00 to 21.00. Guests pay £8. Lockers are emptied at night by us.",
        ),
    ],
)
def test_the_bound_on_words_catches_a_filled_in_text(one: str, other: str) -> None:
    """Two fillings of one policy are found, so a generated data set could not pass."""
    assert sharing_words([one, other]) == [(one, other)]


def test_no_opening_is_a_habit() -> None:
    """No three first words of a question come more than twice, no two more than four times; no two texts open alike."""
    asked = [question(row) for row in (*ITEMS, *POOL)]
    assert max(openings(asked, 3).values()) <= 2
    assert max(openings(asked, 2).values()) <= 4
    assert max(openings(INPUTS, 3).values()) == 1


# ----------------------------------------------------------------------------------------------- complete and balanced


def test_every_item_has_the_shape_readers_expect() -> None:
    """Ids run from ga-001 on; the keys of rows, references and tags are the same, in the same order, in all of them."""
    assert [row["id"] for row in ITEMS] == [f"ga-{number:03}" for number in range(1, len(ITEMS) + 1)]
    assert {tuple(row) for row in ITEMS} == {("id", "input", "reference", "tags", "stakes")}
    assert {tuple(row["reference"]) for row in ITEMS} == {("kind", "answers", "quotes", "asks_about")}
    tags = ("kind", "domain", "style", "steps")
    assert {tuple(row["tags"]) for row in ITEMS} == {tags, (*tags, "without_quotes")}
    assert {row["tags"].get("without_quotes") for row in ITEMS if row["reference"]["kind"] != "answer"} == {None}


def test_every_input_is_one_text_and_one_question() -> None:
    """A text of 40 to 140 words that belongs to this item alone, a blank line, and what the person asks."""
    assert [text for text in INPUTS if text.count(ASKED) != 1 or text.count("\n\n") != 1 or text != text.strip()] == []
    assert [row["id"] for row in ITEMS if not 40 <= len(policy(row).split()) <= 140] == []
    assert len({policy(row) for row in (*ITEMS, *POOL)}) == len(INPUTS)
    assert all(question(row).strip() for row in (*ITEMS, *POOL))


def test_the_kinds_are_as_many_as_promised() -> None:
    """72 to answer, 26 the text does not settle, 22 to ask back; the tag says what the reference says."""
    assert Counter(row["reference"]["kind"] for row in ITEMS) == KINDS
    assert [row["id"] for row in ITEMS if row["tags"]["kind"] != row["reference"]["kind"]] == []


def test_the_kinds_are_mixed() -> None:
    """Any 24 rows in a stretch hold all three kinds, so the first rows of the file are no special case."""
    kinds = [row["reference"]["kind"] for row in ITEMS]
    assert all(set(kinds[at : at + 24]) == set(KINDS) for at in range(len(kinds) - 23))


def test_a_reference_holds_what_its_kind_needs_and_nothing_else() -> None:
    """Key strings and quotes with an answer, words to ask about with a question back, nothing with a silent text."""
    filled = {"answer": (True, True, False), "not-in-text": (False, False, False), "ask-back": (False, False, True)}
    got = {
        row["id"]: tuple(bool(row["reference"][key]) for key in ("answers", "quotes", "asks_about")) for row in ITEMS
    }
    assert [row["id"] for row in ITEMS if got[row["id"]] != filled[row["reference"]["kind"]]] == []


def test_every_quote_stands_in_its_text_letter_for_letter() -> None:
    """Each span is found exactly once in the policy, is long enough to carry something and short enough to repeat."""
    spans = [(row, span) for row in ITEMS for span in row["reference"]["quotes"]]
    assert [(row["id"], span) for row, span in spans if policy(row).count(span) != 1] == []
    assert [(row["id"], span) for row, span in spans if not 4 <= len(span.split()) <= 45 or span != span.strip()] == []


def test_two_steps_mean_two_quotes() -> None:
    """The tag "two" is on exactly those items whose answer needs two places of the text; they are at least a sixth."""
    assert {row["tags"]["steps"] for row in ITEMS} == {"one", "two"}
    assert all(len(row["reference"]["quotes"]) <= 2 for row in ITEMS)
    two = [row["id"] for row in ITEMS if row["tags"]["steps"] == "two"]
    assert two == [row["id"] for row in ITEMS if len(row["reference"]["quotes"]) == 2]
    assert len(two) >= KINDS["answer"] / 6


def test_key_strings_are_short_and_told_once() -> None:
    """At most three words or so, lower case, no string twice in an item."""
    for row in ITEMS:
        for keys in (row["reference"]["answers"], row["reference"]["asks_about"]):
            assert len(set(keys)) == len(keys), row["id"]
            assert all(key == key.strip().lower() and 0 < len(key) <= 25 for key in keys), row["id"]


def test_yes_and_no_come_first_and_about_equally_often() -> None:
    """A model that always says no, or always yes, is right no more often than one that tosses a coin."""
    first = Counter(row["reference"]["answers"][0] for row in of_kind("answer"))
    assert [row["id"] for row in ITEMS if {"yes", "no"} & set(row["reference"]["answers"][1:])] == []
    assert first["yes"] + first["no"] >= 40
    assert abs(first["yes"] - first["no"]) <= 4


def test_what_is_asked_back_is_what_the_text_turns_on() -> None:
    """The fact that is missing has a name in the text: some key word of it is found there."""
    for row in of_kind("ask-back"):
        assert any(key in policy(row).lower() for key in row["reference"]["asks_about"]), row["id"]


def test_tags_are_from_the_list_and_domains_are_many() -> None:
    """Four styles, each with at least 20 questions; at least 25 domains, none with more than a tenth of the items."""
    styles = Counter(row["tags"]["style"] for row in ITEMS)
    domains = Counter(row["tags"]["domain"] for row in ITEMS)
    assert set(styles) == STYLES and min(styles.values()) >= 20
    assert len(domains) >= 25 and max(domains.values()) <= len(ITEMS) / 10
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)?", domain) for domain in domains)


def test_every_kind_is_asked_in_every_style() -> None:
    """No way of writing gives the kind away."""
    assert {(row["tags"]["kind"], row["tags"]["style"]) for row in ITEMS} == {(k, s) for k in KINDS for s in STYLES}


def test_stakes_run_from_harmless_to_severe() -> None:
    """All four levels occur, the severe ones in 5 to 15 % of the items and in every kind."""
    counted = Counter(row["stakes"] for row in ITEMS)
    assert set(counted) == {1, 2, 3, 4}
    assert 0.05 <= counted[4] / len(ITEMS) <= 0.15
    assert counted[1] + counted[2] > counted[3] + counted[4]
    assert {row["tags"]["kind"] for row in ITEMS if row["stakes"] == 4} == set(KINDS)


def test_questions_are_as_long_and_short_as_people_write() -> None:
    """From a handful of words to a whole story."""
    lengths = [len(question(row).split()) for row in ITEMS]
    assert sum(length <= 10 for length in lengths) >= 8
    assert sum(length >= 35 for length in lengths) >= 15


# ------------------------------------------------------------------------------------------------------ the examples


def test_an_example_shows_the_answer_a_model_should_give() -> None:
    """The reference of an example is the object asked for, key by key in the order of the schema."""
    assert {tuple(row) for row in POOL} == {("input", "reference")}
    assert {tuple(row["reference"]) for row in POOL} == {tuple(CARD["schema"]["properties"])}
    assert all(row["reference"]["answer"] for row in POOL)


def test_examples_quote_their_text_or_nothing() -> None:
    """An answer's quote stands in the text; the other kinds quote nothing, and asking back ends in a question mark."""
    for row in POOL:
        shown = row["reference"]
        assert bool(shown["quote"]) == (shown["kind"] == "answer")
        assert shown["quote"] in policy(row)
        assert shown["answer"].endswith("?") == (shown["kind"] == "ask-back")
        assert (shown["answer"] == "The text does not say.") == (shown["kind"] == "not-in-text")


def test_examples_are_never_measured() -> None:
    """Every kind has at least three examples; no text of theirs is among the items."""
    assert min(Counter(row["reference"]["kind"] for row in POOL)[kind] for kind in KINDS) >= 3
    assert not {policy(row) for row in POOL} & {policy(row) for row in ITEMS}


# ------------------------------------------------------------------------------------------------------------- the card


def test_the_card_says_what_is_asked() -> None:
    """Name, version, instruction, scorer and schema are there for the loader; the instruction names all three kinds."""
    assert (CARD["name"], CARD["version"], CARD["output"], CARD["max_tokens"]) == ("grounded-answers", "1", "json", 160)
    assert CARD["scorers"] == ["grounded"]
    assert all(f'"{word}"' in CARD["instruction"] for word in (*KINDS, *CARD["schema"]["properties"]))
    assert all(isinstance(CARD[key], str) and CARD[key] for key in ("title", "question"))
    assert read_builtin("grounded-answers").title == CARD["title"]


def test_the_schema_is_that_of_the_answer() -> None:
    """Three texts, all required, nothing else; the kind is one of three."""
    schema = CARD["schema"]
    assert schema["type"] == "object" and schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["kind", "answer", "quote"]
    assert {field["type"] for field in schema["properties"].values()} == {"string"}
    assert schema["properties"]["kind"]["enum"] == list(KINDS)


def test_the_card_tells_where_the_data_come_from_and_where_they_end() -> None:
    """Provenance names author, language, scope, limits, the borders between the kinds and the licence."""
    wanted = {"written", "language", "stands_for", "does_not_stand_for", "borders", "stakes", "tags", "reviewed"}
    assert wanted | {"personal_data", "licence"} <= set(CARD["provenance"])
    assert all(isinstance(text, str) and text for text in CARD["provenance"].values())


def test_the_counts_on_the_card_are_true() -> None:
    """The card's numbers are those of the files."""
    first = Counter(row["reference"]["answers"][0] for row in of_kind("answer"))
    assert CARD["counts"] == {
        "items": len(ITEMS),
        "items_by_kind": dict(Counter(row["reference"]["kind"] for row in ITEMS)),
        "two_steps": sum(row["tags"]["steps"] == "two" for row in ITEMS),
        "silent_without_quotes": sum(row["tags"].get("without_quotes") == "silent" for row in ITEMS),
        "answered_yes": first["yes"],
        "answered_no": first["no"],
        "examples": len(POOL),
        "examples_by_kind": dict(Counter(row["reference"]["kind"] for row in POOL)),
    }


# -------------------------------------------------------------------------------------------------- nobody's own data


def test_no_text_holds_data_of_a_real_person() -> None:
    """No address, link, telephone, card or account number that could belong to somebody."""
    assert [found for text in INPUTS for found in real_looking(text)] == []


@pytest.mark.parametrize(
    "text", ["mail me: jo@gmail.com", "ring 0151 496 0000", "4111 1111 1111 1111", "www.shop.test/x"]
)
def test_the_search_for_personal_data_finds_it(text: str) -> None:
    """The patterns catch an ordinary address, telephone number, card number or link."""
    assert real_looking(text)
