"""Prices: the same as genai-prices to the last digit, its traps avoided, and nothing ever free by ignorance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError
from edgebench.metrics.prices import PriceBook, Unpriced, load_prices, read_prices
from edgebench.metrics.rate_cards import charged, in_words
from edgebench.metrics.summary import summarise
from edgebench.records import Call, Failure, Identity, Plan, PriceSpec, RateCard, Run, TargetSpec, Usage, WorkloadSpec
from tests import builders

DAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def card(model: str, provider: str | None, at: datetime = DAY, **spec: object) -> RateCard | Unpriced:
    price = PriceSpec(provider=provider) if provider else None
    target = TargetSpec(kind="openai", model=model, price=price, **spec)  # type: ignore[arg-type]
    plan = Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": target})
    return PriceBook(plan).card(target, Identity("a", "openai", "hosted", model), Call("answer", 0), at.timestamp())


def total(found: RateCard | Unpriced, usage: Usage) -> Decimal:
    assert isinstance(found, RateCard), found
    parts = charged(found, Call("answer", 0, usage=usage))
    assert not isinstance(parts, Unpriced), parts
    return sum(parts.values(), Decimal(0))


MODELS = (
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-5-mini-2025-08-07"),  # matched by pattern
    ("openai", "o3"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro"),  # dearer above 200,000 input tokens
    ("groq", "llama-3.1-8b-instant"),  # no rate for cached tokens
    ("deepseek", "deepseek-chat"),  # dearer by day
    ("mistral", "mistral-small-latest"),
    ("perplexity", "sonar"),  # a fee for each request
)


@pytest.mark.parametrize(("provider", "model"), MODELS)
@pytest.mark.parametrize("at", [DAY, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize(("tokens_in", "cached", "out"), [(1000, 0, 50), (900_000, 300_000, 7), (1, 1, 1)])
def test_prices_agree_with_genai_prices(
    provider: str, model: str, at: datetime, tokens_in: int, cached: int, out: int
) -> None:
    """Plain, cached, tiered, dated and per-request prices: 54 cases, equal Decimals."""
    theirs = calc_price(
        TheirUsage(input_tokens=tokens_in, cache_read_tokens=cached, output_tokens=out),
        model,
        provider_id=provider,
        genai_request_timestamp=at,
    )
    assert total(card(model, provider, at), Usage(tokens_in, out, cached)) == theirs.total_price


def test_the_hour_of_the_call_counts_not_the_hour_of_the_report() -> None:
    """Off-peak is half price: the same stored call costs the same whenever it is summarised."""
    usage = Usage(1_000_000, 0, 0)
    assert total(card("deepseek-chat", "deepseek", DAY), usage) == 2 * total(
        card("deepseek-chat", "deepseek", NIGHT), usage
    )


def test_cached_tokens_without_a_rate_are_said_to_be_charged_as_input() -> None:
    """What the list does silently, the rate card says."""
    found = card("llama-3.1-8b-instant", "groq")
    assert isinstance(found, RateCard) and "cached input charged as input" in in_words(found)


def test_a_price_belongs_to_an_endpoint_not_to_a_name() -> None:
    """gpt-4o-mini from one's own gateway has no list price; from OpenAI it has, without being asked for."""
    assert isinstance(card("gpt-4o-mini", None), RateCard)
    own = card("gpt-4o-mini", None, base_url="http://gateway.example/v1")
    assert isinstance(own, Unpriced) and "gateway.example" in own.why


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=30))
def test_a_made_up_model_never_costs_nothing(name: str) -> None:
    """A name in no list is unpriced; where a pattern does match, the price is above zero."""
    found = card(f"zz-{name}", None)
    assert isinstance(found, Unpriced) or total(found, Usage(1000, 1000, 0)) > 0
    anywhere = card(f"zz-{name}", None, base_url="https://nobody.example/v1")
    assert isinstance(anywhere, Unpriced)


def hosted(**fields: object) -> Run:
    arm = builders.Arm(placement="hosted", kind="openai", model=str(fields.pop("model", "gpt-4o-mini")))
    return builders.run({"api": arm}, items=100, **fields)  # type: ignore[arg-type]


def test_an_unknown_model_is_absent_and_counted() -> None:
    """ "unpriced: n of N calls", never $0."""
    arm = summarise(hosted(model="nobody-9000")).arms[0]
    cost = arm.estimates["usd_per_1k"]
    assert cost.value is None and cost.why_absent is not None and cost.why_absent.startswith("unpriced: 100 of 100")
    assert arm.cost is not None and arm.cost.parts == () and arm.cost.unpriced == 100


def _with_failures(run: Run, kind: str, first: int) -> Run:
    """The first requests end in a failure without token counts."""
    broken = [
        replace(
            one,
            answer=None,
            done_ns=None,
            failure=Failure(kind),
            calls=tuple(replace(call, usage=None, failure=Failure(kind)) for call in one.calls),
        )
        for one in run.records[:first]
    ]
    return replace(run, records=(*broken, *run.records[first:]))


def test_calls_that_may_have_been_billed_are_left_out_not_free() -> None:
    """Two timeouts of a hundred: the mean is of the other 98, and says so; ten of a hundred: no price at all."""
    few = summarise(_with_failures(hosted(), "timeout", 2)).arms[0].estimates["usd_per_1k"]
    assert few.value == pytest.approx(0.0168) and few.n == 98
    assert few.note is not None and "unpriced: 2 of 100" in few.note
    many = summarise(_with_failures(hosted(), "timeout", 10)).arms[0].estimates["usd_per_1k"]
    assert many.value is None and many.why_absent is not None and "perhaps billed" in many.why_absent


