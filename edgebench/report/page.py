"""Puts the page together: one HTML file that asks the network for nothing and gives the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from edgebench.decide.wording import headed, in_its_currency, money_told
from edgebench.plugins import need
from edgebench.records import METRICS, ArmSummary, Conclusion, Estimate, Message, Run
from edgebench.report import (
    arrivals,
    busy,
    carried,
    evidence,
    findings,
    footprint,
    formatting,
    hybrids,
    instrument,
    interactive,
    journey,
    observed,
    sliders,
    stakes,
    study_parts,
    svg,
    tables,
    whatif,
)
from edgebench.report.cells import studied, varied
from edgebench.report.figures import figures
from edgebench.report.formatting import Shown, shorten
from edgebench.report.looks import Look, looks
from edgebench.report.marks import Figure

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("whatif.js", "lzma.js", "app.js")
MOST_ITEMS = 60
MOST_ANSWERS = 400  # of all those items together
FIRST_ITEMS = 8  # the rest unfold
MOST_LONGER = 3  # lines about a longer run; the rest unfold
MOST_TEXT = 600  # characters of an item or answer shown; the whole is in the store
NARROW = 360.0  # of the drawing a phone shows
SMALL, SMALL_TEXT = 300.0, 12.0  # of one of several drawings side by side


@dataclass(frozen=True, slots=True)
class Big:
    """A number of the first screen."""

    label: str
    shown: Shown
    explain: str
    n: int


@dataclass(frozen=True, slots=True)
class Voice:
    """An answer and the arms that gave it."""

    text: str
    mark: str  # "✓", "✗", "" when unjudged
    words: str
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item on which arms differ, as shown."""

    id: str
    text: str
    reference: str | None
    stakes: int | None
    tags: tuple[str, ...]
    voices: tuple[Voice, ...]
    wrong: str  # numbers of the arms that were wrong, for the filter


@in_its_currency
def render(run: Run, conclusion: Conclusion, *, texts: bool = True) -> str:
    """The whole HTML page of a run.

    ``texts=False`` leaves out what users wrote, what targets answered, references and failure messages.

    Raises
    ------
    MissingExtra: jinja2 or plotly is not installed.
    """
    arm_looks = looks(conclusion.summary, targets_first=varied(conclusion.study))
    seen = observed.observe(run)
    costs, given = conclusion.monthly, studied(run.plan, conclusion, arm_looks)
    more = (
        whatif.figure(conclusion, costs, arm_looks),
        busy.figure(conclusion, arm_looks),
        carried.figure(conclusion, arm_looks),
    )
    drawn = {
        **figures(conclusion, seen, arm_looks),
        **hybrids.figures(conclusion, arm_looks),
        **study_parts.figures(given, conclusion.advice.arm),
        **{one.id: one for one in more if one is not None},
    }
    drawn = {name: replace(one, subtitle=headed(one.subtitle)) for name, one in drawn.items()}
    live: dict[str, object] = {name: interactive.specification(one) for name, one in drawn.items()}
    live_material = interactive.island(live | {"what-if": sliders.controls(conclusion, arm_looks)})
    everyone = hybrids.with_hybrids(conclusion, arm_looks)
    code, library = "".join(_asset(name) for name in SCRIPTS), interactive.library()
    context: dict[str, Any] = {
        "run": run,
        "conclusion": conclusion,
        "looks": arm_looks,
        "places": tuple({look.place: look for look in everyone.values()}.values()),
        "policy": _policy(code, library.sha256),
        "style": _trusted(_asset("style.css")),
        "code": _trusted(code),
        "library_bytes": library.bytes,
        "library": _trusted(library.packed),
        "signs": _trusted(svg.signs(everyone.values())),
        "island": _trusted(interactive.pack(live_material.encode())),
        "figures": drawn,
        "figure_tables": {
            **tables.of_figures(conclusion, seen, arm_looks),
            "cost-volume": whatif.costs_table(conclusion, costs, arm_looks),
            "cost-duty": busy.costs_table(conclusion, arm_looks),
            "capacity": carried.highest_table(conclusion, arm_looks),
            **{id: hybrids.points_table(id, conclusion, everyone) for id in hybrids.AXES},
            **study_parts.figure_tables(given),
        },
        "part_tables": journey.parts_tables(conclusion.summary.arms, arm_looks),
        "part_formulas": journey.formulas(conclusion.summary.arms),
        "failures_finding": findings.failures(conclusion.summary.arms, arm_looks),
        "big": _big(conclusion),
        "overview": tables.overview(conclusion, arm_looks),
        "slices": tables.slices(conclusion, arm_looks),
        "slices_finding": findings.slices(conclusion.summary.arms, arm_looks, conclusion.advice.arm),
        "costs": tables.costs(conclusion, arm_looks),
        "cost_formulas": tables.cost_formulas(conclusion, arm_looks),
        "rate_cards": tables.rate_cards(conclusion, arm_looks),
        "slos": tables.slos(conclusion, arm_looks),
        "slo_reasons": tables.slo_reasons(conclusion, arm_looks),
        "left_out": len(conclusion.comparisons) - len(tables.compared(conclusion)),
        "comparisons": tables.comparisons(conclusion, arm_looks),
        "every_metric": tables.every_metric(conclusion, arm_looks),
        "identities": tables.identities(run),
        "facts": _facts(run, conclusion),
        "plan_text": evidence.plan_yaml(run.plan),
        "texts": texts,
        "downloads": [
            one
            for one in (
                evidence.records_csv(run, texts=texts),
                evidence.cells_csv(run, conclusion),
                evidence.conclusion_json(run, conclusion, texts=texts),
                evidence.plan_file(run.plan),
            )
            if one is not None
        ],
        **_disputes(run, arm_looks, texts=texts),
        **study_parts.parts(run, conclusion, given, texts=texts),
        **_opening(run, conclusion),
        **_measured_beside(run, conclusion, arm_looks),
        **_decided(conclusion, arm_looks, everyone),
        **_instrument(run, conclusion.summary.warnings),
        "most_longer": MOST_LONGER,
        "dollar": headed("$"),
        "dollars": headed("Dollars"),
    }
    return str(_environment().get_template("page.html.j2").render(context))


