"""Loading: a workload's description in a plan becomes Items, a Task, a pool of examples, and where they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from edgebench.errors import DataError, UsageError, did_you_mean
from edgebench.records import Columns, Example, Item, Output, ScorerSpec, Seeds, Workload, WorkloadSpec, canonical
from edgebench.workloads import benchmarks, builtin, columns, duplicates, languages, readers, scorers, subset, tasks
from edgebench.workloads.choices import lettered


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of a workload and of its examples are, and what is known of them."""

    spec: WorkloadSpec
    rows: Path
    examples: Path | None
    known: Mapping[str, Any]  # goes into the source as it is
    language: str | None = None  # of the rows, where a built-in job says it
    parallel: Mapping[str, Path] = field(default_factory=dict)  # other languages → their rows


def load(spec: WorkloadSpec, *, folder: Path, seeds: Seeds) -> Workload:
    """The workload a plan describes; relative paths start at ``folder``.

    The labels and the kind of answer are those of the whole file; the subset is drawn afterwards. ``source`` holds
    where the items came from and what was left out; the digest of the subset is ``Workload.digest``.

    Raises
    ------
    DataError: no such file or column, an empty file, a row or label that cannot be, with the row.
    UsageError: a scorer or an option of it that does not exist.
    """
    if spec.benchmark is not None and spec.builtin is None:
        return _published(spec, folder, seeds)
    place = _place(spec, folder)
    spec, name = place.spec, place.rows.name
    table = _filled(readers.table(place.rows, format=spec.format, encoding=spec.encoding, header=spec.header), name)
    wanted = columns.settled(table, spec.columns, name)
    unique = duplicates.settled(columns.cases(table, wanted, name), spec.duplicates, name)
    shown = _examples(place, wanted)
    if place.language is None:
        spoken = languages.of_a_file(unique.cases, spec, name)
    else:
        spoken = languages.of_a_job(unique.cases, spec, place.language, place.parallel)
    settled = _with_scorers(tasks.settle(spec, spoken, shown.cases, name, shown.name), spec, folder, name)
    population, others = languages.parted([case.item for case in settled.cases], spec)
    items, drawn = _subset(population, others, spec, settled.task.output, seeds, name)
    pool, measured = _pool(settled.examples, items)
    source = {
        **place.known,
        "file": name,
        "sha256": table.sha256,
        "bytes": table.bytes,
        "format": table.format,
        "encoding": table.encoding,
        "columns": {key: value for key, value in canonical(wanted).items() if value},
        "population": len(population),
        "rows_blank": table.blank,
        "duplicates": spec.duplicates,
        "duplicates_dropped": unique.dropped,
        "unlabelled": sum(item.reference is None for item in items),
        "subset": drawn,
    }
    if place.examples is not None:
        source["examples"] = {**shown.source, "kept": len(pool), "dropped_as_measured": measured}
    return Workload(
        name=spec.name or str(place.known.get("builtin") or name.partition(".")[0]),
        items=tuple(items),
        task=settled.task,
        scorers=settled.scorers,
        pool=pool,
        source=source,
    )


# --------------------------------------------------------------------------------------------------- where it is


def _place(spec: WorkloadSpec, folder: Path) -> Place:
    if spec.builtin is not None and spec.benchmark is not None:
        raise DataError("the workload names both a built-in job and a benchmark", hint="leave one of them out")
    if (spec.builtin is None) == (spec.file is None):
        what = "both a built-in job and a file" if spec.file else "neither a built-in job, nor a benchmark, nor a file"
        hint = "`builtin: support-triage`, `benchmark: gsm8k`, or `file: my.csv`"
        raise DataError(f"the workload names {what}", hint=hint)
    if spec.builtin is not None:
        return _shipped(spec, builtin.read(spec.builtin), folder)
    examples = None if spec.examples is None else folder / Path(spec.examples.file).expanduser()
    return Place(spec, folder / Path(str(spec.file)).expanduser(), examples, {"licence": None})


