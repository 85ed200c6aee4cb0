"""One Record in the making: sends requests to a target, keeps a Call for each, retries on our own ledger.

Inside the window there is only: take a chunk, keep its stamp. Everything derived is derived afterwards. The stream of
a target made of others (a cascade) holds several exchanges, each ended by its leg and kept as a Call of its own.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace

from edgebench.contracts import MOMENT, Target
from edgebench.errors import TargetError
from edgebench.load.clock import now_ns
from edgebench.records import Answer, Call, Chunk, Completion, Failure, Leg, Request, Role
from edgebench.routing import backoff_s

#: A target ends its own requests in time; this much later (s) we stop waiting for one that does not.
GRACE_S = 10.0


class Asking:
    """The ``ask`` a prompting is given for one item: ``calls`` holds every exchange, lost ones too."""

    def __init__(self, target: Target, *, due_ns: int, retries: int, timeout_s: float) -> None:
        self._target, self._retries, self._timeout_s = target, retries, timeout_s
        self._due_ns: int | None = due_ns  # the first call inherits the record's
        self._moment = moment if (moment := MOMENT.get()) and not getattr(target, "makes_ready", False) else None
        self._several = getattr(target, "several_exchanges", False)
        self.calls: list[Call] = []
        #: When the last answer was there, or the last failure known: a prompting may go on without one draw of several.
        self.done_ns: int | None = None
        self.fatal: TargetError | None = None

    async def __call__(self, request: Request, *, role: Role = "answer") -> Answer:
        """Send one request; a retryable failure is sent again, each attempt a Call of its own."""
        request = replace(request, timeout_s=self._timeout_s)  # a prompting knows nothing of the target's patience
        for attempt in range(self._retries + 1):
            due_ns, self._due_ns = self._due_ns or now_ns(), None
            try:
                return await self._once(request, role if attempt == 0 else "retry", attempt, due_ns)
            except TargetError as error:
                if not error.retryable or attempt == self._retries:
                    self.fatal = error if error.fatal else None
                    raise
                wait_s = detached(error).retry_after_s
            await asyncio.sleep(backoff_s(attempt, wait_s))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, request: Request, role: Role, attempt: int, due_ns: int) -> Answer:
        chunks: list[Chunk] = []
        if self._moment is not None:
            await self._moment.come()
        wall_s, handed_ns = time.time(), now_ns()
        failure: TargetError | None = None
        try:
            async with asyncio.timeout(self._timeout_s + GRACE_S), aclosing(self._target.answer(request)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    chunks.append(chunk)  # noqa: PERF401  a comprehension would lose what came before a failure
        except TimeoutError:
            failure = TargetError(
                "hung", f"{self._target.name} gave no sign of life in {self._timeout_s + GRACE_S:g} s", fatal=True
            )
        except TargetError as error:
            failure = error
        failed = Failure(failure.kind, failure.message) if failure else None
        call = _call(request, role, attempt, due_ns, handed_ns, now_ns(), wall_s, chunks, failed)
        if self._several:
            call = self._each(call, chunks)
        else:
            self.calls.append(call)
            self.done_ns = call.done_ns or call.end_ns
        if failure is not None:
            raise failure
        return Answer(text=call.text or "", confidence=call.confidence)

    def _each(self, whole: Call, chunks: list[Chunk]) -> Call:
        """Keep every exchange of a stream that holds several; returns the one whose answer is served, the last.

        ``whole``: the stream taken for one exchange, which it is when it broke off before any leg had ended.
        """
        legs = _legs(chunks)
        calls = [_of_leg(whole, leg, of) for leg, of in legs] or [whole]
        self.calls += sorted(calls, key=lambda call: (call.due_ns, call.role != "answer"))
        self.done_ns = (legs[-1][0].served_ns if legs else None) or calls[-1].done_ns or calls[-1].end_ns
        return calls[-1]


def detached(error: TargetError) -> TargetError:
    """The failure without its traceback, which keeps the frames that keep the failure.

    Collection is off while requests are timed, so a thousand failures in a row would all stay in memory.
    """
    met: BaseException | None = error
    while met is not None:
        met.__traceback__ = None
        met.__cause__, met.__context__, met = None, None, met.__cause__ or met.__context__
    return error


def _legs(chunks: list[Chunk]) -> list[tuple[Leg, list[Chunk]]]:
    """The exchanges of a stream, each with its own chunks."""
    found, begun = [], 0
    for place, chunk in enumerate(chunks, start=1):
        if chunk.completion is not None and chunk.completion.leg is not None:
            found.append((chunk.completion.leg, chunks[begun:place]))
            begun = place
    return found


def _of_leg(whole: Call, leg: Leg, chunks: list[Chunk]) -> Call:
    """One exchange of several as a Call."""
    due_ns = whole.due_ns if leg.due_ns is None else leg.due_ns
    wall_s = (whole.wall_s or 0.0) + (due_ns - whole.due_ns) / 1e9
    ended_ns = next((chunk.completion.end_ns for chunk in reversed(chunks) if chunk.completion), None) or due_ns
    call = _call(whole.request, leg.role, leg.attempt, due_ns, due_ns, ended_ns, wall_s, chunks, leg.failure)
    return replace(call, target=leg.target)


def _call(
    request: Request | None,
    role: Role,
    attempt: int,
    due_ns: int,
    handed_ns: int,
    ended_ns: int,
    wall_s: float,
    chunks: list[Chunk],
    failure: Failure | None,
) -> Call:
    """What is kept of one exchange. ``first``, ``done`` are stamps of non-empty chunks only (design: latency)."""
    heard = [chunk for chunk in chunks if chunk.text]
    content = [chunk for chunk in heard if chunk.channel == "content"]
    end = next((chunk.completion for chunk in reversed(chunks) if chunk.completion), None) or Completion()
    last = heard[-1] if heard else None
    counts = tuple(chunk.tokens for chunk in heard if chunk.tokens is not None)
    answered_ns = last.at_ns if last else end.end_ns or ended_ns
    return Call(
        role=role,
        due_ns=due_ns,
        sent_ns=end.sent_ns if end.sent_ns is not None else handed_ns,
        first_ns=heard[0].at_ns if heard else None,
        first_content_ns=content[0].at_ns if content else None,
        done_ns=None if failure else answered_ns,
        end_ns=end.end_ns if end.end_ns is not None and not failure else ended_ns,
        chunk_ns=tuple(chunk.at_ns for chunk in heard),
        chunk_tokens=counts if len(counts) == len(heard) else (),
        pipe_ns=last.received_ns - last.at_ns if last and last.received_ns is not None else None,
        request=request,
        text="".join(chunk.text for chunk in content) if not failure or content else None,
        usage=end.usage,
        client_output_tokens=end.client_output_tokens,
        finish_reason=end.finish_reason,
        failure=failure,
        notices=end.notices,
        phases=end.phases,
        confidence=end.confidence,
        confidence_method=end.confidence_method,
        scores=end.scores,
        connection=end.connection,
        served_model=end.served_model,
        stamp=end.stamp,
        attempt=attempt,
        wall_s=wall_s,
    )
