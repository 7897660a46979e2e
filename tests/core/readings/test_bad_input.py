"""Bad input: whatever arrives becomes a point, a dropped field or a reject; it raises nothing and touches no other point."""

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.message import Outcome
from gateway.core.readings.native import Decoded, NativeDecoder
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, TEXT_TAGS, VEHICLE_CLASSES, Kind
from schemas.rejects import RejectReason
from tests.core.making import (
    ALLOWED_TAGS,
    DAY_MS,
    NOW_MS,
    is_canonical,
    message,
    pipeline,
    point,
    points,
    process,
    refusal,
    topic,
)
from tests.examples import examples
from tests.rows import each_row

KEYS = {domain: [*QUANTITIES[domain], *QUANTITIES[HEALTH]] for domain in DOMAINS}
NAMES = st.from_regex(r"[A-Za-z0-9._:\-]{1,64}", fullmatch=True)
DEVICES = st.sampled_from(["d1", "d2", "sim-1"])
TIMES = st.integers(NOW_MS - 41 * DAY_MS, NOW_MS + DAY_MS) | st.just(NOW_MS) | st.integers() | st.text(max_size=30)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.floats(0, 100)
    | st.text(max_size=8)
    | st.sampled_from(["12.3", "on", "off", "nan", "1e999", " 7 ", 10**400, 0, 1])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


