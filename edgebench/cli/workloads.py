"""``edgebench workloads``: the jobs that come with EdgeBench."""

from __future__ import annotations

from typing import Any

import click

from edgebench.cli.options import as_json, console, emit, grid, text
from edgebench.errors import UsageError


@click.group("workloads", short_help="List or show the built-in jobs.")
def command() -> None:
    """The jobs that come with EdgeBench. Your own data needs no import: name its file in a plan (edgebench init)."""


@command.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the built-in jobs."""
    rows = [_facts(name) for name in _names()]
    if as_json:
        emit(rows)
        return
    table = grid("job", "items", "labels", "what", right=("items", "labels"))
    for row in rows:
        table.add_row(text(row["name"]), str(row["items"]), str(len(row["labels"])), text(row["instruction"]))
    console().print(table)


@command.command("show")
@click.argument("name")
@click.option("--items", default=5, show_default=True, help="How many of its items to show.")
@as_json
def show(name: str, items: int, as_json: bool) -> None:
    """Show a job: labels, where it comes from, some of its items."""
    if name not in _names():
        raise UsageError(f"no built-in job is called {name!r}", hint=f"known: {', '.join(_names())}")
    facts, workload = _facts(name), _load(name)
    examples = [{"input": item.text, "reference": item.reference, "tags": item.tags} for item in workload.items[:items]]
    if as_json:
        emit({**facts, "source": workload.source, "examples": examples})
        return
    out = console()
    out.print(text(f"{name}: {facts['items']} items"), style="bold")
    out.print(text(facts["instruction"]))
    table = grid("label", "items", "means", right=("items",))
    for label, count in facts["labels"].items():
        table.add_row(text(label), str(count), text(workload.task.descriptions.get(label, "")))
    out.print(table)
    for key, value in workload.source.items():
        out.print(text(f"{key}: {value}"))
    for example in examples:
        out.print(text(f"“{example['input']}” → {example['reference']}"))


def _names() -> list[str]:
    from edgebench.plan.checks import builtin_jobs

    return builtin_jobs()


def _load(name: str) -> Any:
    from pathlib import Path

    from edgebench.records import Seeds, WorkloadSpec
    from edgebench.workloads import load

    return load(WorkloadSpec(builtin=name), folder=Path(), seeds=Seeds())


def _facts(name: str) -> dict[str, Any]:
    workload = _load(name)
    labels: dict[str, int] = dict.fromkeys(workload.task.choices, 0)
    for item in workload.items:
        labels[str(item.reference)] = labels.get(str(item.reference), 0) + 1
    return {"name": name, "items": len(workload.items), "labels": labels, "instruction": workload.task.instruction}
