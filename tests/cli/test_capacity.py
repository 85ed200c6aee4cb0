"""``capacity`` as a person meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli
from edgebench.cli.capacity import seconds_of, slo_of
from edgebench.errors import UsageError
from edgebench.metrics import verdict
from edgebench.records import SLO, PriceSpec, TargetSpec
from edgebench.store import open_store
from tests.builders import Arm, run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One stored run of a device of one slot beside an API."""
    place = str(tmp_path_factory.mktemp("capacity") / "runs.db")
    arms = {"serial": Arm(median_ms=5, peak_mib=None), "api": Arm(median_ms=6, placement="hosted", peak_mib=None)}
    made = run(arms, items=100, slos=(SLO("p95_ms", max=60.0),))
    price = PriceSpec(input_per_million=Decimal(20), output_per_million=Decimal(60), source="made up", as_of="2026-11")
    targets = {
        "serial": TargetSpec(kind="fake", device="x86-laptop", options={"latency_ms": 5, "spread": 0.3, "at_once": 1}),
        "api": TargetSpec(kind="fake", price=price),
    }
    plan = replace(made.plan, targets=targets)
    with open_store(place) as opened:
        opened.begin(made.id, plan, made.workload, made.trials, created_at=made.created_at)
        opened.add_segment(made.id, made.segments[0])
        for identity in made.identities.values():
            opened.set_identity(made.id, identity)
        opened.append(made.id, made.records)
        opened.add_scores(made.id, made.scores)
    return place


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBENCH_STORE", store)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose own noise is let pass."""
    monkeypatch.setattr(verdict, "LAG_FLOOR_MS", 10_000.0)
    monkeypatch.setattr(verdict, "OTHERS_MOST", 1.1)
    monkeypatch.setattr(verdict, "STOLEN_MOST", 1.1)


