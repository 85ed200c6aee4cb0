"""``edgebench project``: what the local arms of a run would do on another device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from edgebench import catalog
from edgebench.cli.options import as_json, console, emit, grid, opened, store_option, text
from edgebench.cli.repricing import reprice_option
from edgebench.errors import DataError, UsageError

if TYPE_CHECKING:
    from edgebench.decide.project import ArmProjection, Projection
    from edgebench.metrics.devices import DeviceProfile
    from edgebench.records import Run

FITS = {True: "fits", False: "does not fit", None: "nobody knows whether it fits"}


@click.command("project", short_help="Project a run's local arms onto another device.")
@click.argument("runs", nargs=-1)
@click.option("--device", "there", required=True, metavar="PROFILE", help="Device profile to project onto.")
@click.option("--from", "here", metavar="PROFILE", help="Device profile of the machine of the run.")
@reprice_option
@store_option
@as_json
def command(
    runs: tuple[str, ...], there: str, here: str | None, reprice: str | None, place: str | None, as_json: bool
) -> None:
    """Say what the local arms of RUNS (default: the newest run) would do on another device.

    Decoding goes by memory bandwidth, all else by cores × clock; the band holds four published machines of five, and
    was tested on machines left out of it. None of it is measured: run the plan on that device before you buy many.
    """
    from edgebench.cli.concluding import load_run
    from edgebench.decide.base_part import base_part
    from edgebench.decide.project import project
    from edgebench.metrics.devices import load_device
    from edgebench.metrics.summary import summarise

    target = load_device(there)
    with opened(place) as store:
        run = base_part(load_run(store, runs, reprice))
    projection = project(run, summarise(run), _source(run, here), target)
    if as_json:
        emit(projection)
    else:
        _print(projection)


def _source(run: Run, given: str | None) -> DeviceProfile:
    """The profile of the run's machine: the one given, the plan's, or one that was measured there.

    One that contradicts what the run says of its machine is not taken unless it was given.
    """
    from edgebench.decide.machines import MEASURE, bandwidth
    from edgebench.metrics.devices import load_device
    from edgebench.metrics.plausible import contradiction

    if given is not None:
        return load_device(given)
    against = []
    for profile in _candidates(run):
        try:
            bandwidth(profile)
        except UsageError:
            continue
        words = [why for segment in run.segments if (why := contradiction(profile, segment.host))]
        if not words:
            return profile
        against += words[:1]
    why = f" ({'; '.join(dict.fromkeys(against))})" if against else ""
    raise UsageError(f"no device profile tells the memory bandwidth of this run's machine{why}", hint=MEASURE)


def _candidates(run: Run) -> Iterator[DeviceProfile]:
    """The plan's profiles, then those ``edgebench device`` wrote, newest first. A spoilt one is none to go by."""
    from edgebench.cli.device import BY_US
    from edgebench.metrics.devices import load_device

    named = [name for name in (run.plan.device, *(spec.device for spec in run.plan.targets.values())) if name]
    own = sorted((catalog.home() / "devices").glob("*.yaml"), key=lambda file: -file.stat().st_mtime)
    for name in dict.fromkeys([*named, *(file.stem for file in own)]):
        try:
            profile = load_device(name)
        except (UsageError, DataError):
            continue
        if name in named or any(figure.source.startswith(BY_US) for figure in profile.figures.values()):
            yield profile


def _print(projection: Projection) -> None:
    from edgebench.report.formatting import times

    out = console()
    out.print(text(f"run {projection.run_id}, measured on {projection.here}, *projected* onto {projection.there}"))
    for arm in projection.arms:
        _print_arm(arm)
    for name, why in projection.left.items():
        out.print(text(f"left: {name}: {why}"))
    for what, ratio in (("decoding", projection.decode), ("all else", projection.compute)):
        out.print(text(f"{what} takes {times(ratio.value)} the time [{times(ratio.low)}–{times(ratio.high)}]"))
    for line in projection.basis:
        out.print(text(line))
    out.print(text(f"the band is meant to hold {projection.level:.0%} of machines; no number here was measured there"))


def _print_arm(arm: ArmProjection) -> None:
    from edgebench.records import METRICS
    from edgebench.report.formatting import estimate

    table = grid(arm.arm, "measured here", "projected there", "", right=("measured here", "projected there"))
    for name, there in arm.there.items():
        here = arm.here[name]
        mark = (there.why_absent or "") if there.value is None else "*projected*"
        if name == "peak_mib" and there.value is not None:
            mark = f"{FITS[arm.fits]}: {there.note}"
        table.add_row(text(METRICS[name].label), text(estimate(here, name)), text(estimate(there, name)), text(mark))
    out = console()
    out.print(table)
    for note in arm.notes:
        out.print(text(f"  {note}"))
