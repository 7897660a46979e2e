"""Three RabbitMQ nodes on loopback as one cluster, and what happens to such: a node dies, all die, one is cut off or hangs."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Final

from gateway.admin.broker.configuration import RabbitMqPlaces, rabbitmq_conf
from gateway.ingest.broker.rabbitmq.management import joined, policies, unroutable
from gateway.support.config.model import Mqtt
from tests.campaigns.rabbitmq.node import STARTS_WITHIN_S, Node, epmd, make_node
from tests.system.brokers import listens
from tests.waiting import until

NAMES: Final = ("one", "two", "three")
ADVANCED: Final = "[{kernel, [{net_ticktime, 6}]}].\n"
"""A node that hangs is given up after some seconds, not after a minute: a schedule is short."""
_OWN: Final = ("mqtt.listeners", "listeners", "ssl_options", "management", "anonymous_login_user", "disk_free_limit")
"""The settings that are a node's own in a test: its ports, who comes in, the room on its disk."""


def kept_settings() -> dict[str, str]:
    """The settings by which RabbitMQ keeps what it acknowledged, as `gateway setup rabbitmq` writes them."""
    text = rabbitmq_conf(RabbitMqPlaces(Path("none"), Path("none")), Mqtt().session_expiry, Mqtt().receive_maximum)
    lines = [line.split(" = ", 1) for line in text.splitlines() if " = " in line and not line.startswith("#")]
    return {key: value for key, value in lines if not key.startswith(_OWN)}


@dataclass(frozen=True)
class Cluster:
    """Nodes that know each other."""

    nodes: Sequence[Node]

    def start(self) -> None:
        """Start the nodes that do not run."""
        for node in self.nodes:
            node.start()

    def join(self, node: Node) -> None:
        """Start a node, and make it one of the first node's cluster as the guide does."""
        node.start()
        node.wait_ready(STARTS_WITHIN_S)
        for arguments in (["stop_app"], ["reset"], ["join_cluster", self.nodes[0].node_name], ["start_app"]):
            node.ctl(*arguments)

    def kill(self) -> None:
        """Kill all, as a power cut does."""
        for node in self.nodes:
            node.kill()

    def wait_whole(self, within_s: float = STARTS_WITHIN_S) -> None:
        """Return when each node serves MQTT and sees all others."""
        for node in self.nodes:
            until(partial(self.sees_all, node), within_s, what=f"{node.name} sees all")

    def cut_off(self, node: Node) -> None:
        """Part a node from the others, while clients reach all of them.

        It demands of the others a cookie that they do not have: its links end, and new ones are refused both ways.
        """
        self._of_others(node, "erlang:set_cookie('{0}', parted), erlang:disconnect_node('{0}')")

    def heal(self, node: Node) -> None:
        """Let a node that was cut off find the others again."""
        self._of_others(node, "erlang:set_cookie('{0}', erlang:get_cookie())")

    def write_down(self) -> None:
        """Have each node write down which queues it has.

        It does so by itself some time after a queue was made. A cluster killed before that knows the queue no more: it comes
        back empty, without a leader, and takes nothing.
        """
        for node in self.nodes:
            node.ctl("eval", "dets:sync(ra_directory_reverse).")

    def _of_others(self, node: Node, call: str) -> None:
        calls = [call.format(other.node_name) for other in self.nodes if other is not node]
        node.ctl("eval", f"{', '.join(calls)}.")

    def sees_all(self, node: Node) -> bool:
        """Tell if a node serves and has all others beside it."""
        try:
            seen = node.management.ask("nodes") if node.management.answers() else []
        except (OSError, HTTPException, AssertionError):
            return False
        running = {each["name"] for each in seen if each["running"]}
        return running == {each.node_name for each in self.nodes} and listens(node.port)


@contextmanager
def apart(folder: Path, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """Three nodes that know nothing of each other yet. None is started."""
    folder.mkdir(parents=True, exist_ok=True)
    cookie = secrets.token_hex()
    with ExitStack() as running:
        port = running.enter_context(epmd(folder))
        nodes = [make_node(folder / name, port, cookie, name, settings, ADVANCED) for name in NAMES]
        for node in nodes:
            running.callback(node.kill)
        yield Cluster(nodes)


@contextmanager
def cluster(folder: Path, gateways: Sequence[str]) -> Iterator[Cluster]:
    """Three nodes, started and whole, set up for these gateways."""
    formation = {"cluster_formation.peer_discovery_backend": "classic_config"} | {
        f"cluster_formation.classic_config.nodes.{number}": f"{name}@localhost" for number, name in enumerate(NAMES, 1)
    }
    with apart(folder, kept_settings() | formation) as found:
        found.start()
        for node in found.nodes:
            node.wait_ready(STARTS_WITHIN_S)
        found.wait_whole()
        wanted = joined([policies(gateways), unroutable(Mqtt().subscriptions)])
        found.nodes[0].management.ask("definitions", "POST", wanted)
        yield found
