"""The log of what happens to readings: enough for people, and no flood; and the counters that pages show."""

import logging
from collections import Counter
from collections.abc import Callable
from logging import ERROR, INFO, WARNING
from typing import Final

import pytest

from gateway.core.batching.fair_shares import Flood
from gateway.core.gateways.standby import PairRole
from gateway.core.message import Outcome, Refusal
from gateway.core.status.verdict import Level
from gateway.ingest.events import Events
from schemas.rejects import DropCause, IgnoreCause, RejectReason
from tests.rows import each_row

Said = list[tuple[int, str]]


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway")


def said(caplog: pytest.LogCaptureFixture) -> Said:
    """Take what was logged since the last look."""
    found = [(record.levelno, record.getMessage()) for record in caplog.records]
    caplog.clear()
    return found


def refusal(detail: str, topic: str = "t/m1", device: str = "m1") -> Refusal:
    return Refusal(RejectReason.BAD_JSON, detail, topic, b"?", "decode", 1000, device, "water")


FLOOD: Final = Flood("iot/v1/s/water/m1/readings", 1234.0, 0.9)

ALWAYS: Final[list[tuple[Callable[[Events], object], int, str]]] = [
    (lambda e: e.meter_exchanged("m1", ["a", "b"]), INFO, "the meter of m1 was exchanged; counters that start again: a, b"),
    (lambda e: e.meter_exchanged("m1", []), INFO, "the meter of m1 was exchanged; counters that start again: none known"),
    (lambda e: e.state_lost("m1", "bad"), WARNING, "the stored state of m1 cannot be read; the device starts without it: bad"),
    (lambda e: e.row_damaged(3, 7), ERROR, "journal row 3 is damaged; 7 readings in it are lost"),
    (
        lambda e: e.salvaged("old", 5, 2),
        ERROR,
        "old: 5 readings of it are saved, 2 are lost, as are those in unreadable rows",
    ),
    (lambda e: e.missing_acknowledged(4), INFO, "acknowledged: 4 readings of the journal are lost"),
    (lambda e: e.backlog_found(9), INFO, "the journal holds 9 readings of an earlier run"),
    (lambda e: e.started(["no weight"]), ERROR, "a device cannot be read in full: no weight"),
    (lambda e: e.exposed(["a file can be read"]), WARNING, "a file can be read"),
    (lambda e: e.reload_failed(["bad"]), ERROR, "the old registry and profiles stay active: bad"),
    (lambda e: e.reloaded(3, 2), INFO, "the registry is active: 3 devices, 2 profiles"),
    (lambda e: e.connected("mqtt://b:1883", 1, session_present=True), INFO, "connected to mqtt://b:1883, session resumed"),
    (lambda e: e.connected("mqtt://b:1883", 1, session_present=False), INFO, "connected to mqtt://b:1883, session new"),
    (lambda e: e.role_changed("a", PairRole.LIVE, ["b"]), WARNING, "a is live now; others that were heard: b"),
    (lambda e: e.role_changed("a", PairRole.PASSIVE, []), WARNING, "a is passive now; others that were heard: none"),
    (lambda e: e.watch_stands("mqtt://b:1"), INFO, "watching the other machine at mqtt://b:1"),
    (
        lambda e: e.alarms_not_carried("a/+", "no"),
        WARNING,
        "the broker refused the subscription a/+: no; a take-over raises all alarms anew",
    ),
    (lambda e: e.subscribed(3, {}), INFO, "subscribed to 3 topic filters"),
    (
        lambda e: e.missing(6, "journal.db"),
        ERROR,
        "6 readings that journal.db should hold are lost; `gateway journal acknowledge` ends this alarm",
    ),
    (
        lambda e: e.not_salvaged("old.db", "no such file"),
        ERROR,
        "journal: nothing of old.db can be read: no such file; repair it and start the gateway again, or remove the file",
    ),
    (
        lambda e: e.device_renamed("m1-ab", "M1", "m1"),
        WARNING,
        (
            "'M1', called m1 until now, is m1-ab from now on: names with the same plain letters would be one device. InfluxDB "
            "has its past under m1; to go on there, register it: id: m1, source: 'M1'"
        ),
    ),
    (
        lambda e: e.broker_told(b"5", 1, retained=False),
        ERROR,
        (
            "the broker dropped 5 messages: the queue of a receiver was full; a device floods, or the receiver was away "
            "too long; see max_queued_messages and max_queued_bytes in its settings"
        ),
    ),
    (lambda e: e.ids_changed(["m1", "m2"], []), WARNING, "2 devices have another id from now on: m1, m2"),
    (
        lambda e: e.ids_changed([], [str(n) for n in range(21)]),
        WARNING,
        f"21 devices may have, where their names are not plain, another id from now on: {', '.join(map(str, range(20)))}",
    ),
]
ONCE_A_MINUTE: Final[list[tuple[Callable[[Events], object], int, str]]] = [
    (lambda e: e.reader_ended("::1", "sent nothing"), WARNING, "HTTP: a connection from ::1 was closed: it sent nothing"),
    (lambda e: e.codec_warned("c", ["odd", "too"]), WARNING, "codec c warns: odd"),
    (
        lambda e: e.flooded([FLOOD]),
        WARNING,
        "device m1 sends about 1,234 messages a second, 90% of all: check the device",
    ),
    (
        lambda e: e.turned_away(Counter({"a/": 3, "b/": 1}), 5),
        WARNING,
        (
            "5 unregistered devices are known, limits.devices: 4 messages of others are refused, 3 of them from a/#; "
            "registered devices keep their places"
        ),
    ),
    (
        lambda e: e.aged(["m1", "m2"]),
        INFO,
        "2 unregistered devices that were silent for an hour made room for others, m1 among them",
    ),
    (
        lambda e: e.many_gaps(3, 40, 77),
        WARNING,
        "40 readings of 3 devices are missing at once: the broker's queue was full, or the network failed",
    ),
    (lambda e: e.rejects_not_kept(3, "disk full"), WARNING, "3 rejects not kept: disk full"),
    (
        lambda e: e.strangers_not_kept(3, "a/"),
        WARNING,
        "3 rejects of unregistered devices not kept, the last from a/#: they have used up their share of the store",
    ),
    (lambda e: e.catching_up(100, 900, None), INFO, "writing the backlog: 100 readings written, 900 left"),
    (
        lambda e: e.catching_up(100, 900, 45.0),
        INFO,
        "writing the backlog: 100 readings written, 900 left, at 45 a second about 20 s more",
    ),
    (
        lambda e: e.drained(12, 1.26),
        INFO,
        "the journal is empty again; 12 readings of the backlog written in 1.3 s",
    ),
    (lambda e: e.given_up(5), ERROR, "the journal is full: its 5 oldest readings made room"),
    (
        lambda e: e.rejected(refusal("a fault\nand its trace"), kept=True),
        WARNING,
        "reject bad_json from m1: a fault",
    ),
    (lambda e: e.rejected(refusal("", device=""), kept=False), WARNING, "reject bad_json from t/m1: "),
    (lambda e: e.rejected(refusal("why", topic="", device=""), kept=False), WARNING, "reject bad_json from unknown: why"),
    (lambda e: e.refused_too({"a/status": "no", "b/status": "no"}), ERROR, "the broker refused the subscription a/status: no"),
    (
        lambda e: e.quarantine.waits("unknown_device", "m1", 2),
        WARNING,
        "m1 is not registered: its messages wait in quarantine until it is registered",
    ),
    (
        lambda e: e.quarantine.waits("no_birth", "g/n", 2),
        WARNING,
        "the births of g/n are not known: its messages wait in quarantine for 10 minutes",
    ),
    (
        lambda e: e.quarantine.waits("codec", "c", 2),
        WARNING,
        "the codec c cannot be called now: its messages wait in quarantine",
    ),
    (lambda e: e.quarantine.refused("full"), ERROR, "the quarantine cannot be used, messages wait: full"),
    (
        lambda e: e.quarantine.made_room(Counter({"a/": 3, "b/": 1})),
        ERROR,
        "the quarantine is full: 4 messages made room, 3 of them from a/#",
    ),
    (lambda e: e.quarantine.not_kept(3), ERROR, "no room in quarantine: 3 messages are given up"),
]


