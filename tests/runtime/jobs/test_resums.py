"""The lane that works sums out again: in the night, for counters that need it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.core.devices.device import Device
from gateway.core.ledger import Ledger
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import SumsMode, ToldExchange
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs import resums
from gateway.runtime.jobs.resums import ExchangeWriter, Resums, _RunningCounters
from gateway.support.clock import WallClock
from gateway.support.config.model import Config, Influxdb
from tests.core.making import HOUR_MS, NOW_MS, message, pipeline, topic
from tests.influx import query
from tests.monitoring.reports.stores import Filled


class Nights(WallClock):
    """A clock on which one night comes, and no other."""

    def __init__(self) -> None:
        self.nights: list[int] = []

    def now_ms(self) -> int:
        """Return when the night came."""
        return self.nights[-1] if self.nights else NOW_MS

    async def sleep_until(self, at_ms: int) -> None:
        """Let the night come at once; end behind it."""
        if self.nights:
            raise asyncio.CancelledError
        self.nights.append(at_ms)


class Saved:
    """Counts what is saved."""

    def __init__(self) -> None:
        self.devices: list[str] = []

    async def save_counters(self, device: Device) -> None:
        """Count it."""
        self.devices.append(device.name)


@pytest.mark.real
def test_in_the_night_the_sums_that_need_it_are_worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resums, "_SETTLE_S", 0.01)
    processor, clock, saved, file = pipeline(sums=SumsMode.FROM_ZERO), Nights(), Saved(), Database(tmp_path / "journal.db")
    file.open()
    with services.influxdb(tmp_path) as influxdb:
        filled = Filled(influxdb)
        for device in ("m1", "m2"):
            for hour, value in enumerate([500.0, 501.0, 47.0, 47.5, 48.0, 48.5]):
                at_ms = NOW_MS - (10 - hour) * HOUR_MS
                outcome = processor.process(message({"ts": at_ms, "volume_m3": value}, topic(device)), NOW_MS)
                filled.write([reading.lines for reading in outcome.readings])
        counters = processor.streams.devices["m2"].counters
        assert counters is not None
        counters.exchange(ToldExchange(None, NOW_MS - 9 * HOUR_MS + HOUR_MS // 2, 501.5, 46.5))
        config, core = Config(influxdb=Influxdb(url=influxdb.url, api="v1")), (processor.streams, processor.evaluator)

        async def night() -> None:
            async with InfluxdbClient(config.influxdb) as writer:
                exchanges = ExchangeWriter(file, writer, CircuitBreaker(Events()), clock)
                await Resums(config, *core, Ledger(0), saved.save_counters, writer, exchanges, clock).nights()

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(night())
        rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water WHERE device = 'm2'")
    assert [row["volume_sum_m3"] for row in rows] == [500.0, 501.0, 502.0, 502.5, 503.0, 503.5]
    assert set(saved.devices) == {"m2"}
    assert counters.past.again_ms is None
    (said,) = file.run_here(keyvalue.get_prefix, "exchange ").values()
    assert "late=0.0" in said
    file.close()
    (night_ms,) = clock.nights
    assert 18.5 <= _hour(night_ms) <= 19.5, "half past one in Vietnam, or within the hour after it"


def _hour(at_ms: int) -> float:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.hour + at.minute / 60


def test_sums_are_read_again_when_all_that_was_under_way_is_written_whatever_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resums, "_SETTLE_LOOK_S", 0.001)
    ledger = Ledger(0)
    live = _RunningCounters(Device("m1", None), CounterState(), Saved().save_counters, ledger)
    live.is_read_at_once = True
    ledger.receive(3, "mqtt")

    async def settled() -> bool:
        waiting = asyncio.create_task(live.settle())
        for _ in range(20):
            await asyncio.sleep(0.001)
            ledger.receive(1, "mqtt")
        assert not waiting.done(), "three are under way since before"
        ledger.settle("written", {"water": 3})
        return await waiting

    assert asyncio.run(settled())
    assert ledger.pending["memory"] == 20


def test_a_write_that_hangs_leaves_the_rest_to_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resums, "_SETTLE_MOST_S", 0.3)
    ledger = Ledger(0)
    ledger.receive(1, "mqtt")
    live = _RunningCounters(Device("m1", None), CounterState(), Saved().save_counters, ledger)
    live.is_read_at_once = True
    assert not asyncio.run(live.settle())
