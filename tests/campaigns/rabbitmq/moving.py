"""Two gateways on one node that share out sites, and a move of a site between them."""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from tests.campaigns.rabbitmq.node import Node, rabbitmq
from tests.influx import exported, query
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import PATIENCE_S, until

QUORUM = "[{rabbitmq_mqtt,[{durable_queue_type,quorum}]}].\n"
SETTINGS = {"mqtt.max_session_expiry_interval_seconds": "864000", "mqtt.prefetch": "2000"}
OLD, NEW = "gateway-1", "gateway-2"
SITE = "site"
"""The site of :class:`tests.system.fleet.Fleet`."""
NOTHING: Mapping[str, Document] = MappingProxyType({})


@dataclass(frozen=True)
class Pair:
    """The two gateways, each with a file of shares of its own, as on two machines."""

    broker: Node
    influxdb: Service
    old: Gateway
    new: Gateway

    def told(self, gateway: str, share: str = SITE) -> Stage | None:
        """The stage with the site, or another share, that a gateway told last."""
        statement = f"SELECT last(stage) FROM share WHERE device = '{share}' AND channel = '{gateway}'"  # noqa: S608 - a name of ours
        if self.influxdb.name == "victoria-metrics":
            told = exported(self.influxdb.url, f'share_stage{{device="{share}",channel="{gateway}"}}')
            stages = sorted(pair for one in told for pair in zip(one["timestamps"], one["values"], strict=True))
            return Stage(int(stages[-1][1])) if stages else None
        rows = query(self.influxdb.url, "iot", statement)
        return Stage(int(rows[0]["last"])) if rows else None

    def holds(self, gateway: str, within_s: float = PATIENCE_S) -> None:
        """Return when a gateway has the site, with its sums."""
        until(lambda: self.told(gateway) is Stage.HOLDING, within_s, what=f"{gateway} has the site")

    def waiting(self, gateway: str) -> int:
        """The messages that wait for a gateway."""
        return self.broker.management.depth(f"mqtt-subscription-{gateway}qos1")


def given_to(owner: str) -> Document:
    """A file of shares that gives the site to a gateway."""
    return {"gateways": [OLD, NEW], "shares": [{"site": SITE, "gateway": owner}]}


def write_shares(gate: Gateway, shares: Document) -> None:
    """Write the file of one of them."""
    (gate.folder / "shares.yaml").write_text(json.dumps(shares))


def reload(gate: Gateway, shares: Document | None = None) -> None:
    """Give the site to the new gateway, or as a file says, and have one of the gateways read that."""
    active = gate.said("the registry is active")
    write_shares(gate, shares or given_to(NEW))
    gate.send_signal(signal.SIGHUP)
    until(lambda: gate.said("the registry is active") > active, what="reloaded")


@contextmanager
def pair(folder: Path, influxdb: Service, old: Mapping[str, Document] = NOTHING, **sections: Document) -> Iterator[Pair]:
    """Both on a node of their own, running; the site is the old one's.

    :param old: settings of the old one alone.
    """
    with rabbitmq(folder / "rabbitmq", SETTINGS, QUORUM) as broker, pair_on(broker, folder, influxdb, old, **sections) as found:
        yield found


@contextmanager
def pair_on(
    broker: Node, folder: Path, influxdb: Service, old: Mapping[str, Document] = NOTHING, **sections: Document
) -> Iterator[Pair]:
    """Both on a node that runs, or on the cluster that it belongs to."""
    with ExitStack() as running:
        gates = []
        for name in (OLD, NEW):
            own = {section: dict(keys) for section, keys in (old if name == OLD else NOTHING).items()}
            own["mqtt"] = {"client_id": name, "shares": "shares.yaml"} | sections.get("mqtt", {}) | own.get("mqtt", {})
            gate = gateway(folder / name, broker.url, influxdb.url, **(sections | own))
            write_shares(gate, given_to(OLD))
            gates.append(running.enter_context(gate))
        for gate in gates:
            gate.wait_subscribed()
        found = Pair(broker, influxdb, gates[0], gates[1])
        found.holds(OLD)
        yield found


def now_ms() -> int:
    """The time of a device whose clock is right."""
    return time.time_ns() // 1_000_000
