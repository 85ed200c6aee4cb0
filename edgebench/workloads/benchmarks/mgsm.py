"""MGSM: the same 250 maths problems in many languages; a problem's versions are one case."""

from __future__ import annotations

from pathlib import Path

from edgebench.errors import DataError, did_you_mean
from edgebench.records import Item, WorkloadSpec
from edgebench.workloads.benchmarks import gsm8k
from edgebench.workloads.benchmarks.cells import filled, kept_of, words, wrong
from edgebench.workloads.benchmarks.made_of import Benchmark, Lab, Material
from edgebench.workloads.columns import Case
from edgebench.workloads.languages import TAG
from edgebench.workloads.readers import Row, Table
from edgebench.workloads.understand import is_number

OWN = "en"
BESIDE = Path("..", "gsm8k", gsm8k.FILE)  # the English problems are the first ones of that file
K = 6

EN_COT = Lab(
    "6-shot chain of thought, reasoning in English (EN-CoT; Shi et al. 2022)", {"few-shot": {"k": K, "worked": True}}, K
)
ALONE = Lab(
    "chain of thought without examples (Shi et al. 2022 show 6; no worked solutions are here)", "chain-of-thought"
)


def read(folder: Path, spec: WorkloadSpec) -> Material:
    """The problems in the languages asked for, English unless told; line n of every file is the same problem.

    No worked solutions are published with the tests. Where GSM8K lies beside, its solutions of the same problems are
    the ways shown; without them the examples hold answers only.
    """
    own = spec.language or OWN
    if own in spec.languages:
        raise DataError(
            f"{own!r} is the language asked in already", hint=f"language: {own}, languages: [the others alone]"
        )
    tables: dict[str, Table] = {}
    cases: list[Case] = []
    for language in (own, *spec.languages):
        name = f"mgsm_{language}.tsv"
        if not (folder / name).is_file():
            raise _unknown(folder, language)
        tables[name] = filled(folder, name, format="tsv", cells=2)
        cases += [_case(row, language, name) for row in tables[name].rows]
    solved = _solved(folder)
    worked = {case.item.id: solved[case.row] for case in cases if case.row in solved}
    told = {"examples_from": "problems that are not measured in any language", "ways_from": "gsm8k" if solved else None}
    return Material(tuple(cases), kept_of(tables), worked=worked, told=told, lab=EN_COT if solved else ALONE)


def _case(row: Row, language: str, name: str) -> Case:
    answer = words(row, "2", name)
    if not is_number(answer):
        raise wrong(row, name, f"has the answer {answer[:20]!r}, which is no number")
    tags = {TAG: language, "group": language}
    item = Item(f"{language}-{row.number}", words(row, "1", name), answer, tags=tags, cluster=f"problem-{row.number}")
    return Case(row.number, item)


def _solved(folder: Path) -> dict[int, str]:
    """Line → worked solution, where GSM8K lies beside and its problems are the English ones."""
    english, beside = f"mgsm_{OWN}.tsv", folder / BESIDE
    if not ((folder / english).is_file() and beside.is_file()):
        return {}
    problems = {row.number: words(row, "1", english) for row in filled(folder, english, format="tsv", cells=2).rows}
    ways = gsm8k.read(beside.parent, WorkloadSpec())
    by_words = {_plain(case.item.text): ways.worked[case.item.id] for case in ways.cases}
    return {line: by_words[_plain(text)] for line, text in problems.items() if _plain(text) in by_words}


def _plain(text: str) -> str:
    """The two sets write quotes in different ways."""
    return " ".join(text.replace("’", "'").replace('"', "").split())


def _unknown(folder: Path, language: str) -> DataError:
    known = sorted(path.stem.removeprefix("mgsm_") for path in folder.glob("mgsm_*.tsv"))
    hint = did_you_mean(language, known, f"there is: {', '.join(known) or 'none'}")
    return DataError(f"mgsm has no items in the language {language!r}: there is no mgsm_{language[:20]}.tsv", hint=hint)


MGSM = Benchmark(
    name="mgsm",
    title="Multilingual Grade School Math: 250 problems, the same in every language",
    files=("mgsm_*.tsv",),
    licence="CC BY 4.0",
    citation="Shi et al., “Language Models are Multilingual Chain-of-Thought Reasoners”, 2022",
    read=read,
    output="number",
    max_tokens=256,
    lab=EN_COT,
    raw="the problem, in its language",
    stratify=TAG,
    scorer="number",
    languages=("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"),
)
