"""Readings that came for hours whose roll-ups stand already: those hours must be worked out again.

A reading is judged when it comes, and once more when it is written if it waited for the database: meanwhile its hour may have
been closed without it. Each reading is compared with ``closed_ms``; everything else happens only for those that are late.
"""

from collections.abc import Iterable
from typing import Final

from gateway.core.readings.line_protocol import device_of_line

HOUR_MS: Final = 3_600_000
_HOURS_MAX: Final = 1000
"""Hours remembered of a device until they are fetched: more than it can have in the longest past that is accepted."""
AGAIN_MAX: Final = 10_000
"""Hours before the newest one that are worked out again, a year and more: `devices resum` may reach far back."""

HourRun = tuple[int, int]
"""Hours that follow each other: the first, and the one behind the last; hours since 1970 in UTC."""


class LateReadings:
    """The hours, since 1970 in UTC, to work out again, by device; before ``closed_ms`` (0: never) readings come too late."""

    __slots__ = ("_hours", "closed_ms")

    def __init__(self) -> None:
        self.closed_ms = 0
        self._hours: dict[str, set[int]] = {}

    def close(self, until_ms: int) -> None:
        """Take what lies before ``until_ms`` for worked out; what was already stays so."""
        self.closed_ms = max(self.closed_ms, until_ms)

    def note(self, device: str, time_ms: int) -> None:
        """Note a reading of a closed hour."""
        hours = self._hours.setdefault(device, set())
        if len(hours) < _HOURS_MAX:
            hours.add(time_ms // HOUR_MS)

    def note_since(self, device: str, since_ms: int, until_ms: int = 0) -> None:
        """Note that everything of a device since then may have changed; ``until_ms``: hours until then too that go on."""
        if self.closed_ms and since_ms < (end_ms := max(self.closed_ms, until_ms)):
            end = -(-end_ms // HOUR_MS)
            self._hours.setdefault(device, set()).update(range(max(since_ms // HOUR_MS, end - AGAIN_MAX), end))

    def note_written(self, lines: Iterable[str]) -> None:
        """Note those of some points that lie in closed hours. They were written just now, and had waited for it."""
        for line in lines:
            time_text = line[line.rfind(" ") + 1 :]
            if time_text.isdecimal() and (time_ms := int(time_text)) < self.closed_ms:
                device = device_of_line(line)
                if device is not None:
                    self.note(device, time_ms)

    def drain(self) -> dict[str, set[int]]:
        """Fetch what was noted since the last time."""
        noted, self._hours = self._hours, {}
        return noted


def runs_of(hours: Iterable[int]) -> list[HourRun]:
    """The runs of some hours, in order."""
    return merged((hour, hour + 1) for hour in hours)


def merged(runs: Iterable[HourRun]) -> list[HourRun]:
    """The same hours in as few runs as there can be, in order."""
    found: list[HourRun] = []
    for first, end in sorted(runs):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return found
