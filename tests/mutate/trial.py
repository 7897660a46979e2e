"""One module on trial: its tests are collected once; for each change those that reach its line are run in a fork."""

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
from types import FrameType, FunctionType, ModuleType
from typing import Final, NamedTuple, Self, TextIO

import pytest

from tests.mutate.changes import Change

_PATIENCE_S: Final = 2.0
_PATIENCE_TIMES: Final = 4.0
"""A test may take so long, or so many times what it takes without a change; else it waits for ever, or turns in circles."""
_NUMBER: Final = struct.Struct("q")
_PASSED, _FAILED, _NOT_PUT = 0, 1, 3


class Verdict(Enum):
    """The tests' verdict on a change."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_PUT = "could not be put in place"


class _Lines:
    """Traces which lines of a file are run."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.seen: set[int] = set()

    def __call__(self, frame: FrameType, *_: object) -> Self | None:
        """See a line; no line of another file is asked for."""
        if frame.f_code.co_filename != self._file:
            return None
        self.seen.add(frame.f_lineno)
        return self


class _Course(NamedTuple):
    """A test without a change: how long it takes, and which lines of the module it runs."""

    took_s: float
    lines: list[int]


@dataclass
class Trial:
    """A plugin of pytest: in place of running the tests once, it runs them for each change.

    :ivar verdicts: of the changes so far; empty: the tests fail without any.
    """

    module: str
    changes: Iterable[Change]
    said: TextIO
    verdicts: list[Verdict] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Collection is over."""
        items = list(session.items)
        self._running = mmap.mmap(-1, _NUMBER.size)  # the number of the test
        self._said_by_first = tempfile.TemporaryFile("w+")  # noqa: SIM115 - of both sides of the fork
        self._courses: dict[pytest.Item, _Course] = {}
        if not items or self._in_fork(session, items, None) is not Verdict.SURVIVED:
            return True
        self._said_by_first.seek(0)
        self._courses = {item: _Course(*said) for item, said in zip(items, json.load(self._said_by_first), strict=True)}
        for number, change in enumerate(self.changes, start=1):
            reaching = [item for item in items if change.line in self._courses[item].lines]
            chosen = reaching or items  # what is run at the import only may matter to any test
            verdict = self._in_fork(session, chosen, change)
            self.verdicts.append(verdict)
            if verdict is Verdict.KILLED:  # what noticed this one likely notices the next, in the same function
                noticed = chosen[_NUMBER.unpack(self._running[:])[0]]
                items.remove(noticed)
                items.insert(0, noticed)
            elif verdict is Verdict.SURVIVED:
                print(f"{self.module}:{change.line}: {change.key}", file=self.said, flush=True)
            if number % 50 == 0:
                print(f"  {self.module}: {number} tried", file=self.said, flush=True)
        return True

    def _in_fork(self, session: pytest.Session, items: list[pytest.Item], change: Change | None) -> Verdict:
        pid = os.fork()
        if not pid:
            os._exit(self._child(session, items, change))
        _, status = os.waitpid(pid, 0)
        if not os.WIFEXITED(status):
            return Verdict.KILLED  # out of time, or worse
        return {_PASSED: Verdict.SURVIVED, _NOT_PUT: Verdict.NOT_PUT}.get(os.WEXITSTATUS(status), Verdict.KILLED)

    def _child(self, session: pytest.Session, items: list[pytest.Item], change: Change | None) -> int:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if change is not None:
            try:
                if not put(sys.modules[self.module], change.source):
                    return _NOT_PUT
            except ValueError:  # a function that closes over other names than before
                return _NOT_PUT
            except Exception:  # noqa: BLE001 - the module cannot even be imported with it
                return _FAILED
        courses: list[_Course] = []
        for at, item in enumerate(items):
            _NUMBER.pack_into(self._running, 0, at)
            if change is not None:
                signal.setitimer(signal.ITIMER_REAL, max(_PATIENCE_S, _PATIENCE_TIMES * self._courses[item].took_s))
                _run(item, items[at + 1 :])
            else:
                courses.append(self._follow(item, items[at + 1 :]))
            if session.testsfailed:
                return _FAILED
        if change is None:
            json.dump(courses, self._said_by_first)
            self._said_by_first.flush()
        return _PASSED

    def _follow(self, item: pytest.Item, behind: list[pytest.Item]) -> _Course:
        lines = _Lines(str(sys.modules[self.module].__file__))
        began_s = time.monotonic()
        threading.settrace(lines)
        sys.settrace(lines)
        try:
            _run(item, behind)
        finally:
            sys.settrace(None)
            threading.settrace(None)
        return _Course(time.monotonic() - began_s, sorted(lines.seen))


def _run(item: pytest.Item, behind: list[pytest.Item]) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=behind[0] if behind else None)


def put(module: ModuleType, source: str) -> bool:
    """Put the functions and constants of changed source in the place of those of a module that is loaded.

    :returns: whether any of them was another one.
    """
    assert module.__file__
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
    module, changes, tests, root = json.load(sys.stdin)
    sys.path.insert(0, root)
    result, said = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(2), "w")
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(silence, standard)
    trial = Trial(module.removesuffix(".py").replace("/", "."), [Change(*change) for change in changes], said)
    files = [f"{root}/{test}" for test in tests]
    pytest.main(
        [*files, "-q", "-m", "not slow", "-o", "timeout=0", "--hypothesis-seed=0", f"--rootdir={root}"], plugins=[trial]
    )
    json.dump([verdict.value for verdict in trial.verdicts], result)


if __name__ == "__main__":
    _main()
