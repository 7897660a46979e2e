"""Tries what machine code in place of a codec would try; prints the error number of each attempt as JSON, 0 for a success.

Arguments: a file, beside which lies `spare`; the protections to put on first.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from gateway.ingest.codecs import confinement

IO_URING_SETUP = 425

libc = ctypes.CDLL(None, use_errno=True)
tcp, bound, udp, local = (
    socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
)
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listening.bind(("127.0.0.1", 0))
listening.listen()
address = listening.getsockname()
abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
abstract.bind("\0" + f"attempts {os.getpid()}")
abstract.listen()
own_file = Path(sys.argv[1])
vector = (ctypes.c_char * 16)()


def called(name: str, *arguments: object) -> None:
    """Call the C library.

    :raises OSError: it failed.
    """
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def forked() -> None:
    """Fork; the new process ends at once."""
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)


def read_other_memory() -> None:
    """Read a byte of this process as a debugger would."""
    both = (ctypes.c_void_p * 2)(ctypes.addressof(vector), 1)
    called("process_vm_readv", os.getpid(), both, 1, both, 1, 0)


def set_io_uring_up() -> None:
    """Make a queue by which the kernel opens files and connects without a system call that the filter would see."""
    called("syscall", ctypes.c_long(IO_URING_SETUP), 1, (ctypes.c_char * 120)())


def set_a_limit() -> None:
    """Set a limit, even to what it is."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def started_thread() -> None:
    """Start one."""
    try:
        thread = threading.Thread(target=list)
        thread.start()
    except RuntimeError as error:
        raise PermissionError(1, str(error)) from error
    thread.join()


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open(own_file, os.O_RDONLY),
    "write a file": lambda: os.open(own_file, os.O_WRONLY),
    "make a file": lambda: os.open(own_file.with_name("new"), os.O_WRONLY | os.O_CREAT),
    "list a folder": lambda: os.listdir(own_file.parent),  # noqa: PTH208 - what is tried is the system's call
    "ask for a file": lambda: os.stat(own_file),  # noqa: PTH116
    "remove a file": lambda: os.unlink(own_file.with_name("spare")),  # noqa: PTH108
    "change the folder": lambda: os.chdir("/tmp"),  # noqa: S108
    "make a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "make a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "make a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "make a pair of sockets": socket.socketpair,
    "connect TCP": lambda: tcp.connect(address),
    "bind TCP": lambda: bound.bind(("127.0.0.1", 0)),
    "send UDP": lambda: udp.sendto(b"!", address),
    "connect to a local socket": lambda: local.connect("\0" + f"attempts {os.getpid()}"),
    "fork": forked,
    "start a thread": started_thread,
    "run a program": lambda: os.execv("/absent", ["absent"]),  # noqa: S606
    "be traced": lambda: called("ptrace", ctypes.c_long(0), 0, 0, 0),
    "read memory as a debugger": read_other_memory,
    "signal the parent": lambda: os.kill(os.getppid(), signal.SIGCONT),
    "set io_uring up": set_io_uring_up,
    "set a limit": set_a_limit,
}


def outcome(attempt: Callable[[], object]) -> int:
    """The error number of an attempt."""
    try:
        attempt()
    except OSError as error:
        return error.errno or -1
    return 0


def main() -> None:
    """Put on the protections named and try all."""
    wanted = sys.argv[2:]
    confinement.STEPS = tuple(step for step in confinement.STEPS if step[0] in wanted)  # type: ignore[misc]
    missing = confinement.confine()[0]
    outcomes = {name: outcome(attempt) for name, attempt in ATTEMPTS.items()}
    sys.stdout.write(json.dumps({"missing": missing, "outcomes": outcomes}))


main()
