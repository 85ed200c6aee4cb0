"""Figures, their findings, and the two ways they are drawn."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import xml.etree.ElementTree as ET

import pytest

from edgebench.records import Comparison, Conclusion, Estimate
from edgebench.report import findings, formatting, interactive, journey, labels, observed, svg, tables
from edgebench.report.figures import figures
from edgebench.report.geometry import layout
from edgebench.report.looks import Look, looks
from edgebench.report.marks import Axis, Bar, Curve, Dot, Figure, Rule, axis, fraction_axis
from tests.builders import Arm
from tests.report.conclusions import conclude, demo_run

RUN = demo_run()
FOUND = conclude(RUN)
LOOKS = looks(FOUND.summary)
SEEN = observed.observe(RUN)
DRAWN = figures(FOUND, SEEN, LOOKS)
HOSTILE = '</title><script>alert(1)</script>"\x1b\u202e&'


def with_metric(found: Conclusion, arm: str, metric: str, estimate: Estimate) -> Conclusion:
    """The same conclusion with one number changed."""
    arms = tuple(
        dataclasses.replace(one, estimates={**one.estimates, metric: estimate}) if one.arm == arm else one
        for one in found.summary.arms
    )
    return dataclasses.replace(found, summary=dataclasses.replace(found.summary, arms=arms))


def test_every_chart_of_the_wireframe_is_there_with_its_table() -> None:
    """The seven charts exist for a run like the demo's, and each has the table it is a view of."""
    wanted = {
        "accuracy-latency",
        "accuracy-cost",
        "accuracy-memory",
        "latency-ecdf",
        "where-time-goes",
        "first-token",
        "failures",
    }
    assert set(DRAWN) == wanted
    assert wanted - {"where-time-goes"} <= set(tables.of_figures(FOUND, SEEN, LOOKS))
    assert sum(len(one.rows) for one in journey.parts_tables(FOUND.summary.arms, LOOKS)) == len(FOUND.summary.arms)


def test_a_finding_ranks_only_what_is_told_apart() -> None:
    """The demo's classifier is far faster and better, and the title says by how much."""
    title = DRAWN["accuracy-latency"].title
    assert re.search(r"minilm-int8 · few-shot\(5\) is \d+× faster than .*, and right \d+ points more often", title)


def test_a_finding_is_hedged_when_intervals_overlap() -> None:
    """Two arms of equal behaviour are said to be indistinguishable, with the n."""
    same = demo_run(arms={"a": Arm(0.7, 50.0), "b": Arm(0.72, 50.0)})
    found = conclude(same)
    title = findings.trade_off(found, looks(found.summary), "p95_ms")
    assert "can't be told apart at n = 80" in title
    assert "faster" not in title


def test_a_paired_comparison_outranks_overlapping_intervals() -> None:
    """Paired data separate arms whose own intervals overlap; a paired zero inside forbids a ranking."""
    a, b = (arm.arm for arm in FOUND.summary.arms[:2])
    apart = Comparison(a, b, "accuracy", Estimate(0.1, 0.02, 0.18, 80), 0.01, "paired")
    alike = dataclasses.replace(apart, difference=Estimate(0.1, -0.02, 0.18, 80))
    assert findings.told_apart(dataclasses.replace(FOUND, comparisons=(apart,)), a, b, "accuracy")
    assert not findings.told_apart(dataclasses.replace(FOUND, comparisons=(alike,)), a, b, "accuracy")


def test_an_arm_without_the_number_is_named_not_drawn_at_zero() -> None:
    """Absent is not zero: the arm leaves the chart and the note says so."""
    arm = FOUND.summary.arms[0].arm
    found = with_metric(FOUND, arm, "usd_per_1k", Estimate.absent("no price"))
    figure = figures(found, SEEN, LOOKS)["accuracy-cost"]
    assert len([mark for mark in figure.marks if isinstance(mark, Dot)]) == len(FOUND.summary.arms) - 1
    assert LOOKS[arm].short in figure.note


def test_an_axis_is_logarithmic_beyond_twenty_times() -> None:
    """8 ms and 900 ms need a log axis, 8 and 90 do not, and a zero forbids one."""
    assert axis("x", [8.0, 900.0], "ms").scale == "log"
    assert axis("x", [8.0, 90.0], "ms").scale == "linear"
    assert axis("x", [0.0, 900.0], "ms").scale == "linear"


@pytest.mark.parametrize("values", [[0.1], [3.0, 5.0], [8.0, 900.0], [1e-6, 2e4], [0.0], [1234.5, 1235.5]])
def test_axes_hold_their_values_in_few_ticks(values: list[float]) -> None:
    """Two to eight ticks inside the axis, and no value outside it."""
    made = axis("x", values, "ms")
    assert all(made.low <= value <= made.high for value in values)
    assert 2 <= len(made.ticks) <= 8
    assert all(made.low <= at <= made.high for at, _ in made.ticks)


def test_a_percent_axis_stays_within_percent() -> None:
    """No tick above 100 % or below 0 %."""
    ticks = [at for at, _ in fraction_axis("y", [0.97, 1.0]).ticks]
    assert min(ticks) >= 0 and max(ticks) == pytest.approx(1.0)


def test_the_ecdf_counts_failures_as_never_arriving() -> None:
    """The curve of an arm that failed ends below 1, the others at 1."""
    tops = {mark.label: mark.ys[-1] for mark in DRAWN["latency-ecdf"].marks if isinstance(mark, Curve)}
    assert tops["loopback"] < 1
    assert tops["minilm-int8 · few-shot(5)"] == pytest.approx(1.0)


