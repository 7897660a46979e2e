"""Queues that were made on one node get the nodes that join it as members, and outlive its end; fewer members are told."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

from gateway.commands.demo.services import Service
from gateway.support.registry.shares import load_shares
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.rabbitmq.cluster import Cluster, apart, kept_settings
from tests.campaigns.rabbitmq.node import STARTS_WITHIN_S, Node
from tests.campaigns.rabbitmq.province import register, setup
from tests.campaigns.rabbitmq.wire import KEPT, wire
from tests.system.brokers import listens
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

GATEWAYS: Final = ("gateway-1", "gateway-2")
SITES: Final = ("ward-1", "ward-2", "ward-3", "ward-4")
UNREAD: Final = "ward-9"
QUEUES: Final = {"gateway.unroutable", *(f"mqtt-subscription-{name}qos1" for name in GATEWAYS)}
WHOLE: Final = "all is as it should be"
BY_COMMANDS_S: Final = 2.0
"""For :func:`until`, which counts looks: each of these takes a command's time, half a second at least."""
RECONCILES: Final = "quorum_queue."
"""Settings by which RabbitMQ adds members by itself begin so."""
FORBIDDEN: Final = {"management.restrictions.quorum_queue_replica_operations.disabled": "true"}
"""Nobody adds members over the API."""


@dataclass(frozen=True)
class Growing:
    """Nodes of which the first alone has all queues, and the folder with ``gateway.yaml``, ``shares.yaml`` and secrets."""

    cluster: Cluster
    folder: Path

    def apply(self, node: Node) -> CompletedProcess[str]:
        """``gateway setup rabbitmq --apply`` over the API of a node."""
        return setup(
            self.folder,
            "--apply",
            node.management.url,
            "--admin-password-file",
            str(self.folder / "admin"),
            "--service",
            "node-red",
        )

    def watched_by(self, influxdb: Service, watched: Node) -> Gateway:
        """The first gateway, which looks at the queues by the API of a node."""
        shares = self.folder / "shares.yaml"
        shares.write_text(shares.read_text().replace("http://127.0.0.1:15672", watched.management.url))
        first, *others = [node.url for node in self.cluster.nodes]
        mqtt = {
            "client_id": GATEWAYS[0],
            "username": GATEWAYS[0],
            "password_file": str(self.folder / "secrets" / f"{GATEWAYS[0]}.password"),
            "shares": str(shares),
            "other_urls": others,
        }
        gate = gateway(self.folder / "gateway", first, influxdb.url, mqtt=mqtt)
        gate.journal.parent.mkdir()
        (gate.journal.parent / PERMIT).touch()
        return gate


@contextmanager
def growing(folder: Path, settings: dict[str, str]) -> Iterator[Growing]:
    """Start the first node, set it up, and make the session of each gateway."""
    register(folder, SITES)
    files = (
        "--conf",
        folder / "90-gateway.conf",
        "--certificate",
        "none.crt",
        "--key",
        "none.key",
        "--names",
        ",".join(GATEWAYS),
    )
    done = setup(folder, *map(str, files))
    assert done.returncode == 0, done.stderr
    (folder / "admin").write_text("guest\n")
    with apart(folder / "cluster", settings) as cluster:
        one = cluster.nodes[0]
        one.start()
        one.wait_ready(STARTS_WITHIN_S)
        until(partial(listens, one.port), STARTS_WITHIN_S, what="MQTT is served")
        found = Growing(cluster, folder)
        done = found.apply(one)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assigned = load_shares(folder / "shares.yaml").assigned
        for name in GATEWAYS:
            with wire(one, name) as session:
                session.subscribe(*(f"iot/v1/{share.site}/+/+/readings" for share, owner in assigned.items() if owner == name))
        yield found


