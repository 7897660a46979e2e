"""Envelopes: what network servers wrap around a frame, and the one form that all of them are read into."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import gateway
from gateway.core.message import Undecodable
from gateway.core.profiles.envelopes import Envelope, Envelopes
from gateway.core.profiles.recognition import Ignored
from schemas.envelope import EnvelopeSpec
from schemas.rejects import RejectReason

SHIPPED = Path(gateway.__file__).parent / "profiles" / "envelopes"
CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
SPECS = [EnvelopeSpec.model_validate(yaml.safe_load(file.read_text())) for file in SHIPPED.glob("*.yaml")]
ENVELOPES = Envelopes(map(Envelope, SPECS))
NETWORKS = {
    "ChirpStack": {"chirpstack_v4", "chirpstack_v3"},
    "ThingsStackCommunity": {"things_stack_v3"},
    "ThingsStackIndustries": {"things_stack_v3"},
    "LORIOT": {"loriot"},
    "ThingPark": {"thingpark"},
    "ThingParkEnterprise": {"thingpark"},
    "HTTP": {"chirpstack_v3"},
}
"""What the corpus calls a network → the envelopes its messages are in."""

EUI = "a84041ffff18c7d2"
MESSAGES: dict[str, dict[str, Any]] = {
    "chirpstack_v4": {
        "time": "2026-03-04T05:06:07.123456789+00:00",
        "deviceInfo": {"devEui": EUI, "deviceProfileName": "Meter X", "tags": {}},
        "fCnt": 7,
        "fPort": 85,
        "data": "AXVk",
        "rxInfo": [{"gatewayId": "b1", "rssi": -110, "snr": -2.5}, {"gatewayId": "b2", "rssi": -71, "snr": 9.5}],
    },
    "chirpstack_v3": {
        "applicationID": "1",
        "devEUI": "qEBB//8Yx9I=",
        "deviceProfileName": "Meter X",
        "rxInfo": [
            {"rssi": -71, "loRaSNR": 9.5, "time": "2026-03-04T05:06:07.123456789+00:00"},
            {"rssi": -110, "loRaSNR": -2.5},
        ],
        "fCnt": 7,
        "fPort": 85,
        "data": "AXVk",
    },
    "milesight": {
        "applicationID": 1,
        "devEUI": EUI,
        "time": "2026-03-04T05:06:07.123456789+00:00",
        "deviceProfileName": "Meter X",
        "rxInfo": [{"mac": "b2", "rssi": -71, "loRaSNR": 9.5}],
        "fCnt": 7,
        "fPort": 85,
        "data": "AXVk",
    },
    "things_stack_v3": {
        "end_device_ids": {"device_id": "meter-1", "dev_eui": EUI.upper()},
        "received_at": "2026-03-04T05:06:08Z",
        "uplink_message": {
            "f_port": 85,
            "f_cnt": 7,
            "frm_payload": "AXVk",
            "rx_metadata": [{"rssi": -71, "snr": 9.5}, {"rssi": -110, "snr": -2.5}],
            "received_at": "2026-03-04T05:06:07.123456789+00:00",
            "version_ids": {"brand_id": "maker", "model_id": "Meter X"},
        },
    },
    "loriot_rx": {
        "cmd": "rx",
        "EUI": EUI.upper(),
        "ts": 1772600767123,
        "fcnt": 7,
        "port": 85,
        "data": "017564",
        "rssi": -71,
        "snr": 9.5,
    },
    "loriot_gw": {
        "cmd": "gw",
        "EUI": EUI.upper(),
        "ts": 1772600767123,
        "fcnt": 7,
        "port": 85,
        "data": "017564",
        "gws": [{"rssi": -110, "snr": -2.5}, {"rssi": -71, "snr": 9.5}],
    },
    "thingpark": {
        "DevEUI_uplink": {
            "DevEUI": EUI.upper(),
            "Time": "2026-03-04T05:06:07.123456789+00:00",
            "FPort": "85",
            "FCntUp": "7",
            "payload_hex": "017564",
            "LrrRSSI": "-71.000000",
            "LrrSNR": "9.500000",
            "DriverCfg": {"mod": {"pId": "maker", "mId": "Meter X"}},
        }
    },
}


def opened(raw: dict[str, Any], only: str | None = "lorawan") -> dict[str, Any]:
    envelope = ENVELOPES.find(raw, only)
    assert envelope is not None
    found = envelope.unwrap(raw)
    assert isinstance(found, dict)
    return found


def changed(name: str, **changes: object) -> dict[str, Any]:
    """An example whose keys are changed (``__`` goes down a level); None takes a key away."""
    message = copy.deepcopy(MESSAGES[name])
    for path, value in changes.items():
        *above, key = path.split("__")
        part = message
        for level in above:
            part = part[level]
        if value is None:
            part.pop(key, None)
        else:
            part[key] = value
    return message


def rows(file: str) -> list[dict[str, Any]]:
    path = CORPORA / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("name", MESSAGES)
def test_one_frame_through_every_server_is_one_frame(name: str) -> None:
    frame = opened(MESSAGES[name])
    assert frame.pop("raw") is MESSAGES[name]
    assert frame.pop("time") in {"2026-03-04T05:06:07.123456789+00:00", 1772600767123}
    assert frame.pop("model") == (None if name.startswith("loriot") else "Meter X")
    assert frame == {
        "device": EUI,
        "payload": b"\x01\x75\x64",
        "decoded": None,
        "port": 85,
        "frame_counter": 7,
        "rssi": -71,
        "snr": 9.5,
    }


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_known_by_one_envelope(name: str) -> None:
    assert [envelope.name for envelope in ENVELOPES.of(None) if envelope.recognises(MESSAGES[name])] == [
        {"milesight": "chirpstack_v3", "loriot_rx": "loriot", "loriot_gw": "loriot"}.get(name, name)
    ]


@pytest.mark.parametrize(
    "raw", [None, 5, "text", [], [1], {}, {"cmd": "rx"}, {"deviceInfo": 5}, {"end_device_ids": "x"}], ids=repr
)
def test_what_is_no_network_servers_is_in_no_envelope(raw: object) -> None:
    assert ENVELOPES.find(raw) is None


@pytest.mark.parametrize(
    ("name", "decoded"),
    [
        pytest.param(changed("chirpstack_v4", object={"battery": 100}), {"battery": 100}, id="object"),
        pytest.param(changed("chirpstack_v4", object={"battery": 100}, data=None), {"battery": 100}, id="object-without-bytes"),
        pytest.param(changed("chirpstack_v3", objectJSON='{"battery": 100}'), {"battery": 100}, id="json-in-a-text"),
        pytest.param(changed("chirpstack_v3", objectJSON=""), None, id="empty-text"),
        pytest.param(changed("chirpstack_v3", objectJSON="{"), None, id="broken-json-beside-good-bytes"),
        pytest.param(changed("chirpstack_v4", object={}), None, id="empty-object"),
        pytest.param(changed("things_stack_v3", uplink_message__decoded_payload={"t": 1}), {"t": 1}, id="the-things-stack"),
        pytest.param(changed("thingpark", DevEUI_uplink__payload={"t": 1}), {"t": 1}, id="thingpark"),
    ],
)
def test_what_the_server_decoded_is_an_object(name: dict[str, Any], decoded: object) -> None:
    assert opened(name)["decoded"] == decoded


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        pytest.param(changed("chirpstack_v4", fCnt=None, fPort=None), {"port": 0, "frame_counter": 0}, id="left-out-is-zero"),
        pytest.param(changed("chirpstack_v4", fCnt="12", fPort=1.0), {"port": 1, "frame_counter": 12}, id="number-as-text"),
        pytest.param(changed("chirpstack_v4", time=None), {"time": None}, id="no-time"),
        pytest.param(changed("chirpstack_v4", rxInfo=None), {"rssi": None, "snr": None}, id="no-gateway"),
        pytest.param(changed("chirpstack_v4", rxInfo=[{}, 5, {"rssi": "x"}]), {"rssi": None, "snr": None}, id="odd-gateways"),
        pytest.param(
            changed("chirpstack_v4", rxInfo=[{"rssi": "x", "snr": 1}, {"rssi": "-90.5", "snr": "2"}]),
            {"rssi": -90.5, "snr": 2.0},
            id="numbers-as-text",
        ),
        pytest.param(changed("chirpstack_v4", rxInfo=[{"rssi": -90}]), {"rssi": -90, "snr": 0}, id="signal-left-out-is-zero"),
        pytest.param(changed("chirpstack_v4", deviceInfo__devEui="A8-40-41-FF-FF-18-C7-D2"), {"device": EUI}, id="eui-dashes"),
        pytest.param(
            changed("things_stack_v3", end_device_ids__dev_eui=None, end_device_ids__device_id="Water-Meter"),
            {"device": "water-meter"},
            id="a-device-without-eui",
        ),
        pytest.param(changed("loriot_gw", gws=[], rssi=-80, snr=1), {"rssi": -80, "snr": 1}, id="empty-list-of-gateways"),
    ],
)
def test_what_is_left_out_or_written_otherwise(raw: dict[str, Any], wanted: dict[str, object]) -> None:
    frame = opened(raw)
    assert {key: frame[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(changed("chirpstack_v4", data=None, rxInfo=None), id="join-or-acknowledgement"),
        pytest.param(changed("chirpstack_v4", data=""), id="empty-frame"),
        pytest.param(changed("chirpstack_v4", data=None, integrationName="x", object={"a": 1}), id="integration"),
        pytest.param(changed("chirpstack_v3", data=None), id="join-of-version-3"),
        pytest.param({"end_device_ids": {"device_id": "m"}, "join_accept": {"session_key_id": "x"}}, id="join-accept"),
        pytest.param(changed("loriot_rx", cmd="txd"), id="downlink-sent"),
        pytest.param({"DevEUI_downlink_Sent": {"DevEUI": EUI}}, id="downlink-sent-by-thingpark"),
    ],
)
def test_an_event_that_carries_no_frame_is_no_data(raw: dict[str, Any]) -> None:
    envelope = ENVELOPES.find(raw, "lorawan")
    assert envelope is not None
    assert isinstance(envelope.unwrap(raw), Ignored)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        pytest.param(changed("chirpstack_v4", data="not base64!"), "base64", id="payload-not-base64"),
        pytest.param(changed("chirpstack_v4", data=5), "base64", id="payload-a-number"),
        pytest.param(changed("loriot_rx", data="0g"), "hex", id="payload-not-hexadecimal"),
        pytest.param(changed("thingpark", DevEUI_uplink__DevEUI=None), "/DevEUI_uplink/DevEUI", id="no-device"),
        pytest.param(changed("chirpstack_v4", deviceInfo__devEui=7), "/deviceInfo/devEui", id="device-a-number"),
        pytest.param(changed("chirpstack_v4", fPort="x"), "port", id="port-a-word"),
        pytest.param(changed("chirpstack_v4", fCnt=[1]), "frame counter", id="counter-a-list"),
        pytest.param(changed("chirpstack_v4", fCnt="9" * 5000), "frame counter", id="counter-endless"),
    ],
)
def test_a_broken_message_is_a_bad_payload_that_says_what(raw: dict[str, Any], what: str) -> None:
    with pytest.raises(Undecodable, match=what) as why:
        opened(raw)
    assert why.value.reason is RejectReason.BAD_PAYLOAD


def test_an_envelope_of_ones_own_may_be_no_lorawan_at_all() -> None:
    text = """
      envelope: nb-iot
      topics: [nb/+/up]
      when: {/imei: present, /kind: [meter, "log*"]}
      data_when: {/kind: meter}
      device: /imei
      payload: {path: /frame, encoding: list}
      time: /at
    """
    own = Envelopes([Envelope(EnvelopeSpec.model_validate(yaml.safe_load(text)))])
    (envelope,) = own.of("nb-iot")
    assert envelope.topics == ("nb/+/up",)
    raw = {"imei": 860123456789012, "kind": "meter", "frame": [1, 255], "at": 1772600767}
    assert own.find(raw, "lorawan") is None
    assert own.find(raw, "nb-iot") is envelope
    frame = envelope.unwrap(raw)
    assert isinstance(frame, dict)
    assert (frame["device"], frame["payload"], frame["time"]) == ("860123456789012", b"\x01\xff", 1772600767)
    assert (frame["port"], frame["frame_counter"], frame["decoded"], frame["rssi"]) == (None, None, None, None)
    assert isinstance(envelope.unwrap({"imei": 1, "kind": "logfile"}), Ignored)
    assert own.find({"imei": 1, "kind": "other"}) is None


@pytest.mark.parametrize(
    ("time", "at"),
    [
        pytest.param("/at", 1788390574250, id="path"),
        pytest.param({"path": "/at"}, 1788390574250, id="mapping"),
        pytest.param({"first_of": ["/no", "/at"]}, 1788390574250, id="first-of"),
        pytest.param({"path": "/at", "format": "unix_ms"}, 1788390574250, id="milliseconds"),
        pytest.param({"path": {"first_of": ["/no", "/huawei"]}, "format": "%Y%m%dT%H%M%S%z"}, 1788390574000, id="pattern"),
        pytest.param({"path": "/local", "format": "%d/%m/%Y %H:%M", "zone": "+07:00"}, 1788390540000, id="zone"),
        pytest.param(
            {"first_of": ["/no", "/days"], "format": "unix_s", "epoch": "2020-01-01T00:00:00Z"}, 1577836805000, id="epoch"
        ),
        pytest.param({"path": "/local", "format": "unix_s"}, None, id="of-another-format"),
        pytest.param({"path": "/no", "format": "unix_s"}, None, id="not-there"),
    ],
)
def test_the_time_of_an_envelope_may_have_a_format(time: object, at: int | None) -> None:
    envelope = Envelope(
        EnvelopeSpec.model_validate({"envelope": "own", "when": {"/d": "present"}, "device": "/d", "time": time})
    )
    message = {"d": "m1", "at": 1788390574250, "huawei": "20260902T230934Z", "local": "03/09/2026 06:09", "days": 5}
    frame = envelope.unwrap(message)
    assert isinstance(frame, dict)
    assert frame["time"] == at


@pytest.mark.parametrize(
    ("time", "what"),
    [
        pytest.param({"path": "/at", "format": "unix_h"}, "time: 'unix_h' is not a time format", id="format"),
        pytest.param({"path": "/at", "format": "%d/%m"}, "time: .* has no zone", id="no-zone"),
        pytest.param({"path": "/at", "zone": "+7"}, r"time: '\+7' is not a time zone", id="zone"),
    ],
)
def test_a_format_that_is_none_is_refused(time: object, what: str) -> None:
    spec = EnvelopeSpec.model_validate({"envelope": "own", "when": {"/d": "present"}, "device": "/d", "time": time})
    with pytest.raises(ValueError, match=what):
        Envelope(spec)


def test_an_unknown_name_finds_nothing() -> None:
    assert ENVELOPES.find(MESSAGES["thingpark"], "chirpstack_v5") is None
    assert ENVELOPES.of("chirpstack_v5") == ()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"envelope": "lorawan"}, "stands for all", id="reserved-name"),
        pytest.param({"when": {}}, "holds no test", id="takes-everything"),
        pytest.param({"topics": ["a/#/b"]}, "not a topic filter", id="topic"),
        pytest.param({"payload": {"path": "/p", "encoding": "rot13"}}, "encoding", id="encoding"),
        pytest.param({"device": None}, "device", id="no-device"),
        pytest.param({"devise": "/d"}, "devise", id="unknown-key"),
    ],
)
def test_a_description_that_cannot_work_is_refused(change: dict[str, Any], what: str) -> None:
    sound = {"envelope": "own", "when": {"/d": "present"}, "device": "/d"}
    with pytest.raises(ValidationError, match=what):
        EnvelopeSpec.model_validate(sound | change)


def test_a_path_that_is_none_is_refused() -> None:
    spec = EnvelopeSpec.model_validate({"envelope": "own", "when": {"/d": "present"}, "device": "/a~2b"})
    with pytest.raises(ValueError, match="not a path"):
        Envelope(spec)


@pytest.mark.skipif(not CORPORA.exists(), reason="the corpora are not here")
def test_every_recorded_uplink_is_one_frame_and_its_copies_agree() -> None:
    frames: dict[tuple[str, str, bytes], set[tuple[bytes, type]]] = {}
    for row in rows("lorawan_uplinks.jsonl"):
        known = [envelope for envelope in ENVELOPES.of("lorawan") if envelope.recognises(row["payload"])]
        assert {envelope.name for envelope in known} <= NETWORKS[row["network"]], row["id"]
        assert len(known) == 1, row["id"]
        frame = opened(row["payload"])
        assert len(frame["device"]) == 16
        assert frame["device"] == frame["device"].lower()
        assert 0 < frame["port"] < 256
        assert frame["payload"]
        assert frame["rssi"] < 0 and frame["snr"] is not None  # noqa: PT018
        frames.setdefault((row["vendor"], row["device"], frame["payload"]), set()).add(row["network"])
    assert sum(len(networks) >= 4 for networks in frames.values()) >= 30


@pytest.mark.parametrize("row", [pytest.param(row, id=row["event"]) for row in rows("chirpstack_v4_events.jsonl")])
def test_of_the_events_of_chirpstack_only_up_is_data(row: dict[str, Any]) -> None:
    envelope = ENVELOPES.find(row["payload"], "lorawan")
    assert envelope is not None
    assert envelope.name == "chirpstack_v4"
    assert isinstance(envelope.unwrap(row["payload"]), dict) == (row["event"] == "up")


ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, -1, 1e308, "", "x", "\ud800", [], [[]], {}, {"rssi": {}}, 2**70])


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_no_message_raises_anything_but_a_bad_payload(name: str, data: st.DataObject) -> None:
    message = copy.deepcopy(MESSAGES[name])
    part: Any = message
    while True:
        key = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and data.draw(st.booleans())):
            break
        part = part[key]
    part[key] = data.draw(ODD)
    envelope = ENVELOPES.find(message)
    if envelope is None:
        return
    try:
        envelope.unwrap(message)
    except Undecodable as why:
        assert why.reason is RejectReason.BAD_PAYLOAD  # noqa: PT017 - it need not be raised
