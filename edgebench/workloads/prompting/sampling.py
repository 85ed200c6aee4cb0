"""Several answers drawn from one prompting, each with a seed of its own at a temperature above 0."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

from edgebench.contracts import Ask, Prompting
from edgebench.errors import TargetError, UsageError
from edgebench.records import Answer, Item, Request, Role

MOST = 100  # draws: more are a typing mistake


@dataclass(frozen=True)
class Sampled:
    """An ``Ask`` whose answers are draws: the temperature, a seed for each, and the role ``draw`` for the last word.

    Steps on the way keep their role.
    """

    ask: Ask
    temperature: float
    seed: str  # what this draw's seeds are made from

    async def __call__(self, request: Request, *, role: Role = "answer") -> Answer:
        drawn = replace(
            request,
            temperature=self.temperature if request.temperature is None else request.temperature,
            seed=seed_of(self.seed, request),
        )
        return await self.ask(drawn, role="draw" if role == "answer" else role)


def seed_of(seed: str, request: Request) -> int:
    """31 bits from SHA-256, as every engine takes them; another for each draw, item and seed the request had before."""
    key = f"{seed}/{request.item_digest}/{request.seed}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1


@dataclass(frozen=True)
class Draws:
    """``n`` answers of one prompting to an item, one after the other."""

    inner: Prompting
    n: int
    temperature: float
    salt: int  # what the draws' seeds are made from

    async def __call__(self, item: Item, ask: Ask) -> list[Answer]:
        """The answers; draws that failed are left out (their Calls are kept).

        Raises
        ------
        TargetError: a failure after which the target can answer nothing more; or the last one, when every draw failed.
        """
        found: list[Answer] = []
        lost: TargetError | None = None
        for draw in range(self.n):
            try:
                found.append(await self.inner(item, Sampled(ask, self.temperature, f"{self.salt}/{draw}")))
            except TargetError as error:
                if error.fatal:
                    raise
                lost = error.with_traceback(None)  # which would keep every frame: nothing is collected while timed
        if lost is not None and not found:
            raise lost
        return found


def check(what: str, n: int, temperature: float, *, fewest: int, most: int = MOST) -> None:
    """Refuse numbers with which there is nothing to choose from.

    Raises
    ------
    UsageError: too few or too many draws, or a temperature at which all are alike.
    """
    if not fewest <= n <= most:
        raise UsageError(f"{what}: n is a number of draws from {fewest} to {most}, not {n}", hint=f"{what}: {{n: 5}}")
    if not (math.isfinite(temperature) and 0 < temperature <= 2):
        hint = f"{what}: {{temperature: 0.7}}"
        raise UsageError(f"{what}: draws need a temperature above 0 and at most 2, not {temperature:g}", hint=hint)