def test_thinning_keeps_ends_and_tail() -> None:
    """Of 10,000 values few are drawn, among them the first, the last and all of the last half percent."""
    kept = observed.thin([float(k) for k in range(10_000)])
    assert len(kept) <= 260
    assert kept[0] == 0
    assert set(range(9_930, 10_000)) <= set(kept)


def test_limits_are_drawn_where_they_were_judged() -> None:
    """The latency SLO of the plan is a line at its value."""
    assert [mark.x for mark in DRAWN["latency-ecdf"].marks if isinstance(mark, Rule)] == [200.0]


def test_shape_tells_the_place_and_outline_the_front() -> None:
    """A stand-in is a hollow triangle, a device target a square; only members of the front have a ring."""
    dots = {mark.label: mark for mark in DRAWN["accuracy-cost"].marks if isinstance(mark, Dot)}
    assert (dots["loopback"].shape, dots["loopback"].hollow) == ("triangle", True)
    assert dots["minilm-int8 · few-shot(5)"].shape == "square"
    ringed = {
        look.short for arm, look in LOOKS.items() for m in FOUND.front.members if m.arm == arm if m.verdict == "on"
    }
    assert {label for label, dot in dots.items() if dot.outlined} == ringed


def test_the_doubt_about_the_front_stands_in_its_chart() -> None:
    """P(front) in brackets beside every arm that may be on it, in the accuracy × latency chart and in no other."""
    members = {LOOKS[one.arm].short: one for one in FOUND.front.members}
    labels = {mark.label for mark in DRAWN["accuracy-latency"].marks if isinstance(mark, Dot)}
    for name, one in members.items():
        doubt = "" if one.verdict == "dominated" else f" ({formatting.share(one.probability, 1.0)})"
        assert f"{name}{doubt}" in labels
    assert not any(
        "(" in mark.label and "%" in mark.label for mark in DRAWN["accuracy-cost"].marks if isinstance(mark, Dot)
    )


@pytest.mark.parametrize("width", [360.0, 580.0])
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_drawings_are_well_formed_and_hold_no_nan(name: str, width: float) -> None:
    """Every drawing is XML, the same twice, and every coordinate is a number."""
    text = svg.draw(DRAWN[name], width)
    ET.fromstring(text)  # noqa: S314 - our own drawing
    assert text == svg.draw(DRAWN[name], width)
    assert "nan" not in text and "inf" not in text


@pytest.mark.parametrize("width", [360.0, 580.0])
@pytest.mark.parametrize("name", ["accuracy-latency", "accuracy-cost", "accuracy-memory", "latency-ecdf"])
def test_labels_do_not_cover_each_other(name: str, width: float) -> None:
    """No two direct labels overlap, and none leaves the drawing."""
    placed = layout(DRAWN[name], width).labels
    for place, one in enumerate(placed):
        assert one.left >= 0 and one.left + one.width <= width
        for other in placed[place + 1 :]:
            apart_x = one.left + one.width <= other.left or other.left + other.width <= one.left
            apart_y = one.top + one.height <= other.top or other.top + other.height <= one.top
            assert apart_x or apart_y, (one.text, other.text)


def test_ten_labels_of_one_point_find_room() -> None:
    """Even ten arms at one spot have readable labels."""
    wanted = [labels.Wanted(f"target number {k}", ((300.0, 200.0),)) for k in range(10)]
    placed = labels.place(wanted, [], (0.0, 0.0, 600.0, 400.0), 13.0)
    assert len({(round(one.left), round(one.top)) for one in placed}) == 10


def test_hostile_texts_stay_texts_in_both_drawings() -> None:
    """A label is escaped for SVG and for the little HTML plotly reads; the JSON island cannot be left."""
    across = Axis(HOSTILE, "linear", 0.0, 1.0, ((0.5, HOSTILE),))
    dot = Dot(0.5, 0.5, "var(--arm-1)", "circle", HOSTILE, HOSTILE)
    bar = Bar(0, 0.0, 1.0, "var(--arm-1)", 0.5, HOSTILE, HOSTILE)
    curve = Curve((0.1, 0.2), (0.1, 0.2), "var(--arm-1)", HOSTILE, HOSTILE)
    figure = Figure("f", HOSTILE, HOSTILE, HOSTILE, across, across, (dot, bar, curve), note=HOSTILE)
    drawing = svg.draw(figure)
    ET.fromstring(drawing)  # noqa: S314 - our own drawing
    assert "<script" not in drawing and "\x1b" not in drawing and "\u202e" not in drawing
    island = interactive.island(interactive.specification(figure))
    assert "<" not in island and "\u202e" not in island
    json.loads(island)
    assert "<script" not in json.dumps(interactive.specification(figure))


def test_the_live_drawing_shows_the_same_numbers() -> None:
    """plotly gets the very coordinates and error bars of the specification."""
    figure = DRAWN["accuracy-latency"]
    traces = interactive.specification(figure)["data"]
    drawn = {(trace["x"][0], trace["y"][0]) for trace in traces if trace.get("mode") == "markers"}
    assert drawn == {(mark.x, mark.y) for mark in figure.marks if isinstance(mark, Dot)}
    whole = json.dumps(interactive.specification(figure), allow_nan=False)
    assert math.isclose(json.loads(whole)["layout"]["xaxis"]["range"][0], math.log10(figure.x.low))


def test_ten_arms_look_different() -> None:
    """Eight colours, then the same ones dashed: no two arms look alike."""
    found = conclude(demo_run(items=12, arms={f"t{k}": Arm(0.5) for k in range(10)}))
    made = looks(found.summary).values()
    assert len({(look.colour, look.dash) for look in made}) == 10
    assert all(isinstance(look, Look) and look.short == look.arm.split(" ·")[0] for look in made)
