"""Memory limits: amounts as people write them, groups that hold, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.errors import TargetError, UsageError
from edgebench.meters.confined import counters, group_of
from edgebench.meters.memory import Memory
from edgebench.records import Message, Parts, Request, TargetSpec, Task
from edgebench.targets import confine
from edgebench.targets.confine import Confinement, parse_bytes, places, uncache
from edgebench.targets.isolated import Isolated
from edgebench.targets.llama_cpp import target as llama_cpp
from tests.confining import confined

MIB = 2**20


# --------------------------------------------------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2GiB", 2 * 2**30), ("2 gib", 2 * 2**30), ("512MiB", 512 * MIB), (" 1.5GB ", 1_500_000_000),
        ("4096 KiB", 4 * MIB), ("2000000B", 2_000_000), ("1TB", 10**12), ("0.5GiB", 2**29),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(text: str, amount: int) -> None:
    """Powers of two with an i, powers of ten without."""
    assert parse_bytes(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "2G",
        "GiB",
        "-1GiB",
        "2GiB!",
        "2 GiB 3",
        "two GiB",
        "1e3MiB",
        "½GiB",
        "nan GiB",
        "inf MB",
        "2PiB",
        "٣GiB",
    ],
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    """Also a bare number: nobody knows whether 2 means bytes."""
    with pytest.raises(UsageError, match="is no amount of memory") as caught:
        parse_bytes(text)
    assert "GiB" in str(caught.value.hint)


@pytest.mark.parametrize(("text", "word"), [("0GiB", "little"), ("4KiB", "little"), ("99999999TiB", "much")])
def test_amounts_no_process_could_have_are_refused(text: str, word: str) -> None:
    """Not silently made into something else."""
    with pytest.raises(UsageError, match=word):
        parse_bytes(text)


@given(st.integers(2, 10**6), st.sampled_from(["MiB", "GiB", "MB", "GB"]))
def test_every_whole_amount_is_exact(number: int, unit: str) -> None:
    """No float on the way."""
    assert parse_bytes(f"{number}{unit}") == number * confine.UNITS[unit.lower()]


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_mistake(text: str) -> None:
    """Never another error."""
    with suppress(UsageError):
        assert confine.LEAST <= parse_bytes(text) <= confine.MOST


# --------------------------------------------------------------------------------------------------------- real groups


def child(confinement: Confinement, code: str) -> subprocess.Popen[str]:
    command = confinement.command([sys.executable, "-c", code])
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@confined
def test_a_process_that_holds_more_than_its_limit_is_killed_and_the_group_is_gone() -> None:
    """30 MiB fit into 48, 60 more do not; nothing stays behind."""
    with Confinement(48 * MIB) as confinement:
        group = confinement.group
        with child(confinement, "b = bytearray(30 << 20); print('fits', flush=True); c = bytearray(60 << 20)") as held:
            assert held.stdout and held.stdout.readline() == "fits\n"
            assert held.wait(30) == -signal.SIGKILL
        assert counters(group)["charged_peak_bytes"] <= 48 * MIB
        assert group.is_dir()
    assert not group.exists()


@confined
def test_the_limit_holds_from_the_first_instruction_on_and_for_its_children() -> None:
    """The process and what it starts are in the group; the meter finds it by any of them."""
    with Confinement(200 * MIB) as confinement:
        code = "import subprocess, sys; subprocess.run([sys.executable, '-c', \"print('up', flush=True); input()\"])"
        with child(confinement, code) as process:
            assert process.stdout and process.stdout.readline() == "up\n"
            assert group_of([process.pid]) == confinement.group
            pids = {int(line) for line in (confinement.group / "cgroup.procs").read_text().split()}
            assert process.pid in pids and len(pids) == 2
            found = {one.quantity for one in Memory().mark("load", [process.pid], trial_id="t")}
            assert "charged_peak_bytes" in found
            process.communicate("\n")
    assert group_of([os.getpid()]) is None


ABANDONED = """
import os, signal, subprocess, sys
from edgebench.targets.confine import Confinement
confinement = Confinement(100 << 20).__enter__()
code = "print('up', flush=True); import time; time.sleep(60)"
process = subprocess.Popen(confinement.command([sys.executable, "-c", code]), stdout=subprocess.PIPE)
process.stdout.readline()
print(confinement.group, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@confined
def test_a_group_whose_maker_was_killed_is_swept_by_the_next() -> None:
    """``kill -9`` of the parent: its child dies with it, and the empty group goes when another is made."""
    done = subprocess.run([sys.executable, "-c", ABANDONED], capture_output=True, text=True, check=False)
    group = Path(done.stdout.strip())
    assert group.is_dir()
    deadline = time.monotonic() + 5
    while (group / "cgroup.procs").read_text().strip():
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)
    with Confinement(100 * MIB) as another:
        assert another.group.parent == group.parent
    assert not group.exists()


