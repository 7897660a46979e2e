"""After an outage the backlog is written: in few writes, beside live readings, and people see how far it is."""

import threading
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.backlogs import OLD, store, stored
from tests.system.door import Deed, Door, Forward, Reply
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Gateway, gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture
def late_gate(mosquitto: Service, door: Door, tmp_path: Path) -> Gateway:
    """A gateway behind the door that is not started yet."""
    return gateway(tmp_path / "gateway", mosquitto.url, door.url)


def test_small_rows_come_in_together(late_gate: Gateway, door: Door, influxdb: Service) -> None:
    """Ten readings a second make a row a second; an hour of them would be 3,600 writes."""
    store(late_gate, rows=300, readings=10)
    with late_gate:
        until(lambda: late_gate.ledger()["written"] == 3000)
        assert late_gate.pending("journal") == 0
    assert stored(influxdb) == 3000
    assert len([lines for lines in door.writes if OLD in lines]) <= 10


def test_a_refused_reading_costs_neither_its_row_nor_the_rows_it_was_written_with(
    late_gate: Gateway, influxdb: Service
) -> None:
    store(late_gate, rows=100, readings=10, faulty=555)
    with late_gate:
        until(lambda: late_gate.pending("journal") == 0)
        ledger = late_gate.ledger()
        assert (ledger["written"], ledger["rejected"]) == (999, 1)
        until(late_gate.rejects, what="it is kept, with the removal of its row")
        (reject,) = late_gate.rejects()
    assert (reject["device"], reject["reason"]) == ("old", "influxdb_rejected")
    assert stored(influxdb) == 999


def test_rows_that_are_too_large_together_come_in_in_smaller_writes(late_gate: Gateway, door: Door, influxdb: Service) -> None:
    door.deed = lambda lines: Reply(413) if lines.count(OLD) > 120 else Forward()
    store(late_gate, rows=100, readings=20)
    with late_gate:
        until(lambda: late_gate.ledger()["written"] == 2000)
        assert late_gate.rejects() == []
    assert stored(influxdb) == 2000
    assert len([lines for lines in door.writes if lines.count(OLD) > 120]) <= 3, "what is too large is learned once"


def test_a_database_that_is_busy_with_the_backlog_takes_live_readings_meanwhile(
    late_gate: Gateway, door: Door, mosquitto: Service, influxdb: Service
) -> None:
    busy = threading.Event()
    busy.set()
    door.deed = lambda lines: Reply(429) if OLD in lines and busy.is_set() else Forward()
    store(late_gate, rows=50, readings=20)
    with late_gate:
        late_gate.wait_subscribed()
        with Fleet(mosquitto, rate=300) as fleet:
            until_more(lambda: late_gate.ledger()["written"], 300)
            assert late_gate.pending("journal") == 1000
            assert late_gate.status()["influxdb"]["up"]
            assert len([lines for lines in door.writes if OLD in lines]) < 10, "it is asked ever less often"
            busy.clear()
            until(lambda: not late_gate.pending("journal"), within_s=20.0)
        wait_settled(late_gate, mosquitto)
    assert stored(influxdb) == 1000
    assert_each_stands_once(influxdb, fleet)


def test_people_see_since_when_a_backlog_waits_and_how_far_it_has_come_in(late_gate: Gateway, door: Door) -> None:
    door.always(Reply(503))
    since_ms = store(late_gate, rows=40, readings=200)
    with late_gate:
        until(lambda: "InfluxDB" in late_gate.troubles())
        waits = {"readings_left": 8000, "readings_in": 0, "per_s": None, "seconds_left": None, "since": since_ms}
        assert late_gate.status()["catch_up"] == waits
        assert "\ngateway_catch_up_readings_per_second 0.0" in late_gate.ask("/metrics")[1]
        assert "\ngateway_catch_up_seconds_left" not in late_gate.ask("/metrics")[1]
        door.deed = slow
        until(lambda: (late_gate.status()["catch_up"] or {}).get("per_s"))
        seen = late_gate.status()["catch_up"]
        assert seen["readings_in"] + seen["readings_left"] == 8000
        assert seen["seconds_left"] == pytest.approx(seen["readings_left"] / seen["per_s"])
        assert '"catch_up": {"readings_left": ' in late_gate.shown()
        until(lambda: late_gate.status()["catch_up"] is None)
        assert "\ngateway_catch_up_seconds_left 0.0" in late_gate.ask("/metrics")[1]
        assert late_gate.said("writing the backlog: ") == 1
        until(lambda: late_gate.said("the journal is empty again; 8000 readings of the backlog written in "))


def test_a_gateway_killed_while_its_backlog_comes_in_goes_on_behind_what_came_in(
    late_gate: Gateway, door: Door, influxdb: Service
) -> None:
    door.deed = slow
    store(late_gate, rows=60, readings=100)
    with late_gate:
        until(lambda: late_gate.ledger()["written"] > 1000)
        late_gate.kill()
        late_gate.start()
        late_gate.wait_ready()
        found = late_gate.ledger()["received"]
        until(lambda: late_gate.pending("journal") == 0)
        assert late_gate.ledger()["written"] == found <= 6000
    assert stored(influxdb) == 6000


def slow(lines: str) -> Deed:
    """Delay writes of old readings, as a database with little capacity to spare does."""
    if OLD in lines:
        time.sleep(0.2)
    return Forward()
