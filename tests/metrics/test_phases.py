"""Where the time goes: every part once, in order, from the stamps and from what wire and engine told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebench.metrics.phases import JOURNEY, cached_share, mixed_caches, phases
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Call, Failure, Record, Run, Usage
from tests import builders
from tests.builders import MS, Arm

HOSTED = {"write": MS // 10, "first_byte": 4 * MS, "server_think": 5 * MS, "provider": 3 * MS}
DIALLED = {"dns": 2 * MS, "connect": 3 * MS, "tls": 7 * MS}


def hosted(record: Record) -> Record:
    """The record as an API's: 20 ms to the first token after sending, 10 ms of stream; connecting in cold ones."""
    (call,) = record.calls
    new = record.cold
    sent = record.due_ns + (12_100_000 if new else 100_000)
    first, done = sent + 20 * MS, sent + 30 * MS
    told = {**HOSTED, **(DIALLED if new else {})}
    call = replace(
        call,
        sent_ns=sent,
        first_ns=first,
        done_ns=done,
        end_ns=done,
        chunk_ns=(first, done),
        phases=told,
        connection="new" if new else "kept-alive",
    )
    return replace(record, calls=(call,), sent_ns=sent, done_ns=done)


def made(**arm: object) -> Run:
    return builders.run({"a": Arm(**arm)}, items=48)  # type: ignore[arg-type]


def api() -> Run:
    run = made(placement="hosted", kind="openai", model="gpt-4o-mini")
    return replace(run, records=tuple(hosted(record) for record in run.records))


def one(run: Run) -> ArmColumns:
    (arm,) = columns(run).values()
    return arm


def test_a_hosted_request_is_taken_apart() -> None:
    """Medians in milliseconds with n and interval, in the order of the journey; new and kept connections apart."""
    found = phases(one(api()))
    assert list(found) == [name for name in JOURNEY if name in found]
    values = {name: round(estimate.value or 0, 6) for name, estimate in found.items()}
    assert values == {
        "lag": 0.1,
        "dns": 2.0,
        "connect": 3.0,
        "tls": 7.0,
        "write": 0.1,
        "first_byte": 4.0,
        "server_think": 5.0,
        "provider": 3.0,
        "first_token": 19.9,
        "streaming": 10.0,
        "new_connection": 42.1,
        "kept_connection": 30.1,
    }
    assert {name: found[name].n for name in ("dns", "tls", "new_connection")} == dict.fromkeys(
        ("dns", "tls", "new_connection"), 4
    )
    assert found["write"].n == found["kept_connection"].n == 44
    assert found["write"].low is not None and found["dns"].low is None
    assert "cold" in str(found["tls"].note) and "not ours" in str(found["provider"].note)


