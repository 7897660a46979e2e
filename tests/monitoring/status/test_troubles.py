"""Each trouble is a finding, with what people need to know of it; without it there is none."""

import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.batching.fair_shares import Flood
from gateway.core.gateways.queue_members import ClusterSeen, QueueMembers
from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.readings.unit_jumps import UnitJump
from gateway.core.status.verdict import ORIGINS_WITHIN_MIN, Finding, Level
from gateway.ingest.events import Events
from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.status import troubles
from gateway.support.config.model import Config, HttpSection, Influxdb, Mqtt
from gateway.support.registry.shares import ManagementSection

NOW_MS = 1_793_491_200_000
MINUTE = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW_MS / 1000))


def told(found: Any) -> list[tuple[str, str, dict[str, float | str], str]]:  # noqa: ANN401 - findings
    return [(one.level.value, one.key, dict(one.params), one.detail) for one in found]


def test_the_broker_and_the_database() -> None:
    events = Events()
    events.mqtt_trouble = "refused"
    assert told(troubles.of_connections(events)) == [("trouble", "mqtt_away", {}, "refused")]
    events.stands_by = True
    assert told(troubles.of_connections(events)) == [], "a machine that stands by reaches the broker"
    events.refused_subscriptions["a/#"] = "not authorized"
    events.influxdb_trouble = "503"
    assert told(troubles.of_connections(events)) == [
        ("trouble", "subscription_refused", {"filter": "a/#"}, "not authorized"),
        ("trouble", "influxdb_away", {}, "503"),
    ]


def test_who_floods_by_number_and_by_bytes_and_how_many_more_do() -> None:
    by_bytes = [Flood(f"iot/v1/s/water/m{number}/readings", 0.0, 0.0, 61_400.0) for number in range(12)]
    found = told(
        troubles.of_senders([Flood("iot/v1/s/water/m/readings", 812.4, 0.9), Flood("a/b", 0.0, 0.0, 5e6), *by_bytes], [])
    )
    assert found[:3] == [
        ("attention", "flood", {"per_s": 812, "pct": 90, "device": "m"}, ""),
        ("attention", "flood_topic_heavy", {"kb_per_s": 5000, "topic": "a/b"}, ""),
        ("attention", "flood_heavy", {"kb_per_s": 61, "device": "m0"}, ""),
    ]
    assert found[10:] == [("attention", "floods_more", {"count": 4}, "")]


def test_a_port_that_nothing_limits() -> None:
    events = Events()
    events.port_looked_at(8883)
    assert told(troubles.of_port(events.open_port)) == [("attention", "port_open", {"port": "8883"}, "")]
    events.port_looked_at(0)
    assert told(troubles.of_port(events.open_port)) == []


def test_a_live_machine_without_another_or_with_a_journal_it_waits_for() -> None:
    assert told(troubles.of_pair(None, [], 0.0)) == []
    alone = Standby("a", 10.0, PairRole.LIVE)
    assert told(troubles.of_pair(alone, [], 100.0)) == [], "the watch does not stand yet"
    alone.synced(0.0)
    assert told(troubles.of_pair(alone, [], 100.0)) == [("attention", "no_standby", {"machine": "a"}, "")]


def test_other_gateways_of_which_nothing_is_known() -> None:
    members = [SimpleNamespace(name="g2", told_ms=NOW_MS), SimpleNamespace(name="g3", told_ms=0)]
    missing = SimpleNamespace(missing=lambda now_ms: members if now_ms == NOW_MS else [])
    membership: Any = SimpleNamespace(leader="g1", elsewhere=SimpleNamespace(members=missing))
    events = Events()
    events.leader_to_be = "g2"
    assert told(troubles.of_members(membership, events, NOW_MS)) == [
        ("attention", "leader_changes", {"leader": "g2", "before": "g1"}, ""),
        ("trouble", "gateway_missing", {"gateway": "g2", "last": MINUTE}, ""),
        ("trouble", "gateway_unheard", {"gateway": "g3"}, ""),
    ]
    membership.elsewhere = None
    events.leader_to_be = ""
    assert told(troubles.of_members(membership, events, NOW_MS)) == []


def test_passwords_on_the_wire() -> None:
    config = Config(
        mqtt=Mqtt(url="mqtt://192.0.2.1:1883", password="x"),  # noqa: S106 - an example
        influxdb=Influxdb(url="http://192.0.2.2:8086", token="y"),  # noqa: S106
        http=HttpSection(host="192.0.2.3", tokens_file=Path("tokens")),
    )
    management = ManagementSection(url="http://192.0.2.4:15672", username="u", password_file=Path("p"))
    assert told(troubles.of_secrets(config, management)) == [
        ("attention", "sent_in_plain", {"url": "mqtt://192.0.2.1:1883"}, ""),
        ("attention", "sent_in_plain", {"url": "http://192.0.2.2:8086"}, ""),
        ("attention", "sent_in_plain", {"url": "http://192.0.2.4:15672"}, ""),
        ("attention", "pages_in_plain", {"url": "http://192.0.2.3:8080"}, ""),
    ]
    assert told(troubles.of_secrets(Config())) == []


