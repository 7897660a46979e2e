"""A device of a running gateway is forgotten: at the broker, in the database, in the gateway, and after its next start."""

import json
import zipfile
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.enrolment import parse_enrolment
from tests.deploy.set_up import SetUpBroker
from tests.influx import query
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

HIS, OTHER = "wm-0001", "wm-0002"


def test_a_device_is_cut_off_forgotten_and_stays_so(influxdb: Service, tmp_path: Path) -> None:
    broker = SetUpBroker(tmp_path / "broker", 2, "--replace", "--yes")
    with broker.service:
        sections = json.loads(broker.config.read_text())
        found = gateway(broker.config.parent, sections["mqtt"]["url"], influxdb.url, **sections)
        his, other = (
            parse_enrolment(next(line for line in said.splitlines() if line.startswith("mqtts://")))
            for said in [broker.command("devices", "enroll", name) for name in (HIS, OTHER)]
        )
        with (
            found as gate,
            broker.device(his.username, his.password) as meter,
            broker.device(other.username, other.password) as neighbour,
        ):
            gate.wait_subscribed()
            meter.paho.publish(his.topic.replace("/readings", "/status"), "online", qos=1, retain=True).wait_for_publish(10)
            for client, one in ((meter, his), (neighbour, other)):
                client.publish(one.topic, '{"flow_m3_h": 1}')
                client.publish(one.topic, '{"flow_m3_h": broken')
            until(lambda: gate.ledger()["written"] == 2 and gate.ledger()["rejected"] == 2)

            exported = gate.command("devices", "export", HIS, "--out", tmp_path / "his.zip")
            assert (exported.returncode, exported.stderr) == (0, ""), "also while the gateway runs"
            assert {"readings/water.csv", "gateway/rejects.json"} <= set(zipfile.ZipFile(tmp_path / "his.zip").namelist())
            running = gate.command("devices", "forget", HIS, "--yes")
            assert (running.returncode, "has no account on the broker any more" in running.stdout) == (2, True)
            until(lambda: meter.ends, what="it is cut off while the gateway runs")
            assert gate.terminate() == 0
            done = gate.command("devices", "forget", HIS, "--yes")
            assert (done.returncode, done.stderr) == (0, ""), done.stdout

            gate.start()
            gate.wait_subscribed()
            neighbour.publish(other.topic, '{"flow_m3_h": 2}')
            until(lambda: gate.ledger()["written"] == 1)
            assert gate.command("devices", "forget", HIS, "--check").returncode == 0
            assert [device["id"] for device in gate.document("/api/devices")["devices"]] == [OTHER]
            assert [reject["device"] for reject in gate.rejects()] == [OTHER]
        with broker.of_service("gateway") as reader, broker.device(his.username, his.password) as again:
            assert again.answers == ["Not authorized"]
            reader.subscribe("iot/v1/+/+/+/status", "iot/v1/+/+/+/readings")
            with broker.device(other.username, other.password) as neighbour:
                neighbour.publish(other.topic, "last")
            until(lambda: reader.heard)
            assert [payload for _, payload in reader.heard] == [b"last"]
    rows = query(influxdb.url, "iot", 'SELECT count(*) FROM /.*/ GROUP BY "device"')
    assert {row["device"] for row in rows} <= {"", OTHER}
