"""Frozen rates: a run costs what it cost, whatever a later price list says."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import ConditionalPrice, ModelPrice, TieredPrices

from edgebench.decide.conclude import conclude
from edgebench.metrics.freezing import frozen_rates
from edgebench.metrics.prices import load_prices
from edgebench.records import FrozenRate, PriceSpec, RateCard, Run, canonical
from tests import builders

START_S = 1_795_270_200.0  # 2026-11-21T14:10Z


def made(model: str = "deepseek-chat", provider: str = "deepseek") -> Run:
    """An API asked over 8 hours, across the beginning of its off-peak price, and a device beside it."""
    arms = {"api": builders.Arm(placement="hosted", kind="openai", model=model), "edge": builders.Arm()}
    run = builders.run(arms, items=40, device="x86-laptop")
    spec = replace(run.plan.targets["api"], price=PriceSpec(provider=provider))
    records = tuple(
        replace(one, calls=tuple(replace(call, wall_s=START_S + 360.0 * n) for call in one.calls))
        for n, one in enumerate(run.records)
    )
    return replace(run, plan=replace(run.plan, targets={**run.plan.targets, "api": spec}), records=records)


def frozen(run: Run) -> Run:
    return replace(run, rates=frozen_rates(run, load_prices(run.plan, run.rates)))


@pytest.fixture
def dearer() -> Iterator[None]:
    """Another version of the list, in which everything costs three times as much."""
    providers = copy.deepcopy(get_snapshot().providers)
    for entry in (entry for owner in providers for entry in owner.models):
        dated = entry.prices if isinstance(entry.prices, list) else [entry.prices]
        for prices in (each.prices if isinstance(each, ConditionalPrice) else each for each in dated):
            _treble(prices)
    set_custom_snapshot(DataSnapshot(providers=providers, from_auto_update=False))
    yield
    set_custom_snapshot(None)


def _treble(prices: ModelPrice) -> None:
    for key, value in list(prices.__dict__.items()):
        if isinstance(value, Decimal):
            object.__setattr__(prices, key, value * 3)
        elif isinstance(value, TieredPrices):
            value.base *= 3


def told(run: Run) -> bytes:
    """A conclusion as it is exported: every byte of it."""
    return json.dumps(canonical(conclude(run, draws=200)), sort_keys=True).encode()


def usd(run: Run) -> float:
    found = conclude(run, draws=50).summary.arms[0].estimates["usd_per_1k"].value
    assert found is not None
    return found


def test_a_frozen_run_concludes_the_same_under_another_list(request: pytest.FixtureRequest) -> None:
    """Byte for byte; while the same run without its frozen rates triples its bill."""
    run = made()
    kept, before, bare = frozen(run), told(frozen(run)), usd(run)
    assert told(run) == before, "freezing itself changes nothing"
    request.getfixturevalue("dearer")
    assert told(kept) == before
    assert usd(run) == pytest.approx(3 * bare)


def test_the_page_of_a_frozen_run_is_the_same_under_another_list(request: pytest.FixtureRequest) -> None:
    """What a reader sees a year later is what was seen then."""
    from edgebench.report.page import render

    run = frozen(made())
    before = render(run, conclude(run, draws=100))
    request.getfixturevalue("dearer")
    assert render(run, conclude(run, draws=100)) == before


def test_each_hour_in_use_is_frozen_once_and_no_other() -> None:
    """Several hours, one with a change at 16:30 in it; nothing of the device, nothing of hours without a call."""
    rates = frozen(made()).rates
    since = sorted(rate.since_s for rate in rates)
    assert len(since) == len(set(since)) and {rate.target for rate in rates} == {"api"}
    hours = {
        int(call.wall_s or 0) // 3600 for one in made().records for call in one.calls if one.trial_id.endswith("api")
    }
    assert {at // 3600 for at in since} == hours
    assert [at % 3600 for at in since if at % 3600] == [1800], "off-peak begins at 16:30"
    inputs = {rate.card.input.usd for rate in rates if rate.card is not None}
    assert inputs == {Decimal("0.27"), Decimal("0.135")}


def test_a_run_without_frozen_rates_falls_back_to_the_list() -> None:
    """An old run, or an hour that a killed start never froze."""
    run = made()
    some = replace(run, rates=frozen(run).rates[:2])
    assert usd(some) == usd(run)
    assert frozen(some).rates == frozen(run).rates


def test_what_nobody_could_price_stays_so_until_it_is_repriced(own_home: Any) -> None:
    """A name listed later was not the price it was asked at; a list that could not be read is not frozen at all."""
    run = frozen(made("nobody-9000"))
    assert run.rates and all(rate.card is None and "in no price list" in str(rate.why) for rate in run.rates)
    (own_home / "prices").mkdir()
    file = own_home / "prices" / "mine.yaml"
    file.write_text(
        "source: s\nas_of: 2026-01-01\nmodels: {nobody-9000: {input_per_million: 1, output_per_million: 1}}\n"
    )
    why = conclude(run, draws=50).summary.arms[0].estimates["usd_per_1k"].why_absent
    assert why is not None and "--reprice prices it anew" in why
    assert usd(replace(run, rates=())) > 0
    lost = replace(made(), plan=replace(made().plan, prices="nowhere.yaml"))
    assert frozen(lost).rates == ()


def test_a_frozen_card_is_the_whole_card() -> None:
    """Everything the page says of a price comes from it: entry, list, moment, tier, notes; and no key, no URL."""
    rate = frozen(made()).rates[0]
    assert isinstance(rate, FrozenRate) and isinstance(rate.card, RateCard)
    assert (rate.card.provider, rate.card.model, rate.card.tier) == ("deepseek", "deepseek-chat", "standard")
    assert rate.card.listed.startswith("genai-prices ") and rate.card.as_of == "2026-11-21T14:00Z"
    assert "http" not in json.dumps(canonical(rate)) and "KEY" not in json.dumps(canonical(rate))
