"""What this machine is, as far as it tells: each fact with how it was learnt, or why it is absent.

Names are not believed where something can be measured: the Raspberry Pi 4 is sold at 1.8 and at 1.25 GHz under one
name, and a governor does not know that the firmware holds the clock down. So the clock is read while one processor is
kept busy, from the best source there is:

1. a Raspberry Pi's firmware (``vcgencmd measure_clock arm``), which counts;
2. ``scaling_cur_freq`` of the busiest processor: a count of cycles on x86, what the driver set elsewhere;
3. ``cpu MHz`` of ``/proc/cpuinfo``: a count where the processor has ``aperfmperf``, else the nominal frequency (as in
   most virtual machines), which is then called that;
4. nothing: macOS and Windows tell only a nominal frequency, which is no measurement.

Python cannot time cycles, and a chain of dependent instructions tells a clock only to who knows its latency.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from edgebench.meters import throttling
from edgebench.meters.host import fingerprint

BUSY_S = 0.5  # long enough for a governor to notice, short beside the probe of the memory
EVERY_S = 0.02
SETTLED = 0.5  # of the samples: the earlier ones are of a clock still rising


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing found out, and how; or ``value`` None and in ``how`` the reason."""

    name: str
    value: str | float | None
    unit: str
    how: str
    measured: bool = False  # sensed now; not what a name, a label or a specification says


@dataclass(frozen=True, slots=True)
class Places:
    """Where the kernel's files are; tests put in their own."""

    sys_root: Path = Path("/sys")
    proc: Path = Path("/proc")
    etc: Path = Path("/etc")


def detect(places: Places | None = None) -> tuple[Fact, ...]:
    """What this machine is, its clock excepted (``clock``)."""
    where = places or Places()
    known = fingerprint()
    return (
        _model(where),
        Fact("CPU", known["cpu"], "", "as it calls itself"),
        Fact("cores", psutil.cpu_count(logical=False) or psutil.cpu_count(), "", "physical ones"),
        Fact("ram_gib", round(psutil.virtual_memory().total / 2**30, 2), "GiB", "what the system can use", True),
        _governor(where),
        _power_mode(where),
    )


def _model(where: Places) -> Fact:
    """A device tree's model, DMI's product, macOS's hardware model or the Windows registry's product name."""
    for file in (where.proc / "device-tree/model", where.sys_root / "firmware/devicetree/base/model"):
        if text := _text(file):
            return Fact("model", text, "", "device tree")
    product = [_text(where.sys_root / "class/dmi/id" / name) for name in ("sys_vendor", "product_name")]
    if words := " ".join(word for word in product if word):
        return Fact("model", words, "", "DMI")
    if sys.platform == "darwin" and (said := _said("sysctl", "-n", "hw.model")):
        return Fact("model", said, "", "sysctl hw.model")
    if sys.platform == "win32" and (said := _registry()):
        return Fact("model", said, "", "registry")
    return Fact("model", None, "", "neither a device tree nor DMI says what it is")


