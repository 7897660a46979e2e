"""One target under a loop of our own, for machines without atheris: an input that reaches a new line is kept and spoiled.

Python tells of each line once and then no more (:mod:`sys.monitoring`), so being watched costs next to nothing.
"""

import gc
import hashlib
import random
import sys
import time
from types import CodeType

from tests.campaigns.fuzz.engines import CHECKOUT, Folder
from tests.campaigns.fuzz.target import Run, Target, judged
from tests.campaigns.fuzz.targets import target_of
from tests.campaigns.fuzz.ways import Ways

WATCHED = tuple(str(CHECKOUT / package) for package in ("gateway", "schemas", "firmware_sim"))
TELL_EVERY_S = 2.0
OLD_SHARE = 0.2
"""How often any input of the corpus is spoiled, and not one of the newest."""
NEWEST = 20


class Watcher:
    """Counts the project's lines that have run."""

    def __init__(self) -> None:
        self.lines = 0
        self._monitoring = monitoring = vars(sys)["monitoring"]  # of Python 3.12; types are checked as 3.11 has them
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "fuzz")
        monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, self._line)
        monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)

    def close(self) -> None:
        """Stop watching."""
        self._monitoring.set_events(self._monitoring.COVERAGE_ID, self._monitoring.events.NO_EVENTS)
        self._monitoring.free_tool_id(self._monitoring.COVERAGE_ID)

    def _line(self, code: CodeType, _line: int) -> object:
        if code.co_filename.startswith(WATCHED):
            self.lines += 1
        return self._monitoring.DISABLE


def fuzz(name: str, seconds: float, folder: Folder) -> None:
    """Feed a target until its time is over; what it raises, if it fails, and the input is kept."""
    target = target_of(name)
    watcher = Watcher()
    try:
        _feed(target, seconds, folder, watcher)
    finally:
        watcher.close()


def _feed(target: Target, seconds: float, folder: Folder, watcher: Watcher) -> None:
    run = judged(target)
    chance = random.Random()  # noqa: S311 - no secrets
    seeds = [*target.seeds(), *target.found()]
    corpus = seeds + [file.read_bytes() for file in sorted(folder.corpus.iterdir())]
    ways = Ways(seeds, chance)
    gc.freeze()  # what was made ready is not looked through in some input's time
    for data in corpus:
        _one(run, data, folder)
    end_s, told_s, executions = time.monotonic() + seconds, 0.0, len(corpus)
    while (now_s := time.monotonic()) < end_s:
        data = chance.choice(corpus if chance.random() < OLD_SHARE else corpus[-NEWEST:])
        for _ in range(chance.randint(1, 3)):
            data = ways.spoiled(data)[: target.longest_bytes]
        before = watcher.lines
        _one(run, data, folder)
        executions += 1
        if watcher.lines > before:
            corpus.append(data)
            (folder.corpus / _name(data)).write_bytes(data)
        if now_s >= told_s:
            told_s = now_s + TELL_EVERY_S
            _tell(executions, watcher.lines)
    _tell(executions, watcher.lines)


def _tell(executions: int, lines: int) -> None:
    """Print the progress as libFuzzer does."""
    sys.stderr.write(f"#{executions}\tpulse  cov: {lines}\n")
    sys.stderr.flush()


def _one(run: Run, data: bytes, folder: Folder) -> None:
    try:
        run(data)
    except BaseException:
        (folder.found / f"crash-{_name(data)}").write_bytes(data)
        raise


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]
