"""The head of the audit log by MQTT, on a real broker: a machine elsewhere can prove what was taken out."""

import json
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.firmware_sim.listener import Listener, listening
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "gateway/v1/gateway-1/audit"


def number_of(heard: Listener) -> int:
    """The number of the newest entry that was published; -1: none was."""
    return int((heard.last(TOPIC) or b"-1").partition(b":")[0])


def newest(gate: Gateway) -> str:
    """The newest entry, as a person would note it."""
    entry = json.loads(gate.ask("/api/audit")[1])["audit"][0]
    return f"{entry['number']}:{entry['hash']}"


def test_each_head_of_the_audit_log_is_retained_by_the_broker_and_proves_the_log(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, audit={"mqtt": True}) as gate:
        gate.wait_subscribed()
        with listening(mosquitto.host, mosquitto.port, TOPIC) as elsewhere:
            until(lambda: number_of(elsewhere) == 0, what="an empty log says so")
            assert gate.command("rejects", "purge", "--yes").returncode == 0
            until(lambda: number_of(elsewhere) == 1, what="the first change is proved")
        with listening(mosquitto.host, mosquitto.port, TOPIC) as elsewhere:
            until(lambda: number_of(elsewhere) == 1, what="who comes later gets it too: it is retained")
            mosquitto.kill()
            mosquitto.start()
            mosquitto.wait_ready()
            assert gate.command("rejects", "purge", "--yes").returncode == 0
            until(lambda: number_of(elsewhere) == 2, what="a broker that comes back gets the next")
        known = (elsewhere.last(TOPIC) or b"").decode()
        assert known == newest(gate)
    assert gate.command("audit", "verify", "--known", known).returncode == 0
    log = gate.journal.with_name("journal.db.audit")
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert gate.command("audit", "verify", "--known", known).returncode == 1
