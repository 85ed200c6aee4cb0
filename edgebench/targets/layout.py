"""How messages become one prompt text: a model's own chat template, or plain text for a base model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgebench.errors import TargetError
from edgebench.plugins import need
from edgebench.records import Message

Layout = Callable[[Sequence[Message]], str]

#: what ends an answer of a base model: it has begun the next case by itself
RAW_STOPS = ("\n\nInput:", "\nInput:")


def raw(messages: Sequence[Message]) -> str:
    """Plain text for a base model: the instruction, then solved cases, then the open one.

    ::

        <instruction>

        Input:
        <user's words>
        Answer:
        <assistant's words, for an example; empty for the case asked>
    """
    parts = []
    for message in messages:
        if message.role == "system":
            parts.append(f"{message.content}\n\n")
        elif message.role == "user":
            parts.append(f"Input:\n{message.content}\nAnswer:\n")
        else:
            parts.append(f"{message.content}\n\n")
    return "".join(parts)


def chat(template: str, *, bos: str, eos: str) -> Layout:
    """The layout a Jinja chat template describes. Templates come from strangers' files: Jinja's immutable sandbox.

    A template that refuses a system message gets it at the head of the first user message instead.

    Raises
    ------
    TargetError(load_failed): the template is no Jinja, or cannot lay out a plain exchange.
    """
    formats, jinja2 = need("llama_cpp.llama_chat_format"), need("jinja2")
    # ValueError: the template's own raise_exception; OverflowError: a range the sandbox finds too long
    problems = (jinja2.TemplateError, ValueError, TypeError, OverflowError)
    try:
        formatter = formats.Jinja2ChatFormatter(template=template, eos_token=eos, bos_token=bos)
        folds = not _accepts(formatter, (Message("system", "s"), Message("user", "u")), problems)
        if folds:
            _render(formatter, (Message("user", "u"),))
    except problems as exc:
        raise TargetError("load_failed", f"the chat template cannot be used: {exc}", fatal=True) from exc

    def lay_out(messages: Sequence[Message]) -> str:
        try:
            return _render(formatter, fold(messages) if folds else messages)
        except problems as exc:
            raise TargetError("bad_request", f"the chat template refuses these messages: {exc}") from exc

    return lay_out


def fold(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same messages with the system's words at the head of the first user message."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system or not rest:
        return tuple(messages)
    return (Message(rest[0].role, f"{system}\n\n{rest[0].content}"), *rest[1:])


def _render(formatter: Any, messages: Sequence[Message]) -> str:
    rendered = formatter(messages=[{"role": message.role, "content": message.content} for message in messages])
    return str(rendered.prompt)


def _accepts(formatter: Any, messages: Sequence[Message], problems: tuple[type[Exception], ...]) -> bool:
    try:
        _render(formatter, messages)
    except problems:
        return False
    return True
