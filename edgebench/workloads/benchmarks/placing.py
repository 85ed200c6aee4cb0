"""Placing: the folder of a benchmark, and what a plan's few words make of its files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgebench.errors import DataError, did_you_mean
from edgebench.records import Example, Item, WorkloadSpec
from edgebench.workloads.benchmarks.banking77 import BANKING77
from edgebench.workloads.benchmarks.cells import told_apart
from edgebench.workloads.benchmarks.gsm8k import GSM8K
from edgebench.workloads.benchmarks.hellaswag import HELLASWAG
from edgebench.workloads.benchmarks.humaneval import HUMANEVAL
from edgebench.workloads.benchmarks.made_of import Benchmark, Material
from edgebench.workloads.benchmarks.mgsm import MGSM
from edgebench.workloads.benchmarks.mmlu import MMLU
from edgebench.workloads.choices import lettered
from edgebench.workloads.columns import Case
from edgebench.workloads.duplicates import asked
from edgebench.workloads.tasks import Settled

TABLE: Mapping[str, Benchmark] = {each.name: each for each in (BANKING77, GSM8K, HELLASWAG, HUMANEVAL, MGSM, MMLU)}
OWN = "en"  # the language asked in unless the plan says
PLACE = "EDGEBENCH_DATA"  # the folder that holds a folder for each benchmark


@dataclass(frozen=True, slots=True)
class Placed:
    """A benchmark ready to be drawn from."""

    spec: WorkloadSpec  # what the plan says, above what the benchmark says
    cases: tuple[Case, ...]
    material: Material
    known: Mapping[str, Any]  # goes into the source as it is
    shown: int  # solved cases the literature's set-up needs of what is not measured

    def most(self, population: int) -> int:
        """How many items may be measured: where examples come from what is not, the literature's set-up needs some."""
        return population if self.material.examples is not None else max(1, population - self.shown)

    def pool(self, settled: Settled, items: Sequence[Item]) -> tuple[tuple[Example, ...], int]:
        """The examples that ask nothing that is measured, in any language; and how many were left out for it.

        They come from a part of their own, or else from the cases that are not among ``items``.
        """
        examples = settled.cases if self.material.examples is None else settled.examples
        measured = {asked(item) for item in items}
        problems = {item.cluster for item in items if item.cluster}
        free = [c.item for c in examples if asked(c.item) not in measured and c.item.cluster not in problems]
        pool = tuple(
            Example(
                f"{item.text}\n\n{lettered(item.choices)}" if item.choices else item.text,
                item.reference,
                worked=self.material.worked.get(item.id, ""),
                group=item.tags.get("group", ""),
            )
            for item in free
        )
        return pool, len(examples) - len(free)


def names() -> tuple[str, ...]:
    """The benchmarks that can be read, in order."""
    return tuple(sorted(TABLE))


def about(name: str) -> Benchmark:
    """A benchmark by name.

    Raises
    ------
    DataError: there is none of that name (with the nearest one).
    """
    if name not in TABLE:
        hint = did_you_mean(name, TABLE, f"there is: {', '.join(names())}")
        raise DataError(f"no benchmark is called {name!r}", hint=hint)
    return TABLE[name]


def folder_of(spec: WorkloadSpec, start: Path) -> Path:
    """Where the files of the benchmark a plan names are: ``file`` from the folder ``start``, or $EDGEBENCH_DATA/NAME.

    Raises
    ------
    DataError: nobody says where; there is no such folder; it lacks a file its makers publish.
    """
    benchmark = about(str(spec.benchmark))
    base = os.environ.get(PLACE, "")
    if spec.file is None and not base:
        hint = f"export {PLACE}=… (the folder that holds {benchmark.name}/), or `file:` with that folder itself"
        raise DataError(f"nothing says where the files of {benchmark.name} are", hint=hint)
    folder = Path(base, benchmark.name) if spec.file is None else start / Path(spec.file)
    folder = folder.expanduser()
    wants = f"{', '.join(benchmark.files)}, as published ({benchmark.citation})"
    if not folder.is_dir():
        what = f"there is no folder {folder}" if not folder.exists() else f"{folder} is a file, not a folder"
        raise DataError(f"{what} with the files of {benchmark.name}", hint=f"export {PLACE}=…; it holds {wants}")
    for pattern in benchmark.files:
        if not any(path.is_file() for path in folder.glob(pattern)):
            raise DataError(f"{folder} has no file {pattern}", hint=f"it is to hold {wants}")
    return folder


def place(spec: WorkloadSpec, start: Path) -> Placed:
    """Read the benchmark a plan names; relative folders start at ``start``.

    Raises
    ------
    DataError: no such benchmark, folder, file or language; a row that is not as published; a key no benchmark takes.
    """
    benchmark = about(str(spec.benchmark))
    for key in ("examples", "schema", "labels"):
        if getattr(spec, key) is not None:
            raise DataError(
                f"a benchmark has its own {key}", hint=f"leave out `{key}:`, or name the file as your own data"
            )
    other = [one for one in (spec.language, *spec.languages) if one not in (None, OWN)]
    if benchmark.languages == (OWN,) and (other or spec.languages):
        raise DataError(f"{benchmark.name} is in {OWN} alone", hint="leave out `language:` and `languages:`; see mgsm")
    material = benchmark.read(folder_of(spec, start), spec)
    cases, dropped = told_apart(material.cases, spec.duplicates)
    lab = material.lab or benchmark.lab
    merged = replace(
        spec,
        output=spec.output or benchmark.output,
        instruction=benchmark.instruction if spec.instruction is None else spec.instruction,
        max_tokens=benchmark.max_tokens if spec.max_tokens is None else spec.max_tokens,
        scorers=(benchmark.scorer,) if spec.scorers is None else spec.scorers,
        stratify=benchmark.stratify if spec.stratify is None else spec.stratify,
        name=spec.name or benchmark.name,
    )
    known: dict[str, Any] = {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "citation": benchmark.citation,
        "licence": benchmark.licence,
        "raw": benchmark.raw,
        "lab": {"name": lab.name, "prompting": lab.prompting},
        "languages": [spec.language or OWN, *spec.languages],
        "files": len(material.files),
        "sha256": _digest(material.files),
        "bytes": sum(size for _, size in material.files.values()),
        "duplicates_dropped": dropped,
        **{key: value for key, value in material.told.items() if value is not None},
    }
    return Placed(merged, cases, material, known, lab.shown)


def _digest(files: Mapping[str, tuple[str, int]]) -> str:
    """One SHA-256 for all files: of a line "digest  name" for each, by name; of one file its own."""
    if len(files) == 1:
        return next(iter(files.values()))[0]
    lines = "".join(f"{sha256}  {name}\n" for name, (sha256, _) in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
