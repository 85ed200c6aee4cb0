"""What the terminal says of the field: eight lines at most, and none for a plain run."""

from __future__ import annotations

import dataclasses

import pytest

from edgebench.cli import table
from edgebench.records import Conclusion
from tests.report.studies import small

RUN, STUDY, FOUND = small()


def printed(found: Conclusion, capsys: pytest.CaptureFixture[str]) -> list[str]:
    table.print_conclusion(RUN, found)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", ["80", "100", "140"])
def test_the_field_has_at_most_eight_lines(
    width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Findings as far as they have room, then lab → field of each target; at chance is said in words."""
    monkeypatch.setenv("COLUMNS", width)
    plain = printed(dataclasses.replace(FOUND, study=None), capsys)
    lines = printed(FOUND, capsys)
    assert 0 < len(lines) - len(plain) <= 8
    text = "\n".join(lines)
    assert "in the field" in text and "lab → field" in text and "at chance: not interpreted" in text
    assert "−27 [−31 … −22]" in text and ("0.87×" in text) == (int(width) >= 100)


def test_a_plain_run_has_no_line_more(capsys: pytest.CaptureFixture[str]) -> None:
    """Without cells the terminal says what it said."""
    cells = tuple(one for one in STUDY.cells if one.role in ("base", "prompting"))
    plain = dataclasses.replace(STUDY, cells=cells)
    assert printed(dataclasses.replace(FOUND, study=plain), capsys) == printed(
        dataclasses.replace(FOUND, study=None), capsys
    )


def test_findings_alone_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no gap; and sentences too long for the room are left to the page."""
    alone = printed(dataclasses.replace(FOUND, study=dataclasses.replace(STUDY, gaps=())), capsys)
    assert any("Worst slice" in line for line in alone) and not any("lab → field" in line for line in alone)
    long = dataclasses.replace(STUDY, findings=("word " * 400,))
    assert not any(line.startswith("in the field") for line in printed(dataclasses.replace(FOUND, study=long), capsys))
