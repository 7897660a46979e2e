"""A gateway gets another client id: all that waited under the former one comes in, once, however often it is killed."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo.services import Service
from tests.system.rig import Gateway, configure, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/ward-1/water/m{}/readings"
DEVICES, WAITING = 20, 3000
SECRET = "0123456789abcdefghij"  # noqa: S105 - for this test alone


class Meters:
    """Devices that count up, with a clock or without; ``confirmed``: what the broker acknowledged."""

    def __init__(self, port: int, *, clock: bool = False) -> None:
        self.began_ms = round(time.time() * 1000) - 60_000 if clock else 0
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, "meters")
        self.paho.max_inflight_messages_set(1000)
        self.confirmed = 0
        self.sent = 0
        self.paho.on_publish = lambda *_: self._one_more()
        self.paho.connect("127.0.0.1", port)
        self.paho.loop_start()

    def _one_more(self) -> None:
        self.confirmed += 1

    def send(self, number: int) -> None:
        """Send so many readings, of one device after the other."""
        for _ in range(number):
            self.sent += 1
            payload = json.dumps({"volume_m3": self.sent} | ({"ts": self.began_ms + self.sent} if self.began_ms else {}))
            self.paho.publish(TOPIC.format(self.sent % DEVICES), payload, qos=1)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Send all the while."""
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(0.004):
                self.send(1)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            ended.set()
            sender.join()
            until(lambda: self.confirmed == self.sent)
            self.paho.loop_stop()


def volumes(influxdb: Service) -> list[tuple[float, int]]:
    """The volumes that stand in the database, each with its quality."""
    query = urlencode({"db": "iot", "q": "SELECT volume_m3, quality FROM water", "epoch": "ms"})
    with urlopen(f"{influxdb.url}/query?{query}") as answer:  # noqa: S310 - our own service
        (result,) = json.load(answer)["results"]
    return [(row[1], row[2]) for series in result.get("series", []) for row in series["values"]]


def with_secret(gate: Gateway) -> None:
    """Give its session a secret end."""
    (gate.config.parent / "gateway.session").write_text(f"{SECRET}\n")
    (gate.config.parent / "gateway.session").chmod(0o600)
    document = json.loads(gate.config.read_text())
    document["mqtt"]["client_id_file"] = "gateway.session"
    configure(gate, document)


def is_present(mosquitto: Service, client_id: str) -> bool:
    """Tell if the broker keeps a session."""
    client, said = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False), list[bool]()
    client.on_connect = lambda *given: said.append(given[2].session_present)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    until(lambda: said)
    client.disconnect()
    client.loop_stop()
    return said[0]


def assert_each_once(influxdb: Service, meters: Meters, *, crashed: bool) -> None:
    until(lambda: {volume for volume, _ in volumes(influxdb)} == set(range(1, meters.sent + 1)), 30)
    found = volumes(influxdb)
    twice = len(found) - meters.sent
    marked = sum(bool(quality & 64) for _, quality in found)
    by_volume = Counter(volume for volume, _ in found)
    marked_volumes = {volume for volume, quality in found if quality & 64}
    assert {volume for volume, times in by_volume.items() if times > 1} <= marked_volumes, "one of the two says so"
    print(f"{meters.sent} readings, {twice} stand twice, {marked} are marked")  # noqa: T201 - for who measures
    assert twice <= (marked if crashed else 0), f"{twice} stand twice, {marked} are marked"


def test_what_waits_under_the_former_client_id_comes_in_once_while_devices_send_on(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    meters = Meters(mosquitto.port)
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        gate.terminate()
        meters.send(WAITING)
        until(lambda: meters.confirmed == WAITING)
        with_secret(gate)
        with meters.going_on():
            gate.start()
            until(lambda: gate.said("it goes on under its new client id"))
            until(lambda: gate.said("session resumed") >= 2)
            time.sleep(1)
        assert_each_once(influxdb, meters, crashed=False)
        assert gate.troubles() == ""
        assert SECRET not in gate.printed() + gate.ask("/api/status")[1] + gate.ask("/metrics")[1]
        gate.terminate()
        gate.start()
        gate.wait_subscribed()
        assert gate.said("it goes on under its new client id") == 1, "once is enough"
        gate.terminate()
        assert not is_present(mosquitto, "gateway-1"), "it has ended"
        assert is_present(mosquitto, f"gateway-1-{SECRET}")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_a_gateway_that_is_killed_while_it_changes_its_client_id_goes_on_and_loses_nothing(
    mosquitto: Service, influxdb: Service, tmp_path: Path, seed: int
) -> None:
    """Their clocks tell readings apart: what two runs of a killed gateway stamp for one device may have one millisecond."""
    chance, meters = random.Random(seed), Meters(mosquitto.port, clock=True)  # noqa: S311 - nothing is secret here
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        gate.kill()
        meters.send(WAITING)
        until(lambda: meters.confirmed == WAITING)
        with_secret(gate)
        with meters.going_on():
            for _ in range(6):
                before = gate.said("connected to")
                gate.start()
                until(lambda before=before: gate.said("connected to") > before)
                time.sleep(chance.uniform(0.0, 0.8))
                gate.kill()
            gate.start()
            gate.wait_subscribed()
            time.sleep(3)
        assert_each_once(influxdb, meters, crashed=True)


@pytest.mark.slow
def test_two_machines_of_a_pair_get_another_client_id_and_the_one_goes_on_where_the_other_was_killed(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    meters = Meters(mosquitto.port)
    a, b = (
        gateway(tmp_path / name, mosquitto.url, influxdb.url, mqtt={"standby": {"machine": name, "keep_alive": "2s"}})
        for name in ("a", "b")
    )
    with a:
        a.wait_subscribed()
        a.terminate()
    meters.send(WAITING)
    until(lambda: meters.confirmed == WAITING)
    for machine in (a, b):
        with_secret(machine)
    with a, b, meters.going_on():
        until(lambda: a.said("it goes on under its new client id") or b.said("it goes on under its new client id"))
        live, other = (a, b) if a.said("it goes on under its new client id") else (b, a)
        until(lambda: live.said("session resumed"))
        time.sleep(1)
        live.kill()
        other.wait_subscribed()
        time.sleep(2)
    assert_each_once(influxdb, meters, crashed=True)
    assert not is_present(mosquitto, "gateway-1")
