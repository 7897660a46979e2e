"""The gateway's session on a broker as the guide sets it up: no account takes it or learns its client id, at either door.

An independent client (paho) is every attacker, with all that his account may do; the administration gives all every right.
"""

import json
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Service
from tests.deploy.guide import Client
from tests.deploy.set_up import HOST, SetUpBroker
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

CONTROL: Final = "$CONTROL/dynamic-security/v1"
SERVICES: Final = ("administration", "node-red", "chirpstack")
EVERYTHING: Final = ("#", "$SYS/#", "$CONTROL/#", "gateway/v1/#", f"{CONTROL}/response")
EVERY_RIGHT: Final = [
    {"acltype": acl, "topic": topic, "allow": True}
    for acl in ("publishClientSend", "publishClientReceive", "subscribePattern")
    for topic in ("#", "$SYS/#", "$CONTROL/#")
]
"""Whoever may administer may give himself these."""
READINGS, METER = 12, "wm-0001"


class Besieged:
    """A gateway at a broker, a meter that sends all the while, and the secret end of the gateway's client id."""

    def __init__(self, broker: SetUpBroker, gate: Gateway, accounts: dict[str, str], *, by_certificate: bool) -> None:
        self.broker, self.gate, self.accounts, self.by_certificate = broker, gate, accounts, by_certificate
        self.secret = (broker.folder / "gateway" / "gateway.session").read_text().strip()
        self.sent = 0

    def send(self, meter: Client, number: int) -> None:
        """Have the meter send readings; return when the broker has confirmed them."""
        for _ in range(number):
            self.sent += 1
            meter.publish(
                f"iot/v1/ward-1/water/{METER}/readings", json.dumps({"ts": 1793491200000 + self.sent, "volume_m3": self.sent})
            )

    @property
    def doors(self) -> Iterator[tuple[str, str, bool]]:
        """Every account but those of gateway and meter, at each door: its name, its password, and if it comes over TLS."""
        for account, password in self.accounts.items():
            if account != METER:
                yield account, password, False
                yield account, password, True

    def ids(self, account: str) -> list[str]:
        """Client ids that an attacker would try, with all that he can know."""
        return ["gateway-1", "gateway-1-", "gateway", account, "", f"gateway-1-{'0' * len(self.secret)}", "gateway-1-a"]

    def come(self, account: str, password: str, client_id: str, *, tls: bool) -> Client:
        """Connect with a clean start, so that a session of this id would end."""
        client = Client(client_id)
        if not (tls and self.by_certificate):
            client.paho.username_pw_set(account, password)
        if tls:
            pki = self.broker.folder / "pki"
            context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
            if self.by_certificate:
                context.load_cert_chain(pki / f"{account}.crt", pki / f"{account}.key")
            client.paho.tls_set_context(context)
        client.begin(self.broker.devices_port if tls else self.broker.services_port, HOST)
        until(lambda: client.answers)
        return client


@pytest.fixture(params=[pytest.param(False, id="passwords"), pytest.param(True, id="certificates", marks=pytest.mark.slow)])
def besieged(influxdb: Service, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Besieged]:
    shown = ["--client-certificates", str(tmp_path / "set-up" / "pki" / "ca.crt")] if request.param else []
    broker = SetUpBroker(tmp_path / "set-up", 2, "--replace", "--service", "chirpstack", *shown)
    for name in [*SERVICES, *broker.names] if shown else []:
        broker.certificates("service" if name in SERVICES else "client", name)
    with broker.service:
        accounts = {name: broker.password(name) for name in SERVICES}
        for name in broker.names:
            said = broker.command("devices", "enroll", name)
            accounts[name] = re.findall(r"^ +password +(\S+)$", said, re.MULTILINE)[0]
        given = json.loads(broker.config.read_text())["mqtt"]
        secrets = broker.folder / "gateway"
        mqtt = given | {"client_id_file": str(secrets / "gateway.session"), "password_file": str(secrets / "gateway.password")}
        with gateway(tmp_path / "gateway", given["url"], influxdb.url, mqtt=mqtt) as gate:
            gate.wait_subscribed()
            yield Besieged(broker, gate, accounts, by_certificate=bool(shown))


