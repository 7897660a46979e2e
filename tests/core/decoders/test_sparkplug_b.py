"""Sparkplug B payloads: what a metric is, by its data type and by the field its value stands in."""

import base64
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.sparkplug_b import METRICS_MAX, NAME_MAX, Metric, encode_rebirth, shortest_single, sparkplug_b
from gateway.core.message import Undecodable
from schemas.rejects import RejectReason
from tests.core.sparkplug_payloads import BOOLEAN, BYTES, DATA_SET, DOUBLE, FLOAT, INT, LONG, STRING, M, payload
from tests.rows import each_row

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "sparkplug_b.jsonl"


def metric(made: M) -> Metric:
    (only,) = sparkplug_b(payload(made))["metrics"]
    return only


def reason_against(encoded: bytes) -> RejectReason | None:
    try:
        sparkplug_b(encoded)
    except Undecodable as why:
        return why.reason
    return None


def corpus() -> list[Any]:
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()] if CORPUS.exists() else []
    ids = [f"{index}-{row['type']}" for index, row in enumerate(rows)]
    return [pytest.param(row, id=name) for row, name in zip(rows, ids, strict=True)]


@pytest.mark.parametrize("row", corpus())
def test_the_corpus_decodes_to_its_expected_values(row: dict[str, Any]) -> None:
    found = sparkplug_b(base64.b64decode(row["payload_b64"]))
    expected = row["expected"]
    assert (found["timestamp"], found["seq"]) == (expected["timestamp"], expected.get("seq"))
    for got, wanted in zip(found["metrics"], expected.get("metrics", []), strict=True):
        assert (got["name"], got["alias"]) == (wanted.get("name"), wanted.get("alias"))
        assert (got["type"], got["value"]) == (wanted["dataType"], wanted["value"])
        assert got["timestamp"] == wanted["timestamp"]
        assert got["is_historical"] == wanted.get("isHistorical", False)
        assert got["is_null"] == (wanted["value"] is None)


@each_row(
    ("made", "value"),
    [
        pytest.param(M("m", 0xFF, INT, kind="Int8"), -1, id="int8-in-its-own-bits"),
        pytest.param(M("m", 0xFFFFFFFF, INT, kind="Int8"), -1, id="int8-with-the-sign-extended"),
        pytest.param(M("m", 127, INT, kind="Int8"), 127, id="int8-greatest"),
        pytest.param(M("m", 256, INT, kind="Int8"), 256, id="int8-one-beyond-its-bits"),
        pytest.param(M("m", 128, INT, kind="Int8"), -128, id="int8-least"),
        pytest.param(M("m", 300, INT, kind="Int8"), 300, id="int8-that-does-not-fit-is-left-alone"),
        pytest.param(M("m", 0x8000, INT, kind="Int16"), -32768, id="int16-least"),
        pytest.param(M("m", 0xFFFFFA24, INT, kind="Int32"), -1500, id="int32"),
        pytest.param(M("m", 2**64 - 1500, LONG, kind="Int32"), -1500, id="int32-in-the-long-field"),
        pytest.param(M("m", 2**64 - 1, LONG, kind="Int64"), -1, id="int64"),
        pytest.param(M("m", 0xFFFFFFFF, INT, kind="Int64"), 0xFFFFFFFF, id="int64-in-the-int-field-has-no-sign"),
        pytest.param(M("m", 0, LONG, kind="Int64"), 0, id="int64-zero"),
        pytest.param(M("m", 0xFFFFFFFF, INT, kind="UInt32"), 0xFFFFFFFF, id="uint32"),
        pytest.param(M("m", 2**64 - 1, LONG, kind="UInt64"), 2**64 - 1, id="uint64"),
        pytest.param(M("m", 12.1, FLOAT, kind="Float"), 12.1, id="float-as-it-was-meant"),
        pytest.param(M("m", 0.1, DOUBLE, kind="Double"), 0.1, id="double"),
        pytest.param(M("m", 229.9, DOUBLE, kind="Float"), 229.9, id="float-in-the-double-field"),
        pytest.param(M("m", 1, BOOLEAN, kind="Boolean"), True, id="boolean"),
        pytest.param(M("m", 1, INT, kind="Boolean"), True, id="boolean-in-the-int-field"),
        pytest.param(M("m", 2, INT, kind="Boolean"), 2, id="two-is-no-boolean"),
        pytest.param(M("m", "Đông Hà", STRING, kind="String"), "Đông Hà", id="string"),
        pytest.param(M("m", "x", STRING, kind=14), "x", id="text"),
        pytest.param(M("m", "123e4567", STRING, kind=15), "123e4567", id="uuid"),
        pytest.param(M("m", 1793491200250, LONG, kind=13), 1793491200250, id="datetime"),
        pytest.param(M("m", b"\xff\x00", BYTES, kind=17), b"\xff\x00", id="bytes"),
        pytest.param(M("m", b"\x08\x01", DATA_SET, kind=16), None, id="data-set-is-not-looked-into"),
        pytest.param(M("m", b"\xff\xff", 18, kind=19), None, id="template-is-not-looked-into"),
        pytest.param(M("m", kind="Float"), None, id="no-value"),
        pytest.param(M("m", 5.0, DOUBLE, kind="Double", null=True), None, id="null-with-a-value"),
        pytest.param(M("m", 5.0, FLOAT, kind="Float", null=True), None, id="null-with-a-single"),
        pytest.param(M("m", "x", STRING, kind="String", null=True), None, id="null-with-a-text"),
        pytest.param(M("m", math.inf, FLOAT, kind="Float"), math.inf, id="infinity"),
        pytest.param(M("m", 16777217.0, FLOAT, kind="Float"), 16777216.0, id="a-single-of-eight-digits"),
        pytest.param(M("m", 200, INT), 200, id="no-type"),
        pytest.param(M("m", 200, INT, kind=99), 200, id="a-type-of-the-future"),
    ],
)
def test_a_value_is_what_its_type_says(made: M, value: object) -> None:
    found = metric(made)["value"]
    assert found == value
    assert type(found) is type(value)


