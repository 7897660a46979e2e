"""Every runbook is followed as it is printed, after its incident has happened to a real broker, database and gateway."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from gateway.admin.broker.certificates import CertificateUse, Signed, load_authority
from gateway.commands.demo.services import Service, free_port
from gateway.core.gateways.tenures import Stage
from gateway.ingest.broker.rights import BrokerAccount, document
from tests.campaigns.rabbitmq.clients import SUCCESS, client
from tests.campaigns.rabbitmq.province import Province, province
from tests.influx import query
from tests.runbooks.cabinet import Cabinet, broker_at
from tests.runbooks.machines import Answer, Machine
from tests.system.brokers import listens
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish, wait_settled
from tests.system.small_disk import small_disk
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

TOPIC = "iot/v1/site/water/m1/readings"
DISK_BYTES = 8 * 2**20


def reading(number: int) -> str:
    """One of a row of readings, a second apart."""
    return json.dumps({"ts": time.time_ns() // 1_000_000 - 60_000 + 1000 * number, "seq": number, "flow_m3_h": 1})


@pytest.fixture
def cabinet(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Cabinet]:
    """Running and subscribed."""
    found = Cabinet(tmp_path, mosquitto, influxdb)
    with found.gate:
        found.gate.wait_subscribed()
        yield found


def test_power_cut(cabinet: Cabinet) -> None:
    gate = cabinet.gate
    cabinet.influxdb.pause()
    with client_of(cabinet.broker) as client:
        publish(client, TOPIC, reading(0))
    until(lambda: gate.pending("journal") == 1)
    for service in (cabinet.broker, cabinet.influxdb, gate):
        service.kill()
    assert cabinet.check("PowerCut.md") == {1, 2}
    cabinet.act("PowerCut.md")
    until(lambda: gate.ledger()["written"] == 1, what="what was acknowledged before the cut")
    assert cabinet.check("PowerCut.md") == set()


def test_sd_card(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    """The disk fills while the database is away; the gateway's part of it is a small disk of the test."""
    cabinet = Cabinet(tmp_path, mosquitto, influxdb)
    gate, machine = cabinet.gate, cabinet.machine
    (machine.root / "var" / "lib" / "gateway").rmdir()
    with small_disk(machine.root / "var" / "lib" / "gateway", DISK_BYTES) as disk:
        disk.put_in(gate)
        machine.join = disk.join

        def vacuum(_words: list[str]) -> Answer:
            disk.free()
            return 0, "Vacuuming done, freed 8.0M of archived journals"

        machine.programs |= {"journalctl": vacuum, "apt-get": lambda _: (0, ""), "dmesg": lambda _: (0, "")}
        with gate:
            gate.wait_subscribed()
            influxdb.pause()
            with Fleet(mosquitto, rate=200) as fleet:
                until(lambda: gate.pending("journal") > 100)
                disk.fill()
                until(lambda: gate.ask("/readyz")[0] == 503)
                assert cabinet.check("SdCard.md") == {3}
                said = cabinet.act("SdCard.md", {2: influxdb.resume})
                gate.wait_subscribed()
                until(lambda: gate.ask("/readyz")[0] == 200)
            assert "results" in said[2]
            ledger = wait_settled(gate, mosquitto)
            assert (ledger["expired"], ledger["lost"]) == (0, 0)
            assert cabinet.check("SdCard.md") == set()
            saved = {path.name for path in (machine.root / "media" / "usb").iterdir()}
            assert saved >= {"waiting.lp", "cabinet.tar.gz"}
    assert_each_stands_once(influxdb, fleet)


