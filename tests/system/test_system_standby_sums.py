"""Registers that step, over take-overs: each step is in the sums once, whichever machine of the pair saw it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.pair import GatewayPair, PairedGateway, pair
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

TOPIC: Final = "iot/v1/s1/water/m1/readings"
ASKED_WITHIN_S: Final = 120.0
"""A machine that may not ask for sums yet, or has no answer, asks again within a minute."""
Stored = list[tuple[float, float | None]]


@pytest.fixture
def machines(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[GatewayPair]:
    with pair(tmp_path, mosquitto, influxdb, keep_alive_s=4) as made:
        yield made


@pytest.fixture
def client(mosquitto: Service) -> Iterator[paho.Client]:
    with client_of(mosquitto) as found:
        yield found


class Meter:
    """A meter that sends a register each minute of its own time, in order, beginning some hours ago."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._time_ms = time.time_ns() // 1_000_000 - 3 * 3_600_000

    def counts(self, machine: PairedGateway, *volumes: float) -> None:
        """Send registers; return when this machine has them, and knows the sums of the meter unless they wait for a journal."""
        for volume in volumes:
            self._time_ms += 60_000
            received = int(machine.gate.ledger()["received"])
            publish(self._client, TOPIC, json.dumps({"ts": self._time_ms, "volume_m3": volume}))
            until(lambda least=received: machine.gate.ledger()["received"] > least, what="it is received")
            until(lambda: not machine.gate.pending("memory"), what="it is written, or in the journal")
            until(lambda: knows_sums(machine), ASKED_WITHIN_S, what="its sums were asked for")


def knows_sums(machine: PairedGateway) -> bool:
    """Tell if the sums of the meter are known, or wait for the journal of the other machine."""
    waits = bool(machine.gate.status()["standby"]["awaited_journals"])
    return waits or all(one["sum"] is not None for one in machine.gate.document("/api/devices/m1")["counters"])


def stored(influxdb: Service) -> Stored:
    """The registers and their sums."""
    rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")
    return [(row["volume_m3"], row["volume_sum_m3"]) for row in rows]


def take_over(live: PairedGateway, standby: PairedGateway) -> None:
    """Kill the live machine, at rest, and wait for the other one."""
    live.gate.kill_at_rest()
    standby.until_role("live")


def test_each_step_is_in_the_sums_once_over_two_take_overs(
    machines: GatewayPair, influxdb: Service, client: paho.Client
) -> None:
    first, second = machines.by_role()
    meter = Meter(client)
    meter.counts(first, 500.0, 500.5, 0.0, 0.1, 0.2)
    take_over(first, second)
    meter.counts(second, 0.3, 0.4, 0.0, 0.1, 0.2)
    first.gate.start()
    first.until_role("passive")
    take_over(second, first)
    meter.counts(first, 0.3, 0.4)
    before: Stored = [(500.0, None), (500.5, 500.5), (0.0, None), (0.1, None), (0.2, 500.7)]
    after: Stored = [(0.3, None), (0.4, 500.9), (0.0, None), (0.1, None), (0.2, 501.1), (0.3, None), (0.4, 501.3)]
    assert stored(influxdb) == before + after, "the first reading at a machine comes before its sums were asked for"


def test_a_step_in_the_journal_of_a_dead_machine_is_in_the_sums_once_when_it_is_back(
    machines: GatewayPair, influxdb: Service, client: paho.Client
) -> None:
    dead, live = machines.by_role()
    meter = Meter(client)
    meter.counts(dead, 500.0, 500.5)
    dead.influxdb.cut()
    meter.counts(dead, 0.0, 0.1, 0.2)
    until(lambda: dead.gate.pending("journal") == 3, what="the step is in its journal alone")
    take_over(dead, live)
    meter.counts(live, 0.3, 0.4)
    assert stored(influxdb) == [(500.0, None), (500.5, 500.5), (0.3, None), (0.4, None)]
    dead.influxdb.heal()
    dead.gate.start()
    dead.until_role("passive")
    until(lambda: not dead.gate.pending("journal"), what="drained")
    until(lambda: not live.gate.status()["standby"]["awaited_journals"], what="told")
    until(lambda: knows_sums(live), ASKED_WITHIN_S, what="sums go on")
    meter.counts(live, 0.5)
    step: Stored = [(0.0, None), (0.1, None), (0.2, 500.7)]
    assert stored(influxdb) == [(500.0, None), (500.5, 500.5), *step, (0.3, None), (0.4, None), (0.5, 501.0)]
    assert live.gate.command("devices", "resum", "m1", "--from", "4h").returncode == 0
    assert stored(influxdb)[-3:] == [(0.3, 500.8), (0.4, 500.9), (0.5, 501.0)], "as the following night does"


def test_a_pair_whose_sums_have_waited_for_three_minutes_is_told_by_a_metric(
    mosquitto: Service, influxdb: Service, client: paho.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their clock runs at twenty times the speed; the metric is 1 until people say that the dead machine is gone."""
    now_ms = time.time_ns() // 1_000_000
    clock = ScaledTime(now_ms, now_ms, 20.0)
    monkeypatch.setenv(VARIABLE, str(clock))
    for name in "ab":
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / PERMIT).touch()

    def waits(machine: PairedGateway) -> int:
        (number,) = re.findall(r"^gateway_waits_for_others (\S+)$", machine.gate.ask("/metrics")[1], re.MULTILINE)
        return int(float(number))

    with pair(tmp_path, mosquitto, influxdb, keep_alive_s=4) as machines:
        dead, live = machines.by_role()
        meter = Meter(client)
        meter.counts(dead, 500.0)
        dead.influxdb.cut()
        meter.counts(dead, 500.5)
        until(lambda: dead.gate.pending("journal") == 1, what="it is in its journal alone")
        dead.gate.kill_at_rest()
        killed_ms = clock.at_ms(time.time_ns())
        live.until_role("live")
        until(lambda: waits(live) == 1, what="told")
        assert clock.at_ms(time.time_ns()) - killed_ms > 180_000
        assert live.gate.command("standby", "gone", dead.name, "--yes").returncode == 0
        until(lambda: waits(live) == 0, what="it ends")
