"""``edgebench breakeven``: every device against every API, by hand; a plan in euro in the terminal's words."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli
from edgebench.metrics.table import columns
from edgebench.records import CostSpec, PriceSpec, Run
from edgebench.store import open_store
from tests import builders
from tests.builders import Arm

EURO = CostSpec("EUR", Decimal("0.92"), Decimal("0.30"), Decimal("0.2"), as_of="2026-11-20", source="ECB")
API = Arm(accuracy=0.8, median_ms=400, placement="hosted", kind="openai", model="gpt-4o-mini")
SEAT = Arm(placement="stand-in", median_ms=300)
PER_REQUEST = 100 * 0.15e-6 + 3 * 0.60e-6


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def keep(home: Path, arms: dict[str, Arm], seat: bool = False, **fields: Any) -> Run:
    """A made-up run in the person's own store; ``seat``: the stand-in is priced as gpt-4o-mini."""
    run = builders.run(arms, items=60, run_id="aaaa1111", **fields)
    if seat:
        spec = replace(run.plan.targets["seat"], price=PriceSpec(provider="openai", model="gpt-4o-mini"))
        run = replace(run, plan=replace(run.plan, targets={**run.plan.targets, "seat": spec}))
    with open_store(home / "store.db") as store:
        store.add_run(run)
    return run


def breakeven(*args: str) -> int:
    return cli.main(["breakeven", *args])


def fixed(kwh: float = 0.17) -> float:
    return 165 * 1.05 / (3 * 365.25) + 3 * 0.024 * kwh


