"""Hybrids on the page: what a cascade of an edge and a cloud arm would be, as curves, tables and sentences.

Every point of a curve is a system: the edge keeps what it is at least so sure of, the cloud answers the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from edgebench.decide.wording import headed, percent
from edgebench.records import METRICS, ArmSummary, Cascade, CascadePoint, Conclusion, Estimate, Guarantee
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import HYBRID, Look
from edgebench.report.marks import Area, Curve, Dot, Figure, Mark, axis, fraction_axis
from edgebench.report.tables import Cell, Column, Table, number_cell, table

Looks = Mapping[str, Look]
DRAWN = 3  # cascades drawn; the table has more
LISTED = 12
POINTS = 14  # of a curve; those of the hull are always kept
MOST_LABEL = 36  # characters beside a line
SELDOM = 0.01  # share of requests: below it nothing is deferred to speak of
LONGEST_OPENING = 24  # "No cascade is needed"
NEAR = 0.02  # accuracies this close are taken for equal when hybrids are put in order
DASHES = ("", "7 4", "2 3")
AXES = {
    "cascade-cost": ("usd_per_1k", "cost per 1,000 requests"),
    "cascade-latency": ("p95_ms", "latency p95, ms"),
}


def ranked(conclusion: Conclusion) -> Sequence[Cascade]:
    """Cascades that have a chosen point, the one to look at first.

    Worth it before open before not worth it before those that need no cloud; of alike ones the most right, or as right
    and likelier to be beaten by neither part, and cheaper.
    """
    found = [one for one in conclusion.cascades if one.best is not None and one.best.accuracy.value is not None]
    if not found:
        return ()
    top = max(_value(one.best, "accuracy") for one in found)

    def order(one: Cascade) -> tuple[bool, int, float, float, float, float]:
        behind = max(0.0, top - NEAR - _value(one.best, "accuracy"))
        worth = {"Worth it": 0, "Not worth it": 2}.get(_opening(one), 1)
        return (
            idle(one), worth, behind, -(one.on_front or 0.0),
            _value(one.best, "usd_per_1k"), _value(one.best, "p95_ms"),
        )  # fmt: skip

    return sorted(found, key=order)


def drawn(conclusion: Conclusion) -> Sequence[Cascade]:
    """Those with a curve: hedging defers by the clock, so its curve says little; it is in the table."""
    found = ranked(conclusion)
    return ([one for one in found if one.policy == "sequential"] or found)[:DRAWN]


def idle(one: Cascade) -> bool:
    """Whether its chosen point hardly ever asks the cloud."""
    return one.best is None or (one.best.deferred.value or 0.0) < SELDOM


def key(one: Cascade) -> str:
    """What a hybrid goes by among the looks: its parts in full, and its policy."""
    return f"{one.edge} → {one.cloud}{_policy(one)}"


def with_hybrids(conclusion: Conclusion, looks: Looks) -> Looks:
    """The looks of the arms, and of every hybrid shown: a diamond in its edge's colour."""
    out = dict(looks)
    for one in ranked(conclusion)[:LISTED]:
        edge = looks.get(one.edge)
        out[key(one)] = Look(
            arm=name(one, looks),
            number=len(out),
            short=name(one, looks),
            colour=edge.colour if edge else "var(--ink)",
            dash="",
            shape="diamond",
            sign="◆",
            place="hybrid",
            explain=HYBRID,
            hollow=False,
        )
    return out


def name(one: Cascade, looks: Looks) -> str:
    """``edge → cloud``, with the policy where it is not the plain one."""
    return f"{_short(one.edge, looks)} → {_short(one.cloud, looks)}{_policy(one)}"


def label(one: Cascade, looks: Looks) -> str:
    """Its name where room is short."""
    return formatting.shorten(name(one, looks), MOST_LABEL)


def _policy(one: Cascade) -> str:
    if one.policy == "sequential":
        return ""
    after = one.hedge_after_s
    when = (
        ""
        if after is None
        else ", both at once"
        if after == 0
        else f", cloud after {formatting.quantity(1000 * after, 'ms')}"
    )
    return f" ({one.policy}{when})"


def _short(arm: str, looks: Looks) -> str:
    return looks[arm].short if arm in looks else arm


def finding(one: Cascade, looks: Looks) -> str:
    """What is to be said of a hybrid in a line: how its verdict opens, and its numbers."""
    if idle(one) and one.verdict:
        return one.verdict
    judged = f"{_opening(one)}: " if _opening(one) != ABSENT else ""
    return f"{judged}{name(one, looks)}: {_numbers(one.best)}"


def _opening(one: Cascade) -> str:
    """``Worth it``, ``Open``, ``Not worth it``: what its verdict begins with."""
    opening, colon, _ = one.verdict.partition(":")
    return opening if colon and len(opening) <= LONGEST_OPENING else ABSENT


