"""Whether a measured decode speed can be true: every token reads all weights once, so memory bounds it (the roofline).

    effective bandwidth = median decode tokens a second × bytes of the model file

Above what the memory can give: the answers came from a cache, the tokens are miscounted, or the model reads only some
of its weights for a token (a mixture of experts, a draft model). Far below it: heat, too few threads, memory run out.
The bound is what was measured on the machine where its profile holds that, else the data sheet's peak (``CEILINGS``);
of a profile that contradicts the machine of the run, or says neither, nothing is concluded.

Two kinds of arms are not judged. A small file (below 256 MB) may sit in a cache, out of which it is read faster than
memory allows, and spends much of a token's time on what reads no weights: it proves nothing in either direction. And
with several requests at once a pass over the weights serves several tokens, each of which takes longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgebench.errors import EdgebenchError
from edgebench.metrics.devices import DeviceProfile, load_device
from edgebench.metrics.table import ArmColumns
from edgebench.records import Run

LEAST_SHARE = 0.15  # of the bound: everything published since 2019 lies above 0.25 of the peak
IN_CACHE_BYTES = 256e6
LEAST_REQUESTS = 5
#: figure → how many times it decoding may reach, best evidence first. Our own reading probe does not reach all the
#: memory gives, so one eighth more is possible; a copy's counted bytes are two thirds of what the bus carried, and a
#: twentieth is lost to refreshing; the same twentieth of the peak.
CEILINGS = {"read_gb_s": 1.125, "memcpy_gb_s": 1.5 * 0.95, "memory_gb_s": 0.95}
SAME_MEMORY = 0.25  # a system keeps some of its memory for itself, and sizes are rounded


def implausible(run: Run, arm: ArmColumns) -> str | None:
    """A warning where the arm's decode speed is outside the roofline; None where it is inside or cannot be judged."""
    speeds = arm.decode_tok_s[arm.steady & np.isfinite(arm.decode_tok_s)]
    size = arm.identity.file_bytes
    if arm.identity.placement != "device" or size is None or size < IN_CACHE_BYTES or len(speeds) < LEAST_REQUESTS:
        return None
    if any(trial.scenario != "closed(1)" for trial in arm.trials):
        return None
    found = _bound(run, arm)
    if found is None:
        return None
    profile, figure, bound = found
    reached = float(np.median(speeds)) * size / 1e9
    which = f"{bound:.3g} GB/s ({figure} of {profile.name})"
    head = f"{arm.arm}: {np.median(speeds):.3g} tok/s of a {size / 1e9:.3g} GB file read {reached:.3g} GB/s"
    if reached > CEILINGS[figure] * bound:
        return (
            f"{head}, more than the memory's {which} allows: too fast to be true, unless answers came from a cache, "
            "tokens are miscounted, or the model reads only some of its weights for each"
        )
    if reached < LEAST_SHARE * bound:
        return (
            f"{head}, {reached / bound:.0%} of the memory's {which}: suspiciously slow; look at heat, the number of "
            "threads and free memory"
        )
    return None


def _bound(run: Run, arm: ArmColumns) -> tuple[DeviceProfile, str, float] | None:
    """(profile, figure, GB/s) that bounds what this arm may reach."""
    spec = run.plan.targets.get(arm.target)
    name = (spec.device if spec else None) or run.plan.device
    if name is None:
        return None
    try:
        profile = load_device(name)
    except EdgebenchError:  # the cost of this arm says what is wrong with its profile
        return None
    if any(contradiction(profile, segment.host) for segment in run.segments):
        return None
    known = bandwidths(profile)
    return next(((profile, figure, known[figure]) for figure in CEILINGS if figure in known), None)


def bandwidths(profile: DeviceProfile) -> Mapping[str, float]:
    """What a profile says of its memory, GB/s: the peak whoever says it, reading and copying only where measured.

    Published copies are one thread's, often half of what all threads reach: no bound on what an engine may reach.
    """
    return {
        name: float(figure.value)
        for name, figure in profile.figures.items()
        if name == "memory_gb_s" or (name in CEILINGS and figure.kind == "measured")
    }


def contradiction(profile: DeviceProfile, host: Mapping[str, Any]) -> str | None:
    """Why a profile cannot be of the machine with this fingerprint (``Segment.host``); None: nothing speaks against it.

    Processors a system counts may be twice the cores (two threads each); memory may be less than what is built in.
    """
    cores, threads = profile.get("cores"), host.get("cores")
    if cores is not None and threads and not float(cores) <= float(threads) <= 2 * float(cores):
        return f"{profile.name} has {cores} cores, and this run's machine {threads} processors"
    memory, built_in = host.get("memory_bytes"), profile.get("ram_gib")
    if memory and built_in is not None and abs(float(memory) / 2**30 / float(built_in) - 1) > SAME_MEMORY:
        return f"{profile.name} has {built_in} GiB of memory, and this run's machine {float(memory) / 2**30:.3g}"
    return None
