"""Native payloads: the table of how a value becomes canonical, or is dropped, or makes a reject."""

import itertools
import json
from typing import Any

import pytest

from gateway.core.readings.native import Decoded, NativeDecoder, describe_drops
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, REQUIRES, VEHICLE_CLASSES, Kind, Quality
from schemas.rejects import DropCause, RejectReason
from tests.core.making import NOW_MS, is_canonical, pipeline, point, points, process, quality, refusal, registered_device
from tests.rows import each_row

GOOD = b'"volume_m3": 5.0'
"""A value that stays, whatever becomes of the one beside it."""


def beside_a_good_value(key: str, text: str) -> bytes:
    return b'{"ts": %d, %s, "%s": %s}' % (NOW_MS, GOOD, key.encode(), text.encode())


def test_the_order_of_keys_in_a_payload_changes_no_point() -> None:
    usual = process(b'{"ts": %d, "volume_m3": 5, "ph": 7, "battery_pct": 80}' % NOW_MS)
    other = process(b'{"battery_pct": 80, "ph": 7, "ts": %d, "volume_m3": 5}' % NOW_MS)
    assert [each.lines for each in usual.readings] == [each.lines for each in other.readings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("312.5", 312.5, id="number"),
        pytest.param("312", 312.0, id="integer"),
        pytest.param("1e2", 100.0, id="exponent"),
        pytest.param("-100", -100.0, id="lower-bound"),
        pytest.param("4000", 4000.0, id="upper-bound"),
        pytest.param('"312.5"', 312.5, id="text"),
        pytest.param('" +1.5e2 "', 150.0, id="text-with-sign-exponent-spaces"),
        pytest.param('"-.5"', -0.5, id="text-without-a-digit-in-front"),
    ],
)
def test_a_number_or_a_number_as_text_becomes_a_float(text: str, value: float) -> None:
    """The table decides the type in InfluxDB: a float, though 312 came."""
    got = point(process(beside_a_good_value("pressure_kpa", text)))
    assert got.fields["quality"] == 0
    assert (type(got.values["pressure_kpa"]), got.values["pressure_kpa"]) == (float, value)


