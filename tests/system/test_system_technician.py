"""The technician's device against a running gateway: each fault is played, and its fate stands on the screen at once."""

import hashlib
import json
import re
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from firmware_sim.cli import main
from firmware_sim.technician.pinned import UntrustedBroker, pinned_context
from gateway.commands.demo.services import Service
from schemas.enrolment import Enrolment
from tests.influx import query
from tests.system.brokers import Authority, guarded, password_entry
from tests.system.rig import Document, Gateway, gateway
from tests.system.terminal import Terminal, has_tmux
from tests.waiting import until

pytestmark = pytest.mark.real

AT_ONCE_S = 1.0
"""So soon a message's fate must stand on the screen."""
SCREEN = pytest.mark.skipif(not has_tmux(), reason="tmux is not installed")

Played = tuple[str, str, str]
"""Keys, the last message's kind, and what must have become of it."""

ROW: Final = re.compile(r" *\d+ +\d\d:\d\d:\d\d ")
SHORT: list[Played] = [
    ("s", "reading", "taken: water [simulated] Flow"),
    ("l s", "reading", "taken: water [simulated] Leak alarm"),
    ("g", "garbage: cut short", "refused: broken JSON: not JSON"),
    ("d s", "reading", "taken: water [time of the gateway, not of the device, simulated]"),
    ("d c s", "reading", "taken: water [simulated]"),
    ("s", "reading", "refused: two different readings of one instant: another reading of sim-W-1"),
]
LONG: list[Played] = [
    *SHORT,
    ("c b s", "reading", "Leak alarm, Burst alarm"),
    ("l b v s", "reading", "Backflow alarm"),
    ("v g", "garbage: garbage frame", "refused: not UTF-8 text: byte"),
    ("w", "bad value: Flow above its bound", "taken: water [a value was dropped, simulated]"),
    ("r", "repeat: Flow above its bound", "duplicate, it stands once"),
    ("y s", "reading", "taken: water [historic, it came late, simulated]"),
    ("y x", "reading", "taken: water [simulated]"),
    ("o", "reading", "taken: water [simulated]"),
    ("t s", "reading", "device_health [simulated]"),
]


def command(broker: str, gate: Gateway, *more: str) -> list[str]:
    """The words of a device that sends only when told."""
    words = ["--language", "en", "--interval", "0", "--broker", broker, "--gateway", gate.url]
    return [sys.executable, "-m", "firmware_sim.cli", "device", *words, *more]


def play(terminal: Terminal, plays: list[Played]) -> None:
    """Press the keys of each, and see its fate in time."""
    terminal.wait("connected")
    for keys, kind, became in plays:
        before = len(rows(terminal))
        for key in keys.split():
            terminal.press(key)
        until(lambda before=before: len(rows(terminal)) > before, what=f"{keys} is sent")
        until(lambda kind=kind, became=became: is_last(terminal, kind, became), AT_ONCE_S, what=f"{keys}: {kind}: {became}")


def lose_network(terminal: Terminal) -> None:
    """Store two readings while there is no network, and see what becomes of them."""
    terminal.press("c", "n")  # its clock runs again
    terminal.wait("no network, 0 messages stored", within_s=AT_ONCE_S)
    terminal.press("s", "s")
    terminal.wait("no network, 2 messages stored", within_s=AT_ONCE_S)
    before = len(rows(terminal))
    terminal.press("n")
    until(lambda: len(rows(terminal)) > before, what="it has connected again and sends what it stored")
    until(lambda: is_last(terminal, "2 stored readings", "taken: water [simulated]"), what="2 stored readings")


def rows(terminal: Terminal) -> list[str]:
    """The rows of the table of messages: a number and a time; the text below the table may begin with a number too."""
    return [line for line in terminal.lines() if ROW.match(line)]


def is_last(terminal: Terminal, kind: str, became: str) -> bool:
    """Tell if the newest message is of that kind, and became that."""
    last = rows(terminal)[-1]
    return f"  {kind}  " in last and became in last


