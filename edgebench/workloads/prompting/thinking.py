"""Promptings that let a target reason in words before it answers: a chain of thought, or a question taken apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.errors import UsageError
from edgebench.plugins import part_name
from edgebench.records import Answer, Item, Task, Workload
from edgebench.workloads.prompting.chat import freely, going_on
from edgebench.workloads.prompting.once import ROOM, SHOWN, OneRequest, Reasoned, instruction, with_examples
from edgebench.workloads.prompting.shown import drawn
from edgebench.workloads.prompting.wordings import numbered, worded

FIRST_REASON = (
    "Do not give the reply at once. First write down, step by step, how you get to it. Then put the reply on a last "
    'line of its own that begins with "Answer:".'
)
CUE = "Think step by step."
REASON_ONLY = "Do not give the reply yet. First think about this step by step, and write the steps down."
REPLY = "Now give the reply alone, in the form asked for at the start."

TAKE_APART = (
    "Do not give the reply yet. First take this apart: which smaller questions must be settled before it can be given? "
    "List them, one on a line."
)
SETTLE = "Now settle these questions one after the other, each in a sentence or two."
COMBINE = "Put these together, and give the reply alone, in the form asked for at the start."


@dataclass(frozen=True)
class Stepwise:
    """Asks several times in one chat: free text each time (role ``step``), and at last for the answer alone."""

    name: str
    task: Task
    asking: OneRequest  # the first of ``cues`` stands under the item's words
    cues: tuple[str, ...]  # what each further question says; the last one asks for the answer
    max_tokens: int  # of each step

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        request = self.asking.request(item)
        for cue in self.cues:
            said = await ask(freely(request, self.max_tokens), role="step")
            request = going_on(request, said.text, cue)
        return await ask(request)


def chain_of_thought(
    wording: int = 0, k: int = 0, steps: Literal[1, 2] = 1, max_tokens: int = ROOM, shown: int | None = SHOWN
) -> PromptingFactory:
    """Zero-shot, asked to reason step by step before answering; ``k``: worked examples from the pool come first.

    Without examples this is zero-shot chain of thought (Kojima et al., "Large Language Models are Zero-Shot Reasoners",
    2022), with ``k`` of them chain-of-thought prompting (Wei et al., "Chain-of-Thought Prompting Elicits Reasoning in
    Large Language Models", 2022). Our words are not theirs.

    ``steps`` 1: one call in free text; the answer is what follows its last "Answer:", the whole text where there is no
    such line. ``steps`` 2, as Kojima et al. do it: a call of role ``step`` for the reasoning, then one for the answer
    alone, constrained to the task's labels, letters or schema as zero-shot's is. ``max_tokens``: room for the
    reasoning. ``wording``, ``shown``: as for zero-shot and few-shot.

    Raises
    ------
    UsageError: a number that cannot be; or (when built) the pool is too small.
    """
    _check_room("chain-of-thought", max_tokens)
    if k < 0 or (shown is not None and shown < 1):
        raise UsageError("chain-of-thought shows 0 examples or more", hint="chain-of-thought: {k: 4}")
    options = {"wording": numbered(wording), "k": k, "steps": steps, "max_tokens": max_tokens, "shown": shown}
    name = part_name("promptings", {"chain-of-thought": options})

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        task = worded(replace(workload.task, examples=drawn(workload, k, rng) if k else ()), wording)
        plain, room = instruction(task), max(max_tokens, task.max_tokens)
        if steps == 2:
            asking = OneRequest(name, task, plain, cue=REASON_ONLY)
            return Stepwise(name, task, with_examples(asking, shown, worked=True), (REPLY,), room)
        asking = OneRequest(name, task, "\n\n".join(part for part in (plain, FIRST_REASON) if part), cue=CUE)
        return Reasoned(name, task, with_examples(asking, shown, worked=True), room)

    return prompting


def multi_step(wording: int = 0, max_tokens: int = ROOM) -> PromptingFactory:
    """The question taken apart, its parts settled, these put together: three calls (``step``, ``step``, ``answer``).

    After Khot et al., "Decomposed Prompting: A Modular Approach for Solving Complex Tasks" (2023), with one target for
    all parts. The last call is constrained as zero-shot's is. ``max_tokens``: room for each of the two steps.

    Raises
    ------
    UsageError: a number that cannot be.
    """
    _check_room("multi-step", max_tokens)
    name = part_name("promptings", {"multi-step": {"wording": numbered(wording), "max_tokens": max_tokens}})

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        task = worded(replace(workload.task, examples=()), wording)
        asking = OneRequest(name, task, instruction(task), cue=TAKE_APART)
        return Stepwise(name, task, asking, (SETTLE, COMBINE), max_tokens)

    return prompting


def _check_room(what: str, max_tokens: int) -> None:
    if max_tokens < 1:
        raise UsageError(
            f"{what}: max_tokens: {max_tokens} leaves no room to reason", hint=f"{what}: {{max_tokens: {ROOM}}}"
        )
