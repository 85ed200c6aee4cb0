"""A plan that grew: what an earlier run has measured in the same way is taken over, and only what is new is asked.

Only a plan that has everything the earlier one had, and more (a prompting, a perturbation, a language, a judge, a
scorer), takes over; the same plan again is measured again. A trial is the same when the same target (spec, model file,
machine) met the same items in the same order under the same prompting, perturbation and load. Its records are copied as
they are, with the segment in which they were made; the run that gave them stays as it is. What was measured in another
start did not share its heat and its hour with the new cells: a note says so on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebench.records import Identity, ModelCard, Plan, Run, Trial, Workload, canonical, digest
from edgebench.store.sql import SqlStore

RECENT = 20  # stored runs looked into, newest first


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run that has measured some of the trials of a new one."""

    run: Run
    trials: frozenset[str]  # ids, the same in both runs
    records: int

    @property
    def note(self) -> str:
        """What is to be said of it on the page."""
        return (
            f"{self.records:,} answers were taken over from run {self.run.id} of {self.run.created_at}, which asked "
            "the same; the others were measured later, so heat and hour did not fall on all alike"
        )


def earlier(
    store: SqlStore,
    plan: Plan,
    workload: Workload,
    trials: Sequence[Trial],
    cards: Mapping[str, ModelCard],
    *,
    device: str,
    versions: Mapping[str, str],
) -> Earlier | None:
    """The newest run made on this machine, with these versions of the engines, that has any of the trials whole.

    Nothing is taken from a run that was made elsewhere, keeps its texts otherwise, or met other items.
    """
    for row in store.runs()[:RECENT]:
        if row["imported"] or row["texts"] != plan.texts or not row["records"]:
            continue
        old = store.load(row["id"])
        if not _grew(old, workload, trials):
            continue
        if any(_elsewhere(identity, device) for identity in old.identities.values()):
            continue
        shared = _shared(old, plan, workload, trials, cards) & _of_versions(old, versions)
        if records := sum(record.trial_id in shared for record in old.records):
            return Earlier(old, shared, records)
    return None


def _grew(old: Run, workload: Workload, trials: Sequence[Trial]) -> bool:
    """Whether the new plan is the old one with something added: the very same plan again is measured again."""
    before, now = {trial.arm for trial in old.trials}, {trial.arm for trial in trials}
    return before <= now and (before != now or old.workload.scorers != workload.scorers)


def _elsewhere(identity: Identity, device: str) -> bool:
    return identity.placement == "device" and identity.device not in ("", device)


def _of_versions(old: Run, versions: Mapping[str, str]) -> frozenset[str]:
    """Trials whose records were all made by these versions of the engines (ours may differ: it measures alike)."""
    engines = {name: version for name, version in versions.items() if name != "edgebench"}
    right = {
        segment.id
        for segment in old.segments
        if {name: version for name, version in segment.versions.items() if name != "edgebench"} == engines
    }
    wrong = {record.trial_id for record in old.records if record.segment_id not in right}
    return frozenset(trial.id for trial in old.trials) - wrong


def _shared(
    old: Run, plan: Plan, workload: Workload, trials: Sequence[Trial], cards: Mapping[str, ModelCard]
) -> frozenset[str]:
    """Ids of the new run's trials that the old one has carried out whole, in the same way."""
    if _way(old.plan, old.workload) != _way(plan, workload):
        return frozenset()
    before = {trial.id: trial for trial in old.trials}
    counted: dict[str, int] = {}
    for record in old.records:
        counted[record.trial_id] = counted.get(record.trial_id, 0) + 1
    return frozenset(
        trial.id
        for trial in trials
        if (same := before.get(trial.id)) is not None
        and replace(same, order=trial.order, corner=trial.corner) == trial
        and counted.get(trial.id, 0) == len(trial.item_digests)
        and _target(old.plan, trial.target, old.cards) == _target(plan, trial.target, cards)
        and _judge(old.plan, trial) == _judge(plan, trial)
    )


def _way(plan: Plan, workload: Workload) -> str:
    """What all of a plan's trials share, and must share with those taken over: task, examples, seeds, load."""
    seeds = replace(plan.seeds, bootstrap=0)
    return digest([workload.task, workload.pool, seeds, plan.scenario, plan.network, plan.shaper, plan.texts])


def _target(plan: Plan, name: str, cards: Mapping[str, ModelCard]) -> str:
    """What answers under a name: its spec without what does not change an answer, and the files behind its card."""
    spec = plan.targets.get(name)
    if spec is None:
        return "none"
    files = cards[name].files if name in cards else {}
    parts = [canonical(replace(spec, prompting=None, repeats=None, price=None, device=None)), canonical(files)]
    made_of = [str(spec.options[part]) for part in ("edge", "cloud") if part in spec.options]
    return digest([*parts, *(_target(plan, part, cards) for part in made_of if part in plan.targets and part != name)])


def _judge(plan: Plan, trial: Trial) -> object:
    """A judge judges anew when anything about it changed."""
    if not trial.judges:
        return None
    return plan.judges.get(trial.judge)


def take_over(store: SqlStore, run_id: str, found: Earlier) -> None:
    """Copy the earlier run's records of the shared trials, with all that belongs to them, into the new run."""
    old, shared = found.run, found.trials
    records = [record for record in old.records if record.trial_id in shared]
    segments = {record.segment_id for record in records}
    kept = {record.id for record in records}
    targets = {trial.target for trial in old.trials if trial.id in shared}
    for segment in old.segments:
        if segment.id in segments:
            store.add_segment(run_id, replace(segment, ended_why="taken over", not_issued={}))
    for name, identity in old.identities.items():
        if name in targets:
            store.set_identity(run_id, identity)
    store.append(run_id, records)
    store.add_readings(run_id, [reading for reading in old.readings if reading.trial_id in shared])
    store.add_rates(run_id, [rate for rate in old.rates if rate.target in targets])
    store.add_scores(run_id, [score for score in old.scores if score.record_id in kept])
