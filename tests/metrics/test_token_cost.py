"""What records cost by the token: exact totals, retries, and targets made of others, part by part."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price

from edgebench.metrics.composite_cost import charge_parts
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.devices import load_device
from edgebench.metrics.prices import PriceBook, load_prices
from edgebench.metrics.table import occupied
from edgebench.metrics.token_cost import by_tokens
from edgebench.records import Call, Failure, Identity, Plan, PriceSpec, Record, Run, TargetSpec, Usage, WorkloadSpec
from edgebench.run.spending import Bill
from tests import builders

START = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
S = 1_000_000_000


def hosted(model: str, provider: str) -> tuple[PriceBook, TargetSpec, Identity]:
    spec = TargetSpec(kind="openai", model=model, price=PriceSpec(provider=provider))  # type: ignore[arg-type]
    plan = Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"api": spec})
    return PriceBook(plan), spec, Identity("api", "openai", "hosted", model)


def record(*calls: Call, at: int = 0) -> Record:
    return Record(f"t/{at}", "t", "s1", "i", at, 0, 0, 1, calls)


def said(usage: Usage | None, at: datetime = START, **fields: Any) -> Call:
    return Call("answer", 0, usage=usage, wall_s=at.timestamp(), **fields)


@pytest.mark.parametrize(
    ("provider", "model"), [("deepseek", "deepseek-chat"), ("google", "gemini-2.5-pro"), ("perplexity", "sonar")]
)
def test_the_total_of_many_calls_is_the_sum_of_their_prices_to_the_last_decimal(provider: str, model: str) -> None:
    """400 calls over two hours and two lengths of context: multiplied once per card, and not a digit lost."""
    rng = np.random.default_rng(3)
    book, spec, identity = hosted(model, provider)
    calls, theirs = [], Decimal(0)
    for _ in range(400):
        at = datetime.fromtimestamp(START.timestamp() + float(rng.uniform(0, 7200)), UTC)
        tokens, out = int(rng.integers(1, 400_000)), int(rng.integers(0, 999))
        cached = int(rng.integers(0, tokens))
        calls.append(said(Usage(tokens, out, cached), at))
        usage = TheirUsage(input_tokens=tokens, cache_read_tokens=cached, output_tokens=out)
        theirs += calc_price(usage, model, provider_id=provider, genai_request_timestamp=at).total_price
    found = by_tokens(book, spec, identity, [record(call, at=n) for n, call in enumerate(calls)], [0.0] * 400)
    assert sum(part.usd_per_1k for part in found.cost.parts) == pytest.approx(theirs / 400 * 1000, rel=Decimal("1e-24"))
    assert float(found.usd.sum()) == pytest.approx(float(theirs), rel=1e-12)
    assert found.cost.priced == 400 and found.cost.unpriced == 0


@pytest.mark.parametrize("tokens", [(200_000, 200_001), (200_001, 200_000)])
def test_requests_on_both_sides_of_a_long_context_keep_their_own_rates(tokens: tuple[int, int]) -> None:
    """Whichever comes first: at the threshold the short rate holds, above it the long one."""
    book, spec, identity = hosted("gemini-2.5-pro", "google")
    found = by_tokens(book, spec, identity, [record(said(Usage(n, 0, 0)), at=n) for n in tokens], [0.0] * 2)
    each = {200_000: 200_000 * 1.25e-6, 200_001: 200_001 * 2.5e-6}
    assert found.usd.tolist() == pytest.approx([each[n] for n in tokens])
    assert sum(part.usd_per_1k for part in found.cost.parts) == (
        (200_000 * Decimal("1.25") + 200_001 * Decimal("2.5")) / 1_000_000 / 2 * 1000
    )


def test_retries_and_failures_that_counted_tokens_are_in_the_bill() -> None:
    """A stream that broke after its tokens were counted costs as much as one that did not; a 429 costs nothing."""
    book, spec, identity = hosted("gpt-4o-mini", "openai")
    usage = Usage(1000, 100, 0)
    plain = record(said(usage))
    broken = record(said(usage, failure=Failure("stream_error")), said(usage))
    refused = record(said(None, failure=Failure("rate_limited")), said(usage))
    found = by_tokens(book, spec, identity, [plain, broken, refused], [0.0] * 3)
    assert found.usd.tolist() == pytest.approx([0.00021, 0.00042, 0.00021])
    assert found.note is None


def test_a_request_with_a_call_nobody_can_price_is_in_no_total() -> None:
    """Its priced calls are left out of the parts as well, so that the parts are those of the mean; n of N is said."""
    book, spec, identity = hosted("gpt-4o-mini", "openai")
    usage = Usage(1000, 100, 0)
    lost = record(said(usage), said(None, failure=Failure("timeout")))
    found = by_tokens(book, spec, identity, [lost, *[record(said(usage), at=n) for n in range(1, 40)]], [0.0] * 40)
    assert np.isnan(found.usd[0]) and found.note == "unpriced: 1 of 41 calls, their requests left out"
    assert sum(part.usd_per_1k for part in found.cost.parts) == Decimal("0.21")


# --------------------------------------------------------------------------------------------- targets made of others


def cascade(deferred: int = 10, items: int = 40, **cloud: Any) -> Run:
    """A cascade of a device and an API: the edge answers everything in 2 s, the cloud the first few again in 1 s."""
    run = builders.run({"both": builders.Arm(kind="cascade", model="")}, items=items)
    targets = {
        "small": TargetSpec(kind="fake", device="pi-5-8gb"),
        "api": TargetSpec(kind="openai", model="gpt-4o-mini", **cloud),
        "both": replace(run.plan.targets["both"], options={"edge": "small", "cloud": "api"}),
    }
    identities = {
        "small": Identity("small", "fake", "device", "small"),
        "api": Identity("api", "openai", "hosted", "gpt-4o-mini"),
        "both": Identity("both", "cascade", "device"),
    }
    wall_s = START.timestamp()
    records = []
    for n, one in enumerate(run.records):
        due = one.due_ns + n * 10 * S
        edge = Call("answer", due, due, done_ns=due + 2 * S, usage=Usage(50, 3, 0), target="small", wall_s=wall_s)
        calls: tuple[Call, ...] = (edge,)
        if n < deferred:
            sent = due + 2 * S
            calls = (edge, Call("defer", due, sent, done_ns=sent + S, usage=Usage(1000, 100, 0), target="api", wall_s=wall_s))  # fmt: skip  # noqa: E501
        records.append(replace(one, calls=calls, due_ns=due, sent_ns=due, done_ns=due + 3 * S))
    return replace(run, plan=replace(run.plan, targets=targets), identities=identities, records=tuple(records))


def charges(run: Run) -> Any:
    return charge_parts(
        run, load_prices(run.plan), "both", run.records, [START.timestamp()] * len(run.records), occupied
    )


def test_a_cascade_costs_the_busy_seconds_of_its_edge_and_the_tokens_of_its_cloud() -> None:
    """Each record: Σ over its calls, each at its own part's price; every term under its part's name."""
    found = charges(cascade())
    busy_usd = float(sum(device_rates(load_device("pi-5-8gb")).values()) * 2)
    assert found.usd.tolist() == pytest.approx([busy_usd + 0.00021] * 10 + [busy_usd] * 30)
    parts = {part.name: part for part in found.cost.parts}
    assert {"small: purchase", "small: active energy", "small: idle energy"} < parts.keys()
    assert parts["api: input tokens"].usd_per_1k == Decimal("0.15") * 1000 * 10 / 40 / 1000
    assert float(sum(part.usd_per_1k for part in parts.values())) == pytest.approx(1000 * found.usd.mean())
    assert parts["api: input tokens"].provenance == "declared" and found.provenance == "estimated"
    assert found.cost.source["api: provider"] == "openai" and found.cost.source["small: device"] == "pi-5-8gb"
    assert set(found.of) == {"small", "api"} and found.of["small"].device is not None


def test_a_cascade_that_never_defers_costs_its_edge_alone() -> None:
    found = charges(cascade(deferred=0))
    assert found.cost.why_absent is None and set(found.of) == {"small"}


def test_a_part_without_a_price_leaves_the_whole_without_one() -> None:
    """Absent, and it says which part and why; the edge's own cost is no answer to what the cascade costs."""
    found = charges(cascade(base_url="https://nobody.example/v1"))
    assert found.cost.why_absent is not None and found.cost.why_absent.startswith("api: unpriced: 10 of 10 calls")
    assert np.isnan(found.usd).all() and found.cost.parts == ()


