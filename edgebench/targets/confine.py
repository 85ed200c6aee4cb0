"""A memory limit for a target's processes: a control group of their own (Linux, versions 1 and 2), swap forbidden.

An rlimit would be no substitute: it counts addresses, not memory, and a mapped model file in full. A group is charged
for what its processes touch first, the page cache included; so the model file must not be in the cache already, or
it is somebody else's and a limit below its size passes at full speed: :func:`uncache`.
What remains uncharged are the libraries other programs have in memory as well.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from edgebench.errors import UsageError
from edgebench.targets import kernel

UNITS: Mapping[str, int] = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
LEAST, MOST = 2**20, 2**60  # below a MiB no process starts; above, nobody has it
PREFIX = "edgebench-"  # meters/confined.py knows a group of ours by it
PATIENCE_S = 2.0  # for processes just killed to leave the group
_QUANTITY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]{1,3})\s*", re.IGNORECASE | re.ASCII)
_WAY_OUT = "run it as root, or under:  systemd-run --user --scope -p Delegate=yes edgebench …"


def parse_bytes(text: str) -> int:
    """``"2GiB"``, ``"1.5 GB"``, ``"512MiB"`` in bytes.

    Raises
    ------
    UsageError: no number with a unit, or an amount no process could live with.
    """
    found = _QUANTITY.fullmatch(text)
    factor = UNITS.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise UsageError(f"{text[:40]!r} is no amount of memory", hint="a number and a unit: 512MiB, 2GiB, 1.5GB")
    whole, _, part = found[1].partition(".")
    amount = int(whole) * factor + (int(part) * factor // 10 ** len(part) if part else 0)
    if not LEAST <= amount <= MOST:
        raise UsageError(f"{text.strip()} is too {'little' if amount < LEAST else 'much'} memory for a limit",
                         hint="512MiB, 2GiB, 1.5GB")  # fmt: skip
    return amount


class Confinement:
    """A control group with a memory limit, for as long as it is open.

    Parameters
    ----------
    limit_bytes: the most its processes may hold; the kernel rounds down to whole pages.
    cgroups: where control groups are mounted. own: the file that says which are ours.
    mkdir, rmdir: how a group is made and removed.

    Raises
    ------
    UsageError: no group can be made here (on opening).
    """

    def __init__(
        self,
        limit_bytes: int,
        *,
        cgroups: Path = kernel.CGROUPS,
        own: Path = Path("/proc/self/cgroup"),
        mkdir: Callable[[Path], None] = Path.mkdir,
        rmdir: Callable[[Path], None] = Path.rmdir,
    ) -> None:
        self.limit_bytes = limit_bytes
        self._cgroups, self._own, self._mkdir, self._rmdir = cgroups, own, mkdir, rmdir
        self._group: Path | None = None

    def __enter__(self) -> Self:
        name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        whys: list[str] = []
        for parent, version in places(self._cgroups, self._own):
            self._sweep(parent)
            try:
                self._group = self._made(parent / name, version)
            except OSError as exc:
                whys.append(f"{exc.strerror or exc} ({parent})")
            else:
                return self
        why = whys[0] if whys else "this system has no memory control groups"
        raise UsageError(f"no control group can be made here: {why}", hint=_WAY_OUT)

    def __exit__(self, *exc: object) -> None:
        """Remove the group; its processes were ended by whoever started them."""
        group, self._group = self._group, None
        if group is None:
            return
        with suppress(OSError):  # version 1: give the page cache back, or the next group finds it charged elsewhere
            (group / "memory.force_empty").write_text("0", encoding="ascii")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._rmdir(group)
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return  # the next run sweeps it away
                time.sleep(0.02)
            else:
                return

    @property
    def group(self) -> Path:
        if self._group is None:
            raise RuntimeError("the confinement is not open")
        return self._group

    def command(self, command: Sequence[str]) -> list[str]:
        """The command (its program by absolute path), run inside the group from its first instruction on."""
        procs = str(self.group / "cgroup.procs")
        return [sys.executable, "-P", "-m", "edgebench.targets.joining", procs, "--", *command]

    # ---------------------------------------------------------------------------------------------------------- making

    def _made(self, group: Path, version: int) -> Path:
        self._mkdir(group)
        try:
            for name, value in _rules(group, version, self.limit_bytes):
                (group / name).write_text(value, encoding="ascii")
        except OSError:
            with suppress(OSError):
                self._rmdir(group)
            raise
        return group

    def _sweep(self, parent: Path) -> None:
        """Remove groups whose maker was killed before it could."""
        for group in parent.glob(f"{PREFIX}*"):
            maker = group.name.removeprefix(PREFIX).partition("-")[0]
            if maker.isdigit() and not Path(f"/proc/{maker}").exists():
                with suppress(OSError):  # not empty: somebody lives on in it
                    self._rmdir(group)


def _rules(group: Path, version: int, limit_bytes: int) -> Iterator[tuple[str, str]]:
    """(file, what to write) in the order the kernel wants; swap's files are missing where there is none."""
    if version == 2:
        yield "memory.max", str(limit_bytes)
        if (group / "memory.swap.max").exists():
            yield "memory.swap.max", "0"
        return
    yield "memory.limit_in_bytes", str(limit_bytes)
    yield "memory.swappiness", "0"
    if (group / "memory.memsw.limit_in_bytes").exists():
        yield "memory.memsw.limit_in_bytes", str(limit_bytes)


