"""A marker stands for each secret; nothing that the gateway says or writes, to whomever, holds one of them."""

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.support.tls import pinned_context
from tests.system.brokers import Authority, guarded, password_entry
from tests.system.door import Door, Reply
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.system.talker import Talker
from tests.waiting import until

pytestmark = pytest.mark.real

PASSWORD, TOKEN, DOOR_KEY = "marker-of-the-broker", "marker-of-the-database", "marker-of-the-pages"
TOPIC = "iot/v1/site/water/m1/readings"
PATHS = [
    *("/", "/devices", "/devices/m1", "/login", "/metrics", "/healthz", "/readyz", "/nowhere"),
    *(f"/api/{name}" for name in ("status", "ledger", "devices", "devices/m1", "rejects?payloads=1", "quarantine", "coverage")),
    *(f"/api/rejects?{wrong}" for wrong in ("id=x", "reason=x")),
]
CHANGES = ["/api/rejects/replay", "/api/rejects/purge", "/api/journal/drop", "/api/journal/acknowledge", "/login", "/logout"]
COMMANDS = [
    ("check",),
    ("check", "--connect"),
    ("rejects", "list"),
    ("rejects", "list", "--json"),
    ("rejects", "show", "1"),
    ("rejects", "export"),
    ("journal", "status"),
    ("devices", "list"),
    ("devices", "list", "--json"),
    ("devices", "coverage"),
]


def forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as HTTP and MQTT carry it."""
    yield secret
    yield base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    for before in ("gateway:",):  # of Basic
        yield base64.b64encode(f"{before}{secret}".encode()).decode().rstrip("=")[:-1]


def assert_silent(said: str, *more: str) -> None:
    """Check that no part of a secret is in the output."""
    for secret in (PASSWORD, TOKEN, DOOR_KEY, *more):
        for form in forms(secret):
            assert form not in said


def answers(gate: Gateway, token: str | None, *, secured: bool = False) -> str:
    """Everything the gateway answers, heads included, to who shows this token."""
    said = []
    for method, path in [*(("GET", path) for path in PATHS), ("GET", "/api/events"), *(("POST", path) for path in CHANGES)]:
        with closing(_connection(gate, secured=secured)) as connection:
            connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            said.append(f"{method} {path}: {response.status} {response.getheaders()}")
            body = response.readline() if path == "/api/events" else response.read()
            said.append(body.decode())
    return "\n".join(said)


def _connection(gate: Gateway, *, secured: bool) -> HTTPConnection:
    if secured:
        return HTTPSConnection(gate.host, gate.port, timeout=10, context=pinned_context())
    return HTTPConnection(gate.host, gate.port, timeout=10)


def commanded(gate: Gateway) -> str:
    """Everything the commands print."""
    payload = gate.folder / "payload.json"
    payload.write_text('{"volume_m3": 5}')
    decoded = ("decode", "--topic", TOPIC, str(payload))
    done = [gate.command(*words) for words in [*COMMANDS, decoded, (*decoded, "--json")]]
    return "\n".join(f"{one.args}: {one.stdout}{one.stderr}" for one in done)


def written(gate: Gateway) -> str:
    """Everything the gateway keeps on disk, its log among it; not what it was given."""
    given = {"gateway.yaml", "mqtt", "influxdb", "http", "payload.json"}
    files = [path for path in gate.folder.rglob("*") if path.is_file() and path.name not in given]
    assert "gateway.log" in {path.name for path in files}
    return "\n".join(path.read_bytes().decode(errors="replace") for path in files)


def site(folder: Path, mqtt_url: str, influxdb_url: str, /, **sections: Document) -> Gateway:
    """A gateway that is given every secret in a file, and talks a lot."""
    gate = gateway(
        folder,
        mqtt_url,
        influxdb_url,
        mqtt={"username": "gateway", "password_file": "mqtt"} | sections.get("mqtt", {}),
        influxdb={"token_file": "influxdb", "api": "v2"} | sections.get("influxdb", {}),
        http={"token_file": "http"} | sections.get("http", {}),
        log={"level": "debug"},
    )
    for name, secret in (("mqtt", PASSWORD), ("influxdb", TOKEN), ("http", DOOR_KEY)):
        (folder / name).write_text(f"{secret}\n")
        (folder / name).chmod(0o600)
    return gate


def test_a_running_gateway_says_no_secret_anywhere(influxdb: Service, tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text(password_entry("gateway", PASSWORD))
    broker = guarded(tmp_path / "broker", "allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    v1 = {"api": "v1"}
    authority = Authority(tmp_path / "authority")
    cert, key = authority.issue("gateway")
    tls = {"tls": {"cert": str(cert), "key": str(key)}}
    secret_lines = [line for line in key.read_text().splitlines() if not line.startswith("---")]
    gate = site(tmp_path / "gateway", broker.service.url, influxdb.url, influxdb=v1, http=tls)
    gate.answers = lambda: "subscribed to" in gate.printed()
    with broker.service, gate, client_of(broker.devices) as client:
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        publish(client, TOPIC, "?")
        until(lambda: '"written": 1' in answers(gate, DOOR_KEY, secured=True), what="the reading is in InfluxDB")
        for token in (None, DOOR_KEY, "a wrong one of 16"):
            assert_silent(answers(gate, token, secured=True), *secret_lines)
        said = commanded(gate)
        assert "connected and subscribed" in said
        assert "accepts writes" in said
        assert_silent(said, *secret_lines)
        assert gate.terminate() == 0
        assert_silent(written(gate), *secret_lines)


def test_a_wrong_password_is_said_by_nobody_even_if_the_broker_quotes_it(influxdb: Service, tmp_path: Path) -> None:
    with Talker(f"gateway:{PASSWORD} is wrong") as broker:
        gate = site(tmp_path / "gateway", broker.url, influxdb.url)
        with gate:
            until(lambda: "gateway:*** is wrong" in gate.troubles())
            assert_silent(answers(gate, DOOR_KEY) + gate.shown())
            said = commanded(gate)
            assert "bad user name or password (gateway:*** is wrong)" in said
            assert_silent(said + gate.command("profiles", "propose", "--seconds", "1").stderr)
        assert_silent(written(gate))


V1 = {"api": "v1", "token_file": None, "username": "gateway", "password_file": "influxdb"}


@pytest.mark.parametrize("rights", [{"api": "v2"}, V1], ids=["v2", "v1"])
def test_wrong_rights_at_the_database_are_said_by_nobody_even_if_it_quotes_them(
    mosquitto: Service, door: Door, tmp_path: Path, rights: dict[str, object]
) -> None:
    basic = base64.b64encode(f"gateway:{TOKEN}".encode()).decode()
    shown = f"Basic {basic} of gateway:{TOKEN}" if "username" in rights else f"Token {TOKEN}"
    door.always(Reply(401, body=json.dumps({"error": f"unauthorized: {shown}"})))
    gate = site(tmp_path / "gateway", mosquitto.url, door.url, influxdb=rights)
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, TOPIC, '{"flow_m3_h": 1}')

        until(lambda: "unauthorized: " in gate.troubles())
        assert_silent(answers(gate, DOOR_KEY) + gate.shown())
        said = commanded(gate)
        assert "unauthorized: " in said
        assert_silent(said)
    assert_silent(written(gate))


@pytest.mark.parametrize("where", ["mqtt-ca", "mqtt-key", "mqtt-locked", "influxdb-ca", "http-key"])
def test_a_bad_certificate_or_key_is_told_in_one_line_without_what_is_in_it(tmp_path: Path, where: str) -> None:
    section, _, part = where.partition("-")
    cert, key = Authority(tmp_path / "authority").issue("gateway")
    broken = tmp_path / "broken.pem"
    if part == "locked":  # OpenSSL would ask for the password at the terminal, and a service would wait for ever
        locked: list[str | Path] = ["openssl", "ec", "-in", key, "-aes256", "-passout", f"pass:{PASSWORD}", "-out", broken]
        subprocess.run(locked, check=True, capture_output=True)
    else:
        kind = "CERTIFICATE" if part == "ca" else "PRIVATE KEY"
        broken.write_text(f"-----BEGIN {kind}-----\n{PASSWORD}\n-----END {kind}-----\n")
    broken.chmod(0o600)
    tls = {"ca": str(broken)} if part == "ca" else {"cert": str(cert), "key": str(broken)}
    url = {"mqtt": {"url": "mqtts://127.0.0.1:1"}, "influxdb": {"url": "https://127.0.0.1:1"}, "http": {}}[section]
    gate = site(tmp_path / "gateway", "mqtt://127.0.0.1:1", "http://127.0.0.1:1", **{section: {"tls": tls} | url})
    done = gate.command("check")
    gate.start()
    assert (done.returncode, gate.wait_ended()) == (2, 2)
    for said in (done.stderr, gate.printed()):
        assert f"{section}.tls: cannot be used" in said
        assert len(said.splitlines()) == 1, said
        assert_silent(said)
