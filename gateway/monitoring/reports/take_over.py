"""The take-over of sums from the database, for devices whose state was lost or that belonged to another gateway.

A device that no run has met may have sums already, so its points carry none until the database has told its newest register and
sum, and the exchanges of its meter. Devices that begin at the same time are asked about together, in one question for each
counter. While the database does not answer they wait, which is logged once.

Devices of a share that another gateway has just left, or has not left yet, are held back until all that came there stands in
the database (:mod:`gateway.core.gateways.tenures`). So are all devices while the journal of the other machine of a pair may
hold readings (:mod:`gateway.core.gateways.standby`). Those that came here meanwhile have no sums: they are worked out
afterwards.

Gateways say in the measurement ``share`` how far they are: the name of the share is in the tag ``device``, the gateway in
``channel``, as series are told apart everywhere; the fields are ``stage``, ``waiting``, the devices that await their sums, and
``kept``. A gateway writes its word behind the readings that it speaks of, so whoever reads it finds them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import random
from typing import Final, NamedTuple

from gateway.core.batching.pacing import Backoff, LinkBudget
from gateway.core.devices.streams import Streams
from gateway.core.gateways.tenures import Stage, Stages
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.sums import FoundSum, StepToConfirm, StoredExchange
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store, StoreFault, TimeSpan
from gateway.ingest.events import Events
from gateway.monitoring.reports.stored_counters import FoundSums, StepsOf, newest_sums, stored_exchanges, stored_steps
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config

SHARE: Final = "share"
_FIELDS: Final = ("stage", "waiting", "kept")
REACH_MS: Final = 40 * 86_400_000
"""A gateway that runs says it each day; one that is down for longer than this is not waited for."""
APART_MS: Final = 3_600_000
"""Clocks of gateways differ."""


class Claim(NamedTuple):
    """The newest word of one gateway about a share."""

    stage: Stage
    waiting: int = 0  # devices that await their sums there
    is_kept: bool = False  # it reads the share until those do to whom it goes, and no longer


Tenants = Mapping[str, Mapping[str, int | None]]
"""Share → gateway that said something of it → the time since which it reads it; None: it does not."""
Claims = Mapping[str, Mapping[str, Claim]]
"""Share → gateway → its newest word."""


def claim_line(share: str, gateway: str, claim: Claim, at_ms: int) -> str:
    """The point of a gateway's word."""
    tags = tag_text([("channel", gateway), ("device", share)])
    numbers = (float(claim.stage), float(claim.waiting), float(claim.is_kept))
    said = ",".join(f"{field}={number!r}" for field, number in zip(_FIELDS, numbers, strict=True))
    return f"{SHARE}{tags} {said} {at_ms}"


async def claims(store: Store, shares: Collection[str], now_ms: int) -> Claims:
    """Read what gateways say of some shares."""
    found: dict[str, dict[str, Claim]] = defaultdict(dict)
    async for series, rows in store.rows(SHARE, _FIELDS, _window(now_ms), shares):
        for _, (stage, waiting, kept) in rows:
            if stage is not None:
                found[series.device][series.channel] = Claim(Stage(int(stage)), int(waiting or 0), bool(kept))
    return found


async def newest_claims(store: Store, window: TimeSpan) -> Claims:
    """Read how far gateways said last that they are with all shares; who said nothing in a span of time is left out."""
    found: dict[str, dict[str, Claim]] = defaultdict(dict)
    async for series, (stage, kept) in store.newest(SHARE, ("stage", "kept"), window):
        if stage is not None:
            found[series.device][series.channel] = Claim(Stage(int(stage)), is_kept=bool(kept))
    return found


def stages_told(found: Claims) -> Mapping[str, Stages]:
    """Share → gateway → how far it is with it."""
    return {share: {gateway: claim.stage for gateway, claim in told.items()} for share, told in found.items()}


async def tenants(store: Store, shares: Collection[str], now_ms: int) -> Tenants:
    """Read since when gateways read some shares."""
    found: dict[str, dict[str, int | None]] = defaultdict(dict)
    async for series, rows in store.rows(SHARE, _FIELDS, _window(now_ms), shares):
        of_share = found[series.device]
        for time_ms, (stage, *_) in rows:
            if stage is not None:
                began_ms = of_share.get(series.channel)
                reads = stage >= Stage.TAKING_OVER
                of_share[series.channel] = (time_ms if began_ms is None else began_ms) if reads else None
    return found


def _window(now_ms: int) -> TimeSpan:
    return TimeSpan(now_ms - REACH_MS, now_ms + APART_MS)


_TOGETHER_S: Final = 0.2
"""Devices that begin within this time are asked about together."""
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_AT_ONCE: Final = 200
"""Devices that are restored before other tasks get their turn."""

