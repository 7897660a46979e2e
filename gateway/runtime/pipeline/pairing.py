"""Pairing: the connection of the session, and, where two machines share it in turn, the watch of the other one.

A passive machine stores, drains, serves pages and watches its files. Whatever speaks for the devices or decides about them
waits until it is live. :data:`LIVE_ONLY` is the whole list of that; ``docs/standby.md`` has it for operators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.core.gateways.standby import Standby
from gateway.core.mqtt_session import Session
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.paired_connection import PairedConnection
from gateway.ingest.intake.watch import Watch
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes
from gateway.runtime.pipeline.options import broker_addresses, pair_topics, session_options

LIVE_ONLY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "quarantine out": "its readings have sums, which the live machine knows",
        "sums": "they are asked for when a device is heard",
        "rounds for alarms": "who hears no device cannot call it silent",
        "hearing of the pair": "it is asked for at a take-over",
        "active alarms": "the live machine has its own",
        "alertmanager": "the live machine tells it what is active",
        "lists of alarms": "the live machine retains them",
        "resum": "sums belong to the live machine",
        "resum at night": "sums belong to the live machine",
        "open export": "one file a day is enough",
        "audit": "it goes by the session",
        "periods": "one machine closes hours, days and months",
        "late readings": "one machine closes hours, days and months",
        "usual hours": "the live machine judges by them",
        "registry and events": "the registry is written once",
    }
)
"""Lane → the reason why it runs on the live machine alone."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The connection of the session, and the watch.

    :ivar watch: of the other machine; None: there is no other.
    """

    connection: Connection
    watch: Watch | None
    lanes: Lanes

    @property
    def connections(self) -> list[Connection]:
        """All connections to the broker."""
        return [self.connection, *([self.watch.connection] if self.watch is not None else [])]

    def sums_hindrance(self) -> str:
        """Tell why the newest sums may not stand in the database; empty: they do."""
        awaited = self.watch.standby.awaited_journals if self.watch is not None else []
        return f"the journal of {', '.join(awaited)} may hold readings that nobody else has" if awaited else ""

    def gated(self, lanes: Lanes) -> Lanes:
        """The lanes, of which those of the live machine wait until this one is live."""
        if self.watch is None:
            return lanes
        return {name: partial(_when_live, self.watch, lane) if name in LIVE_ONLY else lane for name, lane in lanes.items()}


def build_pairing(foundation: Foundation) -> Pairing:
    """Build it.

    :raises ConfigurationFault: a certificate or a password cannot be used.
    """
    mqtt = foundation.config.mqtt
    addresses, options, topics = broker_addresses(mqtt), session_options(foundation.config), pair_topics(mqtt)
    if topics is None:
        return Pairing(Connection(addresses, Session(options)), None, {})
    keep_alive_s = max(1, round(mqtt.standby.keep_alive.total_seconds()))
    standby = Standby(topics.machine, keep_alive_s)
    session = Session(replace(options, keep_alive_s=keep_alive_s))
    connection = PairedConnection(addresses, session, foundation.ledger, topics.journal)
    watch = Watch(addresses, connection, standby, topics, foundation.ledger, foundation.events)
    return Pairing(connection, watch, {"watch": watch.run})


async def _when_live(watch: Watch, lane: Lane) -> None:
    await watch.live.wait()
    await lane()
