"""Promptings that draw several answers: the one of most (self-consistency), or the one judged best (best of n)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.errors import TargetError
from edgebench.plugins import part_name
from edgebench.records import Answer, Item, Named, Request, Task, Workload
from edgebench.workloads import understand
from edgebench.workloads.choices import LETTERS, lettered, letters
from edgebench.workloads.prompting.building import build
from edgebench.workloads.prompting.chat import chat, own_choices
from edgebench.workloads.prompting.once import instruction
from edgebench.workloads.prompting.sampling import Draws, check
from edgebench.workloads.prompting.verdicts import gathered, vote
from edgebench.workloads.subset import salt

LETTER_TOKENS = 8  # what a letter may take, with a bracket and a line end
LONGEST = 4_000  # characters of a candidate that are shown: a few of them must fit into a small context

WHICH = "These replies have been written:"
BEST = "Which one is the best reply? Answer with its letter and nothing else."


@dataclass(frozen=True)
class SelfConsistency:
    """Draws, and the answer most of them agree on."""

    name: str
    task: Task  # as targets prepare for it: the inner prompting's
    job: Task  # the workload's, by which answers are understood
    draws: Draws

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        return vote(await self.draws(item, ask), item, self.job)


@dataclass(frozen=True)
class BestOfN:
    """Draws, and the one that is chosen: by the target itself, or by how sure it was."""

    name: str
    task: Task  # as targets prepare for it: the inner prompting's
    job: Task  # the workload's, by which answers are understood
    draws: Draws
    by: Literal["target", "confidence"]

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        # of those that say the same, the surest speaks for all
        candidates = [max(pile, key=_sure) for pile in gathered(await self.draws(item, ask), item, self.job)]
        if self.by == "confidence" or len(candidates) == 1:
            return max(candidates, key=_sure)
        return await self._chosen(item, candidates, ask)

    async def _chosen(self, item: Item, candidates: Sequence[Answer], ask: Ask) -> Answer:
        words = [self._words(item, candidate.text) for candidate in candidates]
        try:
            said = await ask(self.request(item, words), role="rerank")
        except TargetError as error:
            if error.fatal:
                raise
            return candidates[0]  # the answers are there; that the choice among them failed is in the record
        letter, clear = understand.letter(said.text, words)
        if not clear:
            return candidates[0]
        return replace(candidates[LETTERS.index(letter)], confidence=said.confidence)

    def request(self, item: Item, words: Sequence[str]) -> Request:
        """The question which of the candidates is best, by letter."""
        under = "\n\n".join((WHICH, lettered(words), BEST))
        return Request(
            messages=chat(instruction(self.job), (), item, under),
            text=item.text,
            output="choice",
            choices=letters(words),
            max_tokens=LETTER_TOKENS,
            item_digest=item.digest,
        )

    def _words(self, item: Item, text: str) -> str:
        """A candidate as it is shown. A letter is shown as the choice it stands for: letters mean candidates here."""
        own = own_choices(item, self.job)
        if text in letters(own):
            return own[LETTERS.index(text)]
        return understand.said(text)[:LONGEST] or text[:LONGEST]


def _sure(answer: Answer) -> float:
    return -1.0 if answer.confidence is None else answer.confidence


def self_consistency(n: int = 5, temperature: float = 0.7, of: Named = "chain-of-thought") -> PromptingFactory:
    """``n`` draws of another prompting at a temperature above 0, and the answer most of them agree on.

    Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language Models" (2023). Each draw has a seed
    of its own and is a call of role ``draw``; they are made one after the other, and the record is done with the last.
    Two draws agree when they give the same label, letter, number, JSON object, or text after case, spaces and
    punctuation. Ties go to the higher sum of confidences, then to what was seen first. The answer's confidence is the
    share of draws that gave it. Draws that failed don't vote; when all failed, so has the record.

    A target that scores labels instead of sampling them (llama.cpp by likelihood, a classifier) gives the same draw
    each time; one that reasons first (``of: chain-of-thought``) does not.

    Raises
    ------
    UsageError: a number that cannot be, or no such prompting.
    """
    check("self-consistency", n, temperature, fewest=1)
    options = {"n": n, "temperature": temperature, "of": of}
    name, inside = part_name("promptings", {"self-consistency": options}), build(of)

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        inner = inside(workload, rng)
        return SelfConsistency(name, inner.task, workload.task, Draws(inner, n, temperature, salt(rng)))

    return prompting


def best_of_n(
    n: int = 4,
    by: Literal["target", "confidence"] = "target",
    temperature: float = 0.7,
    of: Named = "chain-of-thought",
) -> PromptingFactory:
    """``n`` draws of another prompting, and the one chosen among them.

    ``by: target``: the same target is shown the different answers under letters and names the best (one more call, of
    role ``rerank``; none when all draws say the same); where it names none of them, or fails, the first is taken.
    ``by: confidence``: the one whose call was surest, without another call. Choosing among samples goes back to
    verifiers (Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021); here the target is its own.

    Raises
    ------
    UsageError: a number that cannot be, or no such prompting.
    """
    check("best-of-n", n, temperature, fewest=2, most=len(LETTERS))
    options = {"n": n, "by": by, "temperature": temperature, "of": of}
    name, inside = part_name("promptings", {"best-of-n": options}), build(of)

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        inner = inside(workload, rng)
        return BestOfN(name, inner.task, workload.task, Draws(inner, n, temperature, salt(rng)), by)

    return prompting
