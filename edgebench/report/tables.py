"""Every table of the page as data: cells with a text, a muted interval, a word of provenance, a value to sort by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from edgebench.decide.wording import headed
from edgebench.records import (
    METRICS,
    ArmSummary,
    Comparison,
    Conclusion,
    Cost,
    CostPart,
    Estimate,
    FrontMember,
    Run,
    SLOVerdict,
)
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.observed import Contradiction, Observed, at

Looks = Mapping[str, Look]
MOST_COMPARED = 8  # arms of which every pair is shown
VERDICT_SIGNS = {"met": "✓", "missed": "✗", "undecided": "?"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. ``why`` is the reason of an absent number; ``bar`` and ``look`` ask for a drawing."""

    text: str
    muted: str = ""
    word: str = ""
    sort: float | None = None  # None: by its text
    why: str = ""
    note: int = 0  # the footnote that holds ``why``
    bar: Estimate | None = None
    look: Look | None = None
    outlined: bool = False
    heat: float | None = None  # 0…1
    tone: str = ""  # "good", "bad", "open", "faded", "mono", "lines"
    hint: str = ""  # n and method, on hover


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    explain: str = ""
    numeric: bool = True
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; the first cell of a row names it. ``notes`` are the reasons of what is absent, numbered."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    sortable: bool = True
    key: bool = True  # a short line under the table explains "—"


def table(
    id: str, caption: str, columns: Iterable[Column], rows: Iterable[Iterable[Cell]], *, sortable: bool = True
) -> Table:
    """A table whose absent cells point to numbered reasons."""
    reasons: dict[str, int] = {}
    numbered = tuple(
        tuple(replace(cell, note=reasons.setdefault(cell.why, len(reasons) + 1)) if cell.why else cell for cell in row)
        for row in rows
    )
    told = tuple(replace(column, explain=headed(column.explain)) for column in columns)
    return Table(id, headed(caption), told, numbered, tuple(reasons), sortable)


def number_cell(item: Estimate | None, metric: str, *, words: bool = False, hints: bool = False) -> Cell:
    """The cell of an estimate; measured is what a number is unless a word says otherwise.

    ``hints``: n and method on hover; the table of every metric has them, and saying them everywhere would make a page
    of many targets half again as long.
    """
    if item is None:
        return Cell(ABSENT, why="not computed for this target")
    shown = formatting.estimate(item, metric)
    word = shown.word if words or shown.word != "measured" else ""
    hint = "; ".join(part for part in (f"n = {item.n:,}", item.method, item.note) if part and hints)
    return Cell(shown.value, shown.interval, word, sort=item.value, why=shown.why_absent or "", hint=hint)


def arm_cell(arm: str, looks: Looks, muted: str = "", outlined: bool = False) -> Cell:
    return Cell(arm, muted, look=looks.get(arm), outlined=outlined)


def overview(conclusion: Conclusion, looks: Looks) -> Table:
    """Every arm, one row."""
    metrics = ("p50_ms", "p95_ms", "p99_ms", "ttft_p50_ms", "usd_per_1k", "peak_mib", "joules_per_request")
    names = ("p50", "p95", "p99", "TTFT", headed("$ per 1k"), "memory", "energy")
    columns = [
        Column("target", numeric=False),
        Column("right", METRICS["accuracy"].explain),
        *(Column(name, METRICS[metric].explain) for name, metric in zip(names, metrics, strict=True)),
        Column("P(front)", "share of resamples in which no other target beats it on every objective at once"),
        Column("SLOs", "met ✓, missed ✗, or undecided ?", numeric=False),
        Column("verdict", numeric=False),
    ]
    members = {one.arm: one for one in conclusion.front.members}
    rows = []
    for arm in conclusion.summary.arms:
        member = members.get(arm.arm)
        identity = arm.identity
        about = " · ".join((looks[arm.arm].place, identity.engine or identity.kind, f"n\u00a0=\u00a0{arm.requests:,}"))
        rows.append(
            [
                arm_cell(arm.arm, looks, about, outlined=member is not None and member.verdict == "on"),
                replace(number_cell(arm.estimates.get("accuracy"), "accuracy"), bar=arm.estimates.get("accuracy")),
                *(number_cell(arm.estimates.get(metric), metric, hints=True) for metric in metrics),
                _front_cell(arm, member, conclusion),
                _slo_cell([one for one in conclusion.slos if one.arm == arm.arm]),
                _verdict_cell(arm, member, conclusion, looks),
            ]
        )
    return table("targets", "Every target, one row", columns, rows)