def test_every_device_meets_every_api(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two devices, an API and a priced stand-in: four pairs, each with the volume and the months done by hand."""
    arms = {"a": Arm(median_ms=100), "b": Arm(median_ms=900), "api": API, "seat": SEAT}
    run = keep(home, arms, seat=True, device="pi-5-8gb")
    assert breakeven("--daily", "20000", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["requests_a_day"] == 20_000 and len(found["pairs"]) == 4
    pair = next(
        one for one in found["pairs"]
        if (one["breakeven"]["device"], one["breakeven"]["hosted"]) == ("a · zero-shot", "api · zero-shot")
    )  # fmt: skip
    above = 9.5 * float(columns(run)["a · zero-shot"].busy_s.mean()) / 3.6e6 * 0.17
    assert pair["breakeven"]["value"] == pytest.approx(fixed() / (PER_REQUEST - above))
    assert pair["breakeven"]["low"] < pair["breakeven"]["value"] < pair["breakeven"]["high"]
    assert pair["device_usd_a_month"] == pytest.approx((fixed() + 20_000 * above) * 30.4375) and pair["devices"] == 1
    assert pair["hosted_usd_a_month"] == pytest.approx(20_000 * PER_REQUEST * 30.4375) and not pair["stand_in"]
    assert [one["stand_in"] for one in found["pairs"]].count(True) == 2


def test_the_terminal_says_it_in_a_table_and_a_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stand-in's price is called one; --device and --hosted narrow it, by a target's name or an arm's."""
    keep(home, {"edge": Arm(), "seat": SEAT}, seat=True, device="pi-5-8gb")
    assert breakeven("aaaa", "--device", "edge", "--hosted", "seat · zero-shot") == 0
    out = capsys.readouterr().out
    assert "break-even a day" in out and "device a month at 1,000 a day" in out and "seat · zero-shot △" in out
    assert "a day seat · zero-shot (a stand-in, priced as gpt-4o-mini) is cheaper, above it edge · zero-shot" in out
    assert "its price is that of the model it is priced as" in out


def test_a_plan_in_euro_is_told_in_euro(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: 30 euro cents a kWh are 32.6 US cents; a month at 0.92; rate and date; JSON stays in dollars."""
    run = keep(home, {"edge": Arm(median_ms=100), "api": API}, device="pi-5-8gb", costs=EURO)
    above = 9.5 * float(columns(run)["edge · zero-shot"].busy_s.mean()) / 3.6e6 * 0.30 / 0.92
    month = (fixed(0.30 / 0.92) + 1000 * above) * 30.4375
    assert breakeven() == 0
    out = capsys.readouterr().out
    assert f"€{month * 0.92:.2f}" in out and f"€{1000 * PER_REQUEST * 30.4375 * 0.92:.2g}" in out and "$" not in out
    assert "currency: EUR, 0.92 for a US dollar on 2026-11-20, ECB" in out and "a kilowatt-hour: 0.30 EUR" in out
    assert breakeven("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"][0]["device_usd_a_month"] == pytest.approx(month) and found["costs"]["currency"] == "EUR"


def test_a_report_in_euro_by_hand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal's table and advice: dollars of the parts at the plan's kWh and duty cycle, times 0.92."""
    run = keep(home, {"edge": Arm(median_ms=100), "api": API}, device="pi-5-8gb", costs=EURO)
    seconds = float(columns(run)["edge · zero-shot"].busy_s.mean())
    kwh = 0.30 / 0.92
    a_second = 165 * 1.05 / (3 * 31_557_600 * 0.2) + (12.5 + 3 * 4) * kwh / 3.6e6
    assert cli.main(["report", "--out", str(home / "page.html")]) == 0
    out = capsys.readouterr().out
    shown = 1000 * a_second * seconds * 0.92
    assert "€/1k" in out and "$" not in out and f"€{float(f'{shown:.2g}'):g}" in out
    assert f"€{float(f'{1000 * PER_REQUEST * 0.92:.2g}'):g}" in out
    assert "currency: EUR, 0.92 for a US dollar on 2026-11-20" in out
    assert "0.92 for a US dollar on 2026-11-20" in (home / "page.html").read_text(encoding="utf-8")


def test_only_margins_are_said_to_be_only_margins(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the report and beside the break-even."""
    keep(home, {"edge": Arm(), "api": API}, device="pi-5-8gb", costs=CostSpec(marginal_only=True))
    assert cli.main(["report", "--out", str(home / "page.html")]) == 0
    assert "note: marginal only: energy above idle" in capsys.readouterr().out
    assert "marginal only: energy above idle" in (home / "page.html").read_text(encoding="utf-8")
    assert breakeven() == 0
    out = capsys.readouterr().out
    assert "marginal only: of a device nothing but its energy above idle is counted" in out
    assert "edge · zero-shot is cheaper than api · zero-shot at any volume" in out


BOTH, ON_PI = {"edge": Arm(), "api": API}, {"device": "pi-5-8gb"}


@pytest.mark.parametrize(
    ("arms", "fields", "args", "message", "hint"),
    [
        (BOTH, {}, [], "no arm on a device has a cost (edge · zero-shot: no device profile", "device:"),
        ({"edge": Arm()}, ON_PI, [], "no hosted or stand-in arm has a price", "price:"),
        ({"edge": Arm(), "seat": SEAT}, ON_PI, [], "a stand-in is not billed", "price:"),
        (BOTH, ON_PI, ["--device", "edgy"], "no arm is called 'edgy'", "'edge'"),
        (BOTH, ON_PI, ["--device", "api"], "it is paid by the request", "device:"),
        (BOTH, ON_PI, ["--hosted", "edge"], "not paid by the request", "price:"),
        ({**BOTH, "seat": SEAT}, ON_PI, ["--hosted", "seat"], "it has no cost: a stand-in is not billed", "price:"),
    ],
    ids=["no profile", "no api", "no price", "no such arm", "no device", "no api chosen", "unpriced stand-in"],
)
def test_what_is_missing_is_said_in_one_sentence(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    arms: dict[str, Arm],
    fields: dict[str, Any],
    args: list[str],
    message: str,
    hint: str,
) -> None:
    """Exit code 2, what is wrong, and what to write."""
    keep(home, arms, **fields)
    assert breakeven(*args) == 2
    err = capsys.readouterr().err
    assert message in " ".join(err.split()) and hint in err and "Traceback" not in err


@pytest.mark.parametrize("daily", ["0", "-5", "many"])
def test_a_volume_that_is_none_is_a_usage_error(home: Path, capsys: pytest.CaptureFixture[str], daily: str) -> None:
    keep(home, {"edge": Arm(), "api": API}, device="pi-5-8gb")
    assert breakeven("--daily", daily) == 2
    assert "--daily" in capsys.readouterr().err


def test_devices_are_listed_with_what_they_cost_and_draw(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One's own broken file says why and hides nobody; a figure has its unit, its source and its date."""
    (home / "devices").mkdir()
    (home / "devices" / "broken.yaml").write_text("title: Mine\nfigures: {price_usd: 5}\n")
    assert cli.main(["profiles", "list", "devices"]) == 0
    out = capsys.readouterr().out
    assert "unsourced number is refused" in out and "$0.0816 an hour" in out and "30.1" in out
    assert cli.main(["profiles", "show", "mac-mini-m4", "--sources"]) == 0
    out = capsys.readouterr().out
    assert "W at the wall" in out and "servethehome.com" in out and "2024-11" in out and "The published speeds" in out
