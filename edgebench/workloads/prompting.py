"""Promptings: how an item is put into words. Parameters outside, (workload, rng) next, one item at a time last.

``raw`` adds nothing but what cannot be left out; ``zero-shot`` is the engineered prompt; ``few-shot(k)`` shows solved
cases as earlier turns of the chat. Every one of them sends the words of the user apart as ``Request.text``, for
targets that read no instruction. A question with choices of its own is asked by letter: A), B), ….
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgebench.contracts import Ask, PromptingFactory
from edgebench.errors import UsageError
from edgebench.records import Answer, Example, Item, Message, Request, Task, Workload, digest
from edgebench.workloads.choices import lettered, letters
from edgebench.workloads.options import made
from edgebench.workloads.subset import shuffled

SHOWN = 12  # examples in a chat prompt unless told: ten of each of 77 labels would overflow a small context


@dataclass(frozen=True)
class OneRequest:
    """A prompting that asks once."""

    name: str
    task: Task
    system: str = ""
    turns: tuple[Message, ...] = ()  # solved cases, as the chat went before
    suffix: str = ""  # put after the user's last words

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        return await ask(self.request(item))

    def request(self, item: Item) -> Request:
        """The one request this item becomes."""
        own = item.choices if item.choices != self.task.choices else ()
        return Request(
            messages=_chat(self.system, self.turns, item, _tail(own, self.suffix)),
            text=item.text,
            output=self.task.output,
            choices=letters(own) if own else self.task.choices,
            schema=self.task.schema,
            max_tokens=self.task.max_tokens,
            item_digest=item.digest,
        )


def build(spec: str | Mapping[str, Any]) -> PromptingFactory:
    """The factory of a prompting as a plan names it: ``"zero-shot"`` or ``{"few-shot": {"k": 5}}``."""
    if isinstance(spec, str):
        spec = {spec: {}}
    if len(spec) != 1:
        raise UsageError(f"a prompting is one name with its options, not {len(spec)}", hint="few-shot: {k: 5}")
    name, options = next(iter(spec.items()))
    factory: PromptingFactory = made("promptings", str(name), options or {})
    return factory


# --------------------------------------------------------------------------------------------------- the three


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


def zero_shot() -> PromptingFactory:
    """The instruction, with every label and what it means, as the system message; then the user's words."""

    def prompting(workload: Workload, rng: np.random.Generator) -> OneRequest:
        task = replace(workload.task, examples=())
        return OneRequest(name="zero-shot", task=task, system=instruction(task))

    return prompting


def few_shot(k: int = 5, shown: int | None = SHOWN) -> PromptingFactory:
    """Zero-shot, with solved cases from the pool before the question.

    ``k`` examples of each label when the task has labels, ``k`` in all otherwise. They are drawn by ``rng`` and dealt
    one label after the other. ``task.examples`` holds all of them (a classifier learns from all); a chat shows the
    first ``shown`` (None: all).

    Raises
    ------
    UsageError (when built): the pool is too small; says what there is.
    """
    if k < 1 or (shown is not None and shown < 1):
        raise UsageError("few-shot needs at least one example", hint="few-shot: {k: 5}; without examples: zero-shot")

    def prompting(workload: Workload, rng: np.random.Generator) -> OneRequest:
        examples = _drawn(workload, k, rng)
        task = replace(workload.task, examples=examples)
        name = f"few-shot({k})" if shown == SHOWN else f"few-shot({k}, shown={'all' if shown is None else shown})"
        turns = tuple(turn for example in examples[:shown] for turn in _turns(example))
        return OneRequest(name=name, task=task, system=instruction(task), turns=turns)

    return prompting


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


# --------------------------------------------------------------------------------------------------- the chat


def _chat(system: str, turns: Sequence[Message], item: Item, tail: str) -> tuple[Message, ...]:
    given = [Message("user", item.input)] if isinstance(item.input, str) else list(item.input)
    rules = [system, *(message.content for message in given if message.role == "system")]
    said = [message for message in given if message.role != "system"]
    if tail:
        said[-1] = Message("user", f"{said[-1].content}\n\n{tail}")
    merged = "\n\n".join(rule for rule in rules if rule)
    return (*([Message("system", merged)] if merged else []), *turns, *said)


def _tail(own: Sequence[str], suffix: str) -> str:
    return lettered(own) if own else suffix


def _turns(example: Example) -> tuple[Message, Message]:
    return Message("user", example.input), Message("assistant", _spoken(example.reference))


def _spoken(reference: Any) -> str:
    """A reference as the answer it would be; of several acceptable ones the first."""
    if isinstance(reference, (list, tuple)):
        return _spoken(reference[0]) if reference else ""
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)


# --------------------------------------------------------------------------------------------------- the examples


def _drawn(workload: Workload, k: int, rng: np.random.Generator) -> tuple[Example, ...]:
    mixed = shuffled(workload.pool, rng=rng, digest=digest)
    labels = workload.task.choices
    if not labels:
        if len(mixed) < k:
            raise _too_few(f"{k} examples", f"the pool has {len(mixed)}", len(mixed))
        return tuple(mixed[:k])
    piles: dict[str, list[Example]] = {label: [] for label in shuffled(labels, rng=rng, digest=str)}
    for example in mixed:
        piles.setdefault(_spoken(example.reference), []).append(example)
    scarce = min(labels, key=lambda label: len(piles[label]))
    if (least := len(piles[scarce])) < k:
        what = f"{scarce!r} has {least} of the {len(mixed)} in the pool" if mixed else "the pool is empty"
        raise _too_few(f"{k} examples of each of the {len(labels)} labels", what, least)
    return tuple(piles[label][place] for place in range(k) for label in piles if label in labels)


def _too_few(needed: str, what: str, enough: int) -> UsageError:
    hint = f"few-shot: {{k: {enough}}}, or more examples" if enough else "add `examples: {file: …}` to the workload"
    return UsageError(f"few-shot needs {needed}, and {what}", hint=f"{hint}; rows that are measured are never shown")
