"""Packs records and calls into small rows, with every text kept once.

The instruction and the examples come back in every request, so a request is taken apart into up to four texts —
``head`` (all messages but the last), ``last``, ``words`` (when they differ from the last message) and ``form``
(choices, schema, limits) — each known by the SHA-256 of its JSON. Stamps are kept as distances from ``due_ns``,
chunk stamps as gaps. Both the store's tables and the bundle's files are made of these rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from edgebench.records import Answer, Call, Failure, Item, Message, Plan, Record, Request, Workload
from edgebench.store.codec import decode, dumps, encode, loads

T = TypeVar("T")
Row = dict[str, Any]
Texts = dict[bytes, str]  # SHA-256 → JSON
Fields = Any  # a row as the database or a file gives it: subscripted by column names

#: what data that is not what we wrote can raise while it becomes a noun
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)

PIECES = ("head", "last", "words", "form")
_STAMPS = ("sent_ns", "first_ns", "first_content_ns", "done_ns", "end_ns")


# --------------------------------------------------------------------------------------------------- experiments


def pack_plan(plan: Plan) -> str:
    """The plan with its digest: the digest stays when a later version gives plans new fields."""
    return dumps({"digest": plan.digest, "plan": encode(plan)})


def unpack_plan(text: str) -> Plan:
    data = loads(text)
    return _with_digest(decode(Plan, data["plan"]), data["digest"])


def pack_workload(workload: Workload) -> str:
    """The workload with its items' digests: they stay those of what was asked, whatever is done to the texts."""
    digests = [item.digest for item in workload.items]
    return dumps({"digest": workload.digest, "item_digests": digests, "workload": encode(workload)})


def unpack_workload(text: str) -> Workload:
    data = loads(text)
    workload = decode(Workload, data["workload"])
    if len(data["item_digests"]) != len(workload.items):
        raise ValueError("a workload with another number of digests than items")
    for item, known in zip(workload.items, data["item_digests"], strict=True):
        _with_digest(item, known)
    return _with_digest(workload, data["digest"])


def with_items(workload: Workload, change: Callable[[Item], Item]) -> Workload:
    """The workload with changed items that keep the digests of the originals, so that runs still pair."""
    items = tuple(_with_digest(change(item), item.digest) for item in workload.items)
    return _with_digest(replace(workload, items=items), workload.digest)


def with_plan(plan: Plan, **fields: Any) -> Plan:
    """The plan with other fields, still known by the digest it ran under."""
    return _with_digest(replace(plan, **fields), plan.digest)


def _with_digest(noun: T, known: str) -> T:
    if type(known) is not str:
        raise ValueError("a digest that is no text")
    noun.__dict__["digest"] = known  # where cached_property looks first
    return noun


# --------------------------------------------------------------------------------------------------- records


def pack_record(record: Record) -> tuple[Row, list[Row], Texts]:
    """A record as one row, its calls as rows, and the texts these rows refer to."""
    texts: Texts = {}
    calls = [pack_call(call, number, record, texts) for number, call in enumerate(record.calls)]
    failure, answer = record.failure, record.answer
    row = {
        "id": record.id,
        "trial_id": record.trial_id,
        "segment_id": record.segment_id,
        "item_digest": record.item_digest,
        "idx": record.index,
        "due_ns": record.due_ns,
        "sent_ns": record.sent_ns,
        "done_ns": record.done_ns,
        "answer": None if answer is None else dumps(answer.text),
        "confidence": None if answer is None else answer.confidence,
        "failure": None if failure is None else failure.kind,
        "message": None if failure is None else dumps(failure.message),
        "cold": record.cold,
    }
    return row, calls, texts


def pack_call(call: Call, number: int, record: Record, texts: Texts) -> Row:
    """One call as a row; its texts are added to ``texts``."""
    due = call.due_ns
    body = encode(call)
    body.pop("request", None)
    body["at"] = [due, *(None if at is None else at - due for at in (getattr(call, name) for name in _STAMPS))]
    for name in ("role", "due_ns", *_STAMPS):
        body.pop(name, None)
    if call.chunk_ns:
        body["chunk_ns"] = _gaps(due, call.chunk_ns)
    row: Row = {"record_id": record.id, "number": number, "role": call.role}
    row["failure"] = None if call.failure is None else call.failure.kind
    row |= dict.fromkeys(PIECES)
    if call.request is not None:
        row |= _pack_request(call.request, texts)
        if call.request.item_digest != record.item_digest:
            body["item_digest"] = call.request.item_digest
    row["body"] = dumps(body)
    return row