def test_a_metric_without_its_own_time_has_that_of_the_payload() -> None:
    found = sparkplug_b(payload(M("own", 1.0, time_ms=5), M("none", 1.0), time_ms=7))
    assert [item["timestamp"] for item in found["metrics"]] == [5, 7]
    (timeless,) = sparkplug_b(payload(M("none", 1.0), time_ms=None))["metrics"]
    assert timeless["timestamp"] is None


def test_alias_zero_and_sequence_zero_are_not_missing() -> None:
    found = sparkplug_b(payload(M(alias=0, value=1.0), seq=0))
    assert (found["seq"], found["metrics"][0]["alias"]) == (0, 0)
    assert sparkplug_b(payload(M("m")))["seq"] is None


@pytest.mark.parametrize(
    ("encoded", "says"),
    [
        pytest.param(b"online", "not a Sparkplug B payload", id="text"),
        pytest.param(payload(M("m", 1.0))[:-3], "not a Sparkplug B payload", id="cut-off"),
        pytest.param(payload(M(b"\xff\xfe", 1.0)), "not UTF-8", id="name-that-is-no-utf8"),
        pytest.param(payload(M("m", b"\xff", STRING)), "not UTF-8", id="string-that-is-no-utf8"),
        pytest.param(payload(M("n" * (NAME_MAX + 1))), "at most 256", id="endless-name"),
        pytest.param(payload(M()) + b"\x12\x00" * METRICS_MAX, "10001 metrics", id="too-many-metrics"),
        pytest.param(payload(uuid="SPBV1.0_COMPRESSED"), "switch compression off", id="compressed"),
    ],
)
def test_what_cannot_be_read_is_a_bad_payload_that_says_why(encoded: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=says) as why:
        sparkplug_b(encoded)
    assert why.value.reason is RejectReason.BAD_PAYLOAD


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(encoded: bytes) -> None:
    assert reason_against(encoded) in {None, RejectReason.BAD_PAYLOAD}


@given(st.data())
def test_a_mutated_payload_is_read_or_refused(data: st.DataObject) -> None:
    encoded = bytearray(payload(M("Voltage/L1", 229.5, FLOAT, alias=1, kind="Float", time_ms=99), M("s", "x", STRING), seq=3))
    for _ in range(3):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    assert reason_against(bytes(encoded)) in {None, RejectReason.BAD_PAYLOAD}


@given(st.floats(width=32))
def test_the_shortest_number_of_a_single_is_the_same_single(single: float) -> None:
    found = shortest_single(single)
    assert math.isnan(found) if math.isnan(single) else struct.pack("<f", found) == struct.pack("<f", single)


@given(st.integers(100_000, 999_999), st.integers(-12, 12))
def test_a_decimal_of_six_digits_comes_back_from_a_single_as_it_was(digits: int, exponent: int) -> None:
    decimal = float(f"{digits}e{exponent}")
    (single,) = struct.unpack("<f", struct.pack("<f", decimal))
    assert shortest_single(single) == decimal


def test_the_request_for_a_rebirth_is_what_the_specification_shows() -> None:
    """The metric ``Node Control/Rebirth``, a boolean that is true."""
    assert encode_rebirth(99) == payload(M("Node Control/Rebirth", 1, BOOLEAN, kind="Boolean", time_ms=99), time_ms=99)
