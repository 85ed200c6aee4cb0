"""What a machine is: read from the kernel's files where they are, absent with a reason where not."""

from __future__ import annotations

from pathlib import Path

from edgebench.meters import device
from edgebench.meters.throttling import Throttle


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _places(tmp_path: Path) -> device.Places:
    return device.Places(tmp_path / "sys", tmp_path / "proc", tmp_path / "etc")


def _facts(places: device.Places) -> dict[str, device.Fact]:
    return {fact.name: fact for fact in device.detect(places)}


def test_a_board_with_a_device_tree_is_named_by_it(tmp_path: Path) -> None:
    """And its governor is read."""
    places = _places(tmp_path)
    _write(places.proc / "device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\x00")
    _write(places.sys_root / "devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n")
    facts = _facts(places)
    assert (facts["model"].value, facts["model"].how) == ("Raspberry Pi 5 Model B Rev 1.0", "device tree")
    assert facts["governor"].value == "ondemand"


def test_a_pc_is_named_by_dmi_and_tells_its_platform_profile(tmp_path: Path) -> None:
    """Vendor and product; a laptop's power mode."""
    places = _places(tmp_path)
    _write(places.sys_root / "class/dmi/id/sys_vendor", "Framework\n")
    _write(places.sys_root / "class/dmi/id/product_name", "Laptop 13\n")
    _write(places.sys_root / "firmware/acpi/platform_profile", "balanced\n")
    facts = _facts(places)
    assert facts["model"].value == "Framework Laptop 13"
    assert facts["power mode"].value == "balanced"


def test_a_machine_that_tells_nothing_has_absences_with_reasons(tmp_path: Path) -> None:
    """No file, no value, but a sentence; what psutil knows is there all the same."""
    facts = _facts(_places(tmp_path))
    for name in ("governor", "power mode"):
        assert facts[name].value is None and facts[name].how
    assert facts["cores"].value and facts["ram_gib"].value


def test_the_clock_is_that_of_the_busiest_processor(tmp_path: Path) -> None:
    """scaling_cur_freq before /proc/cpuinfo, and called measured."""
    places = _places(tmp_path)
    for cpu, khz in enumerate((600_000, 2_400_000)):
        _write(places.sys_root / f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", f"{khz}\n")
    _write(places.proc / "cpuinfo", "cpu MHz : 1111.0\n")
    fact = device.clock(places, busy_s=0.1)
    assert fact.value == 2.4 and fact.measured and "scaling_cur_freq" in fact.how


def test_a_nominal_clock_is_not_called_measured(tmp_path: Path) -> None:
    """/proc/cpuinfo counts cycles only where the processor can (aperfmperf); else it repeats a label."""
    places = _places(tmp_path)
    _write(places.proc / "cpuinfo", "flags : fpu tsc hypervisor\ncpu MHz : 2596.140\n")
    fact = device.clock(places, busy_s=0.1)
    assert (fact.value, fact.measured) == (2.596, False) and "nominal" in fact.how
    _write(places.proc / "cpuinfo", "flags : fpu tsc aperfmperf\ncpu MHz : 4189.0\n")
    assert device.clock(places, busy_s=0.1).measured
    assert device.clock(_places(tmp_path / "none"), busy_s=0.05).value is None


def test_heat_and_throttling_are_told_before_and_after(tmp_path: Path) -> None:
    """The hottest zone; new throttling bits only; unknown stays unknown."""
    places = _places(tmp_path)
    for zone, milli in enumerate((41_000, 52_500)):
        _write(places.sys_root / f"class/thermal/thermal_zone{zone}/temp", str(milli))
    assert device.heat(places).celsius == 52.5
    before, after = device.Heat(40.0, Throttle(3, None)), device.Heat(81.0, Throttle(5, None))
    temperature, throttled = device.warmed(before, after)
    assert temperature.value == "40 → 81" and throttled.value == 2.0
    unknown = device.Heat(None, Throttle(None, None))
    assert [fact.value for fact in device.warmed(unknown, unknown)] == [None, None]
