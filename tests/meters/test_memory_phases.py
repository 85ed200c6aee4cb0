"""Memory by phase and kind, of whole trees, weighed against children that hold what they were told to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgebench.meters.memory import Memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the split is Linux's")
MIB = 2**20

#: does what each line says, and answers when it is done
CHILD = """
import mmap, subprocess, sys, time
kept, children = [], []
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "touch":
        with mmap.mmap(-1, int(rest) << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
            for at in range(0, len(area), 4096):
                area[at] = 1
            time.sleep(0.005)
    elif word == "hold":
        kept.append(bytearray(int(rest) << 20))
    elif word == "map":
        with open(rest, "rb") as file:
            area = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        kept.append((area, sum(area[at] for at in range(0, len(area), 4096))))
    elif word == "share":
        area = mmap.mmap(-1, int(rest) << 20)
        for at in range(0, len(area), 4096):
            area[at] = 1
        kept.append(area)
    elif word == "bear":
        code = f"b = bytearray({rest} << 20); print('up', flush=True); input()"
        children.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        children[-1].stdout.readline()
    elif word == "bury":
        children.pop().communicate(b"\\n")
    print("ok", flush=True)
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def weigh(child: subprocess.Popen[str]) -> Callable[..., dict[str, float]]:
    """Let the child do something, end the phase, and give its readings in MiB."""
    meter = Memory()

    def weighed(*orders: str) -> dict[str, float]:
        assert child.stdin and child.stdout
        for order in orders:
            child.stdin.write(f"{order}\n")
            child.stdin.flush()
            assert child.stdout.readline() == "ok\n"
        return {one.quantity: one.value / MIB for one in meter.mark("steady", [child.pid], trial_id="t")}

    return weighed


@pytest.mark.parametrize("mib", [16, 64, 256])
def test_what_was_touched_for_five_milliseconds_is_in_the_peak(
    mib: int, weigh: Callable[..., dict[str, float]]
) -> None:
    """Within 1 % or 2 MB, and gone from what is resident: no poller would have seen it."""
    before = weigh("nothing")
    after = weigh(f"touch {mib}")
    assert after["peak_bytes"] - before["rss_bytes"] == pytest.approx(mib, abs=max(0.01 * mib, 2e6 / MIB))
    assert after["rss_bytes"] - before["rss_bytes"] < 2


def test_a_mapped_model_is_file_backed_and_what_the_process_made_is_anonymous(
    weigh: Callable[..., dict[str, float]], model_files: dict[str, Path], tmp_path: Path
) -> None:
    """A mapped GGUF adds its size to the one, a held block its own to the other: within 2 % each."""
    model = Path(shutil.copy(model_files["smollm2"], tmp_path))  # pages others map as well would count in part
    size = model.stat().st_size / MIB
    before = weigh("nothing")
    mapped = weigh(f"map {model}")
    held = weigh("hold 100")
    assert mapped["file_bytes"] - before["file_bytes"] == pytest.approx(size, rel=0.02)
    assert mapped["anon_bytes"] - before["anon_bytes"] < 0.02 * size
    assert held["anon_bytes"] - mapped["anon_bytes"] == pytest.approx(100, rel=0.02)
    assert held["file_bytes"] - mapped["file_bytes"] == pytest.approx(0, abs=2)


def test_memory_made_to_be_shared_is_neither(weigh: Callable[..., dict[str, float]]) -> None:
    """Shared anonymous pages are counted apart."""
    before = weigh("nothing")
    after = weigh("share 40")
    assert after["shared_bytes"] - before["shared_bytes"] == pytest.approx(40, rel=0.02)
    assert after["anon_bytes"] - before["anon_bytes"] < 2
    assert after["file_bytes"] - before["file_bytes"] < 2


def test_a_child_counts_while_it_lives_and_not_after(weigh: Callable[..., dict[str, float]]) -> None:
    """One joins the tree between two phases and leaves it before a third."""
    before = weigh("nothing")
    during = weigh("bear 60")
    after = weigh("bury")
    assert 60 <= during["anon_bytes"] - before["anon_bytes"] < 75
    assert during["peak_bytes"] - before["rss_bytes"] >= 60
    assert after["anon_bytes"] - before["anon_bytes"] == pytest.approx(0, abs=1)
    assert after["peak_bytes"] - before["rss_bytes"] == pytest.approx(0, abs=2)
