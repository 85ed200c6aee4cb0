"""A run projected onto another device: what each local arm measured here would do there, with an honest band.

Every request's time is split into decoding, which reads all weights for every token and goes by memory bandwidth, and
the rest (reading the prompt, scoring labels, splitting text), which goes by cores × clock; each part is multiplied by
its ratio there / here (:mod:`edgebench.decide.machines`). Quantiles are taken of the projected requests, so a tail made
of long answers stays one. The band: both ratios at their bounds, and the measured interval's own bounds on top.

Two things make a band wider. Where a profile has a measured bandwidth and no peak, the peak is estimated from it. And
prefill figures are llama.cpp's: another runtime's kernels (ONNX Runtime) may gain more or less from a processor.

Not projected: the time to load (a matter of the disk), queues of an open loop (capacity replays those), answers (the
same file gives the same ones), and hosted arms, which do not care where they are asked from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgebench.decide import spread
from edgebench.decide.machines import Machines
from edgebench.decide.spread import Ratio
from edgebench.metrics import latency, memory
from edgebench.metrics.device_cost import by_device
from edgebench.metrics.devices import DeviceProfile
from edgebench.metrics.observed import generator
from edgebench.metrics.plausible import IN_CACHE_BYTES
from edgebench.metrics.summary import cost
from edgebench.metrics.table import ArmColumns, Floats, columns
from edgebench.records import ArmSummary, Call, CostSpec, Estimate, Run, Summary, is_open
from edgebench.stats import bootstrap

SHOWN = ("p50_ms", "p95_ms", "ttft_p50_ms", "decode_tok_s", "prefill_tok_s", "usd_per_1k", "peak_mib", "load_s")
SYSTEM_GIB = 0.75  # declared: what the other device's system and services keep for themselves
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class ArmProjection:
    """One arm here and there. ``fits``: whether its memory does; None where the profile does not say."""

    arm: str
    here: Mapping[str, Estimate]
    there: Mapping[str, Estimate]
    fits: bool | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Projection:
    """A run measured on one device, projected onto another."""

    run_id: str
    here: str  # profile
    there: str  # profile
    level: float
    arms: tuple[ArmProjection, ...]
    left: Mapping[str, str]  # arm → why it is left as it is
    decode: Ratio  # time there / time here, of decoding
    compute: Ratio  # … of all else, by llama.cpp on all cores
    basis: tuple[str, ...]  # what the ratios rest on, in sentences


def project(run: Run, summary: Summary, here: DeviceProfile, there: DeviceProfile) -> Projection:
    """What the local arms of a run measured on ``here`` would do on ``there``.

    Raises
    ------
    UsageError: a profile without any memory bandwidth, or without cores and clock: nothing could be projected.
    """
    machines, table = Machines(here, there), columns(run)
    arms, left = [], {}
    for arm in summary.arms:
        if arm.identity.placement != "device":
            left[arm.arm] = f"{arm.identity.placement}: not of this device, left as measured"
        elif not arm.answered:
            left[arm.arm] = "no request was answered"
        else:
            arms.append(_arm(run, arm, table[arm.arm], machines))
    return Projection(
        run.id, here.name, there.name, spread.LEVEL, tuple(arms), left,
        machines.decode(), machines.compute(), machines.basis,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ an arm


def _arm(run: Run, arm: ArmSummary, found: ArmColumns, machines: Machines) -> ArmProjection:
    there, share = machines.there, decode_share(found)
    decode, compute = machines.decode(), machines.compute(arm.identity)
    fits, peak = _fits(arm.estimates["peak_mib"], there)
    if fits is False:
        projected = {name: Estimate.absent(f"its memory does not fit: {peak.note}") for name in SHOWN}
    else:
        costs = replace(run.plan.costs, marginal_only=False)  # that device is not there anyway
        ends = zip(_ends(decode), _ends(compute), strict=True)
        worlds = [_scaled(found, share, rd, rc, there, costs) for rd, rc in ends]
        weights = bootstrap.cluster_draws(max(found.clusters, 1), DRAWS, generator(run, "project"))
        projected = {name: _projected(name, arm, found, worlds, weights) for name in SHOWN if name != "peak_mib"}
    projected["peak_mib"] = peak
    here = {name: arm.estimates[name] for name in SHOWN}
    return ArmProjection(arm.arm, here, projected, fits, tuple(_notes(arm, machines, bool(share.any()))))


def _notes(arm: ArmSummary, machines: Machines, decodes: bool) -> Iterator[str]:
    if (threads := machines.threads(arm.identity)) is not None:
        yield f"measured with {threads} of {machines.here['cores']} cores, projected with all"
    if not decodes:
        yield "answers without decoding tokens: by cores × clock alone"
    elif (arm.identity.file_bytes or IN_CACHE_BYTES) < IN_CACHE_BYTES:
        yield "so small a model may sit in a cache here and not there, or the other way about: its band is too narrow"
    if not machines.runs_llama(arm.identity):
        engine = arm.identity.engine or arm.identity.kind
        yield f"{engine}: prefill figures are llama.cpp's, so the band is wider"


def _ends(one: Ratio) -> tuple[float, float, float]:
    return one.value, one.low, one.high


def decode_share(arm: ArmColumns) -> Floats:
    """Of each request's time in calls, the share in which tokens were decoded (0 … 1)."""
    return np.array([_share(record.calls) for record in arm.records], dtype=float)