@each_row(
    ("text", "cause"),
    [
        pytest.param('"12.3 kWh"', DropCause.WRONG_TYPE, id="text-with-unit"),
        pytest.param('"12,3"', DropCause.WRONG_TYPE, id="decimal-comma"),
        pytest.param('"???"', DropCause.WRONG_TYPE, id="text"),
        pytest.param('""', DropCause.WRONG_TYPE, id="empty-text"),
        pytest.param('"0x10"', DropCause.WRONG_TYPE, id="hexadecimal"),
        pytest.param('"1_000"', DropCause.WRONG_TYPE, id="underscore-as-only-python-reads-it"),
        pytest.param('"\\u0661\\u0662"', DropCause.WRONG_TYPE, id="digits-that-are-not-ascii"),
        pytest.param("true", DropCause.WRONG_TYPE, id="boolean"),
        pytest.param("[1]", DropCause.WRONG_TYPE, id="list"),
        pytest.param('{"value": 1}', DropCause.WRONG_TYPE, id="object"),
        pytest.param("NaN", DropCause.NOT_FINITE, id="nan"),
        pytest.param("Infinity", DropCause.NOT_FINITE, id="infinity"),
        pytest.param("-Infinity", DropCause.NOT_FINITE, id="minus-infinity"),
        pytest.param("1e400", DropCause.NOT_FINITE, id="overflow"),
        pytest.param('"1e400"', DropCause.NOT_FINITE, id="overflow-as-text"),
        pytest.param("1" + "0" * 400, DropCause.NOT_FINITE, id="integer-no-float-can-hold"),
        pytest.param("4000.001", DropCause.OUT_OF_BOUNDS, id="above"),
        pytest.param('"-101"', DropCause.OUT_OF_BOUNDS, id="below-as-text"),
    ],
)
def test_what_is_no_sound_number_is_dropped_with_bit_2_and_the_rest_kept(text: str, cause: DropCause) -> None:
    outcome = process(beside_a_good_value("pressure_kpa", text))
    got = point(outcome)
    assert got.values == {"volume_m3": 5.0}
    assert got.fields["quality"] == Quality.VALUE_DROPPED
    assert outcome.dropped == [("pressure_kpa", cause)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("1", True),
        ("0", False),
        pytest.param("1.0", True, id="float-1"),
        pytest.param('"on"', True, id="on"),
        pytest.param('"off"', False, id="off"),
        pytest.param('"ON"', True, id="capitals"),
    ],
)
def test_the_ways_to_write_a_state_become_the_boolean(text: str, value: bool) -> None:  # noqa: FBT001
    got = point(process(beside_a_good_value("valve_open", text)))
    assert got.values["valve_open"] is value
    assert got.fields["quality"] == 0


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param("2", DropCause.WRONG_TYPE, id="two"),
        pytest.param("-1", DropCause.WRONG_TYPE, id="minus-one"),
        pytest.param("0.5", DropCause.WRONG_TYPE, id="half"),
        pytest.param('"yes"', DropCause.WRONG_TYPE, id="other-text"),
        pytest.param("[]", DropCause.WRONG_TYPE, id="list"),
        pytest.param("{}", DropCause.WRONG_TYPE, id="object"),
        pytest.param("NaN", DropCause.NOT_FINITE, id="nan"),
        pytest.param("1e999", DropCause.NOT_FINITE, id="overflow"),
    ],
)
def test_what_is_no_state_is_dropped_with_bit_2(text: str, cause: DropCause) -> None:
    outcome = process(beside_a_good_value("valve_open", text))
    assert outcome.dropped == [("valve_open", cause)]
    assert quality(outcome) == Quality.VALUE_DROPPED


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_quantity_of_the_table_is_taken_as_text_at_both_bounds_and_as_what_it_is(domain: str) -> None:
    """Text takes the slow path; what it yields is typed and bounded by the same table."""
    table = QUANTITIES[domain] | QUANTITIES[HEALTH]
    for field, quantity in table.items():
        if quantity.kind is Kind.STATE:
            continue
        for bound in (quantity.minimum, quantity.maximum):
            document = {field: repr(bound), "interval_s": 60} if field in REQUIRES else {field: repr(bound)}
            (decoded,) = NativeDecoder(domain).decode_slow_path(json.dumps(document).encode())
            assert isinstance(decoded, Decoded)
            assert is_canonical(quantity, decoded.values[field]), field
            assert not decoded.dropped, field


def test_an_unknown_key_is_counted_and_leaves_no_trace_in_the_point() -> None:
    outcome = process({"ts": NOW_MS, "volume_m3": 5, "firmware": "1.2", "time": 7, "quality": 3, "device": "other"})
    assert point(outcome).values == {"volume_m3": 5.0}
    assert point(outcome).tags == {"device": "d1", "site": "s1"}
    assert quality(outcome) == 0
    assert outcome.dropped == [(key, DropCause.UNKNOWN_KEY) for key in ("firmware", "time", "quality", "device")]


def test_a_quantity_of_another_domain_is_an_unknown_key() -> None:
    assert process({"volume_m3": 5, "voltage_l1_v": 230}).dropped == [("voltage_l1_v", DropCause.UNKNOWN_KEY)]


def test_null_is_absent() -> None:
    """No value, no drop, no bit: for a quantity, a tag and the envelope alike."""
    outcome = process({"ts": NOW_MS, "volume_m3": 5, "pressure_kpa": None, "lane": None, "seq": None, "other": None})
    assert point(outcome).values == {"volume_m3": 5.0}
    assert outcome.dropped == []
    assert quality(outcome) == 0


@pytest.mark.parametrize(
    ("document", "named"),
    [
        pytest.param({}, "no quantity", id="empty"),
        pytest.param({"ts": NOW_MS, "seq": 1, "lane": "1"}, "no quantity", id="envelope-only"),
        pytest.param({"volume_m3": None}, "no quantity", id="null-only"),
        pytest.param({"temp": 1}, "temp (unknown_key)", id="unknown-only"),
        pytest.param({"ph": 15, "volume_m3": "x"}, "ph (out_of_bounds), volume_m3 (wrong_type)", id="all-dropped"),
    ],
)
def test_no_value_left_is_a_reject_that_names_the_drops(document: dict[str, Any], named: str) -> None:
    refused = refusal(process(document))
    assert refused.reason is RejectReason.NO_QUANTITY
    assert named in refused.detail


