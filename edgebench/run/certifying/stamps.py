"""How right the stamps are: every event of many streams at once, the reference client in turn with ours."""

from __future__ import annotations

from dataclasses import dataclass

from edgebench.run.certifying import scoring
from edgebench.run.certifying.scoring import Check, Floats, Pair, check, quantile
from edgebench.run.certifying.subject import Asked, Subject
from edgebench.run.reference import Heard
from edgebench.run.truth import Entry, TruthServer

#: p50 and p99 of a stamp's error, ms: with the kernel's stamps, and with our own (those above the reference client)
LIMITS = {"kernel": (0.05, 0.25), "user": (0.3, 1.0)}


@dataclass(frozen=True)
class Rounds:
    """What came of asking in turns: ours and the reference's answers, and the ledger of both."""

    asked: list[Asked]
    heard: list[Heard]
    ledger: list[Entry]

    @property
    def pairs(self) -> list[Pair]:
        return scoring.pairs(self.asked, self.ledger)

    @property
    def kernel(self) -> bool:
        """Whether all of our answers carry the kernel's stamps."""
        return all(one.calls and one.call.stamp == "kernel" for one in self.asked)

    @property
    def lost(self) -> int:
        return scoring.lost(self.asked, self.pairs)

    def heard_errors(self, part: slice = slice(None)) -> Floats:
        """The reference's errors, by the same kind of stamp as ours."""
        kernel = self.kernel and all(one.kernel_ns for one in self.heard)
        return scoring.heard_errors(self.heard, self.ledger, kernel=kernel, part=part)


async def in_turns(
    subject: Subject,
    server: TruthServer,
    mode: str,
    *,
    requests: int,
    streams: int,
    turns: int,
    size: int = 0,
    warm: bool = False,
) -> Rounds:
    """That many requests in that many turns, the reference client asking as many after each of ours.

    ``warm``: every stream asks once before, so that no connection is opened among what is scored (the reference
    client's are open from the start; in a run, opening one is a phase of its own).
    """
    if warm:
        await subject.ask(mode, subject.prompts(streams, size=size), streams=streams)
    asked, heard, each = list[Asked](), list[Heard](), requests // turns
    for _ in range(turns):
        await subject.ask(mode, subject.prompts(each, size=size), streams=streams, out=asked)
        heard += await subject.refer(mode, each, streams=streams)
    return Rounds(asked, heard, await server.ledger())


async def stamp_errors(subject: Subject, server: TruthServer, *, streams: int, turns: int, chunks: int) -> list[Check]:
    """Errors of chunk, TTFT and E2E stamps at 100 tokens a second and stream."""
    mode = f"fixed?chunks={chunks}&gap_ms=10"
    rounds = await in_turns(subject, server, mode, requests=streams * turns, streams=streams, turns=turns)
    what = f"{streams} streams × 100 tok/s"
    return [
        *error_checks("chunk-error", scoring.chunk_errors(rounds.pairs), rounds, slice(None), what),
        *error_checks("ttft-error", scoring.first_errors(rounds.pairs), rounds, slice(1), what),
        *error_checks("e2e-error", scoring.done_errors(rounds.pairs), rounds, slice(-1, None), what),
        *gap_checks(rounds),
        whole("streams-lost", rounds),
    ]


def error_checks(name: str, errors: Floats, rounds: Rounds, part: slice, note: str) -> list[Check]:
    """p50 and p99 of the size of an error, within what the kind of stamp allows."""
    theirs, limits = rounds.heard_errors(part), LIMITS["kernel" if rounds.kernel else "user"]
    return [
        check(
            f"{name}-p{share * 100:g}",
            quantile(errors, share),
            limit,
            n=len(errors),
            reference=quantile(theirs, share),
            note=note,
        )
        for share, limit in zip((0.5, 0.99), limits, strict=True)
    ]


def worst(name: str, errors: Floats, rounds: Rounds, limit: float, *, part: slice, note: str = "") -> Check:
    """The largest error of a kind; its reference is the reference client's largest."""
    theirs = rounds.heard_errors(part)
    value, reference = (float(each.max()) if len(each) else float("nan") for each in (errors, theirs))
    return check(name, value, limit, n=len(errors), reference=reference, note=note)


