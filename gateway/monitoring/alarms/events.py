"""Events about alarms for the log, and the receivers that cannot be reached."""

import logging
import time
from dataclasses import dataclass, field
from typing import Final

from gateway.core.alarms.alarm import Change, Transition
from gateway.ingest.storage.alarms import PlannedWork

log = logging.getLogger("gateway.alarms")

_LEVELS: Final = {
    Change.RAISED: logging.WARNING,
    Change.CLEARED: logging.INFO,
    Change.CHANGED: logging.INFO,
    Change.OVERDUE: logging.WARNING,
}

_SAID_MAX: Final = 100
"""Changes a minute in the log: when a province loses its network there are thousands."""


@dataclass(slots=True)
class AlarmEvents:
    """One function for each event.

    :ivar untold: key of the configuration → the reason for which the receiver there takes no alarms.
    :ivar disk_trouble: the reason for which alarms cannot be saved; empty when they can.
    """

    untold: dict[str, str] = field(default_factory=dict)
    disk_trouble: str = ""
    _said: tuple[float, int] = (0.0, 0)

    def changed(self, change: Transition) -> None:
        """An alarm was raised or acknowledged, nobody acknowledged it in its time, or it ended."""
        minute = time.monotonic() // 60
        self._said = (minute, self._said[1] + 1 if self._said[0] == minute else 1)
        if self._said[1] >= _SAID_MAX:
            if self._said[1] == _SAID_MAX:
                log.warning("alarms change in great number; see `gateway alarms history` for those of this minute")
            return
        known = change.acknowledged
        about = {
            Change.RAISED: f"raised ({change.severity}): {change.field or 'value'} {change.value:g}",
            Change.CLEARED: f"ended after {(change.duration_ms or 0) / 60_000:.1f} min",
            Change.OVERDUE: f"was not acknowledged in its time ({change.severity}): reminder {change.overdue}",
            Change.CHANGED: f"acknowledged by {known.by}: {known.note}" if known is not None else "changed",
        }
        log.log(_LEVELS[change.change], "alarm %s %s", change.key.id, about[change.change])

    def not_saved(self, why: str) -> None:
        """The disk does not take alarms."""
        if not self.disk_trouble:
            log.error("alarms cannot be saved: %s; people are told, but a restart may tell them once more", why)
        self.disk_trouble = why

    def saved(self) -> None:
        """The disk took alarms."""
        if self.disk_trouble:
            log.info("alarms can be saved again")
        self.disk_trouble = ""

    def not_taken(self, receiver: str, why: str) -> None:
        """A receiver did not take an alarm, which will be sent again."""
        if receiver not in self.untold:
            log.warning("%s takes no alarms: %s; trying again", receiver, why)
        self.untold[receiver] = why

    def refused(self, receiver: str, why: str) -> None:
        """A receiver will never take an alarm, which is left out."""
        log.error("%s refuses an alarm, which is left out: %s", receiver, why)

    def taken(self, receiver: str) -> None:
        """A receiver took alarms."""
        if self.untold.pop(receiver, None) is not None:
            log.info("%s takes alarms again", receiver)

    def given_up(self, notices: int) -> None:
        """Changes of alarms waited for a receiver for too long."""
        log.warning("%d changes of alarms are given up: nobody took them, and newer ones wait", notices)

    def planned(self, number: int, work: PlannedWork) -> None:
        """Work is planned."""
        where = work.device or (f"site {work.site}" if work.site else "all sites")
        log.info("planned work %d: nobody is told of alarms of %s: %s, %s", number, where, work.by, work.note)

    def work_over(self, number: int) -> None:
        """Planned work was ended by a person."""
        log.info("planned work %d is over", number)
