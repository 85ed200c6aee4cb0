"""``edgebench device``: what this machine is, how fast its clock and its memory are, and a profile of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from edgebench import catalog
from edgebench.cli.options import as_json, console, emit, grid, say, text
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.meters.bandwidth import Bandwidth
    from edgebench.meters.device import Fact
    from edgebench.metrics.devices import DeviceProfile

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
BY_US = "measured by edgebench device on this machine"
#: facts that are figures of a profile
FIGURES = ("ram_gib", "cores", "clock_ghz", "memcpy_gb_s", "read_gb_s")


@click.command("device", short_help="Detect and measure this machine; write its profile.")
@click.option("--write", "name", metavar="NAME", help="Write a device profile of that name into EDGEBENCH_HOME.")
@click.option("--like", metavar="PROFILE", help="Profile whose price, watts, lifetime and duty cycle are copied.")
@click.option("--force", is_flag=True, help="Overwrite a profile of that name.")
@as_json
def command(name: str | None, like: str | None, force: bool, as_json: bool) -> None:
    """Detect this machine and measure its clock and its memory (three seconds; best while nothing else runs).

    A written profile serves  edgebench project,  the cost of local arms (`device: NAME` in a plan) and the warning
    about speeds that cannot be true. What it costs cannot be measured: copy it with --like and put in your own.
    """
    owned = _demand(name, like, force)
    from edgebench.meters import bandwidth, device

    say("measuring the clock and the memory: three seconds")
    before = device.heat()
    clock, probed = device.clock(), bandwidth.probe()
    facts = (*device.detect(), clock, *_memory(probed), *device.warmed(before, device.heat()))
    written = None
    if name is not None and owned is not None:
        written = _write(name, device.title(facts), facts, owned)
    if as_json:
        emit({"facts": facts, "bandwidth": probed, "written": written})
        return
    _print(facts)
    if written is None:
        click.echo("keep it:  edgebench device --write this-machine --like x86-laptop", err=True)
    else:
        click.echo(
            f"{written}\nin a plan:  device: {name}      elsewhere:  edgebench project --device pi-5-8gb", err=True
        )


def _demand(name: str | None, like: str | None, force: bool) -> DeviceProfile | None:
    """The profile whose cost is copied; refused before three seconds are spent on measuring."""
    from edgebench.metrics.devices import load_device

    if name is None:
        if like is not None:
            raise UsageError(
                "--like goes with --write NAME", hint=f"edgebench device --write this-machine --like {like}"
            )
        return None
    if NAME.fullmatch(name) is None:
        raise UsageError(f"{name!r} cannot be a profile's name", hint="letters, digits, dots and dashes: this-machine")
    if like is None:
        raise UsageError(
            "what this machine cost and draws cannot be measured here: say which profile to copy it from",
            hint=f"--like PROFILE, one of {', '.join(catalog.names('devices'))}",
        )
    if (file := catalog.home() / "devices" / f"{name}.yaml").exists() and not force:
        raise UsageError(f"{file} is there already", hint="--force overwrites it; or choose another name")
    return load_device(like)


def _memory(probed: Bandwidth) -> tuple[Fact, ...]:
    """Copy and read, best number of threads, with all of them told."""
    from edgebench.meters.device import Fact

    told = (
        ("memcpy_gb_s", probed.best_copy, probed.copy_gb_s, "copied, read + written"),
        ("read_gb_s", probed.best_read, probed.read_gb_s, "read"),
    )
    return tuple(
        Fact(name, None, "GB/s", probed.why_absent or "not one pass in time")
        if best is None
        else Fact(
            name, round(best, 2), "GB/s",
            f"{what}; " + ", ".join(f"{n} thread{'s' * (n > 1)} {speed:.3g}" for n, speed in by_threads.items())
            + f"; arrays of {probed.array_bytes >> 20} MiB, best of several passes", True,
        )
        for name, best, by_threads, what in told
    )  # fmt: skip


def _write(name: str, title: str, facts: tuple[Fact, ...], like: DeviceProfile) -> str:
    """The profile in the shelf's form; returns the path of its file."""
    import yaml

    from edgebench.metrics.devices import OWNED, RENTED, load_device

    today = datetime.now(UTC).date().isoformat()
    figures: dict[str, dict[str, Any]] = {
        key: {"value": _plain(figure.value), "source": f"copied from {like.name}: {figure.source}", "date": figure.date,
              "kind": figure.kind}
        for key, figure in like.figures.items() if key in OWNED | RENTED | {"ops_usd_per_month"}
    }  # fmt: skip
    for fact in facts:
        if fact.name in FIGURES and fact.value is not None:
            kind, by = ("measured", BY_US) if fact.measured else ("vendor", "as this machine calls itself")
            figures[fact.name] = {"value": fact.value, "source": f"{by}: {fact.how}", "date": today, "kind": kind}
    notes = f"Price, watts, lifetime, duty cycle and power price are those of {like.name}: put in your own."
    file = catalog.home() / "devices" / f"{name}.yaml"
    content = {"title": title, "notes": notes, "figures": figures}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"{file} cannot be written: {exc.strerror}", hint="set EDGEBENCH_HOME") from exc
    load_device(str(file))  # what we write, we can read
    return str(file)


def _plain(value: Any) -> int | float:
    """A Decimal as YAML writes numbers."""
    return int(value) if value == value.to_integral_value() else float(value)


def _print(facts: tuple[Fact, ...]) -> None:
    from edgebench.report.formatting import ABSENT, number

    table = grid("this machine", "", "how it is known")
    for fact in facts:
        shown = number(fact.value) if isinstance(fact.value, float) else ABSENT if fact.value is None else fact.value
        table.add_row(text(fact.name), text(f"{shown} {'' if fact.value is None else fact.unit}"), text(fact.how))
    console().print(table)
