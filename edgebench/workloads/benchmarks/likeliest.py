"""The prompting ``by-likelihood``: a text goes on with the likeliest of its choices, where the engine can say which."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.errors import TargetError
from edgebench.records import Answer, Item, Message, Request, Task, Workload
from edgebench.workloads.choices import LETTERS

GO_ON = "Go on with the text: write what comes next."


@dataclass
class ByLikelihood:
    """Asks for one of the choices in its own words; by letter where the target answers with something else."""

    name: str
    task: Task
    lettered: Prompting
    in_words: bool = True  # until an answer shows that the target is not kept to the choices of a request

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        if self.in_words and item.choices:
            try:
                answer = await ask(self.request(item))
            except TargetError as error:  # an ending longer than the engine scores: this one by letter
                if error.kind != "bad_request" or error.fatal:
                    raise
            else:
                if answer.text in item.choices:
                    return replace(answer, text=LETTERS[item.choices.index(answer.text)])
                self.in_words = False
        return await self.lettered(item, ask)

    def request(self, item: Item) -> Request:
        """The text alone, with the choices as what may follow."""
        return Request(
            messages=(Message("system", GO_ON), Message("user", item.text)),
            text=item.text,
            output="choice",
            choices=item.choices,
            max_tokens=self.task.max_tokens,
            item_digest=item.digest,
        )


def by_likelihood() -> PromptingFactory:
    """The likeliest of an item's choices as a continuation of its text; the choices are not shown.

    llama.cpp takes the likelihood of each choice as a forced continuation (less its own without the text, by default);
    a classifier takes the nearest one. A target that is not kept to the choices of a request shows so with its first
    answer, which is then asked by letter, as are all after it: both calls are counted.
    """

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        from edgebench.workloads.prompting import zero_shot

        lettered = zero_shot()(workload, rng)
        return ByLikelihood("by-likelihood", lettered.task, lettered)

    return prompting
