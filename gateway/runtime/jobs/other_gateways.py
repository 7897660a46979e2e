"""Answers of the database about other gateways: whose readings they take, how far they are, whom they heard, who is waited for.

Each minute it is asked whose readings have come since the last answer. The first question goes a month back, so that a device
that has been silent for days is known as one that was heard. Should that be too much for the database, the next one goes back
no further than silence needs. A gateway that cannot write hears devices whose readings are not there: so it is asked, too, how
far each of them has got, and since when each of them reads its shares.

At a take-over in a pair a device that was silent is silent still: it is asked what the other machine had heard. The live
machine writes of each registered device, once a minute, how long it has been silent. Those points outlive it in the database.
From the newest of each device follows the last time at which it was heard, and until when somebody listened: from there to the
take-over nobody did. What the database does not tell is judged from the take-over on.

Four times a minute it is looked who waits for whom. :mod:`gateway.core.gateways.waits` decides; the database is asked what
gateways said of their shares, and the pair what its machines said. Most looks ask for the words of the last hours alone; every
six hours all are asked for again, for a word that is too old does not count any more.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from gateway.core.batching.pacing import LinkBudget
from gateway.core.gateways.standby import Standby
from gateway.core.gateways.tenures import Tenures, names_within
from gateway.core.gateways.waits import Wait, Waits, waits_of_moves, waits_of_pair
from gateway.core.ledger import Ledger
from gateway.core.status.health import registered_devices
from gateway.core.status.members import MemberReport, Members, ShareReader
from gateway.core.status.silence import NewestReadings
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Side, Store, StoreFault, TimeSpan
from gateway.ingest.events import Events
from gateway.monitoring.reports.take_over import APART_MS, REACH_MS, Claim, Tenants, newest_claims, stages_told, tenants
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.support.clock import WallClock, every
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, Influxdb
from schemas.quantities import DOMAINS, HEALTH

log = logging.getLogger("gateway.jobs")

_REACH_MS: Final = 86_400_000
"""A report that is older than this is not asked for."""
UNBROKEN: Final = "unbroken_s"
"""The field of a gateway's own point that says for how long what came has gone straight to the database."""
_EVERY_S: Final = 60.0
_FIRST_REACH_MS: Final = 31 * 86_400_000
_OVERLAP_MS: Final = 900_000
"""Readings are older than the moment at which they can be read: a link is slow, or a clock is behind."""
_AGAIN_S: Final = 30.0
_HEARD_REACH_MS: Final = 180_000
"""The points are a minute apart, and VictoriaMetrics shows the newest up to half a minute late."""
_TOGETHER_MS: Final = 90_000
"""Points that are older than the newest of all by more than this are no part of the last round."""
_KEEP_ALIVES: Final = 2
"""Keep-alives until a take-over."""

SilencePoint = tuple[int, float]
"""A time in ms, and the seconds that a device had been silent then."""
WAITS_EVERY_S: Final = 15.0
"""A wait is told within four minutes of its beginning: it is seen up to so much later, and told up to so much later."""
_ALL_EVERY_MS: Final = 6 * 3_600_000
FindWaits = Callable[[], Awaitable[Collection[Wait]]]
"""Find what waits now. It raises StoreFault while the database does not answer, and ConfigurationFault without its secrets."""


