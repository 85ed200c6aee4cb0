"""Where the time of a request goes: the parts of its journey in order, drawn and in a table; cold start beside steady.

The numbers are the summary's medians. Parts that are counted from the same moment contain each other ("first byte"
lies inside "server think"): the drawing shows only what each adds, the table each whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebench.records import ArmSummary, Estimate
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.marks import Axis, Bar, Figure, Mark, rows
from edgebench.report.tables import Cell, Column, Table, arm_cell, number_cell, table

Looks = Mapping[str, Look]
WRITTEN = "request written"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a request's journey. ``since`` names the moment it shares with the parts that contain it."""

    name: str
    label: str
    formula: str
    since: str = ""
    drawn: bool = True


#: in the order they happen; what a target tells beyond them comes last under its own name
PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("lag", "our lag", "sent − due, without connecting and queueing: what the client added"),
        Part("queue", "queue", "waiting for its turn at a target that answers one at a time"),
        Part("dns", "DNS", "looking the host's name up; new connections only"),
        Part("connect", "TCP", "opening the connection; new connections only"),
        Part("proxy", "proxy", "the tunnel through a proxy; new connections only"),
        Part("tls", "TLS", "the TLS handshake; new connections only"),
        Part("write", WRITTEN, "first to last byte of the request"),
        Part("first_byte", "first byte", "request written → first byte of the answer", WRITTEN),
        Part("server_think", "server think", "request written → first byte of the answer's body", WRITTEN),
        Part("provider", "provider says", "time the provider's own header gives: its word, not ours", drawn=False),
        Part("first_token", "first token", "request written → first non-empty chunk", WRITTEN),
        Part("load", "load", "the engine loading what this request needs"),
        Part("tokenise", "tokenise", "text into tokens"),
        Part("prefill", "prefill", "reading the prompt, uncached tokens, as the engine stamps it"),
        Part("labels", "labels", "weighing the choices after the prompt"),
        Part("decode", "decode", "writing the answer, as the engine stamps it"),
        Part("streaming", "streaming", "first chunk → last content"),
        Part("pipe", "pipe", "engine's stamp of the last chunk → our receipt in another process"),
        Part("new_connection", "all, new connection", "done − due of calls that opened a connection", drawn=False),
        Part("kept_connection", "all, kept connection", "done − due of calls that found one open", drawn=False),
        Part("retry", "second tries", "due → end of every call that was a retry, answered or not", drawn=False),
    )
}
#: parts only a request over a connection has
WIRE = frozenset({"dns", "connect", "proxy", "tls", "write", "first_byte", "server_think", "first_token"})
REST = "not told apart"
LEAST_REST = 0.02  # of the whole; less is the sum of medians not being the median of sums


def part(name: str) -> Part:
    return PARTS.get(name) or Part(name, name.replace("_", " "), "as the target tells it")


def told(arms: Sequence[ArmSummary]) -> list[Part]:
    """The parts any arm tells, in the order of the journey."""
    names = {name for arm in arms for name, one in arm.phases.items() if one.value is not None}
    return [
        *(one for name, one in PARTS.items() if name in names),
        *(part(name) for name in sorted(names - set(PARTS))),
    ]


# ------------------------------------------------------------------------------------------------------ the drawing


def pieces(arm: ArmSummary) -> Mapping[str, float]:
    """Label → milliseconds that part adds to the median request, in order; what no part claims is "not told apart".

    Parts fewer than half of the requests have (a connection is opened once and kept) are left to the table.
    """
    out: dict[str, float] = {}
    reached: dict[str, float] = {}
    for one in told([arm]):
        estimate = arm.phases[one.name]
        if not one.drawn or estimate.value is None or estimate.n * 2 < arm.answered:
            continue
        before = reached.get(one.since, 0.0) if one.since else 0.0
        if estimate.value > before:
            out[one.label] = estimate.value - before
            if one.since:
                reached[one.since] = estimate.value
    return {**out, **_rest(arm, sum(out.values()))} if out else {}


def _rest(arm: ArmSummary, claimed: float) -> Mapping[str, float]:
    whole = _median(arm) or 0.0
    return {REST: whole - claimed} if whole - claimed > LEAST_REST * whole else {}


