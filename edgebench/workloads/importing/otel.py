"""OpenTelemetry ``gen_ai`` spans: OTLP JSON (one document or one export a line) and spans one a line.

A model call is one case: its input messages up to the last one of the user, if a message came back. They stand in
``gen_ai.input.messages`` (structured or as JSON), in the events of a span (``gen_ai.user.message`` …, also as log
records), or in numbered attributes (``gen_ai.prompt.0.content``, ``llm.input_messages.0.message.content``). Spans of
agents, tools and embeddings are passed over: their messages are those of the model calls inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgebench.workloads.importing import chats
from edgebench.workloads.importing.found import (
    NO_TEXT,
    SAYS_NOTHING,
    UNANSWERED,
    Broken,
    Found,
    Passed,
    Piece,
    text_of,
)
from edgebench.workloads.importing.logs import Log

ASKED = ("gen_ai.input.messages", "gen_ai.prompt", "input.value", "traceloop.entity.input")
ANSWERED = ("gen_ai.output.messages", "gen_ai.completion", "output.value", "traceloop.entity.output")
CALLS = ("chat", "text_completion", "generate_content", "completion", "message", "messages", "llm", "")
EVENTS = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant"}
_NUMBERED = re.compile(
    r"(?:gen_ai\.(prompt|completion)|llm\.(input_messages|output_messages|prompts|completions))\.(\d{1,4})\."
    r"(?:message\.)?(role|content)"
)
MOST_DEPTH = 24


def is_one(value: Any) -> bool:
    """Whether a log's entry is an export, or a span or log record with attributes of a model call."""
    if not isinstance(value, dict):
        return False
    if any(key in value for key in ("resourceSpans", "resourceLogs", "resource_spans", "scopeSpans")):
        return True
    names = [*_attributes(value), *(_name(event) for event in _events(value))]
    return any(name.startswith(("gen_ai.", "llm.")) for name in names)


def read(log: Log) -> Iterator[Piece]:
    """The model calls of a log; log records of one span are put together first."""
    loose: dict[tuple[str, str], list[tuple[int, Mapping[str, Any]]]] = {}
    for entry in log.entries():
        if isinstance(entry, Broken):
            yield entry
        elif not isinstance(entry.value, (dict, list)):
            yield Broken(entry.number, "not an object")
        else:
            for kind, span in _spans(entry.value):
                if kind == "log":
                    key = (
                        str(span.get("traceId", span.get("trace_id", ""))),
                        str(span.get("spanId", span.get("span_id", ""))),
                    )
                    loose.setdefault(key, []).append((entry.number, span))
                else:
                    yield _case(entry.number, span)
    for (trace, _), records in loose.items():
        first = records[0][0]
        yield _case(first, {"traceId": trace, "events": [record for _, record in records]})


