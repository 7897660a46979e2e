"""Two gateways share out a province on a node as it is set up: each reading once, in order, and nothing moves by a restart."""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.support.registry.shares import load_shares
from tests.campaigns.rabbitmq.clients import SUCCESS, client
from tests.campaigns.rabbitmq.node import STARTS_WITHIN_S
from tests.campaigns.rabbitmq.province import Province, province
from tests.influx import query
from tests.system.brokers import listens
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

SITES = [f"ward-{number}" for number in range(1, 31)]
NAMES = ("gateway-1", "gateway-2")
STARTED_MS = 1_793_491_200_000
WAITS_S = 60.0


def send(found: Province, first: int, readings: int) -> int:
    """Publish numbered readings of each site's meter, whose register rises; return how many."""
    with client(found.node, "guest", "guest", f"meters-{first}") as meters:
        for number in range(first, first + readings):
            for site in SITES:
                payload = {"ts": STARTED_MS + number * 900_000, "seq": number, "volume_m3": 100 + number}
                assert meters.publish(f"iot/v1/{site}/water/{site}-m1/readings", json.dumps(payload)) == SUCCESS
    return readings * len(SITES)


def heard(gate: Gateway) -> set[str]:
    """The devices that a gateway has met."""
    return {device["id"] for device in gate.document("/api/devices")["devices"] if device["last_seen"]}


def test_two_gateways_read_each_its_own_sites_once_in_order_and_a_restart_moves_none(influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "province"
    with province(folder, SITES, "--names", "gateway-1,gateway-2") as found:
        given = {name: {share.site for share in load_shares(folder / "shares.yaml").of(name)} for name in NAMES}
        registry = {"devices": {"registry": str(folder / "devices.yaml")}}
        gates = [
            gateway(tmp_path / name, found.node.url, influxdb.url, mqtt=found.mqtt(name), **registry, time={"max_past": "400d"})
            for name in NAMES
        ]
        with gates[0] as one, gates[1] as other:
            both = (one, other)
            for gate in both:
                gate.wait_subscribed()
            bound = found.node.management.bindings()
            sent = send(found, 0, 5)
            until(lambda: sum(gate.ledger()["written"] for gate in both) == sent, WAITS_S, what="all are written")
            parts = [gate.ledger()["received"] / sent for gate in both]
            assert all(abs(part - 0.5) < 0.15 * 0.5 for part in parts), parts

            one.stop()
            sent_away = send(found, 5, 2)  # while it is away
            one.start()
            one.wait_subscribed()
            found.node.ctl("stop_app")
            found.node.ctl("start_app")
            until(partial(listens, found.node.port), STARTS_WITHIN_S, what="MQTT is served again")
            for gate in both:
                until(lambda gate=gate: gate.status()["mqtt"]["connected"], WAITS_S, what="it is connected again")
            sent_after = send(found, 7, 3)
            total = sent + sent_away + sent_after
            rows: list[dict[str, object]] = []

            def stored() -> bool:
                rows[:] = query(influxdb.url, "iot", "SELECT seq, quality, device FROM water")
                return len(rows) >= total

            until(stored, WAITS_S, what="all are stored")
            assert Counter((row["device"], row["seq"]) for row in rows) == Counter(
                (f"{site}-m1", number) for site in SITES for number in range(10)
            )
            assert {int(str(row["quality"])) & 4 for row in rows} == {
                0
            }  # a register that came out of order would have gone back
            assert found.node.management.bindings() == bound
            assert found.node.management.depth("gateway.unroutable") == 0
            for gate, name in zip(both, NAMES, strict=True):
                assert heard(gate) == {f"{site}-m1" for site in given[name]}
