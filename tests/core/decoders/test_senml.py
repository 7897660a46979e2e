"""SenML packs, in JSON and in CBOR, by RFC 8428."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.senml import NAME_MAX, RECORDS_MAX, SenmlRecord, senml_cbor, senml_json
from gateway.core.message import Undecodable
from schemas.rejects import RejectReason
from tests.rows import each_row

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "senml_rfc8428.jsonl"
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6}
LABELS |= {"n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}
FORMS = [
    pytest.param("json", id="json"),
    pytest.param("cbor", id="cbor"),
    pytest.param("cbor-text", id="cbor-with-text-labels"),
]


def decode(pack: object, form: str = "json") -> list[SenmlRecord]:
    """The pack through one of its forms; ``vd`` is base64 in JSON and bytes in CBOR."""
    if form == "json":
        return senml_json(json.dumps(pack).encode())
    if form == "cbor" and isinstance(pack, list):
        pack = [{LABELS.get(label, label): value for label, value in record.items()} for record in pack]
    return senml_cbor(cbor2.dumps(pack))


def corpus() -> list[Any]:
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()] if CORPUS.exists() else []
    return [pytest.param(row, id=row["example"]) for row in rows]


def expected(row: dict[str, Any]) -> list[SenmlRecord]:
    """The resolved records of the corpus. Those without a time hold the date of the RFC's draft."""
    timed = row["note"] is None
    return [{key: value for key, value in item.items() if key != "l" and (timed or key != "t")} for item in row["resolved"]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("row", corpus())
def test_the_examples_of_the_rfc_resolve_as_it_says(row: dict[str, Any], form: str) -> None:
    pack = row["pack"]
    if form != "json":
        pack = [{**record, "vd": b"hi \n"} if "vd" in record else record for record in pack]
    found = decode(pack, form)
    if row["resolved"] is None:  # a command to lamps, for which the RFC shows no resolved form
        assert [record["t"] for record in found] == [1320078429.0, 1320078429.0, 1320078429.1, 1320078429.1]
        return
    if row["note"] is not None:
        assert all(record.pop("t_rel") == 0 for record in found)
    assert [record for record in found if "vd" not in record] == expected(row)
    assert all(record["vd"] == b"hi \n" for record in found if "vd" in record)


@pytest.mark.parametrize("form", FORMS)
def test_base_values_hold_until_they_are_set_anew(form: str) -> None:
    pack = [
        {"bn": "urn:dev:a:", "bt": 1793491200, "bu": "m3", "bv": 100, "bs": 5, "n": "x", "v": 1.5, "s": 2},
        {"n": "y", "v": -0.5, "u": "L", "t": 10},
        {"bn": "urn:dev:b:", "bv": 0},
        {"n": "x", "v": 7, "ut": 60},
    ]
    assert decode(pack, form) == [
        {"n": "urn:dev:a:x", "u": "m3", "v": 101.5, "s": 7, "t": 1793491200},
        {"n": "urn:dev:a:y", "u": "L", "v": 99.5, "s": 5, "t": 1793491210},
        {"n": "urn:dev:b:x", "u": "m3", "v": 7, "s": 5, "t": 1793491200, "ut": 60},
    ]


@pytest.mark.parametrize(
    ("times", "key", "seconds"),
    [
        pytest.param({}, "t_rel", 0, id="none-is-now"),
        pytest.param({"t": -5}, "t_rel", -5, id="five-seconds-ago"),
        pytest.param({"bt": -300, "t": 60}, "t_rel", -240, id="base-time-relative-too"),
        pytest.param({"t": 2**28 - 1}, "t_rel", 2**28 - 1, id="greatest-relative"),
        pytest.param({"t": 2**28}, "t", 2**28, id="least-absolute"),
        pytest.param({"bt": 1793491200.25, "t": -0.25}, "t", 1793491200, id="fractions"),
    ],
)
def test_a_time_is_absolute_or_relative_to_now_by_its_sum(times: dict[str, float], key: str, seconds: float) -> None:
    (record,) = decode([{"n": "a", "v": 1, **times}])
    assert {label: record[label] for label in record if label in {"t", "t_rel"}} == {key: seconds}


@each_row(
    ("pack", "records"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([{"bn": "a", "bver": 10}], [], id="base-fields-alone"),
        pytest.param([{"n": "a", "u": "V"}], [], id="no-value"),
        pytest.param([{"n": "a", "v": None}], [], id="null"),
        pytest.param([{"n": "a", "s": 5}], [{"n": "a", "s": 5, "t_rel": 0}], id="sum-alone"),
        pytest.param([{"bv": 20, "bn": "a"}, {"n": "b"}], [{"n": "ab", "v": 20, "t_rel": 0}], id="base-value-alone"),
        pytest.param(
            [{"n": "a", "v": 1, "l": "x", "foo": {}}], [{"n": "a", "v": 1, "t_rel": 0}], id="unknown-fields-are-left-out"
        ),
        pytest.param([{"n": "a", "vd": "_-8"}], [{"n": "a", "vd": b"\xff\xef", "t_rel": 0}], id="url-safe-base64"),
        pytest.param([{"n": "a", "vd": "_-8="}], [{"n": "a", "vd": b"\xff\xef", "t_rel": 0}], id="base64-with-padding"),
        pytest.param([{"n": "a", "vb": False}], [{"n": "a", "vb": False, "t_rel": 0}], id="false"),
    ],
)
def test_a_record_is_what_it_holds(pack: list[SenmlRecord], records: list[SenmlRecord]) -> None:
    assert decode(pack) == records


@each_row(
    ("pack", "says"),
    [
        pytest.param({"n": "a", "v": 1}, "list of records", id="no-list"),
        pytest.param([1], "record 1 is a int", id="record-that-is-none"),
        pytest.param([{"bver": 11, "n": "a", "v": 1}], "version 11", id="later-version"),
        pytest.param([{"n": "a", "v": 1}, {"bver": "1"}], "record 2: 'bver' is not a version", id="version-as-text"),
        pytest.param([{"n": "a", "v": 1, "must_": 1}], "'must_', which must be understood", id="must-be-understood"),
        pytest.param([{"v": 1}], "has the name ''", id="no-name"),
        pytest.param([{"n": "a b", "v": 1}], "has the name 'a b'", id="space-in-a-name"),
        pytest.param([{"n": ":a", "v": 1}], "has the name ':a'", id="name-that-begins-with-a-colon"),
        pytest.param([{"n": "đ", "v": 1}], "has the name 'đ'", id="letter-outside-ascii"),
        pytest.param([{"n": "a\n", "v": 1}], "has the name", id="line-end-in-a-name"),
        pytest.param([{"bn": "n" * NAME_MAX}, {"n": "n", "v": 1}], "at most 256", id="endless-name"),
        pytest.param([{}] * (RECORDS_MAX + 1), "10001 records", id="too-many-records"),
        pytest.param([{"n": "a", "v": 1, "vs": "x"}], "v and vs", id="two-values"),
        pytest.param([{"n": "a", "v": "1"}], "'v' is not a number", id="number-as-text"),
        pytest.param([{"n": "a", "v": True}], "'v' is not a number", id="boolean-for-a-number"),
        pytest.param([{"n": "a", "v": 2**64}], "'v' is not a number", id="number-without-end"),
        pytest.param([{"n": "a", "v": 1, "t": 10**400}], "'t' is not a finite number", id="time-without-end"),
        pytest.param([{"n": "a", "vb": 1}], "'vb' is not a boolean", id="number-for-a-boolean"),
        pytest.param([{"n": "a", "t": "now", "v": 1}], "'t' is not a finite number", id="time-as-text"),
        pytest.param([{"n": 1, "v": 1}], "'n' is not text", id="number-for-a-name"),
        pytest.param([{"n": "a", "vd": "a"}], "'vd' is not data", id="bad-base64"),
    ],
)
def test_what_is_no_pack_is_refused_whole_and_says_where(pack: object, says: str) -> None:
    with pytest.raises(Undecodable, match=says) as why:
        decode(pack)
    assert why.value.reason is RejectReason.BAD_PAYLOAD


def test_decimal_fractions_of_cbor_are_numbers() -> None:
    """Section 6: numbers may be written as decimal fractions (tag 4)."""
    (record,) = senml_cbor(cbor2.dumps([{0: "a", 2: cbor2.CBORTag(4, [-2, 2315])}]))
    assert record["v"] == 23.15


@given(st.binary(max_size=60))
def test_random_bytes_are_a_pack_or_refused(payload: bytes) -> None:
    for decoder in (senml_json, senml_cbor):
        try:
            assert isinstance(decoder(payload), list)
        except Undecodable:
            continue


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
HOSTILE = st.lists(st.dictionaries(st.sampled_from([*LABELS, "x_"]) | st.integers(-7, 9), SCALARS, max_size=6), max_size=5)


@given(HOSTILE)
def test_any_values_under_any_labels_are_a_pack_or_refused(pack: list[dict[object, object]]) -> None:
    try:
        records = senml_cbor(cbor2.dumps(pack))
    except Undecodable:
        return
    for record in records:
        assert ("t" in record) != ("t_rel" in record)
        assert sum(label in record for label in ("v", "vs", "vb", "vd")) <= 1
