"""The senders to the gateway's own database and broker.

InfluxDB gets each change of an alarm, however late, and every five minutes all active alarms. The broker retains the list of a
device's active alarms, under ``iot/v1/{site}/{domain}/{device}/alarms``, until another one comes; an empty one says that all is
well. So the gateway remembers on disk the topics at which a list stands, and empties each when the alarms have ended, even in
its next run. The lists are a publication (:func:`gateway.runtime.jobs.exports.publish_and_wait`), which repeats all each hour.
"""

import asyncio
import logging
from collections.abc import Sequence
from random import random
from typing import Final

from msgspec import DecodeError, ValidationError
from msgspec.json import decode
from msgspec.json import encode as to_json

from gateway.core.alarms.alarm import AlarmState
from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.intake.connection import Connection
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.documents import alarm_document
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.outbox import INFLUXDB
from gateway.support.clock import WallClock, every
from schemas.quantities import DOMAINS
from schemas.topics import is_id

log = logging.getLogger("gateway.alarms")

_REPEAT_POINTS_S: Final = 300.0
_TOGETHER: Final = 1000
STANDING: Final = "alarm lists"
"""Name of the saved topics at which a list stands."""
_AGAIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 3600.0

ListMarks = tuple[tuple[str, int, int, bool, bool], ...]
"""The content of a list without the values, which change with each reading."""


class PointSender:
    """Writes the measurement ``alarm``. Its points are outside the ledger, and never in the journal."""

    def __init__(self, keeper: AlarmKeeper, influxdb: Output, breaker: CircuitBreaker, probe: Probe, clock: WallClock) -> None:
        self._keeper = keeper
        self._influxdb = influxdb
        self._breaker = breaker
        self._probe = probe
        self._clock = clock

    async def run(self) -> None:
        """Write each change until cancelled; changes wait while InfluxDB is away."""
        seen, backoff, outbox = -1, Backoff(0.5, 60.0), self._keeper.outbox
        while True:
            await self._breaker.closed.wait()
            while waiting := outbox.first(INFLUXDB, _TOGETHER):
                answer = await self._write([notice.body for notice in waiting])
                fate = fate_of(answer)
                is_written = fate is Fate.WRITTEN
                if not (fate.is_of_the_batch and (is_written or await self._probe.takes_self_point())):
                    await asyncio.sleep(backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret
                    break
                if not is_written:  # for its content: it would be refused for ever
                    self._keeper.refused(INFLUXDB, answer.describe(), *waiting)
                self._keeper.taken(waiting)
                backoff.reset()
            else:
                seen = await self._keeper.changed.after(seen)

    async def repeat(self) -> None:
        """Write the active alarms every five minutes until cancelled. A write that fails is made up by the next."""
        await every(_REPEAT_POINTS_S, self._clock, self._write_active, first_s=_REPEAT_POINTS_S)

    async def _write_active(self) -> None:
        lines = [] if self._breaker.is_open else self._keeper.repeated_points()
        for at in range(0, len(lines), _TOGETHER):
            await self._write(lines[at : at + _TOGETHER])

    async def _write(self, lines: Sequence[str]) -> Answer:
        return await self._influxdb.write(packed(lines))


class AlarmLists:
    """The lists, while ``alarms.mqtt`` is set: what is published, and waited for."""

    def __init__(self, keeper: AlarmKeeper, connection: Connection, database: Database) -> None:
        self._keeper = keeper
        self._connection = connection
        self._database = database
        self._published: dict[str, ListMarks | None] = {}
        self._seen = -1

    async def publish(self, *, again: bool) -> bool:
        """Publish the lists that changed, or all of them; False: the broker is away."""
        if self._seen < 0:  # the first time
            self._published = dict.fromkeys(_topics(await self._database.run(keyvalue.get, STANDING)))
        if again:
            self._published = dict.fromkeys(self._published)
        all_published = await self._publish()
        if again and all_published:  # what was emptied twice is forgotten
            self._published = {topic: states for topic, states in self._published.items() if states}
            await self._remember()
        return all_published

    async def wait(self, *, taken: bool) -> None:
        """Wait for the next change, or the next try."""
        self._seen = await self._keeper.changed.after(self._seen, _LOOK_EVERY_S if taken else _AGAIN_S)

    async def _publish(self) -> bool:
        lists = self._lists()
        if not lists.keys() <= self._published.keys():  # on disk before it stands there
            self._published = dict.fromkeys(lists) | self._published
            await self._remember()
        for topic in list(self._published):
            states = lists.get(topic, [])
            seen = tuple(map(self._marks, states))
            if self._published[topic] == seen:
                continue
            documents = [
                alarm_document(state, self._keeper.rules, silenced=self._keeper.is_silenced(state)) for state in states
            ]
            if not self._connection.publish(topic, to_json(documents), retain=True):
                return False
            self._published[topic] = seen
        return True

    async def _remember(self) -> None:
        await keyvalue.save(self._database, STANDING, to_json(sorted(self._published)).decode())

    def _lists(self) -> dict[str, list[AlarmState]]:
        """Topic → the active alarms of a device; a device whose name cannot be in a topic is left out."""
        lists: dict[str, list[AlarmState]] = {}
        for state in self._keeper.active():
            tags = state.tags
            if tags.domain in DOMAINS and is_id(tags.site) and is_id(tags.device):
                lists.setdefault(f"iot/v1/{tags.site}/{tags.domain}/{tags.device}/alarms", []).append(state)
        return lists

    def _marks(self, state: AlarmState) -> tuple[str, int, int, bool, bool]:
        return state.key.alarm, state.since_ms, state.raised_ms, state.acknowledged is not None, self._keeper.is_silenced(state)


def _topics(text: str | None) -> list[str]:
    """The saved topics; none if they cannot be read."""
    try:
        return decode(text or "[]", type=list[str])
    except (DecodeError, ValidationError):
        return []
