"""Alarms and metrics learn from closed days, and keep that over a restart while the database is away."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.core.alarms.alarm import AlarmKey
from gateway.ingest.database.store import TimeSpan
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


def test_a_register_that_stands_still_and_losses_are_told_in_the_night(influxdb_rig: ClosingRig) -> None:
    """Of all domains there are counters: none may stop the night."""
    end_ms = START + DAY

    def history(device: str, an_hour: float, *, days: int = 20, more: str = "") -> list[str]:
        hourly = [f"hourly,device={device} volume_used_m3={an_hour + number % 2 / 8!r}{more}" for number in range(24 * days)]
        daily = [f"daily,device={device} volume_used_m3={24 * an_hour + 1.5!r}" for _ in range(days)]
        lines = [f"{line} {START - (24 * days - number) * HOUR}" for number, line in enumerate(hourly)]
        return lines + [f"{line} {START - (days - number) * DAY}" for number, line in enumerate(daily)]

    def register(device: str, an_hour: float, more: str = "") -> list[str]:
        counted = [(hour, 9 + max(hour, 0) * an_hour) for hour in range(-1, 26)]
        return [f"{device} volume_m3={m3!r},volume_sum_m3={m3!r}{more},quality=0i {START + at * HOUR}" for at, m3 in counted]

    filled = influxdb_rig.filled
    filled.write(history("stuck", 0.5, more=",flow_min_m3_h=0.4,flow_mean_m3_h=0.5,flow_max_m3_h=0.6") + history("bulk", 2.0))
    filled.write(history("gap", 1.9))
    filled.write(register("water,device=stuck", 0.0, more=",flow_m3_h=0.5") + register("water,device=bulk", 2.0))
    filled.write(register("water,device=gap", 0.2))
    filled.write(
        [
            f"traffic,device=road vehicle_count_total={n}.0,vehicle_count_sum={n}.0,quality=0i {START + n * HOUR}"
            for n in range(26)
        ]
    )
    devices: list[dict[str, object]] = [
        {"id": "stuck", "domain": "water", "interval": "1h"},
        {"id": "bulk", "domain": "water", "interval": "1h", "customers": 1, "params": {"loss_limit_pct": 20}},
        {"id": "gap", "domain": "water", "interval": "1h", "parent": "bulk"},
        {"id": "road", "domain": "traffic", "interval": "1h"},
    ]

    async def a_day(running: Running) -> None:
        alarms = running.parts.processing.alarms
        running.clock.at_ms = end_ms
        await running.close(end_ms + SETTLED)
        found = {state.key.id: state for state in alarms.states if state.is_active and "silent" not in state.key.alarm}
        assert set(found) == {"register_stuck@stuck", "losses_high@bulk"}
        assert found["register_stuck@stuck"].since_ms == START
        assert found["losses_high@bulk"].value > 20

    async def an_hour_later(running: Running) -> None:
        await running.close(end_ms + HOUR + SETTLED)

    config = influxdb_rig.config(devices, "Asia/Ho_Chi_Minh")
    influxdb_rig.run(config, START, a_day)
    window = TimeSpan(START, end_ms)
    assert influxdb_rig.newest("daily", "suspect", window, ["stuck", "gap"]) == {"stuck": {START: 0.0}, "gap": {START: 0.0}}
    filled.write([f"event,device=stuck,kind=stuck stuck_since_ms={float(START)!r},value=1.0 {START}"])
    influxdb_rig.run(config, end_ms + HOUR, an_hour_later)
    assert influxdb_rig.newest("daily", "suspect", window, ["stuck", "gap"]) == {"stuck": {START: 1.0}, "gap": {START: 0.0}}


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