def _front_cell(arm: ArmSummary, member: FrontMember | None, conclusion: Conclusion) -> Cell:
    if member is None:
        return Cell(ABSENT, why=conclusion.front.excluded.get(arm.arm, "not compared"))
    return Cell(formatting.share(member.probability, 1.0), sort=member.probability)


def _slo_cell(verdicts: Sequence[SLOVerdict]) -> Cell:
    if not verdicts:
        return Cell(ABSENT, why="the plan sets no SLO")
    text = "\n".join(f"{VERDICT_SIGNS[one.verdict]} {_short_label(one.slo.metric)}" for one in verdicts)
    met = sum(one.verdict == "met" for one in verdicts)
    tone = "bad" if any(one.verdict == "missed" for one in verdicts) else "good" if met == len(verdicts) else "open"
    return Cell(text, sort=float(met), tone=f"{tone} lines")


def _short_label(metric: str) -> str:
    return METRICS[metric].label.removeprefix("latency ").removesuffix(" per 1,000")


def _verdict_cell(arm: ArmSummary, member: FrontMember | None, conclusion: Conclusion, looks: Looks) -> Cell:
    if conclusion.advice.arm == arm.arm:
        return Cell("recommended", _front_words(member, looks), sort=0.0, tone="good chosen")
    if member is None:
        return Cell("not compared", sort=9.0, tone="faded")
    order = {"on": 1.0, "ambiguous": 2.0, "dominated": 3.0}[member.verdict]
    return Cell(_front_words(member, looks), sort=order, tone="faded" if member.verdict == "dominated" else "")


def _front_words(member: FrontMember | None, looks: Looks) -> str:
    if member is None:
        return ""
    if member.verdict == "on":
        return "on the front"
    if member.verdict == "ambiguous":
        return "perhaps on the front"
    by = looks[member.dominated_by].short if member.dominated_by and member.dominated_by in looks else "another"
    return f"beaten by {by}"


# ----------------------------------------------------------------------------------------- tables of the figures


def of_figures(conclusion: Conclusion, observed: Mapping[str, Observed], looks: Looks) -> Mapping[str, Table]:
    """The table beside each chart: the truth it is a view of."""
    arms = conclusion.summary.arms
    return {
        "accuracy-latency": _metrics("accuracy-latency", "Accuracy and latency", arms, looks, LATENCY),
        "accuracy-cost": _metrics("accuracy-cost", "Accuracy and cost", arms, looks, ("accuracy", "usd_per_1k")),
        "accuracy-memory": _metrics("accuracy-memory", "Accuracy and memory", arms, looks, MEMORY),
        "latency-ecdf": _quantiles("latency-ecdf", "Latency of answered requests", arms, observed, looks, first=False),
        "first-token": _quantiles("first-token", "Time to first token", arms, observed, looks, first=True),
        "failures": _failures(arms, looks),
    }


LATENCY = ("accuracy", "p50_ms", "p95_ms", "p99_ms")
MEMORY = ("accuracy", "peak_mib", "anon_mib", "file_mib", "load_growth_mib")


def _metrics(id: str, caption: str, arms: Sequence[ArmSummary], looks: Looks, metrics: Sequence[str]) -> Table:
    columns = [Column("target", numeric=False), *(Column(METRICS[m].label, METRICS[m].explain) for m in metrics)]
    rows = [
        [arm_cell(arm.arm, looks), *(number_cell(arm.estimates.get(metric), metric) for metric in metrics)]
        for arm in arms
    ]
    return table(f"{id}-table", caption, columns, rows)


SHARES = (("5 %", 0.05), ("25 %", 0.25), ("half", 0.5), ("75 %", 0.75), ("90 %", 0.9), ("95 %", 0.95), ("99 %", 0.99))


def _quantiles(
    id: str, caption: str, arms: Sequence[ArmSummary], observed: Mapping[str, Observed], looks: Looks, *, first: bool
) -> Table:
    columns = [Column("target", numeric=False), Column("n"), *(Column(name) for name, _ in SHARES), Column("slowest")]
    rows = []
    for arm in arms:
        one = observed.get(arm.arm)
        values = () if one is None else one.ttft_ms if first else one.latency_ms
        cells = [_quantile_cell(values, share) for _, share in SHARES]
        slowest = Cell(formatting.quantity(values[-1], "ms"), sort=values[-1]) if values else _nothing()
        rows.append([arm_cell(arm.arm, looks), Cell(f"{len(values):,}", sort=float(len(values))), *cells, slowest])
    return table(f"{id}-table", f"{caption}: within what time these shares came", columns, rows)