class MemberWatch:
    """Asks the database, and tells :class:`Members`; the clock of another gateway may be as much as ``ahead_ms`` ahead."""

    def __init__(self, members: Members, tenures: Tenures, ahead_ms: int) -> None:
        self._members = members
        self._tenures = tenures
        self._ahead_ms = ahead_ms
        self._settled: Mapping[str, str] = {}

    async def ask(self, store: Store, now_ms: int) -> None:
        """Ask for the newest reports; after a change of the shares also who reads them, until that is known of all."""
        readers = self._tenures.readers
        if readers != self._settled:
            asked = {part for name, gateway in readers.items() if gateway for part in names_within(name)}
            found = await tenants(store, asked, now_ms)
            who = {name: ShareReader(gateway, self._since_ms(name, gateway, found)) for name, gateway in readers.items()}
            self._members.share_out(who, self._tenures.unplaced, now_ms)
            if all(reader.since_ms is not None for reader in who.values()):
                self._settled = readers
        if self._members.are_any:
            self._members.report(await self._reports(store, now_ms))

    def _since_ms(self, name: str, gateway: str, found: Tenants) -> int | None:
        """The time since which a gateway reads a share; 0: nobody ever said anything of it, so it did not move."""
        if not gateway:
            return self._tenures.since_ms(name)
        since_ms = found.get(name, {}).get(gateway)
        is_new = not any(found.get(part) for part in names_within(name))
        return 0 if is_new else since_ms

    async def _reports(self, store: Store, now_ms: int) -> dict[str, MemberReport]:
        found: dict[str, MemberReport] = {}
        window = TimeSpan(now_ms - _REACH_MS, now_ms + self._ahead_ms)
        async for gateway, at_ms, unbroken_s in store.newest_reports(UNBROKEN, window):
            report = MemberReport(at_ms, at_ms - round(1000 * unbroken_s))
            found[gateway] = max(report, found.get(gateway, report))
        return found


