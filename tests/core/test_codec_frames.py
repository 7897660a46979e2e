"""Frames that a maker's codec decodes: what it is told of them, and what becomes of what it gives."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.core.devices.streams import ProfiledStream
from gateway.core.message import Outcome
from gateway.core.process import Processor
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import HOUR_MS, NOW_MS, SECOND_MS, points
from tests.core.profiled import EUI, answered, ask, pipeline, sent, uplink
from tests.core.profiles.test_envelopes import MESSAGES
from tests.core.profiling import faults

CODEC = "match: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec/ph}}]"
SERVER_MS = 1_772_600_767_123
"""When the servers of :data:`MESSAGES` had their frame."""

LISTED = """
match: {envelope: lorawan}
codec: c.js
time: [{path: /codec/at, format: unix_ms}, {path: /time, format: rfc3339}, arrival]
points:
  - {measurement: water, when: {/codec/kind: ph}, fields: {ph: /codec/value}}
  - {measurement: water, when: {/codec/kind: level}, fields: {level_m: /codec/value}}
"""


# What a codec is told.


@pytest.mark.parametrize("server", MESSAGES)
def test_a_codec_is_told_when_the_network_server_had_the_frame(server: str) -> None:
    asked = ask(pipeline(CODEC).process(sent(MESSAGES[server], "up"), NOW_MS))
    assert asked.received_ms == SERVER_MS


@pytest.mark.parametrize("time", [None, "yesterday"])
def test_a_codec_is_told_the_arrival_where_the_server_tells_no_time(time: str | None) -> None:
    assert ask(pipeline(CODEC).process(uplink(time=time), NOW_MS)).received_ms == NOW_MS


def test_a_codec_is_told_the_server_s_time_of_the_second_frame_too() -> None:
    into = pipeline(CODEC)
    for counter in (1, 2):
        message = uplink(fCnt=counter, time=f"2026-11-01T00:00:0{counter}.5Z")
        asked = ask(into.process(message, NOW_MS + counter * SECOND_MS))
        assert asked.received_ms == 1_793_491_200_500 + counter * SECOND_MS
        assert asked.device == EUI
        assert points(into.resume(asked, {"ph": 7}, None))
    stream = into.streams.resolve(message.topic)
    assert isinstance(stream, ProfiledStream)
    assert stream.recognition is not None


# A list as data.


def item(kind: str, value: float, at_ms: int) -> dict[str, Any]:
    return {"kind": kind, "value": value, "at": at_ms}


def found(outcome: Outcome) -> list[tuple[int, Mapping[str, Any]]]:
    return [
        (point.time_ms, {key: value for key, value in point.fields.items() if key != "quality"}) for point in points(outcome)
    ]


def listed(data: object, into: Processor | None = None, **frame: Any) -> Outcome:  # noqa: ANN401 - as the server writes it
    return answered(into or pipeline(LISTED), uplink(**frame), data)


def test_each_item_of_a_list_is_a_reading_of_its_own() -> None:
    hour_ago_ms = NOW_MS - HOUR_MS
    outcome = listed(
        [item("ph", 7, NOW_MS), item("ph", 6.5, hour_ago_ms), item("level", 2, hour_ago_ms), item("other", 1, NOW_MS)]
    )
    assert found(outcome) == [(NOW_MS, {"ph": 7.0}), (hour_ago_ms, {"ph": 6.5}), (hour_ago_ms, {"level_m": 2.0})]
    assert (outcome.refusals, outcome.duplicates) == ([], 0)


def test_an_item_without_values_is_a_reject_and_the_others_go_on() -> None:
    outcome = listed([item("ph", 99, NOW_MS), item("ph", 7, NOW_MS)])
    assert [refused.reason for refused in outcome.refusals] == [RejectReason.NO_QUANTITY]
    assert found(outcome) == [(NOW_MS, {"ph": 7.0})]


def test_a_list_is_one_frame_when_it_comes_again() -> None:
    into, data = pipeline(LISTED), [item("ph", 7, NOW_MS), item("level", 2, NOW_MS)]
    assert len(listed(data, into).readings) == 2
    assert listed(data, into).duplicates == 2


def test_items_of_a_list_may_be_anything() -> None:
    into = pipeline("match: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec}}]")
    assert found(answered(into, uplink(time=None), [7])) == [(NOW_MS, {"ph": 7.0})]
    assert [values for _, values in found(listed(["odd", None, [1], 5, item("ph", 7, NOW_MS)]))] == [{"ph": 7.0}]


def test_an_empty_list_says_nothing() -> None:
    outcome = listed([])
    assert (outcome.readings, outcome.refusals, outcome.ignored) == ([], [], IgnoreCause.RULE)


def test_a_list_from_the_network_server_is_read_alike() -> None:
    outcome = pipeline(LISTED).process(uplink(object=[item("ph", 7, NOW_MS), item("level", 2, NOW_MS - 1)]), NOW_MS)
    assert found(outcome) == [(NOW_MS, {"ph": 7.0}), (NOW_MS - 1, {"level_m": 2.0})]


# What the profile ignores of what it gives.

IGNORING = CODEC.replace("points:", "ignore: [{/codec/kind: [ping, boot]}, {/port: 9}]\npoints:")


def test_a_frame_that_the_codec_calls_no_data_is_ignored() -> None:
    outcome = answered(pipeline(IGNORING), uplink(), {"kind": "ping", "ph": 7})
    assert (outcome.ignored, points(outcome)) == (IgnoreCause.RULE, [])
    assert points(answered(pipeline(IGNORING), uplink(), {"kind": "report", "ph": 7}))


def test_what_is_ignored_by_its_port_is_not_shown_to_the_codec() -> None:
    outcome = pipeline(IGNORING).process(uplink(fPort=9), NOW_MS)
    assert (outcome.ignored, outcome.side_effects) == (IgnoreCause.RULE, None)


def test_of_a_list_only_the_items_that_are_ignored_are_left_out() -> None:
    outcome = answered(pipeline(IGNORING), uplink(), [{"kind": "boot", "ph": 1}, {"kind": "report", "ph": 7}])
    assert len(points(outcome)) == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("points: [{measurement: water, fields: {ph: /codec/ph}}]", "points.0.fields.ph.path", id="no-codec"),
        pytest.param("points: [{measurement: water, fields: {ph: /struct/ph}}]", "points.0.fields.ph.path", id="no-struct"),
        pytest.param(
            "codec: c.js\ndevice: /codec/id\npoints: [{measurement: water, fields: {ph: /codec/ph}}]", "device.path", id="early"
        ),
    ],
)
def test_a_path_to_what_a_frame_does_not_have_yet_is_refused(text: str, key: str) -> None:
    (fault,) = faults(f"match: {{envelope: lorawan}}\n{text}")
    assert fault.startswith(f"{key}: there is no /")