def _governor(where: Places) -> Fact:
    text = _text(where.sys_root / "devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return Fact("governor", text, "", "cpufreq" if text else "no cpufreq: the clock is not the system's to choose")


def _power_mode(where: Places) -> Fact:
    """A laptop's platform profile, or a Jetson's power model."""
    if text := _text(where.sys_root / "firmware/acpi/platform_profile"):
        return Fact("power mode", text, "", "ACPI platform profile")
    if (where.etc / "nvpmodel.conf").is_file() and (said := _said("nvpmodel", "-q")):
        return Fact("power mode", said.splitlines()[0].removeprefix("NV Power Mode:").strip(), "", "nvpmodel")
    return Fact("power mode", None, "", "neither an ACPI platform profile nor nvpmodel")


# ------------------------------------------------------------------------------------------------------- under load


@dataclass(frozen=True, slots=True)
class Heat:
    """Temperature and throttling counters at one moment."""

    celsius: float | None
    throttle: throttling.Throttle


def heat(where: Places | None = None) -> Heat:
    """The hottest sensor of the kernel's thermal zones, and what throttling was counted so far."""
    root = (where or Places()).sys_root
    texts = [_text(file) for file in root.glob("class/thermal/thermal_zone*/temp")]
    degrees = [int(text) / 1000 for text in texts if text and text.lstrip("-").isdigit()]
    return Heat(max(degrees, default=None), throttling.look(root))


def warmed(before: Heat, after: Heat) -> tuple[Fact, Fact]:
    """What the load did: temperatures, and throttling events in between."""
    how = "hottest thermal zone, before and after the load"
    if before.celsius is None or after.celsius is None:
        temperature = Fact("temperature", None, "°C", "no thermal zone")
    else:
        temperature = Fact("temperature", f"{before.celsius:.0f} → {after.celsius:.0f}", "°C", how, True)
    events = throttling.new(before.throttle, after.throttle)
    if not events:
        return temperature, Fact("throttling", None, "", "neither the kernel nor a firmware counts it")
    told = Fact("throttling", float(events["throttle_events"]), "events", "during the load", True)
    return temperature, told


def clock(where: Places | None = None, *, busy_s: float = BUSY_S) -> Fact:
    """The clock in GHz while one processor is busy, from the best source there is (see the module's words)."""
    places = where or Places()
    found: dict[str, list[float]] = {}
    with _busy():
        until = time.monotonic() + busy_s
        while time.monotonic() < until:
            for source, mhz in _clocks(places):
                found.setdefault(source, []).append(mhz)
            time.sleep(EVERY_S)
    for source, samples in found.items():
        settled = samples[int(len(samples) * SETTLED) :]
        counted = source != NOMINAL
        how = f"{source}, one processor busy" if counted else NOMINAL
        return Fact("clock_ghz", round(float(np.median(settled)) / 1000, 3), "GHz", how, counted)
    return Fact("clock_ghz", None, "GHz", "this system tells no clock that was counted")


NOMINAL = "cpu MHz of /proc/cpuinfo: nominal, for nothing here counts cycles"


def _clocks(places: Places) -> Iterator[tuple[str, float]]:
    """(source, MHz of the fastest processor), best source first."""
    if places.sys_root == Path("/sys") and (said := _said("vcgencmd", "measure_clock", "arm")):
        hertz = said.rpartition("=")[2]
        if hertz.isdigit():
            yield "the firmware's measure_clock", int(hertz) / 1e6
    texts = [_text(file) for file in places.sys_root.glob("devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")]
    if khz := [int(text) for text in texts if text and text.isdigit()]:
        yield "scaling_cur_freq", max(khz) / 1e3
    lines = [line.partition(":") for line in (_text(places.proc / "cpuinfo") or "").splitlines()]
    if mhz := [float(value) for key, _, value in lines if key.strip() == "cpu MHz"]:
        counted = any(key.strip() == "flags" and "aperfmperf" in value.split() for key, _, value in lines)
        yield "cpu MHz of /proc/cpuinfo" if counted else NOMINAL, max(mhz)


@contextmanager
def _busy() -> Iterator[None]:
    """Keeps one processor busy in numpy, which lets go of the interpreter's lock, so that others can read meanwhile."""
    stop = threading.Event()

    def turn() -> None:
        values = np.arange(2**14, dtype=np.float64)  # fits the nearest cache: this is about the core, not the memory
        while not stop.is_set():
            np.sqrt(values, out=values)

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# ------------------------------------------------------------------------------------------------------------ asking


def _said(program: str, *arguments: str) -> str | None:
    """What a program of the system prints, within two seconds; None where it is not there or does not want to."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=2, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _registry() -> str | None:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\BIOS") as key:
            return str(winreg.QueryValueEx(key, "SystemProductName")[0]).strip() or None
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\x00\n ") or None
    except OSError:
        return None


def title(facts: tuple[Fact, ...]) -> str:
    """The machine in one line, for the title of a profile."""
    known = {fact.name: fact.value for fact in facts if fact.value is not None}
    return f"{known.get('model') or known['CPU']}, {known['cores']} cores, {platform.machine()}"