def _shipped(spec: WorkloadSpec, job: builtin.Builtin, folder: Path) -> Place:
    """A built-in job; what the plan says of the task goes above what its sheet says."""
    examples = job.examples if spec.examples is None else folder / Path(spec.examples.file).expanduser()
    merged = replace(
        spec,
        format="jsonl",
        encoding=None,
        columns=Columns(reference="reference", tags=("tags",), stakes="stakes", id="id"),
        output=spec.output or cast(Output, job.output),
        instruction=job.instruction if spec.instruction is None else spec.instruction,
        labels=spec.labels or dict(job.labels) or None,
        scorers=spec.scorers or job.scorers or None,
        max_tokens=job.max_tokens if spec.max_tokens is None else spec.max_tokens,
        schema=spec.schema or job.schema,
        wordings=job.wordings if spec.wordings is None else spec.wordings,
    )
    known = {
        "builtin": job.name,
        "version": job.version,
        "title": job.title,
        "provenance": dict(job.provenance),
        "licence": job.provenance.get("licence"),
        **{key: job.extra[key] for key in ("languages", "functions") if key in job.extra},
    }
    return Place(merged, job.rows, examples, known, job.language, job.parallel)


def _published(spec: WorkloadSpec, folder: Path, seeds: Seeds) -> Workload:
    """A public benchmark: its files are read by its own reader, the rest is as for any other workload."""
    placed = benchmarks.place(spec, folder)
    spec, name = placed.spec, str(placed.known["benchmark"])
    settled = tasks.settle(spec, placed.cases, placed.material.examples or (), name, name)
    settled = _with_scorers(settled, spec, folder, name)
    population, others = languages.parted([case.item for case in settled.cases], spec)
    asked = len(population) if spec.items is None else spec.items
    if (most := placed.most(len(population))) < asked:
        spec = replace(spec, items=most)
    items, drawn = _subset(population, others, spec, settled.task.output, seeds, name)
    pool, measured = placed.pool(settled, items)
    source = {
        **placed.known,
        "population": len(population),
        "duplicates": placed.spec.duplicates,
        "subset": drawn if drawn is None else {**drawn, "asked": asked, "held_back": len(population) - most},
        "examples": {"kept": len(pool), "dropped_as_measured": measured},
    }
    return Workload(str(spec.name), tuple(items), settled.task, settled.scorers, pool, source)


def _filled(table: readers.Table, name: str) -> readers.Table:
    if not table.rows:
        what = "only a header" if table.columns else "no rows"
        raise DataError(f"{name} has {what}: there is nothing to measure", hint="put one case in each row")
    return table