def _numbers(point: CascadePoint | None) -> str:
    if point is None:
        return "no point of it could be chosen"
    shown = formatting.show(point.accuracy, "fraction")
    told = [f"{shown} right", f"{formatting.estimate(point.p95_ms, 'p95_ms')} p95"]
    told.append(f"{formatting.estimate(point.usd_per_1k, 'usd_per_1k')} per 1,000")
    return f"{', '.join(told)}, {formatting.show(point.deferred, 'fraction')} deferred"


def signal(one: Cascade, looks: Looks) -> str:
    """Whether the edge knows when it is wrong."""
    edge, found = _short(one.edge, looks), one.auroc
    if found.value is None:
        return f"{edge}: {found.why_absent or 'its signal could not be judged'}"
    shown = f"AUROC {formatting.show(found, '')} of {one.signal}, n = {found.n:,}"
    if found.low is not None and found.low <= 0.5:
        return f"{edge}'s confidence can't be told from a coin's: {shown} (0.5 is chance)"
    return f"{edge} knows something of when it is wrong: {shown} (0.5 is chance, 1 is always)"


def silent(conclusion: Conclusion, looks: Looks) -> Sequence[str]:
    """Why pairs have no curve, each reason once with those it holds for."""
    reasons: dict[str, list[str]] = {}
    for one in conclusion.cascades:
        if one.best is None:
            why = one.why_absent or one.verdict or "no threshold could be chosen"
            reasons.setdefault(why, []).append(name(one, looks))
    some = {why: ", ".join(pairs[:3]) + (f" and {len(pairs) - 3} more" if len(pairs) > 3 else "")
            for why, pairs in reasons.items()}  # fmt: skip
    return [f"{pairs}: {why}" for why, pairs in some.items()]


# --------------------------------------------------------------------------------------------------- curves


def figures(conclusion: Conclusion, looks: Looks) -> Mapping[str, Figure]:
    """Accuracy by cost and by p95, of the first few hybrids; nothing where there is none."""
    shown = drawn(conclusion)
    made = (_figure(id, conclusion, shown, looks) for id in AXES)
    return {one.id: one for one in made if one is not None}


def _figure(id: str, conclusion: Conclusion, cascades: Sequence[Cascade], looks: Looks) -> Figure | None:
    metric, label = AXES[id]
    curves = [(one, _drawable(one, metric)) for one in cascades]
    curves = [(one, points) for one, points in curves if len(points) > 1]
    if not curves:
        return None
    arms = {arm.arm: arm for arm in conclusion.summary.arms}
    parts = dict.fromkeys(part for one, _ in curves for part in (one.edge, one.cloud) if part in arms)
    marks: list[Mark] = []
    for place, (one, points) in enumerate(curves):
        marks += _curve(one, points, metric, looks, DASHES[place % len(DASHES)])
    marks += [dot for part in parts if (dot := _part(arms[part], metric, looks[part])) is not None]
    marks += [dot for one, _ in curves if (dot := chosen(one, metric, looks)) is not None]
    dots = [mark for mark in marks if isinstance(mark, Dot)]
    lines = [mark for mark in marks if isinstance(mark, Curve)]
    areas = [mark for mark in marks if isinstance(mark, Area)]
    xs = [x for mark in lines for x in mark.xs] + [
        end for dot in dots for end in (dot.x, dot.x_low, dot.x_high) if end is not None
    ]
    ys = [y for area in areas for y in (*area.low, *area.high)] + [y for line in lines for y in line.ys]
    ys += [end for dot in dots for end in (dot.y, dot.y_low, dot.y_high) if end is not None]
    x = axis(f"← better · {label}", xs, METRICS[metric].unit)
    hull = " The dotted grey line is their hull: mixing two of them reaches it." if metric == "usd_per_1k" else ""
    return Figure(
        id=id,
        title=finding(curves[0][0], looks) if metric == "usd_per_1k" else _slower(curves[0][0], arms, looks),
        subtitle=f"Accuracy against {label}{', logarithmic' if x.scale == 'log' else ''}: from the edge alone to the "
        f"cloud for everything, by the threshold of deferral; ◆ the chosen one, judged on answers it was not chosen "
        f"by. Bands and crosshairs are 95 % intervals.{hull}",
        summary="Line chart. "
        + "; ".join([*(line.hover for line in lines if line.hover), *(dot.hover for dot in dots)]),
        x=x,
        y=fraction_axis("right, share of requests · better ↑", ys),
        marks=tuple(marks),
    )


def _drawable(one: Cascade, metric: str) -> Sequence[CascadePoint]:
    points = [
        point
        for point in sorted(one.points, key=lambda point: point.deferred.value or 0.0)
        if point.accuracy.value is not None and getattr(point, metric).value is not None
    ]
    if len(points) <= POINTS:
        return points
    even = {round(k * (len(points) - 1) / (POINTS - 1)) for k in range(POINTS)}
    return [point for place, point in enumerate(points) if place in even or point.on_hull]


