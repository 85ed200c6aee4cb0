"""``edgebench cascade`` as a person meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgebench import cli
from edgebench.plan import load_plan
from edgebench.records import Run
from edgebench.store import open_store
from tests import builders
from tests.builders import Arm
from tests.decide.test_cascade import told, two


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBENCH_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("COLUMNS", "150")
    return tmp_path


def keep(*runs: Run) -> None:
    with open_store("store.db") as store:
        for run in runs:
            store.begin(run.id, run.plan, run.workload, run.trials, created_at=run.created_at)
            for segment in run.segments:
                store.add_segment(run.id, replace(segment, ended_at=None, ended_why=None))
            for identity in run.identities.values():
                store.set_identity(run.id, identity)
            store.append(run.id, run.records)
            store.add_readings(run.id, run.readings)
            store.add_scores(run.id, run.scores)


def test_it_says_whether_the_signal_is_good_what_every_threshold_gives_and_what_to_choose(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(two(200))
    assert cli.main(["cascade"]) == 0
    said = capsys.readouterr().out
    for words in (
        "signal: margin: good",
        "edge keeps from",
        "always",
        "never",
        "chosen: edge keeps",
        "stakes 4",
        "Worth it:",
    ):
        assert words in said, words
    rows = said.partition("edge keeps from")[2].partition("chosen:")[0].strip().splitlines()
    assert len(rows) <= 13


def test_what_it_prints_for_a_plan_is_a_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The last lines, pasted under ``targets:``, load and hold the very threshold that was chosen."""
    keep(two(120))
    assert cli.main(["cascade", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert cli.main(["cascade"]) == 0
    lines = capsys.readouterr().out.partition("under `targets:`")[2].splitlines()[1:]
    head = "question: q\nworkload: {builtin: support-triage, items: 5}\n"
    head += "targets:\n  edge: {kind: fake}\n  cloud: {kind: fake}\n"
    (tmp_path / "plan.yaml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    spec = load_plan(tmp_path / "plan.yaml").targets["hybrid"]
    assert dict(spec.options) == found["target"] and spec.options["threshold"] == found["best"]["threshold"]


def test_json_is_json_at_both_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """An infinite threshold is a word: nobody else's JSON has a number for it."""
    keep(two(60))
    assert cli.main(["cascade", "--json", "--policy", "hedged", "--hedge-after", "0.05"]) == 0

    def never(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(capsys.readouterr().out, parse_constant=never)
    assert (found["points"][0]["threshold"], found["points"][-1]["threshold"]) == ("-inf", "inf")
    assert (found["policy"], found["hedge_after_s"]) == ("hedged", 0.05)


def test_arms_are_named_by_their_targets_and_promises_by_alpha(capsys: pytest.CaptureFixture[str]) -> None:
    keep(two(200))
    words = ["cascade", "--edge", "edge", "--cloud", "cloud · zero-shot", "--alpha", "0.2", "--json"]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["edge"] == "edge · zero-shot" and found["guarantees"][0]["alpha"] == 0.2
    assert found["guarantees"][0]["threshold"] is not None


def test_runs_of_two_machines_are_merged(capsys: pytest.CaptureFixture[str]) -> None:
    """The device's run and the API's hold the same items: together they are a cascade."""
    both = two(80)
    keep(*(_only(both, name) for name in ("edge", "cloud")))
    assert cli.main(["cascade", "only-edge", "only-cloud", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == 80


def _only(run: Run, target: str) -> Run:
    """One target's part of a run, as a run of its own."""
    plan = replace(run.plan, targets={target: run.plan.targets[target]})
    trials = tuple(trial for trial in run.trials if trial.target == target)
    mine = {trial.id for trial in trials}
    records = tuple(record for record in run.records if record.trial_id in mine)
    ids = {record.id for record in records}
    return replace(
        run,
        id=f"only-{target}",
        plan=plan,
        trials=trials,
        records=records,
        identities={target: run.identities[target]},
        readings=tuple(one for one in run.readings if one.trial_id in mine),
        scores=tuple(one for one in run.scores if one.record_id in ids),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--edge", "egde"], "no arm called 'egde'"),
        (["--edge", "edge", "--cloud", "edge"], "its own cloud"),
        (["--alpha", "5"], "--alpha is a share"),
        (["--hedge-after", "1"], "--policy hedged"),
        (["--policy", "overflow"], "overflow"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(two(40))
    assert cli.main(["cascade", *words]) == 2
    assert said in capsys.readouterr().err


def test_an_edge_without_confidence_is_told_how_to_give_one(capsys: pytest.CaptureFixture[str]) -> None:
    keep(told(two(40), {"edge": None, "cloud": None}))
    assert cli.main(["cascade"]) == 2
    heard = capsys.readouterr().err
    assert "does not say how sure it is" in heard and "logprobs: true" in heard


def test_one_arm_makes_no_cascade(capsys: pytest.CaptureFixture[str]) -> None:
    keep(builders.run({"edge": Arm()}))
    assert cli.main(["cascade"]) == 2
    assert "no two arms here make a cascade" in capsys.readouterr().err


def test_names_that_yaml_would_misread_are_quoted() -> None:
    from edgebench.cli.cascade import _yaml

    options = {"edge": "no: yes # 1", "cloud": "true", "policy": "hedged", "threshold": 0.1, "hedge_after_s": 0.0}
    assert yaml.safe_load("\n".join(_yaml(options)))["hybrid"]["options"] == options
