"""Readings that InfluxDB refused together: halved until those it does not want stand alone.

Before such a reading becomes a reject, a point of the gateway's own is tried: if that is refused too, the database is at fault
and nothing is rejected. If it is taken, the reading is tried once more: the database may have been mended in between.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.delivery.batch import Body, decode, encode
from gateway.core.delivery.write_result import Answer, Fate, fate_of
from gateway.core.message import REJECT_KEPT_BYTES, Reading, Refusal
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.live_lane import Writer
from gateway.events import Events
from gateway.storage.rejects import DELIVERY_STAGE
from schemas.rejects import RejectReason

SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Split:
    """What came of the readings of a body.

    :ivar too_large: readings of the smallest part that InfluxDB found too large.
    """

    too_large: int | None = None
    written: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)
    rejected: list[Refusal] = field(default_factory=list)


class Bisector:
    """Writes, and splits what is refused."""

    def __init__(self, influxdb: Writer, breaker: CircuitBreaker, events: Events, self_point: Callable[[], bytes]) -> None:
        self._influxdb = influxdb
        self._breaker = breaker
        self._events = events
        self._own_point = self_point

    async def write(self, gzip: bytes) -> Answer:
        """Post a body; its answer is counted."""
        began_s = time.monotonic()
        answer = await self._influxdb.write(gzip)
        self._events.answered(fate_of(answer).value, time.monotonic() - began_s, live=False)
        return answer

    async def takes_our_own(self) -> bool:
        """Whether InfluxDB takes a point that nothing is wrong with."""
        return fate_of(await self._influxdb.write(self._own_point())) is Fate.WRITTEN

    async def split(self, body: Body, *, too_large: bool = False) -> Split | None:
        """Halve until all is settled; None when InfluxDB could not judge all of it.

        :param too_large: that is why it was refused.
        """
        outcome = Split(body.readings if too_large else None)
        readings = decode(body)
        parts = deque(_halves(readings) if len(readings) > 1 else [readings])
        suspect: list[Reading] | None = None
        while parts:
            part = parts.popleft()
            half = encode(part)
            answer = await self.write(half.gzip)
            fate = fate_of(answer)
            refused = fate is Fate.SPLIT or answer.status == SERVER_ERROR
            if fate is Fate.WRITTEN:
                outcome.written.update(half.domains)
            elif fate is Fate.EXPIRED:
                outcome.expired.update(half.domains)
            elif len(part) > 1 and (refused or fate is Fate.SPLIT_SMALLER):
                parts.extendleft(reversed(_halves(part)))
                if fate is Fate.SPLIT_SMALLER:
                    outcome.too_large = min(outcome.too_large or len(part), len(part))
            elif refused and part is suspect:
                outcome.rejected.append(_refusal(part[0], answer))
            elif refused and await self.takes_our_own():
                suspect = part
                parts.appendleft(part)
            else:
                self._breaker.open(answer, half.gzip)
                return None
        return outcome


def _halves(readings: list[Reading]) -> list[list[Reading]]:
    middle = len(readings) // 2
    return [readings[:middle], readings[middle:]]


def _refusal(reading: Reading, answer: Answer) -> Refusal:
    """The reject of a point: its lines are the payload."""
    _, found, behind = reading.lines.partition(",device=")
    device = behind.replace(" ", ",").partition(",")[0] if found else ""
    return Refusal(
        RejectReason.INFLUXDB_REJECTED,
        f"InfluxDB answered {answer.describe()}",
        "",
        reading.lines.encode()[:REJECT_KEPT_BYTES],
        DELIVERY_STAGE,
        time.time_ns() // 1_000_000,
        device,
        reading.domain,
    )
