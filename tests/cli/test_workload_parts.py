"""``edgebench workloads list KIND`` and ``show NAME``: what a plan can name, with its options."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from edgebench import cli, plugins
from edgebench.cli import workload_parts
from edgebench.cli.workload_parts import KINDS, Part
from edgebench.records import ScorerSpec
from edgebench.workloads import prompting, scorers
from edgebench.workloads.perturbations import build

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What ``edgebench workloads …`` prints."""

    def words(*args: str, code: int = 0) -> str:
        assert cli.main(["workloads", *args]) == code
        out, err = capsys.readouterr()
        return out if code == 0 else err

    return words


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_listed_with_a_sentence_and_its_options(told: Told, kind: workload_parts.Kind) -> None:
    """All names of the shelf; none without words; options as the factory has them."""
    listed = json.loads(told("list", kind, "--json"))
    assert [one["name"] for one in listed] == plugins.names(kind)
    assert all(one["about"] and "`" not in one["about"] for one in listed)
    assert all(one["name"] in told("list", kind) for one in listed[:1])


def test_options_are_written_as_a_plan_writes_them() -> None:
    """Defaults of every sort: a number, a word, true, none; texts with marks in quotes; and what has no default."""
    assert workload_parts.part("promptings", "few-shot").options["k"] == "5"
    assert workload_parts.part("promptings", "few-shot").options["worked"] == "false"
    assert workload_parts.part("perturbations", "keyboard-typos").options == {"rate": "0.05", "layout": "null"}
    assert workload_parts.part("scorers", "grounded").options["passage_until"] == '"\\n\\nQuestion:"'
    assert workload_parts.part("scorers", "python").options["file"] == workload_parts.NEEDED


@pytest.mark.parametrize("one", [one for kind in KINDS for one in workload_parts.every(kind)], ids=lambda one: one.name)
def test_the_line_for_a_plan_is_yaml_that_names_the_part(one: Part) -> None:
    """It can be copied: the part is built from it, where it needs nothing of one's own."""
    said = yaml.safe_load(one.in_a_plan.replace("{…, ", "{"))
    spec = {
        "promptings": lambda: said["prompting"],
        "perturbations": lambda: said["vary"]["perturbations"],
        "scorers": lambda: said["workload"]["scorers"],
    }[one.kind]()[0]
    assert (spec if isinstance(spec, str) else next(iter(spec))) == one.name
    if one.kind == "promptings":
        prompting.build(spec)
    elif one.kind == "perturbations":
        assert build(spec).name == plugins.part_name("perturbations", spec)
    elif one.name not in ("python", "ordinal", "regex", "contains", "rubric", "taxonomy", "json-schema"):
        name, options = (spec, {}) if isinstance(spec, str) else next(iter(spec.items()))
        assert scorers.build(ScorerSpec(name, options)).name == one.name


def test_a_perturbation_shows_what_it_makes_of_the_jobs(told: Told) -> None:
    """How many messages of each job it changes, and some of them before and after; languages where they matter."""
    found = json.loads(told("show", "no-evidence", "--json"))
    changed = {(one["job"], one["language"]): (one["changed"], one["items"]) for one in found["forms"]}
    assert changed["grounded-answers", "en"] == (33, 120) and changed["tool-calls", "en"] == (0, 120)
    example = next(one for one in found["forms"] if one["examples"])["examples"][0]
    assert len(example["after"]) < len(example["before"])
    romanised = workload_parts.forms("romanised")
    assert {one["language"] for one in romanised if one["changed"]} == {"hi", "bn"}
    words = told("show", "no-evidence")
    assert "33 of 120" in words and "vary: {perturbations: [no-evidence]}" in words and "Raises" not in words


def test_a_name_that_nothing_has_is_told_with_the_nearest(told: Told) -> None:
    """Of jobs and parts alike."""
    assert "did you mean 'keyboard-typos'?" in told("show", "keybord-typos", code=2)
    assert "did you mean 'support-triage'?" in told("show", "suport-triage", code=2)
    assert "support-triage" in told("show", "support-triage", "--items", "1")


def test_an_installed_part_that_cannot_be_loaded_spoils_no_list(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so in its line, and the others are there."""
    monkeypatch.setitem(plugins.TABLE["scorers"], "broken", "no_such_module_at_all:part")  # type: ignore[index]
    found = {one.name: one for one in workload_parts.every("scorers")}
    assert found["broken"].about.startswith("cannot be loaded") and found["label"].about.startswith("Right when")
    assert "cannot be loaded" in told("show", "broken")
