"""One room on trial: its tests are collected once; for each change those that reach its line are run in a fork."""

import ctypes
import gc
import json
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Final, NamedTuple, Self, TextIO

import pytest

from tests.campaigns.mutate.changes import Change
from tests.processes import children

_PATIENCE_S: Final = 5.0
_PATIENCE_TIMES: Final = 4.0
"""A test may take so long, or so many times what it takes without a change; else it waits for ever, or turns in circles."""
_NUMBER: Final = struct.Struct("q")
_PASSED, _FAILED, _NOT_PUT = 0, 1, 3
_PR_SET_CHILD_SUBREAPER: Final = 36


class Verdict(Enum):
    """The tests' verdict on a change."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_REACHED = "not reached"
    NOT_PUT = "could not be put in place"


SURVIVORS: Final = (Verdict.SURVIVED, Verdict.NOT_REACHED)


class _Lines:
    """Traces which lines of some files are run."""

    def __init__(self, files: Iterable[str]) -> None:
        self.seen: dict[str, set[int]] = {file: set() for file in files}

    def __call__(self, frame: FrameType, *_: object) -> Self | None:
        """See a line; no line of another file is asked for."""
        seen = self.seen.get(frame.f_code.co_filename)
        if seen is None:
            return None
        seen.add(frame.f_lineno)
        return self


class _Course(NamedTuple):
    """A test without a change: whether it passes, how long it takes, and which lines of each file it runs."""

    is_passed: bool
    took_s: float
    lines: dict[str, list[int]]


@dataclass
class Trial:
    """A plugin of pytest: in place of running the tests once, it runs them for each change.

    :ivar changes: each with the module it is made to.
    :ivar verdicts: of the changes so far.
    :ivar failed: the tests that fail without a change, and look at none.
    """

    changes: list[tuple[str, Change]]
    said: TextIO
    verdicts: list[Verdict] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Collection is over."""
        self._modules = {name: import_module(name) for name, _ in self.changes}
        self._running = mmap.mmap(-1, _NUMBER.size)  # the number of the test
        self._said_by_first = tempfile.TemporaryFile("w+")  # noqa: SIM115 - of both sides of the fork
        self._courses: dict[pytest.Item, _Course] = {}
        self._in_fork(session, session.items, None)
        self._said_by_first.seek(0)
        self._courses = {item: _Course(*said) for item, said in zip(session.items, json.load(self._said_by_first), strict=True)}
        self.failed = [item.nodeid for item in session.items if not self._courses[item].is_passed]
        items = [item for item in session.items if self._courses[item].is_passed]
        items.sort(key=lambda item: self._courses[item].took_s)
        for number, (name, change) in enumerate(self.changes, start=1):
            chosen = self._looking(items, str(self._modules[name].__file__), change)
            verdict = self._in_fork(session, chosen, (name, change)) if chosen else Verdict.NOT_REACHED
            self.verdicts.append(verdict)
            if verdict is Verdict.KILLED:  # what noticed this one likely notices the next, in the same function
                noticed = chosen[_NUMBER.unpack(self._running[:])[0]]
                items.remove(noticed)
                items.insert(0, noticed)
            elif verdict in SURVIVORS:
                print(f"{name}:{change.line}: {change.key}: {verdict.value}", file=self.said, flush=True)
            if number % 50 == 0:
                print(f"  {number} tried", file=self.said, flush=True)
        return True

    def _looking(self, items: list[pytest.Item], file: str, change: Change) -> list[pytest.Item]:
        """Those that reach its line, else its function; what is run at the import may matter to any."""
        if change.body is None:
            return items
        lines = {item: self._courses[item].lines[file] for item in items}
        first, last = change.body
        return [item for item in items if change.line in lines[item]] or [
            item for item in items if any(first <= line <= last for line in lines[item])
        ]

    def _in_fork(self, session: pytest.Session, items: list[pytest.Item], made: tuple[str, Change] | None) -> Verdict:
        pid = os.fork()
        if not pid:
            os._exit(self._child(session, items, made))
        _, status = os.waitpid(pid, 0)
        for left in children():  # of a test that ran out of time
            os.kill(left, signal.SIGKILL)
            os.waitpid(left, 0)
        if not os.WIFEXITED(status):
            return Verdict.KILLED  # out of time, or worse
        return {_PASSED: Verdict.SURVIVED, _NOT_PUT: Verdict.NOT_PUT}.get(os.WEXITSTATUS(status), Verdict.KILLED)

    def _child(self, session: pytest.Session, items: list[pytest.Item], made: tuple[str, Change] | None) -> int:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if made is None:
            json.dump([self._follow(session, item, items[at + 1 :]) for at, item in enumerate(items)], self._said_by_first)
            self._said_by_first.flush()
            return _PASSED
        name, change = made
        try:
            if not put(self._modules[name], change):
                return _NOT_PUT
        except ValueError:  # a function that closes over other names than before
            return _NOT_PUT
        except Exception:  # noqa: BLE001 - the module cannot even be imported with it
            return _FAILED
        for at, item in enumerate(items):
            _NUMBER.pack_into(self._running, 0, at)
            signal.setitimer(signal.ITIMER_REAL, max(_PATIENCE_S, _PATIENCE_TIMES * self._courses[item].took_s))
            _run(item, items[at + 1 :])
            if session.testsfailed:
                return _FAILED
        return _PASSED

    def _follow(self, session: pytest.Session, item: pytest.Item, behind: list[pytest.Item]) -> _Course:
        lines = _Lines(str(module.__file__) for module in self._modules.values())
        failed, began_s = session.testsfailed, time.monotonic()
        threading.settrace(lines)
        sys.settrace(lines)
        try:
            _run(item, behind)
        finally:
            sys.settrace(None)
            threading.settrace(None)
        took_s = time.monotonic() - began_s
        return _Course(session.testsfailed == failed, took_s, {file: sorted(seen) for file, seen in lines.seen.items()})


