"""The sample-size line of ``check``: from a stored run's spread where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli

PLAN = """\
question: How many are enough?
workload: {builtin: support-triage, items: 40}
targets:
  good: {kind: fake, options: {latency_ms: 2.0, accuracy: 0.9}}
"""


def test_a_past_run_says_how_many_and_how_long(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a run a spread is assumed and said; after it, n and minutes are the measured ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    Path("plan.yaml").write_text(PLAN)
    before: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for found in (before, after):
        assert cli.main(["check", "plan.yaml", "--json"]) == 0
        found += json.loads(capsys.readouterr().out)["sample_size"]["arms"]
        if found is before:
            assert cli.main(["run", "plan.yaml", "--no-page"]) in (0, 5)  # 5: on a machine too busy to trust
            capsys.readouterr()
    assert before[0]["assumed"] and before[0]["minutes"] is None
    assert after[0]["assumed"] is None and after[0]["planned"] == 40 and after[0]["n"] != before[0]["n"]
    assert 0 < after[0]["minutes"] < 60 and after[0]["p99_n"] >= 368
    assert cli.main(["check", "plan.yaml"]) == 0
    out = capsys.readouterr().out
    assert "good · zero-shot: to see 5% at p50" in out and "at this speed that is" in out and "40 are planned" in out