def _policy(code: str, library_sha256: str) -> str:
    """Nothing may be fetched; only our script and plotly.js may run; styles may be inline."""
    ours = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{ours}' 'sha256-{library_sha256}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _trusted(text: str) -> Any:
    """Markup of our own making, the only kind that is not escaped; never called with a text of someone else."""
    return need("markupsafe").Markup(text)


@cache
def _environment() -> Any:
    """Jinja2 that escapes everything and shows control signs, in every expression of every template."""
    jinja2 = need("jinja2")
    trusted = need("markupsafe").Markup

    def finalize(value: object) -> object:
        return formatting.visible(value) if isinstance(value, str) and not isinstance(value, trusted) else value

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"draw": _draw, "draw_small": _draw_small, "interval_bar": _interval_bar, "sign": _sign}
    made.globals |= {"metrics": METRICS}
    made.filters |= {"cut": lambda text, most=MOST_TEXT: shorten(text, most)}
    made.filters |= {"readable": _readable}
    return made


def _draw(figure: Figure, narrow: bool) -> Any:
    return _trusted(svg.draw(figure, NARROW if narrow else interactive.WIDTH))


def _draw_small(figure: Figure) -> Any:
    return _trusted(svg.draw(figure, SMALL, SMALL_TEXT))


def _interval_bar(item: Estimate, look: Look) -> Any:
    return _trusted(svg.interval_bar(item, look.colour, look.shape, look.hollow))


def _sign(look: Look, outlined: bool = False) -> Any:
    return _trusted(svg.sign(look, outlined))


# ---------------------------------------------------------------------------------------------- the first screen


def _opening(run: Run, conclusion: Conclusion) -> Mapping[str, object]:
    standins = [arm for arm in conclusion.summary.arms if arm.identity.placement == "stand-in"]
    chosen = _chosen(conclusion)
    return {
        "standins": tuple(dict.fromkeys(arm.target for arm in standins)),
        "chosen_standin": chosen is not None and chosen in standins,
        "warned_of_standins": any("stand-in" in warning for warning in conclusion.summary.warnings),
        "chosen": chosen,
        "objectives": [_objective(name) for name in conclusion.front.objectives],
        "not_issued": sum(conclusion.summary.not_issued.values()),
        "requests": sum(arm.requests for arm in conclusion.summary.arms),
        "date": run.created_at[:10],
    }


