"""Pricing: 100,000 stored requests of four models over two days

Rate cards are looked up once per model, tier and hour and then only multiplied. The peer is genai-prices itself, called
once for each request, on a tenth of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from benchmarks.result import Result, of
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.token_cost import by_tokens
from edgebench.records import Call, Identity, Plan, PriceSpec, Record, TargetSpec, Usage, WorkloadSpec

MODELS = {
    "openai": ("gpt-4o-mini", "batch"),
    "google": ("gemini-2.5-pro", "standard"),  # dearer above 200,000 tokens
    "deepseek": ("deepseek-chat", "standard"),  # dearer by day
    "groq": ("llama-3.1-8b-instant", "standard"),  # no rate for cached tokens
}
REQUESTS = 100_000
PASSES = 3
START_S = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
HOURS = 48


def measure() -> list[Result]:
    made = records(REQUESTS)
    share = REQUESTS // len(MODELS)
    ours, theirs = [], []
    for _ in range(PASSES):
        before = time.perf_counter()
        priced(made, share)
        ours.append(time.perf_counter() - before)
        before = time.perf_counter()
        _peer(made[: REQUESTS // 10])
        theirs.append((time.perf_counter() - before) * 10)
    return [of("100,000 requests", ours, "s", at_most=3.0), of("genai-prices, call by call (× 10)", theirs, "s")]


def records(count: int) -> list[Record]:
    """Requests of one call each, with long and short contexts, spread over the hours."""
    rng = np.random.default_rng(1)
    total, out = rng.integers(10, 400_000, count), rng.integers(1, 2000, count)
    cached = (total * rng.random(count) * 0.9).astype(int)
    sent_s = START_S + rng.random(count) * HOURS * 3600
    return [
        Record(
            id=f"t/{place}",
            trial_id="t",
            segment_id="s",
            item_digest="i",
            index=place,
            due_ns=0,
            sent_ns=0,
            done_ns=1,
            calls=(Call("answer", 0, usage=Usage(*usage), wall_s=at_s),),
        )
        for place, (*usage, at_s) in enumerate(
            zip(total.tolist(), out.tolist(), cached.tolist(), sent_s.tolist(), strict=True)
        )
    ]


def priced(made: Sequence[Record], share: int) -> float:
    """Dollars of all requests, an equal share at each model."""
    usd = 0.0
    for place, (provider, (model, tier)) in enumerate(MODELS.items()):
        spec = TargetSpec(kind="openai", model=model, price=PriceSpec(provider=provider, tier=tier))  # type: ignore[arg-type]
        book = PriceBook(Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": spec}))
        some = made[place * share : (place + 1) * share]
        found = by_tokens(book, spec, Identity("a", "openai", "hosted", model), some, [START_S] * len(some))
        usd += float(found.usd.sum())
    return usd


def _peer(made: Sequence[Record]) -> None:
    from genai_prices import Usage as TheirUsage
    from genai_prices import calc_price

    names = list(MODELS.items())
    for place, record in enumerate(made):
        provider, (model, tier) = names[place % len(names)]
        call, usage = record.calls[0], record.calls[0].usage
        assert usage is not None and call.wall_s is not None
        calc_price(
            TheirUsage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_tokens,
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(call.wall_s, UTC),
            price_context={"processing": tier} if tier == "batch" else None,
        )
