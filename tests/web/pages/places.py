"""The pages that there are, and a gateway with something to see on each."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import sin
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from paho.mqtt.publish import single

from gateway.commands.demo import services
from gateway.core.status.history import MINUTES_KEPT, History
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.looks import HISTORY
from gateway.support.access.accounts import AccountRole, DeviceScope, UserAccount, digest_of
from tests.system.fleet import client_of, publish_all
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

PAGES: Final = {
    "start": "/",
    "devices": "/devices",
    "devices found": "/devices?search=wm&sort=-heard",
    "device": "/devices/wm-0001",
    "stranger": "/devices/wm-0099",
    "new devices": "/register",
    "new device": "/register/wm-0098",
    "import": "/import",
    "coverage": "/coverage",
    "completeness": "/completeness",
    "consumption": "/consumption",
    "open data": "/exports",
    "billing": "/billing",
    "amounts": "/devices/wm-0001/amounts",
    "steps": "/steps",
    "alarms": "/alarms",
    "alarm history": "/alarms/history",
    "shift": "/shift",
    "audit": "/audit",
    "rejects": "/rejects",
    "reject": "/rejects/1",
    "device day": "/devices/wm-0001/day",
    "exchange": "/devices/wm-0001/exchange",
    "quarantine": "/quarantine",
    "try": "/try",
    "login": "/login",
}
"""Name → path. A new page takes its place here, and is looked at in every way."""
AGENCY_TOKEN: Final = "of-an-agency-that-sees-water-in-one-area"  # noqa: S105 - of the example
AREAS: Final = {"p-01": "Phường An Bình", "x-02": "Xã Long Hòa"}
DEVICES: Final = [
    {
        "id": f"{kind}-{number:04}",
        "domain": domain,
        "site": f"tram-{number % 3}",
        "area": list(AREAS)[number % 2],
        "interval": "15min",
    }
    for kind, domain, count in (("wm", "water", 6), ("pm", "power", 3), ("tr", "traffic", 2), ("ur", "urban", 2))
    for number in range(1, count + 1)
]
STRANGERS: Final = ("wm-0098", "wm-0099")
"""Devices that send and are not registered; the first may be registered by a test."""
_READINGS: Final = {
    "water": '{"volume_m3": 77.5, "flow_m3_h": 1.84, "pressure_kpa": 312.4, "battery_pct": 88}',
    "power": '{"voltage_l1_v": 229.4, "voltage_l2_v": 231, "active_power_w": 1520, "energy_import_kwh": 5034.25}',
    "traffic": '{"vehicle_count": 42, "interval_s": 60, "mean_speed_km_h": 31.5, "lane": "1"}',
    "urban": '{"pm2_5_ug_m3": 31, "air_temperature_c": 29.5}',
}


_HOURS_READINGS: Final = 24
_SECTIONS: Final[dict[str, Document]] = {"devices": {"unknown": "quarantine"}, "http": {"tokens_file": "tokens"}}


def publish_as(gate: Gateway, device: str, payload: str) -> None:
    """A water meter of the example sends a reading."""
    broker = urlsplit(json.loads(gate.config.read_text())["mqtt"]["url"])
    place = next(one for one in DEVICES if one["id"] == device)
    topic = f"iot/v1/{place['site']}/water/{device}/readings"
    single(topic, payload, qos=1, hostname=broker.hostname or "", port=broker.port or 0)


@contextmanager
def example_gateway(folder: Path) -> Iterator[Gateway]:
    """A gateway on the real parts: devices that send, one never heard, a leak, a stranger, rejects."""
    for name in ("broker", "influxdb", "gateway"):
        (folder / name).mkdir()
    _remember_hours(folder / "gateway" / "data" / "journal.db")
    registry = {"devices": DEVICES, "areas": AREAS}
    agency = UserAccount("ubnd", AccountRole.READ, digest_of(AGENCY_TOKEN), DeviceScope("water", frozenset({"p-01"})))
    (folder / "gateway" / "tokens").write_text(f"{agency.line}\n")
    (folder / "gateway" / "devices.yaml").write_text(json.dumps(registry, ensure_ascii=False))
    with (
        services.mosquitto(folder / "broker") as broker,
        services.influxdb(folder / "influxdb") as influxdb,
        gateway(folder / "gateway", broker.url, influxdb.url, **_SECTIONS) as found,
        client_of(broker) as client,
    ):
        found.wait_subscribed()
        topic = "iot/v1/{site}/{domain}/{id}/readings"
        sent = [(topic.format_map(one), _READINGS[str(one["domain"])]) for one in DEVICES[:-1]]
        sent.insert(0, (topic.format_map(DEVICES[0]), json.dumps(_hours_of_a_meter())))
        sent.append((topic.format_map(DEVICES[1]), '{"volume_m3": 78, "alarm_leak": true}'))
        sent.append((topic.format_map(DEVICES[2]), '{"volume_m3": "nhiều"}'))
        sent += [(topic.format(site="tram-9", domain="water", id=stranger), _READINGS["water"]) for stranger in STRANGERS]
        publish_all(client, sent)
        readings = len(sent) + _HOURS_READINGS - 1
        until(lambda: found.ledger()["received"] == readings and not found.pending("memory"), what="all are written")
        yield found


def _hours_of_a_meter() -> list[dict[str, float]]:
    """The last six hours of a water meter, as it uploads what it could not send: taps are opened and closed."""
    now_ms, found, volume_m3 = int(time.time() * 1000), [], 69.0
    for number in range(_HOURS_READINGS - 1, -1, -1):
        flow_m3_h = round(max(0.04, 1.2 + sin(number / 3.1) + 0.4 * sin(number * 1.9)), 2)
        volume_m3 += flow_m3_h / 4
        pressure_kpa = round(320 - 12 * flow_m3_h, 1)
        at_ms = now_ms - 900_000 * number
        found.append({"ts": at_ms, "volume_m3": round(volume_m3, 3), "flow_m3_h": flow_m3_h, "pressure_kpa": pressure_kpa})
    return found


def _remember_hours(journal: Path) -> None:
    """Leave the gateway a file with the last hours of an earlier run: a fleet that is busier by day."""
    history, now_ms, total = History(), int(time.time() * 1000), 0
    for minute in range(MINUTES_KEPT, 0, -1):
        total += round(900 + 300 * sin(minute / 57) + 40 * sin(minute * 1.7))
        history.count(now_ms - 60_000 * minute, total, total - (150 if 100 < minute < 130 else 0))
    journal.parent.mkdir(parents=True)
    database = Database(journal)
    database.open()
    database.run_here(keyvalue.put, HISTORY, history.text())
    database.close()
