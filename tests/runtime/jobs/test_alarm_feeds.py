"""Alarms and metrics learn from closed days, and keep that over a restart while the database is away."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.core.alarms.alarm import AlarmKey
from gateway.monitoring.reports.nights import usual_hours
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.points import DAY, HOUR, VIETNAM
from tests.monitoring.reports.points import START as SEPTEMBER
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running

pytestmark = pytest.mark.real

START = SEPTEMBER + 60 * DAY
DEVICES: list[dict[str, object]] = [
    {"id": "leaking", "domain": "water", "interval": "1h", "params": {"night_flow_m3_h": 0.5}},
    {"id": "gap", "domain": "water", "interval": "1h"},
]


@pytest.fixture
def influxdb_rig(tmp_path: Path) -> Iterator[ClosingRig]:
    """A gateway with InfluxDB."""
    (tmp_path / "gateway").mkdir()
    with started("influxdb", tmp_path) as filled:
        yield ClosingRig(tmp_path / "gateway", filled)


def flows(device: str, first_ms: int, last_ms: int, flow_m3_h: float) -> list[str]:
    return [f"water,device={device} flow_m3_h={flow_m3_h!r},quality=0i {t}" for t in range(first_ms, last_ms, HOUR)]


def test_alarms_learn_of_nights_and_incomplete_days_and_keep_what_is_usual(influxdb_rig: ClosingRig) -> None:
    end_ms = START + 4 * DAY
    influxdb_rig.filled.write(flows("leaking", START - HOUR, end_ms + HOUR, 0.75))
    influxdb_rig.filled.write(flows("gap", START - HOUR, end_ms - DAY, 0.0))
    patchy = [line for number, line in enumerate(flows("gap", end_ms - DAY, end_ms + HOUR, 0.0)) if number % 3]
    influxdb_rig.filled.write(patchy)
    config = influxdb_rig.config(DEVICES, "Asia/Ho_Chi_Minh")

    async def four_days(running: Running) -> None:
        alarms = running.parts.processing.alarms
        for day in range(1, 4):
            await running.close(START + day * DAY + SETTLED)
        running.clock.at_ms = end_ms
        for device in ("leaking", "gap"):
            running.receive(device, {"ts": end_ms - HOUR // 2, "flow_m3_h": 0.0})
        await running.close(end_ms + SETTLED)
        leak, incomplete = (
            alarms.states.find(AlarmKey("leak", "leaking")),
            alarms.states.find(AlarmKey("completeness_low", "gap")),
        )
        assert leak is not None
        assert leak.is_active
        assert incomplete is not None
        assert incomplete.is_active
        assert alarms.states.find(AlarmKey("completeness_low", "leaking")) is None
        assert running.parts.watching.status.day_completeness == {"water": (48 - 8) / 48}

    async def after_a_restart(running: Running) -> None:
        running.filled.service.stop()
        await running.parts.closing.lanes["usual hours"]()
        assert running.parts.watching.status.day_completeness == {"water": (48 - 8) / 48}
        alarms, device = running.parts.processing.alarms, running.parts.watching.status.devices.find("gap")
        assert device is not None
        for night in range(3):
            alarms.night(device, date(2026, 11, 10 + night), 0.5, 1.0, running.clock.at_ms + night)
        leak = alarms.states.find(AlarmKey("leak", "gap"))
        assert leak is not None, "at night nothing is usual"
        assert leak.is_active

    influxdb_rig.run(config, START, four_days)
    influxdb_rig.run(config, end_ms + HOUR, after_a_restart)


def test_usual_is_the_mean_of_each_local_hour_of_at_least_three_days(filled: Filled) -> None:
    def hourly(device: str, hour: int, field: str, values: list[float]) -> list[str]:
        days = enumerate(values, start=1)
        return [f"hourly,device={device} {field}={value!r} {START - day * DAY + hour * HOUR + 1}" for day, value in days]

    filled.write(hourly("m", 7, "flow_mean_m3_h", [1.0, 2.0, 6.0]))
    filled.write(hourly("m", 7, "volume_used_m3", [50.0, 50.0, 50.0]))
    filled.write(hourly("m", 8, "flow_mean_m3_h", [1.0, 2.0]))
    filled.write(hourly("m", 9, "volume_used_m3", [0.5] * 20))
    filled.write([f"hourly,device=m volume_used_m3=14.5 {START - DAY + 9 * HOUR + 2}"])
    roster = Roster([RegisteredDevice("m", domain="water")])
    fields = {"flow_m3_h", "mean_speed_km_h"}
    found = dict(filled.every(lambda store: usual_hours(store, roster, fields, START, VIETNAM)))
    assert {hour: mean for hour, mean in enumerate(found["m"]["flow_m3_h"]) if mean is not None} == {7: 3.0, 9: 1.5}


def test_a_database_that_cannot_be_read_is_said_once_and_tried_again(
    influxdb_rig: ClosingRig, caplog: pytest.LogCaptureFixture
) -> None:
    config = influxdb_rig.config(DEVICES, "Asia/Ho_Chi_Minh")

    async def away(running: Running) -> None:
        running.filled.service.stop()
        await running.close(START + HOUR + SETTLED)
        await running.close(START + HOUR + SETTLED + 60_000)
        await running.close(START + 2 * HOUR + SETTLED)

    influxdb_rig.run(config, START, away)
    said = [record.message for record in caplog.records if record.name == "gateway.jobs"]
    assert len(said) == 1
    assert "roll-ups and completeness wait" in said[0]
