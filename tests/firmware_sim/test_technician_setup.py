"""A played device from the words of the command line, and the sentences about what cannot be."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.makers.table import MAKERS
from firmware_sim.technician.fixed import eui_of
from firmware_sim.technician.setup import BadPlay, device_of
from schemas.enrolment import Enrolment
from tests.firmware_sim.playing import NOW_MS, request
from tests.rows import each_row

OWN = """
profile: own-meter
match: {topic: "own/{device}/data"}
points: [{measurement: water, fields: {ph: /ph}}]
tests:
  - {topic: own/d-1/data, payload: {ph: 7, name: d-1}, expect: [{measurement: water, time: arrival, fields: {ph: 7}}]}
  - {topic: own/d-1/data, payload: {ph: 8, name: d-1}, expect: [{measurement: water, time: arrival, fields: {ph: 8}}]}
"""
RADIO = """
profile: own-radio
match: {envelope: lorawan, when: {/port: [9]}}
struct: [{name: ph, at: 0, type: u8}]
points: [{measurement: water, fields: {ph: /struct/ph}}]
tests:
  - topic: application/1/device/0011223344556677/event/up
    payload: {deviceInfo: {devEui: "0011223344556677"}, time: "2026-03-01T08:15:41Z", fCnt: 7, fPort: 9, data: Bw==}
    expect: [{measurement: water, fields: {ph: 7}}]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A utility's own profiles."""
    for name, text in (("own-meter", OWN), ("own-radio", RADIO)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def enrolment(topic: str) -> Enrolment:
    return Enrolment("u", "p", "h", 8883, topic)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"name": "wm-1"}, "wm-1 may be a real device.*begins with sim-, or add --as-real"),
        ({"name": "sim-W 1"}, "--id sim-W 1: 1 to 64 of"),
        ({"site": "s/1"}, "--site s/1: 1 to 64 of"),
        ({"kind": ""}, "name a kind of device: water, water-meter"),
        ({"profile": "axioma-w2"}, "there is no profile axioma-w2; firmware-sim profiles lists"),
        ({"profile": "/nowhere/x.yaml"}, "/nowhere/x.yaml: No such file"),
    ],
)
def test_what_cannot_be_played_is_refused_with_a_sentence(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadPlay, match=fault):
        device_of(request(**given), NOW_MS)


def test_an_id_of_a_real_device_can_be_played_on_purpose() -> None:
    played, identity = device_of(request(name="wm-1", as_real=True), NOW_MS)
    assert identity.presence is not None
    assert (played.name, identity.presence.topic) == ("wm-1", "iot/v1/test/water/wm-1/status")


def test_an_enrolment_says_which_device_it_is_for() -> None:
    played, _ = device_of(request(""), NOW_MS, enrolment("iot/v1/s7/power/sim-P-9/readings"))
    (message,) = played.tick(NOW_MS)
    assert message.topic == "iot/v1/s7/power/sim-P-9/readings"


@pytest.mark.parametrize("given", [{"name": "sim-P-8"}, {"site": "s8"}, {"kind": "water"}])
def test_words_that_contradict_the_enrolment_are_refused(given: dict[str, Any]) -> None:
    words = {"kind": ""} | given
    with pytest.raises(BadPlay, match="but the enrolment is for"):
        device_of(request(**words), NOW_MS, enrolment("iot/v1/s7/power/sim-P-9/readings"))


def test_an_enrolment_for_another_topic_needs_a_profile() -> None:
    with pytest.raises(BadPlay, match="own/d/data is not iot/v1"):
        device_of(request(""), NOW_MS, enrolment("own/d/data"))


def test_a_profile_without_encoder_is_played_by_its_tests_under_another_name(own: Path) -> None:
    played, identity = device_of(request("", profile="own-meter", name="sim-O", own_profiles=own, interval_s=1), NOW_MS)
    sent = [message for at in range(3) for message in played.tick(NOW_MS + 1000 * at)]
    assert {message.topic for message in sent} == {"own/sim-O/data"}
    assert [json.loads(message.payload) for message in sent] == [{"ph": ph, "name": "sim-O"} for ph in (7, 8, 7)]
    assert (identity.sends_as, played.knobs) == ("sim-O", ())


def test_a_radio_frame_gets_an_eui_and_a_time_and_a_counter_of_its_own(own: Path) -> None:
    played, identity = device_of(request("", profile="own-radio", name="sim-R", own_profiles=own, interval_s=1), NOW_MS)
    first, second = (json.loads(message.payload) for at in (0, 1) for message in played.tick(NOW_MS + 1000 * at))
    assert identity.sends_as == eui_of("sim-R") == first["deviceInfo"]["devEui"]
    assert [first["fCnt"], second["fCnt"]] == [1, 2]
    assert first["time"] < second["time"]
    assert first["data"] == "Bw=="


@each_row("profile", MAKERS)
def test_every_profile_with_an_encoder_is_played_with_live_values(profile: str) -> None:
    played, _ = device_of(request("", profile=profile, name="sim-M", interval_s=1), NOW_MS)
    sent = [message for at in range(3) for message in played.tick(NOW_MS + 1000 * at)]
    assert len({(message.topic, message.payload) for message in sent}) >= 3
    assert all(message.fault == "" for message in sent)
