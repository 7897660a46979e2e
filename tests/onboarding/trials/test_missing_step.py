"""The thing that is missing before the running gateway does what a trial shows, and the makes that bytes may be of."""

import json
from typing import Any, Final

from gateway.core.message import StoredMessage
from gateway.onboarding.trials.recordings import GuessBasis, RecordedMessage
from gateway.onboarding.trials.request import TrialRequest, try_message
from gateway.onboarding.trials.trial import MissingKind, TriedMessage, propose_makes
from tests.core.making import NOW_MS
from tests.site import CODEC, OWN, RADIO, Site

EUI: Final = "0011223344556677"
UPLINK: Final = f"application/1/device/{EUI}/event/up"
FRAME: Final = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-01T00:00:00Z", "fPort": 99, "fCnt": 7, "data": "AQI="}
PLUG: Final = {"Time": "2026-11-01T07:00:00", "ENERGY": {"Total": 3.5}}
BY_REGISTRY: Final = RADIO.replace("{/port: [99]}", "{/port: [99]}, by: registry")


def tried(site: Site, **asked: object) -> TriedMessage:
    return try_message(site.config, TrialRequest.model_validate({"arrival_ms": NOW_MS, **asked}))


def test_a_topic_is_guessed_by_the_envelope_or_by_the_keys_and_said(site: Site) -> None:
    site.profile("mine", RADIO, mine=CODEC)
    found = tried(site, payload=FRAME)
    assert found.guess is not None
    assert (found.guess.topic, found.guess.basis, found.guess.name) == (UPLINK, GuessBasis.ENVELOPE, "chirpstack_v4")
    assert found.remarks["topic"] == "no --topic: taken as an uplink of chirpstack_v4, by its keys"
    assert (found.device, found.profile, found.is_rejected) == (EUI, "mine", False)
    reading = tried(site, payload=[{"volume_m3": 1.5, "battery_pct": 80}])
    assert reading.guess is not None
    assert (reading.guess.topic, reading.guess.name) == ("iot/v1/site/water/device/readings", "water")
    assert tried(site, payload=[{"active_power_w": 1.5}]).remarks["topic"].endswith("a native reading of power, by its keys")
    given = tried(site, payload={"ph": 7}, topic="iot/v1/s1/water/m1/readings")
    assert (given.guess, given.missing, given.remarks, given.profile) == (None, None, {}, "native")


def missing(found: TriedMessage) -> tuple[Any, ...]:
    step = found.missing
    assert step is not None
    return step.kind, step.is_active, step.profile, step.device, step.entry


def test_each_profile_that_is_not_in_force_says_what_puts_it_in_force(site: Site) -> None:
    plug = tried(site, topic="tele/plug/SENSOR", payload=PLUG)
    assert missing(plug) == (MissingKind.ENABLE, False, "tasmota-energy", "plug", "profile: tasmota-energy")
    frame = FRAME | {"fPort": 85, "data": "AXVkA3sKAA=="}
    family = tried(site, topic=UPLINK, payload=frame, profile="milesight-em500-pp")
    assert missing(family) == (MissingKind.REGISTER, False, "milesight-em500-pp", EUI, "model: EM500-PP")
    assert family.remarks["profile"] == f"NOT active: register {EUI} with model: EM500-PP"
    pasted = tried(site, topic="own/d1/own", payload={"ph": 7}, profile_text=OWN.replace("NAME", "own"))
    assert missing(pasted)[0] is MissingKind.SAVE
    assert pasted.remarks["profile"].startswith("NOT active: put profile.yaml into ")
    site.profile("mine", BY_REGISTRY, mine=CODEC)
    others = tried(site, topic=UPLINK, payload=FRAME, profile="mine")
    assert missing(others) == (MissingKind.REGISTER, True, "mine", EUI, "profile: mine")
    assert others.remarks["profile"] == f"NOT active for this device: register {EUI} with profile: mine"
    site.devices({"id": EUI, "profile": "mine"})
    assert tried(site, topic=UPLINK, payload=FRAME).missing is None
    assert tried(site, topic=UPLINK, payload=FRAME).profile == "mine"


def test_profiles_that_read_the_bytes_of_a_device_are_proposed_the_fullest_first(site: Site) -> None:
    fuller = BY_REGISTRY.replace("ph: /codec/ph", "ph: /codec/ph, temperature_c: /codec/ph")
    for name, text in (("two", fuller), ("one", BY_REGISTRY)):
        site.profile(name, text, **{name: CODEC})
    site.profile("none", BY_REGISTRY, none="function decodeUplink(input) { return {data: {}}; }")
    recorded = RecordedMessage(StoredMessage(UPLINK, json.dumps(FRAME).encode()), NOW_MS)
    makes = propose_makes(site.config, recorded, EUI)
    assert [(make.profile, make.measured) for make in makes][:1] == [("two", 3)]
    assert sorted(make.profile for make in makes) == ["one", "two"]
    assert makes[0].points[0]["fields"].items() >= {"ph": 7.0, "temperature_c": 7.0}.items()
    assert (makes[0].models, makes[0].params) == ((), ())
