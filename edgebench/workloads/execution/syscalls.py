"""System calls no program in the enclosure may make: they reach memory, processes or rights its limits don't count.

System V memory and files in memory are why this must be (no limit of a process counts them); the others would fail
anyway, and are one more wall. Numbers are those of the kernel's own tables; a processor whose numbers are not here gets
no enclosure.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Mapping

#: name → its number on x86_64, on aarch64
FORBIDDEN: Mapping[str, tuple[int, int]] = {
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
#: machine → which column above, and its name in <linux/audit.h>
MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# <linux/bpf_common.h>, <linux/seccomp.h>
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # DENY: EPERM
NUMBER, ARCHITECTURE = 0, 4  # where they stand in struct seccomp_data
X32 = 0x40000000  # numbers from here on are other names for the same calls
SET_SECCOMP, FILTER = 22, 2  # <linux/prctl.h>


class Instructions(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.c_void_p))


def forbid(libc: ctypes.CDLL) -> str | None:
    """Forbid them to this process and whatever it becomes; returns why not. New privileges must be forbidden before."""
    machine = os.uname().machine
    if machine not in MACHINES or struct.calcsize("P") != 8:
        return f"no system calls are known to forbid on this processor ({machine})"
    code = program(machine)
    held = ctypes.create_string_buffer(code, len(code))
    instructions = Instructions(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(instructions), 0, 0) != 0:
        return f"system calls cannot be forbidden ({os.strerror(ctypes.get_errno())})"
    return None


def program(machine: str) -> bytes:
    """The filter: eight bytes an instruction (operation, steps if true, steps if not, operand)."""
    column, architecture = MACHINES[machine]
    numbers = [both[column] for both in FORBIDDEN.values()]
    count = len(numbers)
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, count + 1, 0, X32),
        *((EQUAL, count - place, 0, number) for place, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