def _quantile_cell(values: Sequence[float], share: float) -> Cell:
    if not values:
        return _nothing()
    if len(values) * (1 - share) < 1 and share > 0.5:
        return Cell(ABSENT, why=f"{len(values)} answers are too few for the {share:.0%} quantile".replace("%", " %"))
    value = at(values, share)
    return Cell(formatting.quantity(value, "ms"), sort=value)


def _nothing() -> Cell:
    return Cell(ABSENT, why="nothing was answered")


def _failures(arms: Sequence[ArmSummary], looks: Looks) -> Table:
    kinds = sorted({kind for arm in arms for kind in arm.failures})
    notices = sorted({kind for arm in arms for kind in arm.notices})
    columns = [
        Column("target", numeric=False),
        Column("requests"),
        Column("answered"),
        *(Column(kind.replace("_", " ")) for kind in kinds),
        *(Column(f"{kind.replace('_', ' ')} (answer kept)") for kind in notices),
    ]
    rows = [
        [
            arm_cell(arm.arm, looks),
            *(
                Cell(f"{count:,}", sort=float(count))
                for count in (
                    arm.requests,
                    arm.answered,
                    *(arm.failures.get(kind, 0) for kind in kinds),
                    *(arm.notices.get(kind, 0) for kind in notices),
                )
            ),
        ]
        for arm in arms
    ]
    return table("failures-table", "Requests by how they ended", columns, rows)


def contradictions(found: Mapping[str, Contradiction], looks: Looks) -> Table | None:
    """Where a provider counts other tokens than the client: both counts, and the difference."""
    columns = [
        Column("target", numeric=False),
        Column("answers", "whose provider contradicts the client's count"),
        Column("provider counts", "output tokens of these answers, as the provider's usage says"),
        Column("client counts", "output tokens of the same answers, as they arrived"),
        Column("difference", "provider − client"),
    ]
    rows = [
        [
            arm_cell(arm, looks),
            Cell(f"{one.calls:,}", sort=float(one.calls)),
            *(_counted(one, count) for count in (one.provider, one.client)),
            _difference(one),
        ]
        for arm, one in found.items()
    ]
    return table("contradictions", "Token counts that contradict each other", columns, rows) if rows else None


def _counted(one: Contradiction, count: int) -> Cell:
    if not one.told:
        return Cell(ABSENT, why="one of the two counts was not kept")
    return Cell(f"{count:,}", word="" if one.told == one.calls else f"n = {one.told:,}", sort=float(count))


def _difference(one: Contradiction) -> Cell:
    if not one.told:
        return Cell(ABSENT, why="one of the two counts was not kept")
    apart = one.provider - one.client
    ratio = f"{100 * apart / one.client:+.1f} %" if one.client else ""
    return Cell(f"{apart:+,}".replace("-", "−"), ratio.replace("-", "−"), sort=float(apart))


# ----------------------------------------------------------------------------------------- quality, cost, choices


