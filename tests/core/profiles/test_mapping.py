"""Fan-out: items of lists and maps, names to fields, running totals, other devices."""

from typing import Any

import pytest

from schemas.quantities import Quality
from schemas.rejects import DropCause
from tests.core.profiling import NOW_MS, points


def shown(text: str, document: object, **seen: Any) -> list[tuple[dict[str, str], dict[str, Any]]]:  # noqa: ANN401
    """Tags and values of each point."""
    return [(dict(point.tags), point.values) for point in points(text, document, **seen)]


TASMOTA = """
points:
  - measurement: power
    when: {/ENERGY/Total: number}
    fields: {energy_import_kwh: /ENERGY/Total, active_power_w: /ENERGY/Power}
  - measurement: power
    when: {/ENERGY/Total: [list, map]}
    each: {of: /ENERGY/Total}
    tags: {channel: {key: true}}
    fields: {energy_import_kwh: {item: true}, active_power_w: {sibling: /ENERGY/Power}}
"""


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        pytest.param({"Total": 1.2, "Power": 5}, [({}, {"active_power_w": 5.0, "energy_import_kwh": 1.2})], id="number"),
        pytest.param(
            {"Total": [1.2, 3.4], "Power": [5, 6]},
            [
                ({"channel": "0"}, {"active_power_w": 5.0, "energy_import_kwh": 1.2}),
                ({"channel": "1"}, {"active_power_w": 6.0, "energy_import_kwh": 3.4}),
            ],
            id="list-with-a-sibling",
        ),
        pytest.param(
            {"Total": {"Phase1": 1.2, "Phase2": 3.4}, "Power": {"Phase2": 6}},
            [
                ({"channel": "Phase1"}, {"energy_import_kwh": 1.2}),
                ({"channel": "Phase2"}, {"active_power_w": 6.0, "energy_import_kwh": 3.4}),
            ],
            id="map-with-a-sibling-of-one",
        ),
    ],
)
def test_a_number_a_list_and_a_map_are_taken_by_one_profile(energy: object, expected: object) -> None:
    assert shown(TASMOTA, {"ENERGY": energy}) == expected


PARALLEL = """
points:
  - measurement: water
    each: {of: %s, time: {path: %s, format: unix_ms}}
    fields: {pressure_kpa: %s}
"""


@pytest.mark.parametrize(
    ("of", "time", "value"),
    [
        pytest.param("[/t, /v]", "'0'", "'1'", id="by-place"),
        pytest.param("{at: /t, is: /v}", "at", "is", id="by-name"),
    ],
)
def test_items_of_parallel_lists_go_together(of: str, time: str, value: str) -> None:
    document = {"t": [NOW_MS - 2000, NOW_MS - 1000, NOW_MS], "v": [300, 301]}
    found = points(PARALLEL % (of, time, value), document)
    assert [(point.time_ms, point.values) for point in found] == [
        (NOW_MS - 2000, {"pressure_kpa": 300.0}),
        (NOW_MS - 1000, {"pressure_kpa": 301.0}),
    ]


KEYED = """
points:
  - measurement: power
    each: {of: /vals, by: id, value: val, time: {path: ts, format: unix_ms}, when: {qc: [3, 192]}}
    map: {"101": {field: energy_import_kwh, unit: W.h}, "102": {field: voltage_l1_v, scale: 0.1}, "*": skip}
"""


def test_a_keyed_list_becomes_one_point_for_each_time() -> None:
    values = [
        {"id": 101, "val": 1234, "ts": NOW_MS, "qc": 192},
        {"id": "102", "val": 2301, "ts": NOW_MS, "qc": 3},
        {"id": 102, "val": 2302, "ts": NOW_MS - 1000, "qc": 3},
        {"id": 102, "val": 9, "ts": NOW_MS, "qc": 0},
        {"id": 103, "val": 1, "ts": NOW_MS, "qc": 3},
        {"val": 1, "ts": NOW_MS, "qc": 3},
    ]
    found = points(KEYED, {"vals": values})
    assert [(point.time_ms, point.values, point.quality) for point in found] == [
        (NOW_MS, {"voltage_l1_v": 230.1, "energy_import_kwh": 1.234}, 0),
        (NOW_MS - 1000, {"voltage_l1_v": 230.2}, 0),
    ]
    assert found[0].dropped == [("/vals/5", DropCause.UNKNOWN_KEY)]


