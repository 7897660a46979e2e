"""The edges of the steps of a value, and what is told of those that cannot be."""

from fractions import Fraction
from typing import Any

import pytest

from gateway.core.profiles.language.numbers import along
from schemas.quantities import Quality
from schemas.rejects import DropCause
from schemas.unit_scale import LinearScale
from tests.core.profiling import compiled, context, faults, field, points
from tests.rows import each_row

WRONG = DropCause.WRONG_TYPE


@each_row(
    ("text", "document", "value"),
    [
        pytest.param("{path: /a, bits: [1, 3]}", {"a": "0x0e"}, 7.0, id="bits-of-digits"),
        pytest.param("{path: /a, bits: [63, 1]}", {"a": 1 << 63}, 1.0, id="the-highest-bit"),
        pytest.param("{path: /a, mask: 6}", {"a": "15"}, 6.0, id="mask-of-a-text"),
        pytest.param("{path: /a, mask: 6}", {"a": 14.0}, 6.0, id="mask-of-a-float"),
        pytest.param("{path: /a, mask: 6}", {"a": 14.5}, WRONG, id="no-mask-of-a-fraction"),
        pytest.param("{path: /a, mask: 6}", {"a": True}, WRONG, id="nor-of-a-truth"),
        pytest.param("{path: /a, mask: 6}", {"a": "x"}, WRONG, id="nor-of-a-word"),
        pytest.param("{path: /a, sentinels: [5]}", {"a": "5.0"}, DropCause.SENTINEL, id="a-sentinel-as-text"),
        pytest.param("{path: /a, sentinels: ['true']}", {"a": "on"}, DropCause.SENTINEL, id="a-sentinel-as-a-word"),
        pytest.param("{path: /a, sentinels: [err], regex: '([0-9]+)'}", {"a": "err"}, DropCause.SENTINEL, id="before-a-regex"),
        pytest.param("{path: /a, regex: '([0-9]+)'}", {"a": "p12x"}, 12.0, id="the-part-that-fits"),
        pytest.param("{path: /a, regex: '[0-9]+'}", {"a": "p12x"}, 12.0, id="all-that-fits"),
        pytest.param("{path: /a, regex: '[0-9]+'}", {"a": "x"}, WRONG, id="nothing-fits"),
        pytest.param("{path: /a, regex: '[0-9]+'}", {"a": []}, WRONG, id="a-list-is-no-text"),
        pytest.param(
            "{path: /a, scale: {path: /s}, offset: {path: /o}, pow10: {path: /p}}", {"a": 5, "s": 2, "o": 1, "p": 1}, 101.0
        ),
        pytest.param("{path: /a, scale: {path: /s}}", {"a": 5}, WRONG, id="a-scale-that-is-not-there"),
        pytest.param("{path: /a, pow10: {path: /s}}", {"a": 5, "s": 30}, DropCause.OUT_OF_BOUNDS, id="the-greatest-power"),
        pytest.param("{path: /a, pow10: {path: /s}}", {"a": 5, "s": 31}, DropCause.NOT_FINITE, id="a-power-too-far"),
        pytest.param("{path: /a, pow10: {path: /s}}", {"a": 5, "s": 0.5}, DropCause.NOT_FINITE, id="half-a-power"),
        pytest.param("{path: /a, unit: {path: /u}}", {"a": 5, "u": "bar"}, 500.0, id="a-unit-that-is-sent"),
        pytest.param("{path: /a, unit: {path: /u}}", {"a": 5, "u": "furlong"}, WRONG, id="a-unit-of-something-else"),
        pytest.param("{path: /a, unit: {path: /u, enum: {1: bar, 2: null}}}", {"a": 5, "u": 1}, 500.0, id="a-unit-by-number"),
        pytest.param("{sum: ['/n[*]']}", {"n": [1, "2"]}, 3.0, id="a-sum-of-all"),
        pytest.param("{sum: ['/n[*]']}", {"n": [1, "x"]}, WRONG, id="a-sum-with-a-word"),
        pytest.param(
            "{sum: [/a, {path: /b, sentinels: [1]}]}", {"a": 5, "b": 1}, DropCause.SENTINEL, id="a-sum-with-a-sentinel"
        ),
        pytest.param("{sum: [/a, {path: /b, none: [1]}]}", {"a": 5, "b": 1}, None, id="a-sum-with-nothing"),
        pytest.param("{sum: [{path: /a, enum: {x: 5}, default: x}]}", {}, 5.0, id="a-default-that-is-looked-up"),
        pytest.param("{sum: [{path: /a, regex: '([0-9]+)', default: v7}]}", {}, 7.0, id="a-default-with-a-number-in-it"),
        pytest.param("{sum: [{literal: v7, regex: '([0-9]+)'}, 1]}", {}, 8.0, id="a-text-with-a-number-in-it"),
        pytest.param("{div: [/a, /b]}", {"a": 5, "b": 0}, DropCause.NOT_FINITE, id="divided-by-nothing"),
        pytest.param("{path: /a, table: [[0, 0], [10, 100]]}", {"a": 11}, DropCause.OUT_OF_BOUNDS, id="past-the-table"),
        pytest.param("{path: /a, table: [[0, 0], [10, 1]], unit: bar}", {"a": 5}, 50.0, id="the-unit-is-that-of-the-result"),
        pytest.param("{path: /a, abs: true, round: 1}", {"a": -5.26}, 5.3, id="without-its-sign"),
        pytest.param("{path: /a, enum: {x: 5}}", {"a": []}, WRONG, id="no-table-of-lists"),
        pytest.param("/a", {"a": True}, WRONG, id="a-truth-is-no-number"),
    ],
)
def test_a_number_goes_through_its_steps(text: str, document: object, value: object) -> None:
    found = points(f"points: [{{measurement: water, fields: {{pressure_kpa: {text}}}}}]", document)
    (point,) = found or points("points: [{measurement: water, fields: {ph: {literal: 7}}}]", {})
    assert point.values.get("pressure_kpa", point.dropped[0][1] if point.dropped else None) == value


