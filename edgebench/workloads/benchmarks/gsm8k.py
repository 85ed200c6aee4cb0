"""GSM8K: grade-school maths in words, with worked solutions; the answer is a number."""

from __future__ import annotations

import re
from pathlib import Path

from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks.cells import filled, kept_of, words, wrong
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.columns import Case
from edgebench.workloads.understand import is_number

FILE = "test.jsonl"
MARK = "####"  # stands between the way and the answer
CALCULATION = re.compile(r"<<[^<>]*>>")  # notes for a calculator, which nobody would write


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """Every problem with its number; its solution is the way shown where it is not measured."""
    table = filled(folder, FILE, format="jsonl")
    cases, worked = [], {}
    for row in table.rows:
        way, mark, answer = words(row, "answer", FILE).rpartition(MARK)
        if not mark or not is_number(answer.strip()):
            raise wrong(row, FILE, f"has a solution that does not end with {MARK} and a number")
        name = f"gsm8k-{row.number}"
        worked[name] = shown(way)
        tags = {"steps": str(len(worked[name].splitlines()) or 1)}
        cases.append(Case(row.number, Item(name, words(row, "question", FILE), answer.strip(), tags=tags)))
    told = {"examples_from": "problems of the same file that are not measured: it has no part for training"}
    return Material(tuple(cases), kept_of({FILE: table}), worked=worked, told=told)


def shown(way: str) -> str:
    """A solution as a person would write it."""
    return CALCULATION.sub("", way).strip()


GSM8K = Benchmark(
    name="gsm8k",
    title="Grade School Math: word problems of two to eight steps",
    files=(FILE,),
    licence="MIT",
    citation="Cobbe et al., “Training Verifiers to Solve Math Word Problems”, 2021",
    read=read,
    output="number",
    max_tokens=256,
    lab=Lab("8-shot chain of thought (Wei et al. 2022)", {"few-shot": {"k": 8, "worked": True}}, 8),
    raw="the problem",
    stratify="steps",
    scorer="number",
)
