"""A page in euro: the same figures at another rate, round ticks, rate and date in the evidence."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from functools import cache

import pytest

from edgebench.decide.wording import shown_in
from edgebench.records import CostSpec, Estimate
from edgebench.report import formatting
from edgebench.report.marks import log_axis
from edgebench.report.page import render
from tests.report.conclusions import conclude, demo_run

EURO = CostSpec("EUR", Decimal("0.92"), Decimal("0.30"), as_of="2026-11-20", source="ECB")
RUN = demo_run(items=24)


@cache
def in_euro() -> tuple[str, str]:
    """The page in dollars, and in euro with power at the profile's price."""
    plain = RUN
    euro = dataclasses.replace(RUN, plan=dataclasses.replace(RUN.plan, costs=dataclasses.replace(EURO, kwh=None)))
    return render(plain, conclude(plain)), render(euro, conclude(euro))


def test_amounts_and_intervals_are_converted_together() -> None:
    """A quantity, an estimate with its interval, a signed difference: value and ends at one rate."""
    item = Estimate(2.0, 1.0, 4.0, 30, "bootstrap")
    assert str(formatting.show(item, "$")) == "$2.0 [1.0–4.0]"
    with shown_in(EURO):
        assert formatting.quantity(0.01, "$") == "€0.00920" and formatting.quantity(-3, "$", 2) == "−€2.8"
        assert str(formatting.show(item, "$")) == "€1.8 [0.92–3.7]"
        assert str(formatting.difference(item, "$")) == "+€1.8 [+0.92 … +3.7]"
        assert formatting.quantity(5, "ms") == "5.00 ms"
    assert formatting.quantity(0.01, "$") == "$0.0100"


def test_ticks_are_round_in_the_currency_and_stand_where_their_dollars_do() -> None:
    """€1 lies at $1.087; the axis reaches as far as in dollars."""
    plain = log_axis("cost", [0.1, 10.0], "$")
    with shown_in(EURO):
        euro = log_axis("cost", [0.1, 10.0], "$")
        other = log_axis("time", [0.1, 10.0], "ms")
    assert (euro.low, euro.high) == pytest.approx((plain.low, plain.high))
    assert {text: at for at, text in euro.ticks}["€1"] == pytest.approx(1 / 0.92)
    assert all(text.startswith("€") for _, text in euro.ticks) and all("€" not in text for _, text in other.ticks)


def test_a_page_in_euro_names_its_rate_and_holds_no_dollar_amount() -> None:
    """Headers, tables, figures and sentences; price lists stay as they are listed, in dollars."""
    plain, euro = in_euro()
    assert "EUR, 0.92 for a US dollar on 2026-11-20, ECB; reckoned in US dollars" in euro
    assert "What the plan says of money" not in plain and "€" not in re.sub(
        r"<script.*?</script>", "", plain, flags=re.S
    )
    shown = re.sub(r"<(script|style).*?</\1>", "", euro, flags=re.S)
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", shown, flags=re.S)
    amounts = [cell for cell in cells if re.match(r"\s*(<[^>]*>)*\s*[−+]?\$\d", cell)]
    assert not amounts, amounts[:3]
    assert "€ per 1k" in shown and "EUR per 1,000 requests, part by part" in shown and "$ per 1k" not in shown


def test_a_table_of_costs_is_the_dollars_times_the_rate() -> None:
    """Every amount of the volumes' table, digit by digit as far as it is shown."""
    plain, euro = in_euro()

    def amounts(page: str, sign: str) -> list[float]:
        table = page[page.index('id="cost-volume-table"') :]
        found = re.findall(re.escape(sign) + r"([\d,.]+)", table[: table.index("</table>")])
        return [float(one.replace(",", "")) for one in found]

    dollars, euros = amounts(plain, "$"), amounts(euro, "€")
    assert len(dollars) == len(euros) > 8
    assert euros == pytest.approx([0.92 * one for one in dollars], rel=0.01)
