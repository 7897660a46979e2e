"""Findings about the gateway and its connections, the session that the broker keeps, and its queue there.

Each further trouble is one more line here.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from gateway.core.batching.fair_shares import Flood
from gateway.core.gateways.queue_members import TOO_FEW_NODES, ClusterSeen, QueueMembers
from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.waits import Wait, WaitKind
from gateway.core.readings.unit_jumps import UnitJump
from gateway.core.status.silence import Membership
from gateway.core.status.verdict import ORIGINS_WITHIN_MIN, Finding, Level
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.events import FLOODS_SAID, Events
from gateway.ingest.storage.recovery.tally import Tally
from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.alarms.documents import LOSS_SHOWN_MS, AlarmEvents
from gateway.support.access.exposed_secrets import pages_in_plain, sent_in_plain
from gateway.support.commit import failed_upgrade
from gateway.support.config.model import Config
from gateway.support.i18n.formats import written_span
from gateway.support.registry.shares import ManagementSection
from gateway.support.standing import ACCOUNTS_PUT_BACK, SESSION_LOST, SESSION_TAKEN, StandingParams

_IDS_SHOWN: Final = 5
_NAMED: Final = 3


def of_connections(events: Events) -> Iterator[Finding]:
    """The broker and the database."""
    if not events.broker_reached:
        yield Finding("mqtt_away", Level.TROUBLE, {}, events.mqtt_trouble)
    for pattern, why in events.refused_subscriptions.items():
        yield Finding("subscription_refused", Level.TROUBLE, {"filter": pattern}, why)
    if events.influxdb_trouble:
        yield Finding("influxdb_away", Level.TROUBLE, {}, events.influxdb_trouble)


def of_port(open_port: int) -> Iterator[Finding]:
    """The devices' port of this machine's broker, if nothing limits what one of them sends."""
    if open_port:
        yield Finding("port_open", Level.ATTENTION, {"port": str(open_port)})


def of_pair(standby: Standby | None, waits: Sequence[Wait], now_s: float) -> Iterator[Finding]:
    """The other machine of a pair; a passive one says too that the live one waits for it."""
    if standby is None or not standby.is_synced:
        return
    if standby.role is PairRole.LIVE and not standby.has_reserve(now_s):
        yield Finding("no_standby", Level.ATTENTION, {"machine": standby.name})
    if standby.role is PairRole.LIVE and standby.awaited_journals:
        yield Finding("journal_awaited", Level.ATTENTION, {"machine": ", ".join(standby.awaited_journals)})
    elif standby.role is PairRole.PASSIVE and waits:
        yield Finding("journal_awaited", Level.ATTENTION, {"machine": standby.name})


def of_moves(waits: Sequence[Wait]) -> Iterator[Finding]:
    """Shares that wait for another gateway; those that wait alike are one finding."""
    of_shares = [wait for wait in waits if wait.share]
    for (kind, waiting, awaited), alike in groupby(of_shares, lambda wait: (wait.kind, wait.waiting, wait.awaited)):
        shares = [wait.share for wait in alike]
        level = Level.ATTENTION if kind is WaitKind.NOT_EMPTY else Level.TROUBLE
        params: dict[str, float | str] = {"waiting": waiting, "gateway": awaited}
        yield Finding(kind.value, level, params | _named(shares))


def of_members(membership: Membership, events: Events, now_ms: int) -> Iterator[Finding]:
    """Other gateways of which it is not known what they hear, and a leader that does not lead yet."""
    if events.leader_to_be:
        yield Finding("leader_changes", Level.ATTENTION, {"leader": events.leader_to_be, "before": membership.leader})
    if membership.elsewhere is None:
        return
    for member in membership.elsewhere.members.missing(now_ms):
        if member.told_ms:
            yield Finding("gateway_missing", Level.TROUBLE, {"gateway": member.name, "last": _minute(member.told_ms)})
        else:
            yield Finding("gateway_unheard", Level.TROUBLE, {"gateway": member.name})


def of_the_way(events: Events, now_ms: int) -> Iterator[Finding]:
    """Messages that were lost before the gateway, for a day."""
    drops = events.drops
    if drops.dropped and now_ms - drops.last_ms < LOSS_SHOWN_MS:
        yield Finding("broker_dropped", Level.TROUBLE, {"count": drops.dropped, "last": _minute(drops.last_ms)})
    elif events.gaps_ms and now_ms - events.gaps_ms < LOSS_SHOWN_MS:
        devices, readings = events.gaps
        yield Finding("many_gaps", Level.TROUBLE, {"count": readings, "devices": devices})


def of_secrets(config: Config, management: ManagementSection | None = None) -> Iterator[Finding]:
    """Passwords that could be read on the network, also of the broker's HTTP API."""
    for _, url in sent_in_plain(config, management):
        yield Finding("sent_in_plain", Level.ATTENTION, {"url": url})
    if url := pages_in_plain(config):
        yield Finding("pages_in_plain", Level.ATTENTION, {"url": url})


