"""A budget of the link to the database holds while a backlog comes in, and live readings do not notice it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.backlogs import store, stored
from tests.system.counting_proxy import CountingProxy
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Document, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

BUDGET = 10_000
WINDOW_S = 8.0
WRITE_S = 1.0
"""A write of the backlog holds what the budget carries in so many seconds."""


@pytest.fixture
def link(influxdb: Service) -> Iterator[CountingProxy]:
    """The link to InfluxDB."""
    with CountingProxy(influxdb) as found:
        yield found


def test_a_backlog_comes_in_within_the_budget_and_live_readings_keep_their_delay(
    mosquitto: Service, link: CountingProxy, influxdb: Service, tmp_path: Path
) -> None:
    section: Document = {"max_bytes_per_s": BUDGET}
    gate = gateway(tmp_path / "gateway", mosquitto.url, link.url, influxdb=section, batch={"stall": "10s"})
    store(gate, rows=1500, readings=20)
    with gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=20) as fleet:
            until(lambda: (gate.status()["catch_up"] or {}).get("seconds_left"), what="it is known how long it takes")
            assert gate.status()["link"]["max_bytes_per_s"] == BUDGET
            said = gate.command("status", "--language", "en").stdout
            assert re.search(r"journal: [\d,]+ readings left, gone in \d", said), said
            assert re.search(r"link to InfluxDB: [\d,]+ B/s of 10,000 B/s", said), said
            until(lambda: not gate.pending("journal"), within_s=180.0)
        wait_settled(gate, mosquitto)
        metrics = gate.ask("/metrics")[1]
        counted = gate.status()["link"]["bytes"]
    assert stored(influxdb) == 30_000
    assert_each_stands_once(influxdb, fleet)
    carried = sum(each for _, each in link.carried)
    assert carried > 3 * WINDOW_S * BUDGET, "without a budget it would be through in a window"
    assert link.most_per_s(WINDOW_S) < BUDGET * (WINDOW_S + WRITE_S) / WINDOW_S * 1.15
    assert counted == pytest.approx(carried, rel=0.25), "each chunk is taken for a segment with an acknowledgement"
    assert late_share(metrics) < 0.02


def late_share(metrics: str) -> float:
    """The share of live readings that took longer than 2.5 s."""
    count = re.findall(r'gateway_delivery_seconds_bucket\{le="(.+?)"\} (\S+)', metrics)
    in_time = {bound: float(times) for bound, times in count}
    return 1 - in_time["2.5"] / in_time["+Inf"]
