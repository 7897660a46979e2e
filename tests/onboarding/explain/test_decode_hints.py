"""``gateway decode`` where the running gateway would do otherwise: what stands between, and what is guessed."""

import json

import pytest

from tests.core.making import NOW_MS
from tests.decode_command import DecodeCommand
from tests.site import OUR_ENVELOPE, OWN, RADIO

EUI = "0011223344556677"
UPLINK = f"application/1/device/{EUI}/event/up"
FRAME = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-01T00:00:00Z", "fPort": 99, "fCnt": 7, "data": "AQI="}
PLUG = {"Time": "2026-11-01T07:00:00", "ENERGY": {"Total": 3.5}}
W1 = {**FRAME, "fPort": 100, "data": "AQI="}
ENABLE = "NOT active: add profiles: {enable: [tasmota-energy]} to gateway.yaml, or register plug with profile: tasmota-energy"


# A profile that is not active.


def test_a_shipped_profile_that_is_not_in_force_says_what_puts_it_in_force(decode: DecodeCommand) -> None:
    assert f"          {ENABLE}" in decode.text(PLUG, "tele/plug/SENSOR")
    (result,) = decode.rows({"topic": "tele/plug/SENSOR", "payload": PLUG})
    assert result["profile_remark"] == ENABLE
    assert "NOT active" not in "".join(decode.text({"ph": 7}, "own/d1/pump"))


@pytest.mark.parametrize("how", ["enabled", "registered"])
def test_a_shipped_profile_that_is_in_force_says_nothing_of_it(decode: DecodeCommand, how: str) -> None:
    if how == "enabled":
        decode.site.sections["profiles"]["enable"] = ["tasmota-energy"]
    else:
        decode.site.devices({"id": "other", "profile": "tasmota-energy"})
    assert "NOT active" not in "".join(decode.text(PLUG, "tele/plug/SENSOR"))


def test_a_model_that_puts_a_profile_in_force_is_named_for_the_registry(decode: DecodeCommand) -> None:
    frame = {**FRAME, "fPort": 85, "data": "AXVkA3sKAA=="}
    said = f"register {EUI} with model: EM500-PP"
    assert any("NOT active: " in line and said in line for line in decode.text(frame, UPLINK, "--profile", "EM500-PP"))
    decode.site.devices({"id": EUI, "model": "EM500-PP"})
    assert "NOT active" not in "".join(decode.text(frame, UPLINK, "--profile", "EM500-PP"))


def test_a_family_that_only_the_registry_tells_says_which_entry_is_missing(decode: DecodeCommand) -> None:
    decode.site.profile("mine", RADIO.replace("{/port: [99]}", "{/port: [99]}, by: registry"))
    said = f"          NOT active for this device: register {EUI} with profile: mine"
    assert said in decode.text(FRAME, UPLINK, "--profile", "mine")
    assert said not in decode.text(
        {**FRAME, "deviceInfo": {"devEui": EUI, "deviceProfileName": "mine"}}, UPLINK, "--profile", "mine"
    )
    decode.site.devices({"id": EUI, "profile": "mine"})
    assert said not in decode.text(FRAME, UPLINK, "--profile", "mine")


def test_a_draft_elsewhere_says_where_it_must_go(decode: DecodeCommand) -> None:
    draft = decode.site.folder / "draft.yaml"
    draft.write_text(OWN.replace("NAME", "draft"))
    assert "          NOT active: put draft.yaml into profiles" in decode.text(
        {"ph": 7}, "own/d1/draft", "--profile", str(draft)
    )


def test_a_faulty_file_beside_it_does_not_hide_the_profile_that_is_meant(decode: DecodeCommand) -> None:
    decode.site.profile("broken", "profile: [")
    assert "profile   pump: --profile names it" in decode.text({"ph": 7}, "own/d1/pump", "--profile", "pump")


# Devices that are kept out.


@pytest.mark.parametrize("policy", ["quarantine", "reject"])
@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param("own/d1/pump", {"ph": 7}, id="profile"),
        pytest.param(UPLINK, FRAME, id="codec"),
        pytest.param("iot/v1/s1/water/m1/readings", {"ts": NOW_MS, "ph": 7}, id="native"),
    ],
)
def test_a_device_that_is_kept_out_shows_what_its_points_would_be(
    decode: DecodeCommand, policy: str, topic: str, payload: dict[str, object]
) -> None:
    decode.site.sections["devices"]["unknown"] = policy
    lines = decode.text(payload, topic)
    assert not any(line.startswith("point") for line in lines), "nothing is written"
    assert any(line.startswith("would be  water device=") for line in lines)
    assert any(line.startswith("fix       register the device") for line in lines)
    (result,) = decode.rows({"topic": topic, "payload": payload})
    assert result["points"] == []
    assert [point["fields"]["ph"] for point in result["if_registered"]["points"]] == [7.0]


