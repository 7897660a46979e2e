"""Value steps: what becomes of one field, step by step and in the order of the steps."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.profiles.language.numbers import along, fraction
from schemas.rejects import DropCause
from schemas.unit_scale import LinearScale
from tests.core.profiling import compiled, context, faults, field, points
from tests.rows import each_row

NUMBERS = [
    pytest.param("/v", 312, 312.0, id="short-form"),
    pytest.param("{path: /v}", 312.5, 312.5, id="number"),
    pytest.param("{path: /v}", "312.5", 312.5, id="number-in-a-text"),
    pytest.param("{path: /v}", " 12,5 ", 12.5, id="decimal-comma"),
    pytest.param("{path: /v}", "+1.5e2", 150.0, id="exponent"),
    pytest.param("{path: /v}", None, None, id="null-is-absent"),
    pytest.param("{path: /w}", 1, None, id="not-there"),
    pytest.param("{path: /w, default: 0}", 1, 0.0, id="default-for-what-is-not-there"),
    pytest.param("{path: {first_of: [/w, /v]}}", 1, 1.0, id="first-of-in-path"),
    pytest.param("{first_of: [/w, /v]}", 1, 1.0, id="first-of"),
    pytest.param("{path: /v}", True, DropCause.WRONG_TYPE, id="true-is-no-number"),
    pytest.param("{path: /v}", "12.3 kWh", DropCause.WRONG_TYPE, id="text-with-a-unit"),
    pytest.param("{path: /v}", "???", DropCause.WRONG_TYPE, id="text"),
    pytest.param("{path: /v}", "1,234,567", DropCause.WRONG_TYPE, id="two-commas"),
    pytest.param("{path: /v}", [1], DropCause.WRONG_TYPE, id="list"),
    pytest.param("{path: /v}", {"a": 1}, DropCause.WRONG_TYPE, id="map"),
    pytest.param("{path: /v}", b"1", DropCause.WRONG_TYPE, id="bytes"),
    pytest.param("{path: /v}", float("nan"), DropCause.NOT_FINITE, id="nan"),
    pytest.param("{path: /v, scale: 0.1}", float("inf"), DropCause.NOT_FINITE, id="infinite-and-scaled"),
    pytest.param("{path: /v, scale: 1000}", 10**400, DropCause.NOT_FINITE, id="no-float-is-that-large"),
    pytest.param("{path: /v}", 4001, DropCause.OUT_OF_BOUNDS, id="above-the-table"),
    pytest.param("{path: /v, bounds: [0, 100]}", 101, DropCause.OUT_OF_BOUNDS, id="above-bounds-of-its-own"),
    pytest.param("{path: /v, bits: [4, 4]}", 0xA5, 10.0, id="bits"),
    pytest.param("{path: /v, bits: [4, 4]}", "0xA5", 10.0, id="bits-of-hexadecimal-text"),
    pytest.param("{path: /v, mask: 0xF0}", 0xA5, 160.0, id="mask-leaves-bits-where-they-are"),
    pytest.param("{path: /v, mask: 0xF0}", 1.5, DropCause.WRONG_TYPE, id="mask-of-a-fraction"),
    pytest.param("{path: /v, sentinels: [65535]}", 65535, DropCause.SENTINEL, id="sentinel"),
    pytest.param("{path: /v, sentinels: 65535}", 65535.0, DropCause.SENTINEL, id="sentinel-without-a-list"),
    pytest.param("{path: /v, sentinels: [65535]}", "65535", DropCause.SENTINEL, id="sentinel-sent-as-text"),
    pytest.param("{path: /v, sentinels: [1e3]}", 1000, DropCause.SENTINEL, id="sentinel-that-yaml-reads-as-text"),
    pytest.param("{path: /v, scale: 1e-3}", 5938, 5.938, id="scale-that-yaml-reads-as-text"),
    pytest.param("{path: /v, mask: '0xF0'}", 0xA5, 160.0, id="mask-written-as-text"),
    pytest.param("{path: /v, sentinels: ['---']}", "---", DropCause.SENTINEL, id="sentinel-that-is-text"),
    pytest.param("{path: /v, sentinels: [1]}", 2, 2.0, id="no-sentinel"),
    pytest.param("{path: /v, scale: 0.1, sentinels: [6553.5]}", 65535, DropCause.OUT_OF_BOUNDS, id="sentinels-are-raw"),
    pytest.param("{path: /v, scale: 0.1, sentinels_after: [-12.7]}", -127, DropCause.SENTINEL, id="sentinel-after-the-scale"),
    pytest.param("{path: /v, enum: {low: 10, high: 20}}", "high", 20.0, id="enum-of-words"),
    pytest.param("{path: /v, enum: {1: 10, 2: 20}}", 2, 20.0, id="enum-of-numbers"),
    pytest.param("{path: /v, enum: {1: 10, 2: 20}}", "2", 20.0, id="enum-of-numbers-sent-as-text"),
    pytest.param("{path: /v, enum: {1: 10}}", 3, DropCause.UNKNOWN_KEY, id="not-in-the-enum"),
    pytest.param("{path: /v, enum: {1: 10, '*': 5}}", 3, 5.0, id="the-rest-of-an-enum"),
    pytest.param("{path: /v, enum: {1: 10, '*': null}}", 3, None, id="the-rest-is-nothing"),
    pytest.param("{path: /v, enum: {1: 10}, scale: 2}", 1, 20.0, id="enum-before-scale"),
    pytest.param("{path: /v, none: [0]}", 0, None, id="zero-that-means-none-is-no-fault"),
    pytest.param("{path: /v, none: [0]}", 5, 5.0, id="a-value-beside-none"),
    pytest.param("{path: /v, none: 0}", "0", None, id="none-without-a-list-sent-as-text"),
    pytest.param("{path: /v, none: [0], scale: 0.1, offset: 4}", 0, None, id="none-is-raw"),
    pytest.param("{path: /v, none: ['987 Wh'], default: 5}", "987 Wh", 5.0, id="default-for-none"),
    pytest.param("{path: /v, none: [0], default: 5, scale: 0.1}", 0, 0.5, id="default-for-none-is-raw"),
    pytest.param("{sum: [/e, {path: /v, none: ['-'], default: 7}]}", "-", 4.0, id="summand-with-a-default-for-none"),
    pytest.param("{sum: [/e, /w], default: 7}", 1, 7.0, id="default-for-a-sum-that-lacks-a-part"),
    pytest.param("{path: /v, bits: [4, 4], none: [0]}", 0x0F, None, id="none-stands-behind-the-bits"),
    pytest.param("{path: /v, none: [0], sentinels: [255]}", 255, DropCause.SENTINEL, id="sentinel-beside-none"),
    pytest.param("{path: /v, regex: '([0-9.]+) mm'}", "1700 mm", 1700.0, id="number-out-of-a-text"),
    pytest.param("{path: /v, regex: '([0-9.]+) mm', scale: 0.1}", "depth 17.5 mm", 1.75, id="number-out-of-a-text-scaled"),
    pytest.param("{path: /v, regex: '[0-9]+'}", "t=21C", 21.0, id="regex-without-a-group"),
    pytest.param("{path: /v, regex: '([0-9.]+) mm'}", "1.7 m", DropCause.WRONG_TYPE, id="another-unit-does-not-fit"),
    pytest.param("{path: /v, regex: '([0-9.]+) mm'}", 1700, DropCause.WRONG_TYPE, id="number-without-its-unit"),
    pytest.param("{path: /v, regex: '^[0-9]+$'}", 1700, 1700.0, id="a-number-is-a-text-too"),
    pytest.param("{path: /v, regex: '([0-9]+) mm'}", [1700], DropCause.WRONG_TYPE, id="no-text-fits"),
    pytest.param("{path: /v, regex: '([0-9]+)'}", " " * 300 + "17", DropCause.WRONG_TYPE, id="a-long-text-is-not-cut"),
    pytest.param("{path: /v, regex: '(x)?y'}", "y", DropCause.WRONG_TYPE, id="a-group-that-took-nothing"),
    pytest.param("{path: /v, regex: '([0-9]+) mm', none: ['---']}", "---", None, id="none-where-regex-does-not-fit"),
    pytest.param("{path: /v, regex: '([0-9]+) mm', none: [0]}", "0 mm", None, id="none-behind-the-regex"),
    pytest.param("{path: /v, regex: '(\\w+) mm', sentinels: [ERR]}", "ERR mm", DropCause.SENTINEL, id="sentinel-behind-it"),
    pytest.param("{path: /v, regex: 'ST:(0x[0-9A-F]+)', bits: [4, 4]}", "ST:0xA5;", 10.0, id="bits-of-a-number-in-a-text"),
    pytest.param("{path: /v, thousands: '.'}", "1.234,5", 1234.5, id="thousands-with-a-point"),
    pytest.param("{path: /v, thousands: ','}", "-1,234,567.5", DropCause.OUT_OF_BOUNDS, id="thousands-with-a-comma"),
    pytest.param("{path: /v, thousands: ' '}", " 1 234 ", 1234.0, id="thousands-with-a-blank"),
    pytest.param("{path: /v, thousands: '.'}", "123,5", 123.5, id="less-than-a-thousand"),
    pytest.param("{path: /v, thousands: '.'}", 12.5, 12.5, id="a-number-has-no-mark-of-thousands"),
    pytest.param("{path: /v, thousands: '.'}", "12.5", DropCause.WRONG_TYPE, id="no-three-digits-behind-the-mark"),
    pytest.param("{path: /v, thousands: '.', sentinels: [n.a.]}", "n.a.", DropCause.SENTINEL, id="thousands-and-a-sentinel"),
    pytest.param("{path: /v, thousands: '.', none: [9999]}", "9.999", None, id="none-behind-the-thousands"),
    pytest.param("{path: /v, regex: '(.*) L', thousands: '.', scale: 0.1}", "1.234 L", 123.4, id="regex-then-thousands"),
    pytest.param("{path: /v, scale: 0.1}", 3, 0.3, id="decimal-scale-is-exact"),
    pytest.param("{path: /v, scale: 3}", 0.3, 0.9, id="decimal-value-is-exact"),
    pytest.param("{path: /v, scale: 0.1}", 0.7, 0.07, id="decimal-value-divided-is-exact"),
    pytest.param("{path: /v, scale: 0.3, offset: 0.3}", 0.1, 0.33, id="decimal-value-on-a-line-is-exact"),
    pytest.param("{path: /v, scale: {path: /e}}", 0.1, -0.3, id="decimal-value-with-a-sent-scale-is-exact"),
    pytest.param("{path: /v, scale: 0.1, offset: -4}", 123, 8.3, id="scale-and-offset"),
    pytest.param("{path: /v, offset: 5}", "10", 15.0, id="offset-alone"),
    pytest.param("{path: /v, unit: bar}", 3.124, 312.4, id="unit"),
    pytest.param("{path: /v, unit: bar, scale: 0.001}", 3124, 312.4, id="scale-then-unit"),
    pytest.param("{path: /v, unit: psi}", 1, 6.894757293168361, id="unit-of-feet-and-pounds"),
    pytest.param("{path: /v, pow10: /e}", 3, 0.003, id="power-of-ten-in-the-payload"),
    pytest.param("{path: /v, scale: {pow10: /e}}", 3, 0.003, id="power-of-ten-as-scale"),
    pytest.param("{path: /v, scale: {path: /e, enum: {-3: 0.1, -2: 1}}}", 3, 0.3, id="exponent-code-in-the-payload"),
    pytest.param("{path: /v, scale: {path: /e, enum: {0: 1}}}", 3, DropCause.WRONG_TYPE, id="unknown-exponent-code"),
    pytest.param("{path: /v, unit: {path: /u}}", 3, 300.0, id="unit-in-the-payload"),
    pytest.param("{path: /v, unit: {path: /c, enum: {0: kPa, 7: mbar}}}", 3000, 300.0, id="unit-code-in-the-payload"),
    pytest.param("{path: /v, unit: {path: /w}}", 3, DropCause.WRONG_TYPE, id="without-its-unit-a-value-is-nothing"),
    pytest.param("{path: /v, scale: {param: weight}}", 3, 30.0, id="scale-from-the-registry"),
    pytest.param("{path: /v, scale: {param: other, default: 2}}", 3, 6.0, id="parameter-with-a-default"),
    pytest.param("{path: /v, unit: {param: unit_of}}", 3, 300.0, id="unit-from-the-registry"),
    pytest.param("{sum: [/v, /e, 10]}", 3, 10.0, id="sum-with-a-number"),
    pytest.param("{sum: ['/list[*]']}", 3, 6.0, id="sum-of-all"),
    pytest.param("{sum: [{path: /v, scale: 65536}, /e]}", 0.0005, 29.768, id="high-and-low-word"),
    pytest.param("{sub: [/v, 1, 1]}", 3, 1.0, id="difference"),
    pytest.param("{mul: [/v, 0.1]}", 3, 0.3, id="product"),
    pytest.param("{div: [/v, 4]}", 3, 0.75, id="quotient"),
    pytest.param("{div: [/v, 2, 5]}", 3, 0.3, id="divided-by-all-others"),
    pytest.param("{div: [{sum: ['/list[*]']}, /v]}", 3, 2.0, id="quotient-of-a-sum"),
    pytest.param("{div: [/v, 0]}", 3, DropCause.NOT_FINITE, id="division-by-zero"),
    pytest.param("{div: [/v, /w]}", 3, None, id="a-quotient-lacks-a-part"),
    pytest.param("{path: /e, scale: {div: [6, /v]}, abs: true}", 3, 6.0, id="quotient-as-scale"),
    pytest.param("{sum: [/v, /w]}", 3, None, id="a-sum-lacks-a-part"),
    pytest.param("{sum: [/v, /u]}", 3, DropCause.WRONG_TYPE, id="a-part-is-text"),
    pytest.param("{sum: [0.1, 0.2]}", 3, 0.3, id="sum-rounded-once"),
    pytest.param("{sub: [/v, 2.7]}", 4.5, 1.8, id="difference-of-decimals"),
    pytest.param("{sub: [/v, 2.7]}", float("inf"), DropCause.NOT_FINITE, id="difference-from-infinity"),
    pytest.param("{sub: [/v, /v]}", float("inf"), DropCause.NOT_FINITE, id="infinity-less-infinity"),
    pytest.param("{div: [/v, 0.1]}", 0.3, 3.0, id="quotient-of-decimals"),
    pytest.param("{div: [0, /v]}", 0, DropCause.NOT_FINITE, id="nothing-divided-by-zero"),
    pytest.param("{path: /v, table: [[0, 0], [10, 100], [20, 150]]}", 15, 125.0, id="between-points-of-a-table"),
    pytest.param("{path: /v, table: [[0, 0], [10, 100]]}", 10, 100.0, id="at-a-point-of-a-table"),
    pytest.param("{path: /v, table: [[0, 0], [10, 100]]}", 10.1, DropCause.OUT_OF_BOUNDS, id="outside-of-a-table"),
    pytest.param("{path: /v, abs: true}", -3, 3.0, id="absolute"),
    pytest.param("{path: /v, scale: 0.001, round: 1}", 12345, 12.3, id="rounded"),
    pytest.param("{path: /v, table: [[0, -1], [10, -2]], abs: true, round: 0}", 6, 2.0, id="table-then-abs-then-round"),
    pytest.param("{literal: 7}", 3, 7.0, id="always-the-same"),
    pytest.param("{topic: n}", 3, 42.0, id="from-the-topic"),
    pytest.param("{path: n}", 3, 42.0, id="named-level-as-path"),
    pytest.param("{path: v}", 3, 3.0, id="key-of-the-document-as-path"),
    pytest.param("{property: pressure}", 3, 99.0, id="from-a-user-property"),
    pytest.param("{path: /v, when: {/u: bar}}", 3, 3.0, id="when-holds"),
    pytest.param("{path: /v, when: {/u: kPa}}", 3, None, id="when-does-not-hold"),
]


@each_row(("written", "raw", "value"), NUMBERS)
def test_a_number_goes_through_its_steps(written: str, raw: object, value: object) -> None:
    document = {"v": raw, "e": -3, "u": "bar", "c": 7, "list": [1, 2, 3]}
    point = f"{{measurement: water, fields: {{pressure_kpa: {written}, ph: {{literal: 7}}}}}}"
    text = f"match: {{topic: 't/{{device}}/{{n}}'}}\npoints: [{point}]"
    seen = context(document, captures={"n": "42"}, params={"weight": 10, "unit_of": "bar"}, properties={"pressure": "99"})
    (found,) = compiled(text).map(seen)
    got = found.values.get("pressure_kpa", found.dropped[0][1] if found.dropped else None)
    assert (type(got), got) == (type(value), pytest.approx(value, rel=1e-15) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("decode", "payload", "value"),
    [
        pytest.param("{csv: {delimiter: ';', decimal: ',', header: [v]}}", b"1.234", 1234.0, id="csv"),
        pytest.param("{csv: {delimiter: ';', decimal: ',', header: [v]}}", b"12,5", 12.5, id="csv-less-than-a-thousand"),
        pytest.param("{csv: {delimiter: ';', header: [v]}}", b"1.234", DropCause.WRONG_TYPE, id="csv-read-with-a-point"),
        pytest.param("{text: '{v:word} kPa'}", b"1.234 kPa", 1234.0, id="word-of-a-template"),
        pytest.param("{text: '{v:number} kPa'}", b"1.234 kPa", DropCause.WRONG_TYPE, id="number-of-a-template"),
    ],
)
def test_thousands_are_never_taken_for_a_fraction_by_the_decoder(decode: str, payload: bytes, value: object) -> None:
    fields = "{pressure_kpa: {path: /v, thousands: '.'}, ph: {literal: 7}}"
    profile = compiled(f"decode: {decode}\npoints: [{{measurement: water, fields: {fields}}}]")
    (found,) = profile.map(context(profile.read(payload)))
    assert found.values.get("pressure_kpa", found.dropped[0][1] if found.dropped else None) == value


STATES = [
    pytest.param("/v", True, True, id="true"),
    pytest.param("/v", 0, False, id="zero"),
    pytest.param("/v", "ON", True, id="on"),
    pytest.param("/v", "false", False, id="false-as-text"),
    pytest.param("/v", "1", True, id="one-as-text"),
    pytest.param("/v", 2, DropCause.WRONG_TYPE, id="two"),
    pytest.param("/v", "open", DropCause.WRONG_TYPE, id="another-word"),
    pytest.param("{path: /v, enum: {open: true, shut: false}}", "open", True, id="enum"),
    pytest.param("{path: /v, enum: {on: false, off: true}}", "on", False, id="yaml-reads-on-as-true"),
    pytest.param("{path: /v, enum: {OK: false}}", "FAULT", DropCause.UNKNOWN_KEY, id="not-in-the-enum"),
    pytest.param("{path: /v, regex: 'S=(\\w+)', enum: {OPEN: true, SHUT: false}}", "S=OPEN;B=1", True, id="word-of-a-text"),
    pytest.param("{path: /v, mask: 0xE0, is: 0x20}", 0x2F, True, id="pattern-under-a-mask"),
    pytest.param("{path: /v, mask: 0xE0, is: 0x20}", 0x60, False, id="another-pattern-with-that-bit"),
    pytest.param("{path: /v, mask: 0xE0, is: [0x20, 0x60]}", 0x60, True, id="one-of-two-patterns"),
    pytest.param("{path: /v, mask: 0x40}", 0x60, True, id="a-bit"),
    pytest.param("{path: /v, mask: 0x40}", 0x20, False, id="not-that-bit"),
    pytest.param("{path: /v, bits: [5, 1]}", 0x20, True, id="one-of-the-bits"),
    pytest.param("{path: /v, bits: [4, 4], is: 10}", 0xA5, True, id="bits-are-a-number"),
    pytest.param("{path: /v, is: LEAK}", "DRY LEAK", True, id="a-word-in-a-text"),
    pytest.param("{path: /v, is: LEAK}", "LEAKAGE", False, id="only-a-part-of-a-word"),
    pytest.param("{path: /v, word: [DRY, BURST]}", "LEAK BURST", True, id="one-of-two-words"),
    pytest.param("{path: /v, word: DRY}", 3, DropCause.WRONG_TYPE, id="a-number-has-no-words"),
    pytest.param("{path: /v, is: Magnetic Fraud}", ["Reverse Flow", "Magnetic Fraud"], True, id="member-of-a-list"),
    pytest.param("{path: /v, is: Leak}", ["Reverse Flow"], False, id="no-member-of-the-list"),
    pytest.param("{path: /v, member: 3}", [1, 3], True, id="number-in-a-list"),
    pytest.param("{path: /v, member: 3}", 3, DropCause.WRONG_TYPE, id="a-number-has-no-members"),
    pytest.param("{path: /v, is: 0}", 0, True, id="a-number"),
    pytest.param("{path: /v, is: 0}", False, False, id="false-is-not-zero"),
    pytest.param("{path: /v, sentinels: [255], mask: 1}", 0xFF, True, id="sentinels-stand-behind-the-mask"),
    pytest.param("{path: /v, mask: 0xFF, sentinels: [255], is: 1}", 0xFF, DropCause.SENTINEL, id="sentinel-of-a-test"),
]


@each_row(("written", "raw", "value"), STATES)
def test_a_state_is_true_or_false_by_its_word_or_its_test(written: str, raw: object, value: object) -> None:
    assert field(written, {"v": raw, "p": 1}, name="alarm_leak") is value if isinstance(value, bool) else True
    text = f"points: [{{measurement: water, fields: {{alarm_leak: {written}, ph: {{literal: 7}}}}}}]"
    (found,) = compiled(text).map(context({"v": raw}))
    assert found.values.get("alarm_leak", found.dropped[0][1] if found.dropped else None) is value
    assert found.quality == (2 if value in {DropCause.WRONG_TYPE, DropCause.SENTINEL} else 0)  # an unknown word sets no bit


@each_row(
    ("written", "fault"),
    [
        pytest.param("{}", "say where the value comes from", id="no-source"),
        pytest.param("{default: 5}", "say where the value comes from", id="a-default-is-no-source"),
        pytest.param("{path: /v, unit: L}", "pressure_kpa.unit: 'L' is a unit of volume", id="unit-of-something-else"),
        pytest.param("{path: /v, unit: kpa}", "did you mean 'kPa'", id="unit-written-wrongly"),
        pytest.param("{path: /v, unit: {path: /u, enum: {0: L}}}", "pressure_kpa.unit", id="unit-code-of-something-else"),
        pytest.param("{path: /v, scale: 0}", "pressure_kpa.scale: nothing is left", id="scale-of-zero"),
        pytest.param("{path: /v, scale: '0,1'}", "pressure_kpa.scale: '0,1' is neither a number nor a path", id="comma"),
        pytest.param("{path: /v, scale: 1/10}", "pressure_kpa.scale: '1/10' is neither a number nor a path", id="fraction"),
        pytest.param("{path: /v, offset: five}", "pressure_kpa.offset: 'five' is neither a number nor a path", id="word"),
        pytest.param("{sum: [/v, v2]}", "pressure_kpa.sum.1: 'v2' is neither a number nor a path; a path begins", id="summand"),
        pytest.param("{path: /v, scale: {literal: x}}", "pressure_kpa.scale", id="literal-scale-that-is-text"),
        pytest.param(
            "{path: /v, scale: {path: /s, default: x}}", "pressure_kpa.scale.default: 'x' is not a number", id="default"
        ),
        pytest.param("{path: /v, unit: /u}", "pressure_kpa.unit: '/u' is not a unit; a unit that is in", id="path-as-unit"),
        pytest.param("{path: /v, unit: barr}", "pressure_kpa.unit: 'barr' is not a unit that can become", id="no-unit"),
        pytest.param("{path: /v, scale: true}", "pressure_kpa.scale: True is not a number", id="scale-true"),
        pytest.param("{path: /v, pow10: 0.5}", "pressure_kpa.pow10", id="half-a-power"),
        pytest.param("{path: /v, table: [[1, 1], [1, 2]]}", "pressure_kpa.table: x must grow", id="table-out-of-order"),
        pytest.param("{path: /v, bits: [60, 8]}", "pressure_kpa.bits", id="bits-beyond-64"),
        pytest.param("{path: /v, bounds: [0, 5000]}", "pressure_kpa.bounds: [least, most] must lie within", id="wider-bounds"),
        pytest.param("{path: /v, is: 3}", "is true or false; the field is a number", id="test-for-a-number"),
        pytest.param("{path: '/a~x'}", "pressure_kpa.path: '/a~x' is not a path", id="no-path"),
        pytest.param("{path: /v, counter: {}}", "pressure_kpa.counter: pressure_kpa is not a register", id="gauge-as-counter"),
        pytest.param("{item: true}", "pressure_kpa.item: there is an item only inside of each", id="item-outside-of-each"),
        pytest.param("{topic: x}", "pressure_kpa.topic: 'x' is not a named level", id="unknown-level"),
        pytest.param("{sum: [{path: /v, unit: bar}]}", "pressure_kpa.sum.0.unit: only a field has a unit", id="unit-of-a-part"),
        pytest.param("{sum: [{unit: bar}]}", "pressure_kpa.sum.0: say where", id="part-without-a-source"),
    ],
)
def test_a_field_that_cannot_be_is_told_with_its_key(written: str, fault: str) -> None:
    (found,) = faults(f"points: [{{measurement: water, fields: {{pressure_kpa: {written}}}}}]")
    assert found.startswith("points.0.fields.pressure_kpa")
    assert fault in found


@pytest.mark.parametrize("key", ["scale: 2", "unit: L", "table: [[0, 0], [1, 1]]", "round: 1", "bounds: [0, 1]", "offset: 1"])
def test_a_state_has_no_arithmetic(key: str) -> None:
    (found,) = faults(f"points: [{{measurement: water, fields: {{alarm_leak: {{path: /v, {key}}}}}}}]")
    assert found == f"points.0.fields.alarm_leak.{key.split(':', maxsplit=1)[0]}: the field is true or false and has none"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param("volume_l", "'volume_l' is not a field of water; did you mean volume_m3?", id="nearest-name"),
        pytest.param("energy_import_kwh", "'energy_import_kwh' is a field of power, not of water", id="of-another-measurement"),
    ],
)
def test_a_field_that_is_not_of_the_measurement_is_told_with_the_right_name(name: str, fault: str) -> None:
    assert faults(f"points: [{{measurement: water, fields: {{{name}: /v}}}}]") == [f"points.0.fields.{name}: {fault}"]


@pytest.mark.parametrize(
    ("counter", "rate_per_h", "modulus"),
    [
        pytest.param("{}", None, None, id="nothing-known"),
        pytest.param("{max_rate: 20/h}", 20, None, id="per-hour"),
        pytest.param("{max_rate: 0.5/min}", 30, None, id="per-minute"),
        pytest.param("{max_rate: 240/d}", 10, None, id="per-day"),
        pytest.param("{wrap: u32}", None, 4294967.296, id="width-in-raw-units"),
        pytest.param("{wrap: 23bit}", None, 8388.608, id="width-in-bits"),
        pytest.param("{wrap: 100000}", None, 100, id="number"),
        pytest.param("{reset: small_step_back_is_suspect}", None, None, id="rule-for-resets"),
    ],
)
def test_what_is_known_of_a_register_is_in_the_unit_of_its_field(counter: str, rate_per_h: float, modulus: float) -> None:
    text = f"points: [{{measurement: water, fields: {{volume_m3: {{path: /v, unit: L, counter: {counter}}}}}}}]"
    (found,) = compiled(text).map(context({"v": 5938}))
    assert found.values == {"volume_m3": 5.938}
    assert found.counters["volume_m3"][:2] == (rate_per_h, modulus)


def test_the_size_of_the_meters_of_a_profile_is_in_the_unit_of_their_field() -> None:
    text = "points: [{measurement: water, fields: {volume_m3: {path: /v, unit: L, counter: {size: 3.125/h}}}}]"
    (found,) = compiled(text).map(context({"v": 5938}))
    assert found.counters["volume_m3"].size_per_h == 3.125


@pytest.mark.parametrize("wrap", ["u33", "bits", "0", "{}"])
def test_a_width_that_is_none_is_told(wrap: str) -> None:
    text = f"points: [{{measurement: water, fields: {{volume_m3: {{path: /v, counter: {{wrap: '{wrap}'}}}}}}}}]"
    (found,) = faults(text)
    assert found.startswith("points.0.fields.volume_m3.counter.wrap: ")


PULSES = """
points:
  - measurement: water
    fields: {volume_m3: {path: /v, scale: {param: weight}, offset: {param: start, default: 0}, unit: L, counter: {wrap: u16}}}