def test_a_name_the_profile_does_not_know_is_counted_and_sets_no_bit() -> None:
    text = KEYED.replace(', "*": skip', "")
    values = [{"id": name, "val": 1000, "ts": NOW_MS, "qc": 3} for name in (101, 999)]
    (found,) = points(text, {"vals": values})
    assert (found.dropped, found.quality) == ([("999", DropCause.UNKNOWN_KEY)], 0)


def test_where_only_unwanted_names_come_there_is_nothing_to_say() -> None:
    assert points(KEYED, {"vals": [{"id": 7, "val": 1, "ts": NOW_MS, "qc": 3}]}) == []


PATTERNS = """
points:
  - measurement: power
    each: {of: /metrics, by: name, value: value}
    map:
      "Voltage/L{p:1|2|3}": {field: "voltage_l{p}_v"}
      "{circuit}/Energy": {field: energy_import_kwh, unit: W.h, tags: {channel: "{circuit}"}}
      "Circuit {n:1|2}/Power": {field: active_power_w, tags: {channel: "c{n}"}}
      Status: [{field: relay_on, mask: 1}, {field: alarm_outage, mask: 2}]
      "*": skip
"""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("Voltage/L2", 230, ({}, {"voltage_l2_v": 230.0}), id="choice-in-the-field"),
        pytest.param("Voltage/L4", 230, None, id="no-such-choice"),
        pytest.param("Kitchen/Energy", 1500, ({"channel": "Kitchen"}, {"energy_import_kwh": 1.5}), id="any-text-in-a-tag"),
        pytest.param("A/B/Energy", 1500, None, id="not-across-slashes"),
        pytest.param("Circuit 2/Power", 5, ({"channel": "c2"}, {"active_power_w": 5.0}), id="choice-in-a-tag"),
        pytest.param("Status", 2, ({}, {"relay_on": False, "alarm_outage": True}), id="one-name-two-fields"),
    ],
)
def test_patterns_of_names(name: str, value: object, expected: object) -> None:
    found = shown(PATTERNS, {"metrics": [{"name": name, "value": value}]})
    assert found == ([expected] if expected else [])


def test_a_tag_from_a_name_must_be_a_name() -> None:
    (found,) = points(PATTERNS, {"metrics": [{"name": "Living room/Energy", "value": 1500}]})
    assert (found.tags, found.dropped, found.quality) == ((), [("channel", DropCause.BAD_TAG)], Quality.VALUE_DROPPED)


def test_one_value_per_topic_takes_its_name_from_the_topic() -> None:
    text = """
match: {topic: "det/{device}/{what}"}
points:
  - measurement: traffic
    each: {by: {topic: what}, value: /Value}
    map: {vehicle-speed: mean_speed_km_h, vehicle-gap-time: {field: mean_headway_s, scale: 0.1}}
"""
    assert shown(text, {"Value": 47}, captures={"what": "vehicle-speed"}) == [({}, {"mean_speed_km_h": 47.0})]
    assert shown(text, {"Value": 47}, captures={"what": "vehicle-gap-time"}) == [({}, {"mean_headway_s": 4.7})]


RUNNING = """
points:
  - measurement: water
    each: {of: /deltas, running: {start: /total, sign: %d, sentinels: [65535]}}
    tags: {channel: {key: true}}
    fields: {volume_m3: {item: true, unit: L}}
"""