@pytest.mark.parametrize("policy", ["accept", "quarantine"])
def test_a_device_whose_make_nobody_tells_is_named_and_how_to_try_one(decode: DecodeCommand, policy: str) -> None:
    decode.site.sections["devices"]["unknown"] = policy
    decode.site.profile("mine", RADIO.replace("{/port: [99]}", "{/port: [99]}, by: registry"))
    lines = decode.text(FRAME, UPLINK)
    assert f"device    {EUI}" in lines
    assert any(line.startswith("profile   not known: ") and "--profile NAME" in line for line in lines)
    assert any(line.startswith("fix       register the device") for line in lines)


def test_a_registered_device_shows_its_points_under_quarantine(decode: DecodeCommand) -> None:
    decode.site.sections["devices"]["unknown"] = "quarantine"
    decode.site.devices({"id": "d1"})
    (result,) = decode.rows({"topic": "own/d1/pump", "payload": {"ph": 7}})
    assert ([point["fields"]["ph"] for point in result["points"]], "if_registered" in result) == ([7.0], False)


# Literals.


def test_a_literal_is_told_as_one(decode: DecodeCommand) -> None:
    decode.site.profile("pump", OWN.replace("fields: {ph: /ph}", "each: /l, fields: {ph: v, level_m: {literal: 2}}", 1))
    lines = decode.text({"l": [{"v": 7}]}, "own/d1/pump")
    assert "step      level_m from literal 2: 2" in lines


def test_a_text_that_is_no_class_of_vehicles_shows_what_is_stored_for_it(decode: DecodeCommand) -> None:
    fields = "measurement: traffic, tags: {vehicle_class: /c}, fields: {vehicle_count: /n, interval_s: {literal: 60}}"
    decode.site.profile("pump", OWN.replace("measurement: water, fields: {ph: /ph}", fields, 1))
    told = 'step      vehicle_class from /c: "moto" → vehicle_class: "other"'
    assert told in decode.text({"n": 3, "c": "moto"}, "own/d1/pump")
    assert 'step      vehicle_class from /c: "car"' in decode.text({"n": 3, "c": "car"}, "own/d1/pump")


def test_the_steps_show_every_tag_and_the_fields_of_literals(decode: DecodeCommand) -> None:
    point = "tags: {direction: {literal: ltr}, lane: /lane, channel: /room}, fields: {ph: /ph, level_m: {literal: 2}}"
    decode.site.profile("pump", OWN.replace("fields: {ph: /ph}", point, 1))
    lines = decode.text({"ph": 7, "lane": 3, "room": "Phòng 2"}, "own/d1/pump", "--profile", "pump")
    assert [line.removeprefix("step      ") for line in lines if line.startswith("step") and "time" not in line] == [
        "level_m from literal 2: 2",
        "ph from /ph: 7",
        'channel from /room: "Phòng 2" → channel: dropped, bad_tag',
        'direction from literal "ltr": "ltr"',
        'lane from /lane: "3"',
    ]


def test_the_steps_show_a_field_that_its_when_leaves_out(decode: DecodeCommand) -> None:
    decode.site.profile("pump", OWN.replace("{ph: /ph}", "{ph: /ph, level_m: {path: /l, when: {/ok: [1]}}}", 1))
    left_out = "step      level_m from /l: nothing: its when does not hold"
    assert left_out in decode.text({"ph": 7, "l": 3, "ok": 0}, "own/d1/pump")
    assert "step      level_m from /l: 3" in decode.text({"ph": 7, "l": 3, "ok": 1}, "own/d1/pump")


# What led to nothing.


def test_an_empty_message_names_the_device_of_its_topic(decode: DecodeCommand) -> None:
    decode.site.profile("pump", OWN + "ignore: [empty]")
    _, out, _ = decode.run("--topic", "own/d1/pump", data=b"")
    assert "device    d1" in out.splitlines()


