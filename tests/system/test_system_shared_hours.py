"""Two gateways, one of which is cut off from the database while the other closes hours and the day, in simulated time.

What the first received meanwhile waits in its journal. It is added to these hours and to the day when it is written.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.rig.link import Link
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import ClosingRig
from tests.system.alarming import alarm_gateway
from tests.system.fleet import client_of
from tests.system.rig import Document, Gateway, configure
from tests.system.two_meters import DAY_SPAN, EVERY, HOUR, MIDNIGHT, MINUTE, PEAK, REGISTRY, SITES, TwoMeters

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

SPEED = {"influxdb": 400.0, "victoria-metrics": 120.0}


@dataclass
class Province:
    """The two gateways, each with the site of one meter, and the meters.

    :ivar link: between the second gateway and the database.
    """

    leader: Gateway
    member: Gateway
    link: Link
    meters: TwoMeters


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
            gates.append(alarm_gateway(tmp_path / name, mosquitto, url, REGISTRY, **sections))
            subscribe(gates[-1], site)
            stack.enter_context(gates[-1])
            gates[-1].wait_subscribed()
        client = stack.enter_context(client_of(mosquitto))
        yield Province(gates[0], gates[1], link, TwoMeters(clock, client, ClosingRig(tmp_path, Filled(database))))


def subscribe(gate: Gateway, *sites: str) -> None:
    """Write into its configuration which sites it reads."""
    document = json.loads(gate.config.read_text())
    document["mqtt"]["subscriptions"] = [f"iot/v1/{site}/+/+/readings" for site in sites]
    configure(gate, document)


def test_hours_and_the_day_are_right_once_a_gateway_that_was_cut_off_is_back(province: Province) -> None:
    leader, member, meters = province.leader, province.member, province.meters
    meters.go_on(lambda: meters.next_ms >= MIDNIGHT - HOUR - 20 * MINUTE, "two hours have gone")
    province.link.reset()
    meters.go_on(lambda: meters.next_ms > PEAK + EVERY, "the member received the peak, and wrote nothing")
    leader.terminate()
    subscribe(leader, *SITES)  # what comes from now on stands in the database: no hour waits for a reading of the far meter
    leader.start()
    meters.until_closed()
    assert meters.peaks("daily", DAY_SPAN)["far"] == 0.5, "the leader could not know of what waits elsewhere"
    assert member.pending("journal") > 0
    lacking = meters.received()

    member.kill_at_rest()
    member.start()
    province.link.heal()
    meters.until_mended(lacking)
