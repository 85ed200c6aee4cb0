"""A provider whose token counts cannot be true: the answer counts, both figures are kept, and the summary says it."""

from __future__ import annotations

from pathlib import Path

from edgebench.metrics.summary import summarise
from edgebench.records import TargetSpec
from tests import servers
from tests.faults.scenes import carried_out, plan


def test_usage_that_contradicts_the_clients_count_is_kept_beside_it(tmp_path: Path) -> None:
    """Forty chunks and "completion_tokens: 3": no failure, a notice on each call, the difference in a warning."""
    lying = servers.stream(["word "] * 40)
    honest = servers.stream(["a ", "b ", "c"])
    with servers.Server([lying]) as bad, servers.Server([honest]) as good:
        targets = {
            name: TargetSpec("openai", model="m", base_url=server.base_url, retries=0)
            for name, server in (("bad", bad), ("good", good))
        }
        _, run = carried_out(plan(tmp_path, targets, items=6), tmp_path)
    calls = {name: [c for r in run.records for c in r.calls if r.trial_id in _trials(run, name)] for name in targets}
    for call in calls["bad"]:
        assert call.failure is None and call.usage is not None
        assert (call.usage.output_tokens, call.client_output_tokens) == (3, 40)
        assert call.notices == ("usage_contradicts",)
    assert all((call.client_output_tokens, call.notices) == (3, ()) for call in calls["good"])
    summary = summarise(run)
    arms = {arm.target: arm for arm in summary.arms}
    assert arms["bad"].notices == {"usage_contradicts": 6} and arms["good"].notices == {}
    (warning,) = [line for line in summary.warnings if "contradict" in line]
    assert "in 6 answers" in warning and "18 output tokens" in warning and "counts 240" in warning


def _trials(run: object, target: str) -> set[str]:
    return {trial.id for trial in run.trials if trial.target == target}  # type: ignore[attr-defined]
