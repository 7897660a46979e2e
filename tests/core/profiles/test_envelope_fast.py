"""The usual message of an envelope, read in one call: the same as when it is unwrapped on the slow path, or left to that."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.plain import json_object
from gateway.core.message import Undecodable
from gateway.core.profiles.envelope_fast import Unwrapped, compile_plain
from gateway.core.profiles.envelopes import Envelope, Envelopes
from gateway.core.profiles.recognition import Ignored
from schemas.envelope import EnvelopeSpec
from tests.core.profiles.test_envelopes import CORPORA, ENVELOPES, MESSAGES, ODD, SPECS, changed, rows
from tests.rows import each_row

SIMPLE: dict[str, Any] = {"envelope": "own", "when": {"/id": "present"}, "device": "/id", "payload": "/data"}


def plainly(message: bytes) -> list[Unwrapped]:
    """Read a message by those envelopes for which it is usual."""
    found = []
    for envelope in ENVELOPES.of(None):
        row = envelope.plain.row(message) if envelope.plain is not None else None
        if envelope.plain is not None and row is not None and envelope.plain.is_usual(row, message):
            found.append(envelope.plain.document(row, message, ""))
    return found


def whole(document: Unwrapped) -> Unwrapped:
    """Work out what few ask for, the raw message and the radio signal."""
    _ = document["rssi"]
    return document


def on_the_slow_path(message: bytes) -> dict[str, Any] | Ignored | None:
    """Read a message by the envelope that recognises it, on the slow path; None if there is none."""
    try:
        raw = json_object(message)
        envelope = ENVELOPES.find(raw)
        return envelope.unwrap(raw) if envelope is not None else None  # type: ignore[arg-type] # an object, if it is found
    except Undecodable:
        return None


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not there")
def test_nearly_every_recorded_uplink_is_usual_and_comes_to_the_same() -> None:
    usual = 0
    uplinks = [json.dumps(row["payload"]).encode() for row in rows("lorawan_uplinks.jsonl")]
    for uplink in uplinks:
        found = plainly(uplink)
        assert all(whole(document) == on_the_slow_path(uplink) for document in found)
        usual += len(found)
    assert usual > 0.8 * len(uplinks)


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_whatever_is_sent_comes_to_the_same_or_is_not_usual(name: str, data: st.DataObject) -> None:
    message = copy.deepcopy(MESSAGES[name])
    part: Any = message
    while True:
        key = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and data.draw(st.booleans())):
            break
        part = part[key]
    part[key] = data.draw(ODD)
    body = json.dumps(message).encode()
    for document in plainly(body):
        assert whole(document) == on_the_slow_path(body)


def test_the_usual_message_of_nearly_every_server_is_read_in_one_call() -> None:
    assert {envelope.name for envelope in ENVELOPES.of(None) if envelope.plain is None} == {"chirpstack_v3"}


@each_row(
    "change",
    [
        pytest.param({"when": {"/id": "present", "/kind": "present"}, "data_when": {"/kind": "up"}}, id="a-word-is-there"),
        pytest.param({"data_when": {"any_present": ["/id", "/x"]}}, id="the-device-is-there"),
        pytest.param({"data_when": {"any_present": ["/kind", "/x"], "/kind": ["up", "down"]}}, id="one-of-words-is-there"),
        pytest.param({"data_when": {"any_present": ["/data", "/x"]}}, id="a-frame-is-there"),
        pytest.param({"device": "/a/id", "when": {"/a": "map", "/a/id": "present"}}, id="the-device-is-in-a-map"),
        pytest.param({"device": "/a/id", "when": {"/a": "present"}}, id="what-holds-the-device-is-there"),
        pytest.param({"time": "/at", "model": "/m", "port": "/p", "frame_counter": "/c", "decoded": "/d"}, id="all-parts"),
    ],
)
def test_what_holds_wherever_a_frame_is_needs_no_slow_path(change: dict[str, Any]) -> None:
    assert compile_plain(EnvelopeSpec.model_validate(SIMPLE | change)) is not None


def test_an_envelope_may_ask_that_something_is_absent() -> None:
    own = Envelope(EnvelopeSpec.model_validate({**SIMPLE, "when": {"/id": "present", "/error": "absent"}}))
    assert own.recognises({"id": "a"})
    assert not own.recognises({"id": "a", "error": 1})
    assert not own.recognises({"error": None})
    assert own.plain is not None
    assert own.plain.row(b'{"id": "a", "data": "AQ=="}') is not None
    assert own.plain.row(b'{"id": "a", "data": "AQ==", "error": 1}') is None


def test_a_frame_in_hexadecimal_and_further_places_are_read_in_one_call_too() -> None:
    first_of = {"first_of": ["/a", "/b"]}
    spec = {**SIMPLE, "payload": {"path": "/data", "encoding": "hex"}, "time": first_of, "model": {"first_of": ["/m", "/n"]}}
    own = Envelope(EnvelopeSpec.model_validate(spec))
    assert own.plain is not None
    row = own.plain.row(b'{"id": "x", "data": "01ff", "b": 5, "n": "N"}')
    assert row == ("x", b"\1\xff", None, None, None, 5, "N")
    assert own.plain.row(b'{"id": "x", "data": "01ff", "a": 4, "b": 5, "m": "M", "n": "N"}') == (
        "x",
        b"\1\xff",
        None,
        None,
        None,
        4,
        "M",
    )
    assert own.plain.row(b'{"id": "x", "data": "no"}') is None, "the slow path tells what is wrong"
    unframed = own.plain.row(b'{"id": "x"}')
    assert unframed is not None
    assert not own.plain.is_usual(unframed, b"{}")


def test_commands_of_the_network_are_left_to_the_slow_path() -> None:
    own = Envelope(EnvelopeSpec.model_validate({**SIMPLE, "lorawan": True, "port": "/port", "decoded": "/decoded"}))
    assert own.plain is not None

    def is_usual(text: str) -> bool:
        row = own.plain.row(text.encode()) if own.plain is not None else None
        return row is not None and own.plain is not None and own.plain.is_usual(row, text.encode())

    assert is_usual('{"id": "x", "data": "AQ==", "port": 1}')
    assert not is_usual('{"id": "x", "data": "AQ==", "port": 0}')
    assert not is_usual('{"id": "x", "data": "AQ=="}')
    assert is_usual('{"id": "x", "data": "AQ==", "decoded": {"a": 1}}')
    assert not is_usual('{"id": "x", "data": "AQ==", "port": 1, "decoded": [1]}')
    assert not is_usual('{"id": "", "data": "AQ==", "port": 1}')
    assert not is_usual('{"id": "x", "data": "AQ==", "port": 1, "n": ' + "1" * 400 + "}")


def test_what_few_ask_for_is_worked_out_when_it_is() -> None:
    (document,) = plainly(json.dumps(MESSAGES["chirpstack_v4"]).encode())
    assert "raw" not in document
    assert (document["rssi"], document["snr"]) == (-71, 9.5)
    assert document["raw"] == MESSAGES["chirpstack_v4"]
    assert (document | {"codec": {}})["raw"] is document["raw"]
    with pytest.raises(KeyError):
        document["codec"]


def test_a_key_that_stands_twice_in_a_flat_envelope_is_no_fault_once_it_was_read() -> None:
    message = json.dumps(MESSAGES["loriot_rx"] | {"z": 1}).replace('"z": 1', '"z": 1, "z": 2').encode()
    (document,) = plainly(message)
    assert document["raw"]["z"] == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"device": "/list[0]/id"}, id="a-place-in-a-list"),
        pytest.param({"payload": {"path": {"first_of": ["/data", "/other"]}}}, id="two-places-of-the-bytes"),
        pytest.param({"payload": {"path": "/data", "encoding": "list"}}, id="bytes-as-numbers"),
        pytest.param({"when": {"/id": "*7*"}}, id="a-test-that-no-type-stands-for"),
        pytest.param({"data_when": {"any_present": ["/x", "/y"]}}, id="one-of-two-that-a-document-does-not-need"),
        pytest.param({"port": "/id/port"}, id="something-below-a-text"),
        pytest.param({"time": {"path": "/at", "format": "unix_s"}}, id="a-time-with-a-format"),
        pytest.param({"when": {"/id": "present", "/kind": {"is": ["up"], "type": ["number"]}}}, id="a-text-or-a-number"),
        pytest.param({"port": "/id"}, id="two-parts-at-one-place"),
        pytest.param({"when": {"/id": "present", "/x": "present"}}, id="something-that-no-frame-needs"),
    ],
)
def test_an_envelope_that_is_not_simple_always_takes_the_slow_path(change: dict[str, Any]) -> None:
    assert compile_plain(EnvelopeSpec.model_validate(SIMPLE)) is not None
    assert compile_plain(EnvelopeSpec.model_validate(SIMPLE | change)) is None


def read_by(envelopes: Envelopes, raw: dict[str, Any]) -> object:
    """Read a message by its envelope on both ways; or tell what is wrong with it."""
    envelope = envelopes.find(raw, "lorawan")
    if envelope is None:
        return None
    try:
        slow = envelope.unwrap(raw)
    except Undecodable as why:
        return why.reason, why.detail
    body = json.dumps(raw).encode()
    row = envelope.plain.row(body) if envelope.plain is not None else None
    if envelope.plain is None or row is None or not envelope.plain.is_usual(row, body):
        return slow, None
    quick = envelope.plain.document(row, body, "")
    return slow, {**quick, "rssi": quick["rssi"], "snr": quick["snr"]}


def test_an_envelope_is_the_same_whenever_it_is_compiled() -> None:
    odd = [
        changed("chirpstack_v4", fCnt="12", fPort=1.0),
        changed("chirpstack_v4", fPort="x"),
        changed("chirpstack_v4", fPort=[1]),
        changed("loriot_gw", gws=[{"rssi": -90, "snr": "x"}], rssi=-80, snr=1),
        changed("chirpstack_v4", fCnt=None, fPort=None, time=None),
        changed("chirpstack_v4", fPort=0, data="AQ=="),
        changed("chirpstack_v4", rxInfo=[{"rssi": "x"}, {"rssi": -120}, {"rssi": "-90.5", "snr": "2"}, {"rssi": -110}]),
        changed("chirpstack_v4", object={"battery": 100}, data=None),
        changed("chirpstack_v4", object=[1]),
        changed("chirpstack_v4", data="no!"),
        changed("chirpstack_v4", deviceInfo__devEui="A8-40-41-FF-FF-18-C7-D2"),
        changed("chirpstack_v4", deviceInfo__devEui="qEBB//8Yx9I="),
        changed("chirpstack_v4", deviceInfo__devEui=""),
        changed("chirpstack_v3", objectJSON='{"battery": 100}'),
        changed("chirpstack_v3", objectJSON="{"),
        changed("things_stack_v3", uplink_message__decoded_payload={"t": 1}),
        changed("things_stack_v3", end_device_ids__dev_eui=None, end_device_ids__device_id="Water-Meter"),
        changed("loriot_gw", gws=[], rssi=-80, snr=1),
        changed("loriot_rx", cmd="txd"),
        changed("thingpark", DevEUI_uplink__FPort="0"),
        changed("thingpark", DevEUI_uplink__payload_hex="0g"),
    ]
    anew = Envelopes(map(Envelope, SPECS))
    for raw in (*MESSAGES.values(), *odd):
        assert read_by(anew, raw) == read_by(ENVELOPES, raw), raw
