"""What the terminal says of a run: red where it is INVALID, and how far the instrument may be wrong."""

from __future__ import annotations

import dataclasses

import pytest

from edgebench.cli import table
from edgebench.records import Conclusion
from tests.report.conclusions import conclude, demo_run

RUN = demo_run(items=24)
FOUND = conclude(RUN)


def printed(found: Conclusion, capsys: pytest.CaptureFixture[str]) -> str:
    table.print_conclusion(RUN, found)
    return capsys.readouterr().out


def test_the_instrument_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """How far its stamps may be wrong stands before the notes; a warning that says the same is not said twice."""
    summary = dataclasses.replace(FOUND.summary, warnings=("the instrument did not measure its own error: off", "hot"))
    out = printed(dataclasses.replace(FOUND, summary=summary), capsys)
    lines = [line for line in out.splitlines() if "instrument" in line]
    assert lines == ["instrument: stamps within 0.08 ms (p99 of n = 12,800) of the truth server on this machine"]
    assert out.index(lines[0]) < out.index("note: hot")


def test_an_invalid_run_is_red_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sign and word for those who see no colour; the reason names what to do."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = printed(conclude(RUN, verdict="INVALID", reasons=("the laptop slept: run again",)), capsys)
    red = [line for line in out.splitlines() if "\x1b[1;31m" in line]
    assert len(red) == 2 and "✗ INVALID" in red[0] and "✗ INVALID: the laptop slept: run again" in red[1]
    assert "\x1b[1;31m" not in printed(FOUND, capsys)


def test_of_a_longer_run_one_line_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """The page has all of them."""
    summary = dataclasses.replace(FOUND.summary, sample_size=("to see 5 % you need n = 640", "a second one"))
    out = printed(dataclasses.replace(FOUND, summary=summary), capsys)
    assert "a longer run: to see 5 % you need n = 640" in out and "a second one" not in out
    none = dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, sample_size=()))
    assert "a longer run" not in printed(none, capsys)
