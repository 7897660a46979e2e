"""The recovery of a province: an outage of the centre ends, and every cabinet has a backlog and live readings."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final
from unittest.mock import patch

from gateway.admin.capacity.plan import read_figures
from gateway.core.batching.batch import Body, encode
from gateway.core.batching.catch_up import DrainShare
from gateway.core.batching.pacing import LinkBudget
from gateway.core.message import Reading
from gateway.runtime.pipeline.options import delivery_limits
from gateway.support.config.model import Config
from tests.campaigns.recovery.cabinet import Cabinet, Seen, line_of
from tests.campaigns.recovery.centre import Centre
from tests.campaigns.recovery.link import FOUR_G, Radio, RadioLink
from tests.campaigns.recovery.virtual_time import simulated

BEFORE_S: Final = 15.0
"""Seconds of the outage that are played: probes have found their longest wait by then."""
AFTER_S: Final = 10.0
DELAY_MAX_S: Final = 5.0
_LOOK_S: Final = 1.0


@dataclass(frozen=True)
class Province:
    """A province and its centre.

    :ivar per_s: readings of a cabinet.
    :ivar max_bytes_per_s: the budget of each link.
    :ivar jitter: waits differ from cabinet to cabinet; without it all do the same at the same moment.
    :ivar shares: the backlog yields to live readings; without it every write is as large as it may be.
    :ivar patience_s: virtual seconds after which a recovery is given up.
    """

    cabinets: int = 200
    per_s: float = 1000 / 900
    outage_s: float = 3 * 3600.0
    store: str = "InfluxDB 1.6.7"
    cores: int = 2
    speed: float = 1.0
    radio: Radio = FOUR_G
    max_bytes_per_s: float | None = None
    waiting_limit: int = 1000
    retry_after_s: float | None = None
    jitter: bool = True
    shares: bool = True
    seed: int = 1
    patience_s: float = 4 * 3600.0


@dataclass(frozen=True)
class Recovery:
    """A recovery. Instants are seconds since the centre was back.

    :ivar took_s: until every journal was empty; None: it was given up.
    :ivar empty_s: for each cabinet.
    :ivar limit: points a second that the centre writes in large bodies.
    :ivar points: second → points written in it.
    :ivar left: second → readings in all journals.
    :ivar delays: second → the longest delay of a live reading in it.
    :ivar work: second → work that came to the centre in it, by what its cores can do in one.
    :ivar refused: writes that it refused; ``waiting``: the most that waited for a core.
    :ivar held_up: live readings that went to the journal although their cabinet knew that the centre was back.
    """

    took_s: float | None
    readings: int
    limit: float
    points: dict[int, int]
    left: dict[int, int]
    delays: dict[int, float]
    p50_s: float
    p99_s: float
    max_s: float
    work: dict[int, float]
    refused: int
    waiting: int
    held_up: int
    lost: int

    @property
    def busiest(self) -> float:
        """The work of the busiest second."""
        return max(self.work.values())

    @property
    def holds(self) -> bool:
        """True if the centre was never over its limit, and every live reading was there in five seconds."""
        is_in_time = self.took_s is not None and self.max_s < DELAY_MAX_S and not self.held_up
        return is_in_time and self.busiest <= 1.0 and not self.refused and not self.lost


def recover(province: Province) -> Recovery:
    """Simulate it."""
    with _as_said(province):
        random.seed(province.seed)
        return simulated(_Run(province).run())


@contextmanager
def _as_said(province: Province) -> Iterator[None]:
    """Take jitter or shares out of the lanes where the province has none."""
    with ExitStack() as changed:
        if not province.jitter:
            for module in ("circuit_breaker", "drain_lane"):
                changed.enter_context(patch(f"gateway.ingest.delivery.{module}.random", lambda: 0.0))
        if not province.shares:
            changed.enter_context(patch("gateway.ingest.delivery.drain_lane.DrainShare", _Greedy))
        yield


class _Greedy(DrainShare):
    """A share that takes all, and never yields."""

    def __init__(self, most: int) -> None:
        super().__init__(most, most)

    def written(self, answer_s: float, live_s: float | None, *, held_up: bool = False) -> None:
        """Learn nothing."""

    def put_off(self) -> None:
        """Go on as before."""


class _Run:
    """A province at work."""

    def __init__(self, province: Province) -> None:
        self.province = province
        self.seen = Seen()
        self.left: dict[int, int] = {}

    async def run(self) -> Recovery:
        """Let the centre come back, and wait until all is in."""
        province = self.province
        self.centre = Centre(
            read_figures().stores[province.store],
            province.cores,
            province.speed,
            waiting_limit=province.waiting_limit,
            retry_after_s=province.retry_after_s,
        )
        backlog = rows_of(province.per_s, province.outage_s)
        limits = delivery_limits(Config())
        self.cabinets = [
            Cabinet(RadioLink(self.centre, province.radio, LinkBudget(province.max_bytes_per_s)), limits, backlog, self.seen)
            for _ in range(province.cabinets)
        ]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(lane()) for cabinet in self.cabinets for lane in cabinet.lanes]
            for number, cabinet in enumerate(self.cabinets):
                of_its_own = Random(f"{province.seed} {number}")  # noqa: S311 - no secret
                running.append(tasks.create_task(cabinet.devices(province.per_s, of_its_own)))
            await asyncio.sleep(BEFORE_S)
            self.centre.is_up = True
            took_s = await self._until_empty()
            for each in running:
                each.cancel()
        return self._told(took_s)

    async def _until_empty(self) -> float | None:
        loop = asyncio.get_running_loop()
        end_s: float | None = None
        while True:
            now_s = loop.time() - BEFORE_S
            waiting = sum(cabinet.ledger.backlog for cabinet in self.cabinets)
            self.left[int(now_s)] = waiting
            if waiting == 0 and end_s is None:
                end_s = now_s
            if (end_s is not None and now_s >= end_s + AFTER_S) or now_s > self.province.patience_s:
                return end_s
            await asyncio.sleep(_LOOK_S)

    def _told(self, took_s: float | None) -> Recovery:
        delays = [(at_s - BEFORE_S, seconds, times) for at_s, seconds, times in self.seen.delays]
        worst: dict[int, float] = {}
        for at_s, seconds, _ in delays:
            worst[int(at_s)] = max(worst.get(int(at_s), 0.0), seconds)
        ordered = sorted(seconds for _, seconds, times in delays for _ in range(times)) or [0.0]
        seconds_of = {at - int(BEFORE_S): second for at, second in self.centre.seconds.items()}
        return Recovery(
            took_s=took_s,
            readings=sum(cabinet.ledger.total("written") for cabinet in self.cabinets),
            limit=self.centre.limit,
            points={at: second.points for at, second in seconds_of.items()},
            left=self.left,
            delays=worst,
            p50_s=ordered[len(ordered) // 2],
            p99_s=ordered[len(ordered) * 99 // 100],
            max_s=ordered[-1],
            work={at: second.work_s / self.province.cores for at, second in seconds_of.items()},
            refused=sum(second.refused for second in self.centre.seconds.values()),
            waiting=self.centre.waiting_max,
            held_up=sum(cabinet.held_up for cabinet in self.cabinets),
            lost=sum(abs(cabinet.ledger.imbalance) for cabinet in self.cabinets),
        )


def rows_of(per_s: float, outage_s: float) -> list[Body]:
    """The rows of a journal after an outage: a row a second, as the spool commits them."""
    readings = round(per_s * outage_s)
    each = max(1, round(per_s))
    lines = [Reading(line_of(number, round(number / per_s * 1000)), "water") for number in range(readings)]
    return [encode(lines[first : first + each], dense=True) for first in range(0, readings, each)]