@each_row("ts", ["missing", None, "", "yesterday", "2026-11-01T07:00:00", True, [NOW_MS], {}, 10**30, "1"], ids=repr)
def test_a_time_that_is_missing_or_unreadable_gives_arrival_time_and_bit_1(ts: object) -> None:
    document = {"volume_m3": 5} if ts == "missing" else {"ts": ts, "volume_m3": 5}
    outcome = process(document)
    assert point(outcome).time_ms == NOW_MS
    assert quality(outcome) == Quality.GATEWAY_TIME
    assert outcome.dropped == []


@pytest.mark.parametrize("seq", [0, 1, 2**63 - 1], ids=repr)
def test_a_sequence_number_travels_as_an_integer(seq: int) -> None:
    got = point(process({"ts": NOW_MS, "seq": seq, "volume_m3": 5})).fields["seq"]
    assert (type(got), got) == (int, seq)


@pytest.mark.parametrize("seq", [-1, 2**63, 1.5, "17", True, [1], 1e300], ids=repr)
def test_a_sequence_number_out_of_range_is_left_out_without_a_bit(seq: object) -> None:
    outcome = process({"ts": NOW_MS, "seq": seq, "volume_m3": 5})
    assert "seq" not in point(outcome).fields
    assert quality(outcome) == 0


@pytest.mark.parametrize(("sent", "stored"), [(-0.93, 0.93), ("-0.5", 0.5), (-1, 1.0), (0.8, 0.8)], ids=repr)
def test_a_negative_power_factor_loses_its_sign_without_a_bit(sent: object, stored: float) -> None:
    outcome = process({"ts": NOW_MS, "power_factor_l2": sent}, "power")
    assert point(outcome).values == {"power_factor_l2": stored}
    assert quality(outcome) == 0


def test_a_power_factor_beyond_one_is_out_of_bounds_on_either_side() -> None:
    outcome = process({"power_factor": -1.01, "power_factor_l1": 1.01, "frequency_hz": 50}, "power")
    assert [cause for _, cause in outcome.dropped] == [DropCause.OUT_OF_BOUNDS] * 2


def test_a_vehicle_count_without_its_interval_is_dropped() -> None:
    outcome = process({"ts": NOW_MS, "vehicle_count": 12, "mean_speed_km_h": 40}, "traffic")
    assert point(outcome).values == {"mean_speed_km_h": 40.0}
    assert outcome.dropped == [("vehicle_count", DropCause.NO_INTERVAL)]
    assert quality(outcome) == Quality.VALUE_DROPPED


def test_a_vehicle_count_whose_interval_is_out_of_bounds_is_dropped_with_it() -> None:
    outcome = process({"ts": NOW_MS, "vehicle_count": 12, "interval_s": 0, "mean_speed_km_h": 40}, "traffic")
    assert point(outcome).values == {"mean_speed_km_h": 40.0}
    assert dict(outcome.dropped) == {"interval_s": DropCause.OUT_OF_BOUNDS, "vehicle_count": DropCause.NO_INTERVAL}


def test_the_registry_gives_the_interval_a_device_does_not_send() -> None:
    """With every quantity around it: no other value may slip into another field."""
    into = pipeline({"d1": registered_device(params={"interval_s": 300})})
    sent = {"vehicle_count": 12, "mean_speed_km_h": 40, "congested": True, "battery_pct": 88, "snr_db": -7, "lane": "2"}
    traffic, health = points(process({"ts": NOW_MS, **sent}, "traffic", into=into))
    assert traffic.values == {"vehicle_count": 12.0, "mean_speed_km_h": 40.0, "congested": True, "interval_s": 300.0}
    assert health.values == {"battery_pct": 88.0, "snr_db": -7.0}
    assert (traffic.tags["lane"], traffic.fields["quality"]) == ("2", 0)


def test_the_interval_a_device_sends_stands_before_that_of_the_registry() -> None:
    into = pipeline({"d1": registered_device(params={"interval_s": 300})})
    assert point(process({"vehicle_count": 12, "interval_s": 60}, "traffic", into=into)).values["interval_s"] == 60.0


