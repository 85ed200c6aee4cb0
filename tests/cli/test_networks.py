"""Networks on the command line: what ``check`` says of them, and the profiles with their sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebench import cli

PLAN = """\
question: Does the network matter?
workload: {builtin: support-triage, items: 4}
network: slow-4g
targets:
  local: {kind: fake}
  cloud: {kind: openai, model: m, base_url: "http://127.0.0.1:9/v1"}
  bare: {kind: openai, model: m, base_url: "http://127.0.0.1:9/v1", network: none}
"""


def test_check_says_which_target_goes_through_which_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for each, and in the JSON; nothing is started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN)
    assert cli.main(["check", "plan.yaml"]) == 0
    assert capsys.readouterr().out.count("is reached through the network slow-4g (4G, slow), by relay") == 1
    assert cli.main(["check", "plan.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["networks"]
    assert found == [{"target": "cloud", "network": "slow-4g", "title": "4G, slow", "shaper": "relay"}]


def test_a_network_profile_is_shown_with_its_sources(capsys: pytest.CaptureFixture[str]) -> None:
    """As the shelves of devices and prices are."""
    assert cli.main(["profiles", "show", "geo", "--sources", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["content"]["figures"]["rtt_ms"]["kind"] == "measured"
