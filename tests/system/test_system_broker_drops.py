"""One client floods the broker: what the shipped limits spare the others, and the alarm where they do not."""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.admin.broker.configuration import province_conf
from gateway.commands.demo.services import MQTT_CONNACK, MQTT_CONNECT, Service
from tests.system.door import Deed, Door, Forward
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.real

READINGS = 40
GIGABIT_BYTES_S = 118_000_000
"""What is left of it for data."""
FLOOD_S = 4.0
TOPIC = b"iot/v1/site/water/flood/readings"


def limit_bytes() -> int:
    """The largest packet that the shipped settings let in."""
    (found,) = re.findall(r"^max_packet_size (\d+)$", province_conf(), re.MULTILINE)
    return int(found)


def packet(payload_bytes: int) -> bytes:
    """A PUBLISH at QoS 1 that is not a reading."""
    body = struct.pack(">H", len(TOPIC)) + TOPIC + b"\0\1" + b"z" * payload_bytes
    length, rest = b"", len(body)
    while rest:
        rest, low = divmod(rest, 128)
        length += bytes([low | (128 if rest else 0)])
    return b"\x32" + length + body


@contextmanager
def attacker(broker: Service) -> Iterator[socket.socket]:
    """A client that need not wait for any PUBACK."""
    with socket.create_connection((broker.host, broker.port), timeout=PATIENCE_S) as connection:
        connection.sendall(MQTT_CONNECT)
        assert connection.recv(4) == MQTT_CONNACK
        yield connection


def flood(broker: Service, payload_bytes: int, messages: int) -> None:
    """Publish so many messages; who is thrown out comes again, as often as there are messages."""
    data, left = packet(payload_bytes), messages
    while left:
        with attacker(broker) as connection, suppress(OSError):  # also ENOTCONN, where the broker was quicker
            while left:
                left -= 1
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


@contextmanager
def gigabit(broker: Service) -> Iterator[None]:
    """Somebody sends the largest messages that are let in, as many as such a network carries."""
    data, over = packet(limit_bytes() - len(TOPIC) - 100), threading.Event()

    def send() -> None:
        with attacker(broker) as connection:
            begun_s, sent_bytes = time.monotonic(), 0
            while not over.wait(begun_s + sent_bytes / GIGABIT_BYTES_S - time.monotonic()):
                connection.sendall(data)
                sent_bytes += len(data)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        over.set()
        sending.join()


def neighbours_readings(broker: Service, first: int) -> None:
    """A quiet device sends some readings, each confirmed by the broker."""
    with client_of(broker) as client:
        for seq in range(first, first + READINGS // 2):
            reading = {"ts": time.time_ns() // 1_000_000 - 60_000 + 1000 * seq, "seq": seq, "flow_m3_h": seq}
            publish(client, "iot/v1/site/water/quiet/readings", json.dumps(reading))


@pytest.mark.parametrize(
    ("over_bytes", "messages"),
    [
        pytest.param(-100, 350, id="as-large-as-may-be"),
        pytest.param(110_000, 400, id="larger"),
    ],
)
def test_with_the_shipped_limits_a_flood_of_large_messages_costs_a_neighbour_nothing(
    gate: Gateway, mosquitto: Service, over_bytes: int, messages: int
) -> None:
    """The largest that may be, at 100 Mbit/s for seven seconds; or 370 kB a message, more than the queue would hold."""
    gate.terminate()
    neighbours_readings(mosquitto, 0)
    flood(mosquitto, limit_bytes() - len(TOPIC) + over_bytes, messages)
    neighbours_readings(mosquitto, READINGS // 2)
    gate.start()
    gate.wait_subscribed()
    until(lambda: gate.ledger()["written"] == READINGS)
    assert "dropped" not in gate.troubles()
    assert ("oversize packet" in mosquitto.log.read_text()) == (over_bytes > 0)


def away(influxdb: Service, _: Door) -> None:
    influxdb.stop()


def late(_: Service, door: Door) -> None:
    def answer_late(__: str) -> Deed:
        time.sleep(0.3)
        return Forward()

    door.deed = answer_late


@pytest.mark.slow
@pytest.mark.parametrize("hamper", [away, late])
def test_a_gigabit_of_large_messages_costs_no_neighbour_a_reading_while_the_gateway_runs(
    gate_behind_door: Gateway, mosquitto: Service, influxdb: Service, door: Door, hamper: Callable[[Service, Door], None]
) -> None:
    """Confirmations come late where InfluxDB does not answer at once; so long the broker must keep what comes."""
    hamper(influxdb, door)
    with Fleet(mosquitto, rate=50) as fleet, gigabit(mosquitto):
        until(lambda: len(fleet.acknowledged) >= 50 * FLOOD_S, 30.0)
    influxdb.start()
    influxdb.wait_ready()
    wait_settled(gate_behind_door, mosquitto, 60.0)
    assert_each_stands_once(influxdb, fleet)
    assert gate_behind_door.ledger()["rejected"] > 1000, "it was a flood"


def test_what_the_broker_drops_while_the_gateway_is_away_is_an_alarm(
    stock_mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """It keeps 1,000 messages, and confirms all."""
    with (stock_mosquitto.folder / "mosquitto.conf").open("a") as conf:
        conf.write("sys_interval 1\n")
    stock_mosquitto.stop()
    stock_mosquitto.start()
    stock_mosquitto.wait_ready()
    with gateway(tmp_path / "gateway", stock_mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        assert gate.troubles() == ""
        until(lambda: "broker_dropped" in kept_names(gate), what="the count is saved")
        gate.terminate()
        flood(stock_mosquitto, 100, 1500)
        gate.start()
        gate.wait_subscribed()
        until(lambda: re.search(r"it dropped 5\d\d messages", gate.troubles()), what="the alarm")
        assert re.search(r"^gateway_broker_dropped_total 5\d\d\.0$", gate.ask("/metrics")[1], re.MULTILINE)
        told = map(int, re.findall(r"the broker dropped (\d+) ", gate.printed()))
        assert 500 <= sum(told) < 600, "each once, however many the broker told of at a time"
        until(lambda: gate.ledger()["rejected"] == 1000)
        assert gate.ledger()["received"] == 1000, "the broker's count is in no ledger"


def kept_names(gate: Gateway) -> str:
    """The names of what the gateway keeps on its disk."""
    return gate.journal.read_bytes().decode("latin-1") + wal_of(gate)


def wal_of(gate: Gateway) -> str:
    wal = gate.journal.with_name("journal.db-wal")
    return wal.read_bytes().decode("latin-1") if wal.exists() else ""
