"""Hybrids, capacity, duty cycle and what would change the answer: their findings, charts and tables."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from edgebench.decide.duty import by_duty_cycle
from edgebench.records import Estimate
from edgebench.report import busy, carried, figures, hybrids, interactive, observed, sliders, stakes, svg
from edgebench.report.geometry import layout
from edgebench.report.looks import looks
from edgebench.report.marks import Area, Curve, Dot, Level
from edgebench.report.page import render
from tests.report.conclusions import DEMO, conclude, decided, demo_run

RUN = demo_run()
BARE = conclude(RUN)
FOUND = decided(BARE)
LOOKS = looks(FOUND.summary)
EVERYONE = hybrids.with_hybrids(FOUND, LOOKS)
DRAWN = {
    **hybrids.figures(FOUND, LOOKS),
    "cost-duty": busy.figure(FOUND, LOOKS),
    "capacity": carried.figure(FOUND, LOOKS),
}
DEVICE = "minilm-int8 · few-shot(5)"


@pytest.mark.parametrize("width", [360.0, 580.0])
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_drawings_are_well_formed_and_their_labels_stay_inside(name: str, width: float) -> None:
    """XML without holes, the same twice; the live drawing is JSON without holes."""
    figure = DRAWN[name]
    assert figure is not None
    text = svg.draw(figure, width)
    ET.fromstring(text)  # noqa: S314 - our own drawing
    assert text == svg.draw(figure, width) and "nan" not in text and "inf" not in text
    assert all(one.left >= 0 and one.left + one.width <= width for one in layout(figure, width).labels)
    json.dumps(interactive.specification(figure), allow_nan=False)
    assert figure.title and len(figure.summary) > 40


# ------------------------------------------------------------------------------------------------ hybrids


def test_a_cascade_is_a_band_a_line_its_parts_and_the_chosen_diamond() -> None:
    """Every drawn hybrid has its interval, its curve from one part to the other, and ◆ at the cross-fitted point."""
    figure = DRAWN["cascade-cost"]
    assert figure is not None
    assert len([mark for mark in figure.marks if isinstance(mark, Area)]) == 3
    diamonds = [mark for mark in figure.marks if isinstance(mark, Dot) and mark.shape == "diamond"]
    best = [one.best for one in hybrids.ranked(FOUND)]
    assert [mark.y for mark in diamonds] == [one.accuracy.value for one in best if one]
    edges = {mark.label for mark in figure.marks if isinstance(mark, Dot) and mark.shape == "square"}
    assert DEVICE in edges


def test_the_first_hybrid_is_the_most_right_or_as_right_and_cheaper() -> None:
    """Within two points the cheaper one leads."""
    ranked = hybrids.ranked(FOUND)
    assert ranked[0].edge == DEVICE
    dearer = dataclasses.replace(ranked[0], best=dataclasses.replace(ranked[0].best, usd_per_1k=Estimate(9.0)))
    almost = dataclasses.replace(ranked[0], best=dataclasses.replace(
        ranked[0].best, accuracy=Estimate((ranked[0].best.accuracy.value or 0) - 0.01)))  # fmt: skip
    assert hybrids.ranked(dataclasses.replace(FOUND, cascades=(dearer, almost)))[0] is almost


def test_a_signal_that_says_nothing_is_called_so() -> None:
    """An interval that holds one half is no better than a coin; one above is told with its number."""
    one = FOUND.cascades[0]
    assert "AUROC 0.780 [0.700–0.850]" in hybrids.signal(one, LOOKS)
    coin = dataclasses.replace(one, auroc=Estimate(0.55, 0.45, 0.65, 80))
    assert "can't be told from a coin's" in hybrids.signal(coin, LOOKS)


def test_a_pair_without_a_curve_says_why() -> None:
    """No confidence, no hybrid: one line, and nothing drawn."""
    assert hybrids.silent(FOUND, LOOKS) == ["smollm2-135m-q3_k_m → loopback: the edge gives no confidence"]
    none = dataclasses.replace(FOUND, cascades=FOUND.cascades[3:])
    assert hybrids.figures(none, LOOKS) == {} and hybrids.chosen_table(none, LOOKS) is None
    page = render(RUN, none)
    assert "No hybrid of these" in page and 'id="cascade-cost"' not in page


def test_a_promise_that_cannot_be_given_says_why() -> None:
    """A threshold, or the reason why there is none, for every promise asked for."""
    made = hybrids.guarantees(FOUND, EVERYONE)
    assert made is not None
    assert [row[4].text for row in made.rows] == ["0.710"] * 3
    lines = hybrids.not_promised(FOUND, LOOKS)
    assert len(lines) == 3 and lines[0].endswith("4 of 4: ≤ 2 % wrong can't be promised (20 answers are too few)")


def test_the_slower_part_is_told_apart_only_where_intervals_are() -> None:
    """The p95 of a hybrid is more, less, or not to be told from the cloud's own."""
    cloud = next(arm for arm in FOUND.summary.arms if arm.arm == FOUND.cascades[0].cloud).estimates["p95_ms"]
    for p95, words in ((cloud.value, "can't be told apart"), (9e5, "more than"), (1.0, "less than")):
        best = dataclasses.replace(FOUND.cascades[0].best, p95_ms=Estimate(p95, (p95 or 0) * 0.9, (p95 or 0) * 1.1))  # type: ignore[type-var]
        one = dataclasses.replace(FOUND.cascades[0], best=best)
        figure = hybrids.figures(dataclasses.replace(FOUND, cascades=(one,)), LOOKS)["cascade-latency"]
        assert words in figure.title


