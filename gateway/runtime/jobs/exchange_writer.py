"""The writer of exchanges: what is said of them waits in the file until it stands in the database, and outlives the file."""

import asyncio
import logging
from itertools import islice
from random import random
from typing import Final

from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.devices.device import Device
from gateway.core.readings.exchanges import StoredExchange
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.exchange_points import exchange_lines
from gateway.support.clock import WallClock
from schemas.registry import RegisteredDevice

log = logging.getLogger("gateway.jobs")

_PREFIX: Final = "exchange "
_TOGETHER: Final = 500


def kept_exchange(device: str, registered: RegisteredDevice | None, exchange: StoredExchange, said_ms: int) -> tuple[str, str]:
    """The name and the text with which what is said of an exchange waits in the file.

    :param device: the name that the device has in the database.
    """
    return f"{_PREFIX}{said_ms} {device}", exchange_lines(device, registered, exchange, said_ms)


class ExchangeWriter:
    """Exchanges that wait. Their points are outside the ledger, and never in the journal."""

    def __init__(self, database: Database, influxdb: Output, breaker: CircuitBreaker, clock: WallClock) -> None:
        self._database = database
        self._influxdb = influxdb
        self._breaker = breaker
        self._clock = clock
        self._waiting = database.run_here(keyvalue.get_prefix, _PREFIX)
        self._came = asyncio.Event()
        self._came.set()

    async def put(self, device: Device, *exchanges: StoredExchange) -> None:
        """Have exchanges of a device written. While the disk fails they wait in memory alone, which is logged."""
        registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
        for said_ms, exchange in enumerate(exchanges, self._clock.now_ms()):  # two of one time would be one point
            name, lines = kept_exchange(device.name, registered, exchange, said_ms)
            self._waiting[name] = lines
            self._came.set()
            await keyvalue.save(self._database, name, lines)

    async def run(self) -> None:
        """Write until cancelled."""
        backoff = Backoff(0.5, 60.0)
        while True:
            await self._came.wait()
            await self._breaker.closed.wait()
            self._came.clear()
            some = dict(islice(self._waiting.items(), _TOGETHER))
            if not some:
                continue
            answer = await self._influxdb.write(packed(some.values()))
            fate = fate_of(answer)
            if fate.is_of_the_batch:
                if fate is not Fate.WRITTEN:  # for its content: it would be refused for ever
                    log.error("InfluxDB refuses %d exchanges of meters, which are left out: %s", len(some), answer.describe())
                backoff.reset()
                for name in some:
                    del self._waiting[name]
                await keyvalue.forget(self._database, some)
            else:
                await asyncio.sleep(backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret
            if self._waiting:
                self._came.set()
