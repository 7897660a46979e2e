"""The profile language as a model: short forms, spans, tests, and its JSON Schema."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import schemas
from schemas.durations import UNITS_MS, parse_rate_per_h, parse_span_ms
from schemas.profile import Profile
from tests.rows import each_row

PUBLISHED = json.loads((Path(schemas.__file__).parent / "json" / "profile.json").read_bytes())


def profile(text: str) -> Profile:
    return Profile.model_validate({"profile": "p", "match": {"topic": "t"}, **yaml.safe_load(text)})


def faults(text: str) -> list[str]:
    try:
        profile(text)
    except ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return []


@each_row(
    ("short", "long"),
    [
        pytest.param("match: {topic: a}", "match: {topic: [a]}", id="one-topic"),
        pytest.param("decode: cbor", "decode: {as: cbor}", id="decoder"),
        pytest.param("decode: {text: '{a:number}'}", "decode: {as: text, text: '{a:number}'}", id="template"),
        pytest.param("decode: {nested: {/a: hex}}", "decode: {as: json, nested: {/a: [{as: hex}]}}", id="nested"),
        pytest.param("root: /a", "root: {first_of: [/a]}", id="root"),
        pytest.param("codec: a.js", "codec: {file: a.js}", id="codec"),
        pytest.param("device: /id", "device: {path: /id}", id="device"),
        pytest.param("tags: {lane: 1}", "tags: {lane: {literal: 1}}", id="number-as-tag"),
        pytest.param("time: /t", "time: [{path: /t}]", id="time"),
        pytest.param("time: arrival", "time: [{last: arrival}]", id="arrival"),
        pytest.param("time: {base: /t, step: 1h}", "time: {base: /t, step: {literal: 3600000, unit: ms}}", id="span"),
        pytest.param(
            "time: {path: /t, format: strptime, pattern: '%Y', zone: UTC}",
            "time: {path: /t, format: '%Y', zone: UTC}",
            id="strptime",
        ),
        pytest.param(
            "time: {parts: [/y, /m, /d], zone: UTC}", "time: {parts: {year: /y, month: /m, day: /d}, zone: UTC}", id="parts"
        ),
        pytest.param(
            "decode: [cbor, {path: /a, as: hex}, {/b: json}]",
            "decode: {as: cbor, nested: {/a: hex, /b: json}}",
            id="decode-in-order",
        ),
        pytest.param("status: {topic: a}", "status: [{topic: [a]}]", id="one-status"),
        pytest.param("dedup: {key: /a, window: 1h}", "dedup: {key: [/a], window: 60min}", id="one-part-of-a-key"),
        pytest.param("ignore: {/a: 1}", "ignore: [{/a: 1}]", id="one-rule"),
        pytest.param("match: {topic: t, when: {/a: [1, x]}}", "match: {topic: t, when: {/a: {is: [1, x]}}}", id="values"),
        pytest.param("match: {topic: t, when: {/a: number}}", "match: {topic: t, when: {/a: {type: number}}}", id="type"),
        pytest.param("match: {topic: t, when: {/a: a*}}", "match: {topic: t, when: {/a: {glob: [a*]}}}", id="glob"),
        pytest.param("match: {topic: t, when: {/a: present}}", "match: {topic: t, when: {/a: {present: true}}}", id="present"),
        pytest.param("struct: [{name: a, at: 0, type: u8}]", "struct: {fields: [{name: a, at: 0, type: u8}]}", id="struct"),
        pytest.param(
            "points: [{measurement: water, each: /m, fields: {ph: /a}, map: {1: ph, '*': skip}}]",
            "points: [{measurement: water, each: {of: {first_of: [/m]}}, fields: {ph: {path: /a}}, "
            "map: {'1': [{field: ph}], '*': []}}]",
            id="point",
        ),
        pytest.param(
            "points: [{measurement: water, fields: {ph: {path: /a, scale: '0.1', sentinels: 7, is: x}}}]",
            "points: [{measurement: water, fields: "
            "{ph: {path: {first_of: [/a]}, scale: {literal: 0.1}, sentinels: [7], is: [x]}}}]",
            id="field",
        ),
        pytest.param("historic: true", "historic: {}", id="always"),
        pytest.param(
            "tests: [{topic: t, payload: x, expect: ignored}]",
            "tests: [{topic: t, payload: x, expect: {ignored: true}}]",
            id="ignored",
        ),
        pytest.param(
            "tests: [{topic: t, hex: '00', expect: bad_json}]",
            "tests: [{topic: t, payload_hex: '00', expect: {reject: bad_json}}]",
            id="reject",
        ),
    ],
)
def test_a_short_form_means_a_long_one_and_editors_know_both(short: str, long: str) -> None:
    assert profile(short) == profile(long)
    validator = Draft202012Validator(PUBLISHED)
    for text in (short, long):
        if "payload_hex" in text:
            continue  # a second name of a key, which need not be completed
        document = {"profile": "p", "match": {"topic": "t"}, **json.loads(json.dumps(yaml.safe_load(text)))}
        assert list(validator.iter_errors(document)) == []


@each_row(
    ("text", "fault"),
    [
        pytest.param("pints: []", "pints: Extra inputs are not permitted", id="unknown-key"),
        pytest.param("match: {}", "match: Value error, give topic, envelope or by", id="no-way-to-match"),
        pytest.param("profile: 'Über'", "profile: ", id="name"),
        pytest.param("models: ['--']", "models.0: Value error, '--' holds neither letter nor digit", id="model"),
        pytest.param("decode: text", "decode: Value error, text needs its template", id="text-without-template"),
        pytest.param("codec: ../a.js", "codec.file: ", id="codec-elsewhere"),
        pytest.param("time: {}", "time.0: Value error, give path, base, parts or join", id="time-from-nowhere"),
        pytest.param("time: {path: /a, base: /b}", "time.0: Value error, path and base are both given", id="two-times"),
        pytest.param("time: {base: /b}", "time.0: Value error, base needs step", id="base-without-step"),
        pytest.param("device: {path: {paths: /a}}", "device.path: Value error, is a path, such as /a/b", id="no-paths"),
        pytest.param("time: {path: /a, max_past: 40}", "time.0.max_past: Value error, 40 is not a span of time", id="no-span"),
        pytest.param("time: {parts: {jour: /a}}", "time.0: Value error, parts has no 'jour'", id="no-such-part"),
        pytest.param("device: {path: /a, topic: b}", "device: Value error, path and topic are both given", id="two-sources"),
        pytest.param("tags: {colour: /a}", "tags.colour.[key]: ", id="no-such-tag"),
        pytest.param("retained: keep", "retained: ", id="no-such-policy"),
        pytest.param("dedup: {key: [/a]}", "dedup.window: Field required", id="dedup-without-window"),
        pytest.param("tests: [{topic: t, payload: 1}]", "tests.0: Value error, give expect", id="test-without-expectation"),
        pytest.param(
            "tests: [{topic: t, expect: ignored}]", "tests.0: Value error, give payload, text, hex or base64", id="no-payload"
        ),
        pytest.param("tests: [{payload: 1, expect: ignored}]", "tests.0: Value error, give topic", id="no-topic"),
        pytest.param(
            "tests: [{topic: t, hex: xx, expect: ignored}]", "tests.0: Value error, the bytes cannot be read", id="no-hex"
        ),
        pytest.param("tests: [{topic: t, hex: '00', text: a, expect: ignored}]", "are both given", id="two-payloads"),
        pytest.param("tests: [{topic: t, payload: 1, expect: fine}]", "tests.0.expect.reject: ", id="no-such-reason"),
    ],
)
def test_what_cannot_be_is_told_where_it_stands(text: str, fault: str) -> None:
    found = faults(text)
    assert any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("test", "body"),
    [
        pytest.param("payload: {a: 1}", b'{"a":1}', id="json"),
        pytest.param("payload: text", b"text", id="a-text-is-itself"),
        pytest.param("text: '{'", b"{", id="text"),
        pytest.param("hex: 0a 0B", b"\x0a\x0b", id="hex"),
        pytest.param("base64: Cgs=", b"\x0a\x0b", id="base64"),
        pytest.param("payload: null", b"null", id="null"),
    ],
)
def test_the_payload_of_a_test_is_written_in_one_of_four_ways(test: str, body: bytes) -> None:
    (message,) = profile(f"tests: [{{topic: t, {test}, expect: ignored}}]").tests[0].sequence()
    assert message.body() == body


def test_a_test_may_have_several_messages_in_order() -> None:
    (test,) = profile("tests: [{messages: [{topic: a, payload: 1}, {topic: b, payload: 2, expect: ignored}]}]").tests
    assert [message.topic for message in test.sequence()] == ["a", "b"]


@given(number=st.integers(0, 10**6), unit=st.sampled_from(sorted(UNITS_MS)))
def test_a_span_of_time_is_a_number_with_a_unit(number: int, unit: str) -> None:
    if number * UNITS_MS[unit] < 10**11:
        assert parse_span_ms(f"{number}{unit}") == number * UNITS_MS[unit]


@pytest.mark.parametrize("written", ["", "10", "10 years", "-5s", "1e3s", 5, None, "99999999999d"])
def test_what_is_no_span_is_told(written: Any) -> None:  # noqa: ANN401 - whatever people write
    with pytest.raises(ValueError, match="is not a span of time"):
        parse_span_ms(written)


@pytest.mark.parametrize("written", ["", "20", "20/year", "h", None])
def test_what_is_no_rate_is_told(written: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate_per_h(written)


def test_editors_complete_the_names_of_quantities() -> None:
    names = PUBLISHED["$defs"]["PointSpec"]["properties"]["fields"]["propertyNames"]["enum"]
    assert {"volume_m3", "energy_import_kwh", "battery_pct"} <= set(names)


def test_every_key_that_is_not_plain_is_described() -> None:
    described = {name: about.get("description") for name, about in PUBLISHED["properties"].items()}
    assert [name for name, text in described.items() if not text] == [], "give each key of a profile a description"
