"""Points about the registry and about events: the registry hourly and at each change, an outage when it is over."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.batching.write_result import Answer
from gateway.core.readings.sums import ToldExchange
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.own_points import registry_lines
from gateway.runtime.pipeline.build import Parts
from gateway.web.changes.commands import MeterExchange
from schemas.registry import RegisteredDevice
from tests.clocks import SetClock
from tests.core.making import HOUR_MS, NOW_MS, message, replace_registry
from tests.runtime.jobs.closing_rig import config_of


def test_the_registry_says_where_a_device_is_and_how_often_it_sends() -> None:
    devices = [
        RegisteredDevice("d1", area="north", site="s", parent="p", interval=timedelta(minutes=15), lat=21.5, lon=105.25),
        RegisteredDevice("24-E1-24-13-6D-00-00-01"),
    ]
    assert list(registry_lines(devices, {"north": "Xã Bắc"}, 5)) == [
        "registry,area=north,area_name=Xã\\ Bắc,device=d1,parent=p,site=s interval_s=900.0,lat=21.5,lon=105.25,value=1.0 5",
        "registry,device=24e124136d000001 value=1.0 5",
    ]


@pytest.fixture
def said(tmp_path: Path) -> Callable[[list[tuple[str, int]]], list[str]]:
    """Return a gateway's points after each thing that happens, at a time."""

    def run(happenings: list[tuple[str, int]]) -> list[str]:
        (tmp_path / "devices.yaml").write_text(json.dumps({"devices": [{"id": "d1", "site": "s"}]}))
        return asyncio.run(_happens(tmp_path, happenings))

    return run


async def _happens(folder: Path, happenings: list[tuple[str, int]]) -> list[str]:
    clock, database = SetClock(NOW_MS), Database(folder / "journal.db")
    database.open()
    parts = Parts(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, clock)
    written: list[str] = []
    for what, at_ms in happenings:
        clock.at_ms = NOW_MS + at_ms
        _happen(parts, what, clock.at_ms)
        written += parts.closing.registry_report.due()
    database.close()
    return [line.rpartition(" ")[0].replace(" value=1.0", "") + f" {int(line.rpartition(' ')[2]) - NOW_MS}" for line in written]


def _happen(parts: Parts, what: str, now_ms: int) -> None:
    events, breaker = parts.foundation.events, parts.delivery.destination.breaker
    if what == "connected":
        events.connected("mqtt://broker", now_ms, session_present=True)
    elif what == "disconnected":
        events.disconnected("gone", now_ms)
    elif what == "InfluxDB away":
        breaker.open(Answer(0, "gone"))
    elif what == "InfluxDB back":
        breaker.close()
    elif what == "registered":
        streams = parts.processing.processor.streams
        replace_registry(streams, dict(streams.registry))


def test_the_registry_is_written_hourly_and_when_it_changes(said: Callable[[list[tuple[str, int]]], list[str]]) -> None:
    quiet = [("connected", 0), ("", 1), ("", HOUR_MS), ("", HOUR_MS + 1), ("registered", HOUR_MS + 2)]
    assert said(quiet) == [
        "event,gateway=gateway-1,kind=restart 0",
        "registry,device=d1,site=s 0",
        f"registry,device=d1,site=s {HOUR_MS}",
        f"registry,device=d1,site=s {HOUR_MS + 2}",
    ]


def test_an_outage_that_is_over_is_an_event(said: Callable[[list[tuple[str, int]]], list[str]]) -> None:
    story = [("connected", 0), ("InfluxDB away", 20), ("disconnected", 30), ("InfluxDB back", 40)]
    assert said([*story, ("connected", 50)])[2:] == ["event,gateway=gateway-1,kind=outage,duration_s=0.03 20"]


async def _exchanged_late(folder: Path) -> tuple[dict[str, set[int]], str]:
    (folder / "devices.yaml").write_text(json.dumps({"devices": [{"id": "d1", "site": "s"}]}))
    database = Database(folder / "journal.db")
    database.open()
    parts = Parts(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS))
    processing = parts.processing
    late = processing.processor.evaluator.late
    late.close(NOW_MS // HOUR_MS * HOUR_MS)
    processing.processor.process(message({"volume_m3": 7}), NOW_MS)
    meter_exchange = MeterExchange(
        parts.watching.status,
        processing.memory,
        processing.device_snapshots,
        parts.foundation.events,
        parts.watching.exchanges,
    )
    await meter_exchange.exchange("d1", ToldExchange(None, NOW_MS - 2 * HOUR_MS), force=True)
    (waiting,) = database.run_here(keyvalue.get_prefix, "exchange ").values()
    database.close()
    return late.drain(), waiting


def test_an_exchange_told_late_has_everything_since_then_worked_out_again(tmp_path: Path) -> None:
    late, waiting = asyncio.run(_exchanged_late(tmp_path))
    hour = NOW_MS // HOUR_MS
    assert late == {"d1": {hour - 2, hour - 1}}
    event, said = waiting.splitlines()
    assert event == f"event,device=d1,kind=exchange,site=s value=1.0 {NOW_MS - 2 * HOUR_MS}"
    assert "late=1.0" in said