def _share(calls: tuple[Call, ...]) -> float:
    spent = decoded = 0
    for call in calls:
        end = max(call.done_ns or 0, call.end_ns or 0)
        if call.sent_ns is None or end <= call.sent_ns:
            continue
        spent += end - call.sent_ns
        decoded += min(_decoding_ns(call), end - call.sent_ns)
    return decoded / spent if spent else 0.0


def _decoding_ns(call: Call) -> int:
    """As the engine says; of one that says nothing, first chunk to last."""
    if "decode" in call.phases or "prefill" in call.phases:
        return call.phases.get("decode", 0)
    if call.first_ns is None or call.done_ns is None or len(call.chunk_ns) < 2:
        return 0
    return call.done_ns - call.first_ns


def _scaled(
    arm: ArmColumns, share: Floats, decode: float, compute: float, there: DeviceProfile, costs: CostSpec
) -> ArmColumns:
    """The arm's columns as they would be there."""
    times = share * decode + (1 - share) * compute
    busy = arm.busy_s * times
    return replace(
        arm,
        latency_ms=arm.latency_ms * times,
        ttft_ms=arm.ttft_ms * compute,
        decode_tok_s=arm.decode_tok_s / decode,
        prefill_tok_s=arm.prefill_tok_s / compute,
        busy_s=busy,
        charges=by_device(there, busy, costs),
    )


def _projected(
    name: str, arm: ArmSummary, found: ArmColumns, worlds: list[ArmColumns], weights: bootstrap.Counts
) -> Estimate:
    """A metric there: its value at the middle of the band, its bounds at the band's, whichever way they lie."""
    if name == "load_s":
        return Estimate.absent("a matter of that device's disk, which nobody measured")
    if name in ("p50_ms", "p95_ms", "ttft_p50_ms") and any(is_open(trial.scenario) for trial in found.trials):
        return Estimate.absent("a queue on a slower device is no multiple of this one: see  edgebench capacity")
    if name != "usd_per_1k" and (why := arm.estimates[name].why_absent) is not None:
        return Estimate.absent(why)
    each = [cost(world, weights) if name == "usd_per_1k" else latency.quantile(world, name) for world in worlds]
    if each[0].value is None:
        return each[0]
    bounds = [bound for one in each for bound in (one.low, one.high) if bound is not None]
    method = f"projected from {each[0].n} requests measured here; {spread.LEVEL:.0%} of machines"
    return Estimate(
        each[0].value, min(bounds), max(bounds), each[0].n, method, spread.LEVEL, "projected", note=each[0].note
    )  # fmt: skip


def _fits(peak: Estimate, there: DeviceProfile) -> tuple[bool | None, Estimate]:
    """Whether the peak measured here fits there, and the peak there: the same bytes."""
    if peak.value is None:
        return None, Estimate.absent(peak.why_absent or "not measured")
    ram = there.get("ram_gib")
    if ram is None:
        note = f"{there.name} does not say how much memory it has"
        return None, replace(peak, provenance="projected", note=note)
    room = (float(ram) - SYSTEM_GIB) * 2**30 / memory.MIB
    note = f"{peak.value:,.0f} MiB of {room:,.0f} ({ram} GiB less {SYSTEM_GIB} declared for the system)"
    return peak.value <= room, replace(peak, provenance="projected", note=note)