# --------------------------------------------------------------------------------------------------- examples


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of the examples file, and where they came from."""

    name: str = ""
    cases: tuple[columns.Case, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)


def _examples(place: Place, wanted: Columns) -> Shown:
    if place.examples is None:
        return Shown()
    spec, name = place.spec.examples, place.examples.name
    if spec is None:
        table = readers.table(place.examples)
    else:
        table = readers.table(place.examples, format=spec.format, encoding=spec.encoding, header=spec.header)
    own = (spec.columns if spec else None) or wanted
    read = Columns(input=own.input, reference=own.reference, choices=own.choices)
    cases = columns.cases(_filled(table, name), read, name)
    for case in cases:
        if case.item.reference is None:
            raise DataError(
                f"{name}: row {case.row} is an example without a reference", hint="give it one, or delete it"
            )
    unique = duplicates.settled(cases, "drop", name)
    source = {"file": name, "sha256": table.sha256, "rows": len(table.rows), "duplicates_dropped": unique.dropped}
    return Shown(name, unique.cases, source)


def _pool(examples: Sequence[columns.Case], items: Sequence[Item]) -> tuple[tuple[Example, ...], int]:
    """The examples that ask nothing that is measured, and how many were left out for that reason."""
    measured = {duplicates.asked(item) for item in items} | {item.text.strip() for item in items if not item.choices}
    free = [
        case.item
        for case in examples
        if duplicates.asked(case.item) not in measured and (case.item.choices or case.item.text.strip() not in measured)
    ]
    pool = tuple(Example(f"{i.text}\n\n{lettered(i.choices)}" if i.choices else i.text, i.reference) for i in free)
    return pool, len(examples) - len(pool)


# --------------------------------------------------------------------------------------------------- the subset


def _subset(
    population: list[Item],
    others: Mapping[str, Sequence[Item]],
    spec: WorkloadSpec,
    output: Output,
    seeds: Seeds,
    name: str,
) -> tuple[list[Item], dict[str, Any] | None]:
    """The items of the own language, followed by those of the others; cases that all languages have come first."""
    if spec.items is None:
        return [*population, *(item for each in others.values() for item in each)], None
    if spec.items < 1:
        raise DataError(f"items: {spec.items} measures nothing", hint="items: 250")
    by, key = _strata(population, spec.stratify, output, name)
    first = languages.cases_of_all(population, others)
    drawn = subset.stratified(first, spec.items, rng=np.random.default_rng(seeds.subset), key=key)
    rest = [item for item in population if item not in first]
    drawn += subset.stratified(rest, spec.items - len(drawn), rng=np.random.default_rng(seeds.subset), key=key)
    items = [*drawn, *languages.beside(drawn, others, key=key, seed=seeds.subset)]
    method = "uniform" if by == "none" else f"stratified by {by}, proportional, largest remainder"
    asked = {"asked": spec.items, "items": len(items), "method": method, "stratify": by, "seed": seeds.subset}
    return items, {**asked, "strata": len({key(item) for item in population})}


def _strata(
    population: Sequence[Item], asked: str | None, output: Output, name: str
) -> tuple[str, Callable[[Item], str]]:
    """By reference when answers are labels (a free text is a stratum of its own, which says nothing), or as asked."""
    labelled = output == "choice" and any(item.reference is not None for item in population)
    by = asked or ("reference" if labelled else "none")
    tags = sorted({tag for item in population for tag in item.tags})
    if by in tags:
        return by, lambda item: item.tags.get(by, "")
    if by == "none":
        return by, lambda item: ""
    if by == "reference":
        return by, lambda item: str(canonical(item.reference))
    known = ["reference", "none", *tags]
    hint = did_you_mean(by, known, f"there is: {', '.join(known)}; tags are named under `columns: {{tags: […]}}`")
    raise DataError(f"{name} has no tag {by!r} to stratify by", hint=hint)


def _with_scorers(settled: tasks.Settled, spec: WorkloadSpec, folder: Path, name: str) -> tasks.Settled:
    """The same with the files read that its scorers name, so that a stored run stands alone; a taxonomy is one more."""
    more = () if spec.taxonomy is None else (ScorerSpec("taxonomy", {"file": spec.taxonomy}),)
    read = tuple(scorers.inlined(each, (folder, builtin.SHIPPED)) for each in (*settled.scorers, *more))
    _check_scorers(read, settled.cases, name)
    return replace(settled, scorers=read)


def _check_scorers(found: Sequence[ScorerSpec], cases: Sequence[columns.Case], name: str) -> None:
    """Every scorer can be built; patterns in the references can be compiled: found out before anything is measured."""
    for scorer in found:
        scorers.build(scorer)
        if scorer.name == "regex" and scorer.options.get("pattern") is None:
            for case in cases:
                given = case.item.reference if isinstance(case.item.reference, list) else [case.item.reference]
                for pattern in given:
                    try:
                        scorers.compiled(str(pattern))
                    except UsageError as exc:
                        raise DataError(f"{name}: row {case.row}: {exc}", hint=exc.hint) from exc