@confined
async def test_a_worker_killed_from_outside_leaves_no_group() -> None:
    """``kill -9`` of the target's process."""
    target = Isolated(
        Parts("t", TargetSpec("fake", memory_limit="300MiB")), "edgebench.targets.fake:FakeEngine", load_timeout_s=30
    )
    async with target as opened:
        group = group_of(opened.pids())
        assert group is not None
        assert opened.identity().details["memory_limit_bytes"] == 300 * MIB
        os.kill(opened.pids()[0], signal.SIGKILL)
        with pytest.raises(TargetError):
            async with aclosing(opened.answer(Request((), "hi", timeout_s=5.0))) as stream:
                async for _ in stream:
                    pass
    assert not group.exists()


@confined
async def test_a_model_under_a_limit_answers_and_one_under_far_too_little_fails(
    model_files: dict[str, Path], tmp_path: Path
) -> None:
    """At 400 MiB SmolLM2 runs and is charged for its file; at 32 MiB it cannot."""
    model = shutil.copy(model_files["smollm2"], tmp_path / "own.gguf")
    size = model_files["smollm2"].stat().st_size

    def made(limit: str) -> Isolated:
        spec = TargetSpec(
            "llama.cpp", file=str(model), memory_limit=limit, options={"n_ctx": 256, "batch": 64, "threads": 1}
        )
        found = llama_cpp(Parts("t", spec, files={"model": str(model)}))
        assert isinstance(found, Isolated)
        return found

    async with made("400MiB") as opened:
        await opened.prepare(Task())
        request = Request((Message("user", "Say hello."),), "Say hello.", max_tokens=4, timeout_s=30.0)
        async with aclosing(opened.answer(request)) as stream:
            assert [chunk async for chunk in stream]
        group = group_of(opened.pids())
        assert group is not None
        assert size < counters(group)["charged_peak_bytes"] <= 400 * MIB
    with pytest.raises(TargetError) as caught:
        async with made("32MiB"):
            pass
    assert caught.value.kind in ("load_failed", "out_of_memory")
    assert not group.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the page cache is dropped on Linux only")
def test_a_file_dropped_from_the_cache_is_whole(tmp_path: Path) -> None:
    """Freshly written pages are kept; a file that is not there is no error."""
    file = tmp_path / "model"
    file.write_bytes(os.urandom(MIB))
    content = file.read_bytes()
    uncache([str(file), str(tmp_path / "none")])
    assert file.read_bytes() == content


# --------------------------------------------------------------------------------------------------------- made-up ones


def test_where_no_group_can_be_made_it_says_so_and_what_to_type(tmp_path: Path) -> None:
    """No control groups at all; and some that are not ours to write."""
    with pytest.raises(UsageError, match="no memory control groups") as caught, Confinement(MIB, cgroups=tmp_path):
        pass
    assert "systemd-run --user --scope" in str(caught.value.hint)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    own = version_1(tmp_path)
    with (
        pytest.raises(UsageError, match="can be made here: Permission denied"),
        Confinement(MIB, cgroups=tmp_path, own=own, mkdir=refuse),
    ):
        pass


def version_1(root: Path) -> Path:
    (root / "memory" / "ours").mkdir(parents=True)
    own = root / "own"
    own.write_text("7:cpu,cpuacct:/\n4:memory:/ours\n1:name=systemd:/a:b\n")
    return own


def version_2(root: Path, *, enabled: bool) -> Path:
    """A user's scope below a slice that hands memory limits down."""
    scope = root / "user.slice" / "app.slice" / "run.scope"
    scope.mkdir(parents=True)
    for folder in (root, root / "user.slice", root / "user.slice" / "app.slice", scope):
        (folder / "cgroup.controllers").write_text("cpu memory pids\n")
        (folder / "cgroup.subtree_control").write_text("" if folder == scope or not enabled else "cpu memory\n")
    own = root / "own"
    own.write_text("0::/user.slice/app.slice/run.scope\n")
    return own


