"""Line protocol: text of a reading can never change another point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.line_protocol import (
    FieldSet,
    PointValue,
    escape_tag,
    read_values,
    series_pattern,
    tag_text,
    value_texts,
)
from schemas.readings import Value
from tests.core.line_protocol import by_parity, by_previous_byte, parse, split
from tests.core.making import NOW_MS

WATER = series_pattern("water", "", "")
HOSTILE = st.text(st.sampled_from(list("\\\\\\, =\n\r\t\"'#a.é")), min_size=1, max_size=12)


def marked(text: str) -> str:
    """A text of a tag as it comes back: one that ends with a backslash got a mark behind it."""
    return text + "_" if text.endswith("\\") else text


@given(HOSTILE)
def test_no_separator_of_an_escaped_text_is_unescaped_to_any_server(text: str) -> None:
    """The text is in the place of a tag value: between an equals sign and the separator that ends it."""
    escaped = escape_tag(text)
    assert "\n" not in escaped
    for is_escaped in (by_previous_byte, by_parity):
        for separator in ", =":
            assert split(escaped + separator, separator, is_escaped) == [escaped, ""]


@given(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=4, unique_by=lambda pair: escape_tag(pair[0])))
def test_any_tags_make_one_point_with_as_many_tags(tags: list[tuple[str, str]]) -> None:
    text = FieldSet(1, ("ph",)).lines(series_pattern("water", "", "", tuple(tags)), "d", ["7.0"], 0, 5, NOW_MS)
    got = parse(text)
    assert (got.measurement, got.time_ms) == ("water", NOW_MS)
    assert got.fields == {"ph": 7.0, "quality": 0, "seq": 5}
    assert len(got.tags) == len(tags) + 1
    assert got.tags["device"] == "d"


@given(st.text(st.characters(exclude_characters=", =\\\n\r\t", codec="utf-8"), min_size=1))
def test_a_text_without_special_characters_stays_as_it_is(text: str) -> None:
    assert escape_tag(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a b", r"a\ b", id="space"),
        pytest.param("a,b", r"a\,b", id="comma"),
        pytest.param("a=b", r"a\=b", id="equals"),
        pytest.param("a\nwater,device=x ph=1 1", r"a\nwater\,device\=x\ ph\=1\ 1", id="a-second-line"),
        pytest.param("a\\", "a\\\\_", id="backslash-at-the-end"),
        pytest.param("a\\,b", "a\\\\\\,b", id="backslash-before-a-comma"),
        pytest.param('a"b', 'a"b', id="quote-needs-nothing"),
    ],
)
def test_special_characters_are_escaped(text: str, escaped: str) -> None:
    assert escape_tag(text) == escaped


def test_tags_are_sorted_by_key_and_empty_ones_left_out() -> None:
    """An empty tag value is a 400."""
    assert tag_text([("site", "s"), ("area", ""), ("device", "d"), ("channel", "1")]) == ",channel=1,device=d,site=s"


def test_the_tags_of_a_line_are_sorted_around_the_name_of_the_device() -> None:
    pattern = series_pattern("water", "s", "a", (("channel", "1"), ("lane", "2")))
    line = FieldSet(1, ("ph", "battery_pct")).lines(pattern, "d", ["7.0", "50.0"], 0, None, 5)
    assert line == (
        "water,area=a,channel=1,device=d,lane=2,site=s ph=7.0,quality=0i 5\n"
        "device_health,area=a,channel=1,device=d,lane=2,site=s battery_pct=50.0,quality=0i 5"
    )


def test_a_line_has_the_quality_always_and_the_sequence_only_where_there_is_one() -> None:
    water = FieldSet(1, ("ph", "valve_open"))
    valve = water.lines(WATER, "d", value_texts([7.0, True]), 3, None, 5)
    assert valve == "water,device=d ph=7.0,valve_open=true,quality=3i 5"
    assert water.lines(WATER, "d", value_texts([0.1, False]), 0, 0, 5) == (
        "water,device=d ph=0.1,valve_open=false,quality=0i,seq=0i 5"
    )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.booleans(), min_size=1))
def test_values_are_read_back_as_they_were(values: list[float | bool]) -> None:
    fields = tuple(f"f{at}" for at in range(len(values)))
    text = FieldSet(1, fields).lines(WATER, "d", value_texts(values), 0, None, NOW_MS)
    assert list(parse(text).values.values()) == values


@given(
    st.lists(st.tuples(HOSTILE, HOSTILE), max_size=4, unique_by=lambda pair: escape_tag(pair[0])),
    st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    st.integers(0, 255),
    st.sampled_from([None, 17]),
)
def test_the_values_of_a_point_are_read_back_whatever_its_tags(
    tags: list[tuple[str, str]], value: Value, quality: int, seq: int | None
) -> None:
    series = series_pattern("water", "", "", tuple(tags))
    text = FieldSet(1, ("ph", "volume_m3")).lines(series, "d", value_texts([value, 2.5]), quality, seq, NOW_MS)
    got, rest = parse(text), ("d", NOW_MS, quality)
    for found in read_values([text]):
        assert (found.device, found.time_ms, found.quality) == rest
        assert found.value == got.values[found.field]
        assert found.tags == {"device": "d"} | {marked(key): marked(text) for key, text in tags}
    assert [found.field for found in read_values([text])] == ["ph", "volume_m3"]


def test_the_health_of_a_device_is_read_back_as_a_point_of_its_own() -> None:
    text = FieldSet(1, ("ph", "battery_pct")).lines(WATER, "d", ["7.0", "90"], 64, 5, NOW_MS)
    assert list(read_values(text.split("\n"))) == [
        PointValue("water", "d", "ph", 7.0, NOW_MS, 64, "water,device=d"),
        PointValue("device_health", "d", "battery_pct", 90, NOW_MS, 64, "device_health,device=d"),
    ]


def test_two_lanes_of_a_device_at_one_time_are_told_apart() -> None:
    patterns = [series_pattern("traffic", "s", "a", (("direction", "to, town"), ("lane", lane))) for lane in "12"]
    first, second = read_values(FieldSet(1, ("mean_speed_km_h",)).lines(each, "d", ["50.0"], 0, None, 5) for each in patterns)
    assert first[:6] == second[:6]
    assert first.series != second.series
    assert second.tags == {"area": "a", "device": "d", "direction": "to, town", "lane": "2", "site": "s"}
