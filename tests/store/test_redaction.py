"""What is stored of people's texts under each policy."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from edgebench import redacting
from edgebench.records import (
    Answer,
    Call,
    Example,
    Failure,
    Item,
    Message,
    Plan,
    Record,
    Request,
    Score,
    Task,
    Workload,
)
from edgebench.store import open_store
from edgebench.store.redaction import Policy, claim, hashed, is_hashed
from tests.builders import Arm, run
from tests.store.nouns import TEXT

SECRET = "i am rosa.gomez@example.com, call +49 30 901820"


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_hashing_twice_is_hashing_once(text: str) -> None:
    """Hashes are left alone, and so is nothing at all."""
    assert hashed(hashed(text)) == hashed(text)
    assert is_hashed(hashed(text)) == bool(text)


def test_a_run_may_say_how_much_is_found() -> None:
    """The claim can be had where the policy is."""
    assert claim() == redacting.claim()


# --------------------------------------------------------------------------------------------------- policies


def made(output: str = "choice", reference: object = "refund") -> tuple[Workload, Record]:
    item = Item(id="1", input=SECRET, reference=reference)
    chat = Item(id="2", input=(Message("user", SECRET),), reference=reference)
    choices = ("refund", "login") if output == "choice" else ()
    task = Task(output=output, instruction="Pick.", choices=choices)  # type: ignore[arg-type]
    workload = Workload("w", (item, chat), task, (), pool=(Example(SECRET, "login"),))
    request = Request((Message("system", "Pick."), Message("user", SECRET)), SECRET, item_digest=item.digest)
    call = Call("answer", 0, request=request, text=" Refund.\n", failure=Failure("malformed", f"got {SECRET}"))
    return workload, Record("t/0", "t", "s", item.digest, 0, 0, 0, 1, (call,), Answer(" Refund.\n", 0.5))


@pytest.mark.parametrize(("policy", "mark"), [("redact", "[e-mail]"), ("hash", "sha256:")])
def test_no_word_of_a_person_is_stored(tmp_path: Path, policy: str, mark: str) -> None:
    """Neither items, requests, examples nor failure messages hold the text; the file does not either."""
    workload, record = made()
    base = run({"a": Arm()})
    plan: Plan = replace(base.plan, texts=policy)  # type: ignore[arg-type]
    with open_store(tmp_path / "r.db") as store:
        store.begin("r", plan, workload, (), created_at="x")
        store.append("r", [record])
        store.add_scores("r", [Score("t/0", "label", "1", 1.0, "refund", SECRET)])
        loaded = store.load("r")
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"rosa" not in content
    assert mark.encode() in content
    assert [item.digest for item in loaded.workload.items] == [item.digest for item in workload.items]
    assert loaded.workload.digest == workload.digest
    assert loaded.records[0].answer == record.answer, "the answer is a label: a verdict, not a person's text"


def test_a_resumed_run_keeps_its_policy(tmp_path: Path) -> None:
    """The policy is the run's, not the process's: a second opening of the store hashes too."""
    workload, record = made()
    plan = replace(run({"a": Arm()}).plan, texts="hash")
    with open_store(tmp_path / "r.db") as store:
        store.begin("r", plan, workload, (), created_at="x")
    with open_store(tmp_path / "r.db") as store:
        store.append("r", [record])
    connection = sqlite3.connect(tmp_path / "r.db")
    assert all("rosa" not in body for (body,) in connection.execute("SELECT body FROM texts"))
    connection.close()


@pytest.mark.parametrize(
    ("output", "reference", "answer", "kept"),
    [
        ("choice", "refund", "login", True),
        ("choice", "refund", ' "LOGIN". ', True),
        ("choice", "refund", "(B)", True),
        ("choice", "refund", "I think login", False),
        ("text", "Paris", "paris", True),
        ("text", ["Paris", "Lutetia"], "Lutetia", True),
        ("text", "Paris", "my name is Rosa", False),
        ("number", 42, "42", True),
        ("number", 42, "43", False),
    ],
)
def test_answers_that_are_verdicts_stay_and_others_are_hashed(
    output: str, reference: object, answer: str, kept: bool
) -> None:
    """A label, its letter or the item's own reference stays readable, so that it can be scored."""
    workload, record = made(output, reference)
    changed = Policy("hash", workload).record(replace(record, answer=Answer(answer)))
    assert changed.answer is not None
    assert changed.answer.text == (answer if kept else hashed(answer))


def test_keeping_changes_nothing() -> None:
    workload, record = made()
    policy = Policy("keep", workload)
    assert policy.workload(workload) is workload
    assert policy.record(record) is record
