"""Promptings that reason first: what they ask, which examples they show, and the answer found at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.errors import TargetError, UsageError
from edgebench.records import Answer, Example, Item, Message, Task
from edgebench.workloads.prompting.final import MARK, final
from edgebench.workloads.scorers import number
from tests.workloads.scripted import FORMS, ITEM, TASK, Script, job, made, put

# -------------------------------------------------------------------------------------------------- chain of thought


async def test_one_call_asks_for_reasons_and_a_last_line() -> None:
    """Free text with room for it; the instruction and the labels stay; the answer follows the last mark."""
    answer, script = await put("chain-of-thought", "label", Answer("A parcel is asked after.\nAnswer: Shipping", 0.7))
    (request,) = script.asked
    assert (answer, script.roles) == (Answer("Shipping", 0.7), ["answer"])
    assert (request.output, request.max_tokens, request.choices) == ("text", 256, TASK.choices)
    system, user = request.messages
    assert system.content.startswith("Sort it.\n\n- refund: money back") and '"Answer:"' in system.content
    assert user.content.startswith("where is it\n\n") and "step by step" in user.content


async def test_two_calls_reason_first_and_are_then_held_to_the_labels() -> None:
    """The first call is a step whose words come back as the chat's own; the second gives the answer as it is."""
    answer, script = await put({"chain-of-thought": {"steps": 2}}, "label", " A parcel. ", Answer("shipping", 0.4))
    step, last = script.asked
    assert (answer, script.roles) == (Answer("shipping", 0.4), ["step", "answer"])
    assert "step by step" in step.messages[-1].content
    assert [message.role for message in last.messages] == ["system", "user", "assistant", "user"]
    assert last.messages[2].content == "A parcel."


async def test_a_step_that_says_nothing_or_fails_is_no_crash() -> None:
    """An empty turn becomes a sign, as endpoints refuse empty ones; a failed step is the record's failure."""
    _, script = await put({"chain-of-thought": {"steps": 2}}, "label", " ", "shipping")
    assert script.asked[1].messages[2] == Message("assistant", "…")
    with pytest.raises(TargetError, match="slow"):
        await put("multi-step", "label", TargetError("timeout", "slow"))


async def test_reasoning_never_has_less_room_than_the_answer_needs() -> None:
    """A task of long answers keeps its own limit."""
    script = Script("x")
    await made("chain-of-thought", job(Task("text", "Sum it up.", max_tokens=900)))(ITEM, script)
    assert script.asked[0].max_tokens == 900


# --------------------------------------------------------------------------------------------------- worked examples

WAYS = tuple(Example(f"{label} {k}", label, f"It is about {label}.") for label in TASK.choices for k in range(2))


@pytest.mark.parametrize("spec", [{"chain-of-thought": {"k": 1}}, {"few-shot": {"k": 1, "worked": True}}])
async def test_worked_examples_show_the_way_and_end_in_an_answer(spec: dict[str, object]) -> None:
    """k of each label; the answer is read from the same line that the examples end in."""
    shown, script = made(spec, replace(job(), pool=WAYS)), Script("It is about a parcel.\nAnswer: shipping")
    assert (await shown(ITEM, script)).text == "shipping"
    (request,) = script.asked
    turns = request.messages[1:-1]
    assert len(turns) == 6 and len(shown.task.examples) == 3 and request.output == "text" and request.max_tokens == 256
    for question, way, example in zip(turns[::2], turns[1::2], shown.task.examples, strict=True):
        assert question.content.startswith(example.input)
        assert way.content == f"It is about {example.reference}.\nAnswer: {example.reference}"
    assert ("step by step" in request.messages[-1].content) == ("chain-of-thought" in spec)


async def test_few_shot_without_worked_shows_answers_alone() -> None:
    """The way is not shown unless asked for, and the answer is held to the labels."""
    _, script = await put("raw", "label", "x")
    shown, script = made({"few-shot": {"k": 1}}, replace(job(), pool=WAYS)), Script("shipping")
    await shown(ITEM, script)
    assert {turn.content for turn in script.asked[0].messages if turn.role == "assistant"} == set(TASK.choices)
    assert script.asked[0].output == "choice"


async def test_a_way_that_says_its_answer_is_left_as_it_is() -> None:
    """Nothing is said twice; an example without a way shows its answer alone."""
    pool = (Example("1+1", 2, "One and one.\n**Answer:** 2"), Example("2+2", 4))
    shown, script = made({"chain-of-thought": {"k": 2}}, replace(job(Task("number", "Go.")), pool=pool)), Script("4")
    await shown(FORMS["number"][0], script)
    said = {turn.content for turn in script.asked[0].messages if turn.role == "assistant"}
    assert said == {"One and one.\n**Answer:** 2", "Answer: 4"}


