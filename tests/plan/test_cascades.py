"""Cascades in a plan: every mistake at its place, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench.plan import PlanErrors, load_plan

PLAN = """\
question: Does the hybrid beat both?
workload: {builtin: support-triage, items: 10}
targets:
  edge: {kind: fake}
  api:
    kind: openai
    model: m
  other: {kind: cascade, options: {edge: edge, cloud: api, threshold: 0.5}}
  hybrid:
    kind: cascade
    options: {edge: edge, cloud: api, threshold: 0.7}
"""
OPTIONS = "options: {edge: edge, cloud: api, threshold: 0.7}"


def with_options(text: str) -> str:
    return PLAN.replace(OPTIONS, f"options: {{{text}}}")


def mistakes(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PlanErrors) as caught:
        load_plan(tmp_path / "plan.yaml")
    return [f"{error} {error.hint or ''}" for error in caught.value.errors]


def test_a_cascade_of_two_other_targets_is_a_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    plan = load_plan(tmp_path / "plan.yaml")
    assert plan.targets["hybrid"].options["threshold"] == 0.7
    for fine in ("edge: edge, cloud: api, policy: overflow", "edge: edge, cloud: api, policy: hedged, threshold: 0"):
        (tmp_path / "plan.yaml").write_text(with_options(fine), encoding="utf-8")
        load_plan(tmp_path / "plan.yaml")


@pytest.mark.parametrize(
    ("options", "place", "words"),
    [
        ("edge: egde, cloud: api, threshold: 0.5", ":11:21:", "no target is called 'egde' did you mean 'edge'?"),
        ("edge: edge, cloud: other, threshold: 0.5", ":11:34:", "'other' is a cascade itself"),
        ("edge: edge, cloud: edge, threshold: 0.5", ":11:34:", "the same target"),
        ("edge: api, cloud: edge, threshold: 0.5", ":11:21:", "does not say how sure it is"),
        ("edge: edge, cloud: api", ":11:5:", "'threshold' is missing"),
        ("edge: edge, threshold: 0.5", "", "'cloud' is missing"),
        ("edge: edge, cloud: api, threshold: 70", ":11:50:", "between 0 and 1, not at 70"),
        ("edge: edge, cloud: api, threshold: high", ":11:50:", "should be a number"),
        (
            "edge: edge, cloud: api, threshold: 0.5, hedge_after_s: 1",
            ":11:55:",
            "does nothing in the policy 'sequential'",
        ),
        ("edge: edge, cloud: api, threshold: 0.5, policy: hedged, hedge_after_s: -1", ":11:86:", "at least 0, not -1"),
        ("edge: edge, cloud: api, policy: overflow, most_waiting: 0", ":11:71:", "at least 1, not 0"),
        ("edge: edge, cloud: api, threshold: 0.5, policy: hegded", ":11:63:", "hedged"),
        ("edge: edge, cloud: api, treshold: 0.5", ":11:39:", "unknown key 'treshold' did you mean 'threshold'?"),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, options: str, place: str, words: str) -> None:
    found = mistakes(tmp_path, with_options(options))
    assert any(place in one and words in one for one in found), found


def test_logprobs_are_what_an_endpoint_needs_to_be_an_edge(tmp_path: Path) -> None:
    text = with_options("edge: api, cloud: edge, threshold: 0.5")
    (one,) = mistakes(tmp_path, text)
    assert "options: {logprobs: true}" in one
    (tmp_path / "plan.yaml").write_text(
        text.replace("model: m", "model: m\n    options: {logprobs: true}"), encoding="utf-8"
    )
    load_plan(tmp_path / "plan.yaml")


@pytest.mark.parametrize("line", ["model: m", "key: A_API_KEY", "price: {input_per_million: 1}", "pid: 5"])
def test_what_belongs_to_the_parts_is_said_there(tmp_path: Path, line: str) -> None:
    (one,) = mistakes(tmp_path, PLAN + f"    {line}\n")
    assert ":12:5:" in one and ("belongs to them" in one or "no endpoint" in one)
