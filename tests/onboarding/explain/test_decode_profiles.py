"""``gateway decode`` as people and scripts call it: which profile is asked, each step in words, and the fixed form in JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.core.making import NOW_MS
from tests.decode_command import DecodeCommand
from tests.site import OWN, RADIO

KEYS = ["device", "profile", "decoded", "points", "duplicates", "dropped", "ignored", "reject"]
"""Those of CONTRACT, section 9, in their order, and the duplicates."""

EUI = "0011223344556677"
UPLINK = f"application/1/device/{EUI}/event/up"
FRAME = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-01T00:00:00Z", "fPort": 99, "fCnt": 7, "data": "AQI="}


# The fixed form.


def test_a_row_has_the_fixed_form(decode: DecodeCommand) -> None:
    (result,) = decode.rows({"topic": UPLINK, "payload": FRAME}, options=("--profile", "mine"))
    assert list(result) == KEYS
    assert (result["device"], result["profile"], result["dropped"], result["ignored"], result["reject"]) == (
        EUI,
        "mine",
        [],
        None,
        None,
    )
    assert result["points"] == [
        {"measurement": "water", "tags": {"device": EUI}, "time_ms": 1793491200000, "fields": {"ph": 7.0, "quality": 0}}
    ]
    seen = result["decoded"]
    assert (seen["codec"], seen["payload"], seen["port"], seen["frame_counter"]) == ({"ph": 7}, "0102", 99, 7)
    assert "raw" not in seen


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            {"topic": "iot/v1/s1/water/m1/readings", "payload": {"ts": NOW_MS, "ph": 7, "flow_m3_h": "x", "nobody": 1}},
            {
                "device": "m1",
                "profile": "native",
                "points": [
                    {
                        "measurement": "water",
                        "tags": {"device": "m1", "site": "s1"},
                        "time_ms": NOW_MS,
                        "fields": {"ph": 7.0, "quality": 2},
                    }
                ],
                "dropped": [{"path": "flow_m3_h", "cause": "wrong_type"}, {"path": "nobody", "cause": "unknown_key"}],
            },
            id="native",
        ),
        pytest.param(
            {"topic": "own/d1/pump", "payload": {"ph": 99}},
            {"device": "d1", "profile": "pump", "points": [], "dropped": [{"path": "/ph", "cause": "out_of_bounds"}]},
            id="only-drops",
        ),
        pytest.param(
            {"topic": "own/d1/pump", "payload": {"ph": 7}, "retain": True},
            {"device": "d1", "profile": "pump", "points": [], "ignored": "retained", "reject": None},
            id="retained",
        ),
        pytest.param(
            {"topic": "iot/v1/s1/water/m1/status", "payload": {"state": "online"}},
            {"device": "m1", "points": [], "ignored": "status", "reject": None},
            id="status",
        ),
        pytest.param(
            {"topic": UPLINK, "payload": {**FRAME, "data": ""}},
            {"points": [], "ignored": "not_data", "reject": None},
            id="no-frame",
        ),
        pytest.param(
            {"topic": "nobody/x", "payload": "text"},
            {"device": None, "profile": None, "decoded": None, "points": [], "ignored": None},
            id="nobodys",
        ),
    ],
)
def test_what_becomes_of_a_row(decode: DecodeCommand, row: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    (result,) = decode.rows(row)
    assert {key: result[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"topic": "nobody/x", "payload": {}}, "unknown_topic", id="topic"),
        pytest.param({"topic": "own/d1/pump", "payload": "{"}, "bad_json", id="json"),
        pytest.param({"topic": "own/d1/pump", "payload_hex": "ff"}, "not_utf8", id="utf8"),
        pytest.param({"topic": "own/d1/pump", "payload": {}}, "no_quantity", id="nothing"),
        pytest.param({"topic": UPLINK, "payload": {**FRAME, "fPort": 1}}, "unknown_device", id="a-family-nobody-registered"),
        pytest.param({"topic": UPLINK, "payload": {**FRAME, "data": "!"}}, "bad_payload", id="bytes"),
    ],
)
def test_a_row_that_cannot_become_data_has_its_reason_in_a_sentence(
    decode: DecodeCommand, row: Mapping[str, Any], reason: str
) -> None:
    (result,) = decode.rows(row)
    assert (list(result), result["points"], result["reject"]["reason"]) == (KEYS, [], reason)
    assert result["reject"]["detail"]


def test_rows_are_taken_in_order_and_with_state(decode: DecodeCommand) -> None:
    """A copy of a radio frame, a reading that came before, a counter that went back."""
    copy = {**FRAME, "time": "2026-11-01T00:00:48Z"}
    radio = decode.rows(*({"topic": UPLINK, "payload": each} for each in (FRAME, copy)), options=("--profile", "mine"))
    assert [(len(each["points"]), each["duplicates"]) for each in radio] == [(1, 0), (0, 1)]
    registers = decode.rows(
        *(
            {"topic": "iot/v1/s1/water/m1/readings", "payload": {"ts": NOW_MS + at, "volume_m3": value}}
            for at, value in ((0, 5), (1000, 4), (1000, 4))
        )
    )
    assert [each["points"][0]["fields"]["quality"] if each["points"] else None for each in registers] == [0, 4, None]


@pytest.mark.parametrize(("options", "expected"), [((), [None] * 5), (("--sums",), [500.0, None, None, 500.2, 500.3])])
def test_sums_of_counters_are_shown_where_they_are_asked_for(
    decode: DecodeCommand, options: tuple[str, ...], expected: list[float | None]
) -> None:
    rows = decode.rows(
        *(
            {"topic": "iot/v1/s1/water/m1/readings", "payload": {"ts": NOW_MS + 1000 * at, "volume_m3": value}}
            for at, value in enumerate((500, 0, 0.1, 0.2, 0.3))
        ),
        options=options,
    )
    assert [row["points"][0]["fields"].get("volume_sum_m3") for row in rows] == expected


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"payload": {"ph": 7}}, id="json"),
        pytest.param({"payload": '{"ph": 7}'}, id="text"),
        pytest.param({"payload_hex": b'{"ph": 7}'.hex()}, id="hex"),
        pytest.param({"payload_base64": "eyJwaCI6IDd9"}, id="base64"),
        pytest.param({"hex": b'{"ph": 7}'.hex()}, id="hex-as-in-tests"),
        pytest.param({"base64": "eyJwaCI6IDd9"}, id="base64-as-in-tests"),
        pytest.param({"payload": {"ph": 7}, "note": "of ours", "retain": False}, id="further-keys"),
    ],
)
def test_a_row_writes_its_payload_in_one_of_these_ways(decode: DecodeCommand, payload: Mapping[str, Any]) -> None:
    (result,) = decode.rows({"topic": "own/d1/pump", **payload})
    assert result["points"][0]["fields"] == {"ph": 7.0, "quality": 1}
    assert result["points"][0]["time_ms"] == NOW_MS


def test_rows_may_come_from_a_file_with_empty_lines_and_a_byte_order_mark(decode: DecodeCommand) -> None:
    row = {"topic": "own/d1/pump", "payload": {"ph": 7}}
    file = decode.site.folder / "rows.jsonl"
    file.write_text(f"{json.dumps(row)}\n\n{json.dumps(row)}\n", encoding="utf-8-sig")
    status, out, _ = decode.run("--jsonl", "--json", str(file))
    assert (status, len(out.splitlines())) == (0, 2)


def test_what_json_cannot_show_is_shown_as_text(decode: DecodeCommand) -> None:
    decode.site.profile("any", OWN.replace("points:", "decode: cbor\npoints:").replace("payload: {ph: 7}", "hex: a162706807"))
    (result,) = decode.rows({"topic": "own/d1/any", "payload_hex": "a3627068076162420102616ef97e00"})
    assert result["decoded"] == {"ph": 7, "b": "0102", "n": "nan"}


# What is asked.


@pytest.mark.parametrize("meant", ["mine", "profiles/mine.yaml"], ids=["name", "file"])
def test_only_the_profile_that_is_meant_is_asked(decode: DecodeCommand, meant: str) -> None:
    meant = str(decode.site.folder / meant) if "/" in meant else meant
    ours, other = decode.rows(
        {"topic": UPLINK, "payload": FRAME}, {"topic": "own/d1/pump", "payload": {}}, options=("--profile", meant)
    )
    assert (ours["profile"], ours["reject"]) == ("mine", None)
    assert (other["profile"], other["reject"]["reason"]) == (None, "unknown_topic")


def test_a_profile_may_be_meant_by_a_model_and_its_device_need_not_be_registered(decode: DecodeCommand) -> None:
    frame = {**FRAME, "fPort": 85, "data": "AXVkA3sKAA=="}
    (result,) = decode.rows({"topic": UPLINK, "payload": frame}, options=("--profile", "EM500-PP"))
    assert result["profile"] == "milesight-em500-pp"
    assert result["points"][0]["fields"]["pressure_kpa"] == 10.0


def test_all_that_is_shipped_is_asked_where_no_profile_is_meant(decode: DecodeCommand) -> None:
    payload = {"Time": "2026-11-01T07:00:00", "ENERGY": {"Total": 3.5}}
    (result,) = decode.rows({"topic": "tele/plug/SENSOR", "payload": payload})
    assert (result["profile"], result["points"][0]["fields"]["energy_import_kwh"]) == ("tasmota-energy", 3.5)


def test_another_registry_may_be_given(decode: DecodeCommand) -> None:
    file = decode.site.folder / "other.yaml"
    file.write_text("areas: {w7: Ward 7}\ndevices: [{id: d1, site: q1, area: w7}]")
    (result,) = decode.rows({"topic": "own/d1/pump", "payload": {"ph": 7}}, options=("--registry", str(file)))
    assert result["points"][0]["tags"] == {"area": "w7", "device": "d1", "site": "q1"}


# In words.


def test_each_step_is_told_in_words(decode: DecodeCommand) -> None:
    lines = decode.text(FRAME, UPLINK, "--profile", "mine")
    assert lines[:6] == [
        f"topic     {UPLINK}",
        f"device    {EUI}",
        "envelope  chirpstack_v4",
        "profile   mine: --profile names it",
        "          profiles/mine.yaml",
        'codec     mine.js gave {"ph": 7}',
    ]
    assert "step      ph from /codec/ph: 7" in lines
    assert f"point     water device={EUI}" in lines
    assert any(line.startswith("          ph=7.0 quality=") for line in lines)


@pytest.mark.parametrize(
    ("payload", "topic", "told"),
    [
        pytest.param({"ph": 99}, "own/d1/pump", ["dropped   /ph: ", "reject    no_quantity: ", "fix       "], id="dropped"),
        pytest.param(
            {},
            "nobody/x",
            ["device    not known", "profile   none takes", "reject    unknown_topic: ", "fix       "],
            id="nobody",
        ),
        pytest.param(
            {**FRAME, "object": {"ph": 6}}, UPLINK, ["codec     mine.js was not called; the network server gave "], id="decoded"
        ),
        pytest.param({**FRAME, "data": ""}, UPLINK, ["ignored   "], id="ignored"),
        pytest.param({"ph": 7}, "iot/v1/s1/water/m1/readings", ["device    m1", "profile   native", "decoded   "], id="native"),
    ],
)
def test_what_happened_is_told_with_how_to_fix_it(decode: DecodeCommand, payload: object, topic: str, told: list[str]) -> None:
    lines = decode.text(payload, topic)
    assert [begin for begin in told if not any(line.startswith(begin) for line in lines)] == [], lines


def test_a_codec_that_fails_is_told(decode: DecodeCommand) -> None:
    decode.site.profile("mine", RADIO, mine="function decodeUplink() { throw new TypeError('no such port'); }")
    lines = decode.text(FRAME, UPLINK, "--profile", "mine")
    assert any(line.startswith("reject    profile_error: profile mine: its codec: TypeError: no such port") for line in lines)


def test_a_codec_that_is_not_run_on_this_machine_is_told_with_the_reason(
    decode: DecodeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(__file__).parents[2] / "ingest" / "codecs" / "unprotected_worker.py"
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", program)
    decode.site.profile("mine", RADIO, mine="function decodeUplink() { return {data: {ph: 7}}; }")
    lines = decode.text(FRAME, UPLINK, "--profile", "mine")
    assert any(line.startswith("warning   codecs are not run: on this machine neither Landlock nor seccomp") for line in lines)
    assert "waits     in quarantine (codec) for mine.js" in lines


def test_each_item_of_a_codecs_list_is_told_as_a_reading_of_its_own(decode: DecodeCommand) -> None:
    source = "function decodeUplink(i) { return {data: [{ph: 7}, {ph: 6, at: i.recvTime - 60000}]}; }"
    timed = "time: [{path: /codec/at, format: unix_ms}, {path: /time, format: rfc3339}, arrival]\npoints:"
    decode.site.profile("mine", RADIO.replace("points:", timed), mine=source)
    lines = [line for line in decode.text(FRAME, UPLINK, "--profile", "mine") if line.startswith(("item", "step", "reject"))]
    assert [line for line in lines if line.startswith("item")] == [
        "item      1 of 2, a reading of its own",
        "item      2 of 2, a reading of its own",
    ]
    assert [line for line in lines if "ph from" in line] == ["step      ph from /codec/ph: 7", "step      ph from /codec/ph: 6"]
    (result,) = decode.rows({"topic": UPLINK, "payload": FRAME, "arrival_ms": NOW_MS}, options=("--profile", "mine"))
    assert [(point["fields"]["ph"], point["time_ms"]) for point in result["points"]] == [
        (7.0, 1793491200000),
        (6.0, 1793491140000),
    ]


def test_what_a_codec_remarks_is_told(decode: DecodeCommand) -> None:
    decode.site.profile("mine", RADIO, mine="function decodeUplink() { return {data: {ph: 7}, warnings: ['battery low']}; }")
    assert "warning   battery low" in decode.text(FRAME, UPLINK, "--profile", "mine")
    (result,) = decode.rows({"topic": UPLINK, "payload": FRAME}, options=("--profile", "mine"))
    assert result["warnings"] == ["battery low"]


# Exit status and bad input.


@pytest.mark.parametrize(
    ("options", "data", "status"),
    [
        pytest.param((), b'{"ph": 7}', 0, id="json"),
        pytest.param(("--hex",), b"7b227068 223a20\n377d\n", 0, id="hex-with-blanks"),
        pytest.param(("--base64",), b"eyJwaCI6\nIDd9\n", 0, id="base64-in-lines"),
        pytest.param((), b"{", 1, id="rejected"),
        pytest.param(("--hex",), b"7b2", 2, id="half-a-byte"),
        pytest.param(("--hex",), b"\xff\xfe", 2, id="no-hex"),
        pytest.param(("--base64",), b"!!!!", 2, id="no-base64"),
    ],
)
def test_one_payload_comes_as_it_is_or_in_hex_or_base64(
    decode: DecodeCommand, options: tuple[str, ...], data: bytes, status: int
) -> None:
    got, out, err = decode.run("--topic", "own/d1/pump", "--json", *options, data=data)
    assert got == status
    assert bool(err) is (status == 2)
    assert status or json.loads(out)["points"][0]["fields"]["ph"] == 7.0


def test_of_many_rows_one_that_is_rejected_is_enough(decode: DecodeCommand) -> None:
    rows = [{"topic": "own/d1/pump", "payload": payload} for payload in ({"ph": 7}, "{", {"ph": 7})]
    status, out, _ = decode.run("--jsonl", "--json", data="\n".join(map(json.dumps, rows)).encode())
    assert (status, len(out.splitlines())) == (1, 3)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param("{", "document: is not JSON: ", id="no-json"),
        pytest.param("[1]", "document: is not a JSON object", id="no-object"),
        pytest.param("null", "document: is not a JSON object", id="null"),
        pytest.param('{"payload": 1}', "topic: Field required", id="no-topic"),
        pytest.param('{"topic": 5, "payload": 1}', "topic: ", id="topic-is-a-number"),
        pytest.param('{"topic": "\\ud800", "payload": 1}', "document: ", id="topic-is-no-unicode"),
        pytest.param('{"topic": "t"}', "document: give payload, payload_hex or payload_base64", id="no-payload"),
        pytest.param('{"topic": "t", "payload_hex": "0"}', "document: is not hexadecimal", id="half-a-byte"),
        pytest.param('{"topic": "t", "payload_hex": 5}', "payload_hex: ", id="hex-is-a-number"),
        pytest.param('{"topic": "t", "payload_base64": "!"}', "document: is not base64", id="no-base64"),
        pytest.param('{"topic": "t", "payload": 1, "arrival_ms": "noon"}', "arrival_ms: ", id="arrival-is-text"),
        pytest.param('{"topic": "t", "payload": 1, "arrival_ms": 1e400}', "arrival_ms: ", id="arrival-is-infinite"),
        pytest.param('{"topic": "t", "payload": 1, "arrival_ms": -1}', "arrival_ms: ", id="arrival-is-negative"),
        pytest.param('{"topic": "t", "payload": ' + "[" * 100_000 + "]" * 100_000 + "}", "document: ", id="too-deep"),
    ],
)
def test_a_faulty_row_is_told_with_its_line(decode: DecodeCommand, row: str, fault: str) -> None:
    good = '{"topic": "own/d1/pump", "payload": {"ph": 7}}'
    status, out, err = decode.run("--jsonl", "--json", data=f"{good}\n{row}\n".encode())
    assert (status, len(out.splitlines()), len(err.splitlines())) == (2, 1, 1)
    assert err.startswith(f"standard input: line 2: {fault}")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        pytest.param((), "--topic: name the topic: the payload is neither", id="no-topic"),
        pytest.param(("--topic", "t", "no-such-file"), "no-such-file: document: cannot be read: ", id="no-file"),
        pytest.param(
            ("--topic", "t", "--profile", "nobody"), "--profile: there is no profile nobody; the profiles are ", id="no-profile"
        ),
        pytest.param(("--topic", "t", "--registry", "no.yaml"), "no.yaml: document: does not exist", id="no-registry"),
        pytest.param(("--topic", "\udcff"), "standard input: document: ", id="topic-is-no-unicode"),
    ],
)
def test_a_fault_of_the_call_is_told(decode: DecodeCommand, options: tuple[str, ...], fault: str) -> None:
    status, out, err = decode.run(*options, data=b"{}")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(fault)


def test_a_faulty_profile_is_told_before_anything_is_decoded(decode: DecodeCommand) -> None:
    decode.site.profile("broken", OWN.replace("/ph}", "/ph, pH: /x}"))
    status, out, err = decode.run("--topic", "own/d1/pump", data=b"{}")
    assert (status, out) == (2, "")
    assert err.startswith("profiles/broken.yaml: points.0.fields.pH: ")
