"""Planned work: while it goes on, nobody is told of alarms at its place."""

from collections.abc import Iterator
from typing import Final

from gateway.core.alarms.alarm import AlarmTags
from gateway.ingest.storage.alarms import PlannedWork

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

    def left_ms(self, now_ms: int) -> int | None:
        """The time until some work is over; None: there is none."""
        return min((max(0, work.until_ms - now_ms) for work in self.values()), default=None)

    def cover(self, tags: AlarmTags, now_ms: int) -> bool:
        """Tell if work goes on at the place of an alarm."""
        return any(
            work.device == tags.device if work.device else work.site in ("", tags.site) for _, work in self.going_on(now_ms)
        )


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
