"""Messages of a chat, however a log writes them, as turns; and the turns of the user that were answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from edgebench.records import Message

Role = Literal["system", "user", "assistant"]

#: how logs call them → ours; whoever is not here (tools, functions) takes no part
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer", "instruction", "instructions"), "system"),
    **dict.fromkeys(("user", "human", "customer", "client", "visitor", "requester", "end-user", "end_user", "buyer"),
                    "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "model", "gpt", "agent", "support", "operator", "chatbot", "seller"),
                    "assistant"),
}  # fmt: skip
MOST_TURNS = 400  # of one conversation; a longer one is cut in front


class NoText(ValueError):
    """A message that holds something else than text, or nothing."""


def opened(value: Any) -> Any:
    """JSON that a log keeps as a text, parsed; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def are_messages(value: Any) -> bool:
    """Whether this is a list of objects with roles."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value) and any(
        role_of(one) is not None for one in value
    )  # fmt: skip


def role_of(message: Mapping[str, Any]) -> str | None:
    """The role as it is written: under ``role``, ``from``, ``author`` or ``speaker``."""
    for key in ("role", "from", "author", "speaker", "sender"):
        value = message.get(key)
        if isinstance(value, Mapping):
            value = value.get("role")
        if isinstance(value, str):
            return value.strip().lower()
    return None


def turns(messages: Sequence[Any]) -> list[Message]:
    """The messages of system, user and assistant, in order; those of tools are left out.

    Raises
    ------
    NoText: a message of the user holds an image, a file or nothing.
    """
    out = []
    for message in messages[-MOST_TURNS:]:
        role = ROLES.get(role_of(message) or "") if isinstance(message, Mapping) else None
        if role is None:
            continue
        content = words(message)
        if role == "user" and content is None:
            raise NoText
        if content is not None and content.strip():
            out.append(Message(role, content))
    return out


def words(message: Mapping[str, Any]) -> str | None:
    """The text of a message; None where it holds something else, or nothing."""
    content = next((message[key] for key in ("content", "parts", "value", "text", "message") if message.get(key)), None)
    if isinstance(content, str):
        return content if content.strip() else None
    if isinstance(content, Mapping):
        content = content.get("parts") or [content]
    if not isinstance(content, list):
        return None
    parts = [_part(part) for part in content]
    return None if any(part is None for part in parts) or not parts else "\n".join(part for part in parts if part)


def _part(part: Any) -> str | None:
    """A text part's text; "" for one that is no text but says nothing either (a call, a thought); None for others."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return None
    kind = str(part.get("type", "text"))
    if kind in ("text", "input_text", "output_text"):
        text = part.get("text", part.get("content"))
        if isinstance(text, Mapping):
            text = text.get("value")
        return text if isinstance(text, str) else None
    return "" if kind in SILENT else None


SILENT = ("tool_call", "tool_call_response", "tool_use", "tool_result", "function_call", "reasoning", "thinking")


def answered(said: Sequence[Message]) -> Iterator[tuple[Message, ...]]:
    """Of a conversation: every message of the user that the assistant answered, with all that came before."""
    for place, message in enumerate(said[:-1]):
        if message.role == "user" and said[place + 1].role == "assistant":
            yield tuple(said[: place + 1])


def last(said: Sequence[Message]) -> tuple[Message, ...]:
    """Of a request: up to its last message of the user; empty where the user says nothing."""
    place = max((n for n, message in enumerate(said) if message.role == "user"), default=-1)
    return tuple(said[: place + 1])