def test_calls_refused_at_the_door_are_not_billed() -> None:
    """429 costs nothing and is counted among the requests; when nothing else happened there is no price to tell."""
    some = summarise(_with_failures(hosted(), "rate_limited", 50)).arms[0].estimates["usd_per_1k"]
    assert some.value == pytest.approx(0.0084) and some.n == 100
    none = summarise(_with_failures(hosted(), "rate_limited", 100)).arms[0].estimates["usd_per_1k"]
    assert none.value is None


def test_retries_are_paid_for() -> None:
    """A call that failed after its tokens were counted costs as much as one that did not."""
    run = hosted()
    again = tuple(
        replace(one, calls=(replace(one.calls[0], failure=Failure("stream_error")), *one.calls)) for one in run.records
    )
    cost = summarise(replace(run, records=again)).arms[0].estimates["usd_per_1k"]
    assert cost.value == pytest.approx(2 * 0.0168)


def test_a_stand_in_has_no_price_unless_one_is_given() -> None:
    """Then it is priced *as* something, in words."""
    run = builders.run({"seat": builders.Arm(placement="stand-in")}, items=40)
    bare = summarise(run).arms[0].estimates["usd_per_1k"]
    assert bare.value is None and "stand-in" in str(bare.why_absent)
    spec = replace(run.plan.targets["seat"], price=PriceSpec(provider="openai", model="gpt-4o-mini"))
    told = summarise(replace(run, plan=replace(run.plan, targets={"seat": spec}))).arms[0].estimates["usd_per_1k"]
    assert told.value == pytest.approx(0.0168) and told.provenance == "stand-in"
    assert told.note is not None and "priced as gpt-4o-mini at openai" in told.note


def test_own_figures_win_over_the_list(tmp_path: Path) -> None:
    """The plan's price file, then the plan's own figures above it; both frozen into the cost's source."""
    file = tmp_path / "ours.yaml"
    file.write_text(
        "source: contract\nas_of: 2026-05-01\nmodels:\n  gpt-4o-mini: {input_per_million: 1.0, output_per_million: 2}\n"
    )
    run = hosted(prices=str(file))
    arm = summarise(run).arms[0]
    assert arm.estimates["usd_per_1k"].value == pytest.approx(1000 * (100 * 1 + 3 * 2) / 1e6)
    assert arm.cost is not None and "contract" in arm.cost.source["list"] and arm.cost.source["as_of"] == "2026-05-01"
    spec = replace(
        run.plan.targets["api"],
        price=PriceSpec(input_per_million=Decimal(3), output_per_million=Decimal(0), source="a friend"),
    )
    declared = summarise(replace(run, plan=replace(run.plan, targets={"api": spec}))).arms[0]
    assert declared.estimates["usd_per_1k"].value == pytest.approx(0.3)
    assert declared.cost is not None and "a friend" in declared.cost.source["list"]


def test_a_missing_price_file_leaves_prices_absent() -> None:
    """A bundle read elsewhere: the list must not step in silently for a contract that is not there."""
    cost = summarise(hosted(prices="nowhere.yaml")).arms[0].estimates["usd_per_1k"]
    assert cost.value is None and "nowhere.yaml is not on this machine" in str(cost.why_absent)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[1]", "models"),
        ("models: {a: {output_per_million: 1}}", "needs input_per_million"),
        ("models: {a: {input_per_million: 1}}", "needs source"),
        ("source: s\nas_of: d\nmodels: {a: {input_per_million: -1}}", "is not a price"),
        ("source: s\nas_of: d\nmodels: {a: {input_per_million: x}}", "is not a number"),
        ("source: s\nas_of: d\nmodels: {a: {input: 1, input_per_million: 1}}", "unknown key 'input'"),
        ("source: s\nmodel: {}\nmodels: {}", r"p\.yaml:2:1: unknown key 'model'"),
        ("a: [", "YAML"),
    ],
)
def test_a_price_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """In one sentence that names the file."""
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=what) as caught:
        read_prices(file)
    assert str(file) in str(caught.value)


def test_the_shipped_example_is_a_price_file() -> None:
    """It can be named in a plan as it is."""
    plan = Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={}, prices="example")
    assert "example-chat-small" in load_prices(plan).own


def test_a_run_over_minutes_tells_its_rates_once() -> None:
    """A card an hour, the same rates: one explanation, and the first and last hour of the price."""
    run = hosted()
    spread = tuple(
        replace(one, calls=tuple(replace(call, wall_s=DAY.timestamp() + 60 * k) for call in one.calls))
        for k, one in enumerate(run.records)
    )
    cost = summarise(replace(run, records=spread)).arms[0].cost
    assert cost is not None and cost.parts[0].explain.count("output 0.6") == 1
    assert cost.source["as_of"] == "2026-11-21T10:00Z … 2026-11-21T11:00Z"


def test_a_call_without_a_wall_clock_is_priced_when_its_segment_began() -> None:
    """Never at the time of the report."""
    run = hosted()
    calls = tuple(replace(one, calls=tuple(replace(c, wall_s=None) for c in one.calls)) for one in run.records)
    cost = summarise(replace(run, records=calls)).arms[0].cost
    assert cost is not None and cost.source["as_of"] == "2026-11-21T12:00Z"
    lost = summarise(replace(run, records=calls, segments=())).arms[0].cost
    assert lost is not None and lost.source["as_of"] == "2026-11-21T12:00Z"
