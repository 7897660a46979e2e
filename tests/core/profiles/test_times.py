"""The time of a point: formats, sources in order, windows, ages, histories."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.rejects import DropCause
from tests.core.profiling import DAY_MS, NOW_MS, compiled, context, faults, points
from tests.rows import each_row

HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def times(time: str, document: dict[str, Any], **seen: Any) -> list[tuple[int | None, int]]:  # noqa: ANN401
    """Time and quality of each point of a profile with this ``time``."""
    found = points(f"time: {time}\npoints: [{{measurement: water, fields: {{ph: {{literal: 7}}}}}}]", document, **seen)
    return [(point.time_ms, point.quality) for point in found if point.values]


@each_row(
    ("time", "raw", "expected"),
    [
        pytest.param("/t", "2026-09-02T23:09:34Z", "2026-09-02T23:09:34Z", id="path-alone"),
        pytest.param("{path: /t, format: rfc3339}", "2026-09-02T23:09:34.5Z", "2026-09-02T23:09:34.5Z", id="rfc3339"),
        pytest.param("{path: /t, format: rfc3339}", "2026-09-03T06:09:34+07:00", "2026-09-02T23:09:34Z", id="with-offset"),
        pytest.param("{path: /t, zone: '+07:00'}", "2026-09-03T06:09:34", "2026-09-02T23:09:34Z", id="without-a-zone"),
        pytest.param("{path: /t, zone: Asia/Ho_Chi_Minh}", "2026-09-03 06:09", "2026-09-02T23:09:00Z", id="named-zone"),
        pytest.param("{path: /t, zone: '+07:00'}", "2026-09-02T23:09:34Z", "2026-09-02T23:09:34Z", id="its-own-zone-wins"),
        pytest.param("{path: /t, format: rfc3339}", "2026-09-02T23:09:34", None, id="local-time-is-not-guessed"),
        pytest.param("{path: /t, format: rfc3339}", "2020-0327T12:39:05.547336Z", None, id="malformed"),
        pytest.param("{path: /t, zone: '+07:00'}", "2022-10-00 00:05", None, id="no-such-day"),
        pytest.param("{path: /t, format: rfc3339}", 1788390574, None, id="a-number-is-no-rfc3339"),
        pytest.param("{path: /t, format: unix_s}", 1788390574, "2026-09-02T23:09:34Z", id="seconds"),
        pytest.param("{path: /t, format: unix_s}", 1788390574.25, "2026-09-02T23:09:34.25Z", id="seconds-and-a-fraction"),
        pytest.param("{path: /t, format: unix_s}", "1788390574", "2026-09-02T23:09:34Z", id="seconds-as-text"),
        pytest.param("{path: /t, format: unix_s}", 1788390574000, None, id="milliseconds-said-to-be-seconds"),
        pytest.param("{path: /t, format: unix_ms}", 1788390574250, "2026-09-02T23:09:34.25Z", id="milliseconds"),
        pytest.param("{path: /t, format: unix_us}", 1788390574250000, "2026-09-02T23:09:34.25Z", id="microseconds"),
        pytest.param("{path: /t, format: unix_ns}", 1788390574250000000, "2026-09-02T23:09:34.25Z", id="nanoseconds"),
        pytest.param(
            "{path: /t, format: unix_s, epoch: '2015-01-01T00:00:00Z'}", 368_319_574, "2026-09-02T22:59:34Z", id="epoch"
        ),
        pytest.param("{path: /t, format: unix_s}", True, None, id="true"),
        pytest.param("{path: /t, format: unix_s}", float("nan"), None, id="nan"),
        pytest.param("{path: /t, format: unix_s}", float("inf"), None, id="infinite"),
        pytest.param("{path: /t, format: unix_s}", 10**300, None, id="beyond-all-calendars"),
        pytest.param("{path: /t, format: unix_s}", -617292592, None, id="negative"),
        pytest.param("{path: /t, format: auto}", 1788390574, "2026-09-02T23:09:34Z", id="auto-seconds"),
        pytest.param("{path: /t, format: auto}", 1788390574250, "2026-09-02T23:09:34.25Z", id="auto-milliseconds"),
        pytest.param("{path: /t, format: auto}", "1788390574250", "2026-09-02T23:09:34.25Z", id="auto-number-as-text"),
        pytest.param("{path: /t, format: auto}", [1], None, id="auto-list"),
        pytest.param(
            "{path: /t, format: '%d.%m.%Y %H:%M', zone: '+07:00'}", "03.09.2026 06:09", "2026-09-02T23:09:00Z", id="pattern"
        ),
        pytest.param(
            "{path: /t, format: '%Y%m%d%H%M%S%z'}", "20260903060934+0700", "2026-09-02T23:09:34Z", id="pattern-with-zone"
        ),
        pytest.param("{path: /t, format: '%Y%m%d', zone: UTC}", 20260902, "2026-09-02T00:00:00Z", id="pattern-of-digits"),
        pytest.param("{path: /t, format: '%Y%m%d', zone: UTC}", "2026-09-02", None, id="another-pattern"),
        pytest.param(
            "{path: /t, format: parts, zone: UTC}", [2026, 9, 2, 23, 9, 34], "2026-09-02T23:09:34Z", id="parts-in-a-list"
        ),
        pytest.param(
            "{path: /t, format: parts, zone: UTC}", {"year": 26, "month": 9, "day": 2}, "2026-09-02T00:00:00Z", id="object"
        ),
        pytest.param("{path: /t, format: parts, zone: UTC}", [2026, 13, 2], None, id="no-such-month"),
        pytest.param("{path: /t, format: parts, zone: UTC}", [2026, 9], None, id="too-few-parts"),
        pytest.param("{path: /t, format: parts, zone: UTC}", [2026, 9, float("nan")], None, id="part-that-is-no-number"),
    ],
)
def test_a_time_is_read_as_its_format_says_and_never_guessed(time: str, raw: object, expected: str | None) -> None:
    assert times(time, {"t": raw}) == [(ms(expected) if expected else None, 0)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"d": "03/09/2026", "c": "06:09"}, "2026-09-02T23:09:00Z", id="both"),
        pytest.param({"d": 3092026, "c": "06:09"}, None, id="another-date"),
        pytest.param({"d": "03/09/2026"}, None, id="one-is-missing"),
    ],
)
def test_a_date_and_a_clock_may_be_joined(document: dict[str, Any], expected: str | None) -> None:
    time = "{join: [/d, /c], by: ' ', format: '%d/%m/%Y %H:%M', zone: '+07:00'}"
    assert times(time, document) == [(ms(expected) if expected else None, 0)]


def test_the_calendar_may_stand_in_parts() -> None:
    time = "{parts: {year: /y, month: /mo, day: /d, hour: /h, minute: /mi}, zone: '+07:00'}"
    assert times(time, {"y": 26, "mo": "9", "d": 3, "h": 6, "mi": 9}) == [(ms("2026-09-02T23:09:00Z"), 0)]
    assert times(time, {"y": 26, "mo": 9, "h": 6, "mi": 9}) == [(None, 0)]


@pytest.mark.parametrize(
    ("document", "time_ms"),
    [
        pytest.param({"a": NOW_MS - 1000, "b": NOW_MS - 2000}, NOW_MS - 1000, id="the-first"),
        pytest.param({"b": NOW_MS - 2000}, NOW_MS - 2000, id="the-first-is-not-there"),
        pytest.param({"a": 0, "b": NOW_MS - 2000}, NOW_MS - 2000, id="the-first-stands-at-1970"),
        pytest.param({"a": NOW_MS - 3 * HOUR_MS, "b": NOW_MS - 2000}, NOW_MS - 2000, id="the-first-is-older-than-its-window"),
        pytest.param(
            {"a": NOW_MS + 70_000, "b": NOW_MS - 2000}, NOW_MS - 2000, id="the-first-is-further-ahead-than-its-window"
        ),
        pytest.param({"a": "?", "b": "?"}, None, id="none-can-be-read"),
    ],
)
def test_the_first_source_that_can_be_believed_is_taken_then_arrival(document: dict[str, Any], time_ms: int | None) -> None:
    written = "[{path: /a, format: unix_ms, max_past: 2h, max_future: 1min}, {path: /b, format: unix_ms}, arrival]"
    assert times(written, document) == [(time_ms, 0)]


def test_without_a_time_that_is_believed_skip_makes_no_point() -> None:
    """An old register with its own date must not be stamped now."""
    assert times("[{path: /a, format: unix_ms}, skip]", {"a": NOW_MS - 41 * DAY_MS}) == []
    assert times("[{path: /a, format: unix_ms, else: skip}, {path: /b, format: unix_ms}]", {"b": NOW_MS}) == []
    assert times("[{path: /a, format: unix_ms, else: arrival}, {path: /b, format: unix_ms}]", {"b": NOW_MS}) == [(None, 0)]


def test_skip_skips_this_point_only() -> None:
    text = """
