"""A pair of gateways with one client id: each behind links of its own to the broker and to InfluxDB."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.commands.demo.services import Service
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.tap import Tap
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import PATIENCE_S, until


@dataclass(frozen=True)
class PairedGateway:
    """One machine: its gateway, its links, and what it has confirmed to the broker."""

    name: str
    gate: Gateway
    broker: Link
    influxdb: Link
    tap: Tap

    @property
    def role(self) -> str:
        """Its role by its own word; empty: it does not answer."""
        try:
            standby = self.gate.status()["standby"]
        except AssertionError:
            return ""
        return str(standby["role"])

    def written(self) -> int:
        """The readings that it has written."""
        return int(self.gate.ledger()["written"])

    def until_role(self, role: str, within_s: float = PATIENCE_S) -> None:
        """Wait until it is live or passive."""
        until(lambda: self.role == role, within_s, what=f"{self.name} is {role}")


@dataclass(frozen=True)
class GatewayPair:
    """The two machines."""

    a: PairedGateway
    b: PairedGateway

    def by_role(self) -> tuple[PairedGateway, PairedGateway]:
        """The live one and its standby, once they are."""
        until(lambda: sorted((self.a.role, self.b.role)) == ["live", "passive"], what="one is live, one stands by")
        return (self.a, self.b) if self.a.role == "live" else (self.b, self.a)

    def takeovers(self) -> int:
        """Count how often one of them became live."""
        return sum(one.gate.said(f"{one.name} is live now") for one in (self.a, self.b))


@contextmanager
def pair(
    folder: Path,
    broker: Service,
    influxdb: Service,
    /,
    *,
    keep_alive_s: int,
    devices: Sequence[Document] = (),
    **sections: Document,
) -> Iterator[GatewayPair]:
    """Two machines that run; ``sections`` of ``gateway.yaml`` and the registered devices are those of both."""
    with ExitStack() as stack:
        machines = []
        for name in ("a", "b"):
            tap = Tap()
            to_broker, to_influxdb = stack.enter_context(Link(broker, tap)), stack.enter_context(Link(influxdb))
            mqtt = {"standby": {"machine": name, "keep_alive": f"{keep_alive_s}s"}} | sections.get("mqtt", {})
            theirs = {**sections, "mqtt": mqtt | {"url": to_broker.url("mqtt")}}
            made = gateway(folder / name, to_broker.url("mqtt"), to_influxdb.url("http"), **theirs)
            made.config.with_name("devices.yaml").write_text(json.dumps({"devices": list(devices)}))
            machines.append(PairedGateway(name, stack.enter_context(made), to_broker, to_influxdb, tap))
        yield GatewayPair(*machines)