def _run(item: pytest.Item, behind: list[pytest.Item]) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=behind[0] if behind else None)


def put(module: ModuleType, change: Change) -> bool:
    """Put the functions and constants of a changed module in the place of those that are loaded.

    :returns: whether any of them was another one.
    """
    assert module.__file__
    source = change.made_in(Path(module.__file__).read_text())
    changed = ModuleType(f"{module.__name__}:changed")
    changed.__file__, changed.__package__ = module.__file__, module.__package__
    sys.modules[changed.__name__] = changed  # dataclasses look there
    exec(compile(source, module.__file__, "exec"), vars(changed))  # noqa: S102 - our own source
    new, is_other = _functions(changed), False
    for place, functions in _functions(module).items():
        for old, function in zip(functions, new.get(place, []), strict=False):
            if old.__code__ != function.__code__:
                old.__code__, is_other = function.__code__, True
            is_other |= (old.__defaults__, old.__kwdefaults__) != (function.__defaults__, function.__kwdefaults__)
            old.__defaults__, old.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return _put_constants(module, changed) or is_other


def _functions(module: ModuleType) -> dict[tuple[str, int], list[FunctionType]]:
    found: dict[tuple[str, int], list[FunctionType]] = {}
    for item in gc.get_objects():
        if isinstance(item, FunctionType) and item.__globals__ is vars(module):
            found.setdefault((item.__qualname__, item.__code__.co_firstlineno), []).append(item)
    return found


def _put_constants(module: ModuleType, changed: ModuleType) -> bool:
    """Also where others imported them."""
    is_other = False
    for name, value in vars(changed).items():
        before = vars(module).get(name)
        if type(value) is type(before) and not callable(value) and not name.startswith("__") and value != before:
            for other in list(sys.modules.values()):
                if vars(other).get(name, other) is before:
                    setattr(other, name, value)
            is_other = True
    return is_other


def _main() -> None:
    """Changes come on the standard input, verdicts go to the standard output, what is said on the way to the standard error."""
    given, tests, root = json.load(sys.stdin)
    sys.path.insert(0, root)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    result, said = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(2), "w")
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(silence, standard)
    trial = Trial([(module.removesuffix(".py").replace("/", "."), Change(*change)) for module, change in given], said)
    pytest.main(
        [*tests, "-q", "-m", "not slow", "-o", "timeout=0", "--hypothesis-seed=0", f"--rootdir={root}"], plugins=[trial]
    )
    json.dump([[verdict.value for verdict in trial.verdicts], trial.failed], result)


if __name__ == "__main__":
    _main()
