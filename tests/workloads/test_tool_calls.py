"""The built-in job "tool-calls" is what its card says: hand-written, varied, well-formed, and free of real data."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgebench
from tests.workloads.alike import openings, too_alike

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
STYLES = {"clean", "dictated", "typos", "terse", "indirect"}
WEEKDAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
ROOMS = {"kitchen", "living room", "bedroom", "bathroom", "nursery", "office", "hall", "home"}
FREE = {"to", "text", "item", "title", "what", "place"}  # what a person says in words of their own


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ITEMS = rows("tool-calls.jsonl")
POOL = rows("tool-calls-examples.jsonl")
CARD: dict[str, Any] = yaml.safe_load((DATA / "tool-calls.yaml").read_text(encoding="utf-8"))
FUNCTIONS: dict[str, dict[str, str]] = CARD["functions"]
MESSAGES = [row["input"] for row in (*ITEMS, *POOL)]


def optional(function: str) -> set[str]:
    return {name for name, words in FUNCTIONS[function].items() if words.startswith("Optional;")}


def needed(function: str) -> set[str]:
    return set(FUNCTIONS[function]) - optional(function)


def plain(text: str) -> str:
    """Without case and punctuation, one space between words."""
    text = re.sub("['’]", "", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(" " if unicodedata.category(c)[0] == "P" else c for c in text).split())


# ------------------------------------------------------------------------------------------------- written one by one


def test_no_two_messages_are_near_duplicates() -> None:
    """Among items and examples together, no pair is a variation of the other; so no example gives an item away."""
    assert too_alike(MESSAGES) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("set a timer for 5 minutes please", "set a timer for 25 minutes please"),
        ("turn on the light in the kitchen", "turn on the light in the bedroom"),
        ("tell Ola I'm on my way home", "tell Beni I'm on my way home"),
        ("LIGHTS OFF", "lights off!!"),
    ],
)
def test_the_detector_catches_a_filled_in_template(one: str, other: str) -> None:
    """Two fillings of one slot template are found, so a generated data set could not pass."""
    assert too_alike([one, other]) == [(one, other)]


def test_no_opening_is_a_habit() -> None:
    """With numbers masked, no first four words come back, and hardly any first two."""
    assert max(openings(MESSAGES, 4).values()) == 1
    assert max(openings(MESSAGES, 2).values()) <= 3


# ------------------------------------------------------------------------------------------------ complete and varied


def test_there_are_enough_items_with_ids_of_their_own() -> None:
    """120 items numbered in order, every text once, in the shape every reader expects."""
    assert [row["id"] for row in ITEMS] == [f"tc-{number:03d}" for number in range(1, 121)]
    assert all(list(row) == ["id", "input", "reference", "tags", "stakes"] for row in ITEMS)
    assert len(set(MESSAGES)) == len(MESSAGES)
    assert all(message == " ".join(message.split()) and message for message in MESSAGES)


def test_every_function_is_asked_for() -> None:
    """Each function has at least 7 items, asking back at least 12, and doing nothing at least 8."""
    counted = Counter(row["reference"]["name"] for row in ITEMS)
    assert set(counted) == set(FUNCTIONS)
    assert min(counted.values()) >= 7
    assert counted["ask_back"] >= 12 and counted["none"] >= 8


def test_the_example_pool_shows_every_function() -> None:
    """Few-shot prompting finds an example of each function, with one right answer and no alternatives."""
    assert len(POOL) == 14
    assert all(list(row) == ["input", "reference"] for row in POOL)
    assert all(list(row["reference"]) == ["name", "arguments"] for row in POOL)
    assert {row["reference"]["name"] for row in POOL} == set(FUNCTIONS)


def test_asking_back_is_about_many_things() -> None:
    """What is missing varies, and it is always the name of an argument that some function needs."""
    askable = set().union(*(needed(function) for function in FUNCTIONS if function != "ask_back"))
    counted = Counter(row["reference"]["arguments"]["about"] for row in ITEMS if row["tags"]["function"] == "ask_back")
    assert set(counted) <= askable
    assert len(counted) >= 8 and max(counted.values()) <= 4


def test_rooms_days_and_lists_are_all_used() -> None:
    """No value of an enumeration is there for show."""
    used: dict[str, set[Any]] = {}
    for row in ITEMS:
        for name, value in row["reference"]["arguments"].items():
            used.setdefault(name, set()).add(value)
    assert used["room"] == ROOMS
    assert used["day"] == WEEKDAYS | {"today", "tomorrow"}
    assert used["list"] == {"shopping", "todo", "packing"}
    assert used["state"] == {"on", "off"}


def test_tags_are_complete_and_true() -> None:
    """Every item says its function, its style and how many arguments its reference has."""
    for row in ITEMS:
        tags, reference = row["tags"], row["reference"]
        assert list(tags) == ["function", "style", "arguments"]
        assert tags["function"] == reference["name"], row["id"]
        many = len(reference["arguments"])
        assert tags["arguments"] == ("none" if many == 0 else "one" if many == 1 else "several"), row["id"]
    counted = Counter(row["tags"]["style"] for row in ITEMS)
    assert set(counted) == STYLES
    assert min(counted.values()) >= 10


def test_the_dictated_and_terse_tags_are_true() -> None:
    """Dictated messages have neither punctuation nor capitals; terse ones are short."""
    by_style = {style: [row["input"] for row in ITEMS if row["tags"]["style"] == style] for style in STYLES}
    assert [text for text in by_style["dictated"] if re.search(r"[.,:;!?\"]", text) or text != text.lower()] == []
    assert [text for text in by_style["terse"] if len(text) > 40] == []


def test_stakes_run_from_harmless_to_severe() -> None:
    """All four levels occur; the severe ones are few, but spread over most functions."""
    counted = Counter(row["stakes"] for row in ITEMS)
    assert set(counted) == {1, 2, 3, 4}
    assert 0.05 <= counted[4] / len(ITEMS) <= 0.15
    assert counted[1] + counted[2] > counted[3] + counted[4]
    assert len({row["reference"]["name"] for row in ITEMS if row["stakes"] == 4}) >= 8


def test_messages_are_as_long_and_short_as_people_speak() -> None:
    """From a word or two to a little story."""
    lengths = [len(row["input"]) for row in ITEMS]
    assert sum(length <= 15 for length in lengths) >= 5
    assert sum(length >= 80 for length in lengths) >= 15


# --------------------------------------------------------------------------------------------------- the references


def fault(name: str, value: Any) -> str | None:
    """What is wrong with the value of an argument; None when nothing is."""
    whole = {"minutes": (1, 1440), "celsius": (5, 30), "brightness": (1, 100)}
    words = {
        "day": WEEKDAYS | {"today", "tomorrow"},
        "room": ROOMS,
        "list": {"shopping", "todo", "packing"},
        "state": {"on", "off"},
    }
    if name in whole:
        low, high = whole[name]
        return None if type(value) is int and low <= value <= high else f"{name} {value!r} is no integer in range"
    if not isinstance(value, str) or not value or value != " ".join(value.split()):
        return f"{name} {value!r} is no tidy text"
    if name in words:
        return None if value in words[name] else f"{name} {value!r} is not in the list"
    if name == "time":
        return None if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) else f"time {value!r} is not HH:MM"
    if name in ("language", "about"):
        return None if re.fullmatch(r"[a-z]+", value) else f"{name} {value!r} is not one word in small letters"
    return None if name in FREE else f"no argument is called {name}"


def faults(reference: Mapping[str, Any]) -> list[str]:
    """What is wrong with a reference: unknown names, arguments missing, values out of form."""
    function, arguments = reference["name"], reference["arguments"]
    if function not in FUNCTIONS:
        return [f"no function is called {function}"]
    found = [f"{function} has no {name}" for name in arguments if name not in FUNCTIONS[function]]
    found += [f"{function} lacks {name}" for name in sorted(needed(function) - set(arguments))]
    return found + [words for name, value in arguments.items() if (words := fault(name, value)) is not None]


def test_every_reference_is_a_call_that_could_be_made() -> None:
    """The function is known, no needed argument is missing, none is unknown, and every value has its form."""
    assert [(row["input"], faults(row["reference"])) for row in (*ITEMS, *POOL) if faults(row["reference"])] == []


@pytest.mark.parametrize(
    "reference",
    [
        {"name": "boil_kettle", "arguments": {}},
        {"name": "set_timer", "arguments": {}},
        {"name": "set_timer", "arguments": {"minutes": "12"}},
        {"name": "set_timer", "arguments": {"minutes": True}},
        {"name": "set_timer", "arguments": {"minutes": 12, "label": "eggs"}},
        {"name": "set_alarm", "arguments": {"time": "7:30"}},
        {"name": "set_alarm", "arguments": {"time": "24:00"}},
        {"name": "create_event", "arguments": {"title": "dentist", "day": "Friday", "time": "14:30"}},
        {"name": "lights", "arguments": {"state": "dim"}},
        {"name": "play", "arguments": {"what": "jazz", "room": "garage"}},
        {"name": "translate", "arguments": {"text": "hello", "language": "French"}},
        {"name": "none", "arguments": {"about": "time"}},
    ],
)
def test_the_check_of_references_finds_what_is_wrong(reference: dict[str, Any]) -> None:
    """An unknown function or argument, a missing one, a wrong type or form is noticed."""
    assert faults(reference)


def test_arguments_stand_in_the_order_of_the_card() -> None:
    """So that a model shown examples always sees the same order."""
    for row in (*ITEMS, *POOL):
        names = list(row["reference"]["arguments"])
        assert names == [name for name in FUNCTIONS[row["reference"]["name"]] if name in names], row["input"]


def test_brightness_goes_with_light() -> None:
    """A light switched off has no brightness."""
    given = [row["reference"]["arguments"] for row in ITEMS if row["reference"]["name"] == "lights"]
    assert all(arguments["state"] == "on" for arguments in given if "brightness" in arguments)


def test_other_wordings_are_for_free_text_and_differ_in_words() -> None:
    """``also`` belongs to arguments that are there, and nothing in it repeats another but for case and punctuation."""
    assert all(set(row["reference"]) <= {"name", "arguments", "also"} for row in ITEMS)
    for row in ITEMS:
        reference = row["reference"]
        assert set(reference.get("also", {})) <= FREE & set(reference["arguments"]), row["id"]
        for name, others in reference.get("also", {}).items():
            texts = [plain(text) for text in (reference["arguments"][name], *others)]
            assert others and all(texts) and len(set(texts)) == len(texts), row["id"]


def test_free_text_is_the_persons_own() -> None:
    """What is sent, noted, named or played stands in the message in one of the accepted wordings."""
    for row in (*ITEMS, *POOL):
        reference = row["reference"]
        for name in FREE & set(reference["arguments"]):
            accepted = [reference["arguments"][name], *reference.get("also", {}).get(name, [])]
            said = any(f" {plain(text)} " in f" {plain(row['input'])} " for text in accepted)
            assert said or accepted == ["emergency"], row["input"]


def test_what_is_not_said_is_not_in_the_call() -> None:
    """A room stands in the message by name, or everywhere is meant; a weekday is named, but for misspellings."""
    everywhere = re.compile(r"everywhere|whole house|every room")
    for row in (*ITEMS, *POOL):
        arguments, text = row["reference"]["arguments"], row["input"].lower()
        if row.get("tags", {}).get("style") == "typos" or "livng" in text:
            continue
        if (room := arguments.get("room")) is not None:
            assert everywhere.search(text) if room == "home" else room in text, row["input"]
        if (day := arguments.get("day")) in WEEKDAYS | {"tomorrow"}:
            assert day in text, row["input"]


# ------------------------------------------------------------------------------------------------------------- the card


def test_the_card_says_what_is_asked() -> None:
    """Name, version, kind of answer, scorer and room for the answer are there for the loader."""
    assert (CARD["name"], CARD["version"], CARD["output"], CARD["max_tokens"]) == ("tool-calls", "1", "json", 96)
    assert CARD["scorers"] == ["tool-call"]
    assert all(isinstance(CARD[key], str) and CARD[key] for key in ("title", "question", "instruction"))
    assert "one JSON object and nothing else" in CARD["instruction"]


def test_the_instruction_lists_the_functions_of_the_card() -> None:
    """Every function stands there once with its arguments in order, the optional ones marked."""
    told = dict(re.findall(r"^- (\w+)\(([^)]*)\): ", CARD["instruction"], re.MULTILINE))
    wanted = {
        function: ", ".join(f"{name}?" if name in optional(function) else name for name in arguments)
        for function, arguments in FUNCTIONS.items()
    }
    assert told == wanted
    assert all(value in CARD["instruction"] for value in ROOMS | {"shopping", "todo", "packing", "emergency"})


def test_the_schema_names_the_functions_of_the_card() -> None:
    """The schema asks for a name among the functions and an object of arguments, and nothing else."""
    schema = CARD["schema"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == (
        "object",
        ["name", "arguments"],
        False,
    )
    assert list(schema["properties"]) == ["name", "arguments"]
    assert schema["properties"]["name"]["enum"] == list(FUNCTIONS)
    assert schema["properties"]["arguments"]["type"] == "object"


def test_every_argument_has_one_line() -> None:
    """Arguments are described in a sentence each; only doing nothing has none."""
    assert [function for function, arguments in FUNCTIONS.items() if not arguments] == ["none"]
    lines = [words for arguments in FUNCTIONS.values() for words in arguments.values()]
    assert all(words.endswith(".") and "\n" not in words for words in lines)


def test_the_longest_answer_fits() -> None:
    """At two characters a token, far worse than real vocabularies, the room given is enough for every reference."""
    answers = [json.dumps({key: row["reference"][key] for key in ("name", "arguments")}) for row in ITEMS]
    assert max(map(len, answers)) / 2 <= CARD["max_tokens"]


def test_the_card_tells_where_the_data_come_from_and_where_they_end() -> None:
    """Provenance names author, language, scope, limits, the rules of labelling and the licence."""
    scope = {"written", "language", "stands_for", "does_not_stand_for", "personal_data", "licence"}
    rules = {"borders", "also", "stakes", "tags", "reviewed"}
    assert scope | rules <= set(CARD["provenance"])
    assert all(isinstance(text, str) and text for text in CARD["provenance"].values())


def test_the_counts_on_the_card_are_true() -> None:
    """The card's numbers are those of the files."""
    counted = Counter(row["reference"]["name"] for row in ITEMS)
    assert CARD["counts"] == {
        "items": len(ITEMS),
        "items_per_function": {function: counted[function] for function in FUNCTIONS},
        "examples": len(POOL),
    }


