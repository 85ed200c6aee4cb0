"""Hosted prices equal genai-prices to the last decimal, and its six traps do not catch us."""

from __future__ import annotations

import random
import string
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot

from edgebench.metrics.listed import CONTEXT, changes, listed, provider_called
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.rate_cards import Unpriced, bought, charged, in_words
from edgebench.metrics.summary import summarise
from edgebench.metrics.token_cost import by_tokens
from edgebench.records import (
    Call,
    Identity,
    Plan,
    PriceSpec,
    PriceTier,
    RateCard,
    Record,
    TargetSpec,
    Usage,
    WorkloadSpec,
)
from tests import builders

DAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def card(
    provider: str | None, model: str, at: datetime = DAY, tier: PriceTier = "standard", **fields: Any
) -> RateCard | Unpriced:
    spec = TargetSpec(kind="openai", model=model, price=PriceSpec(provider=provider, tier=tier), **fields)
    plan = Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": spec})
    return PriceBook(plan).card(spec, Identity("a", "openai", "hosted", model), Call("answer", 0), at.timestamp())


def total(found: RateCard | Unpriced, usage: Usage) -> Decimal:
    assert isinstance(found, RateCard), found
    parts = charged(found, Call("answer", 0, usage=usage))
    assert not isinstance(parts, Unpriced), parts
    return sum(parts.values(), Decimal(0))


PLAIN = Usage(1234, 567, 0)
CACHED = Usage(9_001, 77, 8_000)
LONG = Usage(200_001, 11, 150_000)
THOUGHT = Usage(1_000, 5_000, 10, 4_321)

#: (provider, model, tier, moment, usage): tiers, dates, off-peak edges to the second, reasoning, fees, borrowed entries
CASES: tuple[tuple[str, str, PriceTier, str, Usage], ...] = (
    ("openai", "gpt-4o-mini", "standard", "2026-11-21T10:00", PLAIN),
    ("openai", "gpt-4o-mini", "standard", "2026-11-21T10:00", CACHED),
    ("openai", "gpt-5-mini-2025-08-07", "standard", "2026-11-21T10:00", CACHED),
    ("openai", "gpt-4o-mini", "batch", "2026-11-21T10:00", CACHED),
    ("openai", "gpt-4.1", "batch", "2026-11-21T10:00", CACHED),
    ("openai", "gpt-4.1", "batch", "2026-10-13T10:00", CACHED),  # the day before the list knew its batch price
    ("openai", "gpt-4.1", "priority", "2026-11-21T10:00", CACHED),
    ("openai", "o3", "flex", "2026-11-21T10:00", THOUGHT),
    ("openai", "o3", "standard", "2025-06-01T10:00", PLAIN),  # before its price was cut
    ("openai", "o3", "standard", "2025-12-01T10:00", PLAIN),
    ("anthropic", "claude-haiku-4-5", "standard", "2026-11-21T10:00", CACHED),
    ("anthropic", "claude-haiku-4-5", "batch", "2026-11-21T10:00", CACHED),
    ("google", "gemini-2.5-pro", "standard", "2026-11-21T10:00", Usage(200_000, 9, 100)),
    ("google", "gemini-2.5-pro", "standard", "2026-11-21T10:00", LONG),
    ("google", "gemini-2.5-pro", "batch", "2026-11-21T10:00", LONG),
    ("google", "gemini-2.5-flash", "batch", "2026-11-21T10:00", CACHED),
    ("mistral", "mistral-small-latest", "batch", "2026-11-21T10:00", CACHED),
    ("groq", "llama-3.1-8b-instant", "standard", "2026-11-21T10:00", CACHED),
    ("groq", "llama-3.1-8b-instant", "batch", "2026-11-21T10:00", CACHED),
    ("deepseek", "deepseek-chat", "standard", "2026-11-21T00:29:59", CACHED),
    ("deepseek", "deepseek-chat", "standard", "2026-11-21T00:30:00", CACHED),
    ("deepseek", "deepseek-chat", "standard", "2026-11-21T16:29:59", CACHED),
    ("deepseek", "deepseek-chat", "standard", "2026-11-21T16:30:00", CACHED),
    ("deepseek", "deepseek-reasoner", "standard", "2026-11-21T03:59:59", THOUGHT),
    ("perplexity", "sonar", "standard", "2026-11-21T10:00", PLAIN),  # a fee for each request
    ("perplexity", "sonar-deep-research", "standard", "2026-11-21T10:00", THOUGHT),  # a rate for reasoning
    ("azure", "gpt-4o-mini", "standard", "2026-11-21T10:00", CACHED),  # borrowed from openai
    ("azure", "gpt-4o-mini", "batch", "2026-11-21T10:00", CACHED),
    ("x-ai", "grok-4", "batch", "2026-11-21T10:00", CACHED),
)


