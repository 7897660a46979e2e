"""The verdict: what is not well, as keys and numbers."""

from collections import Counter
from datetime import timedelta

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.setback import Setback
from gateway.core.status.history import SilentShare
from gateway.core.status.silence import Membership, NewestReadings, Presence, Silence
from gateway.core.status.verdict import (
    ORIGINS_WITHIN_MIN,
    Finding,
    Fleet,
    Level,
    level_of,
    of_alarms,
    of_certificates,
    of_data,
    of_devices,
    of_room,
    of_stores,
    worst_first,
)
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, RULES, tell_time

ONLINE, SILENT, NEW, UNKNOWN = Presence


def fleet(clocks_off: int = 0, /, **domains: dict[Presence, int]) -> Fleet:
    return Fleet({domain: Counter(counts) for domain, counts in domains.items()}, clocks_off)


def told(findings: list[Finding]) -> dict[str, dict[str, float | str]]:
    return {finding.key: dict(finding.params) for finding in findings}


def test_all_sixty_devices_dead_is_not_well() -> None:
    found = of_devices(fleet(water={SILENT: 24}, power={SILENT: 24}, traffic={SILENT: 12}))
    assert told(found) == {"all_silent": {"total": 60}}
    assert level_of(found) is Level.TROUBLE


@pytest.mark.parametrize(("broken", "level"), [(0, Level.GOOD), (1, Level.ATTENTION), (3, Level.TROUBLE)])
def test_devices_that_are_heard_and_give_no_readings_are_not_well(broken: int, level: Level) -> None:
    found, devices = Fleet(), [Device(f"m{number}", None) for number in range(3)]
    for number, device in enumerate(devices):
        device.last_seen_ms = NOW_MS
        device.setback = Setback("bad_json" if number < broken else "dropped", NOW_MS)
    found.look_at(devices, Silence(), RULES, NOW_MS)
    assert told(of_devices(found)) == ({"devices_stopped": {"stopped": broken, "online": 3}} if broken else {})
    assert level_of(of_devices(found)) is level


@pytest.mark.parametrize(
    ("domains", "findings", "level"),
    [
        pytest.param({}, {}, Level.GOOD, id="no-device"),
        pytest.param({"water": {ONLINE: 60}}, {}, Level.GOOD, id="all-report"),
        pytest.param({"water": {ONLINE: 3, NEW: 57}}, {}, Level.GOOD, id="the-others-are-new"),
        pytest.param({"water": {NEW: 60}}, {"none_heard": {"total": 60}}, Level.ATTENTION, id="all-are-new"),
        pytest.param(
            {"water": {ONLINE: 57, SILENT: 3}}, {"silent": {"silent": 3, "total": 60}}, Level.ATTENTION, id="a-few-silent"
        ),
        pytest.param(
            {"water": {ONLINE: 2, SILENT: 3}}, {"silent": {"silent": 3, "total": 5}}, Level.TROUBLE, id="more-than-half"
        ),
        pytest.param(
            {"water": {ONLINE: 30}, "power": {SILENT: 4, NEW: 1}},
            {"silent": {"silent": 4, "total": 34}, "domain_silent": {"domain": "power", "total": 4}},
            Level.TROUBLE,
            id="a-whole-domain",
        ),
        pytest.param({"water": {ONLINE: 9, UNKNOWN: 1}}, {"never_heard": {"count": 1}}, Level.ATTENTION, id="one-never-heard"),
        pytest.param({"water": {UNKNOWN: 9, SILENT: 1}}, {"all_silent": {"total": 10}}, Level.TROUBLE, id="nobody-speaks"),
    ],
)
def test_the_verdict_says_how_many_of_how_many_are_silent(
    domains: dict[str, dict[Presence, int]], findings: dict[str, dict[str, float | str]], level: Level
) -> None:
    found = of_devices(fleet(**domains))
    assert told(found) == findings
    assert level_of(found) is level


@pytest.mark.parametrize(
    ("silent", "yesterday", "level"),
    [
        pytest.param(5, 5, Level.ATTENTION, id="as-ever"),
        pytest.param(19, 5, Level.ATTENTION, id="more"),
        pytest.param(20, 5, Level.TROUBLE, id="many-more"),
        pytest.param(60, 60, Level.TROUBLE, id="more-than-half-as-yesterday"),
        pytest.param(1, 0, Level.ATTENTION, id="one-where-none-was"),
    ],
)
def test_silence_is_told_beside_that_of_yesterday(silent: int, yesterday: int, level: Level) -> None:
    (found,) = of_devices(fleet(water={ONLINE: 100 - silent, SILENT: silent}), SilentShare(0, yesterday, 100))
    shares = {"pct": float(silent), "before_pct": float(yesterday)}
    assert (found.key, found.params, found.level) == (
        "silent_since_yesterday",
        {"silent": silent, "total": 100, **shares},
        level,
    )


