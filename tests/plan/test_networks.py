"""``network`` and ``shaper`` in a plan: who is reached through what, and what is refused where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.errors import PlanError
from edgebench.plan import load_plan
from edgebench.plan.networks import network_of
from edgebench.records import Plan
from tests.plan.mistakes import GOOD, api, changed

CLOUD = "  api:\n    kind: openai\n    model: m\n    network: cable\n  plain: {kind: openai, model: m}\n"


def loaded(folder: Path, text: str) -> Plan:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return load_plan(file)


def test_a_targets_own_network_comes_before_the_plans(tmp_path: Path) -> None:
    """The plan's is for every endpoint that names none; what runs here is never behind one; none switches it off."""
    plan = loaded(tmp_path, changed("targets:\n", f"targets:\n{CLOUD}") + "network: slow-4g\n")
    assert {name: network_of(plan, name) for name in plan.targets} == {
        "api": "cable", "plain": "slow-4g", "quick": None, "small": None,
    }  # fmt: skip
    off = replace(plan, targets={**plan.targets, "plain": replace(plan.targets["plain"], network="none")})
    assert network_of(off, "plain") is None
    device = replace(plan, targets={"own": replace(plan.targets["plain"], placement="device")})
    assert network_of(device, "own") is None


def test_the_shipped_plan_reaches_one_endpoint_in_three_ways() -> None:
    """As it is, over cable, and over what the plan names for all."""
    plan = load_plan("api-over-4g")
    assert {name: network_of(plan, name) for name in plan.targets} == {
        "minilm-taught": None, "smollm2-q4": None, "api": None, "api-cable": "cable", "api-slow-4g": "slow-4g",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        (api("network: slow4g"), 9, 14, "no network profile is called 'slow4g'", "'slow-4g'"),
        (api("network: cable\n    placement: device"), 9, 5, "placement is 'device'", "leave it out"),
        (api("network: cable\n    options: {proxy: 'http://p:1'}"), 10, 15, "cannot both be on the way", "none"),
        (changed("    kind: fake", "    kind: fake\n    network: cable"), 8, 5, "kind 'fake'", "leave it out"),
        (GOOD.replace("q4_1", "q4_1\n    network: cable"), 11, 5, "kind 'llama.cpp'", "leave it out"),
        (GOOD + "network: cable\n", 15, 1, "no target of this plan is reached through one", "openai"),
        (api("network: none") + "network: fibr\n", 19, 10, "no network profile is called 'fibr'", "'fibre'"),
        (GOOD + "shaper: netem\n", 15, 1, "there is no network to shape", "slow-4g"),
        (api("network: wifi") + "shaper: netem\n", 9, 14, "no table of quantiles", "shaper: relay"),
        (api("network: cable") + "seeds: {network: -1}\n", 19, 18, "at least 0", ""),
    ],
)
def test_a_mistake_is_shown_where_it_stands(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    """File, line, column, one sentence, and what to type instead."""
    with pytest.raises(PlanError) as caught:
        loaded(tmp_path, text)
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)
    assert message in str(caught.value) and hint in (caught.value.hint or "")


def test_a_profile_of_ones_own_that_is_unsound_is_shown_in_the_plan(tmp_path: Path, own_home: Path) -> None:
    """The plan's place, and the profile's mistake."""
    (own_home / "networks").mkdir()
    (own_home / "networks" / "mine.yaml").write_text("title: Mine\nfigures: {rtt_ms: 3}\n")
    with pytest.raises(PlanError, match="an unsourced number is refused") as caught:
        loaded(tmp_path, api("network: mine"))
    assert caught.value.line == 9
