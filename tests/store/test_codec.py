"""Nouns become JSON and come back as they were."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.records import (
    Call,
    Failure,
    FrozenRate,
    Identity,
    Item,
    Message,
    ModelCard,
    Plan,
    Reading,
    Record,
    Request,
    Score,
    Segment,
    TargetSpec,
    Trial,
    Usage,
    Workload,
)
from edgebench.store.codec import decode, dumps, encode, loads
from edgebench.store.packing import Unpacker, pack_plan, pack_record, pack_workload, unpack_plan, unpack_workload
from tests.store.nouns import noun

NOUNS = (Plan, Workload, Item, Trial, Identity, Segment, Record, Call, Request, Reading, Score, ModelCard, FrozenRate)


@pytest.mark.parametrize("kind", NOUNS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_noun_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    """Every field of every noun survives strict JSON: decimals, tuples, chats, half characters."""
    value = data.draw(noun(kind))
    assert decode(kind, loads(dumps(encode(value)).encode())) == value


@given(record=noun(Record))
@settings(max_examples=60, deadline=None)
def test_packed_records_come_back_as_they_were(record: Record) -> None:
    """Taking requests apart and keeping stamps as distances loses nothing."""
    row, calls, texts = pack_record(record)
    unpacker = Unpacker(texts)
    assert unpacker.record(row, tuple(unpacker.call(call, record.item_digest) for call in calls)) == record


@given(plan=noun(Plan), workload=noun(Workload))
@settings(max_examples=15, deadline=None)
def test_plans_and_workloads_keep_the_digest_they_were_stored_with(plan: Plan, workload: Workload) -> None:
    """A digest is part of what is stored, so that a later version's new fields do not change it."""
    plan.__dict__["digest"], workload.__dict__["digest"] = "p" * 64, "w" * 64
    for k, item in enumerate(workload.items):
        item.__dict__["digest"] = f"{k}"
    again, job = unpack_plan(pack_plan(plan)), unpack_workload(pack_workload(workload))
    assert (again, job) == (plan, workload)
    assert (again.digest, job.digest) == ("p" * 64, "w" * 64)
    assert [item.digest for item in job.items] == [f"{k}" for k in range(len(job.items))]


def test_numbers_that_json_cannot_say_survive() -> None:
    """Not-a-number and infinity are written as words; an engine's float32 becomes a number."""
    assert loads(dumps(encode(Identity("a", "b", "device", bits_per_weight=math.inf)))) == {
        "name": "a",
        "kind": "b",
        "placement": "device",
        "bits_per_weight": "inf",
    }
    odd = decode(Call, loads(dumps(encode(Call("answer", 1, confidence=math.nan)))))
    assert odd.confidence is not None
    assert math.isnan(odd.confidence)
    engine: Any = np.float32(0.5)
    assert loads(dumps(encode(Call("answer", 1, confidence=engine))))["confidence"] == 0.5
    assert decode(TargetSpec, loads(dumps(encode(TargetSpec("k", options={"x": engine}))))).options == {"x": 0.5}


@pytest.mark.parametrize(
    ("kind", "data", "word"),
    [
        (Usage, {"input_tokens": "many"}, "Usage.input_tokens"),
        (Usage, {"input_tokens": True}, "whole number"),
        (Usage, {"counted_by": "nobody"}, "one of engine"),
        (Usage, {"colour": 1}, "unknown to this version"),
        (Usage, [], "not a Usage"),
        (Failure, {}, "has no kind"),
        (Message, {"role": "user", "content": None}, "Message.content"),
        (Item, {"id": "1", "input": 5}, "Item.input"),
        (Item, {"id": "1", "input": [{"role": "user"}]}, "has no content"),
        (Item, {"id": "1", "input": "x", "reference": {"$": "pickle", "v": "x"}}, "a value we write"),
        (Item, {"id": "1", "input": "x", "tags": ["a"]}, "not a mapping"),
        (Trial, {"id": 1}, "has no"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(kind: type[Any], data: Any, word: str) -> None:
    """Data from strangers of another shape is a ValueError that names the field."""
    with pytest.raises(ValueError, match=word):
        decode(kind, data)


def test_json_that_is_no_json_is_refused() -> None:
    """Constants outside the standard and bottomless nesting are value errors too."""
    for text in ("NaN", "[Infinity]", "[" * 100_000):
        with pytest.raises(ValueError, match=r".+"):
            loads(text)
