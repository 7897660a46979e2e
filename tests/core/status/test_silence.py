"""Silence: one answer about the presence of a device, whoever asks."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.status.members import Reception
from gateway.core.status.silence import Presence, Silence
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, message, pipeline, replace_registry, topic

ONLINE, SILENT, NEW, UNKNOWN = Presence
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def device(entry: dict[str, Any] | None = None, **state: Any) -> Device:  # noqa: ANN401 - of any slot
    made = Device("m1", None if entry is None else RegisteredDevice(id="m1", **entry))
    for slot, value in state.items():
        setattr(made, slot, value)
    return made


@pytest.mark.parametrize(
    ("entry", "of_domain", "silent_ms"),
    [
        pytest.param(None, {}, HOUR_MS, id="an-hour-where-no-interval-is-known"),
        pytest.param({}, {}, HOUR_MS, id="registered-without-an-interval"),
        pytest.param({"interval": 15 * MINUTE}, {}, 45 * MINUTE_MS, id="three-intervals"),
        pytest.param({"interval": DAY}, {}, 3 * DAY_MS, id="three-days"),
        pytest.param({"interval": DAY, "domain": "water"}, {"water": 30 * HOUR}, 30 * HOUR_MS, id="of-its-domain"),
        pytest.param({"interval": DAY, "domain": "power"}, {"water": 30 * HOUR}, 3 * DAY_MS, id="of-another-domain"),
        pytest.param(
            {"domain": "water", "silent_after": 2 * HOUR}, {"water": 30 * HOUR}, 2 * HOUR_MS, id="its-own-before-its-domains"
        ),
    ],
)
def test_a_device_is_silent_after_its_own_span_its_domains_or_three_intervals(
    entry: dict[str, Any] | None, of_domain: dict[str, timedelta], silent_ms: int
) -> None:
    silence = Silence(of_domain)
    assert silence.presence(device(entry, last_seen_ms=NOW_MS - silent_ms + 1), NOW_MS) is ONLINE
    assert silence.presence(device(entry, last_seen_ms=NOW_MS - silent_ms), NOW_MS) is SILENT


def test_a_device_that_the_registry_gives_no_domain_has_that_in_which_it_is_heard() -> None:
    into = pipeline()
    into.process(message({"flow_m3_h": 1}, topic("d1", "water")), NOW_MS)
    assert Silence({"water": 5 * HOUR}).presence(into.streams.devices["d1"], NOW_MS + 4 * HOUR_MS) is ONLINE


def test_a_device_that_said_goodbye_is_silent_at_once_until_it_is_heard_again() -> None:
    into, silence = pipeline(), Silence()
    into.process(message({"flow_m3_h": 1}), NOW_MS)
    into.process(message({"state": "offline"}, topic(channel="status")), NOW_MS + 1)
    assert silence.presence(into.streams.devices["d1"], NOW_MS + 2) is SILENT
    into.process(message({"flow_m3_h": 1}), NOW_MS + 3)
    assert silence.presence(into.streams.devices["d1"], NOW_MS + 4) is ONLINE, "it speaks, whatever its will said"


@pytest.mark.parametrize(
    ("registered_h", "entry", "presence"),
    [
        pytest.param(None, {}, NEW, id="registered-this-moment"),
        pytest.param(0.9, {}, NEW, id="registered-lately"),
        pytest.param(1, {}, UNKNOWN, id="registered-long-ago"),
        pytest.param(1, {"interval": DAY}, NEW, id="sends-once-a-day"),
        pytest.param(100, {"interval": DAY}, UNKNOWN, id="daily-and-three-days-are-over"),
        pytest.param(100, {"installed": date(2026, 11, 2)}, NEW, id="put-up-tomorrow"),
        pytest.param(100, {"installed": date(2026, 10, 31)}, UNKNOWN, id="put-up-yesterday"),
    ],
)
def test_a_device_never_heard_is_new_then_unknown(
    registered_h: float | None, entry: dict[str, Any], presence: Presence
) -> None:
    registered_ms = 0 if registered_h is None else NOW_MS - round(registered_h * HOUR_MS)
    assert Silence().presence(device(entry, registered_ms=registered_ms), NOW_MS) is presence


def test_time_without_gateway_or_broker_is_no_silence() -> None:
    reception = Reception(deaf_since_ms=NOW_MS)
    silence = Silence(reception=reception)
    meter = device({"interval": 20 * MINUTE}, last_seen_ms=NOW_MS - 10 * MINUTE_MS)
    assert silence.presence(meter, NOW_MS + 5 * HOUR_MS) is ONLINE, "the gateway stood still for five hours"
    reception.regain(NOW_MS + 5 * HOUR_MS)
    assert silence.presence(meter, NOW_MS + 5 * HOUR_MS + 49 * MINUTE_MS) is ONLINE
    assert silence.presence(meter, NOW_MS + 5 * HOUR_MS + 50 * MINUTE_MS) is SILENT
    reception.lose(NOW_MS + 6 * HOUR_MS)
    reception.lose(NOW_MS + 7 * HOUR_MS)
    assert reception.heard_ms(NOW_MS - MINUTE_MS, NOW_MS + 9 * HOUR_MS) == HOUR_MS + MINUTE_MS
    assert reception.heard_ms(NOW_MS + 8 * HOUR_MS, NOW_MS + 9 * HOUR_MS) == 0
    assert silence.presence(meter, NOW_MS + 9 * HOUR_MS) is SILENT, "it was silent before the broker went"


def test_a_clock_that_was_set_back_makes_nobody_silent() -> None:
    assert Silence().presence(device({}, last_seen_ms=NOW_MS + DAY_MS), NOW_MS) is ONLINE


def test_a_retained_goodbye_tells_of_a_device_that_is_gone() -> None:
    into = pipeline()
    into.process(message({"state": "offline"}, topic(channel="status"), retain=True), NOW_MS)
    gone = into.streams.devices["d1"]
    assert (Silence().presence(gone, NOW_MS + 1), gone.last_seen_ms) == (SILENT, 0)


def test_a_device_that_left_the_registry_and_was_never_heard_is_forgotten() -> None:
    entries = {name: RegisteredDevice(id=name) for name in ("heard", "never", "stays")}
    streams = Streams(entries)
    for name in entries:
        streams.admit(name)
    streams.devices["heard"].last_seen_ms = NOW_MS
    replace_registry(streams, {"stays": entries["stays"]})
    assert list(streams.devices) == ["heard", "stays"]


def test_after_a_take_over_silence_goes_on_from_where_the_other_machine_listened() -> None:
    reception = Reception(0)
    reception.regain(NOW_MS)
    silence = Silence(reception=reception)
    long_ago, short_ago = device({}, last_seen_ms=NOW_MS - 2 * HOUR_MS), device({}, last_seen_ms=NOW_MS - 50 * MINUTE_MS)
    assert silence.presence(long_ago, NOW_MS) is ONLINE, "nobody is known to have listened"
    reception.heard_elsewhere(NOW_MS - 5 * MINUTE_MS)
    assert silence.presence(long_ago, NOW_MS) is SILENT
    assert silence.presence(short_ago, NOW_MS + 14 * MINUTE_MS) is ONLINE, "five minutes are left out"
    assert silence.presence(short_ago, NOW_MS + 15 * MINUTE_MS) is SILENT


def test_only_the_deafness_before_a_take_over_is_shortened() -> None:
    reception = Reception(NOW_MS - HOUR_MS)
    reception.regain(NOW_MS)
    reception.heard_elsewhere(NOW_MS - MINUTE_MS)
    assert reception.heard_ms(NOW_MS - HOUR_MS, NOW_MS) == 0
    before = Reception(0)
    before.heard_elsewhere(NOW_MS - MINUTE_MS)
    before.regain(NOW_MS)
    assert before.heard_ms(NOW_MS - HOUR_MS, NOW_MS) == 59 * MINUTE_MS
