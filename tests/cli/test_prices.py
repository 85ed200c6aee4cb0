"""``edgebench prices``, and ``--reprice``: what a model costs, where lists disagree, and a run at other prices."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli
from edgebench.metrics.freezing import frozen_rates
from edgebench.metrics.prices import load_prices
from edgebench.records import PriceSpec, Run
from edgebench.store import open_store
from tests import builders

SHEET = "source: contract\nas_of: 2026-05-01\nmodels:\n"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of this test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert cli.main(list(words)) == code
    printed = capsys.readouterr()
    return printed.out, printed.err


# -------------------------------------------------------------------------------------------------------------- show


def test_show_tells_the_card_what_matched_and_who_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """An alias by its entry, the tiers of a long context, the hour asked about, the list's version."""
    out, _ = said(capsys, "prices", "show", "gpt-5-mini-2025-08-07", "--provider", "openai")
    assert "gpt-5-mini" in out and "genai-prices" in out
    out, _ = said(capsys, "prices", "show", "gemini-2.5-pro", "--provider", "google", "--at", "2026-11-21")
    assert "1.25 (2.5 > 200,000)" in out and "2026-11-21T00:00Z" in out
    found = {}
    for at in ("2026-11-21T16:29", "2026-11-21T16:31"):
        out, _ = said(capsys, "prices", "show", "deepseek-chat", "--provider", "deepseek", "--at", at, "--json")
        found[at] = Decimal(json.loads(out)["cards"][0]["input"]["usd"])
    assert list(found.values()) == [Decimal("0.27"), Decimal("0.135")]


def test_show_says_what_a_tier_has_no_price_for(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "prices", "show", "deepseek-chat", "--tier", "batch")
    assert "deepseek: batch: context not priced" in out


def test_show_knows_a_persons_own_shelf(capsys: pytest.CaptureFixture[str], own_home: Path) -> None:
    (own_home / "prices").mkdir()
    (own_home / "prices" / "mine.yaml").write_text(SHEET + "  our-model: {input_per_million: 1.5}\n")
    out, _ = said(capsys, "prices", "show", "our-model")
    assert "mine.yaml: contract" in out and "1.5" in out


def test_show_has_no_price_for_a_name_nobody_lists(capsys: pytest.CaptureFixture[str]) -> None:
    """And says which names come near, or whose price it is not."""
    _, err = said(capsys, "prices", "show", "gpt-4o-mimi", code=2)
    assert "no provider lists 'gpt-4o-mimi'" in err and "did you mean gpt-4o-mini" in err
    _, err = said(capsys, "prices", "show", "gpt-4o-mini", "--provider", "nobody", code=2)
    assert "in no price list" in err
    _, err = said(capsys, "prices", "show", "gpt-4o-mini", "--at", "yesterday", code=2)
    assert "is not a date" in err


# -------------------------------------------------------------------------------------------------------------- diff


def test_diff_lists_what_is_more_than_half_a_per_cent_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """litellm's form, dollars per token: 0.4 % apart is agreement, 0.6 % is not; regional names are absent."""
    one = {"litellm_provider": "openai", "mode": "chat", "output_cost_per_token": 6e-07}
    listing: dict[str, Any] = {
        "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of …"},
        "gpt-4o-mini": one | {"input_cost_per_token": 1.5e-07, "cache_read_input_token_cost": 7.5e-08},
        "openai/gpt-4o-mini": one | {"input_cost_per_token": 1.506e-07},
        "gpt-4o-mini-2024-07-18": one | {"input_cost_per_token": 1.509e-07},
        "gpt-4o": one | {"input_cost_per_token": 5e-06},
        "vertex_ai/gemini-2.5-pro": {"litellm_provider": "vertex_ai", "input_cost_per_token": 1.25e-06},
        "bedrock/nowhere-9": {"litellm_provider": "bedrock", "input_cost_per_token": 1e-06},
        "dall-e-3": {"litellm_provider": "openai", "input_cost_per_image": 0.04},
    }
    Path("list.json").write_text(json.dumps(listing))
    out, _ = said(capsys, "prices", "diff", "list.json")
    assert "3 agree, 2 disagree, 1 are not in genai-prices" in out
    assert "gpt-4o-mini-2024-07-18" in out and "+0.6%" in out and "+100.0%" in out
    out, _ = said(capsys, "prices", "diff", "list.json", "--json")
    found = json.loads(out)
    assert found["counts"] == {"agree": 3, "disagree": 2, "absent": 1}
    worst = next(one for one in found["models"] if one["model"] == "gpt-4o")
    rates = {each["rate"]: (Decimal(each["quoted"]), Decimal(each["listed"])) for each in worst["differences"]}
    assert rates == {"input": (5, Decimal("2.5")), "output": (Decimal("0.6"), 10)}