_FoundExchanges = Mapping[str, Sequence[StoredExchange]]
"""Device → its exchanges, the oldest first."""
Restore = Callable[[str, Mapping[str, FoundSum], Iterable[StoredExchange], Iterable[StepToConfirm]], None]


class SumsTakeOver:
    """Devices that await their sums, and the questions about them."""

    def __init__(
        self,
        config: Config,
        streams: Streams,
        restore: Restore,
        events: Events,
        clock: WallClock,
        hindrance: Callable[[], str] = lambda: "",
        link: LinkBudget | None = None,
    ) -> None:
        """Begin.

        :param restore: gives a device its sums (:meth:`gateway.core.process.Processor.restore_sums`).
        :param hindrance: tells why the database may not have the newest sums yet; empty: it has.
        :param link: the budget of the link to the database.
        """
        self._link = link
        self._hindrance = hindrance
        self._influxdb = config.influxdb
        self._ahead_ms = round(config.time.max_future.total_seconds() * 1000)
        self._streams = streams
        self._restore_sums = restore
        self._events = events
        self._clock = clock
        self._tenures = streams.tenures
        self._waiting: set[str] = set()
        self._asked: set[str] = set()
        self._behind: dict[str, int] = {}
        self._held: set[str] = set()
        self._came = asyncio.Event()

    def want(self, devices: Iterable[str]) -> None:
        """Ask for the sums of devices; a device that waits already is not asked about again."""
        for device in devices:
            self._waiting.add(device)
            if self._is_held(device):
                self._held.add(device)
        self._came.set()

    def look(self) -> None:
        """Ask for those that were held back and are not any more."""
        self._came.set()

    def waiting(self, share: str) -> int:
        """The number of devices of a share that wait."""
        found = (self._streams.devices.get(name) for name in self._waiting | self._asked)
        return sum(device is not None and device.share == share for device in found)

    def pop_behind(self) -> dict[str, int]:
        """The devices that were held back → the time since which they have no sums in the database; not told again."""
        behind, self._behind = self._behind, {}
        return behind

    def _is_held(self, name: str) -> bool:
        device = self._streams.devices.get(name)
        return device is not None and self._tenures.holds_sums_back(device.share)

    async def run(self) -> None:
        """Ask until cancelled."""
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            await self._came.wait()
            await asyncio.sleep(_TOGETHER_S)
            self._came.clear()
            try:
                await self._ask()
            except (StoreFault, ConfigurationFault) as fault:
                self._events.sums_awaited(len(self._waiting), str(fault))
                self._came.set()
                await asyncio.sleep(backoff.next_s(random()))  # noqa: S311 - jitter is no secret
                continue
            backoff.reset()

    async def _ask(self) -> None:
        """Ask about all that wait; they wait on if the database does not answer (StoreFault) or its secrets cannot be read."""
        if why := self._hindrance():
            self._held |= self._waiting
            raise StoreFault(why)
        waiting, self._waiting = self._waiting, set()  # a new one: a set keeps the room that it once needed
        self._waiting.update(filter(self._is_held, waiting))
        devices = self._asked = waiting - self._waiting
        if not devices:
            return
        try:
            async with open_store(self._influxdb, self._link) as store:
                until_ms = self._clock.now_ms() + self._ahead_ms
                found = await newest_sums(store, devices, until_ms)
                exchanges = await stored_exchanges(store, devices, until_ms)
                steps = await stored_steps(store, devices, until_ms)
        except (StoreFault, ConfigurationFault):
            self._waiting |= devices
            self._asked = set()
            raise
        await self._restore(devices, found, exchanges, steps)
        self._asked = set()

    async def _restore(self, devices: Iterable[str], found: FoundSums, exchanges: _FoundExchanges, steps: StepsOf) -> None:
        for number, device in enumerate(devices):
            behind_ms = self._behind_ms(device, found.get(device, {})) if device in self._held else None
            self._restore_sums(device, found.get(device, {}), exchanges.get(device, ()), steps.get(device, ()))
            if behind_ms is not None:
                self._note_behind(device, behind_ms)
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        self._held -= set(devices)
        self._events.sums_taken_over(len(found))

    def _behind_ms(self, name: str, found: Mapping[str, FoundSum]) -> int | None:
        """The time since which a device has readings without sums: its newest in the database, or its first here."""
        device = self._streams.devices.get(name)
        if device is None or device.counters is None:
            return None
        times = [last.time_ms for last in found.values()]
        times += [int(register.base_ms) for register in device.counters.registers() if register.name not in found]
        return min(times, default=None)

    def _note_behind(self, name: str, behind_ms: int) -> None:
        device = self._streams.devices.get(name)
        if device is not None and device.counters is not None:
            device.counters.note_wrong(behind_ms)  # if nobody works them out at once, the night does
            self._behind[name] = behind_ms
