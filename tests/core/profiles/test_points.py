"""The parts of a point: tags, device, time and quality; values that come together; reported faults."""

from typing import Any

import pytest

from gateway.core.message import Undecodable
from schemas.quantities import QUANTITIES, Quality
from schemas.rejects import DropCause, RejectReason
from tests.core.profiling import NOW_MS, compiled, context, faults, points
from tests.rows import each_row


def shown(text: str, document: object, **seen: Any) -> list[tuple[dict[str, str], dict[str, Any]]]:  # noqa: ANN401
    """Tags and values of each point."""
    return [(dict(point.tags), point.values) for point in points(text, document, **seen)]


JOINED = """
points:
  - {measurement: power, fields: {energy_import_kwh: /e}}
  - {measurement: power, fields: {voltage_l1_v: /v, battery_pct: /b}}
  - {measurement: power, fields: {current_l1_a: /c}, tags: {channel: "1"}}
"""


def test_what_has_the_same_measurement_tags_and_time_becomes_one_point_in_the_order_of_the_table() -> None:
    found = points(JOINED, {"e": 1, "v": 230, "b": 50, "c": 2})
    assert [(point.tags, list(point.values)) for point in found] == [
        ((), ["voltage_l1_v", "energy_import_kwh", "battery_pct"]),
        ((("channel", "1"),), ["current_l1_a"]),
    ]


def test_two_values_for_one_field_stay_two_points() -> None:
    """Downstream that is a conflict; it must not be decided by the order of a list."""
    text = "points: [{measurement: water, each: {of: /m, by: n, value: v}, map: {ph: ph}}]"
    assert [point.values for point in points(text, {"m": [{"n": "ph", "v": 7}, {"n": "ph", "v": 8}]})] == [
        {"ph": 7.0},
        {"ph": 8.0},
    ]
    assert [point.values for point in points(text, {"m": [{"n": "ph", "v": 7}] * 2})] == [{"ph": 7.0}]


def test_a_dropped_value_sets_its_bit_and_leaves_the_rest() -> None:
    text = "points: [{measurement: water, fields: {ph: /ph, pressure_kpa: {path: /p, sentinels: [0]}}}]"
    (found,) = points(text, {"ph": 7, "p": 0})
    assert (found.values, found.dropped, found.quality) == ({"ph": 7.0}, [("/p", DropCause.SENTINEL)], Quality.VALUE_DROPPED)


def test_a_drop_that_has_no_point_of_its_own_is_told_beside_another_and_sets_no_bit_there() -> None:
    text = "points: [{measurement: water, fields: {ph: /ph}}, {measurement: device_health, fields: {battery_v: /b}}]"
    (found,) = points(text, {"ph": 99, "b": 3.6})
    assert (found.measurement, found.dropped, found.quality) == ("device_health", [("/ph", DropCause.OUT_OF_BOUNDS)], 0)


def test_where_only_drops_come_a_point_without_values_tells_them() -> None:
    text = "points: [{measurement: water, fields: {ph: /ph}}]"
    (found,) = points(text, {"ph": 99})
    assert (found.values, found.dropped) == ({}, [("/ph", DropCause.OUT_OF_BOUNDS)])
    (found,) = points(text, {})
    assert (found.values, found.dropped) == ({}, [])


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("{ph: {path: /ph, when: {/ok: true}}}", id="when-of-the-field"),
        pytest.param("{ph: {path: /none, when: {/ok: true}}, level_m: {path: /ph, when: {/ok: [2, 3]}}}", id="of-all-fields"),
        pytest.param("{ph: {path: /ph, none: [0]}}", id="the-device-has-none"),
        pytest.param("{ph: {path: /ph, none: [0]}, level_m: /level}", id="and-no-other-value"),
    ],
)
@pytest.mark.parametrize("more", ["", "tags: {lane: /lane}, "], ids=["alone", "tagged"])
def test_where_no_field_is_wanted_nothing_is_missed_as_where_no_point_is(fields: str, more: str) -> None:
    assert points(f"points: [{{measurement: water, {more}fields: {fields}}}]", {"ph": 0, "ok": False}) == []


def test_where_one_of_the_fields_is_wanted_and_not_there_it_is_missed() -> None:
    text = "points: [{measurement: water, fields: {ph: {path: /ph, when: {/ok: true}}, level_m: /level}}]"
    (found,) = points(text, {"ph": 7, "ok": False})
    assert found.values == {}


def test_an_item_whose_field_is_not_wanted_is_not_missed() -> None:
    text = "points: [{measurement: water, each: {of: /m, by: n, value: v}, map: {ph: {field: ph, when: {ok: true}}}}]"
    assert points(text, {"m": [{"n": "ph", "v": 7, "ok": False}]}) == []


