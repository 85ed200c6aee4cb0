"""The enclosure a generated program is tried in: no network, no files of ours, little memory, little time.

A script, started by ``launching.py`` for one program and gone with its verdict. Three processes:

``guard``      (here) makes the namespaces and a small read-only root, starts the others, ends them when time is up;
               it runs nothing foreign, and nothing in the enclosure can see it
``examiner``   (``trial.py``) process 1 in there: runs the data set's own test, and alone holds the pipe of the verdict
``candidate``  (``trial.py``) runs the generated program and answers the examiner's calls

What is in there: the standard library, read-only; an empty folder of 32 MiB in memory as home and working folder, which
ends with the enclosure; ``/dev/null``. No ``/proc``, no shell, no new process or thread, an unprivileged user without
capabilities, and not every system call (``syscalls.py``). A hole in the kernel itself is not guarded against.
"""

# Importing pathlib would take milliseconds of every program tried.
# ruff: noqa: PTH100, PTH103, PTH112, PTH114, PTH115, PTH118, PTH120, PTH211

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

NOBODY = 65534
MIB = 2**20
HOME, HOME_BYTES, HOME_FILES = "/home", 32 * MIB, 1024
LARGEST_FILE, OPEN_FILES = 16 * MIB, 32
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store")
BASES = ("/tmp", "/mnt", "/srv", "/media", "/opt", "/var", "/run")  # noqa: S108 - to mount on, not to write to
OURS = "edgebench", "edgebench.workloads", "edgebench.workloads.execution"

# <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/capability.h>
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, NOATIME, NODIRATIME = 1, 2, 4, 8, 32, 1024, 2048
BIND, REC, PRIVATE, RELATIME = 4096, 16384, 1 << 18, 1 << 21
DETACH = 2
PDEATHSIG, DUMPABLE, CAPBSET_DROP, NO_NEW_PRIVS = 1, 4, 24, 38
CAPABILITIES_V3 = 0x20080522