def read(capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_rates_are_shown_with_the_highest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--rate", "5,20"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"serial · zero-shot +5\.00 .*✓ met", out)
    assert "first-in-first-out" in out and "no queue" in out
    assert "taken to answer one request at a time; " in out
    assert "a p99 needs 368 service times" in out


def test_json_carries_points_and_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--arm", "serial", "--json", "--slo", "p95=60ms"]) == 0
    found = read(capsys)
    (capacity,) = found["capacities"]
    assert capacity["slos"] == [{"metric": "p95_ms", "max": 60.0, "min": None}]
    assert capacity["highest_rps"]["low"] <= capacity["highest_rps"]["value"] <= capacity["highest_rps"]["high"]
    assert 1 < len(capacity["points"]) <= 10
    assert any("held against p95_ms ≤ 60 ms" in line for line in found["said"])


def test_a_day_has_devices_dollars_and_a_breakeven(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--daily", "20000", "--curve", "office-hours", "--json"]) == 0
    found = read(capsys)
    plans = {plan["name"]: plan for plan in found["day"]}
    assert plans["serial · zero-shot"]["devices"] == 1
    assert plans["api · zero-shot"]["devices"] == 0
    assert any(name.endswith("(overflow)") for name in plans)
    (even,) = found["breakevens"]
    assert (even["device"], even["hosted"]) == ("serial · zero-shot", "api · zero-shot")
    assert 0 < even["a_day"] < 20_000
    assert plans["serial · zero-shot"]["usd_a_month"]["value"] < plans["api · zero-shot"]["usd_a_month"]["value"]
    assert cli.main(["capacity", "--daily", "20000"]) == 0
    out = capsys.readouterr().out
    assert "cheapest within the SLOs: serial · zero-shot" in out
    assert "requests a day on" in out
    assert "busy over the day, which is the duty cycle" in out


def test_an_slo_nobody_meets_names_the_closest_and_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3."""
    assert cli.main(["capacity", "--slo", "p95=1ms"]) == 3
    said = capsys.readouterr()
    assert "nobody keeps these SLOs, even without a queue; " in said.err
    assert "comes closest: latency p95 is" in said.out
    assert "less is needed" in said.out


def test_a_rate_asked_for_is_a_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """Far beyond what it carries: 3. Too few records for the quantile: 4."""
    assert cli.main(["capacity", "--arm", "serial", "--rate", "5000"]) == 3
    assert "no arm keeps the SLOs at 5000 requests a second" in capsys.readouterr().err
    assert cli.main(["capacity", "--arm", "serial", "--rate", "5", "--slo", "p99=1s"]) == 4
    assert "no arm can be shown to keep the SLOs at 5" in capsys.readouterr().err


def test_limits_timeouts_and_heat_are_taken_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["capacity", "--arm", "api", "--rpm", "600", "--retries", "2", "--json"]) == 0
    (capacity,) = read(capsys)["capacities"]
    assert capacity["highest_rps"]["value"] == pytest.approx(9.5, rel=0.02)


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        (["--rate", "fast"], "'fast' is no rate above 0", "--rate 0.5,1,2"),
        (["--rate", "1,-2"], "'-2' is no rate above 0", "--rate 0.5,1,2"),
        (["--rate", ",".join(["1"] * 11)], "11 rates, at most 10", ""),
        (["--daily", "0"], "--daily must be above 0", "--daily 20"),
        (["--daily", "9", "--curve", "offise-hours"], "no entry called 'offise-hours'", "did you mean 'office-hours'?"),
        (["--daily", "9", "--curve", "own.csv"], "there is no file own.csv", "office-hours"),
        (["--slo", "p95"], "is not METRIC=LIMIT", "--slo p99=3s"),
        (["--slo", "p95=soon"], "is no time above 0", "30s"),
        (["--slo", "accuracy=0.9"], "a replay cannot tell accuracy", "ttft_p95"),
        (["--slo", "p96=3s"], "no metric is called 'p96'", ""),
        (["--rpm", "-1"], "--rpm must be above 0", ""),
        (["--timeout", "0s"], "--timeout 0s: is no time above 0", "--timeout 30s"),
        (["--throttled", "10min"], "is not TIME:SPEED", "10min:0.7"),
        (["--throttled", "10min:2"], "is not TIME:SPEED", "10min:0.7"),
        (["--at-load", "0.99", "--validate"], "no stable load", "--at-load 0.7"),
        (["--validate"], "of one arm", "serial · zero-shot"),
        (["--arm", "seriel"], "'seriel' names no arm", "did you mean 'serial'?"),
        (["--arm", "serial", "--rates", "last"], "by one user and by several", "--measure-rates"),
    ],
)
def test_a_mistake_is_one_sentence(
    options: list[str], said: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["capacity", *options]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert hint in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "slo"),
    [
        ("p99=3s", SLO("p99_ms", max=3000.0)),
        ("p95_ms=300", SLO("p95_ms", max=300.0)),
        ("p95_ms=300ms", SLO("p95_ms", max=300.0)),
        ("p50=0.3", SLO("p50_ms", max=300.0)),
        ("ttft_p95=800ms", SLO("ttft_p95_ms", max=800.0)),
        ("failure_rate=0.01", SLO("failure_rate", max=0.01)),
    ],
)
def test_limits_are_read_with_their_units(text: str, slo: SLO) -> None:
    assert slo_of(text) == slo


def test_times_are_read_with_their_units() -> None:
    read = [seconds_of("--timeout", text) for text in ("30s", "300ms", "5min", "2m", "1h", "7")]
    assert read == pytest.approx([30, 0.3, 300, 120, 3600, 7])
    with pytest.raises(UsageError):
        seconds_of("--timeout", "inf")


@pytest.mark.usefixtures("trusted")
def test_live_measures_rates_and_a_point(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both print what they measured beside what was predicted; their runs are kept and are not the newest RUN."""
    own = tmp_path / "own.db"
    own.write_bytes(Path(store).read_bytes())
    monkeypatch.setenv("EDGEBENCH_STORE", str(own))
    live = ["capacity", "--arm", "serial", "--validate", "--requests", "40", "--at-load", "0.5", "--measure-rates"]
    assert cli.main([*live, "--json"]) == 0
    found = read(capsys)
    assert found["rates"]["users"] == [1, 2, 4]
    assert found["validation"]["point"]["n"] == 40
    assert set(found["validation"]["errors"]) == {"p50", "p95", "p99"}
    rates = [option for run in found["rates"]["runs"] for option in ("--rates", run)]
    assert cli.main(["capacity", "--arm", "serial", *rates]) == 0
    out = capsys.readouterr().out
    assert "work done together" in out
    assert cli.main(["capacity", "--json"]) == 0
    assert len(read(capsys)["capacities"]) == 2