"""


@pytest.mark.parametrize(
    ("params", "modulus"),
    [
        pytest.param({"weight": 10}, 655.36, id="weight-of-the-device"),
        pytest.param({"weight": 1, "start": 5000}, 65.536, id="what-the-meter-showed-does-not-count"),
    ],
)
def test_a_width_is_in_the_scale_that_the_registry_gives_the_device(params: dict[str, int], modulus: float) -> None:
    (found,) = points(PULSES, {"v": 7}, params=params)
    assert found.counters["volume_m3"].modulus == pytest.approx(modulus)


def test_the_registry_may_raise_the_maximum_of_a_voltage() -> None:
    written = {"name": "voltage_l1_v", "measurement": "power"}
    assert field("/v", {"v": 600}, **written, params={"voltage_max_v": 700}) == 600
    assert field("/v", {"v": 800}, **written, params={"voltage_max_v": 700}) is DropCause.OUT_OF_BOUNDS
    assert field("/v", {"v": 600}, **written, params={"voltage_max_v": "high"}) is DropCause.OUT_OF_BOUNDS


def test_a_negative_power_factor_loses_its_sign() -> None:
    assert field("/v", {"v": -0.98}, name="power_factor", measurement="power") == 0.98


def test_parameters_without_a_default_are_demanded_in_the_registry() -> None:
    profile = compiled("""
