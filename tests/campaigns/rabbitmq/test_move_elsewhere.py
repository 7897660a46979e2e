"""A site moves where the store is VictoriaMetrics, and where the broker is a cluster, of which a node dies meanwhile."""

import json
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from tests.campaigns.rabbitmq.cluster import cluster
from tests.campaigns.rabbitmq.meters import Meters
from tests.campaigns.rabbitmq.moving import NEW, OLD, SITE, now_ms, pair, pair_on, reload
from tests.influx import exported
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 300.0
WAITING = 5000


def knows_sums(gate: Gateway, device: str) -> bool:
    return all(counter["sum"] is not None for counter in gate.document(f"/api/devices/{device}")["counters"])


def values(store: Service, metric: str) -> dict[int, float]:
    """Time → value of the meter; of several at one time the last one."""
    series = exported(store.url, f'{{__name__="water_{metric}",device="m1"}}')
    return {time_ms: value for one in series for time_ms, value in zip(one["timestamps"], one["values"], strict=True)}


def test_sums_go_on_at_the_new_gateway_with_victoria_metrics_as_the_store(victoria_metrics: Service, tmp_path: Path) -> None:
    """The meter was reset while the old one hung. What is stored there is not replaced: who reads works such sums out."""
    began_ms = now_ms() - 3_600_000
    with pair(tmp_path, victoria_metrics) as gates, client_of(gates.broker) as client:
        sent: list[float] = []

        def counts(*registers: float) -> None:
            for register in registers:
                sent.append(register)
                payload = {"ts": began_ms + len(sent) * 60_000, "volume_m3": register}
                publish(client, f"iot/v1/{SITE}/water/m1/readings", json.dumps(payload))

        counts(500.0)
        until(lambda: gates.old.ledger()["written"] == 1, what="it is stored")
        until(lambda: knows_sums(gates.old, "m1"), what="its sums are known")
        counts(500.5)
        until(lambda: gates.old.ledger()["written"] == 2, what="it is stored")
        gates.old.pause()
        counts(0.0, 0.1, 0.2)
        reload(gates.new)
        until(lambda: gates.told(NEW) is Stage.TAKING_OVER, what="the new one reads")
        counts(0.3, 0.4)
        gates.old.resume()
        reload(gates.old)
        gates.holds(NEW, PATIENCE_S)
        assert gates.told(OLD) is Stage.LEFT
        written = gates.new.ledger()["written"]
        counts(0.5, 0.6)
        until(lambda: gates.new.ledger()["written"] == written + 2, what="they are stored")
        registers = values(victoria_metrics, "volume_m3")
        assert list(registers.values()) == sent
        sums = {registers[time_ms]: value for time_ms, value in values(victoria_metrics, "volume_sum_m3").items()}
    offsets = {register: round(value - register, 6) for register, value in sums.items()}
    assert offsets == {register: 0.0 if register > 400 else 500.5 for register in offsets}, "no sum is wrong"
    assert {500.5, 0.2, 0.5, 0.6} <= set(offsets), "the old one wrote some, and the new one goes on"


def test_a_site_moves_on_a_cluster_while_a_node_dies(influxdb: Service, tmp_path: Path) -> None:
    """Both gateways are on the node that dies; devices are on another one."""
    rounds = WAITING // 50
    with ExitStack() as running:
        nodes = running.enter_context(cluster(tmp_path / "cluster", [OLD, NEW]))
        mine, *others = nodes.nodes[1], nodes.nodes[2], nodes.nodes[0]
        mqtt = {"url": mine.url, "other_urls": [node.url for node in others]}
        gates = running.enter_context(pair_on(nodes.nodes[0], tmp_path, influxdb, mqtt=mqtt))
        nodes.write_down()
        meters = running.enter_context(closing(Meters(gates.broker, meters=45, sensors=5, readings_max=rounds + 3000)))
        meters.send(1)
        for name in meters.meters:
            until(lambda name=name: knows_sums(gates.old, name), what="its sums are known")
        gates.old.pause()
        meters.send(rounds * 9 // 10)
        meters.reset_next()
        meters.send(rounds - rounds * 9 // 10)
        with meters.sending():
            reload(gates.new)
            until(lambda: gates.told(NEW) is Stage.TAKING_OVER, PATIENCE_S, what="the new one reads")
            gates.old.resume()
            reload(gates.old)
            mine.kill()
            until(lambda: gates.told(OLD) is Stage.LEFT, PATIENCE_S, what="the old one is empty")
            mine.start()
            gates.holds(NEW, PATIENCE_S)
        meters.send(1)
        nodes.wait_whole()
        until(lambda: not gates.waiting(NEW) and not gates.waiting(OLD), PATIENCE_S, what="nothing waits")
        until(lambda: not gates.new.document("/api/late-sums")["devices"], PATIENCE_S, what="the sums are worked out")
        meters.assert_stored(influxdb)