def test_an_upgrade_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "failed_upgrade", lambda: ("1.1.0", "it did not start"))
    found = told(troubles.of_itself(Events(), clock_doubted=False, imbalance=0))
    assert found == [("attention", "upgrade_failed", {"version": "1.1.0"}, "it did not start")]
    monkeypatch.setattr(troubles, "failed_upgrade", lambda: None)
    assert told(troubles.of_itself(Events(), clock_doubted=False, imbalance=0)) == []


def test_stores_that_refuse_or_were_damaged() -> None:
    events = Events()
    assert told(troubles.of_disk(events)) == []
    events.journal_trouble, events.quarantine.trouble = "full", "read only"
    events.damage = Finding("journal_damaged", Level.ATTENTION, {"file": "x"})
    assert told(troubles.of_disk(events)) == [
        ("trouble", "journal_refuses", {}, "full"),
        ("attention", "journal_damaged", {"file": "x"}, ""),
        ("trouble", "quarantine_refuses", {}, "read only"),
    ]


def test_codecs_that_cannot_be_called() -> None:
    codecs = SimpleNamespace(trouble="", refused="", unprotected=None, suspended={})
    assert told(troubles.of_codecs(cast("Any", codecs))) == []
    codecs.refused, codecs.unprotected = "not confined", ["Landlock: none", "seccomp: none"]
    assert told(troubles.of_codecs(cast("Any", codecs))) == [("trouble", "codecs_refused", {}, "Landlock: none; seccomp: none")]
    codecs.refused, codecs.trouble, codecs.suspended = "", "no child", {"acme.js": "overran"}
    assert told(troubles.of_codecs(cast("Any", codecs))) == [
        ("trouble", "codecs_dead", {}, "no child"),
        ("attention", "codec_suspended", {"codec": "acme.js"}, "it overran"),
    ]


def test_makes_whose_registers_count_in_another_unit() -> None:
    jump = UnitJump("acme-1", 1000.0, ("m1", "m2"))
    assert told(troubles.of_senders([], [jump])) == [
        ("attention", "unit_jump", {"make": "acme-1", "devices": "m1, m2", "factor": 1000.0}, "")
    ]


def test_invented_names_that_fill_the_limits() -> None:
    events = Events()
    assert told(troubles.of_strangers(events, 20_000, 10.0)) == []
    counts = SimpleNamespace(counts=lambda now_s: Counter({"a/": 5, "b/": 2}) if now_s == 10.0 else Counter())
    events.turned_away_lately = cast("Any", counts)
    events.quarantine.made_room_lately = cast("Any", counts)
    about = {"count": 7, "minutes": ORIGINS_WITHIN_MIN, "origin": "a/#"}
    assert told(troubles.of_strangers(events, 20_000, 10.0)) == [
        ("trouble", "too_many_devices", {"limit": 20_000, **about}, ""),
        ("trouble", "quarantine_crowded", about, ""),
    ]


def test_the_gateways_own_clock_account_and_files() -> None:
    events = Events()
    assert told(troubles.of_itself(events, clock_doubted=False, imbalance=0)) == []
    events.changed_ids = [f"m{number}" for number in range(9)]
    events.reload_trouble = ["one", "two"]
    assert told(troubles.of_itself(events, clock_doubted=True, imbalance=3)) == [
        ("trouble", "clock_doubted", {}, ""),
        ("trouble", "imbalance", {"count": 3}, ""),
        ("attention", "ids_changed", {"count": 9, "ids": "m0, m1, m2, m3, m4"}, ""),
        ("attention", "reload_failed", {}, "one"),
        ("attention", "reload_failed", {}, "two"),
    ]


def queue(name: str, members: int, away: int = 0, *, is_served: bool = True) -> QueueMembers:
    made: Any = SimpleNamespace(
        name=name, members=[f"n{at}" for at in range(members)], away=[f"n{at}" for at in range(away)], is_served=is_served
    )
    return cast("QueueMembers", made)


def test_queues_that_would_not_outlive_a_node() -> None:
    few, more = queue("q1", 1), queue("q2", 2)
    seen: Any = SimpleNamespace(few=[few, more], away=[], wanted=3, nodes=["n1", "n2", "n3"])
    session = SessionEvents()
    session.cluster = cast("ClusterSeen", seen)
    assert told(troubles.of_session(session, NOW_MS, shared=True)) == [
        ("trouble", "queue_members_few", {"queues": "q1, q2", "has": 1, "wanted": 3}, "")
    ]
    seen.few, seen.away, seen.nodes = [], [queue("q1", 3, 2), queue("q2", 3, 1)], ["n1", "n2"]
    assert told(troubles.of_session(session, NOW_MS, shared=True)) == [
        ("attention", "queue_members_away", {"queues": "q1, q2", "nodes": "n0, n1"}, ""),
        ("attention", "broker_two_nodes", {}, ""),
    ]
    seen.away, seen.nodes = [queue("q1", 3, 1), queue("q2", 3, 1, is_served=False)], ["n1"]
    assert told(troubles.of_session(session, NOW_MS, shared=True)) == [
        ("trouble", "queue_members_away", {"queues": "q1, q2", "nodes": "n0"}, "")
    ]
