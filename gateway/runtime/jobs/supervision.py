"""Supervision: signs of life for the service manager, and the sentence of the status page.

Theory of operation
-------------------
A sign of life comes from the event loop, so one that hangs gives none. Before each, the workers are looked at: one that has
had work for half the watchdog's time, and neither advanced nor waited for a named thing, withholds it, and the gateway is
restarted.

What a worker waits for is read from where its task is suspended: each coroutine knows the one that it awaits. Nothing is noted
on the way of a reading for that.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from inspect import iscoroutine
from typing import Any, Final, NamedTuple

from gateway.core.status.history import Liveness, WorkerSight
from gateway.core.status.verdict import Finding, Fleet, Level
from gateway.monitoring.status.status import Status
from gateway.support.clock import WallClock, every
from gateway.support.logs import ServiceManager

log = logging.getLogger("gateway")

_WORDS: Final = "gateway.support.i18n.findings"
_LOOK_EVERY_S: Final = 1.0
_LOOKS_A_FLEET: Final = 30
"""Looks after which all devices are looked at again."""

NAMED_WAITS: Final = {
    "Database.in_thread": "the disk",
    "InfluxdbClient.write": "InfluxDB",
    "DrainLane._wait_for_influxdb": "InfluxDB",
    "SpoolRequests.wait_urgent": "the next commit",
    "BatchQueue.until_committed": "the disk",
    "sleep": "a pause",
}
"""Coroutine → what whoever is suspended in it waits for."""


class Worker(NamedTuple):
    """A lane, by the name of its task, that must not stand still with work; ``progress`` changes whenever it advances."""

    name: str
    has_work: Callable[[], bool]
    progress: Callable[[], float]


class Supervision:
    """Tells the service manager how the gateway is."""

    def __init__(self, manager: ServiceManager, status: Status, workers: Sequence[Worker]) -> None:
        self._manager = manager
        self._status = status
        self._workers = workers
        self._liveness = Liveness(manager.watchdog_s / 2)
        self._fleet = Fleet()
        self._stuck: list[str] = []
        self._looks = 0

    async def run(self) -> None:
        """Tell it until cancelled."""
        words = await asyncio.to_thread(import_module, _WORDS)  # not at the start: messages wait in the broker
        each_s = min(_LOOK_EVERY_S, self._manager.watchdog_s / 4 or _LOOK_EVERY_S)
        await every(each_s, WallClock(), partial(self._look, words.sentence))

    async def _look(self, sentence: Callable[[Finding], str]) -> None:
        self._manager.mark_subscribed(is_subscribed=self._status.events.is_subscribed)
        if self._manager.watchdog_s:
            self._give_sign()
        if self._looks % _LOOKS_A_FLEET == 0:
            for fleet in self._status.devices.look_at_fleet(self._status.clock.now_ms()):
                self._fleet = fleet
                await asyncio.sleep(0)
        self._manager.status(self._sentence(sentence))
        self._looks += 1

    def _give_sign(self) -> None:
        """Give a sign of life, unless a worker is stuck."""
        tasks = {task.get_name(): task for task in asyncio.all_tasks()}
        seen = [_sight(worker, tasks.get(worker.name)) for worker in self._workers]
        stuck = self._liveness.stuck(seen, asyncio.get_running_loop().time())
        if not stuck:
            self._manager.alive()
        elif stuck != self._stuck:
            for name in stuck:
                where = " > ".join(suspended_in(tasks[name])) if name in tasks else "it has ended"
                log.error("%s has work and stands still: %s; no sign of life is given until it goes on", name, where)
        self._stuck = stuck

    def _sentence(self, sentence: Callable[[Finding], str]) -> str:
        """The worst finding of the status page, and how many others there are."""
        worst, *others = [*self._status.findings(self._fleet), None]
        if worst is None:
            return "All is well"
        more = len(others) - 1
        kind = "" if worst.level is Level.TROUBLE else "Running; "
        return f"{kind}{sentence(worst)}" + (f" (and {more} more)" if more else "")


def _sight(worker: Worker, task: asyncio.Task[Any] | None) -> WorkerSight:
    waits_for = next((NAMED_WAITS[name] for name in suspended_in(task) if name in NAMED_WAITS), "") if task else ""
    return WorkerSight(worker.name, worker.has_work(), worker.progress(), waits_for)


def suspended_in(task: asyncio.Task[Any]) -> Iterable[str]:
    """The coroutines in which a task is suspended, the outermost first."""
    at: object = task.get_coro()
    found = []
    while iscoroutine(at):
        found.append(at.cr_code.co_qualname)
        at = at.cr_await
    return found
