"""How servers really speak: role deltas, reasoning, many tokens an event, torn and joined packets, refusals, errors."""

from __future__ import annotations

import numpy as np

from edgebench.run.certifying import scoring
from edgebench.run.certifying.scoring import Check, Pair, check, quantile
from edgebench.run.certifying.stamps import Rounds, in_turns, whole, worst
from edgebench.run.certifying.subject import Asked, Subject
from edgebench.run.truth import TruthServer
from edgebench.run.truth_modes import Mode, mode_of, text_of, tokens_of

FIRST = slice(1)
EVERY = slice(None)


async def role_early(subject: Subject, server: TruthServer, *, requests: int) -> list[Check]:
    """The role delta comes 500 ms before the first word, and is none."""
    mode = "role-early?chunks=4"
    rounds = await in_turns(subject, server, mode, requests=requests, streams=requests, turns=1)
    note = "the role delta came 500 ms before"
    return [worst("role-early-ttft-error", scoring.first_errors(rounds.pairs), rounds, 1.0, part=FIRST, note=note)]


async def k_tokens(subject: Subject, server: TruthServer, *, requests: int) -> list[Check]:
    """TPOT where every event holds four tokens and only the whole is counted."""
    mode = "k-tokens?k=4&chunks=40&gap_ms=8"
    rounds = await in_turns(subject, server, mode, requests=requests, streams=requests, turns=1)
    off = [100 * abs(_tpot(pair) / _true_tpot(pair, mode_of(mode)) - 1) for pair in scoring.whole(rounds.pairs)]
    value = max(off, default=float("nan"))
    return [check("k-tokens-tpot-off", value, 1.0, unit="%", n=len(off), note="4 tokens in each of 40 events")]


def _tpot(pair: Pair) -> float:
    """As metrics have it, ms."""
    from edgebench.metrics.table import _speeds  # the figure itself, not a copy of its formula

    return _speeds(pair.asked.call)[0]


def _true_tpot(pair: Pair, mode: Mode) -> float:
    """From the ledger, which knows the tokens of every event, ms."""
    said = [write for write in pair.entry.writes if write.tokens]
    return (said[-1].at_ns - said[0].at_ns) / 1e6 / (tokens_of(mode) - said[0].tokens)


async def reasoning(subject: Subject, server: TruthServer) -> list[Check]:
    """Reasoning before the answer: the first token and the first token of the content, both right."""
    rounds = await in_turns(subject, server, "reasoning?chunks=8", requests=8, streams=8, turns=1)
    firsts = worst("reasoning-ttft-error", scoring.first_errors(rounds.pairs), rounds, 1.0, part=FIRST)
    contents = scoring.first_content_errors(rounds.pairs)
    return [firsts, worst("reasoning-content-ttft-error", contents, rounds, 1.0, part=slice(8, 9))]


#: name → (mode, requests, streams, bytes of the prompt)
_SHAPES = {
    "coalesced": ("coalesced", 8, 8, 0),
    "split": ("split", 8, 8, 0),
    "pings": ("pings", 8, 8, 0),
    "big-chunks": ("big-chunks?gap_ms=20", 4, 4, 0),
    "long-prompts": ("fixed?first_ms=80", 4, 4, 200 * 1024),
}


async def shapes(subject: Subject, server: TruthServer) -> list[Check]:
    """Packets of every shape: the text whole, the stamps as right as elsewhere."""
    out = []
    for name, (mode, requests, streams, size) in _SHAPES.items():
        rounds = await in_turns(subject, server, mode, requests=requests, streams=streams, turns=1, size=size)
        errors, theirs = scoring.chunk_errors(rounds.pairs), rounds.heard_errors(EVERY)
        value, reference = quantile(errors, 0.99), quantile(theirs, 0.99)
        out.append(check(f"{name}-chunk-error-p99", value, 1.0, n=len(errors), reference=reference))
        out.append(whole(f"{name}-spoilt", rounds, also=_unlike(rounds, text_of(mode_of(mode)))))
    return out


def _unlike(rounds: Rounds, text: str) -> int:
    return sum(one.failure is None and one.call.text != text for one in rounds.asked)


async def no_usage(subject: Subject, server: TruthServer) -> list[Check]:
    """Without usage there is no count of tokens: it is absent, never made up."""
    rounds = await in_turns(subject, server, "no-usage", requests=4, streams=4, turns=1)
    invented = sum(one.call.usage is not None or "usage_missing" not in one.call.notices for one in rounds.asked)
    return [whole("no-usage-invented", rounds, also=invented, note="the token count is absent, with a notice")]


async def refusals(subject: Subject, server: TruthServer) -> list[Check]:
    """429 with Retry-After: two Calls, the wait kept to, the second one's own latency right."""
    asked = await subject.ask("rate-limited?retry_after_s=1", subject.prompts(4), streams=4, retries=2)
    rounds = Rounds(asked, [], await server.ledger())
    fates = [[call.failure.kind if call.failure else "answered" for call in one.calls] for one in asked]
    wrong = sum(fate != ["rate_limited", "answered"] for fate in fates)
    waits = [one.calls[1].due_ns - (one.calls[0].end_ns or 0) for one in asked if len(one.calls) == 2]
    short = sum(wait < 1_000_000_000 for wait in waits)
    errors = scoring.done_errors(rounds.pairs)
    return [
        check("rate-limited-calls-wrong", float(wrong), 0.0, unit="requests", n=len(asked), note="each attempt a Call"),
        check("rate-limited-too-soon", float(short), 0.0, unit="requests", n=len(waits), note="Retry-After: 1"),
        check(
            "rate-limited-e2e-error-max", _largest(errors), 1.0, n=len(errors), note="of the attempt that was let in"
        ),
    ]


def _largest(errors: scoring.Floats) -> float:
    return float(np.max(errors)) if len(errors) else float("nan")


async def errors_in_streams(subject: Subject, server: TruthServer) -> list[Check]:
    """An error object inside a 200 stream is a failure, and what came before it is kept."""
    mode = "error-in-stream?error_at=8"
    asked = await subject.ask(mode, subject.prompts(4), streams=4)
    await server.ledger()
    wrong = sum(not _kept(one, text_of(mode_of(mode))) for one in asked)
    return [
        check("stream-error-lost", float(wrong), 0.0, unit="requests", n=len(asked), note="7 events came before it")
    ]


def _kept(one: Asked, text: str) -> bool:
    failed = one.failure is not None and one.failure.kind == "stream_error"
    return failed and one.call.text == text and len(one.call.chunk_ns) == 7
