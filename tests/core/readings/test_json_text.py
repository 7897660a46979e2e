"""A key that occurs twice in a reading: the reject says so, and no value is chosen in silence."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.message import StoredMessage
from gateway.core.readings.native import Decoded, NativeDecoder
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS, pipeline, point, points, process, refusal
from tests.core.profiled import pipeline as profiled
from tests.rows import each_row

FLAT = "match: {topic: 't/{device}'}\npoints: [{measurement: water, fields: {ph: /ph}}]"
TOPIC = "iot/v1/hue/water/meter-1/readings"


@each_row(
    ("payload", "key"),
    [
        pytest.param(b'{"volume_m3":1,"volume_m3":2}', "volume_m3", id="a-quantity"),
        pytest.param(b'{"volume_m3":1,"volume_m3":1}', "volume_m3", id="the-same-value"),
        pytest.param(b'{"volume_m3":1, "volume_m3" :2}', "volume_m3", id="spaces"),
        pytest.param(b'{"volume_m3":1,"volume_m3"\t:2}', "volume_m3", id="a-tab"),
        pytest.param(b'{"volume_m3":1,"volume_m\\u0033":2}', "volume_m3", id="written-with-an-escape"),
        pytest.param(b'{"ts":1793491200250,"ts":"x:y\\u0022","volume_m3":2}', "ts", id="the-time-as-number-and-text"),
        pytest.param(b'{"ts":"a","ts":"b","volume_m3":2}', "ts", id="the-time-twice-as-text"),
        pytest.param(b'{"lane":"1","lane":"2","volume_m3":2}', "lane", id="a-tag"),
        pytest.param(b'{"lane":"1","volume_m3":1,"volume_m3":2}', "volume_m3", id="beside-a-tag"),
        pytest.param(b'{"seq":1,"seq":2,"volume_m3":2}', "seq", id="the-sequence-number"),
        pytest.param(b'{"colour":1,"colour":2,"volume_m3":2}', "colour", id="a-key-nobody-knows"),
        pytest.param(b'{"volume_m3":"1","volume_m3":"2"}', "volume_m3", id="numbers-as-text"),
        pytest.param(b'{"volume_m3":null,"volume_m3":2}', "volume_m3", id="null-first"),
        pytest.param(b'\xef\xbb\xbf{"volume_m3":1,"volume_m3":2}\0', "volume_m3", id="mark-and-zero"),
        pytest.param(b'{"volume_m3":1,"volume_m3":%s}' % (b"9" * 4000), "volume_m3", id="many-digits"),
    ],
)
def test_a_key_that_stands_twice_is_the_reject_bad_json(payload: bytes, key: str) -> None:
    found = refusal(process(payload))
    assert found.reason is RejectReason.BAD_JSON
    assert repr(key) in found.detail
    assert "twice" in found.detail


def test_of_a_list_only_the_reading_with_the_key_twice_is_lost() -> None:
    into = pipeline()
    payload = b'[{"ts":%d,"volume_m3":1},{"ts":%d,"volume_m3":2,"volume_m3":7},{"ts":%d,"volume_m3":3}]'
    outcome = into.process(StoredMessage(TOPIC, payload % (NOW_MS - 3, NOW_MS - 2, NOW_MS - 1)), NOW_MS)
    assert [found.values["volume_m3"] for found in points(outcome)] == [1.0, 3.0]
    (lost,) = outcome.refusals
    assert lost.reason is RejectReason.BAD_JSON
    assert refusal(process(lost.payload)).reason is RejectReason.BAD_JSON, "a replay must not choose a value either"


def test_what_is_nested_in_a_key_nobody_knows_costs_no_reading() -> None:
    assert point(process(b'{"volume_m3":2,"maker":{"a":1,"a":2}}')).values["volume_m3"] == 2.0


@pytest.mark.parametrize(
    "payload",
    [
        b'{"ts":1793491200250,"seq":1,"volume_m3":5,"valve_open":true}',
        b'{"ts": "2026-11-01T07:00:00.250+07:00", "seq": 1, "volume_m3": 5}',
        b'{"ts" : 1793491200250, "lane" : "1:a", "channel":"b", "volume_m3" : 5}',
    ],
)
def test_a_sound_reading_keeps_to_the_fast_way(payload: bytes) -> None:
    assert NativeDecoder("water").decode_plain(payload) is not None


# Messages of profiles.


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        pytest.param(b'{"ph":7,"ph":8}', "ph", id="a-value"),
        pytest.param(b'{"ph" : 7, "ph" : 8}', "ph", id="spaces"),
        pytest.param(b'{"ts":"07:00","x":"\\":","ph":7,"x":1}', "x", id="beside-texts-with-colons"),
        pytest.param(b'\xef\xbb\xbf{"ph":7,"ph":8}\0', "ph", id="mark-and-zero"),
    ],
)
def test_a_profiles_message_with_a_key_twice_is_the_reject_bad_json(payload: bytes, key: str) -> None:
    found = refusal(profiled(FLAT).process(StoredMessage("t/d1", payload), NOW_MS))
    assert found.reason is RejectReason.BAD_JSON
    assert found.detail == f"the key {key!r} occurs twice in a reading; let the device write each key once"


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b'{"ts":"07:00:00","x":"\\":","ph":7}', id="texts-with-colons"),
        pytest.param(b'{"ph" :7,"x"\t:1}', id="blanks-before-colons"),
        pytest.param(b'{"o":{"ph":1},"ph":7}', id="the-same-key-deeper"),
        pytest.param(b'{"o":{"x":1,"x":2},"ph":7}', id="twice-in-what-is-nested-costs-too-much-to-see"),
    ],
)
def test_a_profiles_message_without_a_key_twice_is_data(payload: bytes) -> None:
    assert point(profiled(FLAT).process(StoredMessage("t/d1", payload), NOW_MS)).values["ph"] == 7.0


TEXT = st.text(st.sampled_from('":\\ a\u00e9'), max_size=6)
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["ts", "volume_m3", "flow_m3_h", "lane", "other"]),
        st.integers(0, 9) | TEXT | st.dictionaries(TEXT, st.integers(), max_size=2),
    ),
    min_size=1,
    max_size=5,
)


@example(members=[("volume_m3", 0), ("volume_m3", 0)], colon=":", listed=False)  # two marks more are no text of a time
@given(MEMBERS, st.sampled_from([":", " : ", "\n:"]), st.booleans())
def test_no_way_overlooks_a_key_that_stands_twice(members: list[tuple[str, object]], colon: str, listed: bool) -> None:  # noqa: FBT001
    text = "{" + ",".join(f"{json.dumps(key)}{colon}{json.dumps(value)}" for key, value in members) + "}"
    found = refusals_or_points((f"[{text}]" if listed else text).encode())
    assert found == (len(dict(members)) < len(members))
    known = tuple(key for key in dict(members) if key != "other")
    if len(known) < len(members):
        for text_time in (False, True):
            assert NativeDecoder("water").key_set_of(known, text_time=text_time).read(text.encode()) is None


def test_a_key_that_stands_twice_is_not_taken_for_the_text_of_a_time() -> None:
    payload = b'{"ts":1793491200250,"volume_m3":1,"volume_m3":2}'
    assert NativeDecoder("water").key_set_of(("ts", "volume_m3"), text_time=True).read(payload) is None


def refusals_or_points(payload: bytes) -> bool:
    """Tell if the payload is refused for a repeated key."""
    outcome = pipeline().process(StoredMessage(TOPIC, payload), NOW_MS)
    return [each.reason for each in outcome.refusals] == [RejectReason.BAD_JSON]


def test_the_slow_path_takes_the_same_as_the_fast_path() -> None:
    payload = b'{"ts":1793491200250,"seq":17,"volume_m3":12.5,"lane":"1:2"}'
    (slow,) = NativeDecoder("water").decode_slow_path(payload)
    assert isinstance(slow, Decoded)
    fast = NativeDecoder("water").decode_plain(payload)
    assert fast is not None
    assert slow.values == fast[0]
