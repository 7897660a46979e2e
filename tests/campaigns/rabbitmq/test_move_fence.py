"""The patience of a move: no sum is written across what waits at the old gateway, and it leaves when all of that is stored."""

import json
from collections import Counter
from http import HTTPStatus
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from schemas.quantities import Quality
from tests.campaigns.rabbitmq.moving import NEW, OLD, SITE, Pair, now_ms, pair, reload
from tests.campaigns.rig.link import Link
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Document
from tests.waiting import until

pytestmark = pytest.mark.real

BESIDE = "beside"
"""A site that nobody had before, and that comes to the new gateway together with the other one."""
SHARES: Document = {"gateways": [OLD, NEW], "shares": [{"site": site, "gateway": NEW} for site in (SITE, BESIDE)]}
PATIENCE_S = 300.0


def topic(device: str, site: str = SITE) -> str:
    return f"iot/v1/{site}/water/{device}/readings"


def stored(influxdb: Service, device: str) -> dict[float, float | None]:
    """Register → sum, of all that stands in the database of a meter."""
    rows = query(influxdb.url, "iot", f"SELECT volume_m3, volume_sum_m3 FROM water WHERE device = '{device}'")  # noqa: S608
    return {row["volume_m3"]: row["volume_sum_m3"] for row in rows}


class Meter:
    """A meter that shows a register each minute of its own time, beginning an hour ago."""

    def __init__(self, client: paho.Client, influxdb: Service) -> None:
        self._client = client
        self._influxdb = influxdb
        self._time_ms = now_ms() - 3_600_000

    def shows(self, *registers: float) -> None:
        """Send registers."""
        for register in registers:
            self._time_ms += 60_000
            publish(self._client, topic("m1"), json.dumps({"ts": self._time_ms, "volume_m3": register}))

    def is_stored(self, *registers: float) -> None:
        """Send registers; return when they are stored."""
        self.shows(*registers)
        until(lambda: set(registers) <= set(stored(self._influxdb, "m1")), what=f"{registers} are stored")


def has_sum(gates: Pair, device: str, *, new: bool) -> bool:
    status, body = (gates.new if new else gates.old).ask(f"/api/devices/{device}")
    counters = json.loads(body)["counters"] if status == HTTPStatus.OK else []  # until the first message is there it is unknown
    return bool(counters) and counters[0]["sum"] is not None


def test_no_sum_is_written_across_a_step_that_waits_at_the_old_gateway(influxdb: Service, tmp_path: Path) -> None:
    """The old one hangs, and with it the reset of a meter. The new one asks for sums, but not for those."""
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        meter = Meter(client, influxdb)
        meter.is_stored(500.0)
        until(lambda: has_sum(gates, "m1", new=False), what="its sums are known")
        meter.is_stored(500.5)
        gates.old.pause()
        meter.shows(0.0, 0.1, 0.2)
        reload(gates.new, SHARES)
        until(lambda: gates.told(NEW) is Stage.TAKING_OVER, what="the new one reads")
        meter.is_stored(0.3, 0.4, 0.5)
        publish(client, topic("c1", BESIDE), '{"volume_m3": 7}')
        until(lambda: has_sum(gates, "c1", new=True), what="sums were asked for since")
        meter.is_stored(0.6, 0.7, 0.8)
        assert stored(influxdb, "m1") == {500.0: None, 500.5: 500.5} | dict.fromkeys([0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
        gates.old.resume()
        reload(gates.old, SHARES)
        gates.holds(NEW)
        assert gates.told(OLD) is Stage.LEFT
        sums = {0.2: 500.7, 0.3: 500.8, 0.4: 500.9, 0.5: 501.0, 0.6: 501.1, 0.7: 501.2, 0.8: 501.3}
        expected = {500.0: None, 500.5: 500.5, 0.0: None, 0.1: None} | sums
        until(lambda: stored(influxdb, "m1") == expected, what="all have their sums")


@pytest.mark.slow
def test_readings_that_both_gateways_stamp_do_not_replace_each_other(influxdb: Service, tmp_path: Path) -> None:
    """The old one stamps what waited, one reading a millisecond, far into the time in which the new one stamps what comes."""
    waiting, coming = 20_000, 50
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        gates.old.pause()
        sent = [client.publish(topic("n1"), f'{{"seq": {number}, "flow_m3_h": 1}}', qos=1) for number in range(waiting)]
        for one in sent:
            one.wait_for_publish(PATIENCE_S)
        reload(gates.new)
        until(lambda: gates.told(NEW) is Stage.TAKING_OVER, what="the new one reads")
        gates.old.resume()
        until(lambda: gates.old.ledger()["received"] > waiting / 20, what="the old one is at work")
        for number in range(waiting, waiting + coming):
            publish(client, topic("n1"), f'{{"seq": {number}, "flow_m3_h": 1}}')
        reload(gates.old)
        until(lambda: gates.told(OLD) is Stage.LEFT, PATIENCE_S, what="the old one is empty")
        gates.holds(NEW)
    rows = query(influxdb.url, "iot", "SELECT seq, quality FROM water WHERE device = 'n1'")
    twice = range(waiting, waiting + coming)
    assert Counter(row["seq"] for row in rows) == Counter([*range(waiting), *twice, *twice]), "all stand"
    # More are marked if the old one was away for so long that the broker handed out again what it had been given.
    unmarked = Counter(row["seq"] for row in rows if not row["quality"] & Quality.MAY_STAND_TWICE)
    assert all(unmarked[seq] <= 1 for seq in twice), "one of two is marked"


def behind_a_link(link: Link, **influxdb: object) -> dict[str, Document]:
    """The settings of a gateway that reaches the database over a link."""
    return {"influxdb": {"url": link.url("http"), "api": "v1", **influxdb}}


def send(client: paho.Client, number: int) -> None:
    """Send so many readings of a sensor."""
    for seq in range(number):
        publish(client, topic("n1"), json.dumps({"ts": now_ms() - 1_000_000 + seq, "seq": seq, "flow_m3_h": seq % 97 / 7}))


def assert_left_when_all_is_stored(gates: Pair, number: int) -> None:
    """Move the site; check that the old gateway says that it has left once all is stored."""
    for gate in (gates.old, gates.new):
        reload(gate)
    until(lambda: gates.told(OLD) is Stage.LEFT, PATIENCE_S, what="the old one is empty")
    rows = query(gates.influxdb.url, "iot", "SELECT count(seq) FROM water WHERE device = 'n1'")
    assert [row["count"] for row in rows] == [number]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gateway_says_that_it_left_when_its_queue_is_stored(influxdb: Service, tmp_path: Path) -> None:
    with (
        Link(influxdb) as link,
        pair(tmp_path, influxdb, behind_a_link(link) | {"mqtt": {"receive_maximum": 1}}) as gates,
        client_of(gates.broker) as client,
    ):
        link.delay(0.05)
        send(client, 300)
        assert_left_when_all_is_stored(gates, 300)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gateway_says_that_it_left_when_its_journal_is_stored(influxdb: Service, tmp_path: Path) -> None:
    with (
        Link(influxdb) as link,
        pair(tmp_path, influxdb, behind_a_link(link, max_bytes_per_s=1000)) as gates,
        client_of(gates.broker) as client,
    ):
        link.cut()
        send(client, 2000)
        until(lambda: gates.old.pending("journal") == 2000, what="all is in the journal")
        link.heal()
        assert_left_when_all_is_stored(gates, 2000)
