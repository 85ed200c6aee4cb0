"""Banking77: messages to a bank, sorted into 77 intents."""

from __future__ import annotations

from pathlib import Path

from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks.cells import filled, kept_of, words
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.columns import Case
from edgebench.workloads.readers import Row, Table


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """The messages of the test part; those of the training part as examples."""
    tables: dict[str, Table] = {}
    parts: dict[str, tuple[Case, ...]] = {}
    for part in ("test", "train"):
        name = f"{part}.csv"
        tables[name] = filled(folder, name, format="csv")
        parts[part] = tuple(_case(row, part, name) for row in tables[name].rows)
    return Material(parts["test"], kept_of(tables), parts["train"])


def _case(row: Row, part: str, name: str) -> Case:
    return Case(row.number, Item(f"{part}-{row.number}", words(row, "text", name), words(row, "category", name)))


BANKING77 = Benchmark(
    name="banking77",
    title="Banking77: messages to a bank in 77 intents",
    files=("test.csv", "train.csv"),
    licence="CC BY 4.0",
    citation="Casanueva et al., “Efficient Intent Detection with Dual Sentence Encoders”, 2020",
    read=read,
    output="choice",
    max_tokens=32,
    lab=Lab("few-shot, 5 examples of each intent (Casanueva et al. 2020 use 10 and 30)", {"few-shot": {"k": 5}}, 5),
    raw="the message and a line with the 77 intents",
    stratify="reference",
    scorer="label",
)
