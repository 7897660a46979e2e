"""A payload that somebody asks about: in each form, with a topic or without, by the active profiles or another."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.onboarding.trials.request import TrialRequest, tried_document, try_message
from gateway.support.config.files import ConfigurationFault
from tests.core.making import NOW_MS
from tests.site import CODEC, OWN, RADIO, Site

EUI = "0011223344556677"
PLUG = {"Time": "2026-11-01T07:00:00", "ENERGY": {"Total": 3.5}}
FRAME = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-01T00:00:00Z", "fPort": 99, "fCnt": 7, "data": "AQI="}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def tried(site: Site, **asked: object) -> dict[str, Any]:
    return tried_document(try_message(site.config, TrialRequest.model_validate({"arrival_ms": NOW_MS, **asked})), "vi")


def fields(document: dict[str, Any]) -> dict[str, Any]:
    (point,) = document["points"]
    return {key: value for key, value in point["fields"].items() if key != "quality"}


@pytest.mark.parametrize(
    "form",
    [
        {"payload": {"volume_m3": 12.5}},
        {"payload": '{"volume_m3": 12.5}'},
        {"payload_hex": b'{"volume_m3": 12.5}'.hex(" ")},
        {"payload_base64": "eyJ2b2x1bWVfbTMiOiAxMi41fQ=="},
    ],
)
def test_a_payload_is_taken_in_any_form_and_its_topic_is_guessed(site: Site, form: dict[str, Any]) -> None:
    document = tried(site, **form)
    assert fields(document) == {"volume_m3": 12.5}
    assert document["topic"] == "iot/v1/site/water/device/readings"
    assert "by its keys" in document["topic_remark"]
    assert {"what": "profile", "value": "native"} in document["steps"]


def test_a_profile_that_is_not_active_is_tried_and_said_not_to_be(site: Site) -> None:
    document = tried(site, topic="tele/plug/SENSOR", payload=PLUG)
    assert (document["profile"], fields(document)) == ("tasmota-energy", {"energy_import_kwh": 3.5})
    assert document["profile_remark"].startswith("NOT active: add profiles: {enable: [tasmota-energy]}")


def test_a_profile_is_tried_before_it_is_saved(site: Site) -> None:
    site.profile("own")
    changed = (
        OWN.replace("NAME", "own")
        .replace("ph: /ph", "turbidity_ntu: /ph")
        .replace("fields: {ph: 7}", "fields: {turbidity_ntu: 7}")
    )
    assert fields(tried(site, topic="own/d1/own", payload={"ph": 7})) == {"ph": 7}
    assert fields(tried(site, topic="own/d1/own", payload={"ph": 7}, profile_text=changed)) == {"turbidity_ntu": 7}
    assert "turbidity" not in (site.folder / "profiles" / "own.yaml").read_text()


def test_the_codec_of_a_profile_is_called(site: Site) -> None:
    site.profile("radio", RADIO, radio=CODEC)
    assert fields(tried(site, topic=f"application/1/device/{EUI}/event/up", payload=FRAME)) == {"ph": 7}


def test_what_cannot_be_tried_is_told_where_it_is_wrong(site: Site) -> None:
    with pytest.raises(ValueError, match="is not hexadecimal"):
        tried(site, topic="a/b", payload_hex="0x12")
    with pytest.raises(ValueError, match="is not base64"):
        tried(site, topic="a/b", payload_base64="e3 0=")
    with pytest.raises(ValueError, match="name the topic: "):
        tried(site, payload={"x": 1})
    with pytest.raises(ConfigurationFault, match="there is no profile nobody; the profiles are "):
        tried(site, topic="a/b", payload={}, profile="nobody")
    with pytest.raises(ConfigurationFault, match=r"^profile\.yaml: ") as fault:
        tried(site, topic="a/b", payload={}, profile_text=OWN.replace("NAME", "own").replace("ph: /ph", "ph: [/ph"))
    assert "gateway-trial-" not in str(fault.value), "the place of a pasted profile is nobody's business"


def test_a_profile_is_named_and_never_a_file(site: Site) -> None:
    secret = site.folder / "secret.yaml"
    secret.write_text("password: 1\n")
    with pytest.raises(ValidationError, match="profile"):
        TrialRequest(payload={}, profile=str(secret))