def places(cgroups: Path, own: Path) -> list[tuple[Path, int]]:
    """(folder, version) in which a group may be made, the nearest first: inside our own, or beside it (version 2)."""
    try:
        lines = own.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    split = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    first = [(found, 1) for _, names, place in split if "memory" in names.split(",")
             for found in [_folder(cgroups / "memory", place)] if found is not None]  # fmt: skip
    second = [
        (folder, 2)
        for _, names, place in split
        if names == ""
        for mount in (cgroups, cgroups / "unified")
        if (found := _folder(mount, place)) is not None
        for folder in _upwards(found, mount)
        if _hands_down(folder, own=folder == found)
    ]
    return first + second


def _folder(mount: Path, place: str) -> Path | None:
    """Our group below its mount; the mount itself where a container hides the way to it."""
    return next((each for each in (mount / place.lstrip("/"), mount) if each.is_dir()), None)


def _upwards(folder: Path, mount: Path) -> Iterator[Path]:
    yield from itertools.takewhile(lambda each: each != mount.parent, (folder, *folder.parents))


def _hands_down(folder: Path, *, own: bool) -> bool:
    """Whether groups inside this one (version 2) have memory limits. Our own may be told to allow them."""
    file = folder / "cgroup.subtree_control"
    if "memory" in _words(file):
        return True
    if own and "memory" in _words(folder / "cgroup.controllers"):
        with suppress(OSError):  # busy: we live in it ourselves, and then its parent may do
            file.write_text("+memory", encoding="ascii")
    return "memory" in _words(file)


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


# ------------------------------------------------------------------------------------------------------- what it needs


def demand(limit: str) -> int:
    """The limit in bytes, after making sure that a group with it can be made here.

    Raises
    ------
    UsageError: it is no amount of memory, or no group can be made.
    """
    amount = parse_bytes(limit)
    with Confinement(amount):
        return amount


def uncache(files: Iterable[str]) -> None:
    """Drop files from the page cache, so that who reads them next is charged for them."""
    advise = getattr(os, "posix_fadvise", None)
    if advise is None:
        return
    for file in files:
        with suppress(OSError), Path(file).open("rb") as opened:
            with suppress(OSError):
                os.fsync(opened.fileno())  # pages not written yet cannot be dropped
            advise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached_bytes(file: str) -> int | None:
    """How much of a file is in the page cache; None where the system does not say."""
    if sys.platform != "linux" or not Path(file).is_file():
        return None
    with Path(file).open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        if not size:
            return 0
        # private and writable, because only of such a mapping does Python give the address; nothing is written
        with mmap.mmap(opened.fileno(), size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as area:
            pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            window = ctypes.c_char.from_buffer(area)
            address = ctypes.c_void_p(ctypes.addressof(window))
            failed = ctypes.CDLL(None, use_errno=True).mincore(address, ctypes.c_size_t(size), pages)
            del window  # or the mapping could not be closed
    return None if failed else sum(page & 1 for page in pages) * mmap.PAGESIZE