def test_diff_reads_a_price_file_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """A model is compared at the provider it names, at --provider, or at the only one that lists it."""
    Path("ours.yaml").write_text(
        SHEET + "  gpt-4o-mini: {input_per_million: 0.15, provider: openai}\n"
        "  deepseek-chat: {input_per_million: 9, output_per_million: 1.1}\n  our-own: {input_per_million: 1}\n"
    )
    out, _ = said(capsys, "prices", "diff", "ours.yaml", "--at", "2026-11-21T10:00", "--json")
    found = json.loads(out)
    assert found["counts"] == {"agree": 1, "disagree": 1, "absent": 1}
    by_name = {one["model"]: one for one in found["models"]}
    assert by_name["deepseek-chat"]["provider"] == "deepseek" and len(by_name["deepseek-chat"]["differences"]) == 1
    assert "0 providers list it" in by_name["our-own"]["why"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.json", "[]", "holds no model"),
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"m": {"input_cost_per_token": -1}}', "is not a price"),
        ("a.json", '{"m": {"input_cost_per_token": "1"}}', "is not a price"),
        ("a.yaml", "models: {m: {input_per_token: 1}}", "unknown key 'input_per_token'"),
        ("none.yaml", None, "cannot be read"),
    ],
)
def test_diff_refuses_what_is_no_price_list(
    capsys: pytest.CaptureFixture[str], name: str, content: str | None, what: str
) -> None:
    """In one sentence that names the file."""
    if content is not None:
        Path(name).write_text(content)
    _, err = said(capsys, "prices", "diff", name, code=2)
    assert what in err and name in err and "Traceback" not in err


# ----------------------------------------------------------------------------------------------------------- reprice


@pytest.fixture
def stored() -> Run:
    """A finished run of an API at day and a device, frozen as a run leaves it."""
    arms = {"api": builders.Arm(placement="hosted", kind="openai", model="o3"), "edge": builders.Arm()}
    run = builders.run(arms, items=40, device="x86-laptop")
    spec = replace(run.plan.targets["api"], price=PriceSpec(provider="openai"))
    run = replace(run, plan=replace(run.plan, targets={**run.plan.targets, "api": spec}))
    run = replace(run, rates=frozen_rates(run, load_prices(run.plan)))
    with open_store("runs.db") as store:
        store.add_run(run)
    return run


def usd(out: str) -> float:
    arms = json.loads(out)["conclusion"]["summary"]["arms"]
    return float(next(arm for arm in arms if arm["target"] == "api")["estimates"]["usd_per_1k"]["value"])


def test_a_report_at_another_days_prices_says_so_and_leaves_the_run_alone(
    capsys: pytest.CaptureFixture[str], stored: Run
) -> None:
    """Its own page, its own note, its own dollars; afterwards the run costs what it did, to the byte."""
    at_store = ("--store", "runs.db", "--json")
    before, _ = said(capsys, "report", *at_store)
    page = Path("reports/r1.html").read_bytes()
    then, err = said(capsys, "report", "--reprice", "2025-06-01", *at_store)
    assert "repriced as of 2025-06-01" in err and usd(then) == pytest.approx(5 * usd(before))
    assert json.loads(then)["page"] == "reports/r1-repriced.html"
    assert "repriced as of 2025-06-01, each call at its own hour" in Path("reports/r1-repriced.html").read_text()
    assert json.loads(then)["notes"] == ["repriced as of 2025-06-01, each call at its own hour of the day; "
                                         "the stored run keeps the prices it was made at"]  # fmt: skip
    again, _ = said(capsys, "report", *at_store)
    assert again == before and Path("reports/r1.html").read_bytes() == page
    with open_store("runs.db") as store:
        assert store.load("r1") == stored


