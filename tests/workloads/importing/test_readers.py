"""Every kind of log is recognised by its content and gives the cases that are in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgebench.errors import DataError
from edgebench.records import Message
from edgebench.workloads.importing.found import Found
from edgebench.workloads.importing.gathering import Gathered, gather
from edgebench.workloads.importing.recognise import FORMATS
from tests.workloads.importing import written
from tests.workloads.importing.written import ASKED, LOGS, RIGHT, lines, put


def read(folder: Path, name: str, content: str | bytes, **options: Any) -> Gathered:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return gather([file], **options)


def found(gathered: Gathered) -> list[Found]:
    return [case.found for case in gathered.cases]


@pytest.mark.parametrize("name", LOGS)
def test_each_log_is_recognised_and_read(tmp_path: Path, name: str) -> None:
    """Three messages come out of each, with right answers where somebody wrote some; a sentence says what it is."""
    _, format, labelled = LOGS[name]
    gathered = gather([put(tmp_path, name)])
    assert [one.asked for one in found(gathered)] == list(ASKED)
    assert gathered.sources[0].format == format
    assert name in gathered.sentences[0]
    references = [one.reference for one in found(gathered)]
    right: list[Any] = [*RIGHT[:2], ["cancel", "cancellation"]] if name == "promptfoo.yaml" else list(RIGHT)
    assert references == (right if labelled else [None] * 3)
    assert gathered.broken == 0


@pytest.mark.parametrize("name", LOGS)
def test_a_format_that_is_named_is_read_as_such(tmp_path: Path, name: str) -> None:
    """Naming the format that would be recognised gives the same cases."""
    file = put(tmp_path, name)
    assert found(gather([file], format=LOGS[name][1])) == found(gather([file]))


def test_every_format_has_a_log_here() -> None:
    assert {format for _, format, _ in LOGS.values()} == set(FORMATS)


# --------------------------------------------------------------------------------------------------- chats


def test_a_conversation_of_one_turn_keeps_its_label(tmp_path: Path) -> None:
    """The label of a row with one answered message is about that message; of several turns nobody knows which."""
    one = [{"role": "user", "content": "where is my order"}, {"role": "assistant", "content": "on its way"}]
    rows = [{"messages": one, "label": "status"}, {"messages": [*one, *one], "label": "status"}]
    gathered = read(tmp_path, "labelled.jsonl", lines(rows))
    assert [case.reference for case in found(gathered)] == ["status", None, None]


def test_one_case_for_every_answered_turn_of_a_conversation(tmp_path: Path) -> None:
    """A turn that nobody answered is none; each case has all that came before it, and they share a conversation."""
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hello! How can I help?"},
        {"role": "user", "content": "my kettle is broken"},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": [{"type": "text", "text": "Which one?"}]},
        {"role": "user", "content": "the red one"},
        {"role": "assistant", "content": "Thank you."},
    ]
    cases = found(read(tmp_path, "a.jsonl", lines([{"messages": talk, "topic_id": 1}])))
    assert [one.asked for one in cases] == ["hello", "my kettle is broken", "the red one"]
    assert [turn.role for turn in cases[1].turns] == ["system", "user", "assistant", "user"]
    assert len({one.conversation for one in cases}) == 1
    assert cases[0].conversation


def test_of_a_request_only_the_last_turn_is_a_case(tmp_path: Path) -> None:
    """A log of requests holds a growing conversation again and again; each request is one case."""
    rows = [
        {
            "messages": written.chat("and now?", (("user", "hello"), ("assistant", "Hi."))),
            "response": written.answer("Done."),
        },
        {"messages": written.chat("hello"), "response": {"error": {"message": "overloaded"}}},
        {"messages": written.chat("hello again"), "response": {"status_code": 500, "body": {}}},
    ]
    gathered = read(tmp_path, "a.jsonl", lines(rows))
    assert [[turn.content for turn in one.turns] for one in found(gathered)] == [["hello", "Hi.", "and now?"]]
    assert gathered.passed == {"a request that was not answered": 2}


def test_a_batch_is_put_together_from_two_files(tmp_path: Path) -> None:
    """Requests and answers stand in different files under one id; a request that failed was not answered."""
    (tmp_path / "in.jsonl").write_text(written.batch_input())
    (tmp_path / "out.jsonl").write_text(written.batch_output(failed=(1,)))
    gathered = gather([tmp_path / "in.jsonl", tmp_path / "out.jsonl"])
    assert [one.asked for one in found(gathered)] == [ASKED[0], ASKED[2]]
    assert gathered.passed["a request that was not answered"] == 1
    with pytest.raises(DataError, match="whose request stands in the file that was sent"):
        gather([tmp_path / "out.jsonl"])


def test_bodies_kept_as_text_are_opened(tmp_path: Path) -> None:
    """Many gateways keep the JSON of a request as a text."""
    rows = [{"request_body": json.dumps({"model": "m", "messages": written.chat(asked)}),
             "response_body": json.dumps(written.answer("Yes."))} for asked in ASKED]  # fmt: skip
    assert [one.asked for one in found(read(tmp_path, "a.jsonl", lines(rows)))] == list(ASKED)


def test_pictures_are_passed_over(tmp_path: Path) -> None:
    """A message with an image cannot be asked as text."""
    picture = [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    rows = [{"messages": [{"role": "user", "content": content}], "response": written.answer("A cat.")}
            for content in (picture, "what is that")]  # fmt: skip
    gathered = read(tmp_path, "a.jsonl", lines(rows))
    assert [one.asked for one in found(gathered)] == ["what is that"]
    assert gathered.passed == {"a message with an image, a file or no text": 1}


def test_metadata_and_model_become_tags(tmp_path: Path) -> None:
    """What was sent along may make slices; ids and times do not."""
    row = {"request": {"model": "m", "messages": written.chat("hi there"),
                       "metadata": {"channel": "web", "user_id": "7"}},
           "response": written.answer("Hi."), "team": "north", "timestamp": "2026-01-01"}  # fmt: skip
    assert found(read(tmp_path, "a.jsonl", lines([row])))[0].tags == {"model": "m", "channel": "web", "team": "north"}


# --------------------------------------------------------------------------------------------------- spans


def test_spans_that_are_no_answered_model_call_are_passed_over(tmp_path: Path) -> None:
    """Tools, failures and spans whose content was not recorded."""
    base = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(written.chat("hello you"))}
    spans = [
        {"name": "chat", "attributes": base},
        {"name": "chat", "attributes": {**base, "gen_ai.output.messages": "[1]", "error.type": "timeout"}},
        {"name": "chat", "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}},
        {"name": "embeddings", "attributes": {"gen_ai.operation.name": "embeddings"}},
        {"name": "chat", "attributes": {**base, "gen_ai.output.messages": "[1]", "gen_ai.conversation.id": "c1"}},
    ]
    gathered = read(tmp_path, "a.jsonl", lines(spans))
    assert [one.conversation for one in found(gathered)] == ["c1"]
    assert gathered.passed["a request that was not answered"] == 2
    assert gathered.passed["a span that is no model call"] == 1
    assert gathered.passed["a span without messages (was content recorded?)"] == 1


def test_system_instructions_come_first(tmp_path: Path) -> None:
    attributes = {"gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be kind."}]),
                  "gen_ai.input.messages": json.dumps(written.chat("hello you")),
                  "gen_ai.output.messages": "[1]"}  # fmt: skip
    (one,) = found(read(tmp_path, "a.jsonl", lines([{"name": "chat", "attributes": attributes}])))
    assert one.turns == (Message("system", "Be kind."), Message("user", "hello you"))


# --------------------------------------------------------------------------------------------------- tables


def test_columns_are_known_by_name_or_by_their_texts_or_as_told(tmp_path: Path) -> None:
    """Known names first; else the longest texts, which is said; else what the person says."""
    content = "nr,Beschreibung,Ziel\n1,der Wasserkocher ist leider kaputt,A\n2,wo bleibt nur mein Paket,B\n"
    gathered = read(tmp_path, "a.csv", content)
    assert found(gathered)[0].asked == "der Wasserkocher ist leider kaputt"
    assert any("its texts are the longest" in sentence for sentence in gathered.sentences)
    gathered = read(tmp_path, "a.csv", content, text="nr", reference="Ziel")
    assert [(one.asked, one.reference) for one in found(gathered)] == [("1", "A"), ("2", "B")]
    with pytest.raises(DataError, match="no column 'Nummer'"):
        read(tmp_path, "a.csv", content, text="Nummer")
    with pytest.raises(DataError, match="nothing that looks like a message"):
        read(tmp_path, "a.csv", "a,b\n1,2\n")


def test_rows_of_one_conversation_are_its_turns(tmp_path: Path) -> None:
    """A row for each turn, mixed up with other conversations; who is neither asks nor answers."""
    content = (
        "conversation_id,role,message\n1,user,hello\n2,user,my parcel is late\n1,assistant,Hi!\n2,bot,Which one?\n"
        "1,user,a question\n2,note,angry\n2,customer,the big one\n1,assistant,Yes?\n2,agent,Thanks.\n"
        "1,user,never mind\n"
    )
    gathered = read(tmp_path, "a.csv", content)
    assert [(one.conversation, one.asked, len(one.turns)) for one in found(gathered)] == [
        ("1", "hello", 1), ("1", "a question", 3), ("2", "my parcel is late", 1), ("2", "the big one", 3)]  # fmt: skip
    assert gathered.passed == {"a row of nobody who asks or answers": 1}


def test_what_a_model_answered_is_no_reference(tmp_path: Path) -> None:
    """A column of responses tells which messages were answered, not what would have been right."""
    gathered = read(tmp_path, "a.csv", "prompt,response\nwhere is my parcel,It is late.\nanybody there?,\n")
    assert [(one.asked, one.reference) for one in found(gathered)] == [("where is my parcel", None)]
    assert gathered.passed == {"a message that was not answered": 1}


# --------------------------------------------------------------------------------------------------- other tools


def test_promptfoos_variables_fill_its_prompt_and_make_combinations(tmp_path: Path) -> None:
    """Several variables fill the placeholders; lists are combined; files and templates with logic are not followed."""
    content = """\