@pytest.mark.parametrize("default", [0, 86401, "often", True], ids=repr)
def test_an_interval_of_the_registry_that_no_interval_can_have_is_none(default: float | str | bool) -> None:  # noqa: FBT001
    """Nothing outside the hard bounds is written, wherever it comes from."""
    into = pipeline({"d1": registered_device(params={"interval_s": default})})
    outcome = process({"vehicle_count": 12, "mean_speed_km_h": 40}, "traffic", into=into)
    assert outcome.dropped == [("vehicle_count", DropCause.NO_INTERVAL)]


@pytest.mark.parametrize("field", ["people_in", "people_out"])
def test_a_count_of_people_without_its_interval_is_dropped(field: str) -> None:
    outcome = process({"ts": NOW_MS, field: 12, "people_count": 3}, "urban")
    assert point(outcome).values == {"people_count": 3.0}
    assert outcome.dropped == [(field, DropCause.NO_INTERVAL)]
    assert quality(outcome) == Quality.VALUE_DROPPED


def test_the_registry_gives_the_interval_of_both_counts_of_people() -> None:
    into = pipeline({"d1": registered_device(params={"interval_s": 300})})
    urban, health = points(process({"people_in": 12, "people_out": 7, "battery_pct": 88}, "urban", into=into))
    assert urban.values == {"people_in": 12.0, "people_out": 7.0, "interval_s": 300.0}
    assert health.values == {"battery_pct": 88.0}


def test_the_time_of_an_interval_is_its_end_as_sent() -> None:
    assert point(process({"ts": NOW_MS, "vehicle_count": 1, "interval_s": 3600}, "traffic")).time_ms == NOW_MS


@each_row("text", ["a b", "a,b", "a=b", "a\nb", 'a"b', "a\\b", "", "x" * 65, "đường"], ids=repr)
@pytest.mark.parametrize("tag", ["lane", "direction", "channel"], ids=repr)
def test_a_tag_text_outside_the_grammar_is_dropped_and_the_reading_kept(tag: str, text: str) -> None:
    outcome = process({"ts": NOW_MS, "volume_m3": 5, tag: text})
    assert point(outcome).tags == {"device": "d1", "site": "s1"}
    assert outcome.dropped == [(tag, DropCause.BAD_TAG)]


@each_row("vehicle_class", VEHICLE_CLASSES)
def test_a_listed_vehicle_class_becomes_the_tag(vehicle_class: str) -> None:
    got = point(process({"vehicle_class": vehicle_class, "vehicle_count_total": 3}, "traffic"))
    assert got.tags["vehicle_class"] == vehicle_class


@pytest.mark.parametrize("sent", ["rickshaw", "Bus", "a b,c=d", ""], ids=repr)
def test_any_other_vehicle_class_becomes_other(sent: str) -> None:
    got = point(process({"vehicle_class": sent, "vehicle_count_total": 3}, "traffic"))
    assert got.tags["vehicle_class"] == "other"


def test_two_hundred_and_fifty_six_sets_of_keys_have_a_decoder_of_their_own_and_all_are_read() -> None:
    decoder = NativeDecoder("water")
    quantities = decoder.quantities.items()
    numbers = [name for name, quantity in quantities if quantity.kind is not Kind.STATE and not quantity.minimum]
    sets = list(itertools.islice(itertools.permutations(numbers, 3), 257))
    payloads = [json.dumps(dict.fromkeys(keys, 1)).encode() for keys in sets]
    read = [decoder.key_set_of(keys).read(payload) is not None for keys, payload in zip(sets, payloads, strict=True)]
    assert read == [True] * 256 + [False]
    assert decoder.decode_plain(payloads[-1]) is not None


def test_the_first_ten_drops_are_named_each_by_eighty_letters_at_most() -> None:
    drops = [(f"k{number}", DropCause.UNKNOWN_KEY) for number in range(12)]
    ten = ", ".join(f"k{number} (unknown_key)" for number in range(10))
    assert describe_drops(drops[:10]) == f"no value left: {ten}"
    assert describe_drops(drops[:11]) == f"no value left: {ten} and 1 more"
    assert describe_drops(drops) == f"no value left: {ten} and 2 more"
    assert describe_drops([("x" * 81, DropCause.BAD_TAG)]) == f"no value left: {'x' * 80} (bad_tag)"
    assert describe_drops(None) == describe_drops([]) == "the object holds no quantity"