@each_row(
    ("text", "value", "state"),
    [
        pytest.param("{path: /a, is: [open, 3]}", "valve open", True, id="a-word-of-a-text"),
        pytest.param("{path: /a, is: [open, 3]}", [3], True, id="in-a-list"),
        pytest.param("{path: /a, is: 3}", "3", True, id="a-number-as-text"),
        pytest.param("{path: /a, is: 3}", 3.0, True, id="a-whole-float"),
        pytest.param("{path: /a, is: 3}", {}, WRONG, id="no-object-is-anything"),
        pytest.param("{path: /a, member: 3}", [1, 3], True, id="member"),
        pytest.param("{path: /a, member: 3}", 3, WRONG, id="a-number-has-no-members"),
        pytest.param("{path: /a, word: open}", "opened", False, id="part-of-a-word"),
        pytest.param("{path: /a, word: open}", 3, WRONG, id="a-number-has-no-words"),
        pytest.param("{path: /a, mask: 4}", 3, False, id="no-bit-is-left"),
        pytest.param("{path: /a, enum: {true: false, false: true}}", "on", False, id="turned-round"),
        pytest.param("/a", "Yes ", True, id="in-words"),
        pytest.param("/a", "2", WRONG, id="no-state"),
        pytest.param("/a", 1.0, True, id="a-number-is-no-state-of-its-own"),
    ],
)
def test_a_state_is_told_by_a_test_or_a_word(text: str, value: object, state: object) -> None:
    assert field(text, {"a": value}, name="valve_open") is state


@each_row(
    ("name", "text", "fault"),
    [
        ("pressure_kpa", "{path: /a, scale: 0}", ".scale: nothing is left when it is multiplied by 0"),
        ("pressure_kpa", "{path: /a, pow10: 31}", ".pow10: 31 is not a whole number from -30 to 30"),
        ("pressure_kpa", "{path: /a, pow10: 0.5}", ".pow10: 0.5 is not a whole number from -30 to 30"),
        (
            "pressure_kpa",
            "{path: /a, unit: /u}",
            ".unit: '/u' is not a unit; a unit that is in the payload is written {path: /u}",
        ),
        ("pressure_kpa", "{sum: [/a, {path: /b, unit: bar}]}", ".sum.1.unit: only a field has a unit; give it to the whole"),
        ("pressure_kpa", "{sum: [{path: /b, unit: {path: /u}}]}", ".sum.0.unit: only a field has a unit; give it to the whole"),
        ("pressure_kpa", "{path: /a, table: [[0, 0], [0, 1]]}", ".table: x must grow from point to point"),
        ("pressure_kpa", "{path: /a, bits: [60, 5]}", ".bits: [from, count] lies within 64 bits"),
        ("pressure_kpa", "{path: /a, word: open}", ": 'word open' is true or false; the field is a number"),
        ("pressure_kpa", "{sum: [{path: /a, default: x}]}", ".sum.0.default: 'x' is not a number"),
        ("pressure_kpa", "{sum: [{literal: x}]}", ".sum.0.literal: 'x' is not a number"),
        ("pressure_kpa", "{sum: [a]}", ".sum.0: 'a' is neither a number nor a path; a path begins with a slash, as /scale"),
        ("pressure_kpa", "{scale: 2}", ": say where the value comes from: path, first_of, item, key, sibling and so on"),
        (
            "pressure_kpa",
            "{path: /a, scale: s}",
            ".scale: 's' is neither a number nor a path; a path begins with a slash, as /scale",
        ),
        ("valve_open", "{path: /a, is: x, word: y}", ": a value has one test: is, word or member"),
        ("valve_open", "{path: /a, is: x, enum: {a: true}}", ".enum: a test is true or false already"),
        ("valve_open", "{path: /a, scale: 2}", ".scale: the field is true or false and has none"),
        ("valve_open", "{path: /a, bounds: [0, 1]}", ".bounds: the field is true or false and has none"),
    ],
)
def test_a_step_that_cannot_be_is_told(name: str, text: str, fault: str) -> None:
    key = f"points.0.fields.{name}"
    assert faults(f"points: [{{measurement: water, fields: {{{name}: {text}}}}}]") == [f"{key}{fault}"]