def _objective(name: str) -> str:
    return "accuracy" if name == "accuracy" else METRICS[name].label if name in METRICS else name


def _chosen(conclusion: Conclusion) -> ArmSummary | None:
    return next((arm for arm in conclusion.summary.arms if arm.arm == conclusion.advice.arm), None)


def _big(conclusion: Conclusion) -> Sequence[Big]:
    """The numbers of the recommended arm that a decision needs first."""
    chosen = _chosen(conclusion)
    if chosen is None:
        return ()
    named = (("accuracy", "right"), ("p95_ms", "p95"), ("usd_per_1k", "per 1,000 requests"), ("peak_mib", "memory"))
    return [
        Big(
            label,
            formatting.estimate(chosen.estimates[metric], metric),
            headed(METRICS[metric].explain),
            chosen.estimates[metric].n,
        )
        for metric, label in named
    ]


# ---------------------------------------------------------------------------------- time, memory, the instrument


def _measured_beside(run: Run, conclusion: Conclusion, arm_looks: Mapping[str, Look]) -> Mapping[str, object]:
    """Cold starts, arrivals, memory by phase, token counts that contradict each other."""
    arms = conclusion.summary.arms
    return {
        "cold": journey.cold_table(arms, arm_looks),
        "cold_finding": journey.cold_finding(arms, arm_looks),
        "arrivals": arrivals.arrivals(run, arms, arm_looks),
        "arrivals_finding": arrivals.finding(run, arms),
        "memory": footprint.by_phase(run, arms, arm_looks),
        "memory_finding": footprint.finding(arms, arm_looks),
        "contradictions": tables.contradictions(observed.contradictions(run), arm_looks),
    }


def _decided(
    conclusion: Conclusion, arm_looks: Mapping[str, Look], everyone: Mapping[str, Look]
) -> Mapping[str, object]:
    """Hybrids, capacity, break-evens, what would change the answer."""
    return {
        "hybrids": hybrids.chosen_table(conclusion, everyone),
        "hybrid_signals": dict.fromkeys(hybrids.signal(one, arm_looks) for one in hybrids.drawn(conclusion)),
        "hybrid_verdicts": hybrids.in_words(conclusion),
        "hybrid_silent": hybrids.silent(conclusion, arm_looks),
        "guarantees": hybrids.guarantees(conclusion, everyone),
        "not_promised": hybrids.not_promised(conclusion, arm_looks),
        "breakevens": whatif.breakevens_table(conclusion, conclusion.monthly, arm_looks),
        "capacities": carried.highest_table(conclusion, arm_looks),
        "capacity_points": carried.points_table(conclusion, arm_looks),
        "capacity_finding": carried.finding(conclusion, arm_looks),
        "stakes": stakes.changes_table(conclusion, arm_looks),
        "firm": stakes.firm(conclusion),
        "sliders": sliders.shown(conclusion),
        "slider_draws": sliders.draws(conclusion.material) if conclusion.material else 0,
    }


def _instrument(run: Run, warnings: Sequence[str]) -> Mapping[str, object]:
    """The newest start's certificate, and the verdict of each start where there were several."""
    found = instrument.last(run.segments)
    return {
        "certificate": found,
        "instrument": instrument.headline(found),
        "warnings": [one for one in warnings if not instrument.says_the_same(one)],
        "instrument_summary": instrument.summary(found) if found else "",
        "instrument_checks": instrument.checks_table(found) if found else None,
        "instrument_starts": instrument.starts(run.segments),
        "certify": instrument.COMMAND,
    }


# ---------------------------------------------------------------------------------------------- disagreements


