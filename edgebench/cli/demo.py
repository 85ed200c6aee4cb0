"""``edgebench demo``: real models and a real HTTP endpoint do the same work, sized to this machine by a short probe."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from edgebench.cli import INTERRUPTED
from edgebench.cli.options import as_json, opened, say, store_option, yes

if TYPE_CHECKING:
    from edgebench.records import Plan, Run

SEAT = "hosted-seat"
KEY = "OPENAI_API_KEY"
PROBED = 4  # items; the first one is the cold one and not counted
FEWEST, MOST = 24, 100  # items; a p95 has an interval from 72 independent requests on
FAST_S = 0.05  # a target this quick gets more passes, and so narrower intervals
PASSES = 3


@click.command("demo", short_help="Real models do real work here and now.")
@click.option("--minutes", type=click.FloatRange(0.5), default=2.5, show_default=True, help="Measuring time to aim at.")
@click.option("--items", type=click.IntRange(4), help="Shared items, instead of what the probe suggests.")
@click.option("--api-model", default="gpt-4o-mini", show_default=True, help=f"Hosted model, when {KEY} is set.")
@click.option("--stand-in", is_flag=True, help=f"Use the loopback stand-in even when {KEY} is set.")
@click.option("--no-certify", is_flag=True, help="Do not let the instrument measure its own error first (5 s).")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page (default: reports/RUN.html).")
@store_option
@yes
@as_json
def command(
    minutes: float,
    items: int | None,
    api_model: str,
    stand_in: bool,
    no_certify: bool,
    out: Path | None,
    place: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Sort real-looking support messages with models on this machine and with a hosted seat, and show the trade-off.

    Without an API key the hosted seat is a server of our own on loopback: a stand-in, labelled so wherever it appears.
    """
    from edgebench.cli.run import carry_out, close
    from edgebench.plan import load_plan

    plan = seated(load_plan(Path("demo")), api_model, stand_in=stand_in, agreed=yes)
    if items is None:
        say("probing this machine with a few items …")
        plan = sized(plan, probe(plan, agreed=yes), minutes)
    else:
        plan = replace(plan, workload=replace(plan.workload, items=items))
    with opened(place) as store:
        finished = carry_out(plan, store, fresh=True, agreed=yes, certify=not no_certify)
        run = store.load(finished.run_id)
    if finished.why == "interrupted":
        say(f"interrupted: {finished.issued} answers are kept:  edgebench report {finished.run_id}")
        return INTERRUPTED
    code = close(run, finished, out=out, page=True, texts=True, as_json=as_json)
    say("next:  edgebench init   writes a plan for your own data and API")
    return code


def seated(plan: Plan, api_model: str, *, stand_in: bool, agreed: bool) -> Plan:
    """The plan with a real API in the hosted seat, where there is a key and the person agrees; else as it is."""
    if stand_in or not os.environ.get(KEY, "").strip():
        say(f"no {KEY} in use: a server of our own on loopback takes the hosted seat; it is a stand-in, not a cloud")
        return plan
    from edgebench.records import TargetSpec

    host = "https://api.openai.com/v1"
    if not agreed and not click.confirm(f"Send the demo's made-up messages to {host} with {KEY}?", err=True):
        say("then a server of our own on loopback takes the hosted seat; it is a stand-in, not a cloud")
        return plan
    api = TargetSpec(kind="openai", model=api_model, base_url=host, key=KEY, options={"structured": "json_schema"})
    targets = {name: spec for name, spec in plan.targets.items() if name != SEAT}
    return replace(plan, targets={**targets, api_model: api})


@dataclass(frozen=True, slots=True)
class Pace:
    """What the probe saw of a target, in seconds."""

    request_s: float
    start_s: float


def probe(plan: Plan, *, agreed: bool) -> dict[str, Pace]:
    """A few items through every target; what is measured here goes into no result."""
    from edgebench.cli.run import carry_out
    from edgebench.store import open_store

    few = replace(
        plan,
        workload=replace(plan.workload, items=PROBED),
        targets={name: replace(spec, repeats=1) for name, spec in plan.targets.items()},
        blocks=1,
    )
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "probe.db") as store:
        run = store.load(carry_out(few, store, fresh=True, agreed=agreed, certify=False).run_id)
    return paces(run)


def paces(run: Run) -> dict[str, Pace]:
    """Seconds a request and a start take, by target; a target that answered nothing is not there."""
    target_of = {trial.id: trial.target for trial in run.trials}
    spent: dict[str, list[float]] = {}
    starts: dict[str, float] = {}
    for record in run.records:
        if record.done_ns is not None and not record.cold:
            spent.setdefault(target_of[record.trial_id], []).append((record.done_ns - record.due_ns) / 1e9)
    for reading in run.readings:
        if reading.quantity in ("load_ns", "prepare_ns"):
            target = target_of[reading.trial_id]
            starts[target] = starts.get(target, 0.0) + reading.value / 1e9
    return {target: Pace(median(values), starts.get(target, 0.0)) for target, values in spent.items()}


def sized(plan: Plan, pace: dict[str, Pace], minutes: float) -> Plan:
    """As many items as fit the time, all targets the same ones; quick targets pass over them more often."""
    passes = {name: PASSES if seen.request_s <= FAST_S else 1 for name, seen in pace.items()}
    fixed_s = sum(plan.blocks * passes[name] * seen.start_s for name, seen in pace.items())
    per_item_s = sum(passes[name] * seen.request_s for name, seen in pace.items())
    fitting = int((minutes * 60 - fixed_s) / per_item_s) if per_item_s else MOST
    items = max(FEWEST, min(MOST, fitting))
    say(f"{items} items for each of {len(plan.targets)} targets, about {(fixed_s + items * per_item_s) / 60:.1f} min")
    targets = {name: replace(spec, repeats=passes.get(name, 1)) for name, spec in plan.targets.items()}
    return replace(plan, workload=replace(plan.workload, items=items), targets=targets)
