"""Tags of a point: where they come from, and which texts are refused because nothing tells what is meant."""

import pytest

from tests.core.profiling import faults, points
from tests.rows import each_row


@each_row(
    ("tags", "expected"),
    [
        pytest.param("{lane: /lane}", (("lane", "2"),), id="path"),
        pytest.param("{lane: 2, direction: {literal: north}}", (("direction", "north"), ("lane", "2")), id="literals"),
        pytest.param("{lane: {literal: left}}", (("lane", "left"),), id="literal-in-long"),
        pytest.param("{channel: n}", (("channel", "em:0"),), id="level-of-the-topic"),
        pytest.param("{channel: {topic: n, regex: 'em:([0-9])'}}", (("channel", "0"),), id="part-of-a-level"),
        pytest.param("{direction: {path: /dir, enum: {1: north, 2: south}}}", (("direction", "south"),), id="enum"),
        pytest.param("{direction: {path: /dir, enum: {1: north}}}", (), id="not-in-the-enum"),
        pytest.param("{direction: {path: /nowhere}}", (), id="nothing-there"),
        pytest.param("{vehicle_class: {path: /class, lower: true}}", (("vehicle_class", "car"),), id="class"),
        pytest.param("{vehicle_class: /n}", (("vehicle_class", "other"),), id="class-that-is-not-in-the-list"),
        pytest.param("{lane: {path: /free}}", (), id="text-with-blanks"),
        pytest.param("{lane: {path: /free, strip: true, regex: '\\w+'}}", (("lane", "a"),), id="strip-and-regex"),
        pytest.param("{lane: {join: [/lane, {topic: n}], by: '-'}}", (("lane", "2-em:0"),), id="join"),
        pytest.param("{lane: {join: [/lane, /nowhere], by: '-'}}", (), id="join-lacks-a-part"),
        pytest.param("{lane: {path: /eui, base64_to_hex: true}}", (("lane", "0011aaff"),), id="base64-to-hex"),
        pytest.param("{lane: {property: lane, upper: true}}", (("lane", "X"),), id="user-property"),
        pytest.param("{lane: {param: lane}}", (("lane", "7"),), id="parameter"),
        pytest.param("{lane: /list}", (), id="list-is-no-text"),
    ],
)
def test_tags_come_from_anywhere(tags: str, expected: object) -> None:
    point = f"{{measurement: traffic, tags: {tags}, fields: {{occupancy_pct: /o}}}}"
    text = f"match: {{topic: 't/{{device}}/{{n}}'}}\npoints: [{point}]"
    document = {"lane": 2, "dir": 2, "class": "CAR", "n": "hovercraft", "free": " a b ", "eui": "ABGq/w==", "o": 7, "list": []}
    (found,) = points(text, document, captures={"n": "em:0"}, params={"lane": 7}, properties={"lane": "x"})
    assert found.tags == expected


@pytest.mark.parametrize(
    ("tag", "expected"), [("{literal: k}", "k"), ("{path: k}", "v"), ("2", "2"), ("/k", "top"), ("'L{n}'", "L4")]
)
def test_a_tag_of_an_item_says_whether_it_is_a_text_or_a_key(tag: str, expected: str) -> None:
    point = f"{{measurement: water, each: {{of: /m}}, tags: {{lane: {tag}}}, fields: {{ph: p}}}}"
    text = f"match: {{topic: 't/{{device}}/{{n}}'}}\npoints: [{point}]"
    (found,) = points(text, {"m": [{"k": "v", "p": 7}], "k": "top"}, captures={"n": "4"})
    assert found.tags == (("lane", expected),)


@pytest.mark.parametrize(
    ("decode", "payload"),
    [
        pytest.param("", "payload: {dir: rtl, ph: 7}", id="json"),
        pytest.param("root: /body\n", "payload: {body: {dir: rtl, ph: 7}}", id="below-a-root"),
        pytest.param("decode: {as: csv, csv: {header: true}}\n", 'text: "dir,ph\\nrtl,7"', id="a-column"),
    ],
)
def test_a_tag_without_a_slash_is_a_key_where_a_message_in_the_tests_has_it(decode: str, payload: str) -> None:
    text = f"{decode}points: [{{measurement: water, tags: {{direction: dir}}, fields: {{ph: /ph}}}}]"
    tested = f"{text}\ntests: [{{topic: t/d, {payload}, expect: ignored}}]"
    document = {"dir": "ltr", "ph": 8}
    (found,) = points(tested, {"body": document} if "root" in decode else document)
    assert found.tags == (("direction", "ltr"),)
    (fault,) = faults(text)
    assert fault.startswith("points.0.tags.direction: 'dir' is not a key of a message in the tests; write {literal: dir} for ")


def test_tags_of_the_profile_of_the_point_and_of_the_field_come_together() -> None:
    text = """
tags: {direction: {literal: north}, lane: "1"}
points:
  - measurement: traffic
    each: {of: /m}
    tags: {lane: {literal: 2}}
    map: {a: {field: occupancy_pct, tags: {channel: {literal: x}}}}
"""
    (found,) = points(text, {"m": {"a": 7}})
    assert found.tags == (("channel", "x"), ("direction", "north"), ("lane", "2"))