def slices(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Slices × arms: share right with its interval; the shade is the number again."""
    arms = conclusion.summary.arms
    names = list(dict.fromkeys((tag, value) for arm in arms for tag in arm.slices for value in arm.slices[tag]))
    if not names:
        return None
    columns = [Column("slice", numeric=False), *(_arm_column(arm, looks) for arm in arms)]
    rows = [_slice_row(arms, tag, value) for tag, value in names]
    return table("slices", "Share right by slice, with 95 % interval", columns, rows)


def _slice_row(arms: Sequence[ArmSummary], tag: str, value: str) -> list[Cell]:
    """One slice, target beside target; n is said once where it is the same for all."""
    found = [arm.slices.get(tag, {}).get(value) for arm in arms]
    sizes = {item.n for item in found if item is not None}
    once = f"n = {sizes.pop():,}" if len(sizes) == 1 else ""
    return [Cell(f"{tag} = {value}", once), *(_slice_cell(item, counted=not once) for item in found)]


def _arm_column(arm: ArmSummary, looks: Looks) -> Column:
    return Column(looks[arm.arm].short, look=looks[arm.arm])


def _slice_cell(item: Estimate | None, *, counted: bool) -> Cell:
    cell = number_cell(item, "accuracy")
    return replace(cell, heat=item.value if item else None, word=f"n = {item.n:,}" if item and counted else "")


def costs(conclusion: Conclusion, looks: Looks) -> Table | None:
    """What 1,000 requests cost: one row an arm, one column a kind of part; a hybrid's parts of a kind are one."""
    priced = [(arm, arm.cost) for arm in conclusion.summary.arms if arm.cost is not None]
    names = list(dict.fromkeys(_kind(part) for _, cost in priced for part in cost.parts))
    if not priced:
        return None
    columns = [Column("target", numeric=False), Column("together"), *(Column(name) for name in names)]
    rows = [
        [
            arm_cell(arm.arm, looks),
            number_cell(arm.estimates.get("usd_per_1k"), "usd_per_1k", words=True),
            *(_part_cell(cost, name) for name in names),
        ]
        for arm, cost in priced
    ]
    return table("cost-parts", "Dollars per 1,000 requests, part by part", columns, rows)


def _kind(part: CostPart) -> str:
    """``purchase`` of ``minilm: purchase``, which is what a hybrid calls it."""
    return part.name.rpartition(": ")[2]


def _part_cell(cost: Cost, name: str) -> Cell:
    parts = [part for part in cost.parts if _kind(part) == name]
    if not parts:
        return Cell(ABSENT, why=cost.why_absent or "this target has no such cost")
    money = sum(part.usd_per_1k for part in parts)
    words = dict.fromkeys(part.provenance for part in parts if part.provenance != "measured")
    return Cell(formatting.quantity(money, "$", 2), "", ", ".join(words), sort=float(money))


def cost_formulas(conclusion: Conclusion, looks: Looks) -> Table | None:
    """How each part of each cost comes about."""
    rows = [
        [arm_cell(arm.arm, looks), Cell(part.name), Cell(part.explain)]
        for arm in conclusion.summary.arms
        if arm.cost is not None
        for part in arm.cost.parts
    ]
    columns = [Column(name, numeric=False) for name in ("target", "part", "how")]
    return table("cost-formulas", "How each part comes about", columns, rows) if rows else None


def rate_cards(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Where each price comes from."""
    priced = [(arm, arm.cost) for arm in conclusion.summary.arms if arm.cost is not None]
    if not priced:
        return None
    rows = [
        [
            arm_cell(arm.arm, looks),
            Cell(" · ".join(f"{name}: {value}" for name, value in sorted(cost.source.items())) or ABSENT),
            Cell(f"{cost.priced:,} of {cost.priced + cost.unpriced:,}"),
        ]
        for arm, cost in priced
    ]
    columns = [Column("target", numeric=False), Column("source", numeric=False), Column("calls priced", numeric=True)]
    return table("rate-cards", "Where prices come from", columns, rows, sortable=False)


def slos(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Every arm × every SLO, judged."""
    if not conclusion.slos:
        return None
    limits = list(dict.fromkeys(limit(one) for one in conclusion.slos))
    judged = {(one.arm, limit(one)): one for one in conclusion.slos}
    columns = [Column("target", numeric=False), *(Column(name, numeric=False) for name in limits)]
    rows = [
        [arm_cell(arm.arm, looks), *(_judged(judged.get((arm.arm, name))) for name in limits)]
        for arm in conclusion.summary.arms
    ]
    return table("slos", "What must hold (SLOs)", columns, rows)


def _judged(one: SLOVerdict | None) -> Cell:
    if one is None:
        return Cell(ABSENT, why="not judged for this target")
    tone = {"met": "good", "missed": "bad", "undecided": "open"}[one.verdict]
    return Cell(f"{VERDICT_SIGNS[one.verdict]} {one.verdict}", tone=tone)


def slo_reasons(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Why each SLO was judged as it was."""
    columns = [Column(name, numeric=False) for name in ("target", "SLO", "verdict", "why")]
    rows = [[arm_cell(one.arm, looks), Cell(limit(one)), _judged(one), Cell(one.why)] for one in conclusion.slos]
    return table("slo-reasons", "Why", columns, rows) if rows else None


def limit(one: SLOVerdict) -> str:
    """An SLO in words: ``latency p95 ≤ 200 ms``."""
    metric = METRICS[one.slo.metric]
    bounds = [("≥", one.slo.min), ("≤", one.slo.max)]
    words = " and ".join(
        f"{sign} {formatting.quantity(at, metric.unit, 2 if metric.unit == 'fraction' else 3)}"
        for sign, at in bounds
        if at is not None
    )
    return f"{metric.label} {words}"


def compared(conclusion: Conclusion) -> Sequence[Comparison]:
    """The comparisons a page shows: all of a few arms; of many, those with the recommended one and with neighbours.

    Neighbours stand next to each other by the first objective (by accuracy, without one); the rest is in the data.
    """
    arms = conclusion.summary.arms
    if len(arms) <= MOST_COMPARED:
        return conclusion.comparisons
    metric = conclusion.front.objectives[0] if conclusion.front.objectives else "accuracy"
    order = [arm.arm for arm in sorted(arms, key=lambda arm: (arm.estimates[metric].value or 0.0, arm.arm))]
    near = {frozenset(pair) for pair in pairwise(order)}
    return [
        one
        for one in conclusion.comparisons
        if conclusion.advice.arm in (one.a, one.b) or frozenset((one.a, one.b)) in near
    ]


def comparisons(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Paired differences between arms, b − a."""
    if not conclusion.comparisons:
        return None
    columns = [
        Column("a", numeric=False),
        Column("b", numeric=False),
        Column("metric", numeric=False),
        Column("b − a", "paired difference on the same items, with 95 % interval"),
        Column("p", "chance of a difference this large if there were none"),
        Column("told apart", numeric=False),
        Column("method", numeric=False),
    ]
    rows = []
    for one in compared(conclusion):
        metric = METRICS[one.metric]
        shown = formatting.difference(one.difference, metric.unit)
        low, high = one.difference.low, one.difference.high
        apart = low is not None and high is not None and (low > 0 or high < 0)
        p = Cell(ABSENT, why="no test for this difference") if one.p_value is None else p_cell(one.p_value)
        rows.append(
            [
                arm_cell(one.a, looks),
                arm_cell(one.b, looks),
                Cell(metric.label),
                Cell(shown.value, shown.interval, sort=one.difference.value, why=shown.why_absent or ""),
                p,
                Cell("yes" if apart else "no", tone="" if apart else "faded"),
                Cell(one.method),
            ]
        )
    return table("comparisons", "Pairwise comparisons", columns, rows)


def p_cell(value: float) -> Cell:
    """The cell of a p-value."""
    return Cell("< 0.001" if value < 0.001 else formatting.number(value, 2), sort=value)


def every_metric(conclusion: Conclusion, looks: Looks) -> Table:
    """Every metric with its formula, for every arm."""
    arms = conclusion.summary.arms
    columns = [
        Column("metric", numeric=False),
        Column("formula", numeric=False),
        *(_arm_column(arm, looks) for arm in arms),
    ]
    rows = [
        [
            Cell(metric.label),
            Cell(metric.explain),
            *(number_cell(arm.estimates.get(name), name, hints=True) for arm in arms),
        ]
        for name, metric in METRICS.items()
    ]
    return table("every-metric", "Every metric, its formula, and its value for every target", columns, rows)


def identities(run: Run) -> Table:
    """What exactly answered: model, engine, quantisation, hash."""
    columns = [
        Column(name, numeric=False)
        for name in ("target", "placement", "model", "engine", "quantisation", "file", "sha256", "device")
    ]
    rows = []
    for name, one in run.identities.items():
        bits = f"{formatting.number(one.bits_per_weight)} bits per weight" if one.bits_per_weight else ""
        origin = f"from {one.quantised_from}" if one.quantised_from else ""
        size = formatting.size(one.file_bytes) if one.file_bytes else ABSENT
        rows.append(
            [
                Cell(name),
                Cell(one.placement),
                Cell(one.model or ABSENT),
                Cell(" ".join((one.engine or one.kind, one.engine_version)).strip()),
                Cell(one.quantisation or ABSENT, " · ".join(part for part in (bits, origin) if part)),
                Cell(size),
                Cell(one.sha256 or ABSENT, tone="mono"),
                Cell(one.device or ABSENT),
            ]
        )
    return table("identities", "What exactly answered", columns, rows, sortable=False)


def pairs(id: str, caption: str, content: Mapping[str, object]) -> Table:
    """A plain two-column table of names and values."""
    rows = [[Cell(str(name).replace("_", " ")), Cell(str(value))] for name, value in content.items()]
    return table(id, caption, [Column("what", numeric=False), Column("value", numeric=False)], rows, sortable=False)
