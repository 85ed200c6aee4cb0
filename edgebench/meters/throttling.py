"""Whether the device slowed itself down: counts of the kernel's thermal driver, or a Raspberry Pi's firmware bits.

The Pi's bits come in two halves: 0–3 say what holds *now* (under-voltage, frequency capped, throttled, soft
temperature limit), 16–19 that it *happened since boot*. The second half sticks, so a bit that was up before the run
is not this run's fault: only new ones count, and those that hold at an edge.
Linux only; absent elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOW, STICKY, SHIFT = 0xF, 0xF0000, 16


@dataclass(frozen=True, slots=True)
class Throttle:
    """What the machine says at one moment; None where it does not say."""

    count: int | None  # thermal events since boot, over all processors; siblings may count one event each
    bits: int | None  # a Raspberry Pi's


def look(sys_root: Path) -> Throttle:
    """Read it at the edge of a trial (a Pi without the file in /sys is asked by its own program: some 5 ms)."""
    counts = [
        value
        for name in ("core_throttle_count", "package_throttle_count")
        for file in sys_root.glob(f"devices/system/cpu/cpu*/thermal_throttle/{name}")
        if (value := _number(file, 10)) is not None
    ]
    return Throttle(sum(counts) if counts else None, _bits(sys_root))


def new(before: Throttle, after: Throttle) -> Mapping[str, int]:
    """``throttle_events`` between two moments and, on a Pi, ``throttled_bits`` (sticky positions); empty: unknown."""
    out: dict[str, int] = {}
    if before.count is not None and after.count is not None:
        out["throttle_events"] = max(0, after.count - before.count)
    if before.bits is not None and after.bits is not None:
        bits = (after.bits & ~before.bits & STICKY) | ((before.bits | after.bits) & NOW) << SHIFT
        out["throttled_bits"] = bits
        out["throttle_events"] = out.get("throttle_events", 0) + bits.bit_count()
    return out


def _bits(sys_root: Path) -> int | None:
    found = _number(sys_root / "devices/platform/soc/soc:firmware/get_throttled", 16)
    if found is not None or sys.platform != "linux" or sys_root != Path("/sys"):
        return found
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        said = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=2, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return _parsed(said.rpartition("=")[2], 16)


def _number(file: Path, base: int) -> int | None:
    try:
        return _parsed(file.read_text(encoding="ascii", errors="replace"), base)
    except OSError:
        return None


def _parsed(text: str, base: int) -> int | None:
    try:
        return int(text.strip(), base)
    except ValueError:
        return None