def test_a_part_that_never_comes_is_refused_where_it_would_be_read() -> None:
    radio = "match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: %s}}]"
    (without,) = faults(radio % "/codec/ph")
    assert without.endswith("the network server's object is at /decoded; a codec's result is for points and ignore")
    (structless,) = faults(radio % "/struct/ph")
    assert structless == "points.0.fields.ph.path: there is no /struct here: it needs struct, which the profile does not have"
    assert faults("codec: a.js\n" + radio % "/codec/ph") == []
    assert len(faults("codec: a.js\ndevice: /codec/id\n" + radio % "/codec/ph")) == 1, "the device is known before it is asked"


PLAIN = "match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: /decoded/ph, pressure_kpa: /decoded/p}}]"


def test_plain_numbers_of_an_object_are_read_at_once_or_left_to_the_steps() -> None:
    point = compiled(PLAIN).plain_point
    assert point is not None
    numbers = point.numbers["decoded"]
    assert numbers.read({"p": 300, "ph": 7.5, "x": "y"}) == (("pressure_kpa", "ph"), (300.0, 7.5))
    assert numbers.read({"ph": 7.5}) == (("ph",), (7.5,))
    others: list[object] = [{"ph": 15}, {"ph": "7"}, {"ph": True}, {}, [], None]
    for unusual in others:
        assert numbers.read(unusual) is None, unusual

    def read(decoded: object) -> object:
        return point.read({"decoded": decoded}, {}, {})

    assert read({"ph": "7", "p": 300}) == (("pressure_kpa", "ph"), (300.0, 7.0))
    assert read({"ph": 15, "p": 300}) is None, "one is dropped"
    assert read({}) is None


@each_row(
    "fields",
    [
        "{ph: /decoded/ph, pressure_kpa: /rssi}",
        "{ph: /decoded/ph, pressure_kpa: /decoded/a/p}",
        "{ph: /decoded/x, pressure_kpa: /decoded/x}",
        "{ph: /decoded/ph, pressure_kpa: {path: /decoded/p, scale: 2}}",
        "{ph: /decoded/ph, valve_open: /decoded/v}",
        "{ph: /decoded/ph, pressure_kpa: {path: /decoded/p, when: {/port: 1}}}",
        "{ph: '/decoded/p\"h'}",
    ],
)
def test_only_fields_at_keys_of_one_object_are_read_at_once(fields: str) -> None:
    point = compiled(f"match: {{envelope: lorawan}}\npoints: [{{measurement: water, fields: {fields}}}]").plain_point
    assert point is not None
    assert point.numbers == {}


@each_row(
    "more",
    [
        "when: {/port: 2}, fields: {ph: /decoded/ph}",
        "each: {of: /decoded}, fields: {ph: /decoded/ph}",
        "tags: {channel: {literal: a}}, fields: {ph: /decoded/ph}",
        "time: /decoded/t, fields: {ph: /decoded/ph}",
        "device: /decoded/d, fields: {ph: /decoded/ph}",
        "historic: {/decoded/h: true}, fields: {ph: /decoded/ph}",
        "fields: {volume_m3: {path: /decoded/v, scale: {path: /decoded/s}, counter: {wrap: u16}}}",
    ],
)
def test_a_point_that_is_more_than_fields_is_not_plain(more: str) -> None:
    assert compiled(f"match: {{envelope: lorawan}}\npoints: [{{measurement: water, {more}}}]").plain_point is None