# -------------------------------------------------------------------------------------------------- nobody's own data

MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
LONG_NUMBER = re.compile(r"\+?\d(?:[ .()/-]?\d){6,}")


def real_looking(text: str) -> list[str]:
    """E-mail addresses, links and numbers long enough to reach or identify somebody: this job needs none."""
    return MAIL.findall(text) + LONG_NUMBER.findall(text) + re.findall(r"https?://\S+|www\.\S+", text)


def test_no_message_or_reference_holds_data_of_a_real_person() -> None:
    """No address, link, telephone, card or account number at all."""
    texts = [json.dumps(row, ensure_ascii=False) for row in (*ITEMS, *POOL)]
    assert [found for text in texts for found in real_looking(text)] == []


@pytest.mark.parametrize(
    "text", ["mail me: jo@gmail.com", "ring 0151 496 0000", "4111 1111 1111 1111", "+49 170 0000000", "www.shop.test/x"]
)
def test_the_search_for_personal_data_finds_it(text: str) -> None:
    """The patterns catch an ordinary address, telephone number, card number or link."""
    assert real_looking(text)


def test_the_files_are_written_plainly() -> None:
    """UTF-8 with real characters, one object a line, a newline at the end and no blank lines."""
    for name in ("tool-calls.jsonl", "tool-calls-examples.jsonl"):
        text = (DATA / name).read_text(encoding="utf-8")
        lines = text.removesuffix("\n").split("\n")
        assert text.endswith("\n") and "\r" not in text
        assert lines == [json.dumps(json.loads(line), ensure_ascii=False) for line in lines]