def gap_checks(rounds: Rounds) -> list[Check]:
    """p50 and p99 of the gaps as reported, beside the ledger's."""
    ours = scoring.gaps(rounds.pairs)
    return _durations("gap", ours, scoring.heard_gaps(rounds.heard, rounds.ledger, kernel=rounds.kernel))


def _durations(name: str, ours: tuple[Floats, Floats], reference: tuple[Floats, Floats]) -> list[Check]:
    """p50 and p99 of durations as reported beside the ledger's, (reported, written) of ours and of the reference."""
    return [
        check(
            f"{name}-p{share * 100:g}-off",
            scoring.off(*ours, share),
            scoring.slack(ours[1], share),
            n=len(ours[0]),
            reference=scoring.off(*reference, share),
            note=f"the ledger's is {quantile(ours[1], share):.4g} ms",
        )
        for share in (0.5, 0.99)
    ]


def whole(name: str, rounds: Rounds, *, also: int = 0, note: str = "") -> Check:
    """Requests that failed or lost an event; ``also``: those whose text or usage is not as it was sent."""
    return check(name, float(rounds.lost + also), 0.0, unit="requests", n=len(rounds.asked), note=note)


async def reported_ttft(subject: Subject, server: TruthServer, *, turns: int) -> list[Check]:
    """TTFT as a report would show it (first − due) beside the ledger's, 40 requests of 400 tokens on 4 streams."""
    mode = "fixed?chunks=400&gap_ms=2.5"
    rounds = await in_turns(subject, server, mode, requests=40, streams=4, turns=turns, warm=True)
    ours, theirs = scoring.ttft(rounds.pairs)
    heard, written = scoring.heard_ttft(rounds.heard, rounds.ledger, kernel=rounds.kernel)
    return [
        *(
            check(
                f"reported-ttft-p{share * 100:g}-off",
                scoring.off(ours, theirs, share),
                1.0,
                n=len(ours),
                reference=scoring.off(heard, written, share),
                note=f"40 × 400 tokens, 4 streams; the ledger's is {quantile(theirs, share):.4g} ms",
            )
            for share in (0.5, 0.95, 0.99)
        ),
        whole("long-streams-lost", rounds),
    ]


async def reported_durations(subject: Subject, server: TruthServer) -> list[Check]:
    """E2E and gaps where times vary: lognormal, and with one wait in a hundred ten times as long."""
    out = list[Check]()
    for name, mode in (("lognormal", "lognormal?gap_ms=5&chunks=32"), ("bimodal", "bimodal?gap_ms=5&chunks=32")):
        rounds = await in_turns(subject, server, mode, requests=64, streams=8, turns=2, warm=True)
        heard = scoring.heard_e2e(rounds.heard, rounds.ledger, kernel=rounds.kernel)
        out += _durations(f"{name}-e2e", scoring.e2e(rounds.pairs), heard)
        out += [scoring.renamed(each, f"{name}-{each.name}") for each in gap_checks(rounds)]
    return out


async def stalls(subject: Subject, server: TruthServer) -> list[Check]:
    """One stream in fifty stands still for a second: it must be seen whole."""
    calm, stalled = "stall?stall_share=0&gap_ms=5", "stall?stall_share=1&gap_ms=5"
    await subject.open(stalled)
    asked = await subject.ask(calm, subject.prompts(49), streams=7)
    await subject.ask(stalled, subject.prompts(1), streams=1, out=asked)
    rounds = Rounds(asked, [], await server.ledger())
    ours, theirs = scoring.gaps(rounds.pairs)
    out = []
    for name, share in (("stall-max-gap-off", 1.0), ("stall-p99.9-gap-off", 0.999)):
        true = quantile(theirs, share)
        value = 100 * scoring.off(ours, theirs, share) / true
        out.append(check(name, value, 2.0, unit="%", n=len(ours), note=f"the ledger's is {true:.4g} ms"))
    return [*out, whole("stalled-streams-lost", rounds)]