def _disputes(run: Run, arm_looks: Mapping[str, Look], *, texts: bool) -> Mapping[str, object]:
    found = observed.disagreements(run)
    most = min(MOST_ITEMS, MOST_ANSWERS // max(1, len(arm_looks)))
    shown = [_dispute(one, arm_looks) for one in found[:most]] if texts else []
    return {"disputes": shown, "first_disputes": FIRST_ITEMS, "disputes_found": len(found)}


def _dispute(one: observed.Disagreement, arm_looks: Mapping[str, Look]) -> Dispute:
    numbers = {arm: str(place) for place, arm in enumerate(arm_looks)}
    voices: dict[tuple[str, str, str], list[Look]] = {}
    for arm, said in one.said.items():
        if arm in arm_looks:
            voices.setdefault(_voice(said), []).append(arm_looks[arm])
    order = {"✓": 0, "": 1, "✗": 2}
    return Dispute(
        id=one.item.id,
        text=_readable(one.item.input),
        reference=None if one.item.reference is None else _readable(one.item.reference),
        stakes=one.item.stakes,
        tags=tuple(f"{tag}: {value}" for tag, value in one.item.tags.items()),
        voices=tuple(
            Voice(text, mark, words, tuple(of))
            for (text, mark, words), of in sorted(voices.items(), key=lambda pair: (order[pair[0][1]], -len(pair[1])))
        ),
        wrong=" ".join(numbers[arm] for arm in one.wrong if arm in numbers),
    )


def _voice(said: observed.Said) -> tuple[str, str, str]:
    """The answer, its mark, and words about it."""
    if said.failure is not None:
        return said.message, "✗", said.failure.replace("_", " ")
    text = (said.text or "").strip()
    if said.right is None:
        return text, "", "not judged"
    return text, "✓" if said.right else "✗", "right" if said.right else "wrong"


def _readable(value: object) -> str:
    """A text, a chat, a label, a list of acceptable answers, or an object, in words."""
    if isinstance(value, str):
        return value
    if isinstance(value, Message):
        return f"{value.role}: {value.content}"
    if isinstance(value, (list, tuple)):
        chat = all(isinstance(part, Message) for part in value)
        return ("\n" if chat else " | ").join(_readable(part) for part in value)
    return interactive.island(value) if isinstance(value, Mapping) else str(value)


# ---------------------------------------------------------------------------------------------- method and evidence


def _facts(run: Run, conclusion: Conclusion) -> Sequence[tables.Table]:
    """How it was measured and what makes it repeatable."""
    plan, last = run.plan, run.segments[-1] if run.segments else None
    repeats = {
        "plan digest": plan.digest,
        "workload digest": run.workload.digest,
        "items": f"{len(run.workload.items):,}",
        "blocks": f"{plan.blocks}, in random order, every target in each",
        "repeats": plan.repeats,
        "arrivals": ", ".join(dict.fromkeys(trial.scenario for trial in run.trials)) or plan.scenario.kind,
        "seeds": ", ".join(f"{name} {getattr(plan.seeds, name)}" for name in plan.seeds.__dataclass_fields__),
        "front": conclusion.front.method,
        "front resamples": f"{conclusion.front.draws:,}",
        "scorers": ", ".join(one.name for one in run.workload.scorers),
    }
    made = [tables.pairs("repeatable", "How it was done", repeats)]
    if money := money_told(plan.costs):
        made.append(tables.pairs("money", "What the plan says of money", money))
    if run.workload.source:
        made.append(tables.pairs("provenance", "Where the items come from", _flat(run.workload.source)))
    if last is not None:
        made.append(tables.pairs("host", "The machine", _flat(last.host)))
        made.append(tables.pairs("versions", "Versions", _flat(last.versions)))
        made.append(tables.pairs("segments", "Starts of this run", {s.id: _segment(s) for s in run.segments}))
    details = {name: _line(one.details) for name, one in run.identities.items() if one.details}
    if details:
        made.append(tables.pairs("details", "Options in force", details))
    return made


def _segment(one: Any) -> str:
    left = f"; not sent: {_line(one.not_issued)}" if one.not_issued else ""
    return f"{one.started_at} → {one.ended_at or 'killed'} ({one.ended_why or 'no word'}){left}"


def _flat(content: Mapping[str, object]) -> Mapping[str, str]:
    return {name: _line(value) for name, value in content.items()}


def _line(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_line(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_line(part) for part in value)
    if isinstance(value, float):
        return formatting.number(value, 4)
    return str(value)
