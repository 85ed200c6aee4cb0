"""A replay gives again what was recorded: text, tokens, confidence, failures, and on request the time it took."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Parts, Request, Run, TargetSpec
from edgebench.targets import recorded
from tests import builders

ARMS = {"edge": builders.Arm(accuracy=0.5, median_ms=80, spread=0.0), "cloud": builders.Arm(failure_rate=0.5)}
RUN = builders.run(ARMS, items=20)


def made(stored: Run = RUN, **options: Any) -> recorded.Recorded:
    parts = Parts("replay", TargetSpec("recorded", options={"run": "r1"} | options))
    return recorded.target(parts, source=lambda run_id: {"r1": stored}[run_id])


async def ask(target: recorded.Recorded, digest: str, timeout_s: float = 10.0) -> list[Chunk]:
    async with aclosing(target.answer(Request((), "", item_digest=digest, timeout_s=timeout_s))) as stream:
        return [chunk async for chunk in stream]


async def test_every_answer_and_every_failure_comes_again() -> None:
    """The arm's records, item by item: text, usage and confidence, or the recorded failure kind."""
    target, trials = made(arm="cloud"), {trial.id for trial in RUN.trials if trial.target == "cloud"}
    outcomes = set()
    async with target:
        for record in RUN.records:
            if record.trial_id not in trials:
                continue
            if record.failure:
                with pytest.raises(TargetError, match="as recorded") as caught:
                    await ask(target, record.item_digest)
                assert caught.value.kind == record.failure.kind
                outcomes.add("failed")
                continue
            (chunk,) = await ask(target, record.item_digest)
            assert record.answer is not None and chunk.completion is not None
            assert chunk.text == record.answer.text
            assert (chunk.completion.usage, chunk.completion.confidence) == (
                record.calls[0].usage,
                record.answer.confidence,
            )
            outcomes.add("answered")
    assert outcomes == {"failed", "answered"}


async def test_repetitions_come_in_their_order_and_then_again() -> None:
    """The k-th request of an item gets its k-th record."""
    first = next(record for record in RUN.records if record.trial_id.endswith("edge"))
    assert first.answer is not None
    other = replace(
        first,
        id="again",
        answer=replace(first.answer, text="other"),
        calls=(replace(first.calls[0], text="other"),),
    )
    target = made(replace(RUN, records=(*RUN.records, other)), arm="edge")
    async with target:
        texts = [(await ask(target, first.item_digest))[0].text for _ in range(3)]
    assert texts == [first.answer.text, "other", first.answer.text]


async def test_as_recorded_takes_as_long_as_it_took() -> None:
    """80 ms then, 80 ms now; instant is instant."""
    digest = RUN.workload.items[0].digest
    for pace, least, most in (("as-recorded", 0.079, 1.0), ("instant", 0.0, 0.05)):
        target = made(arm="edge", pace=pace)
        async with target:
            started = time.monotonic()
            await ask(target, digest)
            assert least <= time.monotonic() - started < most


async def test_an_item_the_run_does_not_hold_is_not_found() -> None:
    """Nothing is made up."""
    target = made(arm="edge")
    async with target:
        with pytest.raises(TargetError, match="does not hold this item") as caught:
            await ask(target, "nowhere")
    assert caught.value.kind == "not_found"


def test_the_identity_says_that_it_is_a_replay() -> None:
    """What answered then, under the new name, with the run it comes from."""
    identity = made(arm="edge · zero-shot").identity()
    assert (identity.name, identity.model) == ("replay", RUN.identities["edge"].model)
    assert (identity.details["replayed_from"], identity.details["replayed_arm"]) == ("r1", "edge · zero-shot")


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "could be any of 2 arms"), ({"arm": "moon"}, "names no arm"), ({"run": "", "arm": "edge"}, "run is missing")],
)
def test_a_replay_must_name_one_arm_of_one_run(options: dict[str, str], said: str) -> None:
    """Otherwise a usage error that lists the arms or the command that shows the runs."""
    parts = Parts("replay", TargetSpec("recorded", options={"run": "r1"} | options))
    with pytest.raises(UsageError, match=said) as caught:
        recorded.target(parts, source=lambda _: RUN)
    assert caught.value.hint


def test_without_a_store_there_is_nothing_to_replay() -> None:
    """The source is passed in by whoever has one."""
    with pytest.raises(UsageError, match="needs a store"):
        recorded.target(Parts("r", TargetSpec("recorded", options={"run": "r1"})))