def test_none_marks_nothing_where_a_sentinel_sets_its_bit() -> None:
    text = "points: [{measurement: water, fields: {ph: /ph, level_m: {path: /l, none: [0], sentinels: [9999]}}}]"
    assert [(point.quality, point.dropped) for point in points(text, {"ph": 7, "l": 0})] == [(0, [])]
    assert [point.quality for point in points(text, {"ph": 7, "l": 9999})] == [Quality.VALUE_DROPPED]


SLOW = ["(a+)+b", "((a+))+b", "(?:(a|b)*)*c", "(a{2,9})*b", "([(]a*)+b", "(\\(a*)+b"]
QUICK = ["(a+)?b", "[(a+]+b", "\\(a+\\)+b", "(?:CH)?([0-9]+)", "([0-9]+)(?:[.,]([0-9]+))?", "(ab)+c"]


@each_row("pattern", [*SLOW, *QUICK])
@pytest.mark.parametrize(
    "place", ["tags: {lane: {path: /a, regex: '%s'}}, fields: {ph: /a}", "fields: {ph: {path: /a, regex: '%s'}}"]
)
def test_a_pattern_that_some_texts_keep_busy_for_ever_is_refused(pattern: str, place: str) -> None:
    found = faults(f"points: [{{measurement: water, {place % pattern}}}]")
    assert ["repeats a repetition" in fault for fault in found] == [True] * (pattern in SLOW)


def test_a_field_of_device_health_may_ride_along() -> None:
    assert shown("points: [{measurement: water, fields: {ph: /ph, battery_v: /b}}]", {"ph": 7, "b": 3.6}) == [
        ({}, {"ph": 7.0, "battery_v": 3.6})
    ]


COUNT = "points: [{measurement: traffic, fields: {vehicle_count: /n, interval_s: /i, battery_v: {literal: 3}}}]"


@pytest.mark.parametrize(
    ("document", "params", "values"),
    [
        pytest.param({"n": 5, "i": 60}, {}, {"vehicle_count": 5.0, "interval_s": 60.0, "battery_v": 3.0}, id="in-the-payload"),
        pytest.param(
            {"n": 5}, {"interval_s": 300}, {"vehicle_count": 5.0, "interval_s": 300.0, "battery_v": 3.0}, id="registry"
        ),
        pytest.param({"n": 5}, {}, {"battery_v": 3.0}, id="nowhere"),
    ],
)
def test_a_count_of_vehicles_needs_its_interval(document: object, params: dict[str, int], values: dict[str, float]) -> None:
    (found,) = points(COUNT, document, params=params)
    assert (found.values, list(found.values)) == (values, list(values))
    assert found.dropped == ([] if "vehicle_count" in found.values else [("vehicle_count", DropCause.NO_INTERVAL)])


def test_a_count_of_people_needs_its_interval() -> None:
    text = "points: [{measurement: urban, fields: {people_in: /n, people_out: /m}}]"
    (found,) = points(text, {"n": 5, "m": 6})
    assert (found.values, found.dropped) == ({}, [(name, DropCause.NO_INTERVAL) for name in ("people_in", "people_out")])
    (found,) = points(text, {"n": 5, "m": 6}, params={"interval_s": 900})
    assert found.values == {"people_in": 5.0, "people_out": 6.0, "interval_s": 900.0}


@pytest.mark.parametrize(
    ("rule", "where", "quality"),
    [
        pytest.param("historic: true", "profile", Quality.HISTORIC, id="always"),
        pytest.param("historic: {/type: history}", "profile", Quality.HISTORIC, id="of-the-document"),
        pytest.param("historic: {old: true}", "point", Quality.HISTORIC, id="of-an-item"),
        pytest.param("estimated: {/type: history}", "profile", Quality.ESTIMATED, id="estimated"),
        pytest.param("estimated: {old: [1, 2]}", "point", 0, id="does-not-hold"),
    ],
)
def test_the_payload_may_tell_that_a_point_is_historic_or_estimated(rule: str, where: str, quality: int) -> None:
    profile, point = (rule, "") if where == "profile" else ("", f", {rule}")
    text = f"{profile}\npoints: [{{measurement: water, each: /m, fields: {{ph: v}}{point}}}]"
    (found,) = points(text, {"type": "history", "m": [{"v": 7, "old": True}]})
    assert found.quality == quality