def _curve(one: Cascade, points: Sequence[CascadePoint], metric: str, looks: Looks, dash: str) -> Iterator[Mark]:
    colour = looks[one.edge].colour if one.edge in looks else "var(--ink)"
    xs = tuple(_value(point, metric) for point in points)
    ys = tuple(_value(point, "accuracy") for point in points)
    yield Area(
        xs, tuple(_end(point, "low") for point in points), tuple(_end(point, "high") for point in points), colour
    )
    hull = [point for point in points if point.on_hull]
    if metric == "usd_per_1k" and len(hull) > 1:
        line = sorted((_value(point, metric), _value(point, "accuracy")) for point in hull)
        yield Curve(tuple(x for x, _ in line), tuple(y for _, y in line), "var(--front)", width=1.5, dash="2 3")
    words = f"{name(one, looks)}: {_numbers(points[0])}; … {_numbers(points[-1])}"
    yield Curve(xs, ys, colour, label(one, looks), words, dash=dash)


def chosen(one: Cascade, metric: str, looks: Looks, *, named: bool = False) -> Dot | None:
    """The chosen point of a hybrid as a diamond; None where it lacks the metric."""
    if one.best is None or one.best.accuracy.value is None:
        return None
    across, up = getattr(one.best, metric), one.best.accuracy
    if across.value is None:
        return None
    return Dot(
        x=across.value,
        y=up.value or 0.0,
        x_low=across.low,
        x_high=across.high,
        y_low=up.low,
        y_high=up.high,
        colour=looks[one.edge].colour if one.edge in looks else "var(--ink)",
        shape="diamond",
        label=label(one, looks) if named else "",
        hover=f"hybrid {name(one, looks)}, chosen: {_numbers(one.best)}",
    )


def _part(arm: ArmSummary, metric: str, look: Look) -> Dot | None:
    across, up = arm.estimates[metric], arm.estimates["accuracy"]
    if across.value is None or up.value is None:
        return None
    words = f"{look.short} alone: {formatting.show(up, 'fraction')} right, {formatting.estimate(across, metric)}"
    return Dot(across.value, up.value, look.colour, look.shape, look.short, words, across.low, across.high, up.low,
               up.high, look.hollow)  # fmt: skip


def _slower(one: Cascade, arms: Mapping[str, ArmSummary], looks: Looks) -> str:
    """What the hybrid does to the p95, hedged by the intervals of both."""
    cloud = arms[one.cloud].estimates["p95_ms"] if one.cloud in arms else Estimate.absent("not here")
    mine = one.best.p95_ms if one.best else cloud
    said = f"{name(one, looks)} answers 95 % of requests within {formatting.show(mine, 'ms')}"
    if mine.value is None or cloud.value is None:
        return said
    theirs = f"{_short(one.cloud, looks)} alone ({formatting.show(cloud, 'ms')})"
    if None in (mine.low, mine.high, cloud.low, cloud.high):
        return f"{said}, {theirs}"
    if (mine.low or 0.0) > (cloud.high or 0.0):
        return f"{said}: more than {theirs}, since what is deferred waits for both"
    if (mine.high or 0.0) < (cloud.low or 0.0):
        return f"{said}: less than {theirs}"
    return f"{said}; it can't be told apart from {theirs}"


def _value(point: CascadePoint | None, metric: str) -> float:
    found: Estimate | None = getattr(point, metric) if point is not None else None
    return math.inf if found is None or found.value is None else found.value


def _end(point: CascadePoint, side: str) -> float:
    end = getattr(point.accuracy, side)
    return _value(point, "accuracy") if end is None else float(end)


# --------------------------------------------------------------------------------------------------- tables


