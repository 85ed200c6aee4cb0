"""By likelihood where the engine gives it for the choices of a request, else by letter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from edgebench.errors import TargetError
from edgebench.records import Answer, Item, Request, Role, ScorerSpec, Task, Workload
from edgebench.workloads import prompting
from edgebench.workloads.scorers import choice_letter

ENDINGS = ("rides on.", "A. falls asleep", "sings", "melts")
ITEM = Item("1", "She mends the tyre and", "A", ENDINGS)
JOB = Workload("h", (ITEM,), Task("choice", "Which goes on?", max_tokens=32), (ScorerSpec("choice-letter"),))


@dataclass
class Target:
    """Answers with what a rule makes of a request, and keeps what it was asked."""

    rule: Callable[[Request], str]
    asked: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request, *, role: Role = "answer") -> Answer:
        self.asked.append(request)
        return Answer(self.rule(request), confidence=0.5)


def built() -> prompting.OneRequest:
    return prompting.build("by-likelihood")(JOB, np.random.default_rng(1))  # type: ignore[return-value]


async def test_an_engine_kept_to_the_choices_is_asked_for_the_ending_itself():
    """The endings are the request's choices and are not shown; the answer is the letter of the likeliest."""
    target, one = Target(lambda request: request.choices[1]), built()
    answer = await one(ITEM, target)
    assert answer == Answer("B", 0.5) and choice_letter()(ITEM, JOB.task, answer.text).label == "B"
    (request,) = target.asked
    assert request.choices == ENDINGS and request.output == "choice" and request.text == ITEM.text
    assert "sings" not in "".join(message.content for message in request.messages)
    assert request.messages[-1].content == ITEM.text


async def test_a_target_that_says_something_else_is_asked_by_letter_from_then_on():
    """The first answer shows it; both calls are made once, and by letter alone after that."""
    target, one = Target(lambda request: "C" if request.choices == ("A", "B", "C", "D") else "She rides on."), built()
    assert (await one(ITEM, target)).text == "C" and len(target.asked) == 2
    assert "B) A. falls asleep" in target.asked[1].messages[-1].content
    assert (await one(ITEM, target)).text == "C" and len(target.asked) == 3


async def test_an_ending_too_long_to_be_scored_is_asked_by_letter_that_once():
    """What the engine refuses goes by letter; the next item is tried again; other failures are raised."""

    def rule(request: Request) -> str:
        if request.choices == ENDINGS:
            raise TargetError("bad_request", "the label has 80 tokens")
        return request.choices[0]

    target, one = Target(rule), built()
    assert (await one(ITEM, target)).text == "A"
    short = Item("2", "She", "B", ("a", "b"))
    assert (await one(short, target)).text == "A" and target.asked[-1].choices == ("a", "b")

    def broken(request: Request) -> str:
        raise TargetError("timeout", "no answer")

    with pytest.raises(TargetError, match="no answer"):
        await built()(ITEM, Target(broken))