def test_a_historic_metric_of_sparkplug_says_so_itself() -> None:
    point = "{measurement: water, each: {of: /metrics, by: name, value: value, time: timestamp}, map: {ph: ph}}"
    text = f"decode: sparkplug_b\npoints: [{point}]"
    metrics = [{"name": "ph", "value": 7, "timestamp": NOW_MS - at, "is_historical": at > 0} for at in (0, 1000)]
    assert [point.quality for point in points(text, {"metrics": metrics})] == [0, Quality.HISTORIC]


@pytest.mark.parametrize(
    ("raw", "seq"),
    [
        pytest.param(17, 17, id="number"),
        pytest.param("17", 17, id="text"),
        pytest.param(-1, None, id="negative"),
        pytest.param(2**64, None, id="too-large"),
        pytest.param(1.5, None, id="fraction"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_a_sequence_number_goes_along(raw: object, seq: int | None) -> None:
    (found,) = points("seq: /n\npoints: [{measurement: water, fields: {ph: {literal: 7}}}]", {"n": raw})
    assert found.seq == seq


def test_more_points_than_a_message_may_hold_are_a_fault_of_the_message() -> None:
    text = "points: [{measurement: water, each: /m, tags: {channel: {key: true}}, fields: {ph: {item: true}}}]"
    assert len(points(text, {"m": [7] * 1000})) == 1000
    with pytest.raises(Undecodable) as refused:
        points(text, {"m": [7] * 1001})
    assert refused.value.reason is RejectReason.BAD_PAYLOAD


def test_a_search_in_the_document_is_made_once_for_all_items() -> None:
    """A hostile payload of some 10,000 items must not cost 10,000 searches through 10,000 more."""
    text = """
points:
  - measurement: water
    each: {of: /m, by: n, value: v}
    map: {"*": {field: ph, scale: {path: "/k[?id==x]/s", default: 1}}}
"""
    many = 10_000
    document = {"m": [{"n": "a", "v": 7}] * many, "k": [{"id": "y"}] * many}
    assert len(points(text, document)) == 1


def test_root_is_where_all_paths_begin() -> None:
    text = """
match: {topic: "t/{device}", when: {/E: present}}
root: {first_of: [/S, /]}
device: /id
points: [{measurement: water, fields: {ph: /E}}]
"""
    profile = compiled(text)
    for document in ({"S": {"E": 7, "id": "x"}}, {"E": 7, "id": "x"}):
        assert profile.holds(document, {})
        assert shown(text, document) == [({}, {"ph": 7.0})]


@each_row(
    ("text", "fault"),
    [
        pytest.param("points: [{measurement: water}]", "points.0: give fields or map", id="nothing-in-it"),
        pytest.param("points: [{measurement: water, map: {a: ph}}]", "points.0.map: names belong to items", id="map-alone"),
        pytest.param("points: []", "points: give at least one", id="no-points"),
        pytest.param(
            "points: [{measurement: water, each: m, fields: {ph: a}}]", "points.0.each.of: 'm' must begin with", id="of"
        ),
        pytest.param(
            'points: [{measurement: water, each: /m, map: {"L{p}": {field: "x{p}"}}}]',
            "needs choices in the name",
            id="free-text-in-a-field",
        ),
        pytest.param(
            'points: [{measurement: power, each: /m, map: {"L{p:1|N}": {field: "current_l{p}_a"}}}]',
            "points.0.map.L{p:1|N}: 'current_lN_a' is not a field of power",
            id="a-choice-without-a-field",
        ),
        pytest.param('points: [{measurement: water, each: /m, map: {"{a}{a}": ph}}]', "occurs twice", id="a-name-twice"),
        pytest.param(
            "points: [{measurement: water, tags: {lane: {regex: '('}}, fields: {ph: /a}}]", "points.0.tags.lane", id="tag"
        ),
        pytest.param(
            "points: [{measurement: water, tags: {lane: {path: /a, regex: '(a+)+b'}}, fields: {ph: /a}}]",
            "repeats a repetition",
            id="regex-that-may-never-end",
        ),
        pytest.param(
            "points: [{measurement: water, each: {of: /m}, tags: {direction: ltr}, fields: {ph: p}}]",
            "points.0.tags.direction: 'ltr' may be a text or a key of the item; write {literal: ltr} or {path: ltr}",
            id="literal-tag",
        ),
        pytest.param(
            "points: [{measurement: water, tags: {direction: ltr}, fields: {ph: /a}}]",
            "points.0.tags.direction: 'ltr' is not a key of a message in the tests; "
            "write {literal: ltr} for the text itself, or /ltr",
            id="literal-tag-outside-of-each",
        ),
        pytest.param(
            "tags: {direction: ltr}\npoints: [{measurement: water, fields: {ph: /a}}]",
            "tags.direction: 'ltr' is not a key of a message in the tests",
            id="literal-tag-of-the-profile",
        ),
        pytest.param(
            "points: [{measurement: traffic, tags: {vehicle_class: moto}, fields: {occupancy_pct: /a}}]",
            "points.0.tags.vehicle_class: 'moto' is not a key of a message in the tests",
            id="literal-tag-that-is-no-class",
        ),
        pytest.param(
            "match: {envelope: lorawan}\ntags: {channel: left}\npoints: [{measurement: water, fields: {ph: /a}}]",
            "tags.channel: 'left' is not a key of a message in the tests",
            id="literal-tag-of-a-frame",
        ),
        pytest.param(
            "points: [{measurement: water, each: {of: /m}, map: {a: {field: ph, tags: {lane: left}}}}]",
            "points.0.map.a.tags.lane: 'left' may be a text or a key of the item; write {literal: left} or {path: left}",
            id="literal-tag-of-a-name",
        ),
        pytest.param(
            "device: {lower: true}\npoints: [{measurement: water, fields: {ph: /a}}]", "device: say where", id="no-source"
        ),
    ],
)
def test_a_point_that_cannot_be_is_told_with_its_key(text: str, fault: str) -> None:
    found = faults(text)
    assert any(fault in line for line in found), found


def test_all_faults_of_a_profile_are_told_at_once() -> None:
    text = """
time: [{path: /t, format: nonsense}]
device: {topic: nowhere}
points:
  - measurement: water
    when: {"/~": 1}
    each: {of: /m, by: {regex: "x"}}
    fields: {ph: {path: "/a~"}, volume: /v, pressure_kpa: {path: /p, unit: L}}
"""
    assert [line.split(": ")[0] for line in faults(text)] == [
        "time.0.format",
        "points.0.when./~",
        "points.0.each.by",
        "points.0.fields.ph.path",
        "points.0.fields.volume",
        "points.0.fields.pressure_kpa.unit",
        "device.topic",
    ]


@pytest.mark.parametrize("measurement", QUANTITIES)
def test_every_quantity_can_be_mapped(measurement: str) -> None:
    fields = ", ".join(f"{name}: /v" for name in QUANTITIES[measurement])
    text = f"points: [{{measurement: {measurement}, fields: {{{fields}}}}}]"
    (found,) = points(text, {"v": 1}, params={"interval_s": 60})
    outside = [name for name, _ in found.dropped]
    assert len(found.values) + len(outside) == len(QUANTITIES[measurement])
    assert list(found.values) == [name for name in QUANTITIES[measurement] if name in found.values]


@pytest.mark.parametrize(("bits", "named"), [("[4, 2]", "bits 4 to 5"), ("[3, 1]", "bit 3")])
def test_bits_are_explained_by_their_first_and_last(bits: str, named: str) -> None:
    text = f"points: [{{measurement: water, fields: {{ph: {{path: /v, bits: {bits}}}}}}}]"
    assert named in str(compiled(text).explain(context({"v": 0x38})))


def test_each_step_is_explained() -> None:
    point = "{measurement: water, fields: {volume_m3: {path: /v, sentinels: [1], unit: L}}}"
    text = f"time: [{{path: /t, format: unix_ms}}, arrival]\npoints: [{point}]"
    assert compiled(text).explain(context({"v": "5938", "t": 5})) == [
        ("time from /t, not believed", 5),
        ("volume_m3 from /v", "5938"),
        ("volume_m3: sentinels", "5938"),
        ("volume_m3: number", 5938),
        ("volume_m3: unit L", 5.938),
        ("volume_m3: bounds", 5.938),
    ]


def test_a_step_that_finds_nothing_says_where_its_path_ends() -> None:
    text = """
time: [{path: /meta/ts, format: unix_s}, {path: /meta/at, format: rfc3339}]
points:
  - {measurement: water, fields: {ph: /data/ph, level_m: {first_of: [/data/l, /level]}}}
  - {measurement: power, each: /phases, fields: {voltage_l1_v: u}}
  - {measurement: power, each: {of: /m}, fields: {voltage_l1_v: u}}
"""
    steps = dict(compiled(text).explain(context({"data": {"pH": 7, "temp": 2}, "meta": {"at": "today"}, "m": [{"U": 1}]})))
    assert {what: str(value) for what, value in steps.items()} == {
        "time from /meta/ts": "/meta holds at",
        "time from /meta/at": "'today' is not rfc3339",
        "ph from /data/ph": "/data holds pH, temp",
        "level_m from /data/l": "/data holds pH, temp",
        "power: items of /phases": "/ holds data, meta, m",
        "power: item 0": "{'U': 1}",
        "voltage_l1_v from u": "the item holds U",
    }
