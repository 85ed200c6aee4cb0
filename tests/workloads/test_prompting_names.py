"""Every prompting is known by its name before it is built, and asks well-formed requests of any target."""

from __future__ import annotations

import pytest

from edgebench import plugins
from edgebench.errors import UsageError
from edgebench.plan import prompting_name
from edgebench.records import Example, Item, Message, Named, Task
from edgebench.workloads import prompting
from edgebench.workloads.prompting.wordings import FRAMES
from tests.workloads.scripted import FORMS, ITEM, TASK, Script, job, made

LAB = {"lab": {"name": "8-shot chain of thought (Wei et al. 2022)", "prompting": {"chain-of-thought": {"steps": 2}}}}
POOL = tuple(Example(f"{label} {k}", label, f"it is {label}") for label in TASK.choices for k in range(5))

NAMES: list[tuple[Named, str]] = [
    ("raw", "raw"),
    ("zero-shot", "zero-shot"),
    ({"zero-shot": {"wording": 2}}, "zero-shot(wording=2)"),
    ("few-shot", "few-shot(5)"),
    ({"few-shot": {"k": 2, "wording": 1, "worked": True}}, "few-shot(2, wording=1, worked=True)"),
    ("chain-of-thought", "chain-of-thought"),
    ({"chain-of-thought": {"k": 4}}, "chain-of-thought(k=4)"),
    ({"chain-of-thought": {"steps": 2, "max_tokens": 64}}, "chain-of-thought(steps=2, max_tokens=64)"),
    ("multi-step", "multi-step"),
    ({"multi-step": {"max_tokens": 64}}, "multi-step(max_tokens=64)"),
    ("self-consistency", "self-consistency(5)"),
    ({"self-consistency": {"n": 3, "temperature": 1}}, "self-consistency(3, temperature=1)"),
    ({"self-consistency": {"of": {"chain-of-thought": {}}}}, "self-consistency(5)"),
    ({"self-consistency": {"of": {"few-shot": {"k": 2}}}}, "self-consistency(5, of=few-shot(2))"),
    ("best-of-n", "best-of-n(4)"),
    ({"best-of-n": {"n": 3, "by": "confidence", "of": "raw"}}, "best-of-n(3, by=confidence, of=raw)"),
    ("structured-output", "structured-output"),
    ("lab", "lab"),
    ("by-likelihood", "by-likelihood"),
]