def test_no_account_takes_the_gateways_session_at_either_door_and_no_confirmed_reading_is_lost(besieged: Besieged) -> None:
    gate = besieged.gate
    before, ended = gate.said("connected to"), gate.said("not connected")
    with besieged.come(METER, besieged.accounts[METER], METER, tls=True) as meter:
        for account, password, tls in besieged.doors:
            for client_id in besieged.ids(account):
                with besieged.come(account, password, client_id, tls=tls):
                    besieged.send(meter, 1)
        until(lambda: gate.ledger()["written"] == besieged.sent, what="all of while it was there")
        gate.terminate()
        besieged.send(meter, READINGS)
        for account, password, tls in besieged.doors:
            for client_id in besieged.ids(account):
                with besieged.come(account, password, client_id, tls=tls):
                    pass
        besieged.send(meter, READINGS)
    assert (gate.said("connected to"), gate.said("not connected")) == (before, ended), "it was never thrown out"
    gate.start()
    gate.wait_subscribed()
    until(lambda: gate.ledger()["written"] == READINGS * 2, what="what waited while the gateway was away")
    assert gate.said("session resumed") == 1
    assert "client id" not in gate.troubles()
    assert besieged.sent > 6 * len(SERVICES)


@pytest.mark.slow
def test_no_account_learns_the_gateways_client_id_from_the_broker(besieged: Besieged) -> None:
    heard: list[bytes] = []
    with besieged.come("administration", besieged.accounts["administration"], "", tls=False) as root:
        roles: list[dict[str, object]] = [{"command": "createRole", "rolename": "every right", "acls": EVERY_RIGHT}]
        names = [*(name for name in besieged.accounts if name != "administration"), "administration"]
        roles += [{"command": "addClientRole", "username": name, "rolename": "every right", "priority": 9} for name in names]
        root.paho.publish(CONTROL, json.dumps({"commands": roles}))
        until(lambda: root.ends, what="whoever gets another right is thrown out")
    for account, password, tls in [*besieged.doors, ("gateway", besieged.broker.password("gateway"), False)]:
        with besieged.come(account, password, account if account.startswith("wm") else "", tls=tls) as spy:
            spy.subscribe(*EVERYTHING)
            asked: list[dict[str, object]] = [
                {"command": "listClients", "verbose": True},
                {"command": "getClient", "username": "gateway"},
            ]
            asked += [{"command": "listGroups", "verbose": True}, {"command": "listRoles", "verbose": True}]
            spy.publish(CONTROL, json.dumps({"commands": asked}))
            until(lambda spy=spy, tells=account != "gateway": not tells or any(b"listRoles" in each for _, each in spy.heard))
            time.sleep(0.2)
            has_all = account != "gateway"
            assert any(topic.startswith("$SYS/broker/clients") for topic, _ in spy.heard) is has_all, "it hears what few may"
            heard += [topic.encode() + payload for topic, payload in spy.heard]
    assert besieged.secret.encode() not in b"".join(heard)


@pytest.mark.slow
def test_pages_metrics_and_the_gateways_log_do_not_tell_the_client_id(besieged: Besieged) -> None:
    gate = besieged.gate
    told = [gate.ask(path)[1] for path in ("/", "/api/status", "/metrics", "/api/devices", "/healthz")]
    assert gate.command("check", "--connect").returncode == 0
    told += [gate.command("check", "--connect").stdout, gate.command("status").stdout, gate.printed()]
    assert not [text for text in told if besieged.secret in text]
    file = besieged.broker.folder / "gateway" / "gateway.session"
    assert not file.stat().st_mode & 0o007
    file.chmod(0o644)
    assert "mqtt.client_id_file: everybody on this machine may read" in gate.command("check").stderr


def test_each_gateway_has_an_end_of_its_own_and_it_is_long(tmp_path: Path) -> None:
    ends = {
        (SetUpBroker(tmp_path / name, 1, "--replace").folder / "gateway" / "gateway.session").read_text() for name in ("a", "b")
    }
    assert len(ends) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}\n", end) for end in ends), "128 bits: nobody guesses them"
