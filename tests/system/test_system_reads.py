"""Messages that wait in the socket for the next write: what may happen meanwhile, on a real broker, with and without TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.brokers import Authority, guarded
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Gateway, gateway, until_more
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

RATE = 600
KEEP_ALIVE_S = 30.0


@dataclass(frozen=True)
class Site:
    """A gateway, subscribed, and the door of its broker for devices."""

    gate: Gateway
    broker: Service
    devices: Service


@pytest.fixture(params=["plain", "tls"])
def site(request: pytest.FixtureRequest, influxdb: Service, tmp_path: Path) -> Iterator[Site]:
    """One whose link has TLS or not."""
    with _site(tmp_path, influxdb, tls=request.param == "tls") as made:
        made.gate.wait_subscribed()
        yield made


@contextmanager
def _site(folder: Path, influxdb: Service, *, tls: bool) -> Iterator[Site]:
    ours = Authority(folder / "ours")
    certificate, key = ours.issue("server")
    locks = [f"cafile {ours.certificate}", f"certfile {certificate}", f"keyfile {key}"] if tls else []
    keeps_all = "max_queued_messages 0"  # for a gateway that is away
    broker = guarded(folder / "broker", *locks, "allow_anonymous true", keeps_all, per_listener=False)
    url = f"{'mqtts' if tls else 'mqtt'}://127.0.0.1:{broker.service.port}"
    mqtt = {"tls": {"ca": str(ours.certificate)}} if tls else {}
    with broker.service, gateway(folder / "gateway", url, influxdb.url, mqtt=mqtt) as gate:
        yield Site(gate, broker.service, broker.devices)


def _written(site: Site) -> int:
    return int(site.gate.ledger()["written"])


def test_a_gateway_that_stops_with_messages_unread_gets_them_again(site: Site, influxdb: Service) -> None:
    with Fleet(site.devices, rate=RATE) as fleet:
        for _ in range(3):
            until_more(lambda: _written(site), RATE)
            assert site.gate.terminate() == 0
            site.gate.start()
            site.gate.wait_subscribed()
    wait_settled(site.gate, site.devices)
    assert_each_stands_once(influxdb, fleet)


def test_messages_are_read_while_influxdb_stalls_and_none_is_lost(site: Site, influxdb: Service) -> None:
    with Fleet(site.devices, rate=RATE) as fleet:
        for _ in range(3):
            until_more(lambda: _written(site), RATE)
            influxdb.pause()
            until_more(lambda: site.gate.ledger()["received"], 2 * RATE)
            influxdb.resume()
    wait_settled(site.gate, site.devices)
    assert_each_stands_once(influxdb, fleet)


def test_a_busy_connection_is_kept_and_one_that_hangs_is_noticed(site: Site, influxdb: Service) -> None:
    with Fleet(site.devices, rate=RATE) as fleet:
        until_more(lambda: _written(site), round(1.1 * KEEP_ALIVE_S * RATE), within_s=2 * KEEP_ALIVE_S)
        assert site.gate.said("subscribed to") == 1
        site.broker.pause()
        until(lambda: "is silent for" in site.gate.troubles(), within_s=1.5 * KEEP_ALIVE_S)
        site.broker.resume()
        until_more(lambda: _written(site), RATE)
    wait_settled(site.gate, site.devices)
    assert_each_stands_once(influxdb, fleet)
