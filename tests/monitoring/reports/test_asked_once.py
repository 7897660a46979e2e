"""Events asked once: a hundred questions about some devices each are one about all, and the answers are the same."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

from gateway.ingest.database.store import PointValues, StoredSeries, TimeSpan
from gateway.monitoring.reports.told_events import EventsAskedOnce
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, HOUR, START

FIELDS = ["stuck_since_ms", "stuck_until_ms"]
EVENTS = [
    f"event,device={device},kind=stuck,site=s stuck_since_ms={at} {START + at * HOUR}" for device in "abc" for at in (1, 2, 30)
]


class Counted(MemoryStore):
    """A database that notes what it is asked."""

    def __init__(self) -> None:
        super().__init__([*EVENTS, f"water,device=a,site=s quality=0i {START}"])
        self.asked: list[tuple[str, Collection[str] | None]] = []

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str] | None
    ) -> AsyncIterator[tuple[StoredSeries, list[tuple[int, PointValues]]]]:
        """The points of each series."""
        self.asked.append((measurement, devices))
        async for one in super().rows(measurement, fields, window, devices):
            yield one


def said(store: MemoryStore | EventsAskedOnce, measurement: str, window: TimeSpan, *devices: str) -> list[object]:
    async def all_() -> list[object]:
        return [one async for one in store.rows(measurement, FIELDS, window, devices)]

    return asyncio.run(all_())


def test_events_of_all_devices_are_asked_for_once_and_answers_are_those_about_each() -> None:
    counted, plain = Counted(), MemoryStore(EVENTS)
    store = EventsAskedOnce(counted)
    first, next_day = TimeSpan(START, START + 2 * HOUR), TimeSpan(START + DAY, START + 2 * DAY)
    for window in (first, next_day):
        for devices in (("a", "b"), ("c",), ("unknown",)):
            assert said(store, "event", window, *devices) == said(plain, "event", window, *devices)
    assert counted.asked == [("event", None)]
    assert said(store, "event", first, "a") == [(StoredSeries("a"), [(START + HOUR, (1.0, None))])]


def test_events_of_another_season_and_readings_are_asked_for_anew() -> None:
    counted = Counted()
    store = EventsAskedOnce(counted)
    said(store, "event", TimeSpan(START + 100 * DAY, START + 101 * DAY), "a")
    assert len(said(store, "event", TimeSpan(START, START + DAY), "a")) == 1
    said(store, "water", TimeSpan(START, START + DAY), "a")
    assert counted.asked == [("event", None), ("event", None), ("water", ("a",))]