def maker(*files: str) -> tuple[Callable[[Path], None], list[Path]]:
    """A ``mkdir`` that also makes the files a kernel would, and what it made."""
    made: list[Path] = []

    def mkdir(path: Path) -> None:
        path.mkdir()
        made.append(path)
        for name in files:
            (path / name).touch()

    return mkdir, made


def contents(group: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in group.iterdir() if file.read_text()}


def test_version_2_limits_memory_and_forbids_swap_beside_our_own_group(tmp_path: Path) -> None:
    """Our own scope holds us and may hold no limited groups; its parent, which hands them down, does."""
    own = version_2(tmp_path, enabled=True)
    (tmp_path / "user.slice/app.slice/run.scope/cgroup.controllers").write_text("cpu pids\n")
    mkdir, made = maker("memory.max", "memory.swap.max", "cgroup.procs")
    with Confinement(64 * MIB, cgroups=tmp_path, own=own, mkdir=mkdir, rmdir=shutil.rmtree) as confinement:
        assert confinement.group == made[0]
        assert confinement.group.parent == tmp_path / "user.slice" / "app.slice"
        assert contents(made[0]) == {"memory.max": str(64 * MIB), "memory.swap.max": "0"}
        assert str(made[0] / "cgroup.procs") in confinement.command(["program"])
    assert not made[0].exists()


def test_version_2_without_swap_is_limited_all_the_same(tmp_path: Path) -> None:
    """The kernel has no file for swap then."""
    own = version_2(tmp_path, enabled=True)
    mkdir, made = maker("memory.max")
    with Confinement(64 * MIB, cgroups=tmp_path, own=own, mkdir=mkdir, rmdir=shutil.rmtree):
        assert contents(made[0]) == {"memory.max": str(64 * MIB)}


def test_version_2_is_asked_for_limits_only_in_our_own_group(tmp_path: Path) -> None:
    """Nobody else's group is changed."""
    own = version_2(tmp_path, enabled=False)
    found = places(tmp_path, own)
    scope = tmp_path / "user.slice" / "app.slice" / "run.scope"
    assert found == [] or found == [(scope, 2)]
    assert (scope / "cgroup.subtree_control").read_text() == "+memory"
    assert (scope.parent / "cgroup.subtree_control").read_text() == ""


def test_version_1_limits_memory_before_memory_with_swap(tmp_path: Path) -> None:
    """The kernel refuses them in the other order; swappiness is nought."""
    own = version_1(tmp_path)
    mkdir, made = maker("memory.memsw.limit_in_bytes", "memory.force_empty")
    with Confinement(64 * MIB, cgroups=tmp_path, own=own, mkdir=mkdir, rmdir=shutil.rmtree):
        assert made[0].parent == tmp_path / "memory" / "ours"
        amount = str(64 * MIB)
        assert contents(made[0]) == {
            "memory.limit_in_bytes": amount,
            "memory.memsw.limit_in_bytes": amount,
            "memory.swappiness": "0",
        }


def test_counters_are_absent_where_a_kernel_does_not_count(tmp_path: Path) -> None:
    """A full group that was "never" refused: its kernel keeps the file and does not count."""
    files = {"memory.failcnt": "0", "memory.max_usage_in_bytes": "4096", "memory.limit_in_bytes": "4096"}
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "memory.stat").write_text("cache 9\nworkingset_refault_file 12\n")
    assert counters(tmp_path) == {"refaults": 12, "charged_peak_bytes": 4096}
    (tmp_path / "memory.failcnt").write_text("3\n")
    assert counters(tmp_path)["limit_hits"] == 3
    (tmp_path / "memory.limit_in_bytes").write_text("8192\n")
    (tmp_path / "memory.failcnt").write_text("0\n")
    assert counters(tmp_path)["limit_hits"] == 0


def test_version_2_counts_hits_as_events(tmp_path: Path) -> None:
    """``max`` of memory.events."""
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 41\noom 0\noom_kill 0\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    assert counters(tmp_path) == {"limit_hits": 41, "charged_peak_bytes": 4096}
