"""What doctor says of the means a run is measured and judged by."""

from __future__ import annotations

import json

import pytest

from edgebench import cli
from edgebench.errors import UsageError
from edgebench.meters import clocks, throttling
from edgebench.targets import confine

WATCHED = (
    "kernel stamps of arrivals",
    "peak memory per phase",
    "sleep seen by a boot-time clock",
    "throttling counters",
    "pressure (PSI)",
    "memory limits (control groups)",
)


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    assert cli.main(["doctor", "--json"]) == 0
    return {one["what"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_means_of_measuring_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Here or not, each has its line; none of them is "missing", for a run goes without."""
    found = findings(capsys)
    assert all(found[name]["state"] in ("ok", "note") for name in WATCHED)


def test_a_system_without_them_is_told_what_it_goes_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No second clock, no counters, no control groups: notes in words, never a crash."""

    def refuse(limit: str) -> int:
        raise UsageError("no control group can be made here: Permission denied")

    monkeypatch.setattr(clocks, "system", clocks.Clocks)
    monkeypatch.setattr(throttling, "look", lambda root: throttling.Throttle(None, None))
    monkeypatch.setattr(confine, "demand", refuse)
    found = findings(capsys)
    assert "the laptop slept is not noticed" in found["sleep seen by a boot-time clock"]["found"]
    assert "slows itself down is not noticed" in found["throttling counters"]["found"]
    assert "no --memory-limit" in found["memory limits (control groups)"]["found"]
    assert "Permission denied" in found["memory limits (control groups)"]["found"]