def _gaps(start: int, stamps: Iterable[int]) -> list[int]:
    gaps, before = [], start
    for stamp in stamps:
        gaps.append(stamp - before)
        before = stamp
    return gaps


def _pack_request(request: Request, texts: Texts) -> Row:
    messages = request.messages
    last = messages[-1] if messages else None
    form = encode(request)
    for name in ("messages", "text", "item_digest"):
        form.pop(name, None)
    return {
        "head": _keep([[m.role, m.content] for m in messages[:-1]], texts) if len(messages) > 1 else None,
        "last": _keep([[last.role, last.content]], texts) if last else None,
        "words": None if last and last.content == request.text else _keep(request.text, texts),
        "form": _keep(form, texts),
    }


def _keep(value: Any, texts: Texts) -> bytes:
    body = dumps(value)
    key = text_key(body)
    texts[key] = body
    return key


def text_key(body: str) -> bytes:
    """What a text is known by."""
    return hashlib.sha256(body.encode()).digest()


class Unpacker:
    """Rows into records again; equal requests become one shared object."""

    def __init__(self, texts: Mapping[bytes, str]) -> None:
        self._texts = texts
        self._messages: dict[bytes, tuple[Message, ...]] = {}
        self._requests: dict[tuple[Any, ...], Request] = {}

    def record(self, row: Fields, calls: tuple[Call, ...]) -> Record:
        answer = None if row["answer"] is None else Answer(_word(row["answer"]), row["confidence"])
        failure = None if row["failure"] is None else Failure(row["failure"], _word(row["message"]))
        return Record(
            id=row["id"],
            trial_id=row["trial_id"],
            segment_id=row["segment_id"],
            item_digest=row["item_digest"],
            index=row["idx"],
            due_ns=row["due_ns"],
            sent_ns=row["sent_ns"],
            done_ns=row["done_ns"],
            calls=calls,
            answer=answer,
            failure=failure,
            cold=bool(row["cold"]),
        )

    def call(self, row: Fields, item_digest: str) -> Call:
        data = loads(row["body"])
        item_digest = data.pop("item_digest", item_digest)
        due, *stamps = data.pop("at")
        data |= {name: None if at is None else due + at for name, at in zip(_STAMPS, stamps, strict=True)}
        if "chunk_ns" in data:
            data["chunk_ns"] = _stamps(due, data["chunk_ns"])
        call = decode(Call, data | {"role": row["role"], "due_ns": due})
        if row["form"] is not None:
            object.__setattr__(call, "request", self._request(row, item_digest))  # not yet seen by anybody
        return call

    def _request(self, row: Fields, item_digest: str) -> Request:
        key = (row["head"], row["last"], row["words"], row["form"], item_digest)
        if key not in self._requests:
            head, last = self._message_list(row["head"]), self._message_list(row["last"])
            text = loads(self._text(row["words"])) if row["words"] else last[0].content
            form = loads(self._text(row["form"])) | {"messages": [], "text": text, "item_digest": item_digest}
            self._requests[key] = replace(decode(Request, form), messages=head + last)
        return self._requests[key]

    def _message_list(self, key: bytes | None) -> tuple[Message, ...]:
        if key is None:
            return ()
        if key not in self._messages:
            pairs = [{"role": role, "content": content} for role, content in loads(self._text(key))]
            self._messages[key] = tuple(decode(Message, pair) for pair in pairs)
        return self._messages[key]

    def _text(self, key: bytes) -> str:
        try:
            return self._texts[key]
        except KeyError:
            raise ValueError(f"the text {key.hex()[:8]} is missing") from None


def _stamps(start: int, gaps: Iterable[int]) -> list[int]:
    stamps, at = [], start
    for gap in gaps:
        at += gap
        stamps.append(at)
    return stamps


def _word(text: str) -> str:
    word = loads(text)
    if type(word) is not str:
        raise ValueError("a text that is no text")
    return word
