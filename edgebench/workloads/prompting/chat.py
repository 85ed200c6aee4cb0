"""The turns of a chat: rules, solved cases, the item itself, and how a chat goes on after an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgebench.records import Item, Message, Request, Task
from edgebench.workloads.choices import lettered

NOTHING = "…"  # what a target "said" that said nothing: endpoints refuse an empty turn


def chat(system: str, turns: Sequence[Message], item: Item, tail: str) -> tuple[Message, ...]:
    """The rules (ours, then the item's own), the solved cases, the item's turns with ``tail`` after its last words."""
    given = [Message("user", item.input)] if isinstance(item.input, str) else list(item.input)
    rules = [system, *(message.content for message in given if message.role == "system")]
    said = [message for message in given if message.role != "system"]
    if tail:
        said[-1] = Message("user", f"{said[-1].content}\n\n{tail}")
    merged = "\n\n".join(rule for rule in rules if rule)
    return (*([Message("system", merged)] if merged else []), *turns, *said)


def own_choices(item: Item, task: Task) -> tuple[str, ...]:
    """The choices of an item that has some of its own, which are asked by letter."""
    return item.choices if item.choices != task.choices else ()


def tail(item: Item, task: Task, *more: str) -> str:
    """What stands under an item's words: its own choices as A), B), …, then ``more``."""
    return "\n\n".join(part for part in (lettered(own_choices(item, task)), *more) if part)


def freely(request: Request, max_tokens: int) -> Request:
    """The same asked in free text. The choices stay, for targets that know nothing else to do (a classifier)."""
    return replace(request, output="text", schema=None, max_tokens=max_tokens)


def going_on(request: Request, said: str, then: str) -> Request:
    """The same request after the target has said something and is asked on."""
    turns = (Message("assistant", said.strip() or NOTHING), Message("user", then))
    return replace(request, messages=(*request.messages, *turns))
