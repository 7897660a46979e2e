"""Planned work: while it goes on, nobody is told of alarms at its place; and the places at which it may be planned.

An alarm that was raised meanwhile is sent to the webhook when the work is over, if it is still active; otherwise it is never
sent. The end of an alarm that was sent before is sent at once.

A mistyped place would silence nobody, and one left out the whole province.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Change, Transition
from gateway.core.devices.streams import Streams
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import PlannedWork
from gateway.ingest.storage.database import Database
from schemas.nearest import did_you_mean
from schemas.registry import RegisteredDevice, device_key

NAME_MAX: Final = 100
NOTE_MAX: Final = 1000
AHEAD_MAX_MS: Final = 366 * 86_400_000
"""Work is planned for a year at most: what is silenced for ever is a rule to be switched off."""


class PlannedWorks(dict[int, PlannedWork]):
    """Planned work by its number, as it is on disk."""

    def drop_over(self, now_ms: int) -> bool:
        """Remove the work that is over; tell if there was any."""
        over = [number for number, work in self.items() if work.until_ms <= now_ms]
        for number in over:
            del self[number]
        return bool(over)

    def going_on(self, now_ms: int) -> Iterator[tuple[int, PlannedWork]]:
        """The work that is not over, with its numbers."""
        return ((number, work) for number, work in self.items() if now_ms < work.until_ms)

    async def follow(self, works: Collection[PlannedWork], database: Database, now_ms: int) -> None:
        """Plan the work of another machine, and end what it has no more; DatabaseFault if that could not be saved."""
        here = dict(self.going_on(now_ms))
        for number in [number for number, work in here.items() if work not in works]:
            await database.run(stored.end_work, number, now_ms)
            self.pop(number, None)
        for work in [work for work in works if work not in here.values() and now_ms < work.until_ms]:
            self[await database.run(stored.plan, work)] = work

    def left_ms(self, now_ms: int) -> int | None:
        """The time until some work is over; None: there is none."""
        return min((max(0, work.until_ms - now_ms) for work in self.values()), default=None)

    def cover(self, tags: AlarmTags, now_ms: int) -> bool:
        """Tell if work goes on at the place of an alarm."""
        return any(
            work.device == tags.device if work.device else work.site in ("", tags.site) for _, work in self.going_on(now_ms)
        )


class HeldBack(set[AlarmKey]):
    """The alarms that planned work holds back from the webhook."""

    def is_told(self, change: Transition, *, silenced: bool) -> bool:
        """Tell if the webhook gets a change; note the alarms that are held back from now on."""
        key, kind = change.key, change.change
        if silenced and kind is Change.RAISED:
            self.add(key)
        is_told = key not in self and (not silenced or kind is Change.CLEARED)
        if kind is Change.CLEARED:
            self.discard(key)
        return is_told

    def late(self, find: Callable[[AlarmKey], AlarmState | None], planned: PlannedWorks, now_ms: int) -> list[AlarmState]:
        """The alarms that are still active now that the work is over; they are held back no more."""
        known = [state for state in map(find, self) if state is not None]
        late = [state for state in known if not planned.cover(state.tags, now_ms)]
        self.difference_update(state.key for state in late)
        return late


def work_document(number: int, work: PlannedWork) -> dict[str, object]:
    """Planned work as a document of the API."""
    return {
        "number": number,
        "site": work.site,
        "device": work.device,
        "since_ms": work.since_ms,
        "until_ms": work.until_ms,
        "by": work.by,
        "note": work.note,
    }


class WorkPlaces:
    """The sites and devices that are registered, or were heard; ``registered``: by id, in each writing."""

    def __init__(self, registered: Mapping[str, RegisteredDevice], heard: Iterable[tuple[str, str]]) -> None:
        self._sites = {device.site for device in registered.values() if device.site}
        self._ids = {name: device.id for name, device in registered.items()}
        for site, device in heard:
            self._sites |= {site} - {""}
            self._ids |= {device: device}

    def place(self, site: str, device: str, *, everywhere: bool) -> tuple[str, str]:
        """Site and device of planned work, both empty for everywhere; ValueError: it is not one place, or nobody knows it."""
        if (bool(site), bool(device), everywhere).count(True) != 1:
            raise ValueError("place: name one: a site, a device, or everywhere")
        found = self._ids.get(device) or self._ids.get(device_key(device)) if device else ""
        if found is None:
            raise ValueError(f"device: {device!r} is not registered, and was not heard{did_you_mean(device, self._ids)}")
        if site and site not in self._sites:
            close = did_you_mean(site, self._sites)
            raise ValueError(f"site: {site!r} is of no registered device, and none was heard there{close}")
        return site, found


def heard(streams: Streams) -> Iterator[tuple[str, str]]:
    """Site and id of each device that a running gateway has heard."""
    yield from ((stream.site, stream.device.name) for stream in streams.native.values())
    for device in streams.devices.values():
        yield from ((series.site, device.name) for series in (device.series or {}).values())