@pytest.mark.parametrize(
    ("sign", "deltas", "totals"),
    [
        pytest.param(-1, [1, 2, 3], [5.937, 5.935, 5.932], id="back"),
        pytest.param(1, [1, 2, 3], [5.939, 5.941, 5.944], id="forwards"),
        pytest.param(-1, [1, 65535, 3], [5.937], id="they-end-where-one-is-not-known"),
        pytest.param(-1, [1, None, 3], [5.937], id="or-null"),
        pytest.param(-1, [1, "2", 3], [5.937], id="or-no-number"),
    ],
)
def test_totals_run_from_a_start_over_differences(sign: int, deltas: list[Any], totals: list[float]) -> None:
    found = points(RUNNING % sign, {"total": 5938, "deltas": deltas})
    assert [point.values["volume_m3"] for point in found] == totals


def test_without_a_start_there_are_no_totals() -> None:
    assert points(RUNNING % -1, {"deltas": [1, 2]}) == []
    text = (RUNNING % -1).replace("start: /total", "start: {path: /total, sentinels: [4294967295]}")
    assert points(text, {"total": 4294967295, "deltas": [1, 2]}) == []


def test_each_item_may_be_of_another_device() -> None:
    text = """
points:
  - measurement: water
    each: {of: /data, when: {found: true}}
    device: {path: meterId}
    fields: {volume_m3: parsed/value}
"""
    data = [
        {"meterId": 19822733, "found": True, "parsed": {"value": 125.977}},
        {"meterId": "11AAEA53", "found": False, "parsed": {}},
        {"meterId": " ", "found": True, "parsed": {"value": 1}},
        {"found": True, "parsed": {"value": 1}},
    ]
    (found,) = points(text, {"data": data})
    assert (found.device, found.values) == ("19822733", {"volume_m3": 125.977})
    assert found.dropped == [("device", DropCause.BAD_TAG)] * 2


def test_a_value_dropped_of_an_item_marks_the_point_that_its_neighbours_make() -> None:
    text = """
points:
  - measurement: water
    each: {of: /vals, by: id, value: val}
    map: {cl: {field: chlorine_mg_l, sentinels: [NAN]}, ph: ph, "*": skip}
"""
    for vals in ([{"id": "cl", "val": "NAN"}, {"id": "ph", "val": 7}], [{"id": "ph", "val": 7}, {"id": "cl", "val": "NAN"}]):
        (found,) = points(text, {"vals": vals})
        assert (found.values, found.dropped) == ({"ph": 7.0}, [("cl", DropCause.SENTINEL)])
        assert found.quality == Quality.VALUE_DROPPED


def test_a_value_dropped_of_an_item_marks_no_point_of_another_time() -> None:
    values = [{"id": 101, "val": 1000, "ts": NOW_MS, "qc": 3}, {"id": 102, "val": "-", "ts": NOW_MS - 1000, "qc": 3}]
    (found,) = points(KEYED, {"vals": values})
    assert (found.dropped, found.quality) == ([("102", DropCause.WRONG_TYPE)], 0)


def test_a_name_written_out_goes_before_a_pattern_that_also_fits() -> None:
    text = """
points:
  - measurement: power
    each: {of: /vals, by: id, value: val}
    map: {"U{p:1|2|3}": skip, "U2": voltage_l2_v, "{any}": skip}
"""
    assert shown(text, {"vals": [{"id": "U1", "val": 1}, {"id": "U2", "val": 231}]}) == [({}, {"voltage_l2_v": 231.0})]


def test_numbers_behind_all_rows_are_items() -> None:
    text = (RUNNING % -1).replace("of: /deltas", 'of: "/rows[*]/n"')
    found = points(text, {"total": 5938, "rows": [{"n": 1}, {"n": 2}]})
    assert [point.values["volume_m3"] for point in found] == [5.937, 5.935]


def test_a_row_without_a_number_does_not_shift_those_behind_it() -> None:
    text = """
points: [{measurement: water, each: {of: "/rows[*]/n"}, tags: {channel: {key: true}}, fields: {ph: {item: true}}}]
"""
    found = shown(text, {"rows": [{"n": 7}, {}, {"n": 8}]})
    assert found == [({"channel": "0"}, {"ph": 7.0}), ({"channel": "2"}, {"ph": 8.0})]