@SCREEN
def test_each_fault_that_is_played_shows_what_became_of_it_within_a_second(
    gate: Gateway, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with Terminal(tmp_path, command(mosquitto.url, gate, "water")) as terminal:
        play(terminal, SHORT)
        lose_network(terminal)
        terminal.press("q")
        until(terminal.has_ended)
    until(lambda: len(query(influxdb.url, "iot", "SELECT volume_m3 FROM water")) >= 6)
    assert gate.ledger()["rejected"] >= 2


@SCREEN
@pytest.mark.slow
def test_every_fault_of_water_and_power_shows_what_became_of_it(gate: Gateway, mosquitto: Service, tmp_path: Path) -> None:
    with Terminal(tmp_path, command(mosquitto.url, gate, "water")) as terminal:
        play(terminal, LONG)
    with Terminal(tmp_path, command(mosquitto.url, gate, "power", "--language", "vi")) as terminal:
        terminal.wait("đã nối")
        terminal.press("p", "s")
        terminal.wait("số đo", "đã nhận: power [mô phỏng] Báo mất pha", within_s=AT_ONCE_S)


@SCREEN
@pytest.mark.slow
def test_a_gateway_that_refuses_simulated_devices_or_quarantines_strangers_is_said_so(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    cases: list[tuple[Document, list[str], str]] = [
        ({"limits": {"simulated": "reject"}}, [], "The gateway refuses all simulated devices"),
        ({"limits": {"simulated": "reject"}, "devices": {"unknown": "quarantine"}}, [], "The messages wait: the device is not"),
        ({"devices": {"unknown": "quarantine"}}, ["--id", "wm-1", "--as-real"], "The messages wait: the device is not"),
    ]
    for number, (sections, words, said) in enumerate(cases):
        with gateway(tmp_path / f"gateway{number}", mosquitto.url, influxdb.url, **sections) as gate:
            gate.wait_subscribed()
            with Terminal(tmp_path, command(mosquitto.url, gate, "water", *words), columns=80, lines=24) as terminal:
                terminal.wait("connected")
                terminal.press("s")
                terminal.wait(said, within_s=AT_ONCE_S)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Service, Authority, Service]]:
    """A broker that speaks TLS and wants a password, its authority, and its door for the gateway."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("broker")
    chain = tmp_path / "chain.crt"
    chain.write_text(certificate.read_text() + authority.certificate.read_text())
    (tmp_path / "passwords").write_text(password_entry("wm-1", "s:cret"))
    tls = [f"certfile {chain}", f"keyfile {key}"]
    rules = ["allow_anonymous false", f"password_file {tmp_path / 'passwords'}"]
    broker = guarded(tmp_path / "locked", *tls, *rules)
    with broker.service:
        yield broker.service, authority, broker.devices


def fingerprint(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


def test_an_enrolment_reaches_the_broker_by_the_fingerprint_of_its_authority(
    locked: tuple[Service, Authority, Service], influxdb: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker, authority, door = locked
    topic = "iot/v1/s1/water/sim-W-1/readings"
    line = Enrolment("wm-1", "s:cret", broker.host, broker.port, topic, fingerprint(authority.certificate))
    inside = f"mqtt://{door.host}:{door.port}"
    with gateway(tmp_path / "gateway", inside, influxdb.url) as gate:
        gate.wait_subscribed()
        words = ["device", "--from-qr", str(line), "--gateway", gate.url, "--language", "en", "--send", "2", "--interval", "1"]
        assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["taken: water [simulated]" in text for text in said] == [True, True, False]


def test_a_broker_of_another_authority_gets_no_password(
    locked: tuple[Service, Authority, Service], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker, authority, _ = locked
    other = fingerprint(Authority(tmp_path / "other").certificate)
    with pytest.raises(UntrustedBroker, match=r"presents 2 certificate\(s\), none with the fingerprint"):
        pinned_context(broker.host, broker.port, other)
    line = Enrolment("wm-1", "s:cret", broker.host, broker.port, "iot/v1/s1/water/sim-W-1/readings", other)
    assert main(["device", "--from-qr", str(line), "--send", "1"]) == 2
    assert "cat broker.crt ca.crt" in capsys.readouterr().err
    assert json.dumps("s:cret") not in broker.log.read_text()
    assert pinned_context(broker.host, broker.port, fingerprint(authority.certificate)).check_hostname
