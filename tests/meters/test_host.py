"""What happened to the machine meanwhile, from files like the kernel's and clocks of our own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgebench.meters.clocks import Clocks
from edgebench.meters.host import Host
from edgebench.meters.throttling import Throttle, new

S = 1_000_000_000


@dataclass
class Machine:
    """A made-up /proc and /sys, and clocks that go as they are told."""

    proc: Path
    sys_root: Path
    awake: int = 100 * S
    asleep: int = 0
    wall: int = 1_790_000_000 * S
    knows_sleep: bool = True
    meter: Host = field(init=False)

    def __post_init__(self) -> None:
        passed = (lambda: self.awake + self.asleep) if self.knows_sleep else None
        clocks = Clocks(awake_ns=lambda: self.awake, passed_ns=passed, wall_ns=lambda: self.wall)
        self.meter = Host(proc=self.proc, sys_root=self.sys_root, time_from=clocks)

    def write(self, path: str, text: str) -> None:
        file = (self.proc if path.startswith("proc/") else self.sys_root) / path.partition("/")[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def ticks(self, user: float, steal: float | None) -> None:
        hertz = os.sysconf("SC_CLK_TCK")
        row = ["cpu ", user * hertz, 0, 0, 1000, 0, 0, 0, *([] if steal is None else [steal * hertz, 0, 0])]
        self.write("proc/stat", " ".join(str(int(part) if isinstance(part, float) else part) for part in row) + "\n")

    def goes_on(self, seconds: float, *, asleep: float = 0, stepped: float = 0) -> None:
        self.awake += int(seconds * S)
        self.asleep += int(asleep * S)
        self.wall += int((seconds + asleep + stepped) * S)

    def begin(self) -> None:
        self.meter.mark("load", [], trial_id="t")

    def end(self) -> dict[str, float]:
        return {one.quantity: one.value for one in self.meter.mark("steady", [], trial_id="t")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "proc").mkdir()
    (tmp_path / "sys").mkdir()
    return Machine(tmp_path / "proc", tmp_path / "sys")


linux = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="ticks are Unix's")


@linux
def test_what_other_guests_took_is_apart_from_what_other_processes_used(machine: Machine) -> None:
    """Ten seconds of others, three stolen."""
    machine.ticks(user=1000, steal=5)
    machine.begin()
    machine.ticks(user=1010, steal=8)
    found = machine.end()
    assert found["other_cpu_seconds"] == pytest.approx(10, abs=0.5)  # less what this test itself took
    assert found["steal_cpu_seconds"] == pytest.approx(3)


@linux
def test_a_kernel_that_counts_no_steal_says_none(machine: Machine) -> None:
    """Absent, not zero."""
    machine.ticks(user=1000, steal=None)
    machine.begin()
    assert "steal_cpu_seconds" not in machine.end()


def test_a_sleep_is_the_gap_between_the_clocks(machine: Machine) -> None:
    """The lid was closed for a minute and a half; the wall clock went on, and was not stepped."""
    machine.begin()
    machine.goes_on(20, asleep=90)
    found = machine.end()
    assert found["slept_ns"] == 90 * S
    assert found["wall_step_ns"] == 0


def test_without_a_clock_that_goes_on_in_sleep_nothing_is_said_of_sleep(tmp_path: Path) -> None:
    """As on Windows."""
    machine = Machine(tmp_path, tmp_path, knows_sleep=False)
    machine.begin()
    machine.goes_on(20)
    found = machine.end()
    assert "slept_ns" not in found
    assert found["wall_step_ns"] == 0


@pytest.mark.parametrize(("stepped", "said"), [(-3600.0, -3600.0), (2.5, 2.5), (0.009, 0.0), (-0.012, 0.0)])
def test_a_wall_clock_that_was_set_is_told_from_one_that_was_slewed(
    machine: Machine, stepped: float, said: float
) -> None:
    """Over 20 s, up to 20 ms are reading and slewing; an hour back is a step."""
    machine.begin()
    machine.goes_on(20, stepped=stepped)
    assert machine.end()["wall_step_ns"] == pytest.approx(said * S, abs=1000)


def test_the_machine_we_are_on_neither_slept_nor_was_set() -> None:
    """With the real clocks, whatever they are."""
    meter = Host()
    meter.mark("load", [], trial_id="t")
    found = {one.quantity: one.value for one in meter.mark("steady", [], trial_id="t")}
    assert found.get("slept_ns", 0) < 1e6
    assert found["wall_step_ns"] == 0


def test_thermal_events_of_the_trial_are_counted(machine: Machine) -> None:
    """Counts since boot differ by what happened meanwhile."""
    for cpu, count in ((0, 7), (1, 0)):
        machine.write(f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle/core_throttle_count", f"{count}\n")
    machine.begin()
    machine.write("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "4\n")
    assert machine.end()["throttle_events"] == 4


def test_bits_that_stick_from_before_the_trial_are_not_its_fault(machine: Machine) -> None:
    """A Pi: 0x50000 before and 0xD0000 after report only the new bit; 0x50000 twice reports none."""
    file = "sys/devices/platform/soc/soc:firmware/get_throttled"
    machine.write(file, "50000\n")
    machine.begin()
    machine.write(file, "d0000\n")
    found = machine.end()
    assert (found["throttled_bits"], found["throttle_events"]) == (0x80000, 1)
    machine.begin()
    found = machine.end()
    assert (found["throttled_bits"], found["throttle_events"]) == (0, 0)


def test_a_bit_that_holds_at_an_edge_counts_although_it_stuck_before() -> None:
    """Throttled now (bit 2) while "has been throttled" (bit 18) was up already."""
    assert new(Throttle(None, 0x40000), Throttle(None, 0x40004)) == {"throttled_bits": 0x40000, "throttle_events": 1}
    assert new(Throttle(3, None), Throttle(None, 0x4)) == {}


def test_pressure_is_a_difference_of_totals(machine: Machine) -> None:
    """Microseconds some process waited, by resource; a resource the kernel does not tell is not there."""
    line = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n"
    for resource, total in (("cpu", 1000), ("io", 50)):
        machine.write(f"proc/pressure/{resource}", line.format(total))
    machine.begin()
    machine.write("proc/pressure/cpu", line.format(1700))
    found = machine.end()
    assert (found["psi_cpu_some_us"], found["psi_io_some_us"]) == (700, 0)
    assert "psi_memory_some_us" not in found


def test_a_machine_that_tells_nothing_has_no_readings_of_it(machine: Machine) -> None:
    """No throttling, pressure or frequency without the files; and a garbled one is no number."""
    machine.write("sys/devices/platform/soc/soc:firmware/get_throttled", "who knows\n")
    machine.begin()
    found = machine.end()
    assert not {"throttle_events", "throttled_bits", "psi_cpu_some_us", "cpu_mhz"} & set(found)


def test_the_processors_clock_is_read_at_the_edges(machine: Machine) -> None:
    """In MHz, the mean over processors."""
    for cpu, khz in ((0, 1_500_000), (1, 2_500_000)):
        machine.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", f"{khz}\n")
    (before,) = machine.meter.mark("load", [], trial_id="t")
    assert (before.quantity, before.value, before.unit) == ("cpu_mhz", 2000.0, "MHz")
