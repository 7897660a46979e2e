"""Values around an item: ``..`` in paths, where the list of the items is inside another list or map."""

from typing import Any

import pytest

from tests.core.profiling import NOW_MS, faults, points

GATES = """
points:
  - measurement: urban
    each: {of: "/gates[*]/records", when: {../on: true}, time: {path: ../at, format: unix_ms}}
    tags: {channel: ../name, direction: {join: [../name, way], by: "-"}}
    fields: {people_in: {mul: [n, {path: ../../weight, default: 1}]}, interval_s: {path: ../span}}
"""


def test_an_item_has_what_stands_beside_its_list() -> None:
    gates = [
        {"name": "north", "on": True, "at": NOW_MS, "span": 60, "records": [{"way": "up", "n": 3}, {"way": "down", "n": 1}]},
        {"name": "south", "on": False, "at": NOW_MS, "span": 60, "records": [{"way": "up", "n": 9}]},
        {"name": "west", "on": True, "at": NOW_MS - 1000, "span": 300, "records": [{"way": "up", "n": 2}]},
    ]
    found = points(GATES.replace("../../weight", "../weight"), {"gates": gates})
    assert [(dict(point.tags), point.values["people_in"], point.values["interval_s"], point.time_ms) for point in found] == [
        ({"channel": "north", "direction": "north-up"}, 3.0, 60.0, NOW_MS),
        ({"channel": "north", "direction": "north-down"}, 1.0, 60.0, NOW_MS),
        ({"channel": "west", "direction": "west-up"}, 2.0, 300.0, NOW_MS - 1000),
    ]


def test_each_step_outwards_goes_one_list_further() -> None:
    text = """
points:
  - measurement: water
    each: {of: "/sites[*]/panels[*]/meters"}
    device: {join: [../../name, ../name, id], by: "."}
    fields: {volume_m3: v}
"""
    document = {"sites": [{"name": "s1", "panels": [{"name": "p1", "meters": [{"id": 1, "v": 5}]}]}]}
    assert [(point.device, point.values) for point in points(text, document)] == [("s1.p1.1", {"volume_m3": 5.0})]


def test_a_map_of_lists_gives_its_keys() -> None:
    text = """
points:
  - measurement: water
    each: {of: "/[*][*]", time: {path: ts, format: unix_ms}}
    device: {key: ".."}
    fields: {volume_m3: v}
"""
    document = {"wm-1": [{"ts": NOW_MS, "v": 5}, {"ts": NOW_MS - 1000, "v": 4}], "wm-2": [{"ts": NOW_MS, "v": 7}]}
    found = [(point.device, point.time_ms, point.values["volume_m3"]) for point in points(text, document)]
    assert found == [("wm-1", NOW_MS, 5.0), ("wm-1", NOW_MS - 1000, 4.0), ("wm-2", NOW_MS, 7.0)]


def test_a_row_is_around_its_number() -> None:
    text = 'points: [{measurement: water, each: {of: "/rows[*]/ph"}, tags: {channel: ../id}, fields: {ph: {item: true}}}]'
    found = points(text, {"rows": [{"id": "a", "ph": 7}, {"id": "b", "ph": 8}]})
    assert [(dict(point.tags), point.values) for point in found] == [
        ({"channel": "a"}, {"ph": 7.0}),
        ({"channel": "b"}, {"ph": 8.0}),
    ]


def test_what_fits_a_search_is_around_too() -> None:
    text = 'points: [{measurement: water, each: {of: "/a[?ok==true]/b"}, tags: {channel: ../id}, fields: {ph: v}}]'
    document = {"a": [{"ok": False, "id": "x", "b": [{"v": 6}]}, {"ok": True, "id": "y", "b": [{"v": 7}]}]}
    assert [dict(point.tags) for point in points(text, document)] == [{"channel": "y"}]


@pytest.mark.parametrize(
    ("each", "source"),
    [
        pytest.param("{of: /meters}", "../name", id="nothing-around"),
        pytest.param('{of: "/a[*]/meters"}', "../../name", id="too-far"),
        pytest.param("{of: {t: /t, v: /v}}", "../name", id="lists-side-by-side"),
        pytest.param("{of: /meters}", '{key: ".."}', id="key"),
    ],
)
def test_a_step_outwards_where_nothing_is_around_is_refused(each: str, source: str) -> None:
    (fault,) = faults(f"points: [{{measurement: water, each: {each}, tags: {{channel: {source}}}, fields: {{ph: v}}}}]")
    assert "[*] in each.of before the list of the items" in fault


@pytest.mark.parametrize(
    "document", [{}, {"gates": None}, {"gates": {"a": {"records": 5}}}, {"gates": [1, {"records": [None]}]}]
)
def test_a_document_of_another_form_is_nothing(document: dict[str, Any]) -> None:
    assert not [point for point in points(GATES.replace("../../weight", "../weight"), document) if point.values]
