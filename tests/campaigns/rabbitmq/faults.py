"""All that happens to a cluster and to the gateways behind it: a table of faults, how each begins and how it ends."""

from collections.abc import Callable
from typing import Final

from tests.campaigns.rabbitmq.instance import Instance
from tests.campaigns.rabbitmq.node import Node
from tests.campaigns.rabbitmq.world import INSTANCES, ClusterWorld
from tests.campaigns.rig.faults import Fault, by_name
from tests.campaigns.rig.schedule import Deed, Kind

NODES, GATEWAYS, INFLUXDB, LINKS, MEMBERS = "nodes", "gateways", "InfluxDB", "links", "members"
WHOLE_AGAIN_S: Final = 6.0
"""A node that comes back starts, joins and takes part after some seconds, and only one is away at a time.

On a busy machine it takes longer, so the next fault waits: two at a time is more than three nodes promise to bear. One that
was cut off while it started came back with other bindings than the rest had (Mnesia: ``running_partitioned_network``).
"""
ONCE_S: Final = 600.0
"""Members come and go once in a schedule: it takes as long as the other faults have it take."""


ClusterFault = Fault[ClusterWorld]


def _of_node(deed: Deed, world: ClusterWorld) -> Node:
    """The node that a fault strikes: its time decides, so that the same schedule strikes the same one."""
    return world.cluster.nodes[round(deed.at_s * 100) % len(world.cluster.nodes)]


def _of_instance(deed: Deed, world: ClusterWorld) -> Instance:
    return world.instances[INSTANCES[round(deed.at_s * 100) % len(INSTANCES)]]


def _node(
    name: str, longest_s: float, begin: Callable[[ClusterWorld, Node], object], end: Callable[[ClusterWorld, Node], object]
) -> ClusterFault:
    kind = Kind(name, frozenset({NODES}), longest_s, rest_s=WHOLE_AGAIN_S)

    def strike(world: ClusterWorld, deed: Deed) -> None:
        world.wait_whole()
        begin(world, _of_node(deed, world))

    return ClusterFault(kind, strike, lambda w, deed: end(w, _of_node(deed, w)))


def _instance(
    name: str, part: str, longest_s: float, begin: Callable[[Instance], object], end: Callable[[Instance], object]
) -> ClusterFault:
    kind = Kind(name, frozenset({part}), longest_s)
    return ClusterFault(kind, lambda w, deed: begin(_of_instance(deed, w)), lambda w, deed: end(_of_instance(deed, w)))


def _world(kind: Kind, begin: Callable[[ClusterWorld], object], end: Callable[[ClusterWorld], object]) -> ClusterFault:
    return ClusterFault(kind, lambda w, _: begin(w), lambda w, _: end(w))


def _each_link(deed: str) -> Callable[[Instance], object]:
    """Do it to all links of an instance."""
    return lambda instance: [getattr(link, deed)() for link in instance.links]


MOVES: Final = "an instance more, then one less"
ALL_KILLED: Final = "all nodes killed"
_ALL: Final = Kind(ALL_KILLED, frozenset({NODES, MEMBERS}), 3.0, rest_s=WHOLE_AGAIN_S)
"""Not while members come: a cluster that dies whole forgets queues it has just made (:meth:`.cluster.Cluster.write_down`)."""
_MOVES: Final = Kind(MOVES, frozenset({MEMBERS}), 10.0, rest_s=ONCE_S)
_INFLUXDB: Final = Kind("InfluxDB killed", frozenset({INFLUXDB}), 6.0)

FAULTS: Final = by_name(
    (
        _node("node killed", 5.0, lambda _, node: node.kill(), lambda _, node: node.start()),
        _node("node cut off", 8.0, lambda w, node: w.cluster.cut_off(node), lambda w, node: w.cluster.heal(node)),
        _node("node hangs", 12.0, lambda w, node: w.hang(node), lambda w, node: w.go_on(node)),
        _world(_ALL, lambda w: w.kill_all_nodes(), lambda w: w.cluster.start()),
        _instance("instance killed", GATEWAYS, 4.0, lambda i: i.kill(), lambda i: i.start()),
        _instance("instance stopped in order", GATEWAYS, 3.0, lambda i: i.stop(), lambda i: i.start()),
        _instance("links of an instance reset", LINKS, 4.0, _each_link("reset"), _each_link("heal")),
        _instance("links of an instance stalled", LINKS, 6.0, _each_link("stall"), _each_link("heal")),
        _instance("instance cut off from InfluxDB", INFLUXDB, 12.0, lambda i: i.store.cut(), lambda i: i.store.heal()),
        _world(_MOVES, lambda w: w.add_instance(), lambda w: w.remove_instance()),
        _world(_INFLUXDB, lambda w: w.influxdb.kill(), lambda w: w.influxdb.start()),
    )
)