def test_hybrids_are_diamonds_in_the_front_charts_too() -> None:
    """The chosen points stand beside the targets by p95 and by cost; the first has its name."""
    made = figures.figures(FOUND, observed.observe(RUN), LOOKS)
    for name in ("accuracy-latency", "accuracy-cost"):
        diamonds = [mark for mark in made[name].marks if isinstance(mark, Dot) and mark.shape == "diamond"]
        assert len(diamonds) == 3 and diamonds[0].label == f"{DEVICE} → loopback"
    assert "◆" in made["accuracy-latency"].note


# ------------------------------------------------------------------------------------------------ capacity


def test_capacity_is_a_curve_with_its_limit_and_its_highest_rate() -> None:
    """The SLO is a level line; the mark of the highest rate lies on its curve, its interval across."""
    figure = DRAWN["capacity"]
    assert figure is not None
    assert [mark.y for mark in figure.marks if isinstance(mark, Level)] == [200.0]
    dots = [mark for mark in figure.marks if isinstance(mark, Dot)]
    known = [one.highest_rps.value for one in carried.ordered(FOUND) if one.highest_rps.value is not None]
    assert [dot.x for dot in dots] == known and all(dot.x_low is not None for dot in dots)
    curves = {mark.label: mark for mark in figure.marks if isinstance(mark, Curve)}
    first = curves[DEVICE]
    assert dots[0].y == pytest.approx(dict(zip(first.xs, first.ys, strict=True))[dots[0].x])


def test_the_finding_of_capacity_has_its_interval_or_its_reason() -> None:
    """The recommended arm leads; where nobody has an answer the reason is the title."""
    assert carried.finding(FOUND, LOOKS).startswith(f"{DEVICE} carries ")
    assert "[" in carried.finding(FOUND, LOOKS)
    bare = tuple(
        dataclasses.replace(one, points=(), highest_rps=Estimate.absent("x"), why="38 requests are too few for a p99")
        for one in FOUND.capacities
    )
    none = dataclasses.replace(FOUND, capacities=bare)
    assert carried.figure(none, LOOKS) is None
    page = render(RUN, none)
    assert "No highest rate can be told: 38 requests are too few for a p99" in page
    assert 'id="capacities"' not in render(RUN, BARE)


# ------------------------------------------------------------------------------------------------ duty cycle