@pytest.mark.parametrize(
    ("field", "step"),
    [
        pytest.param("{sum: [/mm, /ph]}", "level_m from several: nothing: /mm: / holds ph", id="summand"),
        pytest.param("{sub: [{param: mount_m}, /ph]}", "mount_m: param mount_m is not set for the device", id="parameter"),
        pytest.param("{sum: [/ph, {div: [/mm, 2]}]}", "nothing: /mm: / holds ph", id="summand-of-a-summand"),
        pytest.param("{sum: [{path: /ph, none: [7]}, 1]}", "nothing: /ph: /ph is '7'", id="summand-that-means-none"),
        pytest.param("{param: mount_m}", "level_m from mount_m: nothing: param mount_m is not set for the device", id="alone"),
    ],
)
def test_a_value_without_one_of_its_parts_names_it(decode: DecodeCommand, field: str, step: str) -> None:
    decode.site.profile("pump", OWN.replace("{ph: /ph}", f"{{ph: /ph, level_m: {field}}}", 1))
    assert any(line.startswith("step") and step in line for line in decode.text({"ph": 7}, "own/d1/pump"))


def test_a_text_that_is_no_number_is_said_to_be_none(decode: DecodeCommand) -> None:
    decode.site.profile("pump", OWN)
    assert 'step      ph from /ph: "n/a" → number: dropped, wrong_type' in decode.text({"ph": "n/a"}, "own/d1/pump")
    assert "step      ph from /ph: 99 → bounds: dropped, out_of_bounds" in decode.text({"ph": 99}, "own/d1/pump")


def test_an_item_that_when_leaves_out_says_so(decode: DecodeCommand) -> None:
    decode.site.profile("pump", OWN.replace("fields: {ph: /ph}", "each: {of: /l, when: {k: ph}}, fields: {ph: v}", 1))
    lines = decode.text({"l": [{"k": "x", "v": 1}, {"k": "ph", "v": 7}]}, "own/d1/pump")
    at = next(number for number, line in enumerate(lines) if line.startswith("step      water: item 0"))
    assert lines[at + 1] == "step      water: when: false"
    assert lines.count("step      water: when: false") == 1


def test_a_frame_without_payload_names_its_device(decode: DecodeCommand) -> None:
    lines = decode.text({**FRAME, "data": "", "rxInfo": [{"rssi": -90}]}, UPLINK)
    assert f"device    {EUI}" in lines
    assert any(line.startswith("ignored") and "not_data" in line for line in lines)


# Without a topic.


def guessed(decode: DecodeCommand, payload: object, *options: str) -> list[str]:
    """The first lines of what is said of a payload alone."""
    _, out, err = decode.run(*options, data=json.dumps(payload).encode())
    return (out or err).splitlines()[:2]


def test_without_a_topic_it_is_guessed_by_the_envelope_and_said(decode: DecodeCommand) -> None:
    decode.site.folder.joinpath("profiles", "envelopes").mkdir()
    decode.site.folder.joinpath("profiles", "envelopes", "our.yaml").write_text(OUR_ENVELOPE)
    assert guessed(decode, FRAME) == [
        f"topic     {UPLINK}",
        "          no --topic: taken as an uplink of chirpstack_v4, by its keys",
    ]
    things = {"end_device_ids": {"dev_eui": EUI.upper()}, "uplink_message": {"f_port": 99, "frm_payload": "AQI="}}
    assert guessed(decode, things)[0] == f"topic     v3/1/devices/{EUI}/up"
    assert guessed(decode, {"eui": "m1", "hex": "00"})[0] == "topic     our/1/up"
    assert guessed(decode, {"cmd": "rx", "EUI": EUI, "data": "0102", "port": 99})[0] == f"topic     loriot/{EUI}"


def test_without_a_topic_a_native_reading_is_known_by_its_keys(decode: DecodeCommand) -> None:
    assert guessed(decode, [{"battery_pct": 5, "active_power_w": 7}]) == [
        "topic     iot/v1/site/power/device/readings",
        "          no --topic: taken as a native reading of power, by its keys",
    ]


def test_without_a_topic_a_profile_that_is_named_gives_that_of_its_first_test(decode: DecodeCommand) -> None:
    assert guessed(decode, {"ph": 7}, "--profile", "pump") == [
        "topic     own/d/pump",
        "          no --topic: that of the profile's first test",
    ]


@pytest.mark.parametrize("payload", [{"nothing": "known"}, 5, [], "text"], ids=repr)
def test_without_a_topic_and_a_sign_of_one_it_is_asked_for(decode: DecodeCommand, payload: object) -> None:
    (line, *_) = guessed(decode, payload)
    assert line.startswith("--topic: name the topic: the payload is neither")
