"""Alarms between gateways: the machines of a pair have the broker retain theirs, and a share that moves takes its own along.

Theory of operation
-------------------
Places are divided into buckets by their name, and each bucket is retained whole:

    gateway/v1/{client_id}/alarms/{bucket}   {"machine": M, "states": [[state, held back], ...]}, deflated

So an alarm that has ended leaves nothing behind. An empty bucket says that nothing is wrong at its places; a missing one says
nothing, and the alarms there stay as this machine knew them. A bucket that this machine wrote itself tells it nothing new: its
file has the same, or what it decided in its last moments.

Planned work is one bucket more, ``planned``: ``{"machine": M, "works": [...]}``. Each machine gives it numbers of its own.

The passive machine takes each bucket as it comes, and stores it, so at a take-over there is nothing left to ask. What ended or
was acknowledged, by whom, what waits for its time, and what the webhook still has to be told: all goes on as after a restart.

Where a share moves, its new gateway judges each reading from the first one on: an alarm must not wait until the old one has
written what it still has. The old one knows nothing of that, and ends its own alarms when it has left. All who are told know an
alarm by its rule and device, not by its gateway: so they would take the end for the end of the new one's. It tells of its own
once more behind that.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final

from msgspec import DecodeError, Struct, ValidationError, field
from msgspec.json import decode
from msgspec.json import encode as to_json

from gateway.core.alarms.alarm import AlarmKey, AlarmTags
from gateway.core.alarms.engine import Alarms
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.ingest.intake.pair import Watch
from gateway.ingest.storage.alarms import PlannedWork, SharedState
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.support.clock import WallClock

BUCKETS: Final = 64
PLANNED: Final = "planned"
"""The name of the bucket of planned work."""
_BUCKET_MAX_BYTES: Final = 131_072
"""Most bytes of a bucket, deflated: some thousand states. Brokers disconnect whoever sends much larger messages."""
_INFLATED_MAX_BYTES: Final = 8 << 20
"""Most bytes of one that is read: what inflates to more is no bucket."""
_AGAIN_S: Final = 30.0
"""Interval in which states that nobody is told of yet are retained again: each reading changes them."""


class AlarmBucket(Struct, omit_defaults=True):
    """A bucket as it is retained: states of alarms, or planned work."""

    machine: str
    states: list[SharedState] = field(default_factory=list)
    works: list[PlannedWork] = field(default_factory=list)


class PairAlarms:
    """Follows while this machine is passive, then leads."""

    def __init__(self, keeper: AlarmKeeper, watch: Watch, streams: Streams) -> None:
        self._keeper = keeper
        self._watch = watch
        self._streams = streams
        self._retained: dict[str, object] = {}
        self._planned: asyncio.Queue[list[PlannedWork]] = asyncio.Queue()

    async def run(self) -> None:
        """Follow the live machine until this one is live, then have the broker retain its alarms, until cancelled."""
        watch = self._watch
        while True:
            watch.news.clear()
            self._follow()
            if watch.live.is_set():
                break
            await watch.news.wait()
        self._keeper.lead(self._streams.registry)
        seen, syncs = -1, watch.syncs
        while True:
            if watch.syncs != syncs:  # a broker that was restarted may have forgotten all
                self._retained.clear()
                syncs = watch.syncs
            await self._retain()
            seen = await self._keeper.changed.after(seen, _AGAIN_S)

    async def follow_planned(self) -> None:
        """Plan here the work that is planned at the live machine, until cancelled."""
        while True:
            await self._keeper.follow_planned(await self._planned.get())

    def _follow(self) -> None:
        for name, payload in self._watch.take_alarms().items():
            bucket = read_bucket(payload)
            if bucket is None or bucket.machine == self._watch.standby.name:
                continue
            if name == PLANNED:
                self._planned.put_nowait(bucket.works)
            elif name.isdecimal():
                self._keeper.follow(bucket.states, partial(_is_in, int(name)))

    async def _retain(self) -> None:
        """Have the broker retain the buckets that changed."""
        buckets: defaultdict[int, list[SharedState]] = defaultdict(list)
        for shared in self._keeper.shared():
            buckets[bucket_of(shared.state.key)].append(shared)
        machine = self._watch.standby.name
        for number in range(BUCKETS):
            states = buckets[number]
            if self._retain_one(str(number), AlarmBucket(machine, states), frozenset(map(_mark, states))):
                await asyncio.sleep(0)
        works = self._keeper.planned_works()
        self._retain_one(PLANNED, AlarmBucket(machine, works=works), frozenset(works))

    def _retain_one(self, name: str, bucket: AlarmBucket, marks: frozenset[object]) -> bool:
        """Have the broker retain a bucket if its marks changed; True: it was sent."""
        if self._retained.get(name) == marks or not self._watch.live.is_set():
            return False
        if is_sent := self._watch.publish_alarms(name, bucket_payload(bucket)):
            self._retained[name] = marks
        return is_sent


def bucket_of(key: AlarmKey) -> int:
    """The number of the bucket of an alarm: the same on both machines."""
    return zlib.crc32(key.place.encode()) % BUCKETS


def _is_in(number: int, key: AlarmKey) -> bool:
    return bucket_of(key) == number


def bucket_payload(bucket: AlarmBucket) -> bytes:
    """A bucket as it is retained; empty, which removes it, if it is too large."""
    payload = zlib.compress(to_json(bucket), 1)
    return payload if len(payload) <= _BUCKET_MAX_BYTES else b""


def read_bucket(payload: bytes) -> AlarmBucket | None:
    """A bucket that was retained; None: it is none."""
    try:
        return decode(zlib.decompressobj().decompress(payload, _INFLATED_MAX_BYTES), type=AlarmBucket)
    except (zlib.error, DecodeError, ValidationError):
        return None


def _mark(shared: SharedState) -> object:
    """The part of a state that is worth retaining anew: of an active alarm without the newest reading."""
    state, held_back = shared
    if not state.is_active:
        return to_json(state)
    facts = (state.key, state.severity, state.tags, state.since_ms, state.raised_ms, state.acknowledged, state.overdue)
    return (*facts, frozenset(state.standing), len(state.nights), held_back)


class AlarmHandover:
    """Hands over alarms about values. Those about silence, nights and days are told by one gateway for all: they go on."""

    def __init__(self, alarms: Alarms, keeper: AlarmKeeper, streams: Streams, clock: WallClock) -> None:
        self._alarms = alarms
        self._keeper = keeper
        self._streams = streams
        self._clock = clock

    async def end(self, shares: Collection[str]) -> None:
        """End the alarms of devices whose shares another gateway has; return when that is saved and on its way."""
        await self._each(shares, self._alarms.pass_on)

    async def tell_again(self, shares: Collection[str]) -> None:
        """Tell once more of the alarms of devices whose shares came here; return when that is saved and on its way."""
        await self._each(shares, self._alarms.tell_again)

    async def _each(self, shares: Collection[str], do: Callable[[Device, int], None]) -> None:
        for device in list(self._devices(shares)):
            do(device, self._clock.now_ms())
        await self._keeper.commit(everything=True)

    def _devices(self, shares: Collection[str]) -> Iterator[Device]:
        """The devices of some shares that have alarms."""
        places = {state.tags.device: state.tags for state in self._alarms.states}
        for name, tags in places.items():
            device = self._streams.devices.get(name)
            if device is not None and not _shares_of(device, tags).isdisjoint(shares):
                yield device


def _shares_of(device: Device, tags: AlarmTags) -> set[str]:
    """The share of a device; of one that was not heard since a start those that its place could be."""
    return {device.share} if device.share else {tags.site, f"{tags.site}/{tags.domain}"}