class ElsewhereWatch:
    """Asks the database, and tells :class:`NewestReadings`."""

    def __init__(
        self, config: Config, elsewhere: NewestReadings, devices: KnownDevices, clock: WallClock, link: LinkBudget
    ) -> None:
        self._influxdb = config.influxdb
        self._link = link
        self._ahead_ms = round(config.time.max_future.total_seconds() * 1000)
        self._elsewhere = elsewhere
        self._members = MemberWatch(elsewhere.members, devices.streams.tenures, self._ahead_ms)
        self._devices = devices
        self._clock = clock
        self._answered_ms: int | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Ask each minute until cancelled."""
        await every(_EVERY_S, self._clock, self.ask)

    async def ask(self) -> None:
        """Ask whose readings have come; without an answer nothing changes, and what was known is soon too old."""
        now_ms, names, longest_ms = self._clock.now_ms(), set[str](), 0
        for number, device in enumerate(registered_devices(self._devices.streams)):
            names.add(device.name)
            longest_ms = max(longest_ms, self._devices.silence.after_ms(device))
            if number % 1000 == 0:
                await asyncio.sleep(0)
        if self._answered_ms is not None:
            reach_ms = max(0, now_ms - self._answered_ms) + _OVERLAP_MS
        else:
            reach_ms = longest_ms if self._trouble else max(longest_ms, _FIRST_REACH_MS)
        try:
            found = await self._newest(now_ms, reach_ms)
        except (StoreFault, ConfigurationFault) as fault:
            self._say(f"what other gateways hear is not known, so nothing is called silent: {fault}")
            return
        self._say("")
        self._answered_ms = now_ms
        self._elsewhere.take(found, names, now_ms)

    async def _newest(self, now_ms: int, reach_ms: int) -> dict[str, int]:
        """The times of the newest readings in the database, by device; ask for the other gateways, too."""
        found: dict[str, int] = {}
        until_ms, reach_ms = now_ms + self._ahead_ms, reach_ms + self._ahead_ms
        async with open_store(self._influxdb, self._link) as store:
            for measurement in (*DOMAINS, HEALTH):
                async for device, newest_ms in store.heard(measurement, Side.UP_TO, until_ms, reach_ms, None):
                    found[device] = max(newest_ms, found.get(device, 0))
            await self._members.ask(store, now_ms)
        return found

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("%s", trouble)
        elif self._trouble and not trouble:
            log.info("the database tells again what other gateways hear")
        self._trouble = trouble


async def hear_partner(config: Config, devices: KnownDevices, clock: WallClock, link: LinkBudget) -> None:
    """Ask the database until it answers, and give the devices what it says; the take-over is now."""
    end_ms, keep_alive = clock.now_ms(), config.mqtt.standby.keep_alive
    reach_ms = _HEARD_REACH_MS + _KEEP_ALIVES * round(keep_alive.total_seconds() * 1000)
    while not await _ask_of_partner(config.influxdb, devices, TimeSpan(end_ms - reach_ms, end_ms), link):
        await clock.sleep(_AGAIN_S)


async def _ask_of_partner(influxdb: Influxdb, known: KnownDevices, window: TimeSpan, link: LinkBudget) -> bool:
    """Ask for the points of a window; False: the database does not answer."""
    devices = {device.name: device for device in registered_devices(known.streams)}
    newest: dict[str, SilencePoint] = {}
    try:
        async with open_store(influxdb, link) as store:
            async for series, rows in store.rows(HEALTH, ["silence_s"], window, devices):
                points = [(time_ms, float(silence_s)) for time_ms, (silence_s,) in rows if silence_s is not None]
                newest[series.device] = max([newest.get(series.device, (0, 0.0)), *points])
    except (StoreFault, ConfigurationFault) as fault:
        log.warning("what the other machine heard is not known yet, so silence is judged from now on: %s", fault)
        return False
    heard_ms, until_ms = last_heard(newest)
    for name, seen_ms in heard_ms.items():
        devices[name].last_seen_ms = max(devices[name].last_seen_ms, seen_ms)
    if heard_ms:
        known.silence.reception.heard_elsewhere(until_ms)
        log.info("%d devices were heard by the other machine, the last round of which was at %d", len(heard_ms), until_ms)
    return True


def last_heard(newest: Mapping[str, SilencePoint]) -> tuple[Mapping[str, int], int]:
    """Return device → the last time at which it was heard, and the time until which all of them could be heard."""
    times_ms: Sequence[int] = [time_ms for time_ms, _ in newest.values()]
    last_ms = max(times_ms, default=0)
    until_ms = min((time_ms for time_ms in times_ms if last_ms - time_ms <= _TOGETHER_MS), default=0)
    heard_ms = {name: time_ms - round(silence_s * 1000) for name, (time_ms, silence_s) in newest.items() if time_ms}
    return heard_ms, until_ms


async def look_at_waits(waits: Waits, find: FindWaits, clock: WallClock) -> None:
    """Look once, and tell :class:`Waits`."""
    _, steady_ms = clock.now_and_steady_ms()
    try:
        waits.take(await find(), steady_ms)
    except (StoreFault, ConfigurationFault) as fault:
        waits.unanswered()
        log.debug("who waits for whom is not known: %s", fault)


class MoveLook:
    """The words of gateways about their shares, and the waits that follow.

    The database stays open between looks: to find out which one it is takes twice what a look takes of the link.
    """

    def __init__(self, config: Config, tenures: Tenures, clock: WallClock, link: LinkBudget) -> None:
        self._config = config
        self._tenures = tenures
        self._clock = clock
        self._link = link
        self._said: defaultdict[str, dict[str, Claim]] = defaultdict(dict)
        self._all_asked_ms: int | None = None
        self._open = AsyncExitStack()
        self._store: Store | None = None

    async def find(self) -> Collection[Wait]:
        """Ask the database."""
        now_ms, steady_ms = self._clock.now_and_steady_ms()
        reach_ms = REACH_MS if self._all_asked_ms is None else steady_ms - self._all_asked_ms + APART_MS
        asks_all = reach_ms >= _ALL_EVERY_MS + APART_MS
        window = TimeSpan(now_ms - (REACH_MS if asks_all else reach_ms), now_ms + APART_MS)
        try:
            if self._store is None:
                self._store = await self._open.enter_async_context(open_store(self._config.influxdb, self._link))
            news = await newest_claims(self._store, window)
        except (StoreFault, ConfigurationFault):
            self._store = self._all_asked_ms = None  # it may be another one when it answers again, or have older words
            await self._open.aclose()
            raise
        if asks_all:
            self._said.clear()
            self._all_asked_ms = steady_ms
        for share, told in news.items():
            self._said[share] |= told
        own = self._config.mqtt.client_id
        kept = {(share, gateway) for share, told in self._said.items() for gateway, claim in told.items() if claim.is_kept}
        readers = {share: gateway or own for share, gateway in self._tenures.readers.items()}
        return waits_of_moves(stages_told(self._said), kept, readers)


async def find_in_pair(standby: Standby, ledger: Ledger, events: Events) -> Collection[Wait]:
    """See what the machines of a pair said, while the database takes what this one writes."""
    if not events.influxdb_up:
        raise StoreFault(events.influxdb_trouble)
    return waits_of_pair(standby, ledger.pending["journal"])
