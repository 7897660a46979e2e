"""Circuit breaker for InfluxDB. While it is open every batch goes to the journal; a successful probe or a late 204 closes it.

A probe is a point of the gateway itself. But a database at its limit of series, or with partial rights, accepts that
point and refuses the readings. So readings that were refused for a fault of the database serve as the probe; their bytes
may be written many times.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import random

from gateway import __version__
from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.core.ledger import Ledger
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.line_protocol import escape_tag
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.events import Events
from gateway.support.clock import WallClock

Figures = Mapping[str, float | bool]
"""Field → value. VictoriaMetrics keeps no text."""


@dataclass(slots=True)
class SelfPoint:
    """Makes the point that the gateway writes about itself: each minute, and as a probe of InfluxDB."""

    _gateway: str
    _ledger: Ledger
    _trust: ClockTrust
    _clock: WallClock

    def _line(self, more: Figures) -> str:
        pending = float(sum(self._ledger.pending.values()))
        journal = float(self._ledger.pending["journal"])
        fields = f'clock={not self._trust.doubted!r},journal={journal},pending={pending},version="{__version__}"'
        fields += "".join(f",{name}={value!r}" for name, value in more.items())
        return f"gateway,gateway={escape_tag(self._gateway)} {fields} {self._clock.now_ms()}"

    def body(self) -> bytes:
        """Return the point ready to post."""
        return packed([self._line({})])

    def report(self, figures: Figures) -> bytes:
        """Return the point with figures, ready to post; beside it the version once more, as a tag for VictoriaMetrics."""
        tags = f"gateway={escape_tag(self._gateway)},version={escape_tag(__version__)}"
        return packed([self._line(figures), f"build,{tags} value=1.0 {self._clock.now_ms()}"])


class CircuitBreaker:
    """The breaker of all lanes."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.opened = asyncio.Event()  # set while InfluxDB is in trouble
        self.closed = asyncio.Event()  # set while InfluxDB accepts readings; lanes wait on it
        self.closed.set()
        self.refused: bytes | None = None  # the readings to probe with; None: none were refused for a fault of the database
        self.openings = 0
        self.retry_after_s: float | None = None
        self._opened_s = asyncio.get_running_loop().time()

    @property
    def is_open(self) -> bool:
        """True when InfluxDB is in trouble."""
        return self.opened.is_set()

    def open(self, answer: Answer, body: bytes | None = None) -> None:
        """Open: InfluxDB failed for a reason outside the batch, or did not answer in time; ``body`` was written."""
        self._events.trouble(answer.describe())
        self.retry_after_s = answer.retry_after_s
        if body is not None and fate_of(answer) is Fate.FAULTY_DATABASE:
            self.refused = body
        if not self.is_open:
            self._opened_s = asyncio.get_running_loop().time()
            self.openings += 1
            self.closed.clear()
            self.opened.set()

    def close(self) -> None:
        """Close: InfluxDB accepted a write, or refused it for its content, so it works."""
        if not self._events.influxdb_up:
            self._events.recovered(asyncio.get_running_loop().time() - self._opened_s)
        if self.is_open:
            self.refused = None
            self.opened.clear()
            self.closed.set()


@dataclass(frozen=True, slots=True)
class Probe:
    """Probes InfluxDB while the breaker is open, less and less often.

    An output that hands on what InfluxDB has written does not stand before it: the gateway's own point is no reading.
    """

    _breaker: CircuitBreaker
    _influxdb: Output
    _self_point: SelfPoint

    async def takes_self_point(self) -> bool:
        """Tell if InfluxDB accepts a valid point."""
        return fate_of(await self._influxdb.write(self._self_point.body())) is Fate.WRITTEN

    async def run(self) -> None:
        """Probe until cancelled."""
        breaker, backoff = self._breaker, Backoff(0.1, 5.0)
        while True:
            await breaker.opened.wait()
            await asyncio.sleep(backoff.next_s(random(), breaker.retry_after_s))  # noqa: S311 - jitter is no secret
            if not breaker.is_open:
                backoff.reset()
                continue
            tried = breaker.refused
            answer = await self._influxdb.write(tried or self._self_point.body())
            fate = fate_of(answer)
            if fate is Fate.WRITTEN or (tried and fate not in {Fate.RETRY, Fate.FAULTY_DATABASE}):
                backoff.reset()
                breaker.close()
            elif breaker.is_open:
                breaker.open(answer)