points:
  - {measurement: water, fields: {ph: /ph}, time: [{path: /old, format: unix_ms}, skip]}
  - {measurement: device_health, fields: {battery_v: /v}, time: arrival}
"""
    assert [point.measurement for point in points(text, {"ph": 7, "v": 3.6, "old": 0})] == ["device_health"]


def test_a_window_of_a_source_may_be_wider_than_that_of_the_gateway() -> None:
    a_year_ago = NOW_MS - 365 * DAY_MS
    assert times("{path: /t, format: unix_ms, max_past: 400d}", {"t": a_year_ago}) == [(a_year_ago, 0)]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        pytest.param("{path: /t, format: unix_ms, minus: 15min}", (NOW_MS - 900_000, 0), id="fixed"),
        pytest.param("{path: /t, format: unix_ms, minus: /age}", (NOW_MS - 90_000, 0), id="seconds-at-a-path"),
        pytest.param("{path: /t, format: unix_ms, minus: {path: /age, unit: min}}", (NOW_MS - 90 * 60_000, 0), id="minutes"),
        pytest.param(
            "{path: /t, format: unix_ms, minus: {path: /age, unit: {path: /u}}}", (NOW_MS - 90_000, 0), id="unit-sent"
        ),
        pytest.param("{path: /t, format: unix_ms, minus: /nowhere}", (None, 0), id="age-not-there"),
        pytest.param("{minus: /age}", (NOW_MS - 90_000, 1), id="age-at-arrival-is-the-gateways-time"),
        pytest.param("{base: arrival, minus: /age}", (NOW_MS - 90_000, 1), id="arrival-may-be-named"),
    ],
)
def test_an_age_is_taken_away(time: str, expected: tuple[int | None, int]) -> None:
    assert times(time, {"t": NOW_MS, "age": 90, "u": "s"}) == [expected]


HISTORY = """
points:
  - measurement: water
    each: /list
    time: [{base: /t, step: %s, first: %d, sign: %d, format: unix_ms, else: skip}]
    fields: {ph: {item: true}}
