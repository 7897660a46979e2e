"""The report of late readings by one of several gateways that does not close hours itself: it tells the one that does."""

from typing import Final

from gateway.core.delivery.batch import encode
from gateway.core.delivery.write_result import Fate, fate_of
from gateway.core.message import Reading
from gateway.core.readings.late_readings import HOUR_MS
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.influxdb import Writer
from gateway.jobs.periods.progress import runs_of
from gateway.reports.late_points import LATE, late_lines
from gateway.status.status import Status

_EVERY_S: Final = 60.0
_CLOSED_AFTER_MS: Final = 15 * 60_000
"""An hour is closed later than this after its end: what comes before needs no word."""
_LINES: Final = 2000
"""Points in one write."""


class LateReport:
    """Tells each minute which hours got readings after their end; what cannot be written is told a minute later."""

    def __init__(self, status: Status, influxdb: Writer, breaker: CircuitBreaker) -> None:
        self._streams = status.processor.streams
        self._late = status.processor.evaluator.late
        self._clock = status.clock
        self._ledger = status.ledger
        self._influxdb = influxdb
        self._breaker = breaker
        self._untold: dict[str, set[int]] = {}

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.close()
            await self._clock.sleep(_EVERY_S)
            await self.tell()

    def close(self) -> None:
        """Take what comes from now on for hours that have ended for late."""
        self._late.close((self._clock.now_ms() - _CLOSED_AFTER_MS) // HOUR_MS * HOUR_MS)

    async def tell(self) -> None:
        """Tell what was noted, once its readings stand in the database."""
        for device, hours in self._late.drain().items():
            if self._streams.is_registered(device):
                self._untold.setdefault(device, set()).update(hours)
        if self._untold and not self._breaker.is_open and not self._ledger.backlog:
            runs = {device: runs_of(hours) for device, hours in self._untold.items()}
            lines = list(late_lines(runs, self._clock.now_ms()))
            for at in range(0, len(lines), _LINES):
                body = encode([Reading(line, LATE) for line in lines[at : at + _LINES]])
                if fate_of(await self._influxdb.write(body.gzip)) is not Fate.WRITTEN:
                    return
            self._untold.clear()
