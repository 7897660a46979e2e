"""Silence and long outages, in simulated time: a site of 50 is one alarm, and InfluxDB may be away for an hour."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.system.alarming import active, alarm_gateway, history, points
from tests.system.door import Door, Forward, Reply
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway
from tests.waiting import until

pytestmark = pytest.mark.real

SIMULATED_MS = 1_900_000_000_000
SPEED = 600.0
"""Ten minutes a second."""


@dataclass
class Simulated:
    """A gateway in simulated time, and the clock that it shares with its devices."""

    gate: Gateway
    clock: ScaledTime

    def now_ms(self) -> int:
        """The simulated time."""
        return self.clock.at_ms(time.time_ns())


@contextmanager
def simulated(
    folder: Path, mqtt: Service, influxdb_url: str, devices: list[Document], patch: pytest.MonkeyPatch
) -> Iterator[Simulated]:
    """A gateway whose hour takes six seconds."""
    clock = ScaledTime(time.time_ns() // 1_000_000, SIMULATED_MS, SPEED)
    patch.setenv(VARIABLE, str(clock))
    (folder / "data").mkdir(parents=True)
    (folder / "data" / PERMIT).touch()
    with alarm_gateway(folder, mqtt, influxdb_url, devices, journal={"path": "data/journal.db"}) as gate:
        gate.wait_subscribed()
        yield Simulated(gate, clock)


def test_a_site_of_fifty_that_falls_silent_is_one_alarm(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"m{number}" for number in range(50)]
    devices = [{"id": name, "site": "s1", "domain": "water", "interval": "20min"} for name in names]
    devices.append({"id": "elsewhere", "site": "s2", "domain": "water", "interval": "20min"})
    folder = tmp_path / "gateway"
    with simulated(folder, mosquitto, influxdb.url, devices, monkeypatch) as found, client_of(mosquitto) as client:
        gate = found.gate
        for name in names:
            publish(client, f"iot/v1/s1/water/{name}/readings", json.dumps({"ts": found.now_ms(), "pressure_kpa": 300}))
        publish(client, "iot/v1/s2/water/elsewhere/readings", json.dumps({"ts": found.now_ms(), "pressure_kpa": 300}))
        until(lambda: "device_silent@elsewhere" in active(gate), what="a device elsewhere is silent, which is judged later")
        assert sorted(active(gate)) == ["device_silent@elsewhere", "site_silent@s1"]
        (site,) = (alarm for alarm in active(gate).values() if alarm["alarm"] == "site_silent")
        assert (site["severity"], site["site"], site["device"], site["value"]) == ("critical", "s1", "", 50.0)
        assert gate.status()["verdict"]["findings"][0]["key"] == "alarms_critical"
        until(lambda: len(_points_of_site(influxdb)) > 3, what="what is active is written every five minutes")
        assert all(after - before >= 299_000 for before, after in pairwise(_points_of_site(influxdb)[1:]))
        gate.kill()
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.said("subscribed to") == 2)
        begun_ms = found.now_ms()
        until(lambda: found.now_ms() > begun_ms + 10 * 60_000, what="ten rounds of the next run")
        assert sorted(active(gate)) == ["device_silent@elsewhere", "site_silent@s1"], "a power cut ends no silence"
        for name in names:
            publish(client, f"iot/v1/s1/water/{name}/readings", json.dumps({"ts": found.now_ms(), "pressure_kpa": 300}))
        until(lambda: "cleared site_silent@s1" in history(gate), what="the site speaks again")
        told = [change for change in history(gate) if "@s1" in change or "@m" in change]
        assert [change for change in told if not change.startswith("overdue")] == [
            "raised site_silent@s1",
            "cleared site_silent@s1",
        ]


@pytest.mark.slow
def test_for_an_hour_without_influxdb_alarms_are_raised_and_nothing_is_journaled_twice(
    mosquitto: Service, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[Document] = [{"id": name, "site": "s1", "domain": "water", "interval": "10min"} for name in ("m1", "quiet")]
    folder = tmp_path / "gateway"
    with simulated(folder, mosquitto, door.url, devices, monkeypatch) as found, client_of(mosquitto) as client:
        gate = found.gate

        def send(name: str, **values: float | bool) -> None:
            publish(client, f"iot/v1/s1/water/{name}/readings", json.dumps({"ts": found.now_ms(), **values}))

        until(lambda: gate.status()["influxdb"]["up"], what="InfluxDB is there")
        door.always(Reply(503))
        begun_ms = found.now_ms()
        send("quiet", pressure_kpa=300)
        send("m1", alarm_burst=True)
        sent = 2
        while found.now_ms() < begun_ms + 3_600_000:
            due_ms = found.now_ms() + 300_000
            until(lambda due_ms=due_ms: found.now_ms() >= due_ms, what="five minutes")
            send("m1", alarm_burst=True)
            sent += 1
        until(lambda: "burst@m1" in active(gate), what="a burst is raised from readings")
        until(lambda: "device_silent@quiet" in active(gate), what="silence is seen")
        assert "raised burst@m1" in history(gate)
        until(lambda: gate.pending("journal") == sent, what="each reading waits once, and nothing else")
        del door.writes[:]
        door.always(Forward())
        until(lambda: not gate.pending("journal"), what="the readings are written")
        until(lambda: {"burst@m1", "device_silent@quiet"} <= _told(door), what="the changes of an hour are written")
        send("m1", alarm_burst=False)
        until(lambda: "burst@m1" not in active(gate), what="the burst has ended")
        until(lambda: gate.ledger()["written"] == sent + 1, what="readings and alarms are written side by side")


def _points_of_site(influxdb: Service) -> list[int]:
    """The times of the points of the alarm of a site."""
    return [row["time"] for row in points(influxdb) if row["alarm"] == "site_silent"]


def _told(door: Door) -> set[str]:
    """The alarms whose points were written."""
    lines = [line for write in door.writes for line in write.splitlines() if line.startswith("alarm,")]
    tags = [dict(tag.split("=") for tag in line.split(" ")[0].split(",")[1:]) for line in lines]
    return {f"{tag['alarm']}@{tag['device']}" for tag in tags}
