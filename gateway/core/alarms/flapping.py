"""The limit of what is told of one alarm: a value that jumps over its limit all day is one fault, not thousands.

The first changes of an alarm are told at once. When they are used up there is one more each five minutes: what changed since is
counted and told as one, by the newest change, and before it the weightiest raise if that was another one. So whoever is told
knows after some five minutes how it is, and hears of each alarm that was raised, at most 24 times in an hour. What a person did
is told at once, and before it what was kept back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from gateway.core.alarms.alarm import AlarmKey, Change, Transition

AT_ONCE: Final = 12
"""Changes of one alarm that are told one by one; so many come back in an hour."""
EVERY_MS: Final = 3_600_000 // AT_ONCE


@dataclass(slots=True)
class _Told:
    """The changes that may be told of one alarm, and those that are kept back."""

    left: float
    at_ms: int
    raised: Transition | None = None
    latest: Transition | None = None
    changes: int = 0

    def earn(self, now_ms: int) -> None:
        """Let more be told, as time has passed; a clock that was set back lets nothing be told twice."""
        self.left = min(float(AT_ONCE), self.left + max(0, now_ms - self.at_ms) / EVERY_MS)
        self.at_ms = now_ms

    def keep_back(self, change: Transition) -> None:
        """Count a change, and keep it if it is the weightiest raise or the newest."""
        if change.change is Change.RAISED and (self.raised is None or change.severity.rank <= self.raised.severity.rank):
            self.raised = change
        self.latest = change
        self.changes += change.changes

    def take(self) -> Iterator[Transition]:
        """Yield what was kept back, as one or two changes that stand for all of it."""
        raised, latest, changes = self.raised, self.latest, self.changes
        self.raised, self.latest, self.changes = None, None, 0
        if raised is not None and raised is not latest:
            yield replace(raised, changes=changes - 1)
            changes = 1
        if latest is not None:
            yield replace(latest, changes=changes)


@dataclass(slots=True)
class Flapping:
    """Keeps back what is too much of one alarm."""

    _told: dict[AlarmKey, _Told] = field(default_factory=dict)
    _kept_back: dict[AlarmKey, None] = field(default_factory=dict)

    def keeps_back(self, key: AlarmKey) -> bool:
        """Tell if changes of an alarm are kept back: those who were told know an older state."""
        return key in self._kept_back

    def admit(self, changes: Iterable[Transition], now_ms: int) -> Iterator[Transition]:
        """Yield the changes to tell now, in their order."""
        for change in changes:
            told = self._told.setdefault(change.key, _Told(AT_ONCE, now_ms))
            told.earn(now_ms)
            if change.change is Change.CHANGED:
                yield from told.take()
                self._kept_back.pop(change.key, None)
                yield change
            elif told.latest is None and told.left >= 1:
                told.left -= 1
                yield change
            else:
                told.keep_back(change)
                self._kept_back[change.key] = None

    def due(self, now_ms: int, *, everything: bool = False) -> Iterator[Transition]:
        """Yield what was kept back and may be told now; ``everything``: whether it may or not."""
        for key in list(self._kept_back):
            told = self._told[key]
            told.earn(now_ms)
            if everything or told.left >= 1:
                told.left = max(0.0, told.left - 1)
                yield from told.take()
                del self._kept_back[key]
        rested = [key for key, told in self._told.items() if told.latest is None and now_ms - told.at_ms > AT_ONCE * EVERY_MS]
        for key in rested:
            del self._told[key]
