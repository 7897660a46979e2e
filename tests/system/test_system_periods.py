"""Two local midnights on a scaled clock: hours, days and completeness stand in the database as a report has them."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import hours
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import ClosingRig, Found
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EVERY = 15 * MINUTE
MIDNIGHT = 1_900_000_000_000 // DAY * DAY + 17 * HOUR
"""In Vietnam, in 2030."""
DAY_SPAN = TimeSpan(MIDNIGHT, MIDNIGHT + DAY)
SPEED = 900.0
NAMES = ["steady", "backlog"]
DEVICES = [RegisteredDevice(name, site="s", domain="water", interval=timedelta(minutes=15)) for name in NAMES]


def reading(time_ms: int) -> dict[str, object]:
    return {"ts": time_ms, "volume_m3": round(1000 + (time_ms - MIDNIGHT) / EVERY * 0.125, 3), "flow_m3_h": 0.5}


def send_as_time_passes(client: paho.Client, clock: ScaledTime) -> Iterator[int]:
    """Send from two hours before the first midnight to two hours behind the second; yield the times of what is held back."""
    for time_ms in range(MIDNIGHT - 2 * HOUR, MIDNIGHT + DAY + 2 * HOUR, EVERY):
        due_ms = time_ms + 20_000
        while (now_ms := clock.at_ms(time.time_ns())) < due_ms:
            time.sleep(clock.real_s((due_ms - now_ms) / 1000, now_ms))
        publish(client, "iot/v1/s/water/steady/readings", json.dumps(reading(time_ms)))
        if MIDNIGHT + 20 * HOUR <= time_ms < MIDNIGHT + 23 * HOUR:
            yield time_ms
        else:
            publish(client, "iot/v1/s/water/backlog/readings", json.dumps(reading(time_ms)))


def reported(filled: Filled, spans: list[TimeSpan], now_ms: int) -> Found:
    found: Found = {}
    for period in filled.every(lambda store: consumption(store, Roster(DEVICES), "water", spans, now_ms)):
        for use in period.uses:
            if use.used is not None:
                found.setdefault(use.series.device, {})[period.period.start_ms] = use.used / 1_000_000
    return found


def test_a_day_is_closed_after_its_midnight_and_again_after_a_late_backlog(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledTime(time.time_ns() // 1_000_000, MIDNIGHT - 2 * HOUR - 10 * MINUTE, SPEED)
    monkeypatch.setenv(VARIABLE, str(clock))
    (tmp_path / "gateway" / "data").mkdir(parents=True)
    (tmp_path / "gateway" / "data" / PERMIT).touch()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal={"path": "data/journal.db"})
    registry = [{"id": name, "site": "s", "domain": "water", "interval": "15min"} for name in NAMES]
    gate.config.with_name("devices.yaml").write_text(json.dumps({"devices": registry}))
    rig = ClosingRig(tmp_path, Filled(influxdb))
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        held_back = list(send_as_time_passes(client, clock))
        until(lambda: rig.newest("daily", "volume_used_m3", DAY_SPAN, NAMES), 60, what="the day closed")
        found = rig.newest("completeness", "received", DAY_SPAN, NAMES)
        assert found == {"steady": {MIDNIGHT: 96.0}, "backlog": {MIDNIGHT: 96.0 - 12}}
        publish(client, "iot/v1/s/water/backlog/readings", json.dumps([reading(time_ms) for time_ms in held_back]))
        until(
            lambda: rig.newest("completeness", "received", DAY_SPAN, ["backlog"]) == {"backlog": {MIDNIGHT: 96.0}},
            60,
            what="the day closed again",
        )
        metrics = gate.ask("/metrics")[1]
        wait_settled(gate, mosquitto)
        assert gate.troubles() == ""
    now_ms = clock.at_ms(time.time_ns())
    spans = list(hours(DAY_SPAN))
    assert rig.newest("hourly", "volume_used_m3", DAY_SPAN, NAMES) == reported(rig.filled, spans, now_ms)
    assert rig.newest("daily", "volume_used_m3", DAY_SPAN, NAMES) == reported(rig.filled, [DAY_SPAN], now_ms)
    assert reported(rig.filled, [DAY_SPAN], now_ms) == {name: {MIDNIGHT: 12.0} for name in NAMES}
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    rows = rig.filled.every(lambda store: completeness(store, Roster(DEVICES), [DAY_SPAN], zone, now_ms))
    assert [figures.on_time for row in rows if (figures := row.periods[0]) is not None] == [84.0, 96.0]
    assert 'gateway_completeness_ratio{domain="water"}' in metrics
