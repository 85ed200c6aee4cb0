"""The set-up in which the literature reports a public benchmark, as a prompting of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.errors import UsageError
from edgebench.records import Answer, Item, Task, Workload
from edgebench.workloads.prompting.building import build

NAME = "lab"


@dataclass(frozen=True)
class Called:
    """Another prompting under a name of its own."""

    name: str
    inner: Prompting

    @property
    def task(self) -> Task:
        return self.inner.task

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        return await self.inner(item, ask)


def lab() -> PromptingFactory:
    """The set-up the literature reports the workload in, as the workload itself names it.

    ``workload.source["lab"]``: ``{"name": "8-shot chain of thought (Wei et al. 2022)", "prompting": a prompting}``.
    Published scores are to be held against this one; it is the lab corner of a plan, not what production sees.

    Raises
    ------
    UsageError (when built): the workload names none.
    """

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        named = workload.source.get("lab")
        spec = named.get("prompting") if isinstance(named, Mapping) else None
        if not isinstance(spec, (str, Mapping)) or NAME in ({spec} if isinstance(spec, str) else spec):
            raise UsageError(
                f"the workload {workload.name!r} names no set-up of the literature to ask it in",
                hint="prompting: {few-shot: {k: 5}}   (`lab` is for public benchmarks: `workload: {benchmark: gsm8k}`)",
            )
        return Called(NAME, build(spec)(workload, rng))

    return prompting
