"""The world of one schedule: a cluster of three nodes, instances of the gateway that share out the sites, devices, a ledger."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from firmware_sim.fleet import build_fleet
from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault
from gateway.ingest.broker.rabbitmq.queues import replay_unroutable
from gateway.support.registry.shares import load_shares
from tests.campaigns.rabbitmq.cluster import Cluster, cluster
from tests.campaigns.rabbitmq.instance import Instance, instance_of, share_out
from tests.campaigns.rabbitmq.node import Node
from tests.campaigns.rig.fleet import FEW, Fleet, acknowledged, fleet, readings_of
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.schedule import Setting
from tests.influx import query
from tests.system.brokers import listens

INSTANCES: Final = ("gateway-1", "gateway-2")
FURTHER: Final = "gateway-3"
SETTLES_WITHIN_S: Final = 75.0
_BY_ITSELF_WITHIN_S: Final = 20.0
_EVERY_S: Final = 0.4
_LOOK_EVERY_S: Final = 0.3


@dataclass
class ClusterWorld:
    """All of it, running.

    :ivar devices: leads each new connection of a device to a node that serves, as a balancer before the cluster does.
    """

    cluster: Cluster
    influxdb: Service
    instances: dict[str, Instance]
    devices: Link
    fleet: Fleet
    shares: Path
    weights: Mapping[str, float]
    _hanging: list[Node] = field(default_factory=list)
    _hung: Node | None = None
    _turn: int = 0

    @property
    def gates(self) -> list[Instance]:
        """All instances."""
        return list(self.instances.values())

    # What faults do.

    def wait_whole(self) -> None:
        """Wait until all nodes are back from the fault before, and look at the instances meanwhile.

        A node that had hung and has not come back by itself is restarted, as the guide tells people.
        """
        deadline_s = time.monotonic() + _BY_ITSELF_WITHIN_S
        while self._hung is not None and not all(map(self._looks_whole, self.cluster.nodes)):
            if time.monotonic() > deadline_s:
                self._hung.kill()
                self._hung.start()
                break
            time.sleep(_LOOK_EVERY_S)
        self._hung = None
        for node in self.cluster.nodes:
            _wait(partial(self._looks_whole, node), f"{node.name} is back")

    def _looks_whole(self, node: Node) -> bool:
        self.look()
        return self.cluster.sees_all(node)

    def kill_all_nodes(self) -> None:
        """Kill all, once each knows what it has."""
        self.wait_whole()
        self.cluster.kill()

    def hang(self, node: Node) -> None:
        """Let a node hang; the balancer finds out and ends the connections of devices."""
        self._hanging.append(node)
        node.pause()
        self.balance()
        self.devices.reset()
        self.devices.heal()

    def go_on(self, node: Node) -> None:
        """Let a node that hangs go on."""
        self._hanging.remove(node)
        node.resume()
        self._hung = node

    def add_instance(self) -> None:
        """Add a gateway, and tell all at once: who leaves a share waits for who takes it."""
        self._share_out([*INSTANCES, FURTHER])
        self.instances[FURTHER].start()

    def remove_instance(self) -> None:
        """Tell all that it leaves. It is stopped when all that it had is in the database."""
        self._share_out(INSTANCES, leaving=[FURTHER])
        self.instances[FURTHER].is_leaving = True

    def _share_out(self, members: Sequence[str], leaving: Sequence[str] = ()) -> None:
        share_out(self.shares, members, self.weights, leaving)
        for instance in self.instances.values():
            instance.reload()

    def _stop_left(self) -> None:
        """Stop an instance that has left all its shares to the others."""
        further = self.instances[FURTHER]
        if further.is_leaving and self._all_held() and further.gate.pid is not None:
            further.stop()
            further.is_leaving = False

    def _all_held(self) -> bool:
        """Tell if each share is one member's, with its sums, and nobody else's any more."""
        rows = query(self.influxdb.url, "iot", "SELECT last(stage) FROM share GROUP BY device, channel")
        stages = {(row["device"], row["channel"]): Stage(int(row["last"])) for row in rows}
        held = {key for key, stage in stages.items() if stage is not Stage.LEFT}
        wanted = {(share.site or "", name) for share, name in load_shares(self.shares).assigned.items()}
        return held == wanted and all(stages[key] is Stage.HOLDING for key in wanted)

    def _serving(self) -> list[Node]:
        return [node for node in self.cluster.nodes if node not in self._hanging and listens(node.port)]

    # What is seen.

    def look(self) -> None:
        """Look at the instances, and let the balancer look at the nodes."""
        self.balance()
        for instance in self.instances.values():
            instance.look()
        with suppress(OSError, AssertionError):  # the database is away: look again
            self._stop_left()

    def balance(self) -> None:
        """Lead the next device to the next node that serves."""
        serving = self._serving()
        if serving:
            self._turn += 1
            self.devices.lead_to(serving[self._turn % len(serving)])

    # How it ends.

    def settle(self) -> None:
        """All faults are over: wait until each reading that the cluster acknowledged has come to its end."""
        self.wait_whole()
        self.fleet.stop(SETTLES_WITHIN_S)
        deadline_s = time.monotonic() + SETTLES_WITHIN_S
        _wait(partial(self._all_confirmed, deadline_s), "all is confirmed", 2 * SETTLES_WITHIN_S)
        _wait(self._settled, "each share is held with its sums, and who left has ended")
        for instance in self.instances.values():
            if instance.is_wanted:
                _wait(instance.gate.answers, "it answers")
                _wait(instance.owes_nothing, "nothing waits")

    def _settled(self) -> bool:
        self.look()
        return self._all_held() and not self.instances[FURTHER].is_leaving

    def _replay(self) -> None:
        """Have that routed again which nobody read while a site was on its way from one gateway to another."""
        with suppress(ManagementFault):
            replay_unroutable(ManagementApi(self._serving()[0].management.url, "guest", "guest"))

    def _all_confirmed(self, deadline_s: float) -> bool:
        """Tell if all is confirmed to the cluster; in the end what is not has been lost by it."""
        confirmed = frozenset[tuple[str, int]]().union(*(readings_of(each.tap.confirmed) for each in self.instances.values()))
        missing = acknowledged(self.fleet.ledger) - confirmed
        if missing:
            self._replay()
        return not missing or time.monotonic() > deadline_s


def _wait(condition: Callable[[], object], what: str, within_s: float = SETTLES_WITHIN_S) -> None:
    """Wait for what takes seconds and costs a question over HTTP."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(_LOOK_EVERY_S)