def _median(arm: ArmSummary) -> float | None:
    found = arm.estimates.get("p50_ms")
    return found.value if found else None


def figure(arms: Sequence[ArmSummary], looks: Looks) -> Figure | None:
    """Stacked bars of the medians, one row an arm, each as shares of its own request."""
    drawn = {arm.arm: found for arm in arms if (found := pieces(arm))}
    if not drawn:
        return None
    bars = [bar for row, (arm, found) in enumerate(drawn.items()) for bar in _bars(row, found, looks[arm])]
    medians = {arm.arm: _median(arm) for arm in arms}
    return Figure(
        id="where-time-goes",
        title=finding(drawn, looks),
        subtitle="The median of each part of a request, in the order they happen; the median request at the right.",
        summary="Stacked bars. " + "; ".join(_said(looks[arm], found) for arm, found in drawn.items()),
        x=Axis("share of the time of a request", "linear", 0.0, 1.0, tuple((k / 4, f"{25 * k} %") for k in range(5))),
        y=rows(looks[arm].short for arm in drawn),
        marks=tuple(bars),
        right=tuple(formatting.quantity(medians[arm] or sum(found.values()), "ms") for arm, found in drawn.items()),
        note=_note(arms, drawn, looks),
    )


def _bars(row: int, found: Mapping[str, float], look: Look) -> list[Mark]:
    whole, start, out = sum(found.values()), 0.0, []
    for place, (label, ms) in enumerate(found.items()):
        end = start + ms / whole
        strength = 0.0 if label == REST else (0.5, 0.22)[place % 2]
        out.append(Bar(row, start, end, look.colour, strength, label, f"{look.short} · {_ms(label, ms)}"))
        start = end
    return list[Mark](out)


def _note(arms: Sequence[ArmSummary], drawn: Mapping[str, Mapping[str, float]], looks: Looks) -> str:
    words = ["Medians of parts need not add up to the median of the whole."]
    silent = [looks[arm.arm].short for arm in arms if arm.arm not in drawn]
    if silent:
        words.append(f"Not drawn, telling no parts: {', '.join(silent)}.")
    rare = any(one.label not in drawn[arm.arm] for arm in arms if arm.arm in drawn for one in told([arm]) if one.drawn)
    if rare:
        words.append(
            "What most requests do not pay, such as opening a connection that is kept, is in the numbers only."
        )
    if any(REST in found for found in drawn.values()):
        words.append(f"“{REST[0].upper()}{REST[1:]}” is time no part accounts for.")
    return " ".join(words)


def finding(drawn: Mapping[str, Mapping[str, float]], looks: Looks) -> str:
    """The largest single share of any arm's request, in a sentence."""
    shares = [
        (ms / sum(found.values()), sum(found.values()), arm, label)
        for arm, found in drawn.items()
        for label, ms in found.items()
        if label != REST
    ]
    if not shares:
        return "No target told where its time goes"
    share, _, arm, label = max(shares, key=lambda one: (one[0] * one[1], one[2]))
    return f"{looks[arm].short} spends {formatting.share(share, 1)} of a median request on {label}"


def _said(look: Look, found: Mapping[str, float]) -> str:
    return f"{look.short}: {', '.join(_ms(label, ms) for label, ms in found.items())}"


def _ms(label: str, ms: float) -> str:
    return f"{label} {formatting.quantity(ms, 'ms')}"


# ------------------------------------------------------------------------------------------------------- the tables


def parts_tables(arms: Sequence[ArmSummary], looks: Looks) -> tuple[Table, ...]:
    """Arms × parts, those asked over a wire apart from engines here: medians with intervals.

    n stands in its own column, and beside a number whose n is another.
    """
    wired = [arm for arm in arms if any(one.name in WIRE for one in told([arm]))]
    local = [arm for arm in arms if arm not in wired and told([arm])]
    named = (("wire", "Asked over a connection", wired), ("engine", "Answered by an engine here", local))
    return tuple(_parts_table(name, caption, members, looks) for name, caption, members in named if members)