"""


@pytest.mark.parametrize(
    ("step", "first", "sign", "hours"),
    [
        pytest.param("1h", 1, -1, [-1, -2, -3], id="back-from-the-first"),
        pytest.param("1h", 0, -1, [0, -1, -2], id="the-newest-is-base"),
        pytest.param("/step", 0, -1, [0, -2, -4], id="step-in-the-payload"),
        pytest.param("30min", -4, 1, [-2, -1.5, -1], id="forwards"),
    ],
)
def test_items_of_a_history_are_counted_from_a_base(step: str, first: int, sign: int, hours: list[float]) -> None:
    found = points(HISTORY % (step, first, sign), {"t": NOW_MS, "step": 7200, "list": [7, 8, 9]})
    assert [(point.time_ms, point.values["ph"]) for point in found] == [
        (NOW_MS + round(hour * HOUR_MS), value) for hour, value in zip(hours, [7, 8, 9], strict=True)
    ]


def test_a_history_whose_base_lies_ahead_is_left_out_although_its_items_would_lie_in_the_past() -> None:
    (nothing,) = points(HISTORY % ("1h", 1, -1), {"t": NOW_MS + 2 * HOUR_MS, "list": [7, 8, 9, 10]})
    assert nothing.values == {}, "the message becomes a reject: a wrong clock must not make readings vanish"


def test_items_left_out_keep_their_place_in_time() -> None:
    text = HISTORY.replace("each: /list", "each: {of: /list, when: {ok: true}}").replace("{item: true}", "v") % ("1h", 1, -1)
    items = [{"ok": False, "v": 7}, {"ok": True, "v": 8}]
    assert [point.time_ms for point in points(text, {"t": NOW_MS, "list": items})] == [NOW_MS - 2 * HOUR_MS]


def test_under_an_envelope_the_servers_time_is_taken_when_the_profile_says_none() -> None:
    profile = compiled("match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: /decoded/ph}}]")
    (found,) = profile.map(context({"time": "2026-09-02T23:09:34Z", "decoded": {"ph": 7}}))
    assert found.time_ms == ms("2026-09-02T23:09:34Z")
    (found,) = profile.map(context({"time": None, "decoded": {"ph": 7}}))
    assert found.time_ms is None


SENML = """
decode: senml_json
points:
  - measurement: water
    each: {of: /, by: n, value: v, time: t}
    map: {ph: ph}