def _spans(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Spans and log records, wherever an export holds them."""
    if isinstance(value, list):
        for one in value:
            yield from _spans(one)
        return
    if not isinstance(value, dict):
        return
    inner = False
    for key, kind in (("resourceSpans", ""), ("resource_spans", ""), ("resourceLogs", ""), ("scopeSpans", ""),
                      ("scope_spans", ""), ("scopeLogs", ""), ("instrumentationLibrarySpans", ""), ("spans", "span"),
                      ("logRecords", "log")):  # fmt: skip
        held = value.get(key)
        if isinstance(held, list):
            inner = True
            for one in held:
                if kind and isinstance(one, dict):
                    yield kind, one
                elif not kind:
                    yield from _spans(one)
    if not inner:
        record = "spanId" in value and ("body" in value or "severityText" in value or "observedTimeUnixNano" in value)
        yield "log" if record else "span", value


def _case(number: int, span: Mapping[str, Any]) -> Piece:
    attributes = _attributes(span)
    for event in _events(span):
        if _name(event).endswith("operation.details") or "gen_ai.input.messages" in _attributes(event):
            attributes = {**attributes, **_attributes(event)}
    operation = str(attributes.get("gen_ai.operation.name", attributes.get("llm.request.type", ""))).lower()
    if operation not in CALLS:
        return Passed("a span that is no model call")
    asked, answered = _told(attributes, _events(span))
    if not asked:
        return Passed("a span without messages (was content recorded?)")
    try:
        said = chats.turns(asked)
    except chats.NoText:
        return NO_TEXT
    turns = chats.last(said)
    if not turns:
        return SAYS_NOTHING
    if not answered:
        return UNANSWERED
    tags = {
        tag: text
        for tag, key in (("model", "gen_ai.request.model"), ("service", "service.name"), ("agent", "gen_ai.agent.name"))
        if (text := text_of(attributes.get(key))) is not None
    }
    conversation = text_of(attributes.get("gen_ai.conversation.id")) or text_of(attributes.get("session.id"))
    return Found(number, turns, tags=tags, conversation=conversation or "")


def _told(attributes: Mapping[str, Any], events: list[Mapping[str, Any]]) -> tuple[list[Any], bool]:
    """The messages asked with, and whether a message came back."""
    asked: list[Any] = []
    system = chats.opened(attributes.get("gen_ai.system_instructions"))
    if system:
        asked.append({"role": "system", "content": system if isinstance(system, str) else _listed(system)})
    numbered = _numbered(attributes)
    found: Any = next((value for key in ASKED if (value := chats.opened(attributes.get(key)))), None)
    if isinstance(found, dict) and isinstance(found.get("messages"), list):
        found = found["messages"]
    if chats.are_messages(found):
        asked += found
    elif numbered["asked"]:
        asked += numbered["asked"]
    else:
        asked += _of_events(events)
        if not any(isinstance(one, dict) and one.get("role") == "user" for one in asked) and isinstance(found, str):
            asked.append({"role": "user", "content": found})
    choices = [event for event in events if _name(event) in ("gen_ai.choice", "gen_ai.content.completion")]
    out = any(attributes.get(key) for key in ANSWERED) or bool(numbered["answered"]) or bool(choices)
    return asked, out and not attributes.get("error.type")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _numbered(attributes: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Messages kept as one attribute for each field of each message."""
    out: dict[str, dict[int, dict[str, Any]]] = {"asked": {}, "answered": {}}
    for key, value in attributes.items():
        match = _NUMBERED.fullmatch(key)
        if match:
            side = "asked" if (match[1] or match[2]) in ("prompt", "input_messages", "prompts") else "answered"
            out[side].setdefault(int(match[3]), {})[match[4]] = chats.opened(value) if match[4] == "content" else value
    for each in out["asked"].values():
        each.setdefault("role", "user")
    return {side: [each[n] for n in sorted(each)] for side, each in out.items()}


def _of_events(events: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    out = []
    for event in events:
        role = EVENTS.get(_name(event))
        content = {**_attributes(event), **(_body(event))}
        if role is not None:
            out.append(
                {"role": role, "content": chats.opened(content.get("content", content.get("gen_ai.event.content")))}
            )
        elif _name(event) == "gen_ai.content.prompt":
            held = chats.opened(content.get("gen_ai.prompt"))
            out += held if chats.are_messages(held) else [{"role": "user", "content": held}]
    return out


# --------------------------------------------------------------------------------------------------- OTLP values


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a plain dictionary, whether they are written as one or as a list of keys and typed values."""
    given = holder.get("attributes")
    if isinstance(given, dict):
        return {str(key): value for key, value in given.items()}
    out = {}
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and isinstance(one.get("key"), str):
            out[one["key"]] = _value(one.get("value"), 0)
    return out


def _value(value: Any, depth: int) -> Any:
    """``{"stringValue": …}`` and its like as the value itself."""
    if not isinstance(value, dict) or depth > MOST_DEPTH:
        return None if depth > MOST_DEPTH else value
    for key in ("stringValue", "string_value", "boolValue", "intValue", "doubleValue", "bytesValue"):
        if key in value:
            return value[key]
    held = value.get("arrayValue", value.get("array_value"))
    if isinstance(held, dict):
        inner = held.get("values")
        return [_value(one, depth + 1) for one in inner] if isinstance(inner, list) else []
    held = value.get("kvlistValue", value.get("kvlist_value"))
    if isinstance(held, dict):
        pairs = held.get("values")
        return {
            str(one.get("key")): _value(one.get("value"), depth + 1)
            for one in (pairs if isinstance(pairs, list) else [])
            if isinstance(one, dict)
        }
    return value


def _events(span: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    events = span.get("events")
    return [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []


def _name(event: Mapping[str, Any]) -> str:
    for key in ("eventName", "event_name", "name"):
        if isinstance(event.get(key), str):
            return str(event[key]).removeprefix("event.")
    return str(_attributes(event).get("event.name", ""))


def _body(event: Mapping[str, Any]) -> dict[str, Any]:
    body = chats.opened(_value(event.get("body"), 0))
    return body if isinstance(body, dict) else {"content": body} if isinstance(body, str) else {}
