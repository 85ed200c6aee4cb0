"""HellaSwag: four ways a short text may go on, one of them plausible."""

from __future__ import annotations

from pathlib import Path

from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks.cells import filled, kept_of, words, wrong
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.choices import LETTERS
from edgebench.workloads.columns import Case
from edgebench.workloads.readers import Row

FILE = "hellaswag_val.jsonl"


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """Every context with its endings; the tag ``activity`` is what it is about."""
    table = filled(folder, FILE, format="jsonl")
    told = {
        "how": "raw, zero-shot and few-shot by letter; lab by the likelihood of the endings where the engine gives it "
        "for the choices of a request (llama.cpp), by letter elsewhere",
        "examples_from": "contexts of the same file that are not measured",
    }
    return Material(tuple(_case(row) for row in table.rows), kept_of({FILE: table}), told=told)


def _case(row: Row) -> Case:
    endings, label = row.values.get("endings"), row.values.get("label")
    if not isinstance(endings, list) or len(endings) != 4 or not all(_said(ending) for ending in endings):
        raise wrong(row, FILE, "does not have four endings")
    if str(label) not in ("0", "1", "2", "3"):
        raise wrong(row, FILE, f"has the label {str(label)[:20]!r}, which is not 0, 1, 2 or 3")
    tags = {"activity": words(row, "activity_label", FILE)}
    options = tuple(ending.strip() for ending in endings)
    return Case(
        row.number, Item(f"hellaswag-{row.number}", words(row, "ctx", FILE), LETTERS[int(str(label))], options, tags)
    )


def _said(ending: object) -> bool:
    return isinstance(ending, str) and bool(ending.strip())


HELLASWAG = Benchmark(
    name="hellaswag",
    title="HellaSwag: which of four endings a text goes on with",
    files=(FILE,),
    licence="MIT",
    citation="Zellers et al., “HellaSwag: Can a Machine Really Finish Your Sentence?”, 2019",
    read=read,
    output="choice",
    max_tokens=32,
    lab=Lab("zero-shot, the likeliest of the four endings (as in Brown et al. 2020)", "by-likelihood"),
    raw="the text and its endings under A), B), C), D)",
    stratify="activity",
    scorer="choice-letter",
    instruction=(
        "Which option is the most plausible way for the text to go on? Reply with the letter of the option and nothing "
        "else."
    ),
)