@pytest.mark.parametrize(("spec", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_prompting_calls_itself_what_the_plan_calls_it(spec: Named, name: str) -> None:
    """An arm's name is known before anything is built."""
    at = job(source=LAB)
    at = type(at)(at.name, at.items, at.task, at.scorers, POOL, at.source)
    assert prompting_name(spec) == name == made(spec, at).name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "spec",
    # few-shot needs a pool; by-likelihood names an item's own choices in words (tests/workloads/benchmarks)
    [name for name in plugins.TABLE["promptings"] if name not in ("few-shot", "by-likelihood")],
)
async def test_a_classifier_can_answer_every_request(spec: str, form: str) -> None:
    """Each has the user's words apart, the choices, the item's digest and room; the last turn is a user's."""
    item, task, right, wrong = FORMS[form]
    script = Script(right, wrong)
    answer = await made(spec, job(task, [item], source=LAB))(item, script)
    choices = ("A", "B") if form == "letter" else task.choices
    assert answer.text in (right, wrong)
    for request, role in zip(script.asked, script.roles, strict=True):
        assert (request.text, request.item_digest) == (item.text, item.digest)
        assert role == "rerank" or request.choices == choices
        assert request.messages[-1].role == "user" and all(message.content for message in request.messages)
        assert request.max_tokens > 0 and (request.schema is None or request.output == "json")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", ["multi-step", {"chain-of-thought": {"steps": 2}}])
async def test_the_last_of_several_calls_is_constrained_as_zero_shot_is(spec: Named, form: str) -> None:
    """The steps are free text, the answer keeps to labels, letters, schema and limits; all is one chat that grows."""
    item, task, right, _ = FORMS[form]
    script, plain = Script("some words"), Script(right)
    await made(spec, job(task, [item]))(item, script)
    await made("zero-shot", job(task, [item]))(item, plain)
    *steps, last = script.asked
    (wanted,) = plain.asked
    for field in ("output", "choices", "schema", "max_tokens", "temperature", "seed"):
        assert getattr(last, field) == getattr(wanted, field)
    assert {request.output for request in steps} == {"text"} and {request.max_tokens for request in steps} == {256}
    assert script.roles == ["step"] * len(steps) + ["answer"]
    for before, after in zip(script.asked, script.asked[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages
        assert after.messages[len(before.messages)] == Message("assistant", "some words")


# ------------------------------------------------------------------------------------------------------- wordings


def test_a_wording_is_the_tasks_own_or_a_frame_around_the_instruction() -> None:
    """0 is the instruction; the task's own wordings come next, then frames that keep it; no two are alike."""
    task = Task("choice", "Sort it.", TASK.choices, wordings=("Which one?", "Name the pile."))
    most = 2 + len(FRAMES)
    said = [made({"zero-shot": {"wording": one}}, job(task)).task.instruction for one in range(most + 1)]
    assert said[:3] == ["Sort it.", "Which one?", "Name the pile."]
    assert len(FRAMES) >= 4 and all("Sort it." in one for one in said[3:]) and len(set(said)) == most + 1
    with pytest.raises(UsageError, match=f"has {most} other wordings") as caught:
        made({"zero-shot": {"wording": most + 1}}, job(task))
    assert f"wording: {most}" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no instruction"):
        made({"zero-shot": {"wording": 1}}, job(Task("text")))
    with pytest.raises(UsageError, match="from 0"):
        prompting.build({"zero-shot": {"wording": -1}})


@pytest.mark.parametrize("name", ["zero-shot", "few-shot", "chain-of-thought", "multi-step", "structured-output"])
async def test_every_engineered_prompting_can_be_worded_otherwise(name: str) -> None:
    """The wording reaches what is sent, and what targets prepare for."""
    task = Task("choice", "Sort it.", TASK.choices, wordings=("Which one?",))
    at = job(task)
    shown = made({name: {"wording": 1}}, type(at)(at.name, at.items, at.task, at.scorers, POOL))
    script = Script("refund")
    await shown(ITEM, script)
    assert shown.task.instruction == "Which one?"
    assert script.asked[0].messages[0].content.startswith("Which one?")


# ------------------------------------------------------------------------------------------------------------ lab


async def test_lab_is_the_set_up_the_workload_names() -> None:
    """The prompting of the literature is built and answers; without one there is a sentence and what to type."""
    script = Script("hm", "shipping")
    assert (await made("lab", job(source=LAB))(ITEM, script)).text == "shipping"
    assert script.roles == ["step", "answer"]
    for source in ({}, {"lab": "raw"}, {"lab": {"prompting": "lab"}}, {"lab": {"name": "x"}}):
        with pytest.raises(UsageError, match="names no set-up") as caught:
            made("lab", job(source=source))
        assert "few-shot" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"chain-of-thought": {"k": -1}}, "0 examples or more"),
        ({"chain-of-thought": {"steps": 3}}, "option steps"),
        ({"chain-of-thought": {"max_tokens": 0}}, "no room"),
        ({"multi-step": {"max_tokens": 0}}, "no room"),
        ({"self-consistency": {"n": 0}}, "from 1 to 100, not 0"),
        ({"self-consistency": {"temperature": 0}}, "above 0"),
        ({"self-consistency": {"of": "rwa"}}, "'rwa'"),
        ({"self-consistency": {"of": {"few-shot": {"kk": 1}}}}, "option 'kk'"),
        ({"best-of-n": {"n": 1}}, "from 2 to 26, not 1"),
        ({"best-of-n": {"by": "luck"}}, "option by"),
        ({"best-of-n": {"temperature": float("nan")}}, "above 0"),
    ],
)
def test_wrong_options_are_one_sentence_with_a_hint(spec: Named, words: str) -> None:
    """What a plan says is checked before anything is sent."""
    with pytest.raises(UsageError, match=words) as caught:
        prompting.build(spec)
    assert caught.value.hint


def test_items_with_choices_of_their_own_keep_them_in_every_step() -> None:
    """The lettered choices stand under the question, before what it is to be done with it."""
    item = Item("q", "colour of grass?", "B", choices=("red", "green"))
    for spec in ("chain-of-thought", "multi-step"):
        request = made(spec, job(Task("choice", "Choose."), [item])).asking.request(item)  # type: ignore[attr-defined]
        assert request.messages[-1].content.startswith("colour of grass?\n\nA) red\nB) green\n\n")
