"""HumanEval: Python functions to complete, judged by running their tests."""

from __future__ import annotations

from pathlib import Path

from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks.cells import filled, kept_of, whole, words, wrong
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.columns import Case
from edgebench.workloads.readers import Row

FILE = "HumanEval.jsonl.gz"
ASKED = "Complete this Python function:\n\n"


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """Every function's beginning; its reference is the test, the name, and the beginning again for the examiner."""
    table = filled(folder, FILE, format="jsonl")
    told = {"runs_code": "only with --allow-code, each program in a process without network or files"}
    cases: dict[str, Case] = {}
    for row in table.rows:
        case = _case(row)
        if cases.setdefault(case.item.id, case) is not case:
            raise wrong(row, FILE, f"has the task_id {case.item.id[:40]!r} of row {cases[case.item.id].row}")
    return Material(tuple(cases.values()), kept_of({FILE: table}), examples=(), told=told)


def _case(row: Row) -> Case:
    name = words(row, "entry_point", FILE)
    if not name.isidentifier():
        raise wrong(row, FILE, f"has the entry point {name[:40]!r}, which is no name of a function")
    prompt = whole(row, "prompt", FILE)
    reference = {"test": whole(row, "test", FILE), "entry_point": name, "prompt": prompt}
    return Case(row.number, Item(words(row, "task_id", FILE), ASKED + prompt.strip("\n"), reference))


HUMANEVAL = Benchmark(
    name="humaneval",
    title="HumanEval: 164 Python functions, from a docstring",
    files=(FILE,),
    licence="MIT",
    citation="Chen et al., “Evaluating Large Language Models Trained on Code”, 2021",
    read=read,
    output="text",
    max_tokens=512,
    lab=Lab("zero-shot completion, one greedy sample: pass@1 (Chen et al. 2021)", "zero-shot"),
    raw="“Complete this Python function:”, its signature and docstring",
    stratify="none",
    scorer="code",
    instruction=(
        "Write the Python function that the message begins, so that it does what its docstring says. Reply with the "
        "whole function in one code block and nothing else."
    ),
)
