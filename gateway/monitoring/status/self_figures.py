"""The figures that the gateway writes about itself each minute: what alerts need where nobody collects its metrics.

On VictoriaMetrics ``lost`` is the series ``gateway_lost``. No figure has the name of a metric (``gateway_journal_bytes``): one
VictoriaMetrics may hold both. Counts run since the process started.
"""

from gateway.core.gateways.standby import PairRole
from gateway.ingest.delivery.circuit_breaker import Figures
from gateway.monitoring.status.status import Status


def self_figures(status: Status) -> Figures:
    """Return field → value; what is not known is left out, as ``full_s`` while the journal does not grow."""
    ledger, journal, events = status.ledger, status.journal, status.events
    figures: dict[str, float | bool | None] = {
        "received": float(ledger.received.total()),
        "written": float(ledger.total("written")),
        "lost": float(ledger.total("lost")),
        "missing": float(journal.tally.missing),
        "expired": float(ledger.total("expired")),
        "rejects": float(sum(events.rejects.values())),
        "imbalance": float(ledger.imbalance),
        "broker_dropped": float(events.drops.dropped),
        "quarantine": float(ledger.pending["quarantine"]),
        "mqtt": events.broker_reached,
        "live": None if status.standby is None else status.standby.role is PairRole.LIVE,
        "waits": float(len(status.waits.told)),
        "limit_bytes": float(status.config.journal.max_bytes),
        "used_bytes": float(journal.used_bytes),
        "room_bytes": None if journal.room_bytes is None else float(journal.room_bytes),
        "full_s": journal.seconds_to_full(),
        "oldest_s": journal.oldest_s(status.clock.now_ms()),
        "suspended_codecs": float(len(status.codecs.suspended)),
        "certificate_days": min(status.certificate_days().values(), default=None),
    }
    return {name: value for name, value in figures.items() if value is not None}
