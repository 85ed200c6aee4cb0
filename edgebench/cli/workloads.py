"""``edgebench workloads``: built-in jobs, public benchmarks, sets made from one's own logs, and parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, cast

import click

from edgebench import plugins
from edgebench.cli import workload_parts
from edgebench.cli.options import as_json, console, emit, grid, text
from edgebench.cli.workloads_import import command as import_
from edgebench.errors import UsageError, did_you_mean

MOST_LABELS = 20  # references told one by one


@click.group("workloads", short_help="List or show jobs; make a set from your logs.")
def command() -> None:
    """The jobs that come with EdgeBench, public benchmarks it reads, and evaluation sets from your own logs.

    A file with a column of questions needs no import: name it in a plan (edgebench init plan.yaml --data FILE).
    """


command.add_command(import_)


@command.command("list")
@click.argument("kind", type=click.Choice(("jobs", *workload_parts.KINDS)), default="jobs")
@as_json
def list_(kind: str, as_json: bool) -> None:
    """List the built-in jobs and the public benchmarks, or what can be done to them and how they are judged.

    KIND: jobs, or promptings (what is put around a message), perturbations (what noise does to it), scorers.
    """
    if kind != "jobs":
        _list_parts(cast(workload_parts.Kind, kind), as_json)
        return
    rows = [_facts(name) for name in _names()]
    if as_json:
        emit([*rows, *(_benchmark(name) for name in _benchmarks())])
        return
    out = console()
    table = grid("job", "items", "answer", "labels", "languages", "what", right=("items", "labels"))
    for row in rows:
        labels = str(len(row["labels"])) if row["output"] == "choice" else "—"
        table.add_row(text(row["name"]), str(row["items"]), text(row["output"]), labels,
                      text(", ".join(row["languages"])), text(row["title"]))  # fmt: skip
    out.print(table)
    if _benchmarks():
        table = grid("benchmark", "answer", "what", "licence")
        for row in map(_benchmark, _benchmarks()):
            table.add_row(text(row["name"]), text(row["output"]), text(row["title"]), text(row["licence"]))
        out.print()
        out.print(table)
        out.print("Benchmarks are read from the files their makers publish: a folder for each in $EDGEBENCH_DATA.")
    click.echo(
        "next:  edgebench workloads show NAME   or   edgebench workloads import LOG --out tickets.jsonl", err=True
    )


def _list_parts(kind: workload_parts.Kind, as_json: bool) -> None:
    parts = workload_parts.every(kind)
    if as_json:
        emit([{"name": one.name, "options": one.options, "about": one.about} for one in parts])
        return
    workload_parts.print_all(kind, parts)
    click.echo("next:  edgebench workloads show NAME", err=True)


def _show_part(kind: workload_parts.Kind, name: str, as_json: bool) -> None:
    one = workload_parts.part(kind, name)
    forms = workload_parts.forms(name) if kind == "perturbations" and one.told else []
    if as_json:
        emit({"name": name, "kind": kind, "options": one.options, "about": one.about, "plan": one.in_a_plan,
              **({"forms": forms} if forms else {})})  # fmt: skip
        return
    workload_parts.print_one(one, forms)


@command.command("show")
@click.argument("name")
@click.option("--items", default=5, show_default=True, help="How many of its items to show.")
@click.option("--language", help="Show its items in this language.")
@as_json
def show(name: str, items: int, language: str | None, as_json: bool) -> None:
    """Show a job: what is asked, in which languages, where it comes from, some of its items.

    Or a prompting, a perturbation or a scorer: what it does, its options, and what it makes of the jobs' messages.
    """
    if name in _benchmarks():
        _show_benchmark(name, as_json)
        return
    kind = workload_parts.kind_of(name)
    if name not in _names() and kind is not None:
        _show_part(kind, name, as_json)
        return
    if name not in _names():
        jobs = [*_names(), *_benchmarks()]
        parts = [each for shelf in workload_parts.KINDS for each in plugins.names(shelf)]
        hint = did_you_mean(name, [*jobs, *parts], f"known: {', '.join(jobs)}")
        raise UsageError(f"no job, benchmark or part of a plan is called {name!r}", hint=hint)
    facts, workload = _facts(name), workload_parts.builtin(name, language)
    examples = [{"input": item.text, "reference": item.reference, "tags": item.tags} for item in workload.items[:items]]
    if as_json:
        emit({**facts, "source": workload.source, "examples": examples})
        return
    out = console()
    out.print(text(f"{name}: {facts['title']}"), style="bold")
    spoken = ", ".join(f"{each} ({count})" for each, count in facts["languages"].items())
    out.print(text(f"{facts['items']} items · answer: {facts['output']} · languages (items): {spoken}"))
    for line in facts["instruction"].splitlines():
        out.print(text(line))
    if facts["output"] == "choice":
        table = grid("label", "items", "means", right=("items",))
        for label, count in facts["labels"].items():
            table.add_row(text(label), str(count), text(workload.task.descriptions.get(label, "")))
        out.print(table)
    for key, value in workload.source.items():
        _print_source(key, value)
    for example in examples:
        out.print(text(f"“{example['input']}” → {_short(example['reference'])}"))


def _print_source(key: str, value: Any) -> None:
    """One line for each fact; what is told of the making keeps its parts apart."""
    out = console()
    if isinstance(value, Mapping) and key == "provenance":
        for part, words in value.items():
            out.print(text(f"{part}: {words}"))
    else:
        out.print(text(f"{key}: {value}"))


def _show_benchmark(name: str, as_json: bool) -> None:
    facts = _benchmark(name)
    if as_json:
        emit(facts)
        return
    out = console()
    out.print(text(f"{name}: {facts['title']}"), style="bold")
    for key, value in facts.items():
        if key not in ("name", "title") and value not in (None, "", (), [], {}):
            shown = "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            out.print(text(f"{key}: {shown}"))


def _short(reference: Any) -> str:
    """A reference in a line."""
    import json

    words = reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)
    return "(no reference)" if reference is None else words


# --------------------------------------------------------------------------------------------------- what is known


def _names() -> list[str]:
    from edgebench.plan.checks import builtin_jobs

    return builtin_jobs()


def _facts(name: str) -> dict[str, Any]:
    """Name, items, output, the labels with how often each is right, languages with their items, instruction."""
    from edgebench.workloads import read_builtin

    job, workload = read_builtin(name), workload_parts.builtin(name)
    labels: Counter[str] = Counter(dict.fromkeys(workload.task.choices, 0))
    for item in workload.items if workload.task.output == "choice" else ():
        labels.update([str(one) for one in (item.reference if isinstance(item.reference, list) else [item.reference])])
    languages = {job.language: len(workload.items)}
    for language, file in sorted(job.parallel.items()):
        languages[language] = sum(bool(line.strip()) for line in file.read_text(encoding="utf-8").splitlines())
    return {
        "name": name,
        "title": job.title,
        "items": len(workload.items),
        "output": workload.task.output,
        "labels": dict(labels),
        "languages": languages,
        "instruction": workload.task.instruction,
    }


def _benchmarks() -> list[str]:
    if find_spec("edgebench.workloads.benchmarks") is None:
        return []
    from edgebench.workloads import benchmarks

    return list(benchmarks.names())


def _benchmark(name: str) -> dict[str, Any]:
    """The plain facts of a benchmark, whatever it tells of itself."""
    from dataclasses import fields, is_dataclass

    from edgebench.workloads import benchmarks

    about: Any = benchmarks.about(name)
    given = {one.name: getattr(about, one.name) for one in fields(about)} if is_dataclass(about) else dict(about)
    plain = {key: value for key, value in given.items() if isinstance(value, (str, int, float, bool, tuple, list))}
    lab = getattr(getattr(about, "lab", None), "name", None)
    return {"title": "", "output": "", "licence": "", **plain, **({"lab": lab} if lab else {}), "name": name}
