"""Promptings that ask once: the user's words alone, the engineered prompt, the same with solved cases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.errors import UsageError
from edgebench.plugins import part_name
from edgebench.records import Answer, Example, Item, Message, Request, Task, Workload
from edgebench.workloads.choices import letters
from edgebench.workloads.prompting.chat import chat, freely, own_choices, tail
from edgebench.workloads.prompting.final import final
from edgebench.workloads.prompting.shown import GROUP, drawn, grouped, turns
from edgebench.workloads.prompting.wordings import numbered, worded

SHOWN = 12  # examples in a chat prompt unless told: ten of each of 77 labels would overflow a small context
ROOM = 256  # tokens for reasoning in words, where nothing else is said

AS_SHOWN = (
    "First write down how you get to the reply, as it was done before. Then put the reply on a last line of its own "
    'that begins with "Answer:".'
)


@dataclass(frozen=True)
class OneRequest:
    """A prompting that asks once."""

    name: str
    task: Task
    system: str = ""
    turns: tuple[Message, ...] = ()  # solved cases, as the chat went before
    suffix: str = ""  # put after the user's last words; an item with choices of its own has these there instead
    cue: str = ""  # put after all that
    groups: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)  # solved cases by the items' group

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        return await ask(self.request(item))

    def request(self, item: Item) -> Request:
        """The one request this item becomes."""
        own = own_choices(item, self.task)
        return Request(
            messages=chat(
                self.system, self.before(item), item, tail(item, self.task, "" if own else self.suffix, self.cue)
            ),
            text=item.text,
            output=self.task.output,
            choices=letters(own) if own else self.task.choices,
            schema=self.task.schema,
            max_tokens=self.task.max_tokens,
            item_digest=item.digest,
        )

    def before(self, item: Item) -> tuple[Message, ...]:
        """The solved cases this item is shown."""
        return self.groups.get(item.tags.get(GROUP, ""), self.turns)


@dataclass(frozen=True)
class Reasoned:
    """Asks once in free text; the answer is what follows the last "Answer:"."""

    name: str
    task: Task
    asking: OneRequest
    max_tokens: int

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        answer = await ask(freely(self.asking.request(item), self.max_tokens))
        return replace(answer, text=final(answer.text, self.task.output))


def raw() -> PromptingFactory:
    """The user's words, and a bare line with the labels (or the fields of the schema): nothing else is said."""

    def prompting(workload: Workload, rng: np.random.Generator) -> OneRequest:
        task = workload.task
        fields = (task.schema or {}).get("properties") or {}
        bare = {label: label.replace("_", " ") for label in task.choices}
        return OneRequest(
            name="raw",
            task=replace(task, instruction="", descriptions=bare, examples=()),
            suffix=", ".join(task.choices or fields),
        )

    return prompting


def zero_shot(wording: int = 0) -> PromptingFactory:
    """The instruction, with every label and what it means, as the system message; then the user's words.

    ``wording``: 0, the instruction as it is; from 1 on other ways to say it (see :mod:`.wordings`).

    Raises
    ------
    UsageError: ``wording`` is below 0; or (when built) there are not so many.
    """
    name = part_name("promptings", {"zero-shot": {"wording": numbered(wording)}})

    def prompting(workload: Workload, rng: np.random.Generator) -> OneRequest:
        task = worded(replace(workload.task, examples=()), wording)
        return OneRequest(name=name, task=task, system=instruction(task))

    return prompting


def few_shot(k: int = 5, shown: int | None = SHOWN, wording: int = 0, worked: bool = False) -> PromptingFactory:
    """Zero-shot, with solved cases from the pool before the question.

    ``k`` examples of each label when the task has labels, ``k`` in all otherwise (of each group, where examples have
    groups; an item sees those of its own, ``tags["group"]``). They are drawn by the generator and dealt one label after
    the other. ``task.examples`` holds all of them (a classifier learns from all); a chat shows the first ``shown``
    (None: all). ``worked``: the way to the answer is shown, then "Answer: …", and the same is asked for in free text
    (chain-of-thought prompting with exemplars: Wei et al. 2022); without it the answer alone.

    Raises
    ------
    UsageError: no examples are asked for; or (when built) the pool is too small, and what there is.
    """
    if k < 1 or (shown is not None and shown < 1):
        raise UsageError("few-shot needs at least one example", hint="few-shot: {k: 5}; without examples: zero-shot")
    options = {"k": k, "shown": shown, "wording": numbered(wording), "worked": worked}
    name = part_name("promptings", {"few-shot": options})

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        task = worded(replace(workload.task, examples=drawn(workload, k, rng)), wording)
        system = "\n\n".join([instruction(task), *([AS_SHOWN] if worked else [])])
        asking = with_examples(OneRequest(name, task, system), shown, worked=worked)
        return Reasoned(name, task, asking, max(task.max_tokens, ROOM)) if worked else asking

    return prompting


def with_examples(asking: OneRequest, shown: int | None, *, worked: bool) -> OneRequest:
    """The same with its task's examples as earlier turns, the first ``shown`` of each group."""
    examples = asking.task.examples
    if not grouped(examples):
        return replace(asking, turns=turns(examples[:shown], worked=worked, cue=asking.cue))
    piles: dict[str, list[Example]] = {}
    for example in examples:
        piles.setdefault(example.group, []).append(example)
    groups = {group: turns(pile[:shown], worked=worked, cue=asking.cue) for group, pile in piles.items()}
    return replace(asking, groups=groups)


def instruction(task: Task) -> str:
    """The system message: the instruction, then the labels with their descriptions or the schema."""
    parts = [task.instruction.strip()]
    if task.choices:
        parts.append("\n".join(_described(label, task.descriptions.get(label, "")) for label in task.choices))
    if task.schema is not None:
        parts.append(f"JSON schema: {json.dumps(task.schema, ensure_ascii=False, separators=(',', ':'))}")
    return "\n\n".join(part for part in parts if part)


def _described(label: str, words: str) -> str:
    return f"- {label}" if words.strip() in ("", label, label.replace("_", " ")) else f"- {label}: {words.strip()}"