def test_broker_moved(influxdb: Service, tmp_path: Path) -> None:
    """Messages that wait for the gateway in the old broker go along."""
    new = tmp_path / "new"
    old_broker = broker_at(tmp_path / "old-broker", tmp_path / "cabinet")
    cabinet = Cabinet(tmp_path, old_broker, influxdb)
    new_broker = broker_at(tmp_path / "new-broker", new)
    cabinet.others = {"old-broker": cabinet.machine, "new-broker": Machine(new, {"mosquitto": new_broker}, cabinet.machine)}
    cabinet.machine.printed["192.0.2.30:1883"] = f"127.0.0.1:{new_broker.port}"
    with old_broker, cabinet.gate as gate, new_broker:
        gate.wait_subscribed()
        gate.terminate()
        with client_of(old_broker) as client:
            for number in range(50):
                publish(client, TOPIC, reading(number))
        cabinet.act("BrokerMoved.md")
        until(lambda: gate.ledger()["written"] == 50)
        assert old_broker.pid is None
        with client_of(new_broker) as client:
            publish(client, TOPIC, reading(50))
        assert wait_settled(gate, new_broker)["written"] == 51
        assert cabinet.check("BrokerMoved.md") == set()


def test_certificate_expired(influxdb: Service, tmp_path: Path) -> None:
    host = "localhost"
    root = tmp_path / "cabinet"
    port_lines = ["certfile {}/broker.crt", "keyfile {}/broker.key"]
    certs = root / "etc" / "mosquitto" / "certs"
    broker = broker_at(tmp_path / "broker", root)
    settings = broker.folder / "mosquitto.conf"
    settings.write_text(settings.read_text() + "\n".join(line.format(certs) for line in port_lines) + "\n")
    broker.answers = lambda: listens(broker.port)
    broker.url = f"mqtts://{host}:{broker.port}"
    tls = {"ca": "../../root/authority/ca.crt"}
    cabinet = Cabinet(tmp_path, broker, influxdb, mqtt={"tls": tls})
    cabinet.machine.printed |= {"broker.example.vn": host}
    for use, name in (("server", host), ("client", "wm-0001")):
        done = cabinet.machine.run(f"gateway setup certificates {use} {name} --to /root/authority")
        assert done.returncode == 0, done.stderr
    folder = root / "root" / "authority"
    authority = load_authority(Signed((folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes()))
    expired = authority.sign(CertificateUse.SERVER, [host], datetime.now(UTC) - timedelta(days=900))
    for file in (folder / f"{host}.crt", certs / "broker.crt"):
        file.write_bytes(expired.certificate)
    (certs / "broker.key").write_bytes(expired.key)
    with broker, cabinet.gate as gate:
        until(lambda: "certificate has expired" in gate.troubles())
        assert cabinet.check("CertificateExpired.md") == {1, 2}
        cabinet.act("CertificateExpired.md")
        gate.wait_subscribed()
        assert cabinet.check("CertificateExpired.md") == set()


LATE = """
import sys, time
from pathlib import Path
late, seconds, nanoseconds = Path({file!r}), time.time, time.time_ns
def late_s():
    return int(late.read_text())
time.time = lambda: seconds() - late_s()
time.time_ns = lambda: nanoseconds() - late_s() * 10**9
from gateway.commands.cli import main
sys.exit(main())
"""


def test_clock_wrong(cabinet: Cabinet) -> None:
    """The gateway's process is three hours late until ``timedatectl`` sets its clock."""
    gate, machine = cabinet.gate, cabinet.machine
    late = machine.root / "late"
    late.write_text("10800")
    gate.terminate()
    gate.arguments[:2] = ["-c", LATE.format(file=str(late))]
    gate.start()
    gate.wait_subscribed()

    def timedatectl(words: list[str]) -> Answer:
        if words[:1] == ["set-ntp"]:
            late.write_text("0")
        return 0, "System clock synchronized: yes"

    machine.programs["timedatectl"] = timedatectl
    with client_of(cabinet.broker) as client:
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        until(lambda: gate.status()["clock_trusted"] is False)
        publish(client, TOPIC, '{"flow_m3_h": 2}')
        wait_settled(gate, cabinet.broker)
        assert cabinet.check("ClockWrong.md") == {2}
        said = cabinet.act("ClockWrong.md")
        until(lambda: gate.status()["clock_trusted"], 200, what="it trusts the clock again")
    assert '"count"' in said[4]
    assert cabinet.check("ClockWrong.md") == set()


def test_influxdb_restored(influxdb: Service, mosquitto: Service, tmp_path: Path) -> None:
    """Readings after the backup are gone but for those that wait, and those that a file holds; sums go on across the gap."""
    listening = influxdb.folder / "influxdb.conf"
    address = f"127.0.0.1:{free_port()}"
    influxdb.stop()
    listening.write_text(re.sub('bind-address = "127.0.0.1:0"', f'bind-address = "{address}"', listening.read_text()))
    influxdb.start()
    influxdb.wait_ready()
    cabinet = Cabinet(tmp_path, mosquitto, influxdb)
    gate, machine = cabinet.gate, cabinet.machine
    (gate.folder / "devices.yaml").write_text("devices: [{id: m1, site: site, domain: water, interval: 1min}]\n")
    today = datetime.now(UTC).date()
    machine.printed |= {"2026-11-25": str(today - timedelta(days=1)), "2026-11-27": str(today + timedelta(days=1))}

    def influxd(words: list[str]) -> Answer:
        """At the address of the test's database."""
        program = [str(influxdb.program.path), words[0], "-host", address, *words[1:]]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    machine.programs["influxd"] = influxd
    usb = machine.root / "media" / "usb"

    def volume(number: int) -> str:
        at_ms = time.time_ns() // 1_000_000 - 60_000 + 1000 * number
        return json.dumps({"ts": at_ms, "seq": number, "volume_m3": 100.0 + number})

    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()

        def count(number: int) -> None:
            publish(client, TOPIC, volume(number))
            until(lambda: gate.ledger()["written"] == number + 1)

        count(0)
        until(lambda: [one["sum"] for one in gate.document("/api/devices/m1")["counters"]][:1] not in ([], [None]))
        count(1)
        assert influxd(["backup", "-portable", "-db", "iot", str(usb / "influxdb")])[0] == 0
        count(2)
        count(3)
        kept = query(influxdb.url, "iot", "SELECT * FROM water WHERE seq = 2")[0]
        (usb / "readings.lp").write_text(f"water,device=m1,site=site volume_m3=102,quality=0i,seq=2i {kept['time']}\n")
        influxdb.kill()
        publish(client, TOPIC, volume(4))
        until(lambda: gate.pending("journal") == 1)
        assert cabinet.check("InfluxdbRestored.md") == {1, 2}
        said = cabinet.act("InfluxdbRestored.md")
        until(lambda: gate.ledger()["written"] == 1, what="the reading that waited")
        publish(client, TOPIC, volume(5))
        until(lambda: gate.ledger()["written"] == 2)
        assert cabinet.check("InfluxdbRestored.md") == set()
    rows = query(influxdb.url, "iot", "SELECT seq, volume_m3, volume_sum_m3 FROM water WHERE device = 'm1'")
    assert {row["seq"] for row in rows} == {0, 1, 2, 4, 5}, "number 3 is gone"
    assert {row["seq"]: row["volume_sum_m3"] for row in rows}[5] == 105.0
    assert "m1" in said[6]
    assert said[7].startswith("0 on the list")


def test_gateway_replaced(cabinet: Cabinet) -> None:
    """The new machine has the address of the old one, and nothing of it but the backup."""
    gate, machine = cabinet.gate, cabinet.machine
    accounts = machine.root / "var" / "lib" / "mosquitto" / "dynamic-security.json"
    accounts.write_text(document([(BrokerAccount("m1", [], "password"), b"123456789012")]))
    certificates = machine.run("gateway setup certificates server localhost --to /root/authority")
    assert certificates.returncode == 0, certificates.stderr
    (gate.folder / "devices.yaml").write_text("devices: [{id: m1, site: site, domain: water}]\n")
    authority = machine.root / "root" / "authority"
    before = {path: path.read_bytes() for path in (accounts, authority / "ca.key", gate.folder / "devices.yaml")}
    cabinet.influxdb.pause()
    with client_of(cabinet.broker) as client:
        publish(client, TOPIC, reading(0))
        until(lambda: gate.pending("journal") == 1)

        def burn() -> None:
            cabinet.influxdb.resume()
            for folder in (gate.folder, machine.root / "var" / "lib" / "gateway", authority):
                folder.rename(folder.with_name("burnt"))
            accounts.unlink()
            gate.folder.mkdir()
            publish(client, TOPIC, reading(1))

        # On a real machine the unit names the one, and the other lies where Debian has it.
        places = "--data /var/lib/gateway --accounts /var/lib/mosquitto/dynamic-security.json"
        machine.printed["gateway restore"] = f"gateway restore {places}"
        said = cabinet.act("GatewayReplaced.md", {4: burn})
    assert "devices.yaml" in said[4]
    until(lambda: gate.ledger()["written"] == 2, what="the reading that waited in the backup, and the one at the broker")
    assert {path: path.read_bytes() for path in before} == before
    assert gate.document("/api/devices/m1")["registered"]
    assert cabinet.check("GatewayReplaced.md") == set()


def test_site_moved(influxdb: Service, tmp_path: Path) -> None:
    """Each gateway has the file on a machine of its own."""
    with province(tmp_path / "province", ["ward-1", "ward-2", "ward-9"], "--names", "gateway-1,gateway-2") as found:
        cabinets = [_member(tmp_path / name, found, name, influxdb) for name in ("gateway-1", "gateway-2")]
        first, second = cabinets
        first.others = {"gateway-2": second.machine}
        usb = second.machine.root / "media" / "usb"
        usb.rmdir()
        usb.symlink_to(first.machine.root / "media" / "usb")
        with first.gate as old, second.gate as new, client(found.node, "guest", "guest") as meter:
            for gate in (old, new):
                gate.wait_subscribed()
            until(lambda: _stages(influxdb, "ward-9") == {"gateway-1": Stage.HOLDING}, what="the first one has it")
            assert first.check("SiteMoved.md") == set()
            for number in range(10):
                assert meter.publish("iot/v1/ward-9/water/m1/readings", reading(number)) == SUCCESS
            until(lambda: old.ledger()["written"] == 10, what="the old one reads the site")
            said = first.act("SiteMoved.md")
            assert said[5].splitlines()[-1] == "ward-9: gateway-2 has it, with its sums"
            assert meter.publish("iot/v1/ward-9/water/m1/readings", reading(10)) == SUCCESS
            until(lambda: new.ledger()["written"] >= 1, what="the new one reads it")
            assert first.check("SiteMoved.md") == set()
            back = first.machine.run("gateway move ward-9 --to gateway-1 --no-wait")
            assert "ward-9 is gateway-1's; it was gateway-2's" in back.stdout, back.stderr


def _stages(influxdb: Service, share: str) -> dict[str, Stage]:
    """Gateway → how far it says it is with a share."""
    rows = query(influxdb.url, "iot", f"SELECT last(stage) FROM share WHERE device = '{share}' GROUP BY channel")  # noqa: S608
    return {row["channel"]: Stage(int(row["last"])) for row in rows}


def _member(folder: Path, found: Province, name: str, influxdb: Service) -> Cabinet:
    """One of two gateways of a province, with its own copy of the shares; the first one has the site."""
    mqtt = found.mqtt(name) | {"shares": "shares.yaml"}
    cabinet = Cabinet(folder, found.node, influxdb, mqtt=mqtt)
    settings = cabinet.gate.folder
    shares = yaml.safe_load((found.folder / "shares.yaml").read_text())
    shares["management"] |= {
        "url": found.node.management.url,
        "password_file": str(found.folder / "secrets" / "gateway-watch.password"),
    }
    for share in shares["shares"]:
        share.pop("domain", None)
        share["gateway"] = "gateway-2" if share["site"] == "ward-2" else "gateway-1"
    (settings / "shares.yaml").write_text(yaml.safe_dump(shares))
    shutil.copy(found.folder / "devices.yaml", settings / "devices.yaml")
    return cabinet
