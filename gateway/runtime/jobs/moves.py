"""Moves of shares between gateways: what this one leaves, and what comes to it.

Theory of operation
-------------------
One that leaves a share reads on until the other one says that it reads too. Then it waits until the broker has confirmed that
nothing new comes, for a fence behind all that waited in its queue, and until its journal was empty once. Then everything stands
in the database, and it says so there.

One that takes a share over reads it from the first moment. Its devices' points carry no sums until all others have said so;
then the sums are asked of the database and, from the newest on, worked out once more. A restart in between begins where it
was: each step is saved.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import mqtt5

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.devices.streams import Streams
from gateway.core.gateways.tenures import TENURE, Stage, Tenure, Tenures, names_within, not_empty, stages_within, still_bound
from gateway.core.ledger import Ledger
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from gateway.monitoring.alarms.shared_alarms import AlarmHandover
from gateway.monitoring.reports.take_over import Claim, Claims, SumsTakeOver, claim_line, claims, stages_told
from gateway.runtime.jobs.resums import Resums
from gateway.support.clock import WallClock, set_within
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.shares import SharesFile

log = logging.getLogger("gateway.jobs")

_LOOK_EVERY_S: Final = 2.0
_UNDER_WAY_S: Final = 2.0
"""A message that the broker was passing on when a binding ended may come behind the fence that is sent at once."""
_SHOWN_LATE_S: Final = 12.0
"""VictoriaMetrics shows a point some seconds after it took it, and not always in the order in which it took them."""


@dataclass(slots=True)
class Moves:
    """The shares that this gateway leaves and takes over."""

    _config: Config
    _database: Database
    _streams: Streams
    _subscriptions: Subscriptions
    _fence: Fence
    _ledger: Ledger
    _influxdb: LinkedOutput
    _sums: SumsTakeOver
    _resums: Resums
    _snapshots: DeviceSnapshots
    _alarms: AlarmHandover
    _clock: WallClock
    _tenures: Tenures = field(init=False)
    _is_asked: bool = True
    _waits_for: dict[str, list[str]] = field(default_factory=dict)
    _shown_after_s: float = 0.0
    _told: dict[str, Claim] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._tenures = self._streams.tenures
        self._changed.set()

    def want(self, shares: SharesFile | None) -> None:
        """Have what a file of shares gives this gateway; None: nothing is shared out, and all stays as it is."""
        if shares is not None:
            self._is_asked = False
            self._tenures.want(shares.assigned, self._config.mqtt.client_id, self._clock.now_ms())

    def subscribe(self, wanted: dict[str, mqtt5.RetainHandling], states: Sequence[str]) -> None:
        """Subscribe to what is wanted now, and on to what others do not read yet."""
        self._subscriptions.replace(with_kept(wanted, self._tenures), states)
        self._is_asked = True
        self._changed.set()

    # What leaves.

    async def leave(self) -> None:
        """Leave what is not wanted any more; until cancelled."""
        while True:
            await set_within(self._changed, _LOOK_EVERY_S)
            self._changed.clear()
            if not self._is_asked:  # another file is in force, and what it wants is not subscribed to yet
                continue
            try:
                await self._release()
            except (StoreFault, ConfigurationFault) as fault:
                log.debug("nobody is known to read what is to be left: %s", fault)
            if not self._subscriptions.stale:
                for name in set(self._tenures.unwanted).difference(self._tenures.kept):
                    await self._move(name, Stage.LEAVING)
            if leaving := self._tenures.leaving:
                await self._see_off(leaving)

    async def _release(self) -> None:
        """Unsubscribe from what others read by now."""
        heirs = {name: self._tenures.heirs(name) for name in self._tenures.kept}
        if not heirs:
            return
        found = await self._claims(part for parts in heirs.values() for part in parts)
        bound = {(name, one) for name, told in found.items() for one, claim in told.items() if claim.stage >= Stage.TAKING_OVER}
        before = self._tenures.filters()
        for name, parts in heirs.items():
            if self._is_asked and bound.issuperset(parts.items()):
                self._tenures.release(name)
        if gone := before - self._tenures.filters():
            still = {pattern: handling for pattern, handling in self._subscriptions.wanted.items() if pattern not in gone}
            self._subscriptions.replace(still, self._subscriptions.states)

    async def _claims(self, names: Iterable[str]) -> Claims:
        async with open_store(self._config.influxdb, self._influxdb.link) as store:
            self._shown_after_s = 0.0 if store.is_overwritten else _SHOWN_LATE_S
            return await claims(store, frozenset(names), self._clock.now_ms())

    async def _see_off(self, leaving: list[str]) -> None:
        """Return when all of some shares is in the database, and that is said."""
        since = {name: self._tenures.by_name[name] for name in leaving}
        log.info("leaving %s: what waits here is written first", ", ".join(leaving))
        await asyncio.sleep(_UNDER_WAY_S)
        await self._fence.passed()
        while self._ledger.backlog:  # noqa: ASYNC110 - the ledger counts, and tells nobody
            await asyncio.sleep(_LOOK_EVERY_S / 4)
        await self._alarms.end(leaving)
        for name, tenure in since.items():
            if self._tenures.is_still(name, tenure):
                await self._move(name, Stage.LEFT)
        log.info("left %s: all that came is in the database", ", ".join(leaving))

    # What comes.

    async def take_over(self) -> None:
        """Take over what comes here; until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if names := self._tenures.taken_over:
                try:
                    await self._look(names)
                except (StoreFault, ConfigurationFault, DatabaseFault) as fault:
                    log.debug("shares are not taken over yet: %s", fault)
            for name, from_ms in self._sums.pop_behind().items():
                if (device := self._streams.devices.get(name)) is not None:
                    self._resums.start(device, from_ms)

    async def _look(self, names: list[str]) -> None:
        """See how far the others are with the shares that come here."""
        before = {name: self._tenures.by_name[name] for name in names}
        found = await self._claims(one for name in names for one in names_within(name))
        told = stages_told(found)
        others = {name: stages_within(told, name, self._config.mqtt.client_id) for name in names}
        for name in names:
            if (gateways := not_empty(others[name])) and self._waits_for.get(name) != gateways:
                text = "taking over %s: no sums are written of it until all stands in the database of %s"
                log.info(text, name, ", ".join(gateways))
            self._waits_for[name] = gateways
        alone = [name for name in names if not still_bound(others[name]) and not before[name].is_alone]
        free = [name for name in names if not not_empty(others[name]) and not before[name].is_free]
        if alone:
            await asyncio.sleep(_UNDER_WAY_S)
            await self._fence.passed()
        if free:
            await asyncio.sleep(self._shown_after_s)
        for name, tenure in before.items():
            if not self._tenures.is_still(name, tenure):  # it went elsewhere meanwhile, and may be back
                continue
            if name in alone:
                await self._change(name, lambda tenure: replace(tenure, is_alone=True))
            if name in free:
                await self._change(name, lambda tenure: replace(tenure, is_free=True))
                self._sums.look()
            elif tenure.is_free and tenure.is_alone:
                await self._hold(name)

    async def _hold(self, name: str) -> None:
        """Go on with a share whose devices have their sums; those that are met from now on ask for themselves."""
        if not self._sums.waiting(name):
            await self._alarms.tell_again([name])
            await self._snapshots.save()  # before it is said: after a restart nobody would ask for them
            await self._move(name, Stage.HOLDING)
            log.info("taken over %s: its sums go on", name)

    # What is said.

    async def tell(self) -> None:
        """Tell the database how far this gateway is with its shares; until cancelled."""
        while True:
            now_ms, kept, taken_over = self._clock.now_ms(), set(self._tenures.kept), set(self._tenures.taken_over)
            for name in sorted(self._tenures.by_name):
                waiting = self._sums.waiting(name) if name in taken_over else 0
                claim = Claim(self._tenures.by_name[name].stage, waiting, name in kept)
                if self._is_due(name, claim, now_ms) and self._may_tell(name):
                    await self._tell(name, claim, now_ms)
            await asyncio.sleep(_LOOK_EVERY_S / 2)

    def _is_due(self, name: str, claim: Claim, now_ms: int) -> bool:
        """Tell if the database is to be told. That a share is kept stays untold in the file: a restart may find it wanted."""
        changed = self._told.get(name) != claim
        if claim.is_kept:
            return changed
        return self._tenures.by_name[name].is_untold(now_ms) or (claim.stage is Stage.TAKING_OVER and changed)

    def _may_tell(self, name: str) -> bool:
        """Tell if it may be said already: who reads a share says so when the broker has confirmed that."""
        if self._tenures.by_name[name].stage < Stage.TAKING_OVER:
            return True
        refused = self._subscriptions.refused.intersection(self._tenures.filters_of(name))
        return self._is_asked and self._subscriptions.confirmed and not refused

    async def _tell(self, name: str, claim: Claim, now_ms: int) -> None:
        tenure = self._tenures.by_name[name]
        await self._save(name)  # first: whoever has said something knows it after a restart
        line = claim_line(name, self._config.mqtt.client_id, claim, now_ms)
        if fate_of(await self._influxdb.write(packed([line]))) is not Fate.WRITTEN:
            return
        self._told[name] = claim
        if self._tenures.by_name[name].stage is not tenure.stage:  # it moved on while the database was told
            return
        await self._change(name, lambda tenure: replace(tenure, told_ms=0 if claim.is_kept else now_ms))
        if tenure.stage is Stage.LEFT and self._tenures.is_still(name, tenure):
            self._tenures.forget(name)
            await keyvalue.forget(self._database, [TENURE + name])

    async def _move(self, name: str, stage: Stage) -> None:
        await self._change(name, lambda tenure: tenure.at(stage))

    async def _change(self, name: str, change: Callable[[Tenure], Tenure]) -> None:
        self._tenures.move(name, change)
        await self._save(name)

    async def _save(self, name: str) -> None:
        await keyvalue.save(self._database, TENURE + name, self._tenures.by_name[name].packed())


def with_kept(wanted: dict[str, mqtt5.RetainHandling], tenures: Tenures) -> dict[str, mqtt5.RetainHandling]:
    """Topic filters, and those of shares that others do not read yet."""
    return dict.fromkeys(sorted(tenures.filters()), mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS) | wanted
