"""``gateway profiles``: proposals heard at a broker or read from a recording, and templates."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mqtt5
import pytest
import yaml

from gateway.commands.cli import main
from tests.commands.broker import GuestBroker
from tests.commands.stopped import Stopped
from tests.onboarding.proposals.discovered import TASMOTA
from tests.rows import each_row
from tests.site import Site

Propose = Callable[..., str]


@pytest.fixture
def propose(stopped: Stopped, site: Site, monkeypatch: pytest.MonkeyPatch) -> Propose:
    """Propose profiles of what a broker says to who subscribes, in a part of a second."""
    monkeypatch.setattr("gateway.commands.devices.profiles.whole_number", float)

    def give(broker: GuestBroker, *words: str, status: int = 0) -> str:
        site.sections["mqtt"]["url"] = broker.url
        assert site.config
        return stopped.command("profiles", "propose", "--seconds", "0.3", *words, status=status)

    return give


def recording(folder: Path, rows: list[dict[str, Any]]) -> str:
    """A file of these messages."""
    path = folder / "heard.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def packets(rows: list[dict[str, Any]]) -> bytes:
    """The same messages as a broker sends them, acknowledged ones."""
    made = b""
    for number, row in enumerate(rows, start=1):
        text = row["payload"] if isinstance(row["payload"], str) else json.dumps(row["payload"])
        payload, qos = text.encode(), mqtt5.QoS.AT_LEAST_ONCE
        made += mqtt5.PublishPacket(row["topic"], payload=payload, qos=qos, packet_id=number).write()
    return made


def test_what_a_broker_tells_is_what_a_recording_tells(propose: Propose, stopped: Stopped, tmp_path: Path) -> None:
    with GuestBroker(packets(TASMOTA)) as broker:
        heard = list(yaml.safe_load_all(propose(broker)))
    read = list(yaml.safe_load_all(stopped.command("profiles", "propose", "--jsonl", recording(tmp_path, TASMOTA))))
    assert [one["points"] for one in heard] == [one["points"] for one in read] != []
    first, *others = [[one.pattern for one in asked.topic_filters] for asked in broker.of_kind(mqtt5.SubscribePacket)]
    assert first == ["homeassistant/+/+/config", "homeassistant/+/+/+/config"]
    states = [topic for topics in others for topic in topics]
    assert len(states) == len(set(states)) > 0
    assert len([one for one in broker.came if isinstance(one, mqtt5.PubAckPacket)]) >= len(TASMOTA)
    assert isinstance(broker.came[-1], mqtt5.DisconnectPacket)


def test_a_file_is_written_for_its_owner_alone_and_never_over_another(stopped: Stopped, tmp_path: Path) -> None:
    out = tmp_path / "new.yaml"
    words = ("profiles", "propose", "--jsonl", recording(tmp_path, TASMOTA), "--out")
    assert stopped.command(*words, str(out)) == ""
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().startswith(
        "# Drafted by gateway profiles propose from what devices tell Home Assistant. NOT active:"
    )
    assert stopped.command(*words, str(out), status=2) == f"{out}: --out: exists already; give another name\n"
    inside = tmp_path / "profiles" / "x.yaml"
    assert "is where the gateway would activate it at its next reload" in stopped.command(*words, str(inside), status=2)
    assert "--out: there is no folder /none\n" in stopped.command(*words, "/none/x.yaml", status=2)


def test_without_descriptions_there_is_no_profile(stopped: Stopped, tmp_path: Path) -> None:
    said = stopped.command("profiles", "propose", "--jsonl", recording(tmp_path, [{"topic": "a", "payload": "1"}]), status=1)
    assert said.startswith("0 configurations under homeassistant/, messages on 1 topics; 0 profiles proposed, 0 things not")
    said = stopped.command("profiles", "propose", "--prefix", "ha", "--jsonl", recording(tmp_path, TASMOTA), status=1)
    assert said.startswith("0 configurations under ha/, ")


@each_row(
    ("broker", "said"),
    [
        (GuestBroker(refuses=True), "subscription homeassistant/+/+/config refused: not authorized; "),
        (GuestBroker(ends_at=mqtt5.SubscribePacket), "the broker closed the connection\n"),
    ],
)
def test_a_broker_that_refuses_is_told_with_its_address(propose: Propose, broker: GuestBroker, said: str) -> None:
    with broker:
        told = propose(broker, status=3)
    assert told.startswith(f"{broker.url}: {said}")


def test_a_broker_that_is_away_or_silent_is_told(
    propose: Propose, stopped: Stopped, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.sections["mqtt"]["url"] = "mqtt://127.0.0.1:9"
    assert site.config
    assert stopped.command("profiles", "propose", status=3).startswith("mqtt://127.0.0.1:9: ")
    monkeypatch.setattr("gateway.commands.devices.profiles._PATIENCE_S", 0.05)
    monkeypatch.setattr(GuestBroker, "_answer", lambda *_: b"")
    with GuestBroker() as broker:
        assert propose(broker, status=3) == f"{broker.url}: no answer within 0.05 s\n"


def test_templates_are_listed_printed_and_named_where_one_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "template"]) == 0
    names = capsys.readouterr().out.split()
    assert names == sorted(names)
    assert main(["profiles", "template", names[0]]) == 0
    assert "profile:" in capsys.readouterr().out
    assert main(["profiles", "template", "none"]) == 2
    assert capsys.readouterr().err == f"NAME: there is no template none; there are {', '.join(names)}\n"
