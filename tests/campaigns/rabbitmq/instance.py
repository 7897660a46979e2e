"""One gateway of those that share out the sites: a process with links to nodes and the database, a tap, a file of shares."""

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service
from tests.campaigns.rabbitmq.cluster import Cluster
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.schedule import Setting
from tests.campaigns.rig.tap import Tap
from tests.campaigns.rig.world import FLEET, STOPS_WITHIN_S, Account
from tests.system.rig import Gateway, gateway

_SILENT_AFTER: Final = dict.fromkeys(FLEET, "20s")
_LINKS_APART: Final = 1_000_000


@dataclass
class Instance:
    """One gateway, which reaches each node and the database by a link of its own.

    :ivar tap: all that it was handed and confirmed, over whatever node.
    :ivar is_wanted: it is to run: no fault has it.
    :ivar is_leaving: it runs until the others have its shares.
    """

    gate: Gateway
    links: Sequence[Link]
    store: Link
    tap: Tap
    account: Account = field(default_factory=Account)
    is_wanted: bool = False
    is_leaving: bool = False

    def start(self) -> None:
        """Start it."""
        self.gate.start()
        self.is_wanted = True

    def kill(self) -> None:
        """Kill it."""
        self.is_wanted = False
        self.gate.kill()

    def stop(self) -> None:
        """Stop it in order, once it has started."""
        self.gate.wait_ready()
        self.is_wanted = False
        status = self.gate.terminate(STOPS_WITHIN_S)
        if status:
            self.account.faults.append(f"{self.gate.folder.name} ended with {status} at SIGTERM")

    def reload(self) -> bool:
        """Have it read its files again, once it has started: it may have read them before they were changed."""
        if self.gate.pid is not None:
            self.gate.wait_ready()
            self.gate.send_signal(signal.SIGHUP)
        return True

    def look(self) -> None:
        """See whether it runs and whether its ledger balances; if it ended by itself, start it again."""
        if not self.is_wanted:
            return
        if self.gate.pid is None:
            self.account.faults.append(f"{self.gate.folder.name} ended by itself:\n{self.gate.printed()[-3000:]}")
            self.start()
        with suppress(OSError, HTTPException, ValueError, AssertionError):
            self.account.note(self.gate.document("/api/ledger"))

    def owes_nothing(self) -> bool:
        """Tell if all that it was handed has come to its end."""
        return self.gate.status()["mqtt"]["unacknowledged"] == 0 and not any(self.gate.ledger()["pending"].values())


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
