"""Confinement of the child process that runs makers' JavaScript: no file, no connection, no program, no other process.

A fault in the engine could let a codec run machine code instead of JavaScript. Confined, that code can read from and write to
its parent, use some memory and compute. There are three layers, so that one missing in the kernel leaves the others:

- limits of the process, which every kernel has, but which do not bind root where they count processes,
- Landlock (Linux 5.13): no path is opened, made or removed; TCP and signals from the versions in :data:`LANDLOCK` on,
- a seccomp filter (x86-64 and 64-bit ARM): every system call but those in :data:`CALLS` fails with EPERM.

Landlock and seccomp bind the thread that calls; the child has only one. This module imports nothing of the gateway, because
the child imports it as a file beside its own.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

DATA_BYTES: Final = 256 * 1024 * 1024
ADDRESS_SPACE_BYTES: Final = DATA_BYTES + 128 * 1024 * 1024
"""Room for the program, its libraries and stacks beside the data: 20 MB were measured in all."""

LIMITS: Final = {
    "RLIMIT_AS": ADDRESS_SPACE_BYTES,
    "RLIMIT_DATA": DATA_BYTES,
    "RLIMIT_CORE": 0,
    "RLIMIT_FSIZE": 0,  # a file as standard error takes nothing more, either
    "RLIMIT_NOFILE": 0,
    "RLIMIT_NPROC": 0,  # does not bind root, whom only the seccomp filter keeps from forking
}
"""The most of each; descriptors that are open stay open."""


class Rights(NamedTuple):
    """The rights that one version of Landlock can take away; ``linux``: the first kernel that has it."""

    about: str
    linux: str
    files: int = 0
    network: int = 0
    scopes: int = 0


LANDLOCK: Final = (
    Rights("files", "5.13", files=(1 << 13) - 1),
    Rights("links between folders", "5.19", files=1 << 13),
    Rights("cutting files", "6.2", files=1 << 14),
    Rights("TCP", "6.7", network=1 << 0 | 1 << 1),  # bind, connect
    Rights("control of devices", "6.10", files=1 << 15),
    Rights("signals and abstract sockets", "6.12", scopes=1 << 0 | 1 << 1),
)
"""Version 1 and those that followed."""

CALLS: Final = {
    # call: x86-64, 64-bit ARM
    "read": (0, 63),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""System calls that stay allowed, with their numbers. Files, sockets, processes, tracing and io_uring are not among them."""

MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine → its column in :data:`CALLS` and its AUDIT_ARCH word; 32-bit calls of such a machine carry another word."""

CONFINING: Final = {"Landlock", "seccomp"}

_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_VERSION: Final = 1

_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_CALL_OFFSET_BYTES: Final = 0
_ARCH_OFFSET_BYTES: Final = 4


def confine() -> tuple[list[str], bool]:
    """Drop all rights that decoding does not need, for good.

    Return the missing protections, a line each, and whether Landlock or the filter holds: without both, nothing keeps machine
    code from the files and connections of the service.
    """
    if sys.platform != "linux":
        return [f"{sys.platform} confines no codec; Linux does"], False
    missing, held = [], set()
    for name, give_up in STEPS:
        try:
            missing += [f"{name}: {text}" for text in give_up()]
            held.add(name)
        except OSError as error:
            missing.append(f"{name}: {error.strerror}")
    return missing, bool(held & CONFINING)


def _limit() -> Iterator[str]:
    for name, most in LIMITS.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))
    yield from ()


def _no_new_privileges() -> Iterator[str]:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    yield from ()


def restrict_with_landlock() -> Iterator[str]:
    """Take all rights away that this kernel's Landlock, if it has one, knows, without exception; what it does not know yet."""
    version = _system_call(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_VERSION))
    known = LANDLOCK[:version]
    taken = [sum(rights) for rights in zip(*[(one.files, one.network, one.scopes) for one in known], strict=True)]
    ruleset = (ctypes.c_uint64 * len(taken))(*taken)  # an older kernel takes the longer form, with zeros at its end
    descriptor = _system_call(_LANDLOCK_CREATE_RULESET, ruleset, ctypes.c_size_t(ctypes.sizeof(ruleset)), ctypes.c_uint32(0))
    try:
        _system_call(_LANDLOCK_RESTRICT_SELF, ctypes.c_int(descriptor), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
    for lacking in LANDLOCK[version:]:
        yield f"nothing about {lacking.about}; Linux {lacking.linux} has it"


def filter_calls() -> Iterator[str]:
    """Refuse all system calls but those in :data:`CALLS`; :class:`OSError` if this kernel takes no filter."""
    machine = platform.machine()
    if machine not in MACHINES or sys.maxsize <= 1 << 32:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine} with Python of {struct.calcsize('P') * 8} bits")
    column, arch = MACHINES[machine]
    program = filter_program([numbers[column] for numbers in CALLS.values()], arch)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header)
    yield from ()


def filter_program(allowed: list[int], arch: int) -> bytes:
    """The filter in the kernel's packet-filter language: other calls, and those of another architecture, are refused."""
    count = len(allowed)
    steps = [
        (_LOAD, 0, 0, _ARCH_OFFSET_BYTES),
        (_IF_EQUAL, 0, count + 1, arch),
        (_LOAD, 0, 0, _CALL_OFFSET_BYTES),
        *((_IF_EQUAL, count - place, 0, number) for place, number in enumerate(allowed)),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _prctl(option: int, value: int, pointer: bytes | None = None) -> None:
    nothing = ctypes.c_ulong(0)
    third = nothing if pointer is None else ctypes.c_char_p(pointer)
    if ctypes.CDLL(None, use_errno=True).prctl(ctypes.c_int(option), ctypes.c_ulong(value), third, nothing, nothing):
        _raise()


def _system_call(number: int, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    result: int = call(ctypes.c_long(number), *arguments)
    if result < 0:
        _raise()
    return result


def _raise() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


STEPS: Final[tuple[tuple[str, Callable[[], Iterator[str]]], ...]] = (
    ("no_new_privs", _no_new_privileges),
    ("Landlock", restrict_with_landlock),  # needs a descriptor, so the limits come after it
    ("limits", _limit),
    ("seccomp", filter_calls),  # the last one: it allows none of the calls above
)
