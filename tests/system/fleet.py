"""Devices that publish numbered native readings at a steady rate and remember what the broker acknowledged."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.rig import Document, Gateway
from tests.waiting import PATIENCE_S, until

TICK_S = 0.02
_IN_FLIGHT_MAX = 30_000
"""Identifiers begin again after 65,535: where the broker is too slow for the rate, the fleet is as slow."""
FIELDS = ("volume_m3", "flow_m3_h")


@dataclass(frozen=True)
class Sent:
    """A reading on its way: its device, number, time (None: the device has no clock) and values."""

    device: str
    seq: int
    ts: int | None
    values: dict[str, float]

    @property
    def topic(self) -> str:
        """The topic of its readings."""
        return f"iot/v1/site/water/{self.device}/readings"

    @property
    def payload(self) -> str:
        """As the device writes it."""
        time_of_device = {} if self.ts is None else {"ts": self.ts}
        return json.dumps({**time_of_device, "seq": self.seq, **self.values})


class Fleet:
    """Publishes in a thread of its own until stopped; reconnects, and sends again what was not acknowledged.

    :ivar sent: all readings ever handed to the client, by message.
    :ivar acknowledged: those of them whose PUBACK was seen.
    :ivar longest_wait_s: the longest time without a PUBACK, from the first to the newest.
    """

    def __init__(self, broker: Service, *, devices: int = 20, rate: int = 500, clocks: bool = True, name: str = "m") -> None:
        self._names = [f"{name}{number}" for number in range(devices)]
        self._rate = rate
        self._clocks = clocks
        self.sent: list[Sent] = []
        self.acknowledged: list[Sent] = []
        self.longest_wait_s = 0.0
        self._answered_s: float | None = None
        self._flying: dict[int, Sent] = {}
        self._early: set[int] = set()  # acknowledged before publish() told its identifier
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="fleet")
        self._last_ts: dict[str, int] = defaultdict(int)
        self._client = connect(broker, f"fleet-{name}", clean=False)
        self._client.on_publish = lambda _client, _data, mid, *_: self._puback(mid)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop publishing; wait until the broker has acknowledged everything."""
        self.stop()

    def stop(self, within_s: float = PATIENCE_S) -> None:
        """The same; a second time it does nothing."""
        self._stopping.set()
        self._thread.join()
        deadline_s = time.monotonic() + within_s
        while len(self.acknowledged) < len(self.sent) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    def _work(self) -> None:
        begun_s = time.monotonic()
        while not self._stopping.wait(TICK_S):
            due = int((time.monotonic() - begun_s) * self._rate)
            while len(self.sent) < due and len(self._flying) < _IN_FLIGHT_MAX:
                self._publish(self._next())

    def _next(self) -> Sent:
        seq, at = divmod(len(self.sent), len(self._names))
        device = self._names[at]
        self._last_ts[device] = max(self._last_ts[device] + 1, time.time_ns() // 1_000_000)
        ts = self._last_ts[device] if self._clocks else None
        values = {"volume_m3": 1000.0 + seq / 1000, "flow_m3_h": (seq * 7 + at) % 500 / 4}
        if seq % 10 == 0:
            values["battery_pct"] = float(seq % 97)
        return Sent(device, seq, ts, values)

    def _publish(self, reading: Sent) -> None:
        self.sent.append(reading)
        mid = self._client.publish(reading.topic, reading.payload, qos=1).mid
        with self._lock:
            self._flying[mid] = reading
            was_early = mid in self._early
            self._early.discard(mid)
        if was_early:
            self._puback(mid)

    def _puback(self, mid: int) -> None:
        with self._lock:
            reading = self._flying.pop(mid, None)
            if reading is None:
                self._early.add(mid)
            else:
                self.acknowledged.append(reading)
                now_s = time.monotonic()
                self.longest_wait_s = max(self.longest_wait_s, now_s - (self._answered_s or now_s))
                self._answered_s = now_s


def connect(broker: Service, name: str = "", *, clean: bool = True) -> paho.Client:
    """A connected client whose loop runs."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
    client.max_inflight_messages_set(1000)
    client.reconnect_delay_set(1, 1)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert connected.wait(PATIENCE_S)
    return client


@contextmanager
def client_of(broker: Service) -> Iterator[paho.Client]:
    """A client for a few messages."""
    client = connect(broker)
    yield client
    client.disconnect()
    client.loop_stop()


def publish(client: paho.Client, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
    """Publish at QoS 1 and wait for the broker's PUBACK."""
    sent = client.publish(topic, payload, qos=1, retain=retain)
    sent.wait_for_publish(PATIENCE_S)
    assert sent.is_published()


def publish_all(client: paho.Client, messages: Iterable[tuple[str, bytes | str]]) -> None:
    """Publish many at once and wait for the broker's PUBACKs."""
    for sent in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
        sent.wait_for_publish(PATIENCE_S)


Points = dict[tuple[str, int], list[dict[str, object]]]


def points(influxdb: Service, measurement: str = "water") -> Points:
    """All points of InfluxDB that devices sent, by device and ``seq``; what the gateway itself says of them has none."""
    found: Points = defaultdict(list)
    for row in query(influxdb.url, "iot", f"SELECT * FROM {measurement}"):  # noqa: S608 - a name of ours
        if row["seq"] is not None:
            found[str(row["device"]), int(str(row["seq"]))].append(row)
    return found


def wait_settled(gate: Gateway, broker: Service, within_s: float = PATIENCE_S) -> Document:
    """Wait until all that the broker acknowledged so far reached the gateway and came to its end; the ledger then.

    The broker keeps the order: what was published before a device's status has arrived when that device is known.
    """
    marker = f"marker-{time.monotonic_ns()}"
    with client_of(broker) as client:
        publish(client, f"iot/v1/site/water/{marker}/status", '{"state": "online"}')
    until(lambda: f'"{marker}"' in gate.ask("/api/devices")[1], within_s, what="all arrived")
    until(lambda: gate.status()["mqtt"]["unacknowledged"] == 0, within_s, what="codecs have answered")
    until(lambda: not any(gate.ledger()["pending"].values()), within_s, what="settled")
    return gate.ledger()


def assert_each_stands_once(influxdb: Service, fleet: Fleet) -> None:
    """Check that InfluxDB holds every reading the broker acknowledged exactly once, as it was sent, and nothing else."""
    found, health = points(influxdb), points(influxdb, "device_health")
    missing = [reading for reading in fleet.acknowledged if len(found.get((reading.device, reading.seq), ())) != 1]
    assert not missing, f"{len(missing)} of {len(fleet.acknowledged)} stand not once, first {missing[0]}"
    sent = {(reading.device, reading.seq): reading for reading in fleet.sent}
    assert fleet.acknowledged
    assert not set(found) - set(sent)
    for key, rows in found.items():
        reading = sent[key]
        assert [row["time"] for row in rows] == [reading.ts]
        assert {name: rows[0][name] for name in FIELDS} == {name: reading.values[name] for name in FIELDS}
        assert rows[0]["quality"] == 0, rows
        battery = [row["battery_pct"] for row in health.get(key, ())]
        assert battery == [value for name, value in reading.values.items() if name == "battery_pct"]


def post(service: Service, target: str, body: str = "") -> int:
    """The status of a POST."""
    with closing(HTTPConnection(service.host, service.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", target, body)
        return connection.getresponse().status
