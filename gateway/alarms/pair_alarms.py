"""Alarms of a pair: the live machine has the broker retain the states of its alarms, the passive one takes them from there.

Theory of operation
-------------------
Places are divided into buckets by their name, and each bucket is retained whole:

    gateway/v1/{client_id}/alarms/{bucket}   {"machine": M, "states": [[state, held back], ...]}, deflated

So an alarm that has ended leaves nothing behind. An empty bucket says that nothing is wrong at its places; a missing one says
nothing, and the alarms there stay as this machine knew them. A bucket that this machine wrote itself tells it nothing new: its
file has the same, or what it decided in its last moments.

The passive machine takes each bucket as it comes, and stores it, so at a take-over there is nothing left to ask. What ended or
was acknowledged, by whom, what waits for its time, and what the webhook still has to be told: all goes on as after a restart.
"""

import asyncio
import zlib
from collections import defaultdict
from functools import partial
from typing import Final

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode
from msgspec.json import encode as to_json

from gateway.alarms.keeper import AlarmKeeper
from gateway.core.alarms.alarm import AlarmKey
from gateway.core.devices.streams import Streams
from gateway.intake.watch import Watch
from gateway.storage.alarms import SharedState

BUCKETS: Final = 64
_BUCKET_MAX_BYTES: Final = 131_072
"""Most bytes of a bucket, deflated: some thousand states. Brokers disconnect whoever sends much larger messages."""
_AGAIN_S: Final = 30.0
"""Interval in which states that nobody is told of yet are retained again: each reading changes them."""


class AlarmBucket(Struct):
    """A bucket as it is retained."""

    machine: str
    states: list[SharedState]


class PairAlarms:
    """Follows while this machine is passive, then leads."""

    def __init__(self, keeper: AlarmKeeper, watch: Watch, streams: Streams) -> None:
        self._keeper = keeper
        self._watch = watch
        self._streams = streams
        self._retained: dict[int, frozenset[object]] = {}

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

    def _follow(self) -> None:
        for name, payload in self._watch.take_alarms().items():
            bucket = read_bucket(payload)
            if bucket is not None and bucket.machine != self._watch.standby.name and name.isdecimal():
                self._keeper.follow(bucket.states, partial(_is_in, int(name)))

    async def _retain(self) -> None:
        """Have the broker retain the buckets that changed."""
        buckets: defaultdict[int, list[SharedState]] = defaultdict(list)
        for shared in self._keeper.shared():
            buckets[bucket_of(shared.state.key)].append(shared)
        for number in range(BUCKETS):
            states = buckets[number]
            marks = frozenset(map(_mark, states))
            if self._retained.get(number) != marks and self._watch.live.is_set():
                payload = bucket_payload(self._watch.standby.name, states)
                if self._watch.publish_alarms(str(number), payload):
                    self._retained[number] = marks
                await asyncio.sleep(0)


def bucket_of(key: AlarmKey) -> int:
    """The number of the bucket of an alarm: the same on both machines."""
    return zlib.crc32(key.place.encode()) % BUCKETS


def _is_in(number: int, key: AlarmKey) -> bool:
    return bucket_of(key) == number


def bucket_payload(machine: str, states: list[SharedState]) -> bytes:
    """A bucket as it is retained; empty, which removes it, if it is too large."""
    payload = zlib.compress(to_json(AlarmBucket(machine, states)), 1)
    return payload if len(payload) <= _BUCKET_MAX_BYTES else b""


def read_bucket(payload: bytes) -> AlarmBucket | None:
    """A bucket that was retained; None: it is none."""
    try:
        return decode(zlib.decompress(payload), type=AlarmBucket)
    except (zlib.error, DecodeError, ValidationError):
        return None


def _mark(shared: SharedState) -> object:
    """The part of a state that is worth retaining anew: of an active alarm without the newest reading."""
    state, held_back = shared
    if not state.is_active:
        return to_json(state)
    facts = (state.key, state.severity, state.tags, state.since_ms, state.raised_ms, state.acknowledged, state.overdue)
    return (*facts, frozenset(state.standing), len(state.nights), held_back)
