"""The foundation of a gateway: what all its rooms stand on."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.devices.broker_drops import BrokerDrops
from gateway.core.ledger import Ledger
from gateway.core.status.members import Reception
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.access.accounts import Access, open_access
from gateway.support.access.exposed_secrets import exposed_secrets
from gateway.support.audit.log import AuditLog
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.support.tls import TlsContexts, tls_contexts

Lane = Callable[[], Coroutine[Any, Any, None]]
Lanes = Mapping[str, Lane]
"""What runs side by side while the gateway runs, by name."""


@dataclass(frozen=True, slots=True)
class LiveOnly:
    """A lane that speaks for the devices or decides about them: of a pair the live machine alone runs it."""

    lane: Lane

    def __call__(self) -> Coroutine[Any, Any, None]:
        """Run it."""
        return self.lane()


@dataclass(frozen=True, slots=True)
class Foundation:
    """The configuration, the file, the clock, and the two accounts of what happens: events for people, the ledger for readings.

    :ivar access: the accounts of people.
    :ivar audit: the log of their changes.
    :ivar tls: the contexts in force, made of the certificates.
    :ivar newest_ms: the newest time that an earlier run has saved; 0 if none has.
    """

    config: Config
    database: Database
    clock: WallClock
    events: Events
    ledger: Ledger
    newest_ms: int
    access: Access
    audit: AuditLog
    tls: TlsContexts


def lay_foundation(config: Config, file: Database, clock: WallClock) -> Foundation:
    """Lay the foundation; ``file`` is open.

    :raises ConfigurationFault: a file of tokens or a certificate cannot be used.
    """
    newest_ms, now_ms = int(file.run_here(keyvalue.get, keyvalue.NEWEST_TIME) or 0), clock.now_ms()
    dropped = file.run_here(keyvalue.get, keyvalue.DROPPED)
    drops = BrokerDrops(None if dropped is None else int(dropped))
    pair = config.mqtt.standby.machine is not None  # the other machine may have heard the devices until now
    events = Events(reception=Reception(0 if pair else newest_ms or now_ms), drops=drops)
    events.exposed(exposed_secrets(config))
    access, audit = open_access(config), AuditLog(config.journal.path)
    return Foundation(config, file, clock, events, Ledger(since_ms=now_ms), newest_ms, access, audit, tls_contexts(config))
