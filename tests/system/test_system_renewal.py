"""Certificates of a new authority for broker, database and pages: a reload takes them all, without a restart of the gateway."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from gateway.support.tls import tls_context
from tests.system.brokers import Authority, guarded, listens
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"
USERS = ("broker", "database", "pages", "gateway")


def lay(authority: Authority, folder: Path) -> None:
    """Put certificates and keys of an authority where all look for them."""
    folder.mkdir(exist_ok=True)
    shutil.copy(authority.certificate, folder / "ca.crt")
    for name in USERS:
        for made in authority.issue(name):
            shutil.copy(made, folder)


def secure_database(folder: Path, pki: Path) -> Service:
    """InfluxDB over HTTPS."""
    found = services.influxdb(folder)
    conf = folder / "influxdb.conf"
    lines = ["https-enabled = true", f'https-certificate = "{pki}/database.crt"', f'https-private-key = "{pki}/database.key"']
    conf.write_text("\n".join([conf.read_text().rstrip(), *lines, ""]))
    found.answers = lambda: listens(found.port)
    return found


def reload(gate: Gateway) -> str:
    """SIGHUP; what the gateway says about it."""
    before = len(gate.printed())
    gate.send_signal(signal.SIGHUP)
    until(lambda: "registry" in gate.printed()[before:])
    return gate.printed()[before:]


def test_a_reload_takes_renewed_certificates_for_broker_database_and_pages(tmp_path: Path) -> None:
    first, second, pki = Authority(tmp_path / "first"), Authority(tmp_path / "second"), tmp_path / "pki"
    lay(first, pki)
    lines = [f"cafile {pki}/ca.crt", f"certfile {pki}/broker.crt", f"keyfile {pki}/broker.key", "require_certificate true"]
    broker = guarded(tmp_path / "broker", *lines, "allow_anonymous true")
    database = secure_database(tmp_path / "database", pki)
    ca, own = str(pki / "ca.crt"), {"cert": str(pki / "gateway.crt"), "key": str(pki / "gateway.key")}
    gate = gateway(
        tmp_path / "gateway",
        f"mqtts://127.0.0.1:{broker.service.port}",
        f"https://127.0.0.1:{database.port}",
        mqtt={"tls": {"ca": ca, **own}},
        influxdb={"tls": {"ca": ca}},
        http={"tls": {"cert": str(pki / "pages.crt"), "key": str(pki / "pages.key")}},
    )
    gate.answers = lambda: "subscribed to" in gate.printed()

    def written(authority: Authority) -> int:
        browser = Browser(gate, f"https://127.0.0.1:{gate.port}", tls_context(authority.certificate))
        return int(json.loads(browser.ask("GET", "/api/ledger").body)["written"])

    with broker.service, database, gate:
        created = Browser(gate, port=database.port, tls=tls_context(first.certificate))
        assert created.ask("POST", "/query?q=CREATE+DATABASE+iot").status == 200
        with client_of(broker.devices) as client:
            publish(client, TOPIC, '{"flow_m3_h": 1}')
        until(lambda: written(first) == 1)
        broker.service.stop()
        database.stop()
        shutil.copy(first.issue("torn")[0], pki / "pages.crt")
        assert "http.tls: cannot be used with the key" in reload(gate)
        assert written(first) == 1, "a faulty file changes nothing"
        lay(second, pki)
        assert "the registry is active" in reload(gate)
        broker.service.start()
        database.start()
        until(lambda: gate.said("subscribed to") == 2, what="the broker, which trusts the new authority only")
        with client_of(broker.devices) as client:
            publish(client, TOPIC, '{"flow_m3_h": 2}')
        until(lambda: written(second) == 2, what="the database, which shows a certificate of the new authority")
        said = gate.command("check", "--connect")
        for which in ("http.tls.cert", "mqtt.tls.cert", "mqtt.tls.ca", "influxdb.tls.ca", "mqtt.url", "influxdb.url"):
            assert f"{which}: the certificate ends in 1 days" in said.stdout
            assert f"warning: The certificate of {which} ends in 1 days" in said.stderr
