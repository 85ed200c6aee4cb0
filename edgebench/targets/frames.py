"""The language of the pipe: one JSON object a line, and the nouns in it.

Parent → worker: ``open`` (engine, parts), ``prepare`` (task), ``ask`` (i, request), ``cancel`` (i), ``quit``.
Worker → parent: ``ready`` (identity), ``prepared``, ``chunk`` (i, chunk), ``failed`` (i, kind, message, fatal).
Keys of a chunk are one letter long because one goes out for every token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from edgebench.records import (
    Chunk,
    Completion,
    Example,
    Identity,
    Message,
    ModelCard,
    Parts,
    Request,
    Source,
    TargetSpec,
    Task,
    Usage,
    canonical,
)

Frame = dict[str, Any]


def encode(event: str, **fields: object) -> bytes:
    """One line. ASCII only, so that half a surrogate in somebody's data cannot stop the pipe."""
    return json.dumps({"e": event, **fields}, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Frame | None:
    """The frame on a line, or None when the line is no frame (an engine printed something)."""
    try:
        frame = json.loads(line)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) and isinstance(frame.get("e"), str) else None


def of_parts(parts: Parts) -> Frame:
    """Parts without what an engine has no use for: the key, its name, prices."""
    content = canonical(parts)
    content.pop("api_key")
    for needless in ("key", "price", "base_url"):
        content["spec"][needless] = None
    return cast(Frame, content)


def to_parts(content: Mapping[str, Any]) -> Parts:
    card = content["card"]
    if card is not None:
        files = {role: Source(**source) for role, source in card["files"].items()}
        card = ModelCard(**{**card, "files": files})
    return Parts(**{**content, "spec": TargetSpec(**content["spec"]), "card": card})


def to_task(content: Mapping[str, Any]) -> Task:
    examples = tuple(Example(**example) for example in content["examples"])
    several = {name: tuple(content[name]) for name in ("choices", "wordings")}
    return Task(**{**content, **several, "examples": examples})


def to_request(content: Mapping[str, Any]) -> Request:
    messages = tuple(Message(**message) for message in content["messages"])
    return Request(**{**content, "choices": tuple(content["choices"]), "messages": messages})


def to_identity(content: Mapping[str, Any]) -> Identity:
    return Identity(**content)


def of_chunk(chunk: Chunk) -> Frame:
    content: Frame = {"t": chunk.text, "a": chunk.at_ns, "n": chunk.tokens}
    if chunk.channel != "content":
        content["h"] = chunk.channel
    if chunk.completion is not None:
        content["c"] = canonical(chunk.completion)
    return content


def to_chunk(content: Mapping[str, Any], received_ns: int) -> Chunk:
    end = content.get("c")
    return Chunk(
        text=content["t"],
        channel=content.get("h", "content"),
        at_ns=content["a"],
        received_ns=received_ns,
        tokens=content["n"],
        completion=None if end is None else _completion(end),
    )


def _completion(content: Mapping[str, Any]) -> Completion:
    usage = content["usage"]
    return Completion(
        **{
            **content,
            "usage": None if usage is None else Usage(**usage),
            "notices": tuple(content["notices"]),
        }
    )