@pytest.mark.parametrize(("provider", "model", "tier", "at", "usage"), CASES)
def test_every_kind_of_price_agrees_with_genai_prices(
    provider: str, model: str, tier: PriceTier, at: str, usage: Usage
) -> None:
    """Equal decimals, as the card of the hour gives them and as genai-prices reckons that very second."""
    theirs = calc_price(
        TheirUsage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            output_reasoning_tokens=usage.reasoning_tokens,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=moment(at),
        price_context=dict(CONTEXT[tier]) or None,
    )
    assert total(card(provider, model, moment(at), tier), usage) == theirs.total_price


def test_the_cases_differ_where_they_should() -> None:
    """The list above is worth something: tiers, dates and hours do change the price."""
    batch, plain = (total(card("openai", "gpt-4.1", DAY, tier), PLAIN) for tier in ("batch", "standard"))  # type: ignore[arg-type]
    assert batch == plain / 2
    old, new = (total(card("openai", "o3", moment(at)), PLAIN) for at in ("2025-06-01", "2025-12-01"))
    assert old > new
    shut, open_ = (total(card("deepseek", "deepseek-chat", moment(f"2026-11-21T16:{at}")), PLAIN) for at in (30, 29))
    assert open_ == 2 * shut


def test_trap_1_the_wall_clock() -> None:
    """A call is priced at its own second, even where the price changes within the hour; never at the report's."""
    found = listed("deepseek-chat", "deepseek", None, "standard", int(moment("2026-11-21T16:00").timestamp()) // 3600)
    assert [datetime.fromtimestamp(since, UTC).strftime("%H:%M") for since, _ in found] == ["16:00", "16:30"]
    noon = listed("deepseek-chat", "deepseek", None, "standard", int(moment("2026-11-21T12:00").timestamp()) // 3600)
    assert len(noon) == 1
    usage = Usage(1_000_000, 0, 0)
    assert total(card("deepseek", "deepseek-chat", DAY), usage) == Decimal("0.27")
    assert total(card("deepseek", "deepseek-chat", NIGHT), usage) == Decimal("0.135")


def test_no_rule_of_the_list_changes_between_the_moments_we_read_it() -> None:
    """Every model of every provider, at 10-minute steps of a day: the card that holds is the list's own answer."""
    start = int(moment("2026-11-21").timestamp())
    dated = [
        entry
        for owner in get_snapshot().providers
        for entry in owner.models
        if isinstance(entry.prices, list) or entry.price_variants
    ]
    assert len(dated) > 200
    for entry in dated:
        for hour in range(24):
            edges = changes(entry, start + hour * 3600)
            for minute in (0, 10, 30, 31, 50, 59):
                at = start + hour * 3600 + minute * 60
                since = max(edge for edge in edges if edge <= at)
                read = [entry.get_prices(datetime.fromtimestamp(when, UTC)) for when in (since, at)]
                assert read[0] == read[1], (entry.id, hour, minute)


def test_trap_2_a_context_the_list_has_no_price_for_is_said() -> None:
    """Standard rates are charged, and the card says that nobody priced the tier; where it is priced it says nothing."""
    unknown = card("deepseek", "deepseek-chat", DAY, "batch")
    assert isinstance(unknown, RateCard) and "batch: context not priced" in unknown.notes[0]
    borrowed = card("azure", "gpt-4o-mini", DAY, "batch")
    assert isinstance(borrowed, RateCard) and any("context not priced" in note for note in borrowed.notes)
    known = card("anthropic", "claude-haiku-4-5", DAY, "batch")
    assert isinstance(known, RateCard) and known.notes == ()
    halved = card("openai", "gpt-4.1", DAY, "batch")  # the list names no batch rate for cached input
    assert isinstance(halved, RateCard) and halved.notes == (
        "batch: no batch rate for cached input, the standard one is charged",
    )


def test_an_unpriced_context_reaches_the_cost_and_its_source() -> None:
    """In the note beside the number and in the row of the rate card, never silently."""
    run = builders.run({"api": builders.Arm(placement="hosted", kind="openai", model="deepseek-chat")}, items=40)
    spec = TargetSpec(kind="openai", model="deepseek-chat", price=PriceSpec(provider="deepseek", tier="flex"))
    object.__setattr__(run.plan, "targets", {"api": spec})
    arm = summarise(run, draws=50).arms[0]
    assert arm.cost is not None
    assert "flex: context not priced" in str(arm.estimates["usd_per_1k"].note)
    assert "flex: context not priced" in arm.cost.source["note"] and arm.cost.source["tier"].startswith("flex")


def test_trap_3_cached_tokens_without_a_rate_are_counted_and_said() -> None:
    """900,000 of a million cached tokens at groq cost as much as fresh ones, and the cost says how many there were."""
    found = card("groq", "llama-3.1-8b-instant")
    assert total(found, Usage(1_000_000, 0, 900_000)) == Decimal("0.05")
    assert isinstance(found, RateCard) and "cached input charged as input" in in_words(found)
    spec = TargetSpec(kind="openai", model="llama-3.1-8b-instant", price=PriceSpec(provider="groq"))
    book = PriceBook(Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": spec}))
    identity = Identity("a", "openai", "hosted", "llama-3.1-8b-instant")
    for cached, said in ((900, True), (0, False)):
        call = Call("answer", 0, usage=Usage(1000, 10, cached), wall_s=DAY.timestamp())
        one = Record("r", "t", "s", "i", 0, 0, 0, 1, (call,))
        note = by_tokens(book, spec, identity, [one], [0.0]).note
        assert (note == "no rate for cached input: 900 cached tokens are charged as input") is said
        assert said or note is None


def test_trap_4_cached_tokens_are_part_of_the_input_and_counted_once() -> None:
    """1,000 input tokens of which 900 are cached are 100 fresh; counts that contradict themselves have no price."""
    found = card("openai", "gpt-4o-mini")
    assert total(found, Usage(1000, 0, 900)) == (100 * Decimal("0.15") + 900 * Decimal("0.075")) / 1_000_000
    assert isinstance(found, RateCard)
    apart = bought(found, Usage(100, 0, 900))
    assert isinstance(apart, Unpriced) and "900 cached of 100 input tokens" in apart.why
    thought = bought(found, Usage(100, 10, 0, 11))
    assert isinstance(thought, Unpriced) and "11 reasoning of 10" in thought.why


def test_trap_5_a_long_context_is_dearer_as_a_whole() -> None:
    """A million tokens at gemini-2.5-pro cost 2.50, not 1.25 for the first 200,000."""
    found = card("google", "gemini-2.5-pro")
    assert total(found, Usage(1_000_000, 0, 0)) == Decimal("2.5")
    assert total(found, Usage(200_000, 1_000_000, 0)) == Decimal("0.25") + 10
    assert total(found, Usage(200_001, 1_000_000, 0)) == 200_001 * Decimal("2.5") / 1_000_000 + 15


def test_trap_6_what_matched_is_recorded_and_what_does_not_match_has_no_price() -> None:
    """The entry behind an alias, the provider whose price was borrowed, and nothing at all for a name nobody lists."""
    alias = card("openai", "gpt-5-mini-2025-08-07")
    assert isinstance(alias, RateCard) and (alias.provider, alias.model) == ("openai", "gpt-5-mini")
    borrowed = card("azure", "gpt-4o-mini")
    assert isinstance(borrowed, RateCard) and borrowed.provider == "azure"
    assert borrowed.notes == ("azure lists no price of its own: openai's is taken",)
    assert isinstance(card("openai", "nobody-9000"), Unpriced)
    assert provider_called("vertex_ai") == "google" and provider_called("nobody") is None


def test_none_of_a_thousand_invented_models_is_priced() -> None:
    """Not as free, not as something like it: absent, at every kind of endpoint."""
    rng = random.Random(7)
    letters = string.ascii_lowercase + string.digits + "-._/"
    urls = ("https://api.openai.com/v1", "https://openrouter.ai/api/v1", "https://nobody.example/v1", None)
    priced = []
    for count in range(1000):
        name = "".join(rng.choice(letters) for _ in range(rng.randint(6, 24)))
        spec = TargetSpec(kind="openai", model=name, base_url=urls[count % len(urls)])
        book = PriceBook(Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": spec}))
        call = Call("answer", 0, usage=Usage(1000, 10, 0), wall_s=DAY.timestamp(), served_model=name)
        one = Record("r", "t", "s", "i", 0, 0, 0, 1, (call,))
        found = by_tokens(book, spec, Identity("a", "openai", "hosted", name), [one], [0.0])
        assert found.cost.priced + found.cost.unpriced == 1
        if found.cost.priced or found.cost.why_absent is None or found.usd[0] == 0:
            priced.append(name)
    assert priced == []


def test_a_repriced_day_keeps_the_hour_of_the_call_and_a_repriced_hour_does_not() -> None:
    """``moment``: a day in which each call keeps its time, off-peak included; or one hour for all."""
    spec = TargetSpec(kind="openai", model="deepseek-chat", price=PriceSpec(provider="deepseek"))
    plan = Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": spec})
    identity, call, usage = Identity("a", "openai", "hosted"), Call("answer", 0), Usage(1_000_000, 0, 0)

    def costs(book: PriceBook) -> list[Decimal]:
        times = (DAY, moment("2026-11-21T16:29"), moment("2026-11-21T16:31"), NIGHT)
        return [total(book.card(spec, identity, call, at.timestamp()), usage) for at in times]

    day = PriceBook(plan, moment=date(2026, 3, 1))
    assert costs(day) == [Decimal(text) for text in ("0.27", "0.27", "0.135", "0.135")]
    found = day.card(spec, identity, call, NIGHT.timestamp())
    assert isinstance(found, RateCard) and found.as_of == "2026-03-01T20:00Z"
    assert costs(PriceBook(plan, moment=moment("2026-03-01T16:45"))) == [Decimal("0.135")] * 4
