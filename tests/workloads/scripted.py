"""A target that says what a test wrote down for it, and small workloads to ask it about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from edgebench.contracts import Prompting
from edgebench.errors import TargetError
from edgebench.records import Answer, Item, Named, Request, Role, Task, Workload
from edgebench.workloads import prompting
from tests.builders import LABELS, workload

ITEM = Item("i", "where is it", "shipping")
TASK = Task("choice", "Sort it.", LABELS, {"refund": "money back", "login": "login", "shipping": ""}, max_tokens=9)

#: One item and its task for every form a question can have, with an answer that is right and one that is wrong.
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
FORMS: dict[str, tuple[Item, Task, str, str]] = {
    "label": (ITEM, TASK, "shipping", "refund"),
    "letter": (Item("q", "colour of grass?", "B", choices=("red", "green")), Task("choice", "Choose."), "B", "A"),
    "number": (Item("n", "2 + 2?", 4), Task("number", "Work it out."), "4", "5"),
    "json": (
        Item("j", "total 4", {"total": 4}),
        Task("json", "Take it.", schema=SCHEMA),
        '{"total": 4}',
        '{"total": 5}',
    ),
    "text": (Item("t", "capital of France?", "Paris"), Task("text", "Be brief."), "Paris", "Rome"),
}


class Script:
    """An ``Ask`` that gives the answers written down, in order; the last one for ever. Keeps what it was asked."""

    def __init__(self, *answers: str | Answer | TargetError) -> None:
        self._answers = list(answers)
        self.asked: list[Request] = []
        self.roles: list[Role] = []

    async def __call__(self, request: Request, *, role: Role = "answer") -> Answer:
        self.asked.append(request)
        self.roles.append(role)
        said = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(said, TargetError):
            raise said
        return said if isinstance(said, Answer) else Answer(said)


def job(task: Task = TASK, items: Iterable[Item] = (ITEM,), **fields: Any) -> Workload:
    """A workload of these items with this task."""
    return replace(workload(3), task=task, items=tuple(items), pool=(), **fields)


def made(spec: Named, at: Workload, seed: int = 1) -> Prompting:
    return prompting.build(spec)(at, np.random.default_rng(seed))


async def put(spec: Named, form: str, *answers: str | Answer | TargetError) -> tuple[Answer, Script]:
    """What a prompting makes of these answers to the item of that form."""
    item, task, _, _ = FORMS[form]
    script = Script(*answers)
    return await made(spec, job(task, [item]))(item, script), script