def of_disk(events: Events) -> Iterator[Finding]:
    """The journal and the quarantine."""
    if events.journal_trouble:
        yield Finding("journal_refuses", Level.TROUBLE, {}, events.journal_trouble)
    if events.damage is not None:
        yield events.damage
    if events.quarantine.trouble:
        yield Finding("quarantine_refuses", Level.TROUBLE, {}, events.quarantine.trouble)


def of_losses(tally: Tally) -> Iterator[Finding]:
    """Readings that the journal lost, until somebody acknowledges it."""
    if tally.missing:
        about: dict[str, float | str] = {"count": tally.missing, "file": tally.database.name}
        yield Finding("missing", Level.TROUBLE, about | {"since": _minute(tally.since_ms)})


def of_receivers(alarms: AlarmEvents, now_ms: int) -> Iterator[Finding]:
    """Those who are to be told of alarms and cannot be, and those who will never hear of some."""
    for receiver, why in alarms.untold.items():
        yield Finding("alarms_untold", Level.TROUBLE, {"receiver": receiver}, why)
    for receiver, given_up in alarms.given_up.items():
        if now_ms - given_up.last_ms < LOSS_SHOWN_MS:
            about: dict[str, float | str] = {"receiver": receiver, "count": given_up.of_places.total()}
            whose = {"whose": ", ".join(given_up.most()), "last": _minute(given_up.last_ms)}
            yield Finding("alarms_given_up", Level.TROUBLE, about | whose)


def of_codecs(codecs: AsyncCodecs) -> Iterator[Finding]:
    """Makers' codecs."""
    if codecs.refused:
        yield Finding("codecs_refused", Level.TROUBLE, {}, "; ".join(codecs.unprotected or ()))
    if codecs.trouble:
        yield Finding("codecs_dead", Level.TROUBLE, {}, codecs.trouble)
    for codec, why in codecs.suspended.items():
        yield Finding("codec_suspended", Level.ATTENTION, {"codec": codec}, f"it {why}")


def of_senders(floods: Sequence[Flood], jumps: Iterable[UnitJump]) -> Iterator[Finding]:
    """Findings about devices whose sending needs attention."""
    for jump in jumps:
        params: dict[str, float | str] = {"make": jump.make, "devices": ", ".join(jump.devices), "factor": jump.factor}
        yield Finding("unit_jump", Level.ATTENTION, params)
    for flood in floods[:FLOODS_SAID]:
        topic, bytes_sent = flood.topic[:200], {"kb_per_s": round(flood.bytes_per_s / 1000)}
        sent = {"per_s": round(flood.per_s), "pct": round(100 * flood.share)}
        if flood.bytes_per_s and flood.device:
            yield Finding("flood_heavy", Level.ATTENTION, bytes_sent | {"device": flood.device})
        elif flood.bytes_per_s:
            yield Finding("flood_topic_heavy", Level.ATTENTION, bytes_sent | {"topic": topic})
        elif flood.device:
            yield Finding("flood", Level.ATTENTION, sent | {"device": flood.device})
        else:
            yield Finding("flood_topic", Level.ATTENTION, sent | {"topic": topic})
    if len(floods) > FLOODS_SAID:
        yield Finding("floods_more", Level.ATTENTION, {"count": len(floods) - FLOODS_SAID})


def of_strangers(events: Events, devices_max: int, now_s: float) -> Iterator[Finding]:
    """Findings about unregistered names, perhaps invented, that fill their limits."""
    if turned_away := events.turned_away_lately.counts(now_s):
        yield Finding("too_many_devices", Level.TROUBLE, {"limit": devices_max} | _by_origin(turned_away))
    if made_room := events.quarantine.made_room_lately.counts(now_s):
        yield Finding("quarantine_crowded", Level.TROUBLE, _by_origin(made_room))


def _by_origin(messages: Counter[str]) -> dict[str, float | str]:
    ((origin, _),) = messages.most_common(1)
    return {"count": messages.total(), "minutes": ORIGINS_WITHIN_MIN, "origin": f"{origin}#"}