def test_a_certificate_is_told_three_weeks_before_its_end() -> None:
    found = of_certificates({"mqtt.tls.cert": 21.0, "http.tls.cert": 20.9, "influxdb.tls.ca": 2.9, "mqtt.tls.ca": -0.1})
    assert [(one.key, one.level, one.params) for one in found] == [
        ("certificate_ends", Level.ATTENTION, {"which": "http.tls.cert", "days": 20}),
        ("certificate_ends", Level.TROUBLE, {"which": "influxdb.tls.ca", "days": 2}),
        ("certificate_ended", Level.TROUBLE, {"which": "mqtt.tls.ca"}),
    ]


@pytest.mark.parametrize(
    ("offset_ms", "off"),
    [
        pytest.param(None, 0, id="sends-no-time"),
        pytest.param(5 * MINUTE_MS, 0, id="as-far-ahead-as-is-believed"),
        pytest.param(5 * MINUTE_MS + 1, 1, id="farther-ahead"),
        pytest.param(7 * HOUR_MS, 1, id="local-time-sent-as-utc"),
        pytest.param(-50 * MINUTE_MS, 0, id="measured-a-while-ago"),
        pytest.param(-3 * HOUR_MS, 1, id="behind"),
        pytest.param(-9000 * DAY_MS, 1, id="began-anew-in-2000"),
    ],
)
def test_a_device_whose_clock_is_wrong_is_told(offset_ms: int | None, off: int) -> None:
    device = Device("m1", RegisteredDevice(id="m1", domain="water", interval=timedelta(minutes=15)))
    device.last_seen_ms = NOW_MS
    for ago_ms in (HOUR_MS, 0):
        if offset_ms is not None:
            tell_time(device, offset_ms, NOW_MS - ago_ms)
    found = Fleet()
    found.look_at([device], Silence(), RULES, NOW_MS)
    assert found.domains == {"water": Counter({ONLINE: 1})}
    assert told(of_devices(found)) == ({"clocks_off": {"count": 1}} if off else {})


def test_what_did_not_become_data_is_told() -> None:
    found = of_data(Counter({"bad_json": 3, "no_quantity": 1}), lost=2, expired=1)
    assert told(found) == {
        "lost": {"count": 2},
        "expired": {"count": 1},
        "rejects_lately": {"count": 4, "minutes": 10, "reason": "bad_json"},
    }
    assert level_of(found) is Level.TROUBLE
    assert of_data(Counter(), 0, 0) == []


def test_a_store_that_fills_is_told_before_it_is_full() -> None:
    assert told(of_stores(quarantine=(80, 100), journal=(79, 100))) == {"quarantine_filling": {"pct": 80}}


def test_the_worst_comes_first() -> None:
    mild, bad = Finding("silent", Level.ATTENTION), Finding("lost", Level.TROUBLE)
    assert worst_first([mild, bad]) == [bad, mild]
    assert level_of([]) is Level.GOOD
    assert level_of([mild, bad]) is Level.TROUBLE


def test_devices_are_counted_by_domain_and_those_of_no_domain_apart() -> None:
    strangers = [Device("a", None), Device("b", None)]
    meters = [Device(name, RegisteredDevice(id=name, domain="water")) for name in ("c", "d", "e")]
    for device in meters:
        device.last_seen_ms, device.setback = NOW_MS, Setback("bad_json", NOW_MS)
    meters[0].last_seen_ms = NOW_MS - 2 * HOUR_MS
    found = Fleet()
    found.look_at([*strangers, *meters], Silence(), RULES, NOW_MS)
    assert found.domains == {"no_domain": Counter({NEW: 2}), "water": Counter({ONLINE: 2, SILENT: 1})}
    assert (found.unregistered, found.stopped, found.unasked, found.is_answered) == (2, 2, 0, True)
    assert found.total == Counter({NEW: 2, ONLINE: 2, SILENT: 1})
    assert told(of_devices(found))["devices_stopped"] == {"stopped": 2, "online": 2}
    assert level_of(of_devices(found)) is Level.ATTENTION, "two that stopped may be a coincidence"


