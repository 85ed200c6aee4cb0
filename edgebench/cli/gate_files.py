"""What a gate found, for the machines of others: a JUnit file for CI, Markdown for a summary or a comment.

Names come from plans and runs, so they are foreign: in XML they are escaped and lose what XML cannot hold, in Markdown
they stand in code spans, where neither markup nor a mention works; no control character reaches either.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebench.cli.failing import printable
from edgebench.errors import UsageError
from edgebench.records import METRICS

if TYPE_CHECKING:
    from edgebench.decide.gates import Judged
    from edgebench.records import Comparison

MARKS = {"met": "✅ met", "missed": "❌ missed", "undecided": "❓ undecided"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(judged: Sequence[Judged], remarks: Sequence[str], invalid: str | None = None) -> str:
    """One test case a gate and pair; missed is a failure, undecided (or INVALID) an error, for neither is a pass."""
    bad = {word: sum(one.verdict == word for one in judged) for word in ("missed", "undecided")}
    counts = (
        {"failures": 0, "errors": len(judged)} if invalid else {"failures": bad["missed"], "errors": bad["undecided"]}
    )
    root = ET.Element("testsuites", name="edgebench")
    suite = ET.SubElement(root, "testsuite", name="edgebench compare", tests=str(len(judged)), skipped="0")
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    properties = ET.SubElement(suite, "properties")
    for remark in remarks:
        ET.SubElement(properties, "property", name="remark", value=_xml(remark))
    for one in judged:
        pair = _xml(f"{one.comparison.a} → {one.comparison.b}")
        case = ET.SubElement(suite, "testcase", classname=pair, name=_xml(one.gate))
        word = "INVALID" if invalid else one.verdict
        if word != "met":
            found = ET.SubElement(case, "failure" if word == "missed" else "error", type=word)
            found.set("message", _xml(invalid or one.why))
        ET.SubElement(case, "system-out").text = _xml(f"{one.verdict}: {one.why}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def markdown(found: Sequence[Comparison], judged: Sequence[Judged], verdict: str | None, remarks: Sequence[str]) -> str:
    """A heading with the verdict, a table of the gates, a table of the differences, and what has to be known."""
    from edgebench.report.formatting import difference

    lines = [f"### EdgeBench: {MARKS.get(verdict or '', verdict) or 'compared'}", ""]
    lines += [f"- {code(remark)}" for remark in remarks] + ([""] if remarks else [])
    if judged:
        rows = [
            (code(o.gate), MARKS[o.verdict], code(o.comparison.a), code(o.comparison.b), code(o.why)) for o in judged
        ]
        lines += [*_table(("gate", "verdict", "a", "b", "why"), rows), ""]
    rows = [
        (code(one.a), code(one.b), code(one.metric), code(str(difference(one.difference, METRICS[one.metric].unit))),
         str(one.difference.n))
        for one in found
    ]  # fmt: skip
    lines += _table(("a", "b", "metric", "b − a [95 %]", "n"), rows)
    return "\n".join([*lines, ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def code(text: str) -> str:
    """Text as it is in a code span of a table: longer fences than its own backticks, bars escaped, on one line."""
    plain = " ".join(printable(text).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    return f"{fence} {plain} {fence}" if "`" in plain else f"{fence}{plain or ' '}{fence}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", printable(text))


def written(text: str, place: str, option: str) -> None:
    """The text in a file, or on stdout for ``-``.

    Raises
    ------
    UsageError: the file cannot be written.
    """
    if place == "-":
        click.echo(text, nl=False)
        return
    path = Path(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"{option} {path}: cannot be written: {exc.strerror}", hint=f"{option} another file") from exc
