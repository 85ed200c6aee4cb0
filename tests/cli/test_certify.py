"""``edgebench certify`` as a person and a machine meet it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgebench import cli
from edgebench.cli.certify import command
from edgebench.run import certify as certifying


def test_json_holds_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """A real short one: each check with name, value, unit, limit and passed; exit code 0 or, where one failed, 3."""
    code = cli.main(["certify", "--short", "--json"])
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert code == (0 if found["passed"] else 3)
    assert len(found["checks"]) >= 8
    assert all({"name", "value", "unit", "limit", "passed"} <= set(one) for one in found["checks"])
    assert "certifying: stamps" in said.err


def certificate(*, passed: bool) -> dict[str, Any]:
    figure = {"unit": "ms", "limit": 0.25, "judged": True, "n": 1200, "reference": None, "note": "8 streams"}
    figures = [
        {**figure, "name": "chunk-error-p99", "value": 0.04 if passed else 7.5, "passed": passed},
        {**figure, "name": "odd", "value": None, "limit": None, "passed": None, "n": 0, "note": "not here"},
    ]
    return {"mode": "full", "seconds": 61.0, "stamps": "kernel", "passed": passed, "checks": figures}


@pytest.mark.parametrize("passed", [True, False])
def test_the_table_says_what_failed(
    passed: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line a check, its sign in front, and one line for what it comes to; what does not apply is no failure."""

    async def made(**options: object) -> dict[str, Any]:
        return certificate(passed=passed)

    monkeypatch.setattr(certifying, "certify", made)
    assert cli.main(["certify"]) == (0 if passed else 3)
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "chunk-error-p99" in line)
    assert row.startswith("✓" if passed else "✗")
    assert "1,200" in row
    assert "certified in 61 s" in out if passed else "1 of 2 checks failed" in out
    assert next(line for line in out.splitlines() if "odd" in line).startswith("·")


def test_it_is_among_the_verbs() -> None:
    """The help lists it and says what to do with it."""
    assert "certify" in cli.VERBS
    assert "--short" in command.get_help(__import__("click").Context(command))