@each_row(
    "more",
    [
        "site: x",
        "device: /decoded/d",
        "dedup: {key: [/port], window: 1h}",
        "ignore: [{/port: 9}]",
        "time: /decoded/t",
        "tags: {lane: {literal: a}}",
        "root: /decoded",
        "codec: {file: a.js, bytes: /decoded/b}",
        "seq: /decoded/s",
        "historic: {/decoded/h: true}",
        "struct: [{name: a, at: 0, type: u8}]",
    ],
)
def test_a_profile_that_is_more_than_its_point_is_not_plain(more: str) -> None:
    assert compiled(f"{more}\n{PLAIN}").plain_point is None


def test_a_scale_of_one_is_no_step() -> None:
    field_of = "points: [{measurement: water, fields: {ph: {path: /ph, scale: %s}}}]"
    assert told(field_of % 1, {"ph": 7}) == [("ph from /ph", 7), ("ph: bounds", 7.0)]
    assert told(field_of % 2, {"ph": 3}) == [("ph from /ph", 3), ("ph: number", 3), ("ph: scale 2", 6), ("ph: bounds", 6.0)]


def test_a_key_that_nobody_knows_sets_no_bit_and_a_value_that_is_dropped_does() -> None:
    fields = "{ph: /ph, pressure_kpa: {path: /a, enum: {x: 5}}}"
    text = f"tags: {{channel: {{literal: a}}}}\npoints: [{{measurement: water, fields: {fields}}}]"
    (unknown,), (dropped,) = points(text, {"ph": 7, "a": "y"}), points(text, {"ph": 7, "a": []})
    assert (unknown.dropped, unknown.quality) == ([("/a", DropCause.UNKNOWN_KEY)], 0)
    assert (dropped.dropped, dropped.quality) == ([("/a", WRONG)], Quality.VALUE_DROPPED)


def test_only_a_metric_of_sparkplug_says_itself_that_it_is_historic() -> None:
    text = "points: [{measurement: water, each: {of: /m}, fields: {ph: v}}]"
    (found,) = points(text, {"m": [{"v": 7, "is_historical": True}]})
    assert found.quality == 0


def test_a_scale_of_any_length_is_rounded_once() -> None:
    long = 2**53 + 1
    for slope in (Fraction(long), Fraction(1, long), Fraction(long, 3), Fraction(-long, 7)):
        follow = along(LinearScale(slope, Fraction(0)))
        assert follow is not None
        for number in (3, 3.0, 5.0, 0.1, 2**60 + 1):
            exact = slope * (Fraction(repr(number)) if isinstance(number, float) else number)
            assert float(follow(number)) == exact.numerator / exact.denominator, (slope, number)
    assert along(LinearScale()) is None
    turned = along(LinearScale(Fraction(-1), Fraction(0)))
    assert turned is not None
    assert turned(5) == -5


def told(text: str, document: object, **seen: Any) -> list[tuple[str, object]]:  # noqa: ANN401 - of any field
    return compiled(text).explain(context(document, **seen))


def test_points_that_do_not_come_are_explained() -> None:
    text = "points: [{measurement: water, when: {/a: 1}, fields: {ph: /ph}}]"
    assert told(text, {"a": 2}) == [("water: when", False)]
    items = "points: [{measurement: water, each: {of: /m, when: {k: 1}, time: {path: t}}, fields: {ph: v}}]"
    found = told(items, {"m": [{"k": 2}, {"k": 1, "v": 7, "t": "x"}]})
    assert found == [
        ("water: item 0", {"k": 2}),
        ("water: when", False),
        ("water: item 1", {"k": 1, "v": 7, "t": "x"}),
        ("ph from v", 7),
        ("ph: bounds", 7.0),
        ("time from t", "'x' is not auto"),
    ]
    assert told(items, {}) == [("water: items of /m", "/ is empty")]
    many = told(items, {"m": [{"k": 2}] * 22})
    assert (len(many), many[-1]) == (41, ("water: and further items", None))


def test_each_tag_and_each_time_is_explained() -> None:
    points_of = "points: [{measurement: water, fields: {ph: {path: /ph, when: {/a: 1}}}}]"
    text = f"tags: {{channel: /c}}\ntime: [{{path: /t, format: unix_s}}, skip]\n{points_of}"
    assert told(text, {"c": "no way", "t": 5, "ph": 7, "a": 2}) == [
        ("time from /t, not believed", 5000),
        ("ph from /ph", "its when does not hold"),
        ("channel from /c", "no way"),
        ("channel: channel", DropCause.BAD_TAG),
    ]
