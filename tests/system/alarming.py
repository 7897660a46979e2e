"""A gateway whose alarms are tested: its registry, and what it says of them."""

import json
from collections.abc import Iterable
from pathlib import Path

from gateway.commands.demo.services import Service
from tests.influx import InfluxRow, query
from tests.system.rig import Document, Gateway, gateway


def alarm_gateway(
    folder: Path, mqtt: Service, influxdb_url: str, devices: Iterable[Document] = (), /, **sections: Document
) -> Gateway:
    """A gateway with a registry; ``own`` at ``q1`` where no other device is named."""
    found = gateway(folder, mqtt.url, influxdb_url, **sections)
    entries = list(devices) or [{"id": "own", "site": "q1", "domain": "water", "area": "p1", "interval": "1h"}]
    areas = {str(entry["area"]): "A ward" for entry in entries if "area" in entry}
    found.config.with_name("devices.yaml").write_text(json.dumps({"devices": entries, "areas": areas}))
    return found


def active(gate: Gateway) -> dict[str, Document]:
    """Id → alarm, of those that are active."""
    return {alarm["id"]: alarm for alarm in gate.document("/api/alarms")["alarms"]}


def history(gate: Gateway) -> list[str]:
    """The history, the oldest first: ``raised leak@own``."""
    changes = gate.document("/api/alarms/history")["history"]
    return [f"{change['change']} {change['id']}" for change in reversed(changes)]


def points(influxdb: Service) -> list[InfluxRow]:
    """All points of alarms."""
    return query(influxdb.url, "iot", "SELECT * FROM alarm")


def leaking(*, leaks: bool = True) -> str:
    """A reading of a meter."""
    return json.dumps({"alarm_leak": leaks, "battery_pct": 80})