points:
  - measurement: water
    fields:
      volume_m3: {path: /v, scale: {param: pulse_weight}, offset: {param: start, default: 0}}
      ph: {path: /ph, unit: {param: unit_of}}
""")
    assert profile.required_params == {"pulse_weight", "unit_of"}


@given(
    value=st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9),
    scale=st.decimals("-1000", "1000", places=6).filter(bool),
    offset=st.decimals("-1000", "1000", places=3),
)
def test_a_line_is_followed_exactly_and_rounded_once(value: float, scale: Decimal, offset: Decimal) -> None:
    """The result is the float nearest to what decimal arithmetic gives."""
    slope, shift = fraction(float(scale)), fraction(float(offset))
    apply = along(LinearScale(slope, shift))
    exact = slope * Fraction(repr(value)) + shift
    assert (value if apply is None else apply(value)) == exact.numerator / exact.denominator


@pytest.mark.parametrize(
    ("raw", "scale", "value"),
    [
        pytest.param(5938, "0.001", 5.938, id="litres"),
        pytest.param(3, "0.1", 0.3, id="tenths"),
        pytest.param(2301, "0.1", 230.1, id="decivolts"),
        pytest.param(1234, "0.01", 12.34, id="hundredths"),
        pytest.param(7, "0.036", 0.252, id="odd-scale"),
        pytest.param(4294967295, "0.001", 4294967.295, id="large"),
    ],
)
def test_a_decimal_scale_gives_the_decimal_that_people_expect(raw: int, scale: str, value: float) -> None:
    assert field(f"{{path: /v, scale: {scale}}}", {"v": raw}, name="volume_m3") == value


def test_a_unit_beside_a_table_is_that_of_what_the_table_gives() -> None:
    assert field("{path: /mA, table: [[4, 0], [20, 10]], unit: bar}", {"mA": 8.4}) == 275.0
    assert field("{path: /uA, scale: 0.001, table: [[4, 0], [20, 10]], unit: bar}", {"uA": 8400}) == 275.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("0x0BB8", 3.0, id="behind-0x"),
        pytest.param("0Xbb8", 3.0, id="in-either-case"),
        pytest.param("0BB8", DropCause.WRONG_TYPE, id="without-0x-nothing-tells"),
        pytest.param("0x", DropCause.WRONG_TYPE, id="no-digit"),
        pytest.param("-0x1", DropCause.WRONG_TYPE, id="a-sign"),
        pytest.param("0x" + "f" * 17, DropCause.WRONG_TYPE, id="too-long"),
    ],
)
def test_a_number_may_come_in_hexadecimal_as_text(text: str, found: object) -> None:
    assert field("{path: /v, scale: 0.001}", {"v": text}) == found
