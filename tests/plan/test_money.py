"""Money in a plan: what is read, and every mistake in one sentence where it stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from edgebench.errors import PlanError
from edgebench.plan import load_plan
from edgebench.records import CostSpec
from tests.plan.mistakes import GOOD, added, api

EURO = "costs: {currency: EUR, per_usd: 0.92, as_of: 2026-11-20, kwh: 0.30, duty_cycle: 0.2, source: ECB}\n"

#: (what is wrong, text, line, column, a piece of the message, a piece of the hint)
MISTAKES = [
    ("duty cycle 0", added("costs: {duty_cycle: 0}\n"), 15, 21, "above 0 and at most 1, not 0", "duty_cycle: 0.1"),
    ("duty cycle above 1", added("costs: {duty_cycle: 1.5}\n"), 15, 21, "at most 1, not 1.5", "duty_cycle: 0.015"),
    ("duty cycle in percent", added("costs: {duty_cycle: 40}\n"), 15, 21, "at most 1, not 40", "duty_cycle: 0.4"),
    ("duty cycle negative", added("costs: {duty_cycle: -1}\n"), 15, 21, "not -1", "a tenth of the time"),
    ("duty cycle a word", added("costs: {duty_cycle: often}\n"), 15, 21, "should be a number", ""),
    ("kwh negative", added("costs: {kwh: -0.1}\n"), 15, 14, "at least 0, not -0.1", ""),
    ("kwh in cents", added("costs: {kwh: 170}\n"), 15, 14, "no kilowatt-hour costs 170 USD", "kwh: 1.7"),
    (
        "currency without a rate",
        added("costs: {currency: EUR}\n"),
        15,
        19,
        "needs its rate: 'per_usd'",
        "per_usd: 0.92",
    ),
    ("unknown currency", added("costs: {currency: XYZ, kwh: 1}\n"), 15, 19, "how much XYZ a US dollar is", "as_of"),
    ("currency no code", added("costs: {currency: euro}\n"), 15, 19, "three letters", "currency: EUR"),
    ("currency in small letters", added("costs: {currency: gbp, per_usd: 0.8}\n"), 15, 19, "ISO 4217", "currency: GBP"),
    ("rate without a date", added("costs: {currency: EUR, per_usd: 0.92}\n"), 15, 33, "add 'as_of'", "2026-11-20"),
    ("rate of zero", added("costs: {currency: EUR, per_usd: 0, as_of: 2026-11-20}\n"), 15, 33, "above 0, not 0", ""),
    ("rate negative", added("costs: {currency: EUR, per_usd: -2, as_of: 2026-11-20}\n"), 15, 33, "not -2", ""),
    ("rate of the dollar", added("costs: {per_usd: 0.92}\n"), 15, 18, "a dollar is one dollar", "currency: EUR"),
    ("date no date", added(EURO.replace("2026-11-20", "lately")), 15, 46, "'lately' is no date", "2026"),
    ("key misspelt", added("costs: {kWh: 0.3}\n"), 15, 9, "unknown key 'kWh'", "'kwh'"),
    ("marginal no truth", added("costs: {marginal_only: often}\n"), 15, 24, "true or false", ""),
    ("rent of nothing", api("price: {usd_per_hour: 0}") + "device: pi-5-8gb\n", 9, 27, "above 0, not 0", ""),
    ("rent negative", api("price: {usd_per_hour: -1}") + "device: pi-5-8gb\n", 9, 27, "above 0, not -1", ""),
    ("rent without a duty cycle", api("price: {usd_per_hour: 2}"), 9, 13, "say how busy it is", "duty_cycle: 0.1"),
    (
        "rent and tokens",
        api("price: {usd_per_hour: 2, input_per_million: 1, output_per_million: 1}") + "device: pi-5-8gb\n",
        9,
        13,
        "not both",
        "",
    ),
]


def write(folder: Path, text: str) -> Path:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_of_money_is_shown_where_it_stands(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    """One sentence with file, line, column and source line, and what to type."""
    file = write(tmp_path, text)
    with pytest.raises(PlanError) as caught:
        load_plan(file)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    assert message in str(error) and hint in (error.hint or "")
    assert str(error).startswith(f"{file}:{line}:{column}: ") and "\n" not in str(error)
    assert error.source_line == text.splitlines()[line - 1]


def test_a_plans_money_is_read_to_the_last_digit(tmp_path: Path) -> None:
    """Decimals as written; the ends of what is allowed."""
    found = load_plan(write(tmp_path, GOOD + EURO)).costs
    assert found == CostSpec("EUR", Decimal("0.92"), Decimal("0.30"), Decimal("0.2"), False, "ECB", "2026-11-20")
    least = load_plan(write(tmp_path, GOOD + "costs: {kwh: 0, duty_cycle: 1, marginal_only: true, per_usd: 1}\n")).costs
    assert (least.kwh, least.duty_cycle, least.marginal_only) == (Decimal(0), Decimal(1), True)
    assert load_plan(write(tmp_path, GOOD)).costs == CostSpec()


def test_a_rent_is_read_where_somebody_says_how_busy_it_is(tmp_path: Path) -> None:
    """By the plan, or by the device profile."""
    for more in ("costs: {duty_cycle: 0.3}\n", "device: cloud-vm-small\n"):
        plan = load_plan(write(tmp_path, api("price: {usd_per_hour: 0.0432}") + more))
        price = plan.targets["api"].price
        assert price is not None and price.usd_per_hour == Decimal("0.0432")