GROUPED = tuple(Example(f"{group} {k}", "yes", group=group) for group in ("law", "physics") for k in range(3))


async def test_an_item_is_shown_the_examples_of_its_group() -> None:
    """k of each group; all of them are in the task, an item's chat has those of its own."""
    items = tuple(Item(group, f"about {group}", "x", tags={"group": group}) for group in ("physics", "law"))
    shown = made({"few-shot": {"k": 2}}, replace(job(Task("text", "Go."), items), pool=GROUPED))
    assert len(shown.task.examples) == 4
    for item in items:
        script = Script("x")
        await shown(item, script)
        asked = [turn.content for turn in script.asked[0].messages if turn.role == "user"]
        assert len(asked) == 3 and all(item.id in one for one in asked)
    with pytest.raises(UsageError, match="0 are in the pool of the group 'art'") as caught:
        made("few-shot", replace(job(Task("text"), [Item("a", "?", "x", tags={"group": "art"})]), pool=GROUPED))
    assert "examples" in str(caught.value.hint)


# ------------------------------------------------------------------------------------------------------ the last line


@pytest.mark.parametrize(
    ("said", "output", "answer"),
    [
        ("Because.\nAnswer: refund", "choice", "refund"),
        ("because\nANSWER : refund.", "choice", "refund."),
        ("Well.\n\n**Answer:** refund", "choice", "refund"),
        ("Well.\n\n**Answer**: **refund**", "choice", "refund"),
        ("### Final answer:\n\n`refund`\n", "choice", "refund"),
        ("Answer: login\nNo, wait.\nAnswer: refund", "choice", "refund"),
        ("Answer: refund\nAnswer:", "choice", "refund"),
        ("Answer: refund\n\nI hope it helps: login!", "choice", "refund"),
        ("So the answer is refund", "choice", "refund"),
        ("The answer is: (B)", "choice", "(B)"),
        ("it is refund", "choice", "it is refund"),
        ("Answer:", "choice", "Answer:"),
        ("3 + 4 = 7.\nAnswer: 7\nThat is 2 more than 5.", "number", "7"),
        ("Pasos…\nRespuesta: 12", "number", "12"),
        ("चरण…\nउत्तर: 12", "number", "12"),
        ("ধাপ…\nউত্তর: 12", "number", "12"),
        ("Hatua…\nJibu: 12", "number", "12"),
        ("所以答案：12", "number", "12"),
        ("Therefore, the answer is 12.", "number", "12."),
        ("Thinking.\nAnswer: Two lines\nof summary.", "text", "Two lines\nof summary."),
        ("Answer: **Bold** start", "text", "**Bold** start"),
        ('Look.\nAnswer: {"note": "Answer: yes"}', "json", '{"note": "Answer: yes"}'),
        ('Answer: ```json\n{"a": 1}\n```', "json", '```json\n{"a": 1}\n```'),
        ("my answering machine: off", "choice", "my answering machine: off"),
    ],
)
def test_the_answer_is_what_follows_the_last_mark(said: str, output: str, answer: str) -> None:
    """Any case, in bold or not, in several languages; of a label or number the first line; JSON as an object."""
    assert final(said, output) == answer  # type: ignore[arg-type]


def test_a_text_of_a_megabyte_is_read_from_its_end() -> None:
    """What stands last counts, however much stands before, and marks by the thousand cost nothing."""
    assert final("x" * 1_000_000 + "\nAnswer: refund", "choice") == "refund"
    assert final("Answer:\n" * 200_000, "json").startswith("Answer:")


@given(st.text(max_size=300), st.sampled_from(["choice", "number", "json", "text"]))
def test_no_text_breaks_it_and_nothing_is_made_up(said: str, output: str) -> None:
    """Whatever is said, what is found is part of it."""
    assert final(said, output) in said  # type: ignore[arg-type]
    assert final(f"{said}\nAnswer: 42", "number") == "42"


@given(st.text(max_size=200).filter(lambda said: not MARK.search(said) and "answer" not in said.casefold()))
def test_without_a_mark_the_whole_text_is_the_answer(said: str) -> None:
    """Nothing is lost where the target did not keep to the form."""
    if "respuesta" not in said.casefold():
        assert final(said, "choice") == said


def test_what_is_found_is_scored() -> None:
    """A number at the end of a chain of thought is right where its last number would not be."""
    item, task, _, _ = FORMS["number"]
    said = "2 + 2 = 4.\nAnswer: 4\n(2 more than 2, checked 3 times)"
    assert number()(item, task, final(said, "number")).value == 1.0
    assert number()(item, task, said).value == 0.0
