"""The watch over what waits for another machine: four times a minute it looks who waits for whom.

:mod:`gateway.core.gateways.waits` decides; here the database is asked what gateways said of their shares, and the pair what its
machines said. Most looks ask for the words of the last hours alone; every six hours all are asked for again, for a word that
is too old does not count any more.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from typing import Final

from gateway.core.batching.pacing import LinkBudget
from gateway.core.gateways.standby import Standby
from gateway.core.gateways.tenures import Tenures
from gateway.core.gateways.waits import Wait, Waits, waits_of_moves, waits_of_pair
from gateway.core.ledger import Ledger
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store, StoreFault, TimeSpan
from gateway.ingest.events import Events
from gateway.monitoring.reports.share_claims import APART_MS, REACH_MS, Claim, newest_claims, stages_told
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config

log = logging.getLogger("gateway.jobs")

WAITS_EVERY_S: Final = 15.0
"""A wait is told within four minutes of its beginning: it is seen up to so much later, and told up to so much later."""
_ALL_EVERY_MS: Final = 6 * 3_600_000

FindWaits = Callable[[], Awaitable[Collection[Wait]]]
"""Find what waits now. It raises StoreFault while the database does not answer, and ConfigurationFault without its secrets."""


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
