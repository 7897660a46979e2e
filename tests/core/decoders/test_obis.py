"""Meter telegrams by OBIS code: DSMR P1 and IEC 62056-21."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.obis import VALUES_MAX, crc16, obis
from gateway.core.message import Undecodable
from gateway.core.readings.clock_trust import rfc3339_ms
from schemas.rejects import RejectReason
from tests.rows import each_row

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "dsmr_telegrams.jsonl"
HEADER = "/XYZ5\\2M-1\r\n\r\n"
BODY = "1-0:1.8.1(000123.456*kWh)\r\n"


def telegram(body: str = BODY, crc: str | None = None) -> bytes:
    """A telegram with the right checksum, or with this one."""
    text = f"{HEADER}{body}!".encode("latin-1")
    return text + (f"{crc16(text):04X}" if crc is None else crc).encode() + b"\r\n"


def entry(body: str, code: str) -> dict[str, Any]:
    """Return the entry of a telegram under a code, without the list of all values."""
    found = dict(obis(telegram(body))[code])
    del found["values"]
    return found


def corpus() -> dict[str, bytes]:
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()] if CORPUS.exists() else []
    return {row["name"].removeprefix("TELEGRAM_"): row["telegram"].encode() for row in rows}


EXPECTED: dict[str, dict[str, tuple[object, str | None, str | None]]] = {
    "V2_2": {"1-0:1.8.1": (1.001, "kWh", None), "0-1:24.3.0": (1.001, "m3", "2016-11-07T19:00:00")},
    "V3": {
        "1-0:1.7.0": (1.19, "kW", None),
        "0-0:17.0.0": (16, "A", None),
        "0-1:24.2.1": (1.001, "m3", "2009-02-12T16:00:00"),
        "0-0:96.13.1": ("303132333435363738", None, None),
    },
    "V4_2": {
        "0-0:1.0.0": ("161113205757W", None, "2016-11-13T20:57:57+01:00"),
        "0-0:96.1.1": ("3960221976967177082151037881335713", None, None),
        "0-0:96.14.0": (2, None, None),
        "0-1:24.2.1": (981.443, "m3", "2016-11-29T20:00:00+01:00"),
        "1-0:99.97.0": (3, None, None),
    },
    "V5": {
        "1-0:32.7.0": (230.0, "V", None),
        "0-1:24.2.1": (0.107, "m3", "2017-01-02T16:10:05+01:00"),
        "0-2:96.1.0": (None, None, None),
    },
    "V5_TWO_MBUS": {
        "0-0:1.0.0": ("200426223325S", None, "2020-04-26T22:33:25+02:00"),
        "0-1:24.2.1": (0, None, "1970-01-01T01:00:00+01:00"),
        "0-2:24.2.1": (246.138, "m3", "2020-04-26T22:30:01+02:00"),
    },
    "UNPADDED_CRC": {"0-1:24.2.1": (240.86, "GJ", "2026-02-15T20:05:23+01:00")},
    "FLUVIUS_V171": {
        "1-0:1.6.0": (2.589, "kW", "2020-05-09T13:45:58+02:00"),
        "0-1:24.2.3": (112.384, "m3", "2020-05-12T13:45:58+02:00"),
    },
    "FLUVIUS_V171_ALT": {"1-0:1.4.0": (0.052, "kW", None), "0-2:24.2.1": (8.579, "m3", "2023-11-02T12:15:32+01:00")},
    "ESY5Q3DB1024_V304": {
        "1-0:1.8.0*255": (52185.7825309, "kWh", None),
        "1-0:2.8.0": (19949.3221493, "kWh", None),
        "1-0:0.0.0": ("0272031312565", None, None),
        "0-0:96.1.255": ("1ESY1313002565", None, None),
    },
    "ESY5Q3DA1004_V304": {"1-0:1.7.0": (1688.21, "W", None), "1-0:1.8.0": (32549.5061662, "kWh", None)},
    "SAGEMCOM_T210_D_R": {"1-0:1.8.0": (6545766, "Wh", None), "1-0:4.7.0": (166, "var", None)},
    "ISKRA_IE": {"1-0:2.8.2": (10.282, "kWh", None), "0-0:1.0.0": ("230202132747S", None, "2023-02-02T13:27:47+02:00")},
    "V5_EON_HU": {
        "1-0:14.7.0": (50.0, "Hz", None),
        "1-0:33.7.0": (4.591, None, None),
        "0-0:98.1.0": (40.777, "kWh", "2023-07-01T00:00:00+02:00"),
        "0-0:42.0.0": ("53414733303832323030303032313630", None, None),
    },
}
MODELS = {
    "V4_2": ("KFM", "KAIFA-METER"),
    "V5": ("ISk", "MT382-1000"),
    "UNPADDED_CRC": ("NWA", "WARMTELINK"),
    "FLUVIUS_V171": ("FLU", "53769484_A"),
    "ESY5Q3DB1024_V304": ("ESY", "Q3DB1024 V3.04"),
    "ISKRA_IE": ("ISk", "MIE5T-200"),
}


@pytest.mark.skipif(not corpus(), reason="the corpora are not here")
@pytest.mark.parametrize("name", EXPECTED)
def test_the_corpus_reads_as_a_person_reads_it(name: str) -> None:
    document = obis(corpus()[name])
    found = {code: tuple(document[code][key] for key in ("value", "unit", "time")) for code in EXPECTED[name]}
    assert found == EXPECTED[name]
    if name in MODELS:
        assert (document["header"]["maker"], document["header"]["model"]) == MODELS[name]


@pytest.mark.skipif(not corpus(), reason="the corpora are not here")
def test_every_telegram_of_the_corpus_is_read_to_its_last_line() -> None:
    telegrams = corpus()
    assert telegrams.keys() == EXPECTED.keys()
    for name, text in telegrams.items():
        codes = [line.split("(")[0] for line in text.decode().split("!")[0].split("\r\n")[1:] if line and line[0] != "("]
        assert codes, name
        assert set(codes) <= obis(text).keys(), name


@pytest.mark.parametrize(
    ("given_crc", "accepted"),
    [
        pytest.param(None, True, id="right"),
        pytest.param("", True, id="absent"),
        pytest.param("0000", False, id="wrong"),
        pytest.param("XYZW", False, id="no-hexadecimal"),
        pytest.param("12345", False, id="five-digits"),
    ],
)
def test_a_checksum_is_checked_where_there_is_one(given_crc: str | None, *, accepted: bool) -> None:
    if accepted:
        assert obis(telegram(crc=given_crc))["1-0:1.8.1"]["value"] == 123.456
    else:
        with pytest.raises(Undecodable) as why:
            obis(telegram(crc=given_crc))
        assert why.value.reason is RejectReason.BAD_PAYLOAD


def test_a_wrong_checksum_names_both_values() -> None:
    right = crc16(f"{HEADER}{BODY}!".encode())
    with pytest.raises(Undecodable, match=f"is {right:04X}, it says 0ABC"):
        obis(telegram(crc="ABC"))


def test_a_checksum_holds_though_something_made_lf_of_crlf() -> None:
    assert obis(telegram().replace(b"\r\n", b"\n"))["1-0:1.8.1"]["value"] == 123.456


def test_a_changed_digit_is_found() -> None:
    with pytest.raises(Undecodable, match="bytes were lost or changed"):
        obis(telegram().replace(b"123.456", b"123.457"))


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """The check value of CRC-16/ARC."""
    assert crc16(b"123456789") == 0xBB3D


@each_row(
    ("line", "code", "value", "unit"),
    [
        pytest.param("1-0:1.7.0(-0001.5*kW)", "1-0:1.7.0", -1.5, "kW", id="negative"),
        pytest.param("1-0:1.7.0(0001,5*kW)", "1-0:1.7.0", 1.5, "kW", id="decimal-comma"),
        pytest.param("1.8.0(0012345.6*kWh)", "1.8.0", 12345.6, "kWh", id="reduced-code"),
        pytest.param("1.8.0*01(0012345.6*kWh)", "1.8.0*01", 12345.6, "kWh", id="of-an-earlier-month"),
        pytest.param("F.F(00000000)", "F.F", 0, None, id="fault-word"),
        pytest.param("C.1.0(01234567)", "C.1.0", "01234567", None, id="serial-number-keeps-its-zeros"),
        pytest.param("0-0:96.1.1(12345)", "0-0:96.1.1", "12345", None, id="identifier-of-digits"),
        pytest.param("0-0:96.13.0()", "0-0:96.13.0", None, None, id="empty"),
        pytest.param("1-0:1.8.0(1234567890123456)", "1-0:1.8.0", "1234567890123456", None, id="too-many-digits-for-a-number"),
        pytest.param("1-0:1.8.0(ERR*kWh)", "1-0:1.8.0", "ERR", "kWh", id="text-with-a-unit"),
    ],
)
def test_a_value_is_a_number_or_the_text_that_was_sent(line: str, code: str, value: object, unit: str | None) -> None:
    found = entry(f"{line}\r\n", code)
    assert (found["value"], found["unit"], type(found["value"])) == (value, unit, type(value))


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        pytest.param("161113205757W", "2016-11-13T20:57:57+01:00", id="winter"),
        pytest.param("200426223325S", "2020-04-26T22:33:25+02:00", id="summer"),
        pytest.param("161107190000", "2016-11-07T19:00:00", id="without-a-letter-it-is-local"),
        pytest.param("000101010000W", "2000-01-01T01:00:00+01:00", id="factory-date"),
        pytest.param("700101010000W", "1970-01-01T01:00:00+01:00", id="factory-date-of-unix"),
        pytest.param("632525252525W", None, id="no-such-date"),
        pytest.param("000000000000", None, id="zeros"),
    ],
)
def test_a_time_stamp_belongs_to_the_value_behind_it(stamp: str, time: str | None) -> None:
    found = entry(f"0-1:24.2.1({stamp})(00012.345*m3)\r\n", "0-1:24.2.1")
    assert (found["value"], found["time"]) == (12.345, time)
    assert time is None or time[-6] not in "+-" or rfc3339_ms(time) is not None


def test_twelve_digits_alone_are_no_time() -> None:
    found = entry("1-0:97.97.0(161107190000)\r\n", "1-0:97.97.0")
    assert (found["value"], found["time"]) == (161107190000, None)


def test_a_list_keeps_each_value_with_the_time_before_it() -> None:
    body = "1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)(0000237126*s)(000102000003W)(0000000012*s)\r\n"
    values = obis(telegram(body))["1-0:99.97.0"]["values"]
    assert [value["value"] for value in values] == [2, "0-0:96.7.19", "000104180320W", 237126, "000102000003W", 12]
    assert [value["time"] for value in values if value["unit"] == "s"] == [
        "2000-01-04T18:03:20+01:00",
        "2000-01-02T00:00:03+01:00",
    ]


def test_a_meter_behind_an_old_one_is_found_under_the_code_it_names() -> None:
    """DSMR 2 and 3 put unit and value of a gas or water meter in two lines."""
    body = "0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)\r\n0-1:24.4.0(1)\r\n"
    expected = {"value": 1.001, "unit": "m3", "time": "2016-11-07T19:00:00", "text": "00001.001"}
    assert entry(body, "0-1:24.3.0") == entry(body, "0-1:24.2.1") == expected


def test_a_code_of_the_present_value_is_found_in_both_forms() -> None:
    document = obis(telegram("1-0:1.8.0*255(1.5*kWh)\r\n"))
    assert document["1-0:1.8.0*255"] == document["1-0:1.8.0"]


def test_junk_around_a_telegram_is_left_out() -> None:
    noisy = b"\x00\xff)half(a line\r\n" + telegram() + b"25803103\r\n\xff\xff(1)\r\n9-9:9.9.9(1)\r\n"
    assert obis(noisy).keys() == {"header", "1-0:1.8.1"}


def test_lines_alone_need_neither_header_nor_end() -> None:
    document = obis(b"\x020.0.0(12345678)1.8.0(000012.5*kWh)\r\n2.8.0(000000.0*kWh)\r\n!\r\n\x03")
    assert (document["header"], document["1.8.0"]["value"], document["2.8.0"]["value"]) == (None, 12.5, 0.0)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        pytest.param(telegram()[:30], "cut off", id="cut-off"),
        pytest.param(b"", "no line has an OBIS code", id="empty"),
        pytest.param(b"hello (world)", "no line has an OBIS code", id="other-text"),
        pytest.param(b"1.8.0(12", "no line has an OBIS code", id="a-value-cut-in-two"),
        pytest.param(b"1.8.0" + b"()" * (VALUES_MAX + 1), "more than 5000 values", id="endless-list"),
    ],
)
def test_what_is_no_telegram_is_a_bad_payload(payload: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=says) as why:
        obis(payload)
    assert why.value.reason is RejectReason.BAD_PAYLOAD


@each_row("piece", [b"a", b"(", b")", b"1.8.0", b"(1)", b"*", b"/XYZ5", b"\n!", b"\n/XYZ5a\n", b"()\n"])
def test_a_quarter_of_a_mebibyte_of_anything_does_not_hang(piece: bytes) -> None:
    """Whoever makes this quadratic will see it: the test takes minutes then."""
    for payload in (piece * (262144 // len(piece)), telegram(piece.decode() * 10_000)):
        try:
            obis(payload)
        except Undecodable:
            continue


@given(st.text(alphabet="/!()*.:-&0123456789WSkm\r\n\\", max_size=120))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    for body in (text.encode(), telegram(text)):
        try:
            document = obis(body)
        except Undecodable:
            continue
        assert all(
            {"value", "unit", "time", "text", "values"} == entry.keys() for code, entry in document.items() if code != "header"
        )