def readings(domain: str, values: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with known keys, some unknown ones, and any values."""
    keys = st.sampled_from(KEYS[domain]) | st.sampled_from(["time", "quality", "device", "site", "área", 'a b,c=d\n\\"'])
    envelope = st.fixed_dictionaries(
        {}, optional={"ts": TIMES | values, "seq": values, **dict.fromkeys(TEXT_TAGS, values | NAMES)}
    )
    return st.builds(lambda one, other: one | other, st.dictionaries(keys, values, max_size=5), envelope)


def check(outcome: Outcome, objects: int | None = None) -> None:
    """Everything is accounted for, and every line is one sound point with nothing but what the table allows."""
    assert [refused.detail for refused in outcome.refusals if refused.reason is RejectReason.INTERNAL_ERROR] == []
    if objects is not None and outcome.ignored is None:
        assert len(outcome.readings) + len(outcome.refusals) + outcome.duplicates == objects
    for got in points(outcome):
        assert list(got.tags) == sorted(got.tags)
        assert {"device", "site"} <= set(got.tags) <= ALLOWED_TAGS
        assert got.values, "a point without a quantity"
        table = QUANTITIES[got.measurement]
        assert all(is_canonical(table[field], value) for field, value in got.values.items())
        assert type(got.fields["quality"]) is int
        assert type(got.fields.get("seq", 0)) is int
    for reading in outcome.readings:
        lines = reading.lines.split("\n")
        assert [line.split(",")[0] for line in lines] in ([reading.domain], [HEALTH], [reading.domain, HEALTH])


@given(st.lists(st.tuples(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.booleans()), max_size=4))
@example([(b"\xff", False), (b"", False), (b"\0", True), (b'{"ts":"\\ud800","ph":7}', False)])
@example([(b"[" * 100_000, False), (b'{"ph":' * 50_000, False), (b'{"ph":' + b"[" * 150 + b"]" * 150 + b"}", False)])
@example([(b"-", False), (b'{"ph":1' + b"0" * 5000 + b"}", False), (b'{"ts":' + b"9" * 4000 + b',"ph":7}', False)])
def test_any_bytes_become_an_outcome(payloads: list[tuple[bytes, bool]]) -> None:
    into = pipeline()
    for payload, retain in payloads:
        for channel in ("readings", "status"):
            check(into.process(message(payload, topic(channel=channel), retain=retain), NOW_MS))


@given(st.text(max_size=80) | st.text(max_size=5).map(lambda text: topic(site=text)), st.binary(max_size=10))
def test_any_topic_becomes_an_outcome(on: str, payload: bytes) -> None:
    check(pipeline().process(message(payload, on), NOW_MS))


@pytest.mark.parametrize("domain", DOMAINS)
@settings(max_examples=examples(150))
@given(st.data())
def test_any_json_becomes_points_that_the_table_allows(domain: str, data: st.DataObject) -> None:
    """Several messages in one pipeline, so that counters, duplicates and sequences have a past."""
    into = pipeline()
    for _ in range(data.draw(st.integers(1, 3))):
        document = data.draw(readings(domain) | st.lists(readings(domain) | VALUES, min_size=1, max_size=3) | VALUES)
        on = topic(data.draw(DEVICES), domain)
        arrived = message(document, on, retain=data.draw(st.booleans()), duplicate=data.draw(st.booleans()))
        objects = len(document) if isinstance(document, list) and document else 1
        check(into.process(arrived, NOW_MS), objects)


def sound_values(domain: str) -> st.SearchStrategy[dict[str, Any]]:
    """Readings that the compiled validator takes, mostly."""
    optional: dict[str, st.SearchStrategy[Any]] = {
        "ts": st.integers(0, 2 * NOW_MS) | st.text(max_size=5),
        "seq": st.integers(0, 2**63 - 1),
        **dict.fromkeys(TEXT_TAGS, NAMES),
        "vehicle_class": st.sampled_from(VEHICLE_CLASSES),
    }
    for field in KEYS[domain]:
        quantity = (QUANTITIES[domain] | QUANTITIES[HEALTH])[field]
        number = st.floats(quantity.minimum, quantity.maximum) | st.just(quantity.maximum).map(int)
        optional[field] = st.booleans() if quantity.kind is Kind.STATE else number
    keys = st.sets(st.sampled_from(sorted(optional)), min_size=1, max_size=8)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: optional[key] for key in sorted(chosen)}))


@pytest.mark.parametrize("domain", DOMAINS)
@given(st.data())
def test_the_fast_and_the_slow_path_agree_on_all_that_the_fast_path_takes(domain: str, data: st.DataObject) -> None:
    """The fast way only saves time: same values of the same types, nothing dropped."""
    payload = json.dumps(data.draw(sound_values(domain) | readings(domain))).encode()
    decoder = NativeDecoder(domain)
    fast = decoder.decode_plain(payload)
    if fast is None:
        return
    (slow,) = decoder.decode_slow_path(payload)
    assert isinstance(slow, Decoded)
    assert not slow.dropped
    assert {key: (type(value), value) for key, value in fast[0].items()} == {
        key: (type(value), value) for key, value in slow.values.items()
    }


@pytest.mark.parametrize("domain", DOMAINS)
@given(st.data())
def test_the_decoder_of_a_key_set_takes_its_keys_and_no_others(domain: str, data: st.DataObject) -> None:
    """It finds what the decoder of all keys finds, or leaves the payload to that one."""
    before, now = (json.dumps(data.draw(sound_values(domain) | readings(domain))).encode() for _ in range(2))
    decoder = NativeDecoder(domain)
    plain = decoder.decode_plain(before)
    if plain is None:
        return
    for payload in (before, now):
        found, expected = plain[1].read(payload), decoder.decode_plain(payload)
        if found is not None:
            assert expected is not None
            assert repr(found) == repr(expected[1].parts(expected[0]))
        elif not plain[1].lacking:
            assert expected is None or expected[1] is not plain[1]  # other keys, or a time in the other form


def test_the_fast_way_takes_a_plain_reading() -> None:
    """Else the tests above would hold for a decoder that has none."""
    payload = b'{"ts":1793491200250,"seq":1,"volume_m3":5,"valve_open":true,"lane":"1"}'
    plain = NativeDecoder("water").decode_plain(payload)
    assert plain is not None
    assert plain[1].read(payload) == (1793491200250, 1, (("lane", "1"),), (5.0, True))


def test_a_flood_of_key_sets_gets_no_decoder_for_each() -> None:
    """They are read all the same, by the decoder of all keys."""
    decoder, numbers = NativeDecoder("power"), QUANTITIES["power"].items()
    fields = [
        field for field, quantity in numbers if quantity.kind is not Kind.STATE and quantity.minimum <= 1 <= quantity.maximum
    ]
    payloads = [json.dumps(dict.fromkeys(pair, 1)).encode() for pair in combinations(fields, 2)]
    plain = [decoder.decode_plain(payload) for payload in payloads]
    read = [each is not None and each[1].read(payload) is not None for each, payload in zip(plain, payloads, strict=True)]
    assert None not in plain
    assert 0 < sum(read) < len(payloads)


WHOLE = b'{"ts":1793491200250,"seq":17,"volume_m3":12.5,"valve_open":true,"lane":"1"}'


def test_a_payload_cut_anywhere_is_bad_json() -> None:
    for size in range(len(WHOLE)):
        assert refusal(process(WHOLE[:size])).reason is RejectReason.BAD_JSON, WHOLE[:size]


@each_row(
    ("payload", "reason"),
    [
        pytest.param(b"", RejectReason.BAD_JSON, id="empty"),
        pytest.param(b"online", RejectReason.BAD_JSON, id="text"),
        pytest.param(b'{"ph": 7,}', RejectReason.BAD_JSON, id="comma-too-many"),
        pytest.param(b"{'ph': 7}", RejectReason.BAD_JSON, id="single-quotes"),
        pytest.param(b'{"ph": nan}', RejectReason.BAD_JSON, id="nan-as-c-prints-it"),
        pytest.param(b'{"ph": 7}{"ph": 8}', RejectReason.BAD_JSON, id="two-documents"),
        pytest.param(b'{"ph": "\\ud800"}', RejectReason.BAD_JSON, id="half-a-surrogate-pair"),
        pytest.param(b"\x81\xa2ph\x07", RejectReason.NOT_UTF8, id="messagepack"),
        pytest.param(b'{"ph": 7, "ghi ch\xfa": 1}', RejectReason.NOT_UTF8, id="latin-1"),
        pytest.param('{"ph": 7}'.encode("utf-16"), RejectReason.NOT_UTF8, id="utf-16"),
        pytest.param(b"[" * 200_000, RejectReason.BAD_JSON, id="nested-without-end"),
        pytest.param(b"[" * 5000 + b"]" * 5000, RejectReason.BAD_JSON, id="nested-too-deep"),
        pytest.param(b'{"ph": ' * 5000 + b"7" + b"}" * 5000, RejectReason.BAD_JSON, id="objects-nested-too-deep"),
        pytest.param(b"x" * 300_000, RejectReason.TOO_LARGE, id="oversized"),
    ],
)
def test_what_is_no_json_is_a_reject_with_its_reason_and_bytes(payload: bytes, reason: RejectReason) -> None:
    refused = refusal(process(payload))
    assert refused.reason is reason
    assert payload.startswith(refused.payload)
    assert refused.payload or not payload
    assert refused.detail


HOSTILE_NAMES = ["a b", "a,b", "a=b", "a\nb", "a\\", 'a"b', "time", "\x00", "ph ", "ph=1,quality", "😀", "x" * 1000]


@each_row("name", HOSTILE_NAMES)
def test_a_hostile_key_is_left_out_and_alters_no_point(name: str) -> None:
    got = point(process({"ts": NOW_MS, "ph": 7, name: 1}))
    assert got.fields == {"ph": 7.0, "quality": 0}
    assert got.tags == {"device": "d1", "site": "s1"}


@each_row("name", HOSTILE_NAMES)
def test_a_hostile_key_alone_is_a_reject_whose_sentence_stays_short(name: str) -> None:
    refused = refusal(process({name: 1}))
    assert refused.reason is RejectReason.NO_QUANTITY
    assert len(refused.detail) < 200


def test_a_thousand_hostile_keys_make_one_short_sentence() -> None:
    detail = refusal(process({f"key {number}": 1 for number in range(1000)})).detail
    assert "key 9 (unknown_key) and 990 more" in detail
    assert len(detail) < 300


@pytest.mark.parametrize("name", ["a b", "a,b", "a=b", "a\nb", "a\\", 'a"b', "\x00", "é"], ids=repr)
def test_a_hostile_device_or_site_is_an_unknown_topic(name: str) -> None:
    for on in (topic(device=name), topic(site=name)):
        assert refusal(pipeline().process(message({"ph": 7}, on), NOW_MS)).reason is RejectReason.UNKNOWN_TOPIC