def weights_of(seed: int) -> dict[str, float]:
    """Site → what its devices send, of the fleet with this seed."""
    sites = Counter(device.site for device in build_fleet(FEW, _EVERY_S, seed))
    return {site: float(devices) for site, devices in sorted(sites.items())}


@contextmanager
def cluster_world(folder: Path, setting: Setting, seed: int, seconds: float) -> Iterator[ClusterWorld]:
    """Build it; the fleet is to run for ``seconds`` from the beginning of the schedule."""
    shares, weights = folder / "shares.yaml", weights_of(seed)
    share_out(shares, INSTANCES, weights)
    with ExitStack() as running:
        nodes = running.enter_context(cluster(folder / "cluster", [*INSTANCES, FURTHER]))
        influxdb = running.enter_context(services.influxdb(folder))
        instances = {name: instance_of(running, folder / name, nodes, influxdb, setting) for name in (*INSTANCES, FURTHER)}
        devices = running.enter_context(Link(nodes.nodes[0]))
        options = {"seed": seed, "duration": seconds, "scenario": setting.scenario, "connections": setting.connections}
        publishing = fleet(folder, devices.url("mqtt"), FEW, _EVERY_S, options)
        found = ClusterWorld(nodes, influxdb, instances, devices, publishing, shares, weights)
        for name in INSTANCES:
            instances[name].start()
            instances[name].gate.wait_subscribed()
        nodes.write_down()
        with publishing:
            yield found