"""


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param({"t": 1788390574.5}, (1788390574500, 0), id="since-1970"),
        pytest.param({"t_rel": -60}, (NOW_MS - 60_000, 1), id="from-now"),
        pytest.param({"t_rel": 0}, (None, 0), id="now-is-stamped-by-the-gateway"),
    ],
)
def test_times_of_senml_are_absolute_or_from_now(record: dict[str, float], expected: tuple[int | None, int]) -> None:
    assert [(point.time_ms, point.quality) for point in points(SENML, [{"n": "ph", "v": 7, **record}])] == [expected]


def test_times_of_an_obis_telegram_stand_beside_its_values() -> None:
    point = "{measurement: power, fields: {active_power_w: '/1-0:1.7.0'}}"
    text = f"decode: obis\ntime: {{path: '/0-0:1.0.0', format: rfc3339}}\npoints: [{point}]"
    document = {
        "0-0:1.0.0": {"value": "260903010934S", "unit": None, "time": "2026-09-02T23:09:34Z"},
        "1-0:1.7.0": {"value": 1.193, "unit": "kW", "time": None},
    }
    (found,) = points(text, document)
    assert (found.time_ms, found.values) == (ms("2026-09-02T23:09:34Z"), {"active_power_w": 1193.0})


CLOCK = "{path: /t, format: '%%H:%%M', zone: '+07:00'%s}"


@each_row(
    ("time", "raw", "expected"),
    [
        pytest.param(CLOCK % "", "06:45", "2026-09-02T23:45:00Z", id="today"),
        pytest.param(CLOCK % "", "23:45", "2026-09-02T16:45:00Z", id="yesterday-evening"),
        pytest.param(CLOCK % "", "07:04", "2026-09-03T00:04:00Z", id="a-clock-a-little-ahead"),
        pytest.param(CLOCK % "", "07:06", "2026-09-02T00:06:00Z", id="too-far-ahead-is-yesterday"),
        pytest.param(CLOCK % ", max_future: 1h", "07:06", "2026-09-03T00:06:00Z", id="further-ahead-where-that-is-said"),
        pytest.param(CLOCK % ", max_past: 2h", "23:45", None, id="too-old-where-that-is-said"),
        pytest.param(CLOCK % "", "24:00", None, id="no-time-of-day"),
        pytest.param(CLOCK % "", 645, None, id="digits-without-the-colon"),
        pytest.param("{path: /t, format: '%H%M', zone: '+07:00'}", 645, "2026-09-02T23:45:00Z", id="digits"),
        pytest.param("{path: /t, format: '%I:%M %p', zone: '+07:00'}", "11:45 PM", "2026-09-02T16:45:00Z", id="twelve-hours"),
        pytest.param("{path: /t, format: '%H:%M:%S%z'}", "06:45:10+0700", "2026-09-02T23:45:10Z", id="with-its-zone"),
        pytest.param("{path: /t, format: '%H:%M', zone: Asia/Ho_Chi_Minh}", "06:45", "2026-09-02T23:45:00Z", id="named-zone"),
    ],
)
def test_a_time_of_day_is_that_of_the_last_day_on_which_it_may_have_been_read(
    time: str, raw: object, expected: str | None
) -> None:
    assert times(time, {"t": raw}) == [(ms(expected) if expected else None, 0)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param("{hour: /h, minute: /m}", "2026-09-02T23:45:00Z", id="hour-and-minute"),
        pytest.param("{hour: /h}", "2026-09-02T23:00:00Z", id="hour-alone"),
        pytest.param("{hour: /h, minute: /m, second: /h}", "2026-09-02T23:45:06Z", id="second-too"),
        pytest.param("{hour: /nowhere, minute: /m}", None, id="no-hour"),
        pytest.param("{hour: /m, minute: /h}", None, id="no-such-hour"),
    ],
)
def test_a_time_of_day_may_stand_in_parts(parts: str, expected: str | None) -> None:
    assert times(f"{{parts: {parts}, zone: '+07:00'}}", {"h": 6, "m": "45"}) == [(ms(expected) if expected else None, 0)]


@pytest.mark.parametrize(
    ("between", "document", "value"),
    [
        pytest.param("[/a, /b]", {"a": "2026-09-02T23:00:00Z", "b": "2026-09-03T06:15:00+07:00"}, 900.0, id="rfc3339"),
        pytest.param("[/a, /b]", {"a": 1788390000, "b": 1788390900500}, 900.5, id="seconds-and-milliseconds"),
        pytest.param("[/a, /b]", {"a": 1788390000}, None, id="one-is-missing"),
        pytest.param("[/a, /b]", {"a": 1788390000, "b": "soon"}, DropCause.WRONG_TYPE, id="one-is-no-time"),
        pytest.param("[/b, /a]", {"a": 1788390000, "b": 1788390900}, DropCause.OUT_OF_BOUNDS, id="the-wrong-way-round"),
        pytest.param(
            "[{path: /a, format: '%H:%M'}, {path: /b, format: '%H:%M'}]", {"a": "23:50", "b": "00:05"}, 900.0, id="midnight"
        ),
        pytest.param(
            "[{path: /a, format: '%d.%m.%Y %H:%M', zone: UTC}, {path: /b, format: unix_s}]",
            {"a": "02.09.2026 23:00", "b": 1788390900},
            900.0,
            id="each-with-its-format",
        ),
    ],
)
def test_an_interval_is_the_difference_of_two_times(between: str, document: object, value: object) -> None:
    point = f"{{measurement: traffic, fields: {{interval_s: {{between: {between}}}, occupancy_pct: {{literal: 5}}}}}}"
    (found,) = points(f"points: [{point}]", document)
    assert found.values.get("interval_s", found.dropped[0][1] if found.dropped else None) == value


def test_the_span_between_two_times_may_be_reckoned_with() -> None:
    rate = "{div: [/litres, {between: [/a, /b]}], unit: L/s}"
    (found,) = points(f"points: [{{measurement: water, fields: {{flow_m3_h: {rate}}}}}]", {"a": 1000, "b": 1010, "litres": 20})
    assert found.values == {"flow_m3_h": 7.2}


@pytest.mark.parametrize(
    ("between", "fault"),
    [
        pytest.param("[/a, {path: /b, format: '%H:%M'}]", "between: one of the times has a date", id="date-and-clock"),
        pytest.param("[/a, {path: /b, format: '%d.%m.%Y'}]", "between.1.format: '%d.%m.%Y' has no zone in it", id="zone"),
        pytest.param("[/a, {topic: x}]", "between.1.topic: 'x' is not a named level", id="level"),
    ],
)
def test_times_that_cannot_be_compared_are_told(between: str, fault: str) -> None:
    (found,) = faults(f"points: [{{measurement: traffic, fields: {{interval_s: {{between: {between}}}}}}}]")
    assert found.startswith(f"points.0.fields.interval_s.{fault}")


@each_row(
    ("time", "fault"),
    [
        pytest.param("[arrival, /t]", "time.0: arrival is the last resort", id="arrival-first"),
        pytest.param("{path: /t, format: iso}", "time.0.format: 'iso' is not a time format", id="unknown-format"),
        pytest.param("{path: /t, zone: Hanoi}", "time.0.format: 'Hanoi' is not a time zone", id="unknown-zone"),
        pytest.param("{path: /t, zone: '../../etc/passwd'}", "is not a time zone", id="zone-that-is-a-path"),
        pytest.param("{path: /t, format: '%d.%m.%Y'}", "has no zone in it", id="pattern-without-a-zone"),
        pytest.param("{path: /t, format: parts}", "has no zone in it", id="parts-without-a-zone"),
        pytest.param("{path: /t, format: '%Q', zone: UTC}", "is not a strptime pattern", id="no-pattern"),
        pytest.param("{path: /t, epoch: '2015-01-01T00:00:00Z'}", "epoch belongs to", id="epoch-of-a-text"),
        pytest.param("{path: /t, format: unix_s, epoch: '2015'}", "is not an RFC 3339 time", id="epoch-that-is-no-time"),
        pytest.param("{path: /t, format: '%H:%M'}", "time.0.format: '%H:%M' has no zone in it", id="clock-without-a-zone"),
        pytest.param("{path: /t, format: '%H:%M', zone: UTC, epoch: '2015-01-01T00:00:00Z'}", "no epoch", id="clock-and-epoch"),
        pytest.param("{parts: {minute: /m}, zone: UTC}", "time.0.parts.hour: a time of day needs its hour", id="no-hour"),
        pytest.param("{parts: {year: /y}, zone: UTC}", "time.0.parts.month: a time needs year, month and day", id="no-month"),
        pytest.param("{path: /t, minus: age}", "time.0.minus: 'age' is neither a number nor a path", id="age-that-is-a-word"),
        pytest.param("{path: /t, minus: -5min}", "time.0.minus: '-5min' is neither a number nor a path", id="negative-age"),
        pytest.param("{base: /t, step: hourly}", "time.0.step: 'hourly' is neither a number nor a path", id="step-of-a-word"),
        pytest.param("{path: '/~'}", "time.0.path: '/~' is not a path", id="no-path"),
        pytest.param("{topic: x}", "time.0.topic: 'x' is not a named level", id="unknown-level"),
    ],
)
def test_a_time_that_cannot_be_is_told_with_its_key(time: str, fault: str) -> None:
    (found,) = faults(f"time: {time}\npoints: [{{measurement: water, fields: {{ph: /ph}}}}]")
    assert fault in found


def test_now_is_in_september_2026() -> None:
    assert datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat() == "2026-09-03T00:00:00+00:00"