def test_a_local_request_is_taken_apart() -> None:
    """Prefill and decode as the engine says, the pipe and the queue by our stamps; no connection, no first token."""
    run = made()
    told = [
        replace(record, calls=(replace(call, pipe_ns=MS // 4, phases={"queue": 2 * MS, **call.phases}),))
        for record in run.records
        for call in record.calls
    ]
    found = phases(one(replace(run, records=tuple(told))))
    assert list(found) == ["lag", "queue", "prefill", "decode", "pipe"]
    assert found["pipe"].value == 0.25 and found["queue"].value == 2.0
    assert {estimate.n for estimate in found.values()} == {44}


def test_queueing_is_not_our_lag() -> None:
    """Sent 5 ms after it was due, of which it waited 4.5 for its turn: the client was half a millisecond late."""
    run = made()
    records = []
    for record in run.records:
        sent = record.due_ns + 5 * MS
        call = replace(record.calls[0], sent_ns=sent, phases={"queue": 4_500_000})
        records.append(replace(record, sent_ns=sent, calls=(call,)))
    assert phases(one(replace(run, records=tuple(records))))["lag"].value == pytest.approx(0.5)


def test_second_tries_are_told_apart() -> None:
    """Each retry is a call with a latency of its own, answered or not; parts are those of the call that answered."""
    run = made()

    def tried_again(record: Record) -> Record:
        (call,) = record.calls
        lost = Failure("refused", "nobody")
        first = Call("answer", record.due_ns, sent_ns=record.due_ns, end_ns=record.due_ns + MS, failure=lost)
        second = replace(first, role="retry", attempt=1, due_ns=record.due_ns + 5 * MS, end_ns=record.due_ns + 9 * MS)
        assert call.done_ns is not None
        return replace(record, calls=(first, second, replace(call, role="retry", attempt=2, due_ns=call.done_ns - MS)))

    records = tuple(tried_again(record) if k % 4 == 1 else record for k, record in enumerate(run.records))
    found = phases(one(replace(run, records=records)))
    assert found["retry"].n == 24 and found["retry"].value in (1.0, 4.0)
    assert found["retry"].note == "12 of 24 failed again"
    assert found["prefill"].n == 44


def test_failed_requests_tell_no_parts_and_no_requests_tell_none() -> None:
    """Absent is not there."""
    assert phases(one(made(failure_rate=1.0))) == {}
    assert phases(one(replace(made(), records=()))) == {}


def test_repeated_items_do_not_narrow_the_interval() -> None:
    """Twelve items asked four times are worth less than forty-eight."""
    rng = np.random.default_rng(3)
    spans = rng.lognormal(3, 0.5, 12)

    def run(repeated: bool) -> Run:
        base = made()
        records = []
        for k, record in enumerate(base.records):
            ns = int((spans[k % 12] if repeated else rng.lognormal(3, 0.5)) * MS)
            digest = base.records[k % 12].item_digest if repeated else record.item_digest
            call = replace(record.calls[0], phases={"prefill": ns})
            records.append(replace(record, calls=(call,), item_digest=digest))
        return replace(base, records=tuple(records))

    few, many = (phases(one(run(repeated)))["prefill"] for repeated in (True, False))
    assert few.low is not None and few.high is not None and many.low is not None and many.high is not None
    assert "independent" in few.method
    assert few.high - few.low > many.high - many.low


def test_the_summary_holds_them_and_marks_a_stand_in() -> None:
    """A stand-in's parts are no cloud's."""
    run = made(placement="stand-in")
    (arm,) = summarise(run).arms
    assert set(arm.phases) == {"lag", "prefill", "decode"}
    assert {estimate.provenance for estimate in arm.phases.values()} == {"stand-in"}


def caches(shares: dict[str, float | None], details: bool = True) -> Run:
    """Arms whose prompts of 100 tokens were found in a cache to these shares; None: nobody said."""
    run = builders.run({name: Arm() for name in shares}, items=24)
    by_trial = {trial.id: trial.target for trial in run.trials}
    records = []
    for record in run.records:
        share = shares[by_trial[record.trial_id]]
        cached = None if share is None else round(100 * share)
        call = replace(record.calls[0], usage=Usage(100, 3, cached))
        records.append(replace(record, calls=(call,)))
    known = {"prompt_cache": "as-is"} if details else {}
    identities = {name: replace(identity, details=known) for name, identity in run.identities.items()}
    return replace(run, records=tuple(records), identities=identities)


def test_a_warm_cache_beside_a_cold_one_is_warned_of() -> None:
    """With the shares, and the option to set; a few shared tokens are no warm cache."""
    summary = summarise(caches({"a": 0.87, "b": 0.0, "c": 0.05}))
    (warning,) = [line for line in summary.warnings if "cache" in line]
    assert "a · zero-shot 87%" in warning and "b · zero-shot 0%, c · zero-shot 5%" in warning
    assert "options.prompt_cache" in warning
    assert summary.arms[0].phases["prefill"].note == "87% of the prompt tokens came from a cache"


@pytest.mark.parametrize(
    ("shares", "details"),
    [
        ({"a": 0.87, "b": 0.6}, True),
        ({"a": 0.0, "b": 0.05}, True),
        ({"a": 0.87, "b": None}, True),  # nobody knows
        ({"a": 0.87, "b": 0.0}, False),  # an engine without a prompt cache cannot have a cold one
    ],
)
def test_no_warning_without_a_difference(shares: dict[str, float | None], details: bool) -> None:
    """All warm, all cold, unknown, or no cache to speak of."""
    table = columns(caches(shares, details))
    assert mixed_caches(table.values()) is None
    assert cached_share(next(iter(table.values()))) == next(iter(shares.values()))