LIBC = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel does not let us make the enclosure; says which part of it."""


def guard(way: str, seconds: float, memory_bytes: int, program: int, check: int) -> None:
    """Make the enclosure, run both in it, and see that nothing of it is left. The verdict goes to descriptor 1."""
    os.environ.clear()
    ends = time.monotonic() + seconds
    heard = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    try:
        sources = libraries()  # as we see them now, not as nobody does
        examiner, forbid = _parts()
        enter(way)
        furnish(sources)
    except Refused as exc:
        say(1, {"kind": "enclosure", "detail": str(exc)})
        return
    LIBC.prctl(PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)
        examiner(Limits(way, seconds, memory_bytes, forbid), program, check)
    came = signal.sigtimedwait(heard, max(0.0, ends - time.monotonic()))
    in_time = came is not None and came.si_signo == signal.SIGCHLD
    if not in_time:
        os.kill(child, signal.SIGKILL)  # process 1 of its namespace: the kernel kills all others with it
        say(1, {"kind": "timeout", "detail": f"no verdict within {seconds:g} s"})
    status = os.waitpid(child, 0)[1]  # returns when everything in the namespace is gone
    if in_time and os.WIFSIGNALED(status):
        say(1, {"kind": "ended", "detail": f"the test was ended by {signal.Signals(os.WTERMSIG(status)).name}"})


def _parts() -> tuple[Any, Any]:
    """What the processes inside run and are forbidden, without what importing our packages would load."""
    folder = os.path.dirname(os.path.abspath(__file__))
    for depth, name in enumerate(reversed(OURS)):
        package = types.ModuleType(name)
        package.__path__ = [os.path.join(folder, *[os.pardir] * depth)]
        sys.modules[name] = package
    from edgebench.workloads.execution.syscalls import forbid
    from edgebench.workloads.execution.trial import examiner

    return examiner, forbid


def say(pipe: int, verdict: Mapping[str, str]) -> None:
    """Write one verdict; the first one counts."""
    os.write(pipe, json.dumps(verdict).encode() + b"\n")


# --------------------------------------------------------------------------------------------------- namespaces


def enter(way: str) -> None:
    """New namespaces: "user", as anybody may where user namespaces are allowed; "root", without one."""
    uid, gid = os.geteuid(), os.getegid()
    if way == "user":
        if uid == 0:  # from here on like anybody
            _become_nobody()
            LIBC.prctl(DUMPABLE, 1, 0, 0, 0)  # or its own maps would be root's to write
            uid = gid = NOBODY
        demand("no user namespace can be made", "unshare", NEWUSER)
        try:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
            _write("/proc/self/gid_map", f"{NOBODY} {gid} 1")
        except OSError as exc:
            raise Refused(f"no user can be mapped into a user namespace ({exc.strerror})") from exc
        with suppress(OSError):  # none within this one; where /proc is read-only that stays possible, and gains nothing
            _write("/proc/sys/user/max_user_namespaces", "0")
    demand("no network namespace can be made", "unshare", NEWNET)
    demand("no mount namespace can be made", "unshare", NEWNS)
    demand("no process namespace can be made", "unshare", NEWPID | NEWIPC | NEWUTS)


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _write(file: str, text: str) -> None:
    opened = os.open(file, os.O_WRONLY)
    try:
        os.write(opened, text.encode())
    finally:
        os.close(opened)


def demand(what: str, call: str, *arguments: Any) -> None:
    """One call of the C library that returns 0, or Refused."""
    if getattr(LIBC, call)(*arguments) != 0:
        raise Refused(f"{what} ({os.strerror(ctypes.get_errno())})")


# --------------------------------------------------------------------------------------------------- the root


def libraries() -> list[str]:
    """Folders the interpreter may still load from; of two inside one another, the outer one."""
    wanted = {*LIBRARIES, os.path.dirname(os.__file__), os.path.join(sys.base_prefix, "lib")}
    there = sorted(folder for folder in wanted if os.path.isdir(folder))
    whole = [folder for folder in there if not os.path.islink(folder)]
    return [f for f in there if not any(f != w and f.startswith(f"{w}/") for w in whole)]


def furnish(sources: list[str]) -> None:
    """A root of its own: ``sources`` read-only, a small home in memory, nothing else. Ends in the home."""
    real = [os.path.realpath(source) for source in sources]
    base = next((b for b in BASES if os.path.isdir(b) and not any(f"{r}/".startswith(f"{b}/") for r in real)), None)
    if base is None:
        raise Refused("there is no folder to put a root on")
    _mount(None, "/", flags=REC | PRIVATE)
    _mount("tmpfs", base, kind="tmpfs", flags=NOSUID | NODEV, options="size=1m,nr_inodes=4k,mode=755")
    for source in sources:
        place = base + source
        if os.path.islink(source):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.symlink(os.readlink(source), place)
        else:
            os.makedirs(place, exist_ok=True)
            _show(source, place)
    os.makedirs(base + HOME)
    home = f"size={HOME_BYTES},nr_inodes={HOME_FILES},mode=700,uid={NOBODY},gid={NOBODY}"
    _mount("tmpfs", base + HOME, kind="tmpfs", flags=NOSUID | NODEV | NOEXEC, options=home)
    os.makedirs(base + "/dev")
    os.close(os.open(base + "/dev/null", os.O_CREAT, 0o666))
    _mount("/dev/null", base + "/dev/null", flags=BIND)
    _mount(None, base, flags=REMOUNT | BIND | RDONLY | NOSUID | NODEV)
    os.chdir(base)
    demand("the root cannot be changed", "pivot_root", b".", b".")
    demand("the old root cannot be left", "umount2", b".", DETACH)
    os.chdir(HOME)


def _show(source: str, place: str) -> None:
    """The folder in its place, read-only; flags the original has may not be taken off, so they are kept."""
    _mount(source, place, flags=BIND | REC)
    there = os.statvfs(place).f_flag
    kept = there & (NOSUID | NODEV | NOEXEC | NOATIME | NODIRATIME) | (RELATIME if there & 4096 else 0)
    _mount(None, place, flags=REMOUNT | BIND | RDONLY | kept)


def _mount(source: str | None, place: str, *, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, place, kind)]
    what = f"{source or place} cannot be mounted"
    demand(what, "mount", *texts, ctypes.c_ulong(flags), options.encode() or None)


# --------------------------------------------------------------------------------------------------- limits


class Limits:
    """What a process in the enclosure may use."""

    def __init__(self, way: str, seconds: float, memory_bytes: int, forbid: Callable[[Any], str | None]) -> None:
        self.way, self.seconds, self.memory_bytes, self._forbid = way, seconds, memory_bytes, forbid

    def take(self) -> str | None:
        """Live within the limits from now on; it cannot be undone. Returns why not, where the kernel refuses."""
        try:
            self._take_less()
            self._take_rights()
        except (Refused, OSError, ValueError) as exc:
            return f"limits cannot be set: {exc}"
        os.environ["HOME"] = HOME
        return self._forbid(LIBC)

    def _take_less(self) -> None:
        cpu_s = int(self.seconds) + 1
        for name, soft, hard in (
            ("AS", self.memory_bytes, self.memory_bytes),
            ("CPU", cpu_s, cpu_s + 1),
            ("NPROC", 0, 0),  # no other process, no thread: so the memory of one is all the memory there is
            ("FSIZE", LARGEST_FILE, LARGEST_FILE),
            ("NOFILE", OPEN_FILES, OPEN_FILES),
            ("CORE", 0, 0),
            ("MEMLOCK", 0, 0),
            ("MSGQUEUE", 0, 0),
        ):
            limit = getattr(resource, f"RLIMIT_{name}")
            most = resource.getrlimit(limit)[1]
            fits = [wanted if most == resource.RLIM_INFINITY else min(wanted, most) for wanted in (soft, hard)]
            resource.setrlimit(limit, (fits[0], fits[1]))

    def _take_rights(self) -> None:
        if self.way == "root":
            _become_nobody()
        else:
            for capability in range(64):
                LIBC.prctl(CAPBSET_DROP, capability, 0, 0, 0)
            header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
            demand("capabilities cannot be given up", "capset", header, none)
        demand("new privileges cannot be forbidden", "prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
        # or the two, who are one user, could trace each other and read each other's memory
        demand("a process cannot be closed to others", "prctl", DUMPABLE, 0, 0, 0, 0)
        LIBC.prctl(PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


if __name__ == "__main__":
    guard(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
