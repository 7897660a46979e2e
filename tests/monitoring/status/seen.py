"""A status of which every number is another one: what is shown in the place of another is noticed."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from gateway.core.alarms.alarm import Severity
from gateway.core.batching.fair_shares import Flood
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.rates import Histogram
from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.waits import TOLD_AFTER_MS, Wait, WaitKind
from gateway.core.ledger import Ledger
from gateway.core.message import WaitCause
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import Fleet
from gateway.ingest.events import Events
from gateway.ingest.storage.alarms import Notice
from gateway.ingest.storage.journal import JournalUse
from gateway.monitoring.alarms.documents import AlarmEvents
from gateway.monitoring.status.status import JournalState, Status
from gateway.support.config.model import Config
from schemas.rejects import DropCause, IgnoreCause
from tests.clocks import SetClock

NOW_MS = 1_793_491_200_000
FLEET = Fleet(
    {"water": Counter({Presence.ONLINE: 61, Presence.SILENT: 62}), "power": Counter({Presence.NEW: 63})}, unregistered=64
)


def quiet() -> Status:
    """A gateway to which nothing has happened yet."""
    tally = SimpleNamespace(missing=0, since_ms=0, database=Path("journal.db"))
    parts: dict[str, Any] = {
        "evaluator": SimpleNamespace(
            sequence_missing=Counter(),
            trust=SimpleNamespace(doubted=False),
            unit_jumps=SimpleNamespace(told=lambda _: []),
        ),
        "acknowledger": SimpleNamespace(owed=0),
        "codecs": SimpleNamespace(suspended={}, keys=[], restarts=0, trouble="", refused="", pending=0, unprotected=None),
        "quarantine": SimpleNamespace(stock=SimpleNamespace(by_cause={}, bytes=0)),
        "devices": SimpleNamespace(silence=SimpleNamespace(membership=SimpleNamespace(leader="", elsewhere=None))),
        "verdicts": None,
        "alarms": SimpleNamespace(told=list, weigh=lambda: (0, 0), events=AlarmEvents()),
        "journal": JournalState(cast("Any", tally), cast("Any", SimpleNamespace(per_s=lambda _: None, brought_in=0))),
    }
    clock = SetClock(NOW_MS)
    status = Status(Config(), ledger=Ledger(NOW_MS - 1000), events=Events(), clock=clock, link=LinkBudget(), **parts)
    status.events.influxdb_up = status.events.mqtt_connected = True
    return status


def busy() -> Status:
    """A gateway of which everything can be told."""
    status = quiet()
    events, session, ledger, journal = status.events, status.events.session, status.ledger, status.journal
    events.messages_received, events.readers_ended, events.drops.dropped = 1, 2, 3
    events.messages_ignored[IgnoreCause.RULE] += 4
    events.fields_dropped[DropCause.SENTINEL] += 5
    events.rejects["bad_json"], events.rejects_kept["bad_json"] = 7, 6
    events.codec_warnings["acme.js"], events.journal_written_bytes = 8, 9
    events.delivery, events.requests = _observed(0.015, 10), {"written": _observed(20.0, 11)}
    events.floods = [Flood("iot/v1/s1/water/m1/readings", 5.4, 0.5), Flood("a/b", 6.0, 0.25)]
    session.expiry_s, session.lost, session.restored, session.unroutable = (12, 13), 14, 15, 16
    ledger.received.update({"mqtt": 17, "replay": 18})
    ledger.settle("written", {"water": 19})
    ledger.settle("lost", {"power": 20}, "journal")
    ledger.pending = {"memory": 21, "journal": 22, "quarantine": 23}
    journal.note(JournalUse(24, 0, NOW_MS - 25_000), 26)
    journal.room_bytes, journal.free_bytes = 0, 27 * 2**20
    journal.tally.missing, journal.tally.since_ms = 28, NOW_MS - 29
    journal.progress = cast("Any", SimpleNamespace(per_s=lambda _: 0.5, brought_in=30))
    journal.rejects = {"bad_json": 31}
    status.link.max_bytes_per_s = 32.0
    status.link.total_bytes = 33
    status.evaluator.sequence_missing.update({"water": 34})
    cast("Any", status.evaluator.trust).doubted = True
    status.acknowledger.owed = 35
    codecs: Any = status.codecs
    codecs.keys, codecs.suspended, codecs.restarts, codecs.pending = ["acme.js", "good.js"], {"acme.js": "overran"}, 36, 37
    codecs.trouble, codecs.unprotected = "no child", ["seccomp"]
    stock: Any = status.quarantine.stock
    stock.by_cause, stock.bytes = {WaitCause.CODEC: 38}, 39
    told = [SimpleNamespace(severity=severity) for severity in (Severity.CRITICAL, Severity.INFO, Severity.INFO)]
    alarms: Any = status.alarms
    alarms.told, alarms.weigh = lambda: told, lambda: (40, 41)
    alarms.events.untold["alarms.webhook"] = "410 Gone"
    given_up = [Notice(number, "webhook", "", f"hot@d{number // 3}") for number in range(4)]
    alarms.events.no_room(given_up, NOW_MS - 3_600_000)
    alarms.events.no_room([Notice(0, "influxdb", "", "hot@d9")], NOW_MS - 86_400_000)
    status.day_completeness, status.certificates = {"water": 0.75}, {"http.tls.cert": NOW_MS + 42 * 86_400_000}
    status.standby = Standby("a", 10.0, PairRole.LIVE, 43)
    for steady_ms in range(0, TOLD_AFTER_MS + 1, 60_000):
        status.waits.take([Wait(WaitKind.NOT_LEFT, "new", "old", "ward-1")], steady_ms)
    return status


def _observed(seconds: float, times: int) -> Histogram:
    found = Histogram()
    found.observe(seconds, times)
    return found
