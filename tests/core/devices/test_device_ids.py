"""The device that a name belongs to: two names never become one device silently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.devices.streams import Admission
from gateway.core.message import Outcome
from gateway.core.process import Processor
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.status.health import registered_devices
from schemas.device_ids import device_id
from schemas.registry import RegisteredDevice, Registry
from schemas.rejects import RejectReason
from schemas.topics import is_id
from tests.core.making import NOW_MS, message, refusal, replace_registry, topic
from tests.core.profiled import PH, pipeline, sent

ANY = f"match: {{topic: 'zigbee2mqtt/{{device}}'}}\n{PH}"
SOCKET = "Ổ cắm bàn"
SOCKET_ID = "o-cam-ban-9bfc"


def said(outcome: Outcome) -> str:
    """The device of the only point, or why there is none."""
    if outcome.refusals:
        return outcome.refusals[0].reason.value
    (reading,) = outcome.readings
    return reading.lines.partition(",device=")[2].partition(" ")[0].partition(",")[0]


def heard(into: Processor, payload: object, on: str) -> Outcome:
    """Process a message."""
    return into.process(sent(payload, on), NOW_MS)


def send(into: Processor, name: str) -> str:
    """Process a message on a topic with this name."""
    return said(heard(into, {"ph": 7}, f"zigbee2mqtt/{name}"))


@pytest.mark.parametrize(
    ("source", "made"),
    [
        pytest.param(SOCKET, SOCKET_ID, id="vietnamese"),
        pytest.param("Ổ cắm bồn", "o-cam-bon-4f93", id="its-neighbour"),
        pytest.param("đồng hồ số 1", "dong-ho-so-1-8d61", id="d-with-a-stroke"),
        pytest.param("a,b", "a-b-a334", id="comma"),
        pytest.param("a_b", "a_b", id="within-the-grammar"),
        pytest.param("Meter.7:A", "Meter.7:A", id="capitals-stay"),
        pytest.param("!!!", "device-b062", id="nothing-to-read"),
        pytest.param("..", "device-e045", id="the-folder-above"),
        pytest.param("x" * 65, f"{'x' * 59}-a464", id="too-long"),
    ],
)
def test_an_id_is_the_name_in_plain_letters_with_digits_that_tell_it_apart(source: str, made: str) -> None:
    assert device_id(source) == made


@given(st.text(min_size=1, max_size=200))
def test_whatever_a_device_is_called_its_id_is_one(source: str) -> None:
    assert is_id(device_id(source))
    assert device_id(device_id(source)) == device_id(source)


def test_names_alike_without_their_tones_are_two_devices_in_any_order() -> None:
    names = ["ổ bàn", "ổ bán", "ổ bản", "ổ bạn", "o ban"]
    found = [[send(into, name) for name in order] for into, order in ((pipeline(ANY), names), (pipeline(ANY), names[::-1]))]
    assert len(set(found[0])) == len(names)
    assert found[0] == found[1][::-1]


def test_both_spellings_of_a_letter_in_unicode_are_one_name() -> None:
    assert device_id("ô điện") == device_id("o\u0302 điện")


def test_a_name_belongs_to_the_place_that_has_it_as_source() -> None:
    place = RegisteredDevice("kitchen", source=SOCKET, site="hall")
    assert send(pipeline(ANY, devices=[place]), SOCKET) == "kitchen"
    assert send(pipeline(ANY, devices=[place], admission=Admission("reject")), SOCKET) == "kitchen"


def test_a_native_topic_belongs_to_the_place_that_has_its_device_as_source() -> None:
    into = pipeline(devices=[RegisteredDevice("kitchen", source="sn-8254", params={"interval_s": 300}, area="A1")])
    outcome = into.process(message({"vehicle_count": 4}, topic("sn-8254", domain="traffic")), NOW_MS)
    assert said(outcome) == "kitchen"
    assert "interval_s=300.0" in outcome.readings[0].lines
    assert "area=A1" in outcome.readings[0].lines


@pytest.mark.parametrize("spoken", ["24E124126A148401", "24:e1:24:12:6a:14:84:01", "24e124126a148401"])
def test_an_eui_as_source_is_one_source_however_it_is_written(spoken: str) -> None:
    into = pipeline(devices=[RegisteredDevice("m1", source="24-E1-24-12-6A-14-84-01")])
    for name in (spoken, "24e124126a148401"):
        assert said(into.process(message({"ph": 7}, topic(name)), NOW_MS)) == "m1"
    assert list(into.streams.devices) == ["m1"]


@pytest.mark.parametrize("order", [(SOCKET, SOCKET_ID), (SOCKET_ID, SOCKET)], ids=["name-first", "id-first"])
def test_a_second_source_of_an_id_is_refused_with_both_names(order: tuple[str, str]) -> None:
    into = pipeline(ANY)
    assert send(into, order[0]) == SOCKET_ID
    refused = refusal(heard(into, {"ph": 7}, f"zigbee2mqtt/{order[1]}"))
    assert refused.reason is RejectReason.DEVICE_MISMATCH
    assert repr(order[0]) in refused.detail
    assert repr(order[1]) in refused.detail
    assert [send(into, name) for name in order] == [SOCKET_ID, "device_mismatch"]


def test_who_sends_under_the_id_of_a_place_that_has_another_source_is_refused() -> None:
    into = pipeline(ANY, devices=[RegisteredDevice("kitchen", source=SOCKET)])
    assert send(into, "kitchen") == "device_mismatch"
    assert send(into, SOCKET) == "kitchen"


def test_one_name_on_several_topics_is_one_source() -> None:
    into = pipeline(f"match: {{topic: ['a/{{device}}', 'b/{{device}}/x']}}\n{PH}")
    assert {said(heard(into, {"ph": 7}, on)) for on in (f"a/{SOCKET}", f"b/{SOCKET}/x")} == {SOCKET_ID}


def test_a_meter_exchanged_in_the_registry_sends_under_its_own_name_from_then_on() -> None:
    into = pipeline(ANY, devices=[RegisteredDevice("kitchen", source="old one")])
    assert send(into, "old one") == "kitchen"
    replace_registry(into.streams, Registry(devices=[RegisteredDevice("kitchen", source="new one")]).by_id())
    assert send(into, "new one") == "kitchen"
    assert send(into, "old one") == device_id("old one")


def test_what_waits_for_a_name_comes_in_when_a_place_has_it_as_source() -> None:
    into = pipeline(ANY, admission=Admission("quarantine"))
    outcome = heard(into, {"ph": 7}, f"zigbee2mqtt/{SOCKET}")
    assert outcome.side_effects is not None
    (waits,) = outcome.side_effects.waiting
    replace_registry(into.streams, Registry(devices=[RegisteredDevice("kitchen", source=SOCKET)]).by_id())
    assert waits.key in into.streams.registry, "and under each new name there messages are released"
    assert send(into, SOCKET) == "kitchen"


def test_the_source_of_a_device_is_remembered_over_a_restart() -> None:
    into = pipeline(ANY)
    send(into, SOCKET)
    line = pack(into.streams.devices[SOCKET_ID], into.streams.field_sets)

    class Remembered:
        def restore(self, device: Device, field_sets: FieldSets) -> None:
            unpack(line, device, field_sets, NOW_MS)

    again = pipeline(ANY, memory=Remembered())
    assert send(again, SOCKET_ID) == "device_mismatch"
    assert send(again, SOCKET) == SOCKET_ID


def test_a_source_that_is_the_id_takes_no_room_on_disk() -> None:
    assert "source" not in pack(Device("m1", None, "m1"), FieldSets())


def test_a_place_with_a_source_is_one_silent_device_until_its_meter_speaks() -> None:
    place = RegisteredDevice("kitchen", source=SOCKET)
    into = pipeline(ANY, devices=[place, RegisteredDevice("24-E1-24-12-6A-14-84-01", source="24e124126a148402")])
    assert sorted(device.name for device in registered_devices(into.streams)) == ["24-E1-24-12-6A-14-84-01", "kitchen"]
    assert send(into, SOCKET) == "kitchen"
    assert len([*registered_devices(into.streams)]) == len(into.streams.devices) == 2


@pytest.mark.parametrize("name", [".", ".."])
@pytest.mark.parametrize("what", ["site", "device"])
def test_a_folder_is_no_site_and_no_device(name: str, what: str) -> None:
    into = pipeline()
    refused = refusal(into.process(message({"ph": 7}, topic(**{what: name})), NOW_MS))
    assert (refused.reason, f"{name!r} cannot be a {what}" in refused.detail) == (RejectReason.UNKNOWN_DEVICE, True)


def test_tags_that_read_alike_stay_two() -> None:
    into = pipeline(f"match: {{topic: 't/{{device}}'}}\ntags: {{channel: {{path: /room, name: true}}}}\n{PH}")
    lines = [heard(into, {"ph": 7, "room": room}, "t/d1").readings[0].lines for room in ("a,b", "a_b")]
    assert ["channel=a-b-a334" in lines[0], "channel=a_b" in lines[1]] == [True, True]
