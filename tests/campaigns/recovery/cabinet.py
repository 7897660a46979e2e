"""A cabinet: the gateway's own queue, live lane, spool, breaker, probe and drain lane, before a journal in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from gateway.core.batching.batch import Body
from gateway.core.batching.rates import Histogram
from gateway.core.batching.write_result import Answer
from gateway.core.message import Outcome, Reading
from gateway.ingest.delivery.backlog import Appended, BoundedJournal
from gateway.ingest.delivery.batch_queue import DeliveryLimits
from gateway.ingest.delivery.circuit_breaker import Probe
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database
from tests.ingest.delivery.delivering import OwnPoint
from tests.ingest.delivery.far_broker import FarBroker
from tests.ingest.delivery.joined import JoinedLanes


class _Delays(Histogram):
    """The delay of each live reading, with its instant."""

    def __init__(self, note: Callable[[float, int], None]) -> None:
        super().__init__()
        self._note = note

    def observe(self, seconds: float, times: int = 1) -> None:
        """Note it."""
        self._note(seconds, times)


class _Rows(Database):
    """The rows of the journal, in place of its file."""

    def __init__(self, rows: dict[int, Body]) -> None:
        self.rows = rows

    async def run(self, work: Callable[..., Any], *args: Any, **_: Any) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Find the next rows: nothing else is asked of it."""
        assert work is journal.next_rows
        skip, most_readings, most_rows = args
        found: list[journal.Entry] = []
        for row, body in self.rows.items():
            if row in skip:
                continue
            most_readings -= body.readings
            if len(found) >= most_rows or (found and most_readings < 0):
                break
            found.append(journal.Entry(row, body, intact=True))
        return found

    async def give_pages_back(self) -> None:
        """Give nothing back: there is no file."""


class _MemoryJournal(BoundedJournal):
    """The journal without its disk.

    :ivar stored: readings that came into it since the centre is back, by instant.
    """

    def __init__(self, rows: dict[int, Body]) -> None:
        self.database = self._rows = _Rows(rows)
        self._next = len(rows) + 1
        self.stored: list[tuple[float, int]] = []

    async def append(self, bodies: list[Body], *, refused: bool = False) -> Appended:
        """Store bodies."""
        assert not refused
        rows = list(range(self._next, self._next + len(bodies)))
        self._next += len(bodies)
        self._rows.rows.update(zip(rows, bodies, strict=True))
        self.stored += [(asyncio.get_running_loop().time(), body.readings) for body in bodies]
        return Appended(rows, {}, sum(len(body.gzip) for body in bodies))

    async def settle(self, rows: list[int], *_: Any) -> None:  # noqa: ANN401 - no rejects
        """Remove rows."""
        for row in rows:
            self._rows.rows.pop(row, None)


class _Silent(FarBroker):
    """A broker that is acknowledged."""

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Note nothing."""

    def resume_reading(self) -> None:
        """Go on."""


@dataclass
class Seen:
    """The delays of live readings of all cabinets.

    :ivar delays: instant, delay in s, readings.
    """

    delays: list[tuple[float, float, int]] = field(default_factory=list)


class Cabinet(JoinedLanes):
    """A cabinet that was without its centre.

    :ivar known_s: the instant at which it knew that the centre was back; None: it does not yet.
    """

    def __init__(self, influxdb: LinkedOutput, limits: DeliveryLimits, backlog: list[Body], seen: Seen) -> None:
        self._loop = asyncio.get_running_loop()
        self._seen = seen
        self.known_s: float | None = None
        self.journal = _MemoryJournal(dict(enumerate(backlog, 1)))
        super().__init__(influxdb, self.journal, _Silent(), limits)
        self.events.delivery = _Delays(self._note_delay)
        self.acknowledger.connected(session_present=False)
        self.lanes: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.live_lane.run,
            Probe(self.breaker, influxdb, OwnPoint()).run,
            self.spool.run,
            self.drain_lane.run,
            self.watch,
        ]
        self.ledger.receive(sum(body.readings for body in backlog), "journal", "journal")
        self.breaker.open(Answer(0, "Connection refused"))
        self.backlog.grew.set()

    async def devices(self, per_s: float, random: Random) -> None:
        """Let live readings come, each at a time of its own, until cancelled."""
        number = 0
        while True:
            await asyncio.sleep(random.expovariate(per_s))
            number += 1
            self.queue.add(
                Outcome(readings=[Reading(line_of(number, int(self._loop.time() * 1000)), "water")]), self._loop.time()
            )
            self.live_lane.pump()

    @property
    def held_up(self) -> int:
        """Live readings that went to the journal although the cabinet knew that the centre was back."""
        known_s = self.known_s
        return 0 if known_s is None else sum(readings for at_s, readings in self.journal.stored if at_s > known_s + 1.0)

    async def watch(self) -> None:
        """Note when the cabinet knows that the centre is back."""
        await self.breaker.closed.wait()
        self.known_s = self._loop.time()

    def _note_delay(self, seconds: float, readings: int) -> None:
        self._seen.delays.append((self._loop.time(), seconds, readings))


def line_of(number: int, now_ms: int) -> str:
    """A reading of four values and a sum."""
    register, device = 1234.5 + number * 0.013, number % 1000
    return (
        f"water,area=A-{device % 7},device=wm-{device:05d},site=ward-{device % 7} battery_pct=8{device % 10}.0,"
        f"flow_m3_h={device * 7 % 13 / 10},pressure_kpa={3000 + number * 5 % 170}e-1,quality=0i,seq={number}i,"
        f"volume_m3={register + device:.3f},volume_sum_m3={register:.3f} {1_793_491_200_250 + now_ms}"
    )