def chosen_table(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Every hybrid's chosen point, with its parts beside it."""
    rows = []
    for one in ranked(conclusion)[:LISTED]:
        point = one.best
        if point is None:
            continue
        rows.append(
            [
                Cell(name(one, looks), look=looks.get(key(one))),
                Cell(_asked(one, point), sort=_finite(point.threshold)),
                _shown(point.deferred, "fraction"),
                number_cell(point.accuracy, "accuracy"),
                number_cell(point.p50_ms, "p50_ms"),
                number_cell(point.p95_ms, "p95_ms"),
                number_cell(point.p99_ms, "p99_ms"),
                number_cell(point.usd_per_1k, "usd_per_1k"),
                number_cell(point.peak_mib, "peak_mib"),
                _gain(one),
                Cell(_opening(one), "" if one.on_front is None else f"beaten by neither in {percent(one.on_front)}"),
            ]
        )
    columns = [
        Column("hybrid", "edge → cloud", numeric=False),
        Column("threshold", "confidence below which the cloud is asked; or, hedged, when"),
        Column("deferred", "share of requests the cloud answers"),
        *(Column(METRICS[m].label, METRICS[m].explain) for m in ("accuracy", "p50_ms", "p95_ms", "p99_ms")),
        Column(headed("$ per 1k"), "both parts, where both were asked"),
        Column("memory", "the larger of both"),
        Column("gain", "points right above deferring as many requests at random"),
        Column("verdict", "whether it beats both its parts, and in how many resamples", numeric=False),
    ]
    return table("cascades", "Hybrids at their chosen threshold", columns, rows) if rows else None


def _gain(one: Cascade) -> Cell:
    if one.gain is None or one.gain.value is None:
        return Cell(
            ABSENT, why=(one.gain and one.gain.why_absent) or "nothing is deferred, so there is nothing to gain"
        )
    shown = formatting.difference(one.gain, "fraction")
    return Cell(shown.value, shown.interval, sort=one.gain.value)


def _asked(one: Cascade, point: CascadePoint) -> str:
    """When the cloud is asked."""
    if one.policy == "hedged":
        return (
            "at once"
            if one.hedge_after_s == 0
            else f"after {formatting.quantity(1000 * (one.hedge_after_s or 0), 'ms')}"
        )
    return threshold(point.threshold)


def in_words(conclusion: Conclusion) -> Sequence[str]:
    """Every verdict as a sentence."""
    return [one.verdict for one in ranked(conclusion)[:LISTED] if one.verdict]


def points_table(id: str, conclusion: Conclusion, looks: Looks) -> Table:
    """The curve as numbers: every point that is drawn."""
    metric, label = AXES[id]
    columns = [
        Column("hybrid", numeric=False),
        Column("threshold"),
        Column("deferred"),
        Column("right"),
        Column(label),
        *([Column("on the hull", numeric=False)] if metric == "usd_per_1k" else []),
    ]
    rows = [
        [
            Cell(name(one, looks), look=looks.get(key(one))),
            Cell(threshold(point.threshold), sort=_finite(point.threshold)),
            _shown(point.deferred, "fraction"),
            number_cell(point.accuracy, "accuracy"),
            number_cell(getattr(point, metric), metric),
            *([Cell("yes" if point.on_hull else "")] if metric == "usd_per_1k" else []),
        ]
        for one in drawn(conclusion)
        for point in _drawable(one, metric)
    ]
    return table(f"{id}-table", f"Accuracy and {label} by threshold", columns, rows)


def guarantees(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Thresholds with a promise: wrong at most so often, with such a probability."""
    rows = [
        [
            Cell(name(one, looks), look=looks.get(key(one))),
            Cell(_stakes(promise)),
            Cell(f"≤ {percent(promise.alpha)}", sort=promise.alpha),
            Cell(percent(1 - promise.delta), sort=1 - promise.delta),
            Cell(threshold(promise.threshold), sort=_finite(promise.threshold)),
            _shown(promise.served, "fraction"),
            Cell(f"{promise.n:,}", sort=float(promise.n)),
        ]
        for one in drawn(conclusion)
        for promise in one.guarantees
        if promise.threshold is not None
    ]
    columns = [
        Column("hybrid", numeric=False),
        Column("stakes", "of the requests it holds for", numeric=False),
        Column("edge wrong", "share of what the edge keeps that is wrong"),
        Column("promised in", "share of such runs in which the promise holds"),
        Column("threshold"),
        Column("edge keeps", "share of requests"),
        Column("n"),
    ]
    return table("guarantees", "Thresholds with a promise", columns, rows) if rows else None


def not_promised(conclusion: Conclusion, looks: Looks) -> Sequence[str]:
    """For each hybrid what cannot be promised, with the first reason."""
    lines = []
    for one in drawn(conclusion):
        left = [promise for promise in one.guarantees if promise.threshold is None]
        if left:
            of = ", ".join(_stakes(promise) for promise in left)
            why = left[0].why or left[0].served.why_absent or "too few answers"
            lines.append(f"{name(one, looks)}, stakes {of}: ≤ {percent(left[0].alpha)} wrong can't be promised ({why})")
    return lines


def _stakes(promise: Guarantee) -> str:
    return "all" if promise.stakes is None else f"{promise.stakes} of 4"


def threshold(value: float) -> str:
    """A threshold in words."""
    if math.isinf(value):
        return "above all" if value > 0 else "none"
    return formatting.number(value)


def _finite(value: float) -> float:
    return max(-1e9, min(1e9, value))


def _shown(item: Estimate, unit: str) -> Cell:
    shown = formatting.show(item, unit)
    word = "" if shown.word == "measured" else shown.word
    return Cell(shown.value, shown.interval, word, sort=item.value, why=shown.why_absent or "")
