"""Links to the broker and to InfluxDB fail as links do: nothing is lost, and the gateway comes back by itself and in time."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rig.link import Link
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Document, Gateway, gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real

IMPATIENT: dict[str, Document] = {"influxdb": {"timeout": "1s"}, "batch": {"stall": "300ms"}}
LINK_FAULTS: dict[str, Callable[[Link], None]] = {
    "cut": Link.cut,
    "reset": Link.reset,
    "half-open": Link.half_open,
    "forgotten": Link.forget,
    "stalled": Link.stall,
    "600-ms": lambda link: link.delay(0.6),
    "5-s": lambda link: link.delay(5.0),
    "loss": lambda link: link.lose(0.05, seed=1),
    "answers-lost": Link.lose_answer,
}
LASTING_S = 0.25
"""More than the first wait before the gateway connects again."""
UNNOTICED_S = 34.0
"""How long a connection to the broker that is half open may stand: a keep-alive of 30 s, and a look at it every 3 s."""


def test_a_link_to_influxdb_may_fail_and_is_used_again_at_once(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with Link(influxdb) as link, gateway(tmp_path / "gateway", mosquitto.url, link.url("http"), **IMPATIENT) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=500) as fleet:
            for fault in ("half-open", "forgotten", "loss", "answers-lost"):
                until_more(lambda: gate.ledger()["written"], 20, what=f"live before {fault}")
                LINK_FAULTS[fault](link)
                until_more(lambda: gate.ledger()["received"], 100, what=f"received while {fault}")
                link.heal()
                until(partial(_all_is_well, gate), within_s=4.0, what=f"well again after {fault}")
        _assert_nothing_lost(gate, mosquitto, influxdb, fleet)


def test_a_link_to_the_broker_may_fail_and_comes_back_quickly(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with Link(mosquitto) as link, gateway(tmp_path / "gateway", link.url("mqtt"), influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=500) as fleet:
            for fault in ("half-open", "stalled", "loss"):
                LINK_FAULTS[fault](link)
                until_more(lambda: len(fleet.acknowledged), 150, what=f"published while {fault}")
                link.heal()
                until(partial(_has_written, gate, len(fleet.acknowledged)), within_s=4.0, what=f"caught up after {fault}")
        _assert_nothing_lost(gate, mosquitto, influxdb, fleet)


@pytest.mark.slow
def test_a_connection_that_lasted_is_made_again_as_quickly_each_time(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """A radio link that breaks every minute must not be waited for ever longer."""
    with Link(mosquitto) as link, gateway(tmp_path / "gateway", link.url("mqtt"), influxdb.url) as gate:
        for times in range(1, 6):
            until(partial(_has_subscribed, gate, times), within_s=1.0, what="connected again")
            until(partial(_is_past, time.monotonic() + LASTING_S), what="it lasts longer than was waited for it")
            link.reset()
            link.heal()


@pytest.mark.slow
@pytest.mark.parametrize("fault", LINK_FAULTS)
def test_half_a_minute_of_a_bad_link_to_influxdb_loses_nothing(
    fault: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with Link(influxdb) as link, gateway(tmp_path / "gateway", mosquitto.url, link.url("http")) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=300) as fleet:
            until_more(lambda: gate.ledger()["written"], 300, what="live")
            LINK_FAULTS[fault](link)
            until_more(lambda: gate.ledger()["received"], 9000, within_s=60.0, what="received meanwhile")
            link.heal()
            until(partial(_all_is_well, gate), within_s=15.0, what="well again")
        _assert_nothing_lost(gate, mosquitto, influxdb, fleet)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in LINK_FAULTS if fault != "answers-lost"])
def test_half_a_minute_of_a_bad_link_to_the_broker_loses_nothing(
    fault: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with Link(mosquitto) as link, gateway(tmp_path / "gateway", link.url("mqtt"), influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=300) as fleet:
            until_more(lambda: gate.ledger()["written"], 300, what="live")
            LINK_FAULTS[fault](link)
            until_more(lambda: len(fleet.acknowledged), 9000, within_s=60.0, what="published meanwhile")
            link.heal()
            until(partial(_has_written, gate, len(fleet.acknowledged)), within_s=20.0, what="caught up")
        _assert_nothing_lost(gate, mosquitto, influxdb, fleet)


@pytest.mark.slow
def test_a_connection_to_the_broker_that_a_router_forgot_is_given_up_in_time(
    stock_mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """The broker keeps what it handed over and queues 1,000 more: at this rate for longer than the gateway takes to notice."""
    with Link(stock_mosquitto) as link, gateway(tmp_path / "gateway", link.url("mqtt"), influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(stock_mosquitto, rate=50) as fleet:
            until_more(lambda: gate.ledger()["written"], 50, what="live")
            link.forget()
            forgotten_s = time.monotonic()
            until(lambda: gate.said("is silent for"), within_s=UNNOTICED_S + 5.0, what="the silence noticed")
            assert time.monotonic() - forgotten_s < UNNOTICED_S
            until(lambda: gate.status()["mqtt"]["connected"], within_s=1.0)
        _assert_nothing_lost(gate, stock_mosquitto, influxdb, fleet)


@pytest.mark.slow
def test_a_broker_that_takes_the_connection_and_says_nothing_is_given_up_in_time(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with Link(mosquitto) as link:
        link.half_open()
        with gateway(tmp_path / "gateway", link.url("mqtt"), influxdb.url) as gate:
            until(lambda: "is silent for" in gate.troubles(), within_s=24.0, what="the silence told")


def _all_is_well(gate: Gateway) -> bool:
    return bool(gate.status()["influxdb"]["up"]) and not gate.pending("journal")


def _has_written(gate: Gateway, readings: int) -> bool:
    return bool(gate.ledger()["written"] >= readings)


def _has_subscribed(gate: Gateway, times: int) -> bool:
    return gate.said("subscribed to") >= times


def _is_past(instant_s: float) -> bool:
    return time.monotonic() > instant_s


def _assert_nothing_lost(gate: Gateway, broker: Service, influxdb: Service, fleet: Fleet) -> None:
    ledger = wait_settled(gate, broker)
    assert ledger["written"] == len(fleet.acknowledged)
    assert ledger["lost"] == ledger["expired"] == ledger["rejected"] == 0
    assert_each_stands_once(influxdb, fleet)
