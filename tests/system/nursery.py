"""Gateways that begin behind their imports, which are most of what a start costs: forked from a process that has made them.

Such a gateway goes on as ``python -m gateway`` does, with a process id, a session, an environment, a folder and a log of its
own. It becomes a child of the test run, which adopts orphans (tests/conftest.py). What is about the start itself starts Python.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from gateway.commands.cli import main as gateway_main

_PR_SET_PDEATHSIG: Final = 1
_IMPORTED: Final = ("gateway.commands.run", "gateway.web.server")
"""By the command, and by the gateway once it runs."""


class Adopted(subprocess.Popen[bytes]):
    """A child that another process has started."""

    def __init__(self, pid: int) -> None:
        self.pid, self.args = pid, ()
        self.returncode: int | Any = None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock = True, threading.Lock()


class Nursery(subprocess.Popen[str]):
    """The process that has imported everything; a context manager."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        super().__init__([sys.executable, "-m", __name__], stdin=pipe, stdout=pipe, text=True, start_new_session=True)

    def start(self, arguments: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Adopted:
        """``gateway ARGUMENTS`` in a folder; what it prints is added to its log."""
        assert self.stdin is not None
        assert self.stdout is not None
        print(json.dumps([str(folder), str(log), [*arguments], dict(environment)]), file=self.stdin, flush=True)
        return Adopted(int(self.stdout.readline()))


def main() -> int:
    """Fork a gateway for each line of the standard input."""
    for name in _IMPORTED:
        import_module(name)
    with suppress(ImportError):  # it has no wheel for some processors
        import_module("uvloop")
    adopts = os.getppid()
    for line in sys.stdin:
        between = os.fork()  # it ends at once, and leaves an orphan
        if between:
            os.waitpid(between, 0)
            continue
        if os.fork():
            os._exit(0)
        return _be_gateway(*json.loads(line), adopts=adopts)
    return 0


def _be_gateway(folder: str, log: str, arguments: list[str], environment: dict[str, str], *, adopts: int) -> int:
    """Go on as a gateway, once whoever asks has adopted this process and can wait for it."""
    os.setsid()
    while os.getppid() != adopts:
        time.sleep(0.001)
    print(os.getpid(), flush=True)  # noqa: T201 - the answer
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    _print_into(log)
    sys.argv = ["gateway", *arguments]
    return gateway_main(arguments)


def _print_into(log: str) -> None:
    with open(os.devnull, "rb") as nothing, open(log, "ab") as file:  # noqa: PTH123 - as short as the descriptors they stand for
        os.dup2(nothing.fileno(), 0)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    os.closerange(3, 256)


if __name__ == "__main__":
    sys.exit(main())
