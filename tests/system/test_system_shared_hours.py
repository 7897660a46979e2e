"""Two gateways, one of which is cut off from the database while the other closes hours and the day, in simulated time.

What the first received meanwhile waits in its journal. It is added to these hours and to the day when it is written.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.demo.services import Service
from gateway.reports.boundaries import hours
from gateway.reports.consumption import consumption
from gateway.reports.roster import Roster
from gateway.reports.store import TimeSpan
from schemas.registry import RegisteredDevice
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.chaos.link import Link
from tests.jobs.closing_rig import ClosingRig, Found
from tests.reports.stores import Filled
from tests.system.alarming import alarm_gateway
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, configure

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EVERY = 15 * MINUTE
MIDNIGHT = time.time_ns() // 1_000_000 // DAY * DAY - 2 * DAY + 17 * HOUR
"""In Vietnam, some days ago: VictoriaMetrics exports no future."""
DAY_SPAN = TimeSpan(MIDNIGHT - DAY, MIDNIGHT)
PEAK = MIDNIGHT - 45 * MINUTE
LAST_HOURS = TimeSpan(MIDNIGHT - 2 * HOUR, MIDNIGHT)
SPEED = {"influxdb": 400.0, "victoria-metrics": 120.0}
PATIENCE_S = 300.0
NAMES = ["far", "near"]
SITES = ["of-far", "of-near"]
DEVICES = [RegisteredDevice(name, site=f"of-{name}", domain="water", interval=timedelta(minutes=15)) for name in NAMES]


@dataclass
class Province:
    """The two gateways, each with the site of one meter, and the meters.

    :ivar link: between the second gateway and the database.
    """

    leader: Gateway
    member: Gateway
    link: Link
    clock: ScaledTime
    client: paho.Client
    rig: ClosingRig
    next_ms: int = MIDNIGHT - 3 * HOUR

    def now_ms(self) -> int:
        """The simulated time."""
        return self.clock.at_ms(time.time_ns())

    def go_on(self, is_over: Callable[[], bool], what: str) -> None:
        """Let both meters send as time passes, until something is so."""
        end_s = time.monotonic() + PATIENCE_S
        while not is_over():
            assert time.monotonic() < end_s, f"waited in vain: {what}"
            while self.next_ms + 20_000 < self.now_ms():
                volume_m3 = round(1000 + (self.next_ms - MIDNIGHT) / EVERY * 0.125, 3)
                flow_m3_h = 2.0 if self.next_ms == PEAK else 0.5
                reading = {"ts": self.next_ms, "volume_m3": volume_m3, "flow_m3_h": flow_m3_h}
                for name in NAMES:
                    publish(self.client, f"iot/v1/of-{name}/water/{name}/readings", json.dumps(reading))
                self.next_ms += EVERY
            time.sleep(0.1)

    def received(self) -> dict[str, float]:
        """Device → readings of the day, as its completeness has them."""
        found = self.rig.newest("completeness", "received", DAY_SPAN, NAMES)
        return {name: value for name, values in found.items() for value in values.values()}

    def reported(self, spans: list[TimeSpan]) -> Found:
        """The same as a report has it."""
        found: Found = {}
        for period in self.rig.filled.every(lambda store: consumption(store, Roster(DEVICES), "water", spans, self.now_ms())):
            for use in period.uses:
                if use.used is not None:
                    found.setdefault(use.series.device, {})[period.period.start_ms] = use.used / 1_000_000
        return found


@pytest.fixture(params=["influxdb", "victoria_metrics"])
def database(request: pytest.FixtureRequest) -> Service:
    """Each database in its turn."""
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def province(mosquitto: Service, database: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    """Both gateways, subscribed."""
    clock = ScaledTime(time.time_ns() // 1_000_000, MIDNIGHT - 3 * HOUR - 5 * MINUTE, SPEED[database.name])
    monkeypatch.setenv(VARIABLE, str(clock))
    registry: list[Document] = [{"id": name, "site": f"of-{name}", "domain": "water", "interval": "15min"} for name in NAMES]
    with ExitStack() as stack:
        link = stack.enter_context(Link(database))
        gates = []
        for name, site, url in (("leader", "of-near", database.url), ("member", "of-far", link.url("http"))):
            (tmp_path / name / "data").mkdir(parents=True)
            (tmp_path / name / "data" / PERMIT).touch()
            sections: dict[str, Document] = {
                "mqtt": {"client_id": name, "share_leader": "leader"},
                "devices": {"moving": True},
                "journal": {"path": "data/journal.db", "min_free_bytes": 0},
            }
            gates.append(alarm_gateway(tmp_path / name, mosquitto, url, registry, **sections))
            subscribe(gates[-1], site)
            stack.enter_context(gates[-1])
            gates[-1].wait_subscribed()
        client = stack.enter_context(client_of(mosquitto))
        rig = ClosingRig(tmp_path, Filled(database))
        yield Province(gates[0], gates[1], link, clock, client, rig)


def subscribe(gate: Gateway, *sites: str) -> None:
    """Write into its configuration which sites it reads."""
    document = json.loads(gate.config.read_text())
    document["mqtt"]["subscriptions"] = [f"iot/v1/{site}/+/+/readings" for site in sites]
    configure(gate, document)


def peaks(province: Province) -> Found:
    """The greatest flow of the day."""
    return province.rig.newest("daily", "flow_max_m3_h", DAY_SPAN, NAMES)


def next_hours(province: Province) -> set[str]:
    """The devices with a second hour of the next day."""
    span = TimeSpan(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR)
    return set(province.rig.newest("hourly", "volume_used_m3", span, NAMES))


def used_by_hour(province: Province) -> Found:
    """The consumption of the last hours."""
    return province.rig.newest("hourly", "volume_used_m3", LAST_HOURS, NAMES)


def test_hours_and_the_day_are_right_once_a_gateway_that_was_cut_off_is_back(province: Province) -> None:
    province.go_on(lambda: province.next_ms >= MIDNIGHT - HOUR - 20 * MINUTE, "two hours have gone")
    province.link.reset()
    province.go_on(lambda: province.next_ms > PEAK + EVERY, "the other gateway received the peak, and wrote nothing")
    province.leader.terminate()
    subscribe(
        province.leader, *SITES
    )  # what comes from now on stands in the database: no hour waits for the far meter any more
    province.leader.start()
    province.go_on(lambda: next_hours(province) == set(NAMES), "the day was closed, and no hour of it waits for a reading")
    assert peaks(province)["far"] == {DAY_SPAN.start_ms: 0.5}, "the leader could not know of what waits elsewhere"
    assert province.member.pending("journal") > 0

    province.member.kill_at_rest()
    province.member.start()
    province.link.heal()
    daily = {name: {DAY_SPAN.start_ms: 2.0} for name in NAMES}
    province.go_on(lambda: peaks(province) == daily, "the day was mended")
    province.go_on(lambda: len(set(province.received().values())) == 1, "nothing of the day is missing any more")
    spans = list(hours(LAST_HOURS))
    hourly = {name: {span.start_ms: 0.5 for span in spans} for name in NAMES}
    assert province.reported(spans) == hourly
    province.go_on(lambda: used_by_hour(province) == hourly, "the hours were mended")
