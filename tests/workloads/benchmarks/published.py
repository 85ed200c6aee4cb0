"""Small made-up benchmarks in the form their makers publish, for tests: ours, every word of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

SUBJECTS = ("river_lore", "tea_making")


def mmlu(folder: Path) -> Path:
    """Two subjects, twelve questions and five examples each."""
    for part, count in (("test", 12), ("dev", 5)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for subject in SUBJECTS:
            rows = [f' "{part} {subject} question {n}?",no,yes,"perhaps, {n}",never,B' for n in range(count)]
            text = "\n".join(row.lstrip() for row in rows) + "\n"
            (folder / part / f"{subject}_{part}.csv").write_text(text, encoding="utf-8")
    return folder


def jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")
    return path.parent


def gsm8k(folder: Path, count: int = 30) -> Path:
    """Problems of one to three steps."""
    rows = [
        {
            "question": f"Ana has {n} pears and buys 2 more. How many pears?",
            "answer": "\n".join([f"She has {n}+2=<<{n}+2={n + 2}>>{n + 2}."] * (1 + n % 3)) + f"\n#### {n + 2:,}",
        }
        for n in range(1000, 1000 + count)
    ]
    return jsonl(folder / "test.jsonl", rows)


def mgsm(folder: Path, count: int = 30) -> Path:
    """The same problems in three languages; the English ones are those of :func:`gsm8k`, with other quotes."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "en": "Ana has {} pears and buys 2 more.  How many pears?",
        "es": "Ana tiene {} peras y compra 2 más. ¿Cuántas peras?",
        "sw": "Ana ana mapeasi {} na ananunua 2 zaidi. Mapeasi mangapi?",
    }
    for language, words in said.items():
        rows = [f"{words.format(n)}\t{n + 2:,}\n" for n in range(1000, 1000 + count)]
        (folder / f"mgsm_{language}.tsv").write_text("".join(rows), encoding="utf-8")
    return folder


def humaneval(folder: Path, count: int = 12) -> Path:
    rows = [
        {
            "task_id": f"HumanEval/{n}",
            "prompt": f'\n\ndef add_{n}(x: int) -> int:\n    """ Add {n}. """\n',
            "entry_point": f"add_{n}",
            "canonical_solution": f"    return x + {n}\n",
            "test": f"\n\ndef check(candidate):\n    assert candidate(1) == {n + 1}\n",
        }
        for n in range(count)
    ]
    return jsonl(folder / "HumanEval.jsonl.gz", rows)


def hellaswag(folder: Path, count: int = 24) -> Path:
    rows = [
        {
            "ind": n,
            "activity_label": ("Baking bread", "Mending a tyre")[n % 2],
            "ctx_a": f"Somebody begins, {n}.",
            "ctx_b": "then",
            "ctx": f"Somebody begins, {n}. then",
            "endings": [f"goes on {place} {n}." for place in ("well", "badly", "twice", "never")],
            "label": n % 4,
            "split": "val",
        }
        for n in range(count)
    ]
    return jsonl(folder / "hellaswag_val.jsonl", rows)


def banking77(folder: Path) -> Path:
    """Three intents, ten messages of each in both parts; one message of the test is in the training part, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("test", "train"):
        rows = [f'"{part} {label} {n}, please",{label}' for n in range(10) for label in ("card_lost", "top_up", "Fees")]
        extra = ['"test top_up 0, please",top_up'] if part == "train" else []
        (folder / f"{part}.csv").write_text("\n".join(["text,category", *rows, *extra]) + "\n", encoding="utf-8")
    return folder


ALL = {
    "mmlu": mmlu,
    "gsm8k": gsm8k,
    "mgsm": mgsm,
    "humaneval": humaneval,
    "hellaswag": hellaswag,
    "banking77": banking77,
}
