"""MMLU: questions of 57 school and university subjects, four options each, asked by letter."""

from __future__ import annotations

from pathlib import Path

from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks.cells import filled, kept_of, whole, words, wrong
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.choices import LETTERS
from edgebench.workloads.columns import Case
from edgebench.workloads.readers import Row, Table


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """The test questions of every subject there is a file of; the five solved ones of its dev file as examples."""
    tables: dict[str, Table] = {}
    cases = _part(folder, "test", tables)
    examples = _part(folder, "dev", tables)
    subjects = len({case.item.tags["subject"] for case in cases})
    return Material(cases, kept_of(tables), examples, told={"subjects": subjects})


def _part(folder: Path, part: str, tables: dict[str, Table]) -> tuple[Case, ...]:
    cases: list[Case] = []
    for path in sorted((folder / part).glob(f"*_{part}.csv")):
        name = f"{part}/{path.name}"
        tables[name] = filled(folder, name, format="csv", cells=6)
        subject = path.name.removesuffix(f"_{part}.csv")
        cases += [_case(row, subject, part, name) for row in tables[name].rows]
    return tuple(cases)


def _case(row: Row, subject: str, part: str, name: str) -> Case:
    letter = words(row, "6", name).upper()
    if letter not in LETTERS[:4]:
        raise wrong(row, name, f"has the answer {letter[:20]!r}, which is not A, B, C or D")
    options = tuple(whole(row, column, name).strip() for column in "2345")  # two may be alike: as published
    tags = {"subject": subject, "group": subject}
    return Case(row.number, Item(f"{subject}-{part}-{row.number}", words(row, "1", name), letter, options, tags))


MMLU = Benchmark(
    name="mmlu",
    title="Massive Multitask Language Understanding: multiple choice in school and university subjects",
    files=("test/*_test.csv", "dev/*_dev.csv"),
    licence="MIT",
    citation="Hendrycks et al., “Measuring Massive Multitask Language Understanding”, 2021",
    read=read,
    output="choice",
    max_tokens=32,
    lab=Lab("5-shot by letter, the subject's dev questions (Hendrycks et al. 2021)", {"few-shot": {"k": 5}}, 5),
    raw="the question and its options under A), B), C), D)",
    stratify="subject",
    scorer="choice-letter",
)
