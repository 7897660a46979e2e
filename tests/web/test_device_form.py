"""The form of a device: typed as people type, and given back as it was."""

from typing import Any

import pytest

from gateway.web.devices.device_documents import document_of, fields_of, is_registered_as, proposed, typed
from schemas.registry import RegisteredDevice

AREAS = {"A1": "Bản Mế", "A2": "Đông Hà", "A3": "Dong Ha"}


@pytest.mark.parametrize(
    ("form", "document"),
    [
        pytest.param({"site": " xa-01 ", "serial": ""}, {"site": "xa-01", "serial": None}, id="spaces-and-nothing"),
        pytest.param({"lat": "22,5", "lon": "104.1"}, {"lat": "22.5", "lon": "104.1"}, id="decimal-comma"),
        pytest.param({"interval": "900", "silent_after": "2h"}, {"interval": 900.0, "silent_after": "2h"}, id="seconds"),
        pytest.param({"area": "ban me"}, {"area": "A1"}, id="area-by-name"),
        pytest.param({"area": "dong ha"}, {"area": "dong ha"}, id="two-areas-of-that-name"),
        pytest.param({"profile": "a", "other_profile": "b"}, {"profile": "b"}, id="another-profile"),
        pytest.param({"seen": "x", "id": "y", "colour": "z"}, {}, id="no-field-of-a-device"),
    ],
)
def test_what_people_type_becomes_the_keys_of_the_registry(form: dict[str, str], document: dict[str, Any]) -> None:
    assert document_of(typed(form, AREAS)) == {**document, "params": {}}


def test_parameters_are_numbers_unless_they_are_names() -> None:
    form = {"params.a": "10", "params.b": "0,5", "params.c": "0012", "params.d": "", "params.e": "true", "params.": "x"}
    assert document_of(typed(form, {}))["params"] == {"a": 10, "b": 0.5, "c": "0012", "d": None, "e": True}


def test_an_entry_comes_back_as_it_was() -> None:
    entry: dict[str, Any] = {"id": "m1", "site": "s1", "interval": "15min", "lat": 22.5, "params": {"k": 1}}
    assert document_of(typed(fields_of(entry), {})) == {
        "site": "s1",
        "interval": "15min",
        "lat": "22.5",
        "params": {"k": 1},
    }


def test_messages_tell_site_domain_and_name() -> None:
    native = {"last_message": {"topic": "iot/v1/s1/power/m1/readings"}, "result": None}
    assert proposed(native, "m1", "m1") == {"site": "s1", "domain": "power"}
    points = [{"measurement": "device_health", "tags": {}}, {"measurement": "water", "tags": {"site": "s2"}}]
    radio = {"last_message": {"topic": "application/1/device/x/event/up"}, "result": {"points": points}}
    assert proposed(radio, "Ổ cắm", "o-cam-1") == {"source": "Ổ cắm", "site": "s2", "domain": "water"}
    assert proposed(None, "", "m1") == {}


def test_a_device_is_found_by_what_is_on_its_label() -> None:
    device = RegisteredDevice("wm-1", source="24E124136D000001", serial="SN-0012")
    assert is_registered_as(device, "24-e1-24-13-6d-00-00-01", "24e124136d000001")
    assert is_registered_as(device, "0012", "0012")
    assert not is_registered_as(device, "0013", "0013")