def test_a_machine_costs_what_an_api_costs_at_the_duty_cycle_told() -> None:
    """Reckoned back from a cost on its curve; dearer than a machine that is always busy there is no such cycle."""
    for one in by_duty_cycle(FOUND):
        assert busy.equal(one, one.at[1].value or 0.0) == pytest.approx(0.1)
        assert busy.equal(one, one.curve[-1][1].value or 0.0) == pytest.approx(1.0)
        assert busy.equal(one, (one.curve[-1][1].value or 0.0) * 0.99) is None


def test_the_cost_by_duty_cycle_has_its_intervals() -> None:
    """A band around every line, an interval in every cell of a machine; an API is a level line."""
    figure, made = DRAWN["cost-duty"], busy.costs_table(FOUND, LOOKS)
    assert figure is not None
    assert len([mark for mark in figure.marks if isinstance(mark, Area)]) == 5
    level = next(mark for mark in figure.marks if isinstance(mark, Curve) and mark.label == "loopback")
    assert level.ys[0] == level.ys[1]
    assert made.rows[0][0].text == DEVICE and all(cell.muted for row in made.rows[:5] for cell in row[1:4])
    assert [column.name for column in made.columns] == [
        "target",
        "1 % busy",
        "10 % busy",
        "50 % busy",
        "as loopback from",
    ]
    assert [row[2].text for row in made.rows if row[0].text == DEVICE] == ["$0.00099"]


def test_the_finding_of_the_duty_cycle_names_both_ends() -> None:
    """What 1 % and 50 % cost, and where the API comes in."""
    title = busy.finding(FOUND, LOOKS)
    assert title.startswith(f"{DEVICE} costs $") and "at 50 %" in title and "a stand-in" in title
    free = dataclasses.replace(FOUND, monthly=dataclasses.replace(FOUND.monthly, running=()))
    assert busy.figure(free, LOOKS) is None


# ------------------------------------------------------------------------------------------------ stakes


def test_what_would_change_the_answer_is_a_table_on_the_first_screen() -> None:
    """Each assumption with where it stands, where it flips, with its interval, and to whom; before the targets."""
    made = stakes.changes_table(FOUND, LOOKS)
    assert made is not None
    rows = {row[0].text: row for row in made.rows}
    assert (rows["requests a day"][2].text, rows["requests a day"][2].muted) == ("below 118", "[90.0–160]")
    assert rows["duty cycle"][2].muted == "[0.4–0.9]" and rows["requests a day"][3].text == "loopback"
    assert stakes.firm(FOUND) == "No value of these changes it: accuracy of loopback."
    assert rows["price of loopback"][1].text == "$0.017 per 1,000" and rows["duty cycle"][1].text == "10 % busy"
    page = render(RUN, FOUND)
    assert page.index('id="changes"') < page.index('id="targets"')
    assert stakes.sentence(FOUND.changes[0], LOOKS) == "requests a day below 118 [90.0–160] (now 1,000): loopback"


# ------------------------------------------------------------------------------------------------ the whole


def test_every_chart_has_a_name_and_a_table_in_the_whole_page() -> None:
    """All thirteen charts, each with role, summary and its table; without them their sections leave."""
    page = render(RUN, FOUND)
    assert page.count('role="img"') == 12 and page.count("<figure") == 12
    assert "<table" in page.split('id="cascade-latency"')[1].split("</figure>")[0]
    assert render(RUN, FOUND) == page


def test_sliders_that_move_nothing_are_hidden() -> None:
    """Without an API its price has no slider; without a decision there are none."""
    shown = {name: useful for name, _, useful in sliders.shown(FOUND)}
    assert shown == dict.fromkeys(("requests", "duty", "price", "kwh", "p95", "right"), True)
    local = conclude(demo_run(items=24, arms=dict(list(DEMO.items())[:3])))
    assert not {name: useful for name, _, useful in sliders.shown(local)}["price"]
    assert sliders.controls(dataclasses.replace(FOUND, material=None), LOOKS) is None
    assert 'id="what-if"' not in render(RUN, dataclasses.replace(FOUND, material=None))
