"""Copies of a message: one radio frame that two gateways heard, or that was sent again, is one reading."""

from typing import Any

import pytest

from tests.core.making import HOUR_MS, NOW_MS, SECOND_MS, point
from tests.core.profiled import PH, ask, pipeline, sent, uplink

RADIO = "match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: /raw/ph}}]"


def at(later_s: int) -> str:
    """Return the time at which the network server claims to have heard a frame."""
    return f"2026-11-01T00:{later_s // 60:02}:{later_s % 60:02}Z"


@pytest.mark.parametrize(
    ("change", "later_s", "is_copy"),
    [
        pytest.param({}, 1, True, id="heard-by-two-gateways"),
        pytest.param({}, 48, True, id="again-48-s-later"),
        pytest.param({}, 600, True, id="again-10-min-later"),
        pytest.param({}, 601, False, id="another-time"),
        pytest.param({"fCnt": 8}, 1, False, id="another-frame-counter"),
        pytest.param({"fPort": 3}, 1, False, id="another-port"),
        pytest.param({"data": b"\2"}, 1, False, id="other-bytes"),
        pytest.param({"device": "24e124126a148402"}, 1, False, id="another-device"),
    ],
)
def test_the_same_radio_frame_is_one_reading(change: dict[str, Any], later_s: int, is_copy: bool) -> None:  # noqa: FBT001
    """The network stamps each copy with another time, so the time of the reading does not tell."""
    into = pipeline(RADIO)
    frame: dict[str, Any] = {"fCnt": 7, "ph": 7}
    assert point(into.process(uplink(time=at(0), **frame), NOW_MS))
    again = into.process(uplink(time=at(later_s), **(frame | change)), NOW_MS + later_s * SECOND_MS)
    assert (again.duplicates, len(again.readings), again.refusals) == ((1, 0, []) if is_copy else (0, 1, []))


def test_a_copy_that_was_held_up_on_its_way_is_known_by_the_time_of_the_frame() -> None:
    into = pipeline(RADIO)
    assert point(into.process(uplink(time=at(0), ph=7), NOW_MS))
    assert into.process(uplink(time=at(48), ph=7), NOW_MS + HOUR_MS).duplicates == 1


def test_a_copy_counts_for_as_many_readings_as_it_holds() -> None:
    text = f"{RADIO[:-1]}, {{measurement: device_health, fields: {{rssi_dbm: /rssi}}}}]"
    into, frame = pipeline(text), uplink(ph=7, rxInfo=[{"rssi": -90}], time=at(0))
    assert len(into.process(frame, NOW_MS).readings) == 2
    assert into.process(frame, NOW_MS).duplicates == 2


KEYED = "match: {topic: 't/{device}'}\ndedup: {key: [/id, /part], window: 1min}"


@pytest.mark.parametrize(
    ("document", "later_ms", "is_copy"),
    [
        pytest.param({"id": 1, "part": [2]}, 60_000, True, id="same-key-within-the-window"),
        pytest.param({"id": 1, "part": [2]}, 60_001, False, id="same-key-later"),
        pytest.param({"id": 1, "part": [3]}, 0, False, id="another-key"),
        pytest.param({"part": [2]}, 0, False, id="a-part-is-missing"),
    ],
)
def test_a_profile_says_what_makes_a_copy(document: dict[str, Any], later_ms: int, is_copy: bool) -> None:  # noqa: FBT001
    into = pipeline(KEYED)
    assert point(into.process(sent({"ph": 7, "id": 1, "part": [2]}), NOW_MS))
    assert into.process(sent({"ph": 6, **document}), NOW_MS + later_ms).duplicates == int(is_copy)


def test_without_a_key_nothing_is_a_copy() -> None:
    into = pipeline(KEYED)
    assert [into.process(sent({"ph": 7}), NOW_MS).duplicates for _ in range(3)] == [0, 0, 0]


def test_copies_are_known_although_the_codec_had_to_be_asked_for_both() -> None:
    into = pipeline(f"match: {{envelope: lorawan}}\ncodec: c.js\n{PH.replace('/ph', '/codec/ph')}")
    asks = [ask(into.process(uplink(time=at(0)), NOW_MS)) for _ in range(2)]
    outcomes = [into.resume(each, {"ph": 7}, None) for each in asks]
    assert [(len(outcome.readings), outcome.duplicates) for outcome in outcomes] == [(1, 0), (0, 1)]
