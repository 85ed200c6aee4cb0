"""OpenAI-style chat logs: request and response bodies, batch files, gateways' logs, and conversations for tuning.

A line may be the request itself or hold it under ``request``, ``body``, ``input`` …; its answer stands beside it or,
of a batch, in another file under the same ``custom_id``. A request is one case: its last message of the user. A line
with a conversation and no answer beside it is as many cases as it has answered messages of the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgebench.records import Message
from edgebench.workloads.importing import chats
from edgebench.workloads.importing.found import (
    NO_TEXT,
    NONE_ANSWERED,
    SAYS_NOTHING,
    UNANSWERED,
    Broken,
    Entry,
    Found,
    Noted,
    Passed,
    Piece,
    scalars,
    text_of,
)
from edgebench.workloads.importing.logs import Log

REQUESTS = ("request", "request_body", "requestBody", "body", "req", "input", "kwargs", "params", "payload")
ANSWERS = ("response", "response_body", "responseBody", "resp", "output", "completion", "choices", "result", "answer")
CONVERSATIONS = (
    "conversation_id",
    "conversation",
    "session_id",
    "session",
    "thread_id",
    "chat_id",
    "previous_response_id",
)
NO_TAGS = {"id", "custom_id", "object", "created", "created_at", "timestamp", "time", "user", "user_id", "request_id",
           "trace_id", "error", "status_code", "status", "method", *CONVERSATIONS, *REQUESTS, *ANSWERS}  # fmt: skip


def is_one(value: Any) -> bool:
    """Whether a log's entry is a chat request, an answer, or both."""
    return isinstance(value, dict) and (_request(value) is not None or _is_batch_answer(value))


def read(log: Log, batch: frozenset[str] = frozenset()) -> Iterator[Piece]:
    """The cases of a log; ``batch``: the ids of batch requests that were answered (see :func:`answered_ids`)."""
    with_answers = bool(batch) or any(
        isinstance(entry.value, dict) and (_answer(entry.value) is not None or _spoken(entry.value))
        for entry in log.sample()
    )
    if not with_answers:
        yield Noted(f"{log.name} holds no answers: the last message of every request is taken")
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
        else:
            yield from _cases(entry, with_answers, batch)


def answered_ids(logs: Sequence[Log]) -> frozenset[str]:
    """The ``custom_id`` of every batch request that got an answer, over all files given."""
    out = set()
    for log in logs:
        if any(isinstance(entry.value, dict) and _is_batch_answer(entry.value) for entry in log.sample()):
            for entry in log.entries():
                value = entry.value if isinstance(entry, Entry) else None
                if isinstance(value, dict) and _is_batch_answer(value) and _answer(value):
                    out.add(str(value["custom_id"]))
    return frozenset(out)


def _cases(entry: Entry, with_answers: bool, batch: frozenset[str]) -> Iterator[Piece]:
    value = entry.value
    if _is_batch_answer(value):
        yield Passed("an answer of a batch, whose request stands in the file that was sent")
        return
    request = _request(value)
    if request is None:
        yield Broken(entry.number, "no messages")
        return
    try:
        said = chats.turns(_messages(request))
    except chats.NoText:
        yield NO_TEXT
        return
    tags = {**scalars(value, without=NO_TAGS), **_tags(request)}
    conversation = next((text for key in CONVERSATIONS if (text := text_of(value.get(key)))), "")
    answer = _answer(value)
    if answer is None and said and said[-1].role == "assistant":
        yield from _conversation(entry.number, said, tags, conversation or f"line {entry.number}")
        return
    known = answer if answer is not None else not batch or str(value.get("custom_id")) in batch
    turns = chats.last(said)
    if not turns:
        yield SAYS_NOTHING
    elif not known or (answer is None and with_answers and not batch):
        yield UNANSWERED
    else:
        yield Found(entry.number, turns, tags=tags, conversation=conversation)


def _conversation(number: int, said: Sequence[Message], tags: Mapping[str, str], conversation: str) -> Iterator[Piece]:
    count = 0
    for turns in chats.answered(said):
        count += 1
        yield Found(number, turns, tags=tags, conversation=conversation)
    if not count:
        yield NONE_ANSWERED


def _tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The model asked, and the metadata somebody sent along."""
    metadata = request.get("metadata")
    given = scalars(metadata, without=NO_TAGS) if isinstance(metadata, dict) else {}
    model = text_of(request.get("model"))
    return {**given, **({"model": model} if model else {})}


def _request(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object that holds the messages."""
    if _messages(value):
        return dict(value)
    for key in REQUESTS:
        inner = chats.opened(value.get(key))
        if isinstance(inner, dict):
            body = chats.opened(inner.get("body"))
            for one in (inner, body):
                if isinstance(one, dict) and _messages(one):
                    return one
    return None


def _messages(request: Mapping[str, Any]) -> list[Any]:
    """The messages of a chat, response or completion request; a bare text is one of the user."""
    first: list[Any] = []
    instructions = request.get("instructions")
    if isinstance(instructions, str) and instructions.strip():
        first = [{"role": "system", "content": instructions}]
    for key in ("messages", "conversation", "conversations", "chat", "input", "prompt"):
        content = chats.opened(request.get(key))
        if isinstance(content, dict):
            content = chats.opened(content.get("messages"))
        if chats.are_messages(content):
            return [*first, *content]
        if isinstance(content, str) and content.strip() and key in ("input", "prompt") and "model" in request:
            return [*first, {"role": "user", "content": content}]
    return []


def _is_batch_answer(value: Mapping[str, Any]) -> bool:
    return (
        text_of(value.get("custom_id")) is not None
        and "body" not in value
        and ("response" in value or "error" in value)
    )


def _spoken(value: Mapping[str, Any]) -> bool:
    """Whether a conversation ends with the assistant."""
    request = _request(value)
    messages = _messages(request) if request else []
    return (
        bool(messages)
        and isinstance(messages[-1], dict)
        and chats.ROLES.get(chats.role_of(messages[-1]) or "") == "assistant"
    )


def _answer(value: Mapping[str, Any]) -> bool | None:
    """Whether a request was answered; None where its line does not say."""
    if value.get("error"):
        return False
    for key in ANSWERS:
        if key in value:
            return _is_answer(chats.opened(value[key]))
    return None


def _is_answer(response: Any) -> bool:
    if isinstance(response, str):
        return bool(response.strip())
    if isinstance(response, list):
        return bool(response)
    if not isinstance(response, dict):
        return False
    status = response.get("status_code", response.get("status", 200))
    if response.get("error") or (isinstance(status, int) and status >= 400):
        return False
    body = chats.opened(response.get("body"))
    inner = body if isinstance(body, dict) else response
    return not inner.get("error") and any(
        inner.get(key) for key in ("choices", "output", "content", "text", "message", "output_text")
    )
