"""``each`` and ``map``: the items of a message, what lies around them, and what their names stand for."""

import pytest

from schemas.rejects import DropCause
from tests.core.profiling import NOW_MS, compiled, context, faults, points
from tests.rows import each_row

GROUPS = {"groups": [{"id": "a", "base": 10, "meters": [{"v": 1}, {"v": 2}]}, {"id": "b", "meters": [{"v": 3}]}]}
OUTWARD = "points: [{measurement: water, each: {of: '/groups[*]/meters'}, fields: {volume_m3: ../base}}]"


def each(of: str, fields: str = "{volume_m3: v}", more: str = "") -> str:
    return f"points: [{{measurement: water, each: {{of: {of}}}, fields: {fields}{more}}}]"


def test_an_item_is_named_and_counted_by_what_lies_around_it() -> None:
    name = "device: {join: [{path: ../id}, {key: true}], by: '-'}"
    found = points(each("'/groups[*]/meters'", "{volume_m3: {sum: [v, ../base]}}", f", {name}"), GROUPS)
    assert [(point.device, point.values) for point in found] == [("a-0", {"volume_m3": 11.0}), ("a-1", {"volume_m3": 12.0})]


def test_the_key_of_the_object_around_an_item_may_be_its_device() -> None:
    document = {"groups": {"x": {"meters": [{"v": 1}]}, "y": {"meters": [{"v": 2}]}}}
    found = points(each("'/groups[*]/meters'", more=", device: {key: ..}"), document)
    assert [(point.device, point.values["volume_m3"]) for point in found] == [("x", 1.0), ("y", 2.0)]


def test_a_value_around_an_item_is_explained_and_where_it_lacks_its_object_is_told() -> None:
    told = compiled(OUTWARD).explain(context(GROUPS))
    assert told[1:3] == [("volume_m3 from ../base", 10), ("volume_m3: bounds", 10.0)]
    assert told[-1] == ("volume_m3 from ../base", "the item holds id, meters")


@each_row(
    ("text", "fault"),
    [
        pytest.param(
            OUTWARD.replace("../base", "../../base"),
            "points.0.fields.volume_m3.path: ../.. needs 2 [*] in each.of before the list of the items, as /groups[*]/meters; "
            "it has 1",
            id="too-far-out",
        ),
        pytest.param(
            each("/meters", more=", device: {key: ..}"),
            "points.0.device: .. needs 1 [*] in each.of before the list of the items, as /groups[*]/meters; it has 0",
            id="nothing-is-around",
        ),
        pytest.param(each("[]"), "points.0.each.of: give the paths of the lists", id="no-list"),
        pytest.param(
            each("m"),
            "points.0.each.of: 'm' must begin with a slash: items are taken from the document",
            id="not-of-the-document",
        ),
    ],
)
def test_items_that_cannot_be_are_told(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_the_first_list_that_is_there_has_the_items() -> None:
    text = each("{first_of: [/a, /b]}")
    assert [point.values for point in points(text, {"b": [{"v": 1}]})] == [{"volume_m3": 1.0}]
    assert [point.values for point in points(text, {"a": [{"v": 2}], "b": [{"v": 1}]})] == [{"volume_m3": 2.0}]
    assert points(text, {}) == []


def test_behind_its_items_a_message_counts_from_the_base_of_its_time_again() -> None:
    text = each("/m", "{ph: v}")[:-1] + ", {measurement: urban, fields: {light_on: /on}}]\ntime: {base: /t, step: 1h, sign: -1}"
    found = points(text, {"t": NOW_MS / 1000, "m": [{"v": 7}, {"v": 8}], "on": True})
    assert [point.time_ms for point in found] == [NOW_MS, NOW_MS - 3_600_000, NOW_MS]


def test_a_sibling_lies_at_the_place_or_the_key_of_the_item_in_another_list_or_map() -> None:
    fields = "{volume_m3: {sibling: /by_key}, pressure_kpa: {sibling: /by_place}, ph: {sibling: /number}}"
    document = {"m": [1, 2, 3], "by_place": [10, 20], "by_key": {"0": 5}, "number": 7}
    found = points(each("/m", fields), document)
    assert [point.values for point in found] == [{"volume_m3": 5.0, "pressure_kpa": 10.0}, {"pressure_kpa": 20.0}]


def test_running_totals_end_at_the_first_difference_that_is_missing_or_a_sentinel() -> None:
    text = each("/m, running: {start: /start, sign: -1, sentinels: [65535]}", "{volume_m3: {item: true}}")
    found = points(text, {"start": 100, "m": [1, 2.5, 65535, 4]})
    assert [point.values["volume_m3"] for point in found] == [99.0, 96.5]
    assert len(points(text, {"start": 100, "m": [1, None, 2]})) == 1
    assert points(text, {"m": [1]}) == points(text, {"start": "x", "m": [1]}) == [], "no total without a number to start from"


MAP = "points: [{measurement: power, each: {of: /m, by: n, value: v}, map: %s}]"


def test_names_stand_for_fields_and_the_exact_ones_go_first() -> None:
    text = (
        MAP % "{'U{p}': [], 'U{p:1|2}': [{field: 'voltage_l{p}_v'}], U1: [{field: frequency_hz}], '*': [{field: power_factor}]}"
    )
    found = points(text, {"m": [{"n": "U1", "v": 50}, {"n": "U2", "v": 230}, {"n": "U3", "v": 231}, {"n": "x", "v": 1}]})
    assert found[0].values == {"voltage_l2_v": 230.0, "power_factor": 1.0, "frequency_hz": 50.0}


def test_a_name_that_nobody_knows_is_told_and_an_item_without_a_name_too() -> None:
    (found,) = points(MAP % "{U: [{field: frequency_hz}]}", {"m": [{"n": "U", "v": 50}, {"n": "x", "v": 1}, {"v": 2}]})
    assert (found.values, found.quality) == ({"frequency_hz": 50.0}, 0)
    assert found.dropped == [("x", DropCause.UNKNOWN_KEY), ("/m/2", DropCause.UNKNOWN_KEY)]


@each_row(
    ("entry", "fault"),
    [
        pytest.param(
            "'L{p}': [{field: 'voltage_l{p}_v'}]", "L{p}.field: 'voltage_l{p}_v' needs choices in the name, as {p:1|2|3}"
        ),
        pytest.param("'{p:1}{p:2}': [{field: frequency_hz}]", "{p:1}{p:2}: a name in braces occurs twice in it"),
        pytest.param(
            f"'{{p:{'|' * 40}}}{{q:{'|' * 24}}}': []", f"{{p:{'|' * 40}}}{{q:{'|' * 24}}}: stands for more than 1000 names"
        ),
    ],
)
def test_a_name_that_stands_for_nothing_certain_is_told(entry: str, fault: str) -> None:
    assert faults(MAP % f"{{{entry}}}") == [f"points.0.map.{fault}"]


def test_a_name_may_stand_for_a_thousand_names() -> None:
    assert faults(MAP % f"{{'{{p:{'|' * 39}}}{{q:{'|' * 24}}}': []}}") == []
