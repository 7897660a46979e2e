"""One module on trial: its tests are collected once, then run in a fork for each change."""

import gc
import json
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from types import FunctionType, ModuleType
from typing import Final, TextIO

import pytest

from tests.mutate.changes import Change

_PATIENCE_S: Final = 2.0
_PATIENCE_TIMES: Final = 4.0
"""A test may take so long, or so many times what it takes without a change; else it waits for ever, or turns in circles."""
_NUMBER: Final = struct.Struct("d")
_PASSED, _FAILED, _NOT_PUT = 0, 1, 3


class Verdict(Enum):
    """What the tests say of a change."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_PUT = "could not be put in place"


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
        self._shared = mmap.mmap(-1, 8 * (1 + len(items)))  # of which test is running, and how long each takes
        self._took_s: dict[pytest.Item, float] = {}
        if not items or self._in_fork(session, items, None) is not Verdict.SURVIVED:
            return True
        self._took_s = {item: self._read(1 + at) for at, item in enumerate(items)}
        for number, change in enumerate(self.changes, start=1):
            verdict = self._in_fork(session, items, change)
            self.verdicts.append(verdict)
            if verdict is Verdict.KILLED:  # what noticed this one likely notices the next, in the same function
                items.insert(0, items.pop(round(self._read(0))))
            elif verdict is Verdict.SURVIVED:
                print(f"{self.module}:{change.line}: {change.key}", file=self.said, flush=True)
            if number % 50 == 0:
                print(f"  {self.module}: {number} tried", file=self.said, flush=True)
        return True

    def _in_fork(self, session: pytest.Session, items: list[pytest.Item], change: Change | None) -> Verdict:
        self._write(0, 0.0)
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
        for at, item in enumerate(items):
            self._write(0, at)
            began_s = time.monotonic()
            if change is not None:
                signal.setitimer(signal.ITIMER_REAL, max(_PATIENCE_S, _PATIENCE_TIMES * self._took_s[item]))
            behind = items[at + 1] if at + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=behind)
            if session.testsfailed:
                return _FAILED
            if change is None:
                self._write(1 + at, time.monotonic() - began_s)
        return _PASSED

    def _read(self, place: int) -> float:
        return float(_NUMBER.unpack_from(self._shared, 8 * place)[0])

    def _write(self, place: int, number: float) -> None:
        _NUMBER.pack_into(self._shared, 8 * place, number)


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
