"""The foundation of a gateway, what all its rooms stand on; and its connection to the broker, perhaps one of a pair.

A passive machine stores, drains, serves pages and watches its files. Whatever speaks for the devices or decides about them
waits until it is live: where such a lane is made it is a :class:`LiveOnly`. ``docs/standby.md`` lists them for operators.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gateway.core.devices.broker_drops import BrokerDrops
from gateway.core.gateways.standby import Standby
from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Session
from gateway.core.status.members import Reception
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.pair import PairedConnection, Watch, watch_session
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.options import broker_addresses, pair_topics, session_options
from gateway.support.access.accounts import open_access
from gateway.support.access.exposed_secrets import exposed_secrets
from gateway.support.audit.log import AuditLog
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.support.standing import StandingFindings
from gateway.support.tls import tls_contexts

Lane = Callable[[], Coroutine[Any, Any, None]]
Lanes = Mapping[str, Lane]
"""What runs side by side while the gateway runs, by name."""


class LiveOnly(partial[Coroutine[Any, Any, None]]):
    """A lane that speaks for the devices or decides about them: of a pair the live machine alone runs it."""


class Foundation:
    """The configuration, the file, the clock, and the two accounts of what happens: events for people, the ledger for readings.

    :ivar newest_ms: the newest time that an earlier run has saved; 0 if none has.
    :ivar tls: the contexts in force, made of the certificates.
    """

    def __init__(self, config: Config, database: Database, clock: WallClock) -> None:
        """Lay it; ``database`` is open."""
        self.config = config
        self.database = database
        self.clock = clock
        self.newest_ms, now_ms = int(database.run_here(keyvalue.get, keyvalue.NEWEST_TIME) or 0), clock.now_ms()
        dropped = database.run_here(keyvalue.get, keyvalue.DROPPED)
        drops = BrokerDrops(None if dropped is None else int(dropped))
        pair = config.mqtt.standby.machine is not None  # the other machine may have heard the devices until now
        self.events = Events(reception=Reception(0 if pair else self.newest_ms or now_ms), drops=drops)
        self.events.session.standing = StandingFindings(config.journal.path)
        self.events.session.look_for_standing()
        self.events.exposed(exposed_secrets(config))
        self.ledger = Ledger(since_ms=now_ms)
        self.access = open_access(config)
        self.audit = AuditLog(config.journal.path)
        self.tls = tls_contexts(config)


class Pairing:
    """The connection of the session, and, where two machines share it in turn, the watch of the other one."""

    def __init__(self, foundation: Foundation) -> None:
        mqtt = foundation.config.mqtt
        addresses, options, topics = broker_addresses(mqtt), session_options(foundation.config), pair_topics(mqtt)
        self.watch: Watch | None = None
        self.lanes: Lanes = {}
        if topics is None:
            self.connection = Connection(addresses, Session(options))
            self.connections = [self.connection]
            return
        keep_alive_s = max(1, round(mqtt.standby.keep_alive.total_seconds()))
        session = Session(replace(options, keep_alive_s=keep_alive_s))
        self.connection = paired = PairedConnection(addresses, session, foundation.ledger, topics.journal)
        standby = Standby(topics.machine, keep_alive_s)
        watching = Connection(addresses, watch_session(session.options, standby.name, topics))
        self.watch = Watch(watching, paired, standby, topics, foundation.ledger, foundation.events)
        self.connections = [paired, self.watch.connection]
        self.lanes = {"watch": self.watch.run}

    def sums_hindrance(self) -> str:
        """Tell why the newest sums may not stand in the database; empty: they do."""
        awaited = self.watch.standby.awaited_journals if self.watch is not None else []
        return f"the journal of {', '.join(awaited)} may hold readings that nobody else has" if awaited else ""

    def gated(self, lanes: Lanes) -> Lanes:
        """The lanes, of which those of the live machine wait until this one is live."""
        if self.watch is None:
            return lanes
        is_live = self.watch.live

        async def when_live(lane: Lane) -> None:
            await is_live.wait()
            await lane()

        return {name: partial(when_live, lane) if isinstance(lane, LiveOnly) else lane for name, lane in lanes.items()}
