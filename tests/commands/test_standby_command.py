"""``gateway standby gone``: what it refuses before it asks a broker, and what it tells the broker to forget."""

import json
from pathlib import Path

import mqtt5
import pytest

from gateway.commands.cli import main
from tests.commands.broker import GuestBroker
from tests.rows import each_row


def gone(folder: Path, capsys: pytest.CaptureFixture[str], url: str, standby: object) -> tuple[int, str]:
    """Give the command for the machine a; its exit status and all that it says."""
    file = folder / "gateway.yaml"
    file.write_text(json.dumps({"mqtt": {"url": url, "client_id": "g1", "standby": standby}}))
    status = main(["standby", "gone", "a", "--yes", "-c", str(file)])
    said = capsys.readouterr()
    return status, said.out + said.err


@each_row(
    ("standby", "ends", "said"),
    [
        pytest.param({}, 2, "mqtt.standby.machine: is not set: this gateway stands alone", id="alone"),
        pytest.param({"machine": "a"}, 2, "a is this machine; give the command on the other one", id="itself"),
        pytest.param({"machine": "b"}, 3, "mqtt://127.0.0.1:9: Connection refused", id="no broker"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    standby: dict[str, str], ends: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = gone(tmp_path, capsys, "mqtt://127.0.0.1:9", standby)
    assert (status, told.count("\n"), said in told) == (ends, 1, True), told


def test_the_broker_forgets_the_state_and_the_journal_of_a_lost_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with GuestBroker() as broker:
        status, told = gone(tmp_path, capsys, broker.url, {"machine": "b"})
    assert (status, told) == (0, "a is forgotten; what its journal held is lost, and sums go on without it\n")
    emptied = broker.of_kind(mqtt5.PublishPacket)
    assert {(one.retain, one.payload) for one in emptied} == {(True, b"")}
    topics = {one.topic for one in emptied}
    assert len(topics) == len(emptied) == 2
    (asked,) = broker.of_kind(mqtt5.SubscribePacket)
    assert {one.pattern for one in asked.topic_filters} == topics
    assert all("g1" in topic and topic.split("/")[-2:].count("a") for topic in topics)
    names = {one.client_id for one in broker.of_kind(mqtt5.ConnectPacket)}
    assert len(names) == 2, "it came twice, under names of its own"
    assert "g1" not in names


@each_row(
    ("broker", "said"),
    [
        (GuestBroker(refuses=True), ": the broker refused the subscription "),
        (GuestBroker(ends_at=mqtt5.SubscribePacket), ": the broker closed the connection\n"),
        (GuestBroker(ends_at=mqtt5.ConnectPacket), ": the broker closed the connection before it answered; "),
    ],
)
def test_a_broker_that_refuses_is_told_with_its_address(
    broker: GuestBroker, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with broker:
        status, told = gone(tmp_path, capsys, broker.url, {"machine": "b"})
    assert status == 3
    assert told.startswith(f"{broker.url}{said}"), told


def test_a_broker_that_never_answers_is_waited_for_no_longer_than_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.guest._PATIENCE_S", 0.05)
    monkeypatch.setattr(GuestBroker, "_answer", lambda *_: b"")
    with GuestBroker() as broker:
        status, told = gone(tmp_path, capsys, broker.url, {"machine": "b"})
    assert (status, told) == (3, f"{broker.url}: no answer within 0.05 s; see the rights of the account\n")