def test_a_cascade_whose_cloud_once_failed_unbilled_or_not_is_summed_over_the_rest() -> None:
    """One timeout of forty deferred calls: its record is out, and the parts are of the other 39."""
    run = cascade(deferred=40)
    edge, cloud = run.records[0].calls
    slow = replace(edge, done_ns=edge.due_ns + 7 * S)  # so that a mean over all 40 would show
    late = replace(cloud, sent_ns=edge.due_ns + 7 * S, done_ns=edge.due_ns + 8 * S)
    lost = replace(run.records[0], calls=(slow, replace(late, usage=None, failure=Failure("timeout"))))
    found = charges(replace(run, records=(lost, *run.records[1:])))
    assert np.isnan(found.usd[0]) and np.isfinite(found.usd[1:]).all()
    assert float(sum(part.usd_per_1k for part in found.cost.parts)) == pytest.approx(1000 * found.usd[1:].mean())
    assert "api: unpriced: 1 of 40" in found.note


def test_a_call_of_which_nobody_knows_who_answered_is_unpriced() -> None:
    """Unless it was refused at the door, where nothing is billed whoever it was."""
    run = cascade(deferred=40)
    for kind, priced in (("timeout", False), ("refused", True)):
        odd = Call("answer", 0, failure=Failure(kind))
        first = replace(run.records[0], calls=(*run.records[0].calls, odd))
        found = charges(replace(run, records=(first, *run.records[1:])))
        assert bool(np.isfinite(found.usd[0])) is priced and found.cost.unpriced == (0 if priced else 1)


def test_a_budget_counts_a_cascades_calls_at_their_own_parts_prices() -> None:
    """Dollars spent so far: the cloud's tokens, and nothing for the edge."""
    run = cascade()
    plan = replace(run.plan, budget=replace(run.plan.budget, usd=1.0))
    assert Bill(plan).of_run(replace(run, plan=plan)) == pytest.approx(10 * 0.00021)
