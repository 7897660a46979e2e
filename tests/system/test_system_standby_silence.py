"""A device that fell silent before a take-over, and that the new live machine never heard, is silent there too."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.influx import exported, query
from tests.system.alarming import active, history
from tests.system.fleet import client_of, publish
from tests.system.pair import GatewayPair, pair
from tests.system.rig import Document, Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SPEED: Final = 4.0
"""VictoriaMetrics shows a point up to eleven seconds late, a busy one later: the machine looks three simulated minutes back."""
DAY_MS: Final = 86_400_000
DEVICES: Final = [{"id": name, "site": f"of-{name}", "domain": "water", "silent_after": "4min"} for name in ("busy", "quiet")]


@pytest.fixture(params=["influxdb", "victoria_metrics"])
def database(request: pytest.FixtureRequest) -> Service:
    """Each database in its turn."""
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def machines(mosquitto: Service, database: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayPair]:
    """A pair on one clock, a day behind: VictoriaMetrics exports no future."""
    now_ms = time.time_ns() // 1_000_000
    monkeypatch.setenv(VARIABLE, str(ScaledTime(now_ms, now_ms - DAY_MS, SPEED)))
    for name in ("a", "b"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / PERMIT).touch()
    sections: dict[str, Document] = {
        "influxdb": {"api": "v1" if database.name == "influxdb" else "v2"},
        "journal": {"path": "data/journal.db"},
    }
    with pair(tmp_path, mosquitto, database, keep_alive_s=4, devices=DEVICES, **sections) as made:
        yield made


def send(broker: Service, device: str) -> None:
    """Send a reading without a time."""
    with client_of(broker) as client:
        publish(client, f"iot/v1/of-{device}/water/{device}/readings", json.dumps({"pressure_kpa": 300}))


@contextmanager
def sending(broker: Service, device: str) -> Iterator[None]:
    """Have a device send, again and again, until the block ends."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(2.0):
            send(broker, device)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def states(gate: Gateway) -> dict[str, str]:
    """Device → its state, as a gateway shows it."""
    return {device["id"]: device["state"] for device in gate.document("/api/devices")["devices"]}


def silences_s(database: Service) -> list[float]:
    """The seconds that the quiet device had been silent, by its points."""
    if database.name == "influxdb":
        rows = query(database.url, "iot", "SELECT silence_s FROM device_health WHERE device = 'quiet'")
        return [float(str(row["silence_s"])) for row in rows]
    found = exported(database.url, '{__name__="device_health_silence_s",device="quiet"}')
    return [value for series in found for value in series["values"]]


def test_a_device_that_fell_silent_before_a_take_over_is_silent_still_and_the_others_are_not(
    machines: GatewayPair, mosquitto: Service, database: Service
) -> None:
    live, standby = machines.by_role()
    live.gate.wait_subscribed()
    send(mosquitto, "quiet")
    with sending(mosquitto, "busy"):
        until(lambda: "device_silent@quiet" in active(live.gate), 300.0, what="it is silent")
        until(lambda: max(silences_s(database), default=0.0) >= 240.0, 120.0, what="its points say so")
        until(lambda: "device_silent@quiet" in active(standby.gate), what="the standby has its alarm")
        before = active(standby.gate)["device_silent@quiet"]
        live.gate.kill()
        standby.until_role("live")
        until(lambda: states(standby.gate) == {"busy": "online", "quiet": "silent"}, what="each is what it was")
        assert active(standby.gate)["device_silent@quiet"]["since_ms"] == before["since_ms"]
        send(mosquitto, "quiet")
        until(lambda: states(standby.gate)["quiet"] == "online", what="it is heard again")
        until(lambda: not active(standby.gate), 120.0, what="its alarm has ended")
        until(lambda: history(standby.gate), what="its end is stored")
        assert history(standby.gate) == ["cleared device_silent@quiet"]
