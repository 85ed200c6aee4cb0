"""``edgebench compare``: paired differences with their intervals, and a gate for CI."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from edgebench.cli.options import as_json, console, emit, grid, opened, say, store_option, text
from edgebench.cli.repricing import reprice_option, repriced
from edgebench.cli.utilities import split, utility_option, with_utilities
from edgebench.decide.gates import Gate, Judged, demand_metric, gate, read_gate
from edgebench.errors import GateFailed, GateUndecided, NothingRan, StoreError, UsageError
from edgebench.records import METRICS

if TYPE_CHECKING:
    from edgebench.records import Comparison, Run
    from edgebench.store.sql import SqlStore

USUAL = ("accuracy", "p95_ms", "usd_per_1k")
MANY = 5_000  # requests from which on comparing takes a second or more


@dataclass(frozen=True, slots=True)
class Matched:
    """The run to look into, the arms to compare there, and what has to be known of it."""

    run: Run
    pairs: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...] = ()
    common: tuple[int, int, int] | None = None  # items both asked, of so many of the one, of so many of the other


@click.command("compare", short_help="Compare two arms or two runs; a gate for CI.")
@click.argument("a")
@click.argument("b")
@click.option("--run", "run_name", help="The run whose arms A and B are (default: the newest).")
@click.option("--metric", default=None, help="One metric (default: accuracy, p95_ms and usd_per_1k).")
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="'METRIC HOW NUMBER'",
    help="Gate, as often as needed; each must be met. HOW: drop (accuracy drop 0.02), rise (p95_ms rise 50, "
    "loss_per_1k rise 0) or ratio (p95_ms ratio 1.1).",
)
@click.option("--margin", type=float, help="Gate: B's accuracy may be at most this much lower (0.02: 2 points).")
@click.option("--max-drop", type=float, help="Gate: B may fall behind A by at most this in --metric (else accuracy).")
@click.option("--max-rise", type=float, help="Gate: B may exceed A by at most this in --metric (p95_ms: 50).")
@click.option("--max-ratio", type=float, help="Gate: B may be at most so many times A in --metric (p95_ms: 1.1).")
@click.option("--common", is_flag=True, help="Compare runs of different item sets on the items both have asked.")
@click.option("--junit", metavar="FILE", help="Write the gates as a JUnit file.")
@click.option("--markdown", metavar="FILE|-", help="Write a Markdown summary; - prints it instead of the table.")
@utility_option
@reprice_option
@store_option
@as_json
def command(
    a: str,
    b: str,
    run_name: str | None,
    metric: str | None,
    gates: tuple[str, ...],
    margin: float | None,
    max_drop: float | None,
    max_rise: float | None,
    max_ratio: float | None,
    common: bool,
    junit: str | None,
    markdown: str | None,
    utilities: tuple[str, ...],
    reprice: str | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Compare A with B on the items both have answered: two arms of one run, or two runs of the same items.

    With gates the exit code is 0 when each is met with 95 % confidence, 3 when one is missed with 95 % confidence,
    4 when the items are too few to tell, and 5 when the run is INVALID. A margin reached exactly is met. That they run
    on different machines is the point, not an error; other items are (unless --common).
    """
    from edgebench.cli import gate_files
    from edgebench.cli.concluding import speak_its_currency
    from edgebench.decide.gates import judge, worst
    from edgebench.decide.wording import shown_in

    bounds = {"drop": max_drop, "rise": max_rise, "ratio": max_ratio}
    asked = _gates(metric, gates, margin, bounds)
    if junit and not asked:
        raise UsageError("--junit writes gates, and none is given", hint='--gate "accuracy drop 0.02"')
    if as_json and markdown == "-":
        raise UsageError("--json and --markdown - both print", hint="--markdown summary.md")
    with opened(place) as store:
        matched = _matched(store, a, b, run_name, common=common)
    run = with_utilities(repriced(matched.run, reprice), split((), utilities)[1])
    speak_its_currency(run)
    metrics = tuple(dict.fromkeys(one.metric for one in asked)) or ((metric,) if metric else USUAL)
    found, invalid = _compared(run, matched.pairs, metrics)
    with shown_in(run.plan.costs):
        judged = [judge(one, each) for one in asked for each in found if each.metric == one.metric]
        verdict = "INVALID" if invalid and judged else worst(judged)
        remarks = (*matched.remarks, *([f"INVALID: {invalid}"] if invalid else []))
        if junit:
            gate_files.written(gate_files.junit(judged, remarks, invalid), junit, "--junit")
        if markdown:
            gate_files.written(gate_files.markdown(found, judged, verdict, remarks), markdown, "--markdown")
        if as_json:
            shared = dict(zip(("items", "of_a", "of_b"), matched.common, strict=True)) if matched.common else None
            emit({"run": run.id, "comparisons": found, "gates": judged, "verdict": verdict, "common": shared,
                  "remarks": remarks, "utilities": run.plan.utilities})  # fmt: skip
        elif markdown != "-":
            _print(found, judged, remarks)
    _conclude(judged, invalid)


def _gates(
    metric: str | None, texts: Sequence[str], margin: float | None, bounds: dict[str, float | None]
) -> list[Gate]:
    if metric is not None:
        demand_metric(metric)
    found = [read_gate(each) for each in texts]
    found += [] if margin is None else [gate("accuracy", "drop", margin)]
    for by, most in bounds.items():
        if most is None:
            continue
        name = metric or ("accuracy" if by == "drop" else None)
        if name is None:
            raise UsageError(f"--max-{by} needs a metric", hint=f"--metric p95_ms --max-{by} {most:g}")
        found.append(gate(name, by, most))
    return list(dict.fromkeys(found))


