"""Alarms while a site moves: about values, which each gateway judges for itself, and about silence, which one tells for all."""

import json
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.rabbitmq.moving import NEW, OLD, SITE, pair, reload
from tests.firmware_sim.listener import listening
from tests.monitoring.alarms.receiver import ToldServer
from tests.system.alarming import active, history, leaking
from tests.system.fleet import client_of, publish
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_S = 120.0
SPEED = 20.0


def register(folder: Path, *devices: str) -> None:
    """Write the registry of both gateways: devices of the site that send each minute."""
    entries = [{"id": name, "site": SITE, "domain": "water", "interval": "1min"} for name in devices]
    for name in (OLD, NEW):
        (folder / name / "data").mkdir(parents=True)
        (folder / name / "devices.yaml").write_text(json.dumps({"devices": entries}))


def topic(device: str, channel: str = "readings") -> str:
    return f"iot/v1/{SITE}/water/{device}/{channel}"


def test_all_who_are_told_of_a_value_know_in_the_end_what_the_new_gateway_sees(influxdb: Service, tmp_path: Path) -> None:
    """The leak of one meter goes on at the new gateway, which tells of it first; that of the other is not seen there."""
    register(tmp_path, "leaks", "leaked")
    with (
        ToldServer() as receiver,
        pair(tmp_path, influxdb, alarms={"webhook": receiver.url, "mqtt": True}) as gates,
        client_of(gates.broker) as client,
        listening(gates.broker.host, gates.broker.port, topic("leaks", "alarms")) as lists,
    ):

        def told(device: str) -> list[str]:
            found = [body for body in receiver.taken if body["id"] == f"leak@{device}"]
            return [body["change"] for body in found if body["change"] != "overdue"]

        def lengths() -> list[int]:
            """The number of alarms in each list that the display was sent."""
            return [len(json.loads(payload)) for _, payload in lists.messages]

        for name in ("leaks", "leaked"):
            publish(client, topic(name), leaking())
            until(lambda name=name: told(name) == ["raised"], what="the old one has raised it")
        gates.old.pause()
        reload(gates.new)
        until(lambda: gates.told(NEW) is Stage.TAKING_OVER, what="the new one reads")
        publish(client, topic("leaks"), leaking())
        until(lambda: told("leaks") == ["raised", "raised"], what="the new one raises it while the old one has not left")
        gates.old.resume()
        reload(gates.old)
        gates.holds(NEW, PATIENCE_S)
        until(lambda: told("leaks") == ["raised", "raised", "cleared", "raised"], PATIENCE_S, what="it is told once more")
        until(lambda: told("leaked") == ["raised", "cleared"], what="the other one is over")
        assert (list(active(gates.old)), list(active(gates.new))) == ([], ["leak@leaks"])
        until(lambda: lengths() in ([1, 1, 0, 1], [1, 0, 1]), what="the device's display has it in the end")
        publish(client, topic("leaks"), leaking(leaks=False))
        until(lambda: told("leaks")[-1] == "cleared", what="it ends")
        until(lambda: lengths()[-1] == 0, what="the list ends too")
        publish(client, topic("leaked"), leaking())
        until(lambda: "leak@leaked" in active(gates.new), what="the other one begins again at the new one")


@pytest.mark.parametrize("leader", [OLD, NEW])
def test_a_device_that_is_silent_while_its_site_moves_is_told_once_by_the_leader(
    influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leader: str
) -> None:
    clock = ScaledTime(time.time_ns() // 1_000_000, time.time_ns() // 1_000_000, SPEED)
    monkeypatch.setenv(VARIABLE, str(clock))
    register(tmp_path, "quiet")
    for name in (OLD, NEW):
        (tmp_path / name / "data" / PERMIT).touch()
    with pair(tmp_path, influxdb, mqtt={"share_leader": leader}) as gates, client_of(gates.broker) as client:
        leads, follows = (gates.old, gates.new) if leader == OLD else (gates.new, gates.old)

        def speak() -> None:
            publish(client, topic("quiet"), json.dumps({"ts": clock.at_ms(time.time_ns()), "flow_m3_h": 1}))

        def told() -> list[str]:
            assert not active(follows), "the leader alone tells"
            return [change for change in history(leads) if not change.startswith("overdue")]

        speak()
        until(lambda: gates.old.ledger()["written"] == 1, what="the old one heard it")
        until(lambda: told() == ["raised device_silent@quiet"], PATIENCE_S, what="it is silent")
        for gate in (gates.old, gates.new):
            reload(gate)
        gates.holds(NEW)
        moved_ms = clock.at_ms(time.time_ns())
        until(lambda: clock.at_ms(time.time_ns()) > moved_ms + 180_000, what="further rounds")
        assert told() == ["raised device_silent@quiet"]
        speak()
        until(lambda: gates.new.ledger()["written"] == 1, what="the new one heard it")
        until(lambda: told()[1:2] == ["cleared device_silent@quiet"], PATIENCE_S, what="it speaks again")
        until(lambda: told()[2:] == ["raised device_silent@quiet"], PATIENCE_S, what="it is silent again")
        assert history(follows) == []
