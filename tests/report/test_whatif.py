"""Dollars a month by volume, by hand, and the words and marks made of them."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from edgebench.decide.monthly import devices, usd_a_month
from edgebench.metrics.devices import load_device
from edgebench.records import Breakeven, Monthly, Running
from edgebench.report import interactive, svg, whatif
from edgebench.report.geometry import layout
from edgebench.report.looks import looks
from edgebench.report.marks import Band, Curve, Rule
from edgebench.report.page import render
from tests.builders import Arm
from tests.report.conclusions import conclude, demo_run

RUN = demo_run()
FOUND = conclude(RUN)
LOOKS = looks(FOUND.summary)
COSTS = FOUND.monthly
BY_ARM = {one.arm: one for one in COSTS.running}
DEVICE, HOSTED = "minilm-int8 · few-shot(5)", "loopback · zero-shot"


def with_breakeven(value: float | None, low: float | None, high: float | None, most: float = 1e5) -> str:
    """The title of the chart for a break-even."""
    made = dataclasses.replace(COSTS, breakeven=Breakeven(DEVICE, HOSTED, value, low, high, most, 1.0))
    figure = whatif.figure(FOUND, made, LOOKS)
    assert figure is not None
    return figure.title


def test_a_device_by_hand() -> None:
    """Purchase, upkeep and idle watts of a month, plus the watts above idle for the busy seconds."""
    f = {name: float(figure.value) for name, figure in load_device("x86-laptop").figures.items()}
    calls = [call for record in RUN.records if arm_of(record.trial_id) == DEVICE for call in record.calls]
    busy = [
        (call.end_ns - call.sent_ns) / 1e9 for call in calls if call.end_ns is not None and call.sent_ns is not None
    ]
    owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    a_day = owned / (f["lifetime_years"] * 365.25) + f["idle_w"] * 24 / 1000 * f["kwh_usd"]
    a_request = (f["active_w"] - f["idle_w"]) * sum(busy) / len(busy) / 3.6e6 * f["kwh_usd"]
    assert usd_a_month(BY_ARM[DEVICE], 10_000) == pytest.approx((a_day + 10_000 * a_request) * 365.25 / 12)
    assert BY_ARM[DEVICE].most_a_day == pytest.approx(86_400 * len(busy) / sum(busy))


def arm_of(trial_id: str) -> str:
    return next(trial.arm for trial in RUN.trials if trial.id == trial_id)


def test_a_price_a_request_by_hand() -> None:
    """Tokens × rate, as many times as there are requests in a month; no device is needed."""
    calls = [call for r in RUN.records if arm_of(r.trial_id) == HOSTED for call in r.calls if call.usage]
    usd = sum((c.usage.input_tokens or 0) * 0.15e-6 + (c.usage.output_tokens or 0) * 0.60e-6 for c in calls if c.usage)
    one = BY_ARM[HOSTED]
    assert usd_a_month(one, 2_000) == pytest.approx(usd / len(calls) * 2_000 * 365.25 / 12)
    assert devices(one, 1e9) == 0 and one.fixed_usd_a_day == 0.0


def test_devices_needed() -> None:
    """86,400 / busy seconds each; exactly full is still enough, one request more is not; each has its fixed dollars."""
    one = Running("a", 0.001, "estimated", fixed_usd_a_day=2.0, most_a_day=86_400 / 0.5)
    assert [devices(one, volume) for volume in (0, 1, 172_800, 172_801, 345_600, 1e6)] == [1, 1, 1, 2, 2, 6]
    assert usd_a_month(one, 172_801) == pytest.approx((2 * 2.0 + 172.801) * 30.4375)


def test_the_table_holds_every_arm_and_the_reason_of_a_missing_price() -> None:
    """Four volumes; the numbers of the formula with the devices; an arm without a price says why in table and note."""
    plan = dataclasses.replace(
        RUN.plan, targets={n: dataclasses.replace(spec, price=None) for n, spec in RUN.plan.targets.items()}
    )
    run = dataclasses.replace(RUN, plan=plan)
    found = conclude(run)
    costs = found.monthly
    made, figure = whatif.costs_table(found, costs, LOOKS), whatif.figure(found, costs, LOOKS)
    assert [column.name for column in made.columns[1:]] == ["100 a day", "1,000 a day", "10,000 a day", "100,000 a day"]
    rows = {row[0].text: row[1:] for row in made.rows}
    assert [cell.sort for cell in rows[DEVICE]] == [usd_a_month(BY_ARM[DEVICE], v) for v in (100, 1e3, 1e4, 1e5)]
    assert rows[DEVICE][0].muted == "1 device" and rows[DEVICE][0].word == "estimated"
    assert all(cell.text == "—" and "a stand-in is not billed" in cell.why for cell in rows[HOSTED])
    assert figure is not None and "loopback (a stand-in is not billed" in figure.note
    assert "no break-even" in figure.title


def test_the_finding_is_hedged_as_the_advice_is() -> None:
    """An interval where it says more than the number; beyond one device, or never, in those words; a stand-in said."""
    assert "Below 900 [800–1,000] requests a day loopback (a stand-in, priced as" in with_breakeven(900, 800, 1000)
    assert "Below 900 requests a day" in with_breakeven(900, 900.1, 900.2)
    assert "at any volume one device can carry: break-even" in with_breakeven(2e5, 1.5e5, 3e5)
    assert "interval allows the other" in with_breakeven(2e5, 0.5e5, 3e5)
    assert "interval allows the other" in with_breakeven(900, 800, None)
    assert "interval allows the other" not in with_breakeven(900, 800, 1000)
    assert "electricity of minilm-int8 · few-shot(5) alone, at any volume" in with_breakeven(None, None, None)


def test_the_break_even_is_a_band_around_its_line() -> None:
    """From one end of the interval to the other, in both drawings; none where one device cannot carry it."""
    made = dataclasses.replace(COSTS, breakeven=Breakeven(DEVICE, HOSTED, 900.0, 800.0, 1000.0, 1e5, 1.0))
    figure = whatif.figure(FOUND, made, LOOKS)
    assert figure is not None
    band = next(mark for mark in figure.marks if isinstance(mark, Band))
    assert (band.low, band.high) == (800.0, 1000.0) and any(isinstance(mark, Rule) for mark in figure.marks)
    shape = interactive.specification(figure)["layout"]["shapes"][0]
    assert (shape["x0"], shape["x1"]) == (800.0, 1000.0)
    assert "fill-opacity" in svg.draw(figure)
    none = whatif.figure(
        FOUND, dataclasses.replace(made, breakeven=Breakeven(DEVICE, HOSTED, 2e5, 1e5, 3e5, 1e5, 1.0)), LOOKS
    )
    assert none is not None and not any(isinstance(mark, (Band, Rule)) for mark in none.marks)


def test_lines_follow_the_formula_and_step_at_a_full_device() -> None:
    """Each point of a line is the cost there, or just past a step the cost with one device more; lines are drawable."""
    figure = whatif.figure(FOUND, COSTS, LOOKS)
    assert figure is not None
    curves = {mark.label: mark for mark in figure.marks if isinstance(mark, Curve)}
    assert len(curves) == len(COSTS.running)
    for arm, one in BY_ARM.items():
        curve = curves[LOOKS[arm].short]
        assert curve.xs == tuple(sorted(curve.xs)) and (curve.xs[0], curve.xs[-1]) == (10.0, 1e6)
        for x, y in zip(curve.xs, curve.ys, strict=True):
            assert any(y == pytest.approx(usd_a_month(one, at)) for at in (x, x * (1 + 1e-9)))
    for width in (360.0, 580.0):
        drawing = svg.draw(figure, width)
        ET.fromstring(drawing)  # noqa: S314 - our own drawing
        assert "nan" not in drawing and "inf" not in drawing
        assert all(one.left >= 0 and one.left + one.width <= width for one in layout(figure, width).labels)
    json.dumps(interactive.specification(figure), allow_nan=False)


def test_every_api_and_every_device_meet_somewhere_in_a_table() -> None:
    """The recommended device with its API first; beyond what one carries, or never, in those words."""
    made = whatif.breakevens_table(FOUND, COSTS, LOOKS)
    assert made is not None and made.rows[0][0].text == FOUND.advice.arm
    assert len(made.rows) == len(COSTS.breakevens)
    assert all(row[2].sort is not None or row[2].why for row in made.rows)


def test_a_month_is_told_with_its_devices() -> None:
    """The recommended arm and the cheapest of the others, at the volume the slider begins at."""
    line = whatif.month(FOUND, LOOKS)
    assert line.startswith("at 1,000 requests a day: minilm-int8 · few-shot(5) $30.2 a month on 1 device; loopback")


def test_no_price_at_all_is_a_page_too() -> None:
    """Without a device profile and without a price there is no chart; table and reasons stay."""
    run = demo_run(items=8, arms={"bare": Arm(0.5)})
    run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, device=None))
    found = conclude(run)
    costs = found.monthly
    assert costs == Monthly((), costs.missing, None) and set(costs.missing) == {"bare · zero-shot"}
    assert whatif.figure(found, costs, looks(found.summary)) is None
    page = render(run, found)
    assert "No target has a price" in page and 'id="cost-volume-table-why-1"' in page