@pytest.fixture
def minutes_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways of this test look at the broker every second."""
    now_ms = time.time_ns() // 1_000_000
    monkeypatch.setenv(VARIABLE, str(ScaledTime(now_ms, now_ms, 60.0)))


def members(node: Node) -> dict[str, set[str]]:
    """Queue → the nodes that it stands on and that serve it, as RabbitMQ's own command lists them."""
    listed = json.loads(node.ctl("list_queues", "name", "members", "online", "--formatter", "json", "--quiet").stdout)
    return {queue["name"]: set(queue["members"]) & set(queue["online"]) for queue in listed}


def all_on(nodes: list[Node]) -> dict[str, set[str]]:
    """Each of our queues on these nodes."""
    return {queue: {node.node_name for node in nodes} for queue in QUEUES}


def answers(node: Node) -> dict[str, int]:
    """Site → the answer of a node to a reading of it."""
    found = {}
    for site in (*SITES, UNREAD):
        with wire(node, "device", expiry_s=0) as device:
            found[site] = device.publish(f"iot/v1/{site}/water/m1/readings", b'{"pressure_kpa": 300}')
    return found


@pytest.mark.usefixtures("minutes_are_short")
def test_queues_made_on_one_node_outlive_it_once_two_joined_and_apply_ran_and_fewer_members_are_told(
    influxdb: Service, tmp_path: Path
) -> None:
    settings = {key: value for key, value in kept_settings().items() if not key.startswith(RECONCILES)}
    with growing(tmp_path, settings) as province:
        one, two, three = nodes = list(province.cluster.nodes)
        province.cluster.join(two)
        with province.watched_by(influxdb, two) as gate:
            until(lambda: "stands on 1 of the 2 nodes" in gate.troubles(), what="too few members are told")
            assert members(one) == all_on([one])
            done = province.apply(one)
            assert done.returncode == 0
            assert "there are two nodes, and nothing is taken once either of them dies: use three" in done.stderr
            assert members(one) == all_on([one, two])
            until(lambda: "it has two nodes" in gate.troubles() and "stands on" not in gate.troubles(), what="two are told")
            province.cluster.join(three)
            until(lambda: "stands on 2 of the 3 nodes" in gate.troubles(), what="too few members are told")
            done = gate.command("check", "--connect")
            assert (done.returncode, "stands on 2 of the 3 nodes" in done.stderr) == (0, True), done.stderr
            done = province.apply(one)
            assert (done.returncode, done.stderr) == (0, "")
            assert sum(line.endswith("; the others were added") for line in done.stdout.splitlines()) == len(QUEUES)
            assert members(one) == all_on(nodes)
            until(lambda: "stands on" not in gate.troubles(), what="the trouble is over")
            assert WHOLE in province.apply(one).stdout
            one.kill()
            assert set(answers(two).values()) == {KEPT}
            until(lambda: "the node one@localhost does not serve the queue" in gate.troubles(), what="the dead node is told")
            done = province.apply(two)
            assert (done.returncode, "start RabbitMQ on one@localhost" in done.stderr) == (3, True)
            one.start()
            until(lambda: "does not serve" not in gate.troubles(), STARTS_WITHIN_S, what="the trouble is over")


def test_rabbitmq_adds_members_by_itself_once_two_nodes_joined_and_apply_prints_what_to_type_where_it_may_not(
    tmp_path: Path,
) -> None:
    with growing(tmp_path, kept_settings() | FORBIDDEN) as province:
        one, two, three = nodes = list(province.cluster.nodes)
        province.cluster.join(two)
        done = province.apply(one)
        assert done.returncode == 3
        lines = [line.partition("type: ")[2].split() for line in done.stderr.splitlines() if "type: " in line]
        assert [tool for tool, *_ in lines] == ["rabbitmq-queues"] * len(QUEUES), done.stderr
        tool, *arguments = lines[0]
        two.ctl(*arguments, tool=tool)
        assert sorted(map(len, members(one).values())) == [1, 1, 2]
        province.cluster.join(three)
        until(lambda: members(two) == all_on(nodes), BY_COMMANDS_S, what="each queue stands on all nodes")
        until(lambda: WHOLE in province.apply(one).stdout, BY_COMMANDS_S, what="the API, which is seconds behind, shows it")
        one.kill()
        assert set(answers(three).values()) == {KEPT}