@each_row(("happens", "level", "text"), ALWAYS)
def test_it_is_logged_each_time(
    happens: Callable[[Events], object], level: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    said(caplog)
    happens(Events())
    assert said(caplog) == [(level, text)]


@each_row(("happens", "level", "text"), ONCE_A_MINUTE)
def test_it_is_logged_once_a_minute(
    happens: Callable[[Events], object], level: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    said(caplog)
    events = Events()
    happens(events)
    happens(events)
    assert said(caplog) == [(level, text)]


def test_nothing_is_logged_where_nothing_is_to_be_told(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.missing(0, "journal.db")
    events.backlog_found(0)
    events.broker_told(b"5", 1, retained=True)
    events.recovered(1.0)
    events.journal_took(0)
    events.sums_taken_over(0)
    events.ids_changed([], [])
    events.quarantine.works()
    events.quarantine.made_room(Counter())
    assert said(caplog) == []


def test_a_trouble_is_logged_when_it_begins_and_when_it_ends_and_shown_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for why in ("refused", "timed out"):
        events.trouble(why)
        assert (events.influxdb_trouble, events.influxdb_up) == (why, False)
    events.recovered(2.34)
    assert (events.influxdb_trouble, events.influxdb_up) == ("", True)
    events.journal_refused("full")
    events.journal_refused("still full")
    assert events.journal_trouble == "still full"
    events.journal_took(10)
    events.journal_took(5)
    assert (events.journal_trouble, events.journal_written_bytes) == ("", 15)
    events.journal_absent("no right")
    events.journal_absent("no right")
    events.journal_absent("gone")
    events.sums_awaited(3, "away")
    events.sums_awaited(4, "far away")
    assert events.sums_trouble == "far away"
    events.sums_taken_over(0)
    assert events.sums_trouble == ""
    events.quarantine.refused("full")
    assert events.quarantine.trouble == "full"
    events.quarantine.works()
    assert events.quarantine.trouble == ""
    assert said(caplog) == [
        (WARNING, "InfluxDB does not take readings, they go to the journal: refused"),
        (INFO, "InfluxDB takes readings again after 2.3 s"),
        (ERROR, "the journal cannot store readings, they wait in memory unacknowledged: full"),
        (INFO, "the journal stores readings again"),
        (ERROR, "the gateway runs without its journal until the file can be opened: no right"),
        (ERROR, "the gateway runs without its journal until the file can be opened: gone"),
        (WARNING, "3 devices await their sums from InfluxDB; until it answers their points are written without: away"),
        (INFO, "the sums of 0 devices go on where they stood in InfluxDB"),
        (ERROR, "the quarantine cannot be used, messages wait: full"),
        (INFO, "the quarantine can be used again"),
    ]


def test_each_reason_of_a_broker_that_is_away_is_logged_once_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.subscribed(2, {"a/#": "no"})
    assert events.is_subscribed
    for why in ("refused", "silent", "refused"):
        events.disconnected(why, 1000)
    assert (events.mqtt_connected, events.is_subscribed, events.mqtt_trouble) == (False, False, "refused")
    assert events.reception.since_ms is None
    events.connected("mqtt://b:1", 2000, session_present=True)
    assert (events.mqtt_connected, events.mqtt_url, events.mqtt_trouble) == (True, "mqtt://b:1", "")
    assert events.reception.since_ms == 2000
    events.disconnected("refused", 3000)
    assert [text for level, text in said(caplog) if level == WARNING] == [
        f"not connected to the broker: {why}" for why in ("refused", "silent", "refused")
    ]
    events.subscribed(1, {"a/#": "no"})
    assert not events.is_subscribed, "the broker refused all"
    assert events.refused_subscriptions == {"a/#": "no"}


def test_one_refused_state_stands_for_all(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.refused_subscriptions = {"a/#": "no"}
    events.refused_too({})
    events.refused_too({"b/status": "no"})
    events.refused_too({"c/status": "no"})
    assert events.refused_subscriptions == {"a/#": "no", "b/status": "no"}
    assert len(said(caplog)) == 1


def test_a_watch_that_is_lost_is_logged_once_and_shown_unless_the_session_stands(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.watch_lost("away")
    events.watch_lost("away")
    assert events.mqtt_trouble == "away"
    events.watch_stands("mqtt://b:1")
    assert events.mqtt_trouble == ""
    events.mqtt_connected, events.mqtt_trouble = True, "of the session"
    events.watch_lost("gone")
    events.watch_stands("mqtt://b:1")
    assert events.mqtt_trouble == "of the session"
    assert [text for level, text in said(caplog) if level == WARNING] == [
        "not watching the other machine: away",
        "not watching the other machine: gone",
    ]


def test_a_leader_that_is_named_anew_is_logged_once_and_remembered_until_it_leads(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for name, to_be in (("a", ""), ("b", "b"), ("b", "b"), ("a", "")):
        events.leader_named(name, "a")
        assert events.leader_to_be == to_be
    assert said(caplog) == [(WARNING, "b is to lead in place of a: restart a first, then the others")]


def test_damage_is_shown_while_it_lasts_and_faults_of_a_reload_until_one_succeeds() -> None:
    events = Events()
    events.salvaging("old.db")
    assert events.damage is not None
    assert (events.damage.key, events.damage.level, events.damage.params) == (
        "journal_damaged",
        Level.TROUBLE,
        {"file": "old.db"},
    )
    events.not_salvaged("old.db", "why")
    assert (events.damage.key, events.damage.detail) == ("not_salvaged", "why")
    events.salvaged("old.db", 1, 0)
    assert events.damage is None
    events.started(["fault"])
    assert events.reload_trouble == ["fault"]
    events.reloaded(1, 1)
    assert events.reload_trouble == []
    events.reload_failed(["other"])
    assert events.reload_trouble == ["other"]


def test_everything_is_counted() -> None:
    events = Events()
    events.processed(Outcome(ignored=IgnoreCause.STATUS, dropped=[("ph", DropCause.WRONG_TYPE), ("x", DropCause.WRONG_TYPE)]))
    events.processed(Outcome())
    assert (events.messages_ignored, events.fields_dropped) == ({IgnoreCause.STATUS: 1}, {DropCause.WRONG_TYPE: 2})
    events.messages_received = 1
    events.broker_told(b"5", 88, retained=False)
    assert (events.messages_received, events.drops.dropped, events.drops.last_ms) == (0, 5, 88)
    events.codec_warned("c", ["odd", "too"])
    events.reader_ended("::1", "slept")
    events.many_gaps(3, 40, 77)
    assert (events.codec_warnings, events.readers_ended) == ({"c": 2}, 1)
    assert (events.gaps, events.gaps_ms) == ((3, 40), 77)
    events.flooded([FLOOD])
    assert events.floods == [FLOOD]
    events.ids_changed(["m1"], ["m2"])
    assert events.changed_ids == ["m1"]
    events.answered("written", 0.2)
    events.answered("written", 0.2, live=False)
    assert (sum(events.live_answers.counts), sum(events.requests["written"].counts)) == (1, 2)
    quarantine = events.quarantine
    quarantine.waits("codec", "c", 2)
    quarantine.waits("codec", "c", 3)
    quarantine.damaged(4)
    quarantine.damaged(1)
    assert (quarantine.messages, quarantine.lost) == ({"codec": 5}, 5)
    assert not events.broker_reached
    events.stands_by = True
    assert Events().broker_reached is not events.broker_reached, "it watches by another connection"


def test_of_a_flood_of_rejects_some_a_minute_are_said_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for number in range(500):
        events.rejected(refusal("a fault", f"t/m{number}", f"m{number}"), kept=number % 2 == 0)
    assert (events.rejects["bad_json"], events.rejects_kept["bad_json"]) == (500, 250)
    assert caplog.messages[0] == "reject bad_json from m0: a fault"
    assert 100 <= len(caplog.messages) <= 200, "a minute may end meanwhile"
