"""Utilities in a plan: what is read, what is refused and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench.plan import PlanErrors, load_plan
from edgebench.records import Utilities
from tests.plan.mistakes import GOOD


def load(folder: Path, text: str) -> Utilities | None:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return load_plan(file).utilities


def test_utilities_are_read(tmp_path: Path) -> None:
    """One figure for all stakes, or a mapping whose keys may be numbers; nobody needs to say any."""
    assert load(tmp_path, GOOD) is None
    assert load(tmp_path, GOOD + "utilities: {right_usd: 1, wrong_usd: 2}\n") == Utilities(1.0, 2.0, 0.0)
    found = load(tmp_path, GOOD + "utilities: {wrong_usd: {1: 0.1, '4': 2}, second_usd: 0.001}\n")
    assert found == Utilities(0.0, {"1": 0.1, "4": 2.0}, 0.001)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("utilities: {}", 1, "says nothing"),
        ("utilities: 3", 12, "should be a mapping"),
        ("utilities: {right_usd: -1}", 24, "at least 0, not -1"),
        ("utilities: {second_usd: true}", 25, "should be a number"),
        ("utilities: {second_usd: .inf}", 25, "should be a number"),
        ("utilities: {rigth_usd: 1}", 13, "unknown key 'rigth_usd'"),
        ("utilities: {wrong_usd: dear}", 24, "should be a number, or a mapping"),
        ("utilities: {wrong_usd: {}}", 24, "names no stakes"),
        ("utilities: {wrong_usd: {1: 0.1, 5: 2}}", 33, "'5' is none of them"),
        ("utilities: {wrong_usd: {severe: 2}}", 25, "'severe' is none of them"),
        ("utilities: {wrong_usd: {'4': -2}}", 30, "at least 0, not -2"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, text: str, column: int, message: str) -> None:
    """file:line:col of the very word."""
    with pytest.raises(PlanErrors) as caught:
        load(tmp_path, f"{GOOD}{text}\n")
    first = caught.value.errors[0]
    assert (first.line, first.column) == (15, column) and message in str(first)


def test_an_objective_made_of_utilities_needs_them(tmp_path: Path) -> None:
    """Named without them it is refused where it stands; with them it is one like any other."""
    text = GOOD.replace("objectives: [accuracy, p95_ms]", "objectives: [p95_ms, value_per_1k]")
    with pytest.raises(PlanErrors) as caught:
        load(tmp_path, text)
    assert (caught.value.errors[0].line, caught.value.errors[0].column) == (14, 22)
    assert "needs to know what answers are worth" in str(caught.value.errors[0])
    assert load(tmp_path, f"{text}utilities: {{wrong_usd: 1}}\n") == Utilities(0.0, 1.0, 0.0)