def _compared(
    run: Run, pairs: Sequence[tuple[str, str]], metrics: Sequence[str]
) -> tuple[list[Comparison], str | None]:
    """Every pair on every metric, and why the run is INVALID, if it is."""
    from edgebench.decide.compare import between
    from edgebench.decide.resampled import resample
    from edgebench.metrics.summary import summarise
    from edgebench.metrics.table import columns

    if len(run.records) > MANY:
        say(f"comparing {len(run.records):,} requests …")
    table = columns(run)
    summary = summarise(run, table=table)
    resampled = resample(run, summary, table=table)
    found = [between(resampled, one, two, each) for one, two in pairs for each in metrics]
    return found, "; ".join(summary.reasons) if summary.verdict == "INVALID" else None


# --------------------------------------------------------------------------------------------------- what to compare


def _matched(store: SqlStore, a: str, b: str, run_name: str | None, *, common: bool) -> Matched:
    """Two arms of the run named (or the newest), or else two runs."""
    run = store.load(store.resolve(run_name or "last"))
    arms = list(dict.fromkeys(trial.arm for trial in run.trials if not trial.judges))
    one, two = _arm(arms, a), _arm(arms, b)
    if one and two:
        return Matched(run, ((one, two),))
    if run_name is None:
        try:
            return _two_runs(store.load(store.resolve(a)), store.load(store.resolve(b)), common=common)
        except StoreError as exc:
            if one is None and two is None and "no run" not in str(exc).lower():
                raise
    unknown = a if one is None else b
    near = difflib.get_close_matches(unknown, arms, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]!r}?" if near else f"arms of run {run.id}: {', '.join(arms)}"
    raise UsageError(f"{unknown!r} is neither an arm of run {run.id} nor a run", hint=hint)


def _arm(arms: list[str], name: str) -> str | None:
    """An arm by its name, or by its target's name where that target has one arm."""
    if name in arms:
        return name
    own = [arm for arm in arms if arm.rpartition(" · ")[0] == name]
    return own[0] if len(own) == 1 else None


def _two_runs(first: Run, second: Run, *, common: bool) -> Matched:
    """Both runs as one, and every arm they share under its two new names; or the one arm of each."""
    from edgebench.decide.common import common_items, common_part, same_items
    from edgebench.store.interchange import merge

    if first.id == second.id:
        raise UsageError(f"both are run {first.id}", hint="edgebench runs list")
    runs: tuple[Run, ...] = (first, second)
    shared: tuple[int, int, int] | None = None
    if not same_items(runs):
        counts = [len({item.digest for item in run.workload.items}) for run in runs]
        shared = (len(common_items(runs)), counts[0], counts[1])
        if not common or not shared[0]:
            raise UsageError(
                f"runs {first.id} and {second.id} asked different item sets: {shared[0]} items in common, "
                f"of {counts[0]} and {counts[1]}",
                hint="--common compares them on those" if shared[0] else "run both with the same data",
            )
        runs = common_part(runs)
    merged = merge(runs)
    remarks = (
        [f"only the {shared[0]} items both runs asked are compared, of {shared[1]} and {shared[2]}"] if shared else []
    )
    names: list[dict[str, str]] = []
    for run in runs:
        old = {f"{run.id}:{trial.id}": trial.arm for trial in run.trials if not trial.judges}
        names.append({old[trial.id]: trial.arm for trial in merged.trials if trial.id in old})
    pairs = [(names[0][arm], names[1][arm]) for arm in names[0] if arm in names[1]]
    if not pairs and len(names[0]) == len(names[1]) == 1:
        pairs = [(next(iter(names[0].values())), next(iter(names[1].values())))]
    if not pairs:
        raise UsageError(
            f"runs {first.id} and {second.id} share no arm", hint=f"arms: {', '.join([*names[0], *names[1]])}"
        )
    return Matched(merged, tuple(pairs), tuple(remarks), shared)


# --------------------------------------------------------------------------------------------------- what is said


def _print(found: Sequence[Comparison], judged: Sequence[Judged], remarks: Sequence[str]) -> None:
    from edgebench.report.formatting import difference

    table = grid("a", "b", "metric", "b − a", "p", "n", right=("b − a", "p", "n"))
    for each in found:
        shown = difference(each.difference, METRICS[each.metric].unit)
        p = "—" if each.p_value is None else f"{each.p_value:.3f}" if each.p_value >= 0.001 else "< 0.001"
        table.add_row(text(each.a), text(each.b), each.metric, str(shown), p, str(each.difference.n))
    out = console()
    for remark in remarks:
        out.print(text(remark))
    out.print(table)
    for each in found:
        if each.difference.why_absent:
            out.print(text(f"{each.metric}: {each.difference.why_absent}"))
    for one in judged:
        out.print(text(f"gate {one.gate}: {one.verdict}: {one.why}"))


def _conclude(judged: Sequence[Judged], invalid: str | None) -> None:
    if judged and invalid:
        raise NothingRan(f"no gate is judged: the run is INVALID: {invalid}")
    for verdict, kind in (("missed", GateFailed), ("undecided", GateUndecided)):
        found = [one for one in judged if one.verdict == verdict]
        if found:
            which = "the gate is" if len(judged) == 1 else f"{len(found)} of {len(judged)} gates are"
            raise kind(f"{which} {verdict}: {found[0].gate}: {found[0].why}")
