"""One gateway of those that share out the sites: a process with links to nodes and the database, a tap, a file of shares."""

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service
from tests.campaigns.rabbitmq.cluster import Cluster
from tests.campaigns.rig.fleet import FEW
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.linked import LinkedGateway
from tests.campaigns.rig.schedule import Setting
from tests.campaigns.rig.tap import Tap
from tests.system.rig import gateway

_SILENT_AFTER: Final = dict.fromkeys(FEW, "20s")
_LINKS_APART: Final = 1_000_000


@dataclass
class Instance(LinkedGateway):
    """One gateway, which reaches each node and the database by a link of its own.

    :ivar is_leaving: it runs until the others have its shares.
    """

    is_leaving: bool = False

    def reload(self) -> bool:
        """Have it read its files again, once it has started: it may have read them before they were changed."""
        if self.gate.pid is not None:
            self.gate.wait_ready()
            self.gate.send_signal(signal.SIGHUP)
        return True


def share_out(file: Path, members: Sequence[str], weights: Mapping[str, float], leaving: Sequence[str] = ()) -> None:
    """Write who shares the sites, and who leaves."""
    shares = [{"site": site, "weight": weight} for site, weight in weights.items()]
    file.write_text(json.dumps({"gateways": list(members), "leaving": list(leaving), "shares": shares}))


def instance_of(running: ExitStack, folder: Path, nodes: Cluster, influxdb: Service, setting: Setting) -> Instance:
    """A gateway, not started."""
    tap = Tap()

    def watch(at: int, connection: int, data: bytes, to_behind: bool) -> None:  # noqa: FBT001 - as a link calls it
        tap(at * _LINKS_APART + connection, data, to_behind)

    links = [running.enter_context(Link(node, partial(watch, at))) for at, node in enumerate(nodes.nodes)]
    store = running.enter_context(Link(influxdb))
    first, *others = [link.url("mqtt") for link in links]
    mqtt = {"client_id": folder.name, "shares": "../shares.yaml", "other_urls": others}
    sections = {**setting.gateway, "mqtt": mqtt | setting.gateway.get("mqtt", {}), "devices": {"silent_after": _SILENT_AFTER}}
    gate = gateway(folder, first, store.url("http"), **sections)
    running.callback(gate.kill)
    return Instance(gate, links, store, tap)
