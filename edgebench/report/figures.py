"""Every chart of the page, specified from the data; drawing them is the business of svg.py and interactive.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.records import METRICS, ArmSummary, Conclusion, FrontMember
from edgebench.report import findings, formatting, hybrids, journey
from edgebench.report.looks import Look
from edgebench.report.marks import Axis, Bar, Curve, Dot, Figure, Mark, Rule, Whisker, axis, fraction_axis, rows
from edgebench.report.observed import Observed, at, thin

Looks = Mapping[str, Look]
MOST_STEPS = 1_000  # of all cumulative lines together
DOUBTED = "p95_ms"  # the chart whose labels carry P(front)
LABELLED = 12  # arms whose dots all have a label; of more, only those that may be on the front
ACCURACY = "right, share of requests · better ↑"


def figures(conclusion: Conclusion, observed: Mapping[str, Observed], looks: Looks) -> Mapping[str, Figure]:
    """All charts the data allow, by id."""
    arms = conclusion.summary.arms
    made = [
        _trade_off("accuracy-latency", "p95_ms", "latency p95, ms", conclusion, looks),
        _trade_off("accuracy-cost", "usd_per_1k", "cost per 1,000 requests", conclusion, looks),
        _trade_off("accuracy-memory", "peak_mib", "peak memory, MiB", conclusion, looks),
        _ecdf(conclusion, observed, looks),
        journey.figure(arms, looks),
        _first_token(conclusion, observed, looks),
        _failures(arms, looks),
    ]
    return {figure.id: figure for figure in made if figure is not None}


def _trade_off(name: str, metric: str, label: str, conclusion: Conclusion, looks: Looks) -> Figure | None:
    arms = [
        arm
        for arm in conclusion.summary.arms
        if arm.estimates[metric].value is not None and arm.estimates["accuracy"].value is not None
    ]
    if not arms:
        return None
    dots = [_dot(arm, metric, conclusion, looks[arm.arm]) for arm in arms]
    mixed = [dot for dot in _hybrids(conclusion, metric, looks) if dot is not None]
    both = [*dots, *mixed]
    xs = [value for dot in both for value in (dot.x, dot.x_low, dot.x_high) if value is not None]
    ys = [value for dot in both for value in (dot.y, dot.y_low, dot.y_high) if value is not None]
    unit = METRICS[metric].unit
    doubt = " In brackets: P(front)." if any("(" in dot.label for dot in dots) and metric == DOUBTED else ""
    x, y = axis(f"← better · {label}", xs, unit), fraction_axis(ACCURACY, ys)
    missing = [looks[arm.arm].short for arm in conclusion.summary.arms if arm not in arms]
    notes = [f"Not drawn, having no such number: {', '.join(missing)}."] if missing else []
    notes += ["◆ is a hybrid replayed from the records; P(front) is among the targets alone."] if mixed else []
    return Figure(
        id=name,
        title=findings.trade_off(conclusion, looks, metric),
        subtitle=f"Accuracy against {label}{', logarithmic' if x.scale == 'log' else ''}. "
        f"Crosshairs are 95 % intervals; up and to the left is better.{doubt}",
        summary=f"Scatter chart of {len(dots)} targets. " + "; ".join(dot.hover for dot in both),
        x=x,
        y=y,
        marks=(*_staircase(dots, x, y), *dots, *mixed),
        note=" ".join(notes),
    )


def _dot(arm: ArmSummary, metric: str, conclusion: Conclusion, look: Look) -> Dot:
    across, up = arm.estimates[metric], arm.estimates["accuracy"]
    member = next((one for one in conclusion.front.members if one.arm == arm.arm), None)
    hover = (
        f"{look.short}: {formatting.show(up, 'fraction')} right, "
        f"{METRICS[metric].label} {formatting.estimate(across, metric)}"
    )
    hover += f", on the front in {formatting.share(member.probability, 1.0)} of resamples" if member else ""
    return Dot(
        x=across.value or 0.0,
        y=up.value or 0.0,
        x_low=across.low,
        x_high=across.high,
        y_low=up.low,
        y_high=up.high,
        colour=look.colour,
        shape=look.shape,
        label=_label(look, member, metric, len(conclusion.summary.arms)),
        hover=hover,
        hollow=look.hollow,
        outlined=member is not None and member.verdict == "on",
        faded=member is not None and member.verdict == "dominated",
    )


def _label(look: Look, member: FrontMember | None, metric: str, arms: int) -> str:
    if arms > LABELLED and member is not None and member.verdict == "dominated":
        return ""
    if metric != DOUBTED or member is None or member.verdict == "dominated":
        return look.short
    return f"{look.short} ({formatting.share(member.probability, 1.0)})"


def _hybrids(conclusion: Conclusion, metric: str, looks: Looks) -> list[Dot | None]:
    """Chosen points of the first hybrids; only the first has its name in the picture."""
    if metric not in ("p95_ms", "usd_per_1k"):
        return []
    found = [one for one in hybrids.drawn(conclusion) if not hybrids.idle(one)]
    return [hybrids.chosen(one, metric, looks, named=not place) for place, one in enumerate(found)]


def _staircase(dots: Sequence[Dot], x: Axis, y: Axis) -> list[Mark]:
    """What cannot be beaten in this picture alone, from its cheapest point to the right edge."""
    best, steps = -1.0, []
    for dot in sorted(dots, key=lambda one: (one.x, -one.y)):
        if dot.y > best:
            best = dot.y
            steps.append(dot)
    xs = (steps[0].x, *(dot.x for dot in steps), x.high)
    ys = (y.low, *(dot.y for dot in steps), best)
    return [Curve(xs, ys, "var(--front)", stairs=True, dash="5 4", width=1.5, hover="front of this picture")]


def _ecdf(conclusion: Conclusion, observed: Mapping[str, Observed], looks: Looks) -> Figure | None:
    drawn = {arm: observed[arm] for arm in looks if arm in observed and observed[arm].latency_ms}
    if not drawn:
        return None
    ends = [value for one in drawn.values() for value in (one.latency_ms[0], one.latency_ms[-1])]
    limits = [(slo, slo.max) for slo in conclusion_slos(conclusion) if slo.max is not None]
    rules = [Rule(limit, f"SLO {METRICS[slo.metric].label} ≤ {formatting.number(limit)} ms") for slo, limit in limits]
    ticks = tuple((k / 4, f"{25 * k} %") for k in range(5))
    return Figure(
        id="latency-ecdf",
        title=findings.latency(conclusion, looks),
        subtitle="Share of requests answered within a time; failures never arrive. Without the cold first request "
        "of each start. Up and to the left is better.",
        summary="Line chart of cumulative latency. "
        + "; ".join(f"{looks[arm].short}: {_quantiles(one.latency_ms)}" for arm, one in drawn.items()),
        x=axis("← better · latency (done − due), ms", [*ends, *(limit for _, limit in limits)], "ms"),
        y=Axis("requests answered · better ↑", "linear", 0.0, 1.04, ticks),
        marks=(*rules, *(_cumulative(one, looks[arm], len(drawn)) for arm, one in drawn.items())),
    )


def conclusion_slos(conclusion: Conclusion) -> list:  # type: ignore[type-arg]
    """The distinct latency limits that were judged."""
    out = []
    for one in conclusion.slos:
        if METRICS[one.slo.metric].unit == "ms" and one.slo.metric.startswith("p") and one.slo not in out:
            out.append(one.slo)
    return out


def _cumulative(one: Observed, look: Look, curves: int) -> Curve:
    values, requests = one.latency_ms, one.requests
    kept = thin(values, max(40, min(160, MOST_STEPS // curves)))
    return Curve(
        xs=(values[0], *(values[place] for place in kept)),
        ys=(0.0, *((place + 1) / requests for place in kept)),
        colour=look.colour,
        label=look.short,
        hover=look.short,
        stairs=True,
        dash=look.dash,
    )


def _quantiles(values: Sequence[float]) -> str:
    ends = [at(values, share) for share in (0.5, 0.95)]
    return f"median {formatting.quantity(ends[0], 'ms')}, 95 % within {formatting.quantity(ends[1], 'ms')}"


def _first_token(conclusion: Conclusion, observed: Mapping[str, Observed], looks: Looks) -> Figure | None:
    drawn = [arm for arm in looks if arm in observed and observed[arm].ttft_ms]
    if not drawn:
        return None
    marks: list[Mark] = []
    for row, arm in enumerate(drawn):
        values, look = observed[arm].ttft_ms, looks[arm]
        low, quarter, half, three, high = (at(values, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
        hover = (
            f"{look.short}: half within {formatting.quantity(half, 'ms')}, "
            f"95 % within {formatting.quantity(high, 'ms')}"
        )
        marks += [
            Whisker(row, low, high, look.colour, 2, hover),
            Whisker(row, quarter, three, look.colour, 8, hover),
            Dot(half, row, look.colour, look.shape, "", hover, hollow=look.hollow),
        ]
    ends = [value for mark in marks if isinstance(mark, Whisker) for value in (mark.low, mark.high)]
    return Figure(
        id="first-token",
        title=findings.latency(conclusion, looks, "ttft_p50_ms"),
        subtitle="Time to first token (first − due): thin line 5–95 % of requests, thick 25–75 %, mark the median.",
        summary="Interval chart. " + "; ".join(mark.hover for mark in marks if isinstance(mark, Dot)),
        x=axis("← better · time to first token, ms", ends, "ms"),
        y=rows(looks[arm].short for arm in drawn),
        marks=tuple(marks),
        right=tuple(formatting.quantity(at(observed[arm].ttft_ms, 0.5), "ms") for arm in drawn),
        note="A classifier gives its whole answer at once: its first token is its last.",
    )


def _failures(arms: Sequence[ArmSummary], looks: Looks) -> Figure | None:
    if not any(arm.failures for arm in arms):
        return None
    bars: list[Mark] = []
    for row, arm in enumerate(arms):
        start = 0.0
        for place, (kind, count) in enumerate(sorted(arm.failures.items(), key=lambda pair: (-pair[1], pair[0]))):
            words = kind.replace("_", " ")
            hover = f"{looks[arm.arm].short} · {words}: {count} of {arm.requests}"
            strength = (0.5, 0.22)[place % 2]
            bars.append(Bar(row, start, start + count, looks[arm.arm].colour, strength, f"{words} {count}", hover))
            start += count
    longest = max(sum(arm.failures.values()) for arm in arms)
    return Figure(
        id="failures",
        title=findings.failures(arms, looks),
        subtitle="Requests without an answer, by kind; their share at the right. A failure counts as not right.",
        summary="Stacked bars. " + "; ".join(mark.hover for mark in bars if isinstance(mark, Bar)),
        x=axis("← better · failed requests", [float(longest)], "count"),
        y=rows(looks[arm.arm].short for arm in arms),
        marks=tuple(bars),
        right=tuple(formatting.share(sum(arm.failures.values()), arm.requests) for arm in arms),
    )