@pytest.mark.parametrize(("answered", "key"), [(True, "heard_elsewhere_untold"), (False, "heard_elsewhere_unknown")])
def test_devices_that_another_gateway_may_hear_are_no_silent_ones(answered: bool, key: str) -> None:  # noqa: FBT001
    found = Fleet({"water": Counter({UNKNOWN: 3, SILENT: 2})}, unasked=2, is_answered=answered)
    silent = {"silent": {"silent": 2, "total": 5}}
    assert told(of_devices(found)) == silent | {key: {"count": 2}, "never_heard": {"count": 1}}
    device = Device("m1", RegisteredDevice(id="m1"))
    device.last_seen_ms = NOW_MS - DAY_MS
    lately = Fleet()
    lately.look_at([device], Silence(membership=Membership(NewestReadings())), RULES, NOW_MS)
    assert (lately.unasked, lately.is_answered) == (1, False), "the database has not answered yet"


def test_silence_is_trouble_from_more_than_half_on_and_from_three_devices_on() -> None:
    assert level_of(of_devices(fleet(water={ONLINE: 3, SILENT: 3}))) is Level.ATTENTION
    assert level_of(of_devices(fleet(water={ONLINE: 1, SILENT: 2}))) is Level.ATTENTION
    assert "domain_silent" not in told(of_devices(fleet(water={SILENT: 2}, power={ONLINE: 9})))
    assert told(of_devices(fleet(water={SILENT: 2}, power={ONLINE: 9})))["silent"] == {"silent": 2, "total": 11}
    (found,) = of_devices(fleet(water={ONLINE: 97, SILENT: 2, UNKNOWN: 1}), SilentShare(0, 1, 40))[:1]
    assert found.params == {"silent": 2, "total": 100, "pct": 3.0, "before_pct": 2.5}
    (third,) = of_devices(fleet(water={ONLINE: 2, SILENT: 1}), SilentShare(0, 2, 3))
    assert third.params == {"silent": 1, "total": 3, "pct": 33.3, "before_pct": 66.7}
    assert (found.key, found.level) == ("silent_since_yesterday", Level.ATTENTION)


def test_alarms_that_nobody_acknowledged_are_trouble() -> None:
    assert of_alarms(0, 0) == []
    assert of_alarms(2, 3) == [
        Finding("alarms_critical", Level.TROUBLE, {"count": 2}),
        Finding("alarms_active", Level.ATTENTION, {"count": 3}),
    ]


def test_what_did_not_become_data_is_told_for_ten_minutes() -> None:
    assert ORIGINS_WITHIN_MIN == 10
    assert [one.level for one in of_data(Counter(), lost=1, expired=1)] == [Level.TROUBLE, Level.ATTENTION]
    assert [one.level for one in of_data(Counter({"bad_json": 1}), 0, 0)] == [Level.ATTENTION]


def test_the_end_of_a_certificate_is_trouble_in_its_last_three_days() -> None:
    found = of_certificates({"a": 3.0, "b": 2.99, "c": 0.01, "d": 0.0})
    assert [(one.key, one.level) for one in found] == [
        ("certificate_ends", Level.ATTENTION),
        ("certificate_ends", Level.TROUBLE),
        ("certificate_ends", Level.TROUBLE),
        ("certificate_ended", Level.TROUBLE),
    ]


def test_a_store_is_never_told_fuller_than_full_nor_one_without_a_limit() -> None:
    assert told(of_stores(journal=(130, 100), quarantine=(5, 0))) == {"journal_filling": {"pct": 100}}
    assert level_of(of_stores(journal=(130, 100))) is Level.ATTENTION


MIB = 2**20
SOON, LATER = "journal_full_in_minutes", "journal_full_in_hours"


@pytest.mark.parametrize(
    ("seconds", "free_bytes", "found"),
    [
        (None, None, []),
        (0.0, 200 * MIB, []),
        (59.0, None, [Finding(SOON, Level.TROUBLE, {"minutes": 1})]),
        (61.0, None, [Finding(SOON, Level.TROUBLE, {"minutes": 2})]),
        (7199.0, None, [Finding(SOON, Level.TROUBLE, {"minutes": 120})]),
        (7200.0, None, [Finding(LATER, Level.ATTENTION, {"hours": 2})]),
        (72 * 3600.0 - 1, None, [Finding(LATER, Level.ATTENTION, {"hours": 71})]),
        (72 * 3600.0, None, []),
        (None, 200 * MIB - 1, [Finding("disk_short", Level.ATTENTION, {"free": 199, "least": 100})]),
        (None, 100 * MIB, [Finding("disk_short", Level.ATTENTION, {"free": 100, "least": 100})]),
        (None, 100 * MIB - 1, [Finding("disk_short", Level.TROUBLE, {"free": 99, "least": 100})]),
    ],
)
def test_the_room_that_is_left_is_told_hours_before_it_is_needed(
    seconds: float | None, free_bytes: int | None, found: list[Finding]
) -> None:
    assert of_room(seconds, free_bytes, 100 * MIB) == found
