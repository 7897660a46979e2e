"""Pairing: the connection of the session, and, where two machines share it in turn, the watch of the other one.

A passive machine stores, drains, serves pages and watches its files. Whatever speaks for the devices or decides about them
waits until it is live: where such a lane is made it is a :class:`LiveOnly`. ``docs/standby.md`` lists them for operators.
"""

from dataclasses import dataclass, replace
from functools import partial

from gateway.core.gateways.standby import Standby
from gateway.core.mqtt_session import Session
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.pair import PairedConnection, Watch
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly
from gateway.runtime.pipeline.options import broker_addresses, pair_topics, session_options


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
        watch = self.watch
        return {name: partial(_when_live, watch, lane) if isinstance(lane, LiveOnly) else lane for name, lane in lanes.items()}


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