def of_itself(events: Events, *, clock_doubted: bool, imbalance: int) -> Iterator[Finding]:
    """The gateway's clock, its account, its files and its version."""
    if (failed := failed_upgrade()) is not None:
        yield Finding("upgrade_failed", Level.ATTENTION, {"version": failed[0]}, failed[1])
    if clock_doubted:
        yield Finding("clock_doubted", Level.TROUBLE)
    if imbalance:
        yield Finding("imbalance", Level.TROUBLE, {"count": imbalance})
    if events.changed_ids:
        some = ", ".join(events.changed_ids[:_IDS_SHOWN])
        yield Finding("ids_changed", Level.ATTENTION, {"count": len(events.changed_ids), "ids": some})
    for line in events.reload_trouble:
        yield Finding("reload_failed", Level.ATTENTION, {}, line)


def of_session(session: SessionEvents, now_ms: int, *, shared: bool) -> Iterator[Finding]:
    """Findings about the session; ``shared``: the broker's queue is all that keeps the part of one of several gateways."""
    if session.expiry_s is not None:
        granted, asked = (written_span(span_s * 1000) for span_s in session.expiry_s)
        yield Finding("session_expiry_cut", Level.TROUBLE, {"granted": granted, "asked": asked})
    yield from _standing(session.stands, shared=shared)
    if session.window is not None:
        at_once, wanted = session.window
        yield Finding("window_cut", Level.ATTENTION, {"granted": at_once, "asked": wanted})
    if session.missing and now_ms - session.missing_ms < LOSS_SHOWN_MS:
        yield Finding("bindings_missing", Level.TROUBLE, _named(session.missing) | {"last": _minute(session.missing_ms)})
    if session.strange:
        yield Finding("bindings_strange", Level.TROUBLE, _named(session.strange))
    if session.unroutable:
        yield Finding("unroutable", Level.TROUBLE, {"count": session.unroutable})
    if not session.is_kept:
        yield Finding("unroutable_dropped", Level.TROUBLE)
    if session.cluster is not None:
        yield from _of_cluster(session.cluster)
    if session.unwatched:
        yield Finding("broker_unwatched", Level.ATTENTION, {}, session.unwatched)


def _standing(stands: Mapping[str, StandingParams], *, shared: bool) -> Iterator[Finding]:
    """Findings that stand until a person has seen them; of a damaged file particulars may be missing."""
    if (about := stands.get(SESSION_LOST)) is not None:
        last = {"last": _minute(about.get("at_ms", 0))}
        yield Finding("session_lost_shared", Level.TROUBLE, last) if shared else Finding("session_lost", Level.TROUBLE, last)
    if (about := stands.get(SESSION_TAKEN)) is not None:
        yield Finding("session_taken", Level.TROUBLE, {"last": _minute(about.get("at_ms", 0))})
    if (about := stands.get(ACCOUNTS_PUT_BACK)) is not None:
        told = {"count": about.get("count", 0), "last": _minute(about.get("at_ms", 0))}
        if copy_ms := about.get("copy_ms", 0):
            of_copy = {"copy": _minute(copy_ms), "damaged": about.get("damaged", "?")}
            yield Finding("accounts_from_copy", Level.ATTENTION, told | of_copy)
        else:
            yield Finding("accounts_put_back", Level.ATTENTION, told | {"some": about.get("some", "?")})


def _of_cluster(seen: ClusterSeen) -> Iterator[Finding]:
    """Queues that would not outlive the end of a node."""
    if few := seen.few:
        has = min(len(queue.members) for queue in few)
        yield Finding("queue_members_few", Level.TROUBLE, _queues(few) | {"has": has, "wanted": seen.wanted})
    if away := seen.away:
        nodes = sorted({node for queue in away for node in queue.away})
        level = Level.ATTENTION if all(queue.is_served for queue in away) else Level.TROUBLE
        yield Finding("queue_members_away", level, _queues(away) | {"nodes": ", ".join(nodes)})
    if len(seen.nodes) == TOO_FEW_NODES:
        yield Finding("broker_two_nodes", Level.ATTENTION)


def _queues(queues: Sequence[QueueMembers]) -> dict[str, float | str]:
    return {"queues": ", ".join(queue.name for queue in queues)}


def _minute(time_ms: float | str) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(float(time_ms) / 1000))


def _named(names: Sequence[str]) -> dict[str, float | str]:
    return {"count": len(names), "some": ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")}
