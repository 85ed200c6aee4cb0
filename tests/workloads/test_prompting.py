"""Promptings: what is sent for an item, and which examples are shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebench.errors import UsageError
from edgebench.records import Answer, Example, Item, Message, Request, ScorerSpec, Task, Workload
from edgebench.workloads import prompting, scorers
from tests.builders import LABELS, workload

ITEM = Item("i", "where is it", "shipping")
TASK = Task("choice", "Sort it.", LABELS, {"refund": "money back", "login": "login", "shipping": ""}, max_tokens=9)


def job(pool: int = 0, **task) -> Workload:
    """A made-up workload with ``pool`` examples of each label."""
    examples = tuple(Example(f"{label} {k}", label) for label in LABELS for k in range(pool))
    return replace(workload(6), task=replace(TASK, **task), pool=examples)


def made(spec, at: Workload, seed: int = 1):
    return prompting.build(spec)(at, np.random.default_rng(seed))


async def test_one_item_is_one_request():
    """The request carries the words apart, the labels, the limits and the item's digest; its answer is the answer."""
    asked: list[Request] = []

    async def ask(request: Request, *, role: str = "answer") -> Answer:
        asked.append(request)
        return Answer("shipping", 0.5)

    shown = made("zero-shot", job())
    assert await shown(ITEM, ask) == Answer("shipping", 0.5)
    assert asked == [
        Request(
            messages=(
                Message("system", "Sort it.\n\n- refund: money back\n- login\n- shipping"),
                Message("user", "where is it"),
            ),
            text="where is it",
            output="choice",
            choices=LABELS,
            max_tokens=9,
            item_digest=ITEM.digest,
        )
    ]
    assert (shown.name, shown.task.examples) == ("zero-shot", ())


def test_raw_adds_only_what_cannot_be_left_out():
    """No instruction, no role, no descriptions: the words and a bare line of labels or fields."""
    shown = made("raw", job())
    assert shown.request(ITEM).messages == (Message("user", "where is it\n\nrefund, login, shipping"),)
    assert shown.task.instruction == "" and shown.task.descriptions["refund"] == "refund"
    free = made("raw", job(output="text", choices=(), instruction="Be brief"))
    assert free.request(ITEM).messages == (Message("user", "where is it"),)
    fields = made("raw", job(output="json", choices=(), schema={"properties": {"name": {}, "age": {}}}))
    assert fields.request(ITEM).messages[-1].content.endswith("\n\nname, age")


def test_a_chat_keeps_its_turns_and_its_rules_are_merged():
    """The instruction and the chat's own system message become one; examples come before the chat."""
    chat = (Message("system", "Be kind"), Message("user", "hi"), Message("assistant", "yes?"), Message("user", "where"))
    item = Item("i", chat, "shipping")
    system, *turns = made("zero-shot", job()).request(item).messages
    assert system.content.startswith("Sort it.") and system.content.endswith("\n\nBe kind") and turns == list(chat[1:])
    few = made({"few-shot": {"k": 1}}, job(1)).request(item).messages
    assert [m.role for m in few] == ["system", *["user", "assistant"] * 3, "user", "assistant", "user"]
    raw = made("raw", job()).request(item)
    assert raw.messages[-1].content == "where\n\nrefund, login, shipping" and raw.text == "where"


def test_questions_with_their_own_choices_are_asked_by_letter():
    """The choices are listed as A), B), … and the letters are what may be answered."""
    item = Item("q", "colour of grass?", "B", choices=("red", "green"))
    for spec in ("raw", "zero-shot"):
        request = made(spec, job(choices=())).request(item)
        assert request.messages[-1].content == "colour of grass?\n\nA) red\nB) green"
        assert request.choices == ("A", "B") and request.text == "colour of grass?"


def test_the_schema_is_said_and_sent():
    """An answer in JSON is asked for with its schema."""
    request = made("zero-shot", job(output="json", choices=(), schema={"type": "object"})).request(ITEM)
    assert 'JSON schema: {"type":"object"}' in request.messages[0].content and request.schema == {"type": "object"}