def _parts_table(name: str, caption: str, arms: Sequence[ArmSummary], looks: Looks) -> Table:
    parts = told(arms)
    columns = [Column("target", numeric=False), Column("n"), *(Column(one.label, one.formula) for one in parts)]
    lines = [
        [arm_cell(arm.arm, looks), Cell(f"{n:,}"), *(_cell(arm.phases.get(one.name), n) for one in parts)]
        for arm in arms
        for n in [_usual(arm)]
    ]
    return table(f"parts-{name}", f"{caption}: median time of each part of an answered request", columns, lines)


def _usual(arm: ArmSummary) -> int:
    """The n most parts of this arm share."""
    counts = Counter(one.n for one in arm.phases.values())
    return max(counts, key=lambda n: (counts[n], n), default=0)


def _cell(item: Estimate | None, n: int) -> Cell:
    if item is None or item.value is None:
        why = (item.why_absent if item else None) or "this target has or tells no such part"
        return Cell(ABSENT, why=why)
    shown = formatting.show(item, "ms")
    words = [f"n = {item.n:,}"] if item.n != n else []
    words += [shown.word] if shown.word not in ("measured", "stand-in") else []
    return Cell(shown.value, shown.interval, ", ".join(words), sort=item.value, hint=item.note or "")


def formulas(arms: Sequence[ArmSummary]) -> Mapping[str, str]:
    """Label → how it is counted, of the parts in the table."""
    return {one.label: one.formula for one in told(arms)}


def cold_table(arms: Sequence[ArmSummary], looks: Looks) -> Table | None:
    """Load, cold first request and the steady median in one row an arm, with what the first request pays extra."""
    if not any(arm.estimates[name].value is not None for arm in arms for name in ("load_s", "cold_first_ms")):
        return None
    columns = [
        Column("target", numeric=False),
        Column("load", "process start to ready, median over starts"),
        Column("cold first request", "latency of the first request after a start, median"),
        Column("steady p50", "median latency of all later requests"),
        Column("the first pays extra", "cold first request − steady p50; widest interval their ends allow"),
    ]
    lines = [
        [
            arm_cell(arm.arm, looks),
            *(_cold_cell(arm, name) for name in ("load_s", "cold_first_ms")),
            number_cell(arm.estimates["p50_ms"], "p50_ms"),
            _extra(arm),
        ]
        for arm in arms
    ]
    return table("cold-start", "Cold start beside the steady state", columns, lines)


def _cold_cell(arm: ArmSummary, metric: str) -> Cell:
    item = arm.estimates[metric]
    cell = number_cell(item, metric)
    words = " · ".join(word for word in (cell.word, f"n = {item.n:,}") if word)
    return cell if item.value is None else replace(cell, word=words)


def _extra(arm: ArmSummary) -> Cell:
    cold, steady = arm.estimates["cold_first_ms"], arm.estimates["p50_ms"]
    if cold.value is None or steady.value is None:
        return Cell(ABSENT, why="needs a cold first request and a steady median")
    extra, low, high = cold.value - steady.value, None, None
    factor, unit = (1000.0, "s") if abs(extra) >= 1000 else (1.0, "ms")
    if cold.low is not None and cold.high is not None and steady.low is not None and steady.high is not None:
        low, high = (cold.low - steady.high) / factor, (cold.high - steady.low) / factor
    shown = formatting.difference(Estimate(extra / factor, low, high, cold.n), unit)
    return Cell(shown.value, shown.interval, sort=extra)


def cold_finding(arms: Sequence[ArmSummary], looks: Looks) -> str:
    """Whose first request costs most, in multiples of its own median."""
    ratios = [
        (cold.value / steady.value, cold.n, arm)
        for arm in arms
        for cold, steady in [(arm.estimates["cold_first_ms"], arm.estimates["p50_ms"])]
        if cold.value is not None and steady.value
    ]
    if not ratios:
        return "No first request after a start was answered beside a steady state"
    ratio, n, arm = max(ratios, key=lambda one: (one[0], one[2].arm))
    if ratio < 1.05:
        return "The first request after a start takes no longer than the others"
    name = looks[arm.arm].short
    return f"The first request after a start of {name} takes {formatting.times(ratio)} its median (n = {n})"