def test_a_report_at_a_files_prices_keeps_what_the_file_does_not_name(
    capsys: pytest.CaptureFixture[str], stored: Run
) -> None:
    """The file is above the frozen rates for the models it names, and for no others."""
    at_store = ("--store", "runs.db", "--json")
    before, _ = said(capsys, "report", *at_store)
    Path("mine.yaml").write_text(SHEET + "  o3: {input_per_million: 100, output_per_million: 0}\n")
    mine, err = said(capsys, "report", "--reprice", "mine.yaml", *at_store)
    assert usd(mine) == pytest.approx(10.0) and "repriced by mine.yaml, as of 2026-05-01" in err
    Path("other.yaml").write_text(SHEET + "  o4: {input_per_million: 100}\n")
    other, _ = said(capsys, "report", "--reprice", "other.yaml", *at_store)
    assert usd(other) == usd(before)


def test_every_verb_that_weighs_a_run_can_reprice_it(capsys: pytest.CaptureFixture[str], stored: Run) -> None:
    """``frontier`` and ``compare`` too; what is neither a date nor a file is refused."""
    compare = ("compare", "api", "edge", "--metric", "usd_per_1k", "--json", "--store", "runs.db")
    plain, _ = said(capsys, *compare)
    dear, err = said(capsys, *compare, "--reprice", "2025-06-01T10:00")
    first, second = (json.loads(out)["comparisons"][0]["difference"]["value"] for out in (plain, dear))
    assert first != second and "repriced as of 2025-06-01T10:00Z" in err
    _, err = said(capsys, "frontier", "--store", "runs.db", "--reprice", "2025-06-01")
    assert "repriced as of" in err
    _, err = said(capsys, "report", "--store", "runs.db", "--reprice", "last year", code=2)
    assert "is neither a date nor a price file" in err


# ------------------------------------------------------------------------------------------------------------- check


def test_check_says_what_a_tier_has_no_price_for_and_what_a_cascade_costs_at_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is sent: the standard rates are charged; a cascade may ask its cloud everything."""
    Path("plan.yaml").write_text(
        """\
question: What would it cost?
workload: {builtin: support-triage, items: 20}
targets:
  edge: {kind: fake}
  cloud: {kind: openai, model: deepseek-chat, base_url: https://api.deepseek.com/v1, price: {tier: flex}}
  both: {kind: cascade, options: {edge: edge, cloud: cloud, threshold: 0.5}}
"""
    )
    out, _ = said(capsys, "check", "plan.yaml", "--json")
    arms = {arm["target"]: arm for arm in json.loads(out)["arms"]}
    assert arms["cloud"]["usd_at_most"] > 0 and arms["both"]["usd_at_most"] == arms["cloud"]["usd_at_most"]
    assert arms["both"]["host"] == "api.deepseek.com" and arms["edge"]["usd_at_most"] is None
    out, _ = said(capsys, "check", "plan.yaml")
    assert "cloud · zero-shot: flex: context not priced" in out


def test_a_plan_with_an_unknown_tier_or_a_price_below_nothing_is_refused_with_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A typo in a tier must not become the standard price (the second trap)."""
    for price, place, what in (
        ("{tier: flexx}", "5:19", "flexx"),
        ("{input_per_million: 1, reasoning_per_million: -2}", "5:58", "at least 0"),
    ):
        Path("plan.yaml").write_text(
            "question: What would it cost?\nworkload: {builtin: support-triage}\ntargets:\n"
            f"  api: {{kind: openai, model: o3,\n    price: {price}}}\n"
        )
        _, err = said(capsys, "check", "plan.yaml", code=2)
        assert f"plan.yaml:{place}" in err and what in err