def test_few_shot_takes_k_of_each_label_one_label_after_the_other():
    """All examples are in the task; the chat shows the first twelve, every label as often as any other."""
    shown = made({"few-shot": {"k": 5}}, job(8))
    examples = shown.task.examples
    assert shown.name == "few-shot(5)" and len(set(examples)) == 15
    for start in range(0, 15, 3):
        assert {example.reference for example in examples[start : start + 3]} == set(LABELS)
    request = shown.request(ITEM)
    assert len(request.messages) == 1 + 2 * 12 + 1
    assert request.messages[1:3] == (Message("user", examples[0].input), Message("assistant", examples[0].reference))


def test_how_many_are_shown_can_be_said_and_is_in_the_name():
    """Another number shown is another prompting."""
    every, few = (made({"few-shot": {"k": 5, "shown": shown}}, job(5)) for shown in (None, 2))
    assert (every.name, few.name) == ("few-shot(5, shown=all)", "few-shot(5, shown=2)")
    assert (len(every.turns), len(few.turns)) == (30, 4) and len(few.task.examples) == 15


def test_examples_depend_on_the_seed_and_not_on_the_order_of_the_pool():
    """The same seed shows the same examples from a pool in any order."""
    at = job(8)
    turned = replace(at, pool=at.pool[::-1])
    first = made({"few-shot": {"k": 2}}, at).task.examples
    assert made({"few-shot": {"k": 2}}, turned).task.examples == first
    assert made({"few-shot": {"k": 2}}, at, seed=2).task.examples != first


def test_without_labels_k_is_the_number_of_examples():
    """References of any kind are spoken as the answer they would be, an object's keys in the order of its author."""
    pool = (
        Example("2+2", 4), Example("who", ["Ann", "Anne"]), Example("x", [{"b": "é", "a": 1}, {}]), Example("y", [])
    )  # fmt: skip
    shown = made({"few-shot": {"k": 4}}, replace(job(output="text", choices=()), pool=pool))
    said = {turn.content for turn in shown.turns if turn.role == "assistant"}
    assert said == {"4", "Ann", '{"b": "é", "a": 1}', "[]"}


@pytest.mark.parametrize("output", ["text", "json"])
def test_an_example_of_a_set_shows_all_of_it(output: str):
    """Where answers are sets, what an example answers is wholly right by the job's own scorer; none is said as none."""
    wanted = (["bug", "billing"], ["login"], [])
    pool = tuple(Example(f"message {place}", reference) for place, reference in enumerate(wanted))
    at = replace(job(output=output, choices=()), pool=pool, scorers=(ScorerSpec("set-f1"),))
    shown = made({"few-shot": {"k": 3}}, at).turns
    judge = scorers.build(at.scorers[0])
    for asked, said in zip(shown[::2], shown[1::2], strict=True):
        reference = wanted[int(asked.content[-1])]
        assert judge(Item("i", asked.content, reference), at.task, said.content).value == 1.0


@pytest.mark.parametrize(
    ("at", "words", "hint"),
    [
        (job(0), "the pool is empty", "examples: {file"),
        (job(3), "5 examples of each of the 3 labels, and 'refund' has 3 of the 9", "k: 3"),
        (replace(job(0, choices=()), pool=(Example("a", "b"),)), "the pool has 1", "k: 1"),
    ],
)
def test_too_small_a_pool_is_said(at, words, hint):
    """What there is, and what to type."""
    with pytest.raises(UsageError) as caught:
        made({"few-shot": {"k": 5}}, at)
    assert words in str(caught.value) and hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("zero-shto", "zero-shto"),
        ({"few-shot": {"n": 5}}, "option 'n'"),
        ({"few-shot": {"k": "many"}}, "option k"),
        ({"few-shot": {"k": 0}}, "at least one"),
        ({"raw": {}, "zero-shot": {}}, "one name"),
        ({"raw": {"k": 1}}, "option 'k'"),
    ],
)
def test_wrong_promptings_are_one_sentence(spec, words):
    """Names and options of a plan are checked."""
    with pytest.raises(UsageError, match=words) as caught:
        prompting.build(spec)
    assert caught.value.hint