prompts: ["Translate to {{language}}: {{text}}"]
tests:
  - vars: {language: [French, German], text: Hello}
  - vars: {text: "file://secret.txt", language: French}
  - file://more.yaml
"""
    gathered = read(tmp_path, "a.yaml", content)
    assert [one.asked for one in found(gathered)] == ["Translate to French: Hello", "Translate to German: Hello"]
    assert gathered.passed == {"a test whose variables stand in another file": 1}
    assert any("file://more.yaml" in sentence for sentence in gathered.sentences)
    logic = read(tmp_path, "a.yaml", content.replace('"Translate', '"{% if a %}Translate'))
    assert found(logic)[0].asked == "language: French\ntext: Hello"


def test_choices_of_other_tools_make_letters(tmp_path: Path) -> None:
    """A right answer among choices becomes its letter, whatever way it is written."""
    options = ["north", "south", "east"]
    rows = [{"input": "Which way?", "choices": options, "target": target} for target in ("B", "south")]
    assert [one.reference for one in found(read(tmp_path, "a.jsonl", lines(rows)))] == ["B", "B"]
    sample = {"doc_id": 0, "doc": {"query": "Which way?"}, "target": 1, "resps": [],
              "arguments": [["Which way?", f" {option}"] for option in options]}  # fmt: skip
    (one,) = found(read(tmp_path, "samples_a.jsonl", lines([sample])))
    assert (one.choices, one.reference) == (tuple(options), "B")
    instance = {"input": {"text": "Which way?"}, "references": [
        {"output": {"text": option}, "tags": ["correct"] if option == "east" else []}
        for option in options]}  # fmt: skip
    (one,) = found(read(tmp_path, "instances.json", json.dumps([instance])))
    assert (one.choices, one.reference) == (tuple(options), "C")


def test_annotators_who_disagree_leave_no_reference(tmp_path: Path) -> None:
    """The label that most chose counts; of a draw nobody knows which is right; cancelled ones do not count."""

    def task(*labels: str, cancelled: int = -1) -> dict[str, Any]:
        done = [
            {"result": [{"value": {"choices": [label]}}], "was_cancelled": n == cancelled}
            for n, label in enumerate(labels)
        ]
        return {"data": {"text": f"a message about {labels}"}, "annotations": done}

    rows = [task("a", "a", "b"), task("a", "b"), task("a", "b", cancelled=0)]
    gathered = read(tmp_path, "a.json", json.dumps(rows))
    assert [one.reference for one in found(gathered)] == ["a", None, "b"]
    assert any("in 1 tasks the annotators disagree" in sentence for sentence in gathered.sentences)


def test_chats_sent_by_the_harness_are_opened(tmp_path: Path) -> None:
    """With chat templates lm-eval keeps the messages as a JSON text inside a list."""
    sample = {"doc_id": 0, "doc": {"id": 7}, "target": "x", "resps": [],
              "arguments": {"gen_args_0": {"arg_0": [json.dumps(written.chat("which way?"))],
                                           "arg_1": {}}}}  # fmt: skip
    assert found(read(tmp_path, "samples_a.jsonl", lines([sample])))[0].asked == "which way?"


def test_nothing_usable_is_an_error_that_says_why(tmp_path: Path) -> None:
    """What was passed over and what was broken, and how to name the format."""
    with pytest.raises(DataError, match=r"no case that can be used: 2 times a request that was not answered") as caught:
        read(tmp_path, "a.jsonl", lines([{"messages": written.chat("hm?"), "error": "x"}] * 2))
    assert "--format" in (caught.value.hint or "")
    with pytest.raises(DataError, match="there is no file"):
        gather([tmp_path / "none.jsonl"])
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path, "a.jsonl", " \n")
