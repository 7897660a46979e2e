"""The gateway as it shows itself: to Prometheus, as a document and as findings."""

from pathlib import Path

import pytest

from gateway import __version__
from gateway.core.gateways.standby import PairRole
from gateway.monitoring.status.metrics import exposition
from gateway.monitoring.status.status import Status
from tests.monitoring.status.seen import FLEET, NOW_MS, busy, quiet

METRICS = Path(__file__).with_name("metrics.txt")


def test_every_number_has_its_series() -> None:
    *series, build = exposition(busy(), FLEET).decode().splitlines()
    assert "".join(f"{line}\n" for line in series) == METRICS.read_text()
    assert build.startswith("gateway_build_info{commit=")
    assert build.endswith(f'version="{__version__}"}} 1.0')


def test_what_is_not_known_has_no_number() -> None:
    shown = numbers(quiet())
    silent = ("journal_room", "journal_full", "standby_role", "mqtt_unroutable", "link_max", "certificate", "completeness")
    assert not [name for name in shown if name.removeprefix("gateway_").startswith(silent)]
    assert shown["gateway_mqtt_session_expiry_seconds"] == "604800.0", "as asked"
    assert shown["gateway_catch_up_seconds_left"] == "0.0", "nothing is left"
    away = busy()
    away.events.influxdb_up = False
    assert numbers(away)["gateway_catch_up_readings_per_second"] == "0.0"
    assert "gateway_catch_up_seconds_left" not in numbers(away)


def numbers(status: Status) -> dict[str, str]:
    lines = exposition(status, FLEET).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_a_machine_that_stands_by_hears_no_device_and_tells_no_alarms() -> None:
    status = busy()
    assert status.standby is not None
    status.standby.role = PairRole.PASSIVE
    assert numbers(status)['gateway_alarms{severity="critical"}'] == "0.0"
    keys = {finding.key for finding in status.findings(FLEET)}
    assert keys.isdisjoint({"alarms_critical", "alarms_active", "silent"})
    assert "missing" in keys


def test_the_document_holds_what_pages_show() -> None:
    found = busy().document(FLEET)
    assert found.pop("version") == __version__
    assert found.pop("commit")
    assert found == {
        "gateway": "gateway-1",
        "since": NOW_MS - 1000,
        "now": NOW_MS,
        "ready": True,
        "mqtt": {"connected": True, "url": "mqtt://127.0.0.1:1883", "unacknowledged": 35},
        "standby": {"machine": "a", "role": "live", "term": 43, "others": {}, "awaited_journals": []},
        "influxdb": {
            "up": True,
            "url": "http://127.0.0.1:8086",
            "read_url": "http://127.0.0.1:8086",
            "bucket": "iot",
        },
        "journal": {
            "bytes": 26,
            "batches": 24,
            "max_bytes": 2**30,
            "room_bytes": 0,
            "seconds_to_full": 0.0,
            "oldest_s": 25.0,
            "missing": 28,
            "missing_since": NOW_MS - 29,
        },
        "catch_up": {"readings_left": 22, "readings_in": 30, "per_s": 0.5, "seconds_left": 44.0, "since": NOW_MS - 25_000},
        "link": {"bytes": 33, "bytes_per_s": 0, "max_bytes_per_s": 32.0},
        "codecs": {
            "suspended": {"acme.js": "overran"},
            "trouble": "no child",
            "restarts": 36,
            "pending": 37,
            "confinement": ["seccomp"],
        },
        "clock_trusted": False,
        "messages": 1,
        "rates": {"received": [], "written": []},
        "ledger": busy().ledger.document(),
        "written": {"water": 19},
        "rejects": {"bad_json": 7},
        "rejects_kept": {"bad_json": 31},
        "dropped": {"sentinel": 5},
        "ignored": {"rule": 4},
        "devices": {"online": 61, "silent": 62, "new": 63, "unknown": 0},
        "unregistered": 64,
    }
    nothing = quiet().document(FLEET)
    assert (nothing["standby"], nothing["catch_up"]) == (None, None)
    assert nothing["clock_trusted"]


def test_findings_come_worst_first_with_their_numbers() -> None:
    found = [(one.level.value, one.key, dict(one.params), one.detail) for one in busy().findings(FLEET)]
    for minute in (found[4][2].pop("last"), found[5][2].pop("since")):
        assert len(str(minute)) == len("2026-10-31 23:59")
    assert found == [
        ("trouble", "session_expiry_cut", {"granted": "12 s", "asked": "13 s"}, ""),
        ("trouble", "unroutable", {"count": 16}, ""),
        ("trouble", "move_not_left", {"waiting": "new", "gateway": "old", "count": 1, "some": "ward-1"}, ""),
        ("trouble", "alarms_untold", {"receiver": "alarms.webhook"}, "410 Gone"),
        ("trouble", "alarms_given_up", {"receiver": "webhook", "count": 4, "whose": "d0 (3), d1 (1)"}, ""),
        ("trouble", "missing", {"count": 28, "file": "journal.db"}, ""),
        ("trouble", "codecs_dead", {}, "no child"),
        ("trouble", "clock_doubted", {}, ""),
        ("trouble", "imbalance", {"count": -70}, ""),
        ("trouble", "alarms_critical", {"count": 40}, ""),
        ("trouble", "silent", {"silent": 62, "total": 123}, ""),
        ("trouble", "disk_short", {"free": 27, "least": 200}, ""),
        ("attention", "codec_suspended", {"codec": "acme.js"}, "it overran"),
        ("attention", "flood", {"per_s": 5, "pct": 50, "device": "m1"}, ""),
        ("attention", "flood_topic", {"per_s": 6, "pct": 25, "topic": "a/b"}, ""),
        ("attention", "alarms_active", {"count": 41}, ""),
    ]
    assert quiet().troubles() == []


def test_a_gateway_is_ready_while_readings_can_become_durable() -> None:
    status = quiet()
    assert status.not_ready() == ""
    status.events.influxdb_up = False
    assert status.not_ready() == "", "the journal takes them"
    status.events.journal_trouble = "disk full"
    assert status.not_ready() == "InfluxDB: not tried yet; journal: disk full"
    status.events.influxdb_trouble = "refused"
    assert status.not_ready() == "InfluxDB: refused; journal: disk full"
    status.events.influxdb_up = True
    assert status.not_ready() == ""


@pytest.mark.parametrize(("is_up", "waiting", "left"), [(True, 0, None), (True, 9, None), (False, 0, None), (False, 9, 7200.0)])
def test_how_long_the_room_lasts_is_told_only_while_readings_wait_that_the_database_does_not_take(
    *, is_up: bool, waiting: int, left: float | None
) -> None:
    status = quiet()
    for at_s in (0, 300):  # the file grows by other tables too
        status.journal.used_bytes = 1000 * at_s
        status.journal.note_room(at_s, 7_200_000, 2**40)
    status.events.influxdb_up, status.ledger.pending["journal"] = is_up, waiting
    assert status.seconds_to_full() == left
    assert ("gateway_journal_full_seconds" in numbers(status)) is (left is not None)
