"""Places for devices: invented names shut no registered device out, and become neither series nor memory."""

import gc

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.places import UNHEARD_MS, Origins, Places, topic_prefix
from gateway.core.devices.streams import Admission, Stream
from gateway.core.message import Unresolved
from gateway.core.process import Processor
from schemas.rejects import RejectReason
from tests.core import profiled
from tests.core.making import (
    MINUTE_MS,
    NOW_MS,
    SECOND_MS,
    message,
    pipeline,
    point,
    refusal,
    registered_device,
    replace_registry,
    topic,
)

INVENTED = 22_000
RADIO = "match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: /raw/ph}}]"


def hear(into: Processor, name: str, now_ms: int = NOW_MS, **how: str) -> bool:
    """A device sends a reading; whether it became data."""
    return bool(into.process(message({"volume_m3": 5}, topic(name, **how)), now_ms).readings)


def flood(into: Processor, number: int, now_ms: int = NOW_MS, *, start: int = 0) -> int:
    """Invented names send a reading each; how many were let in."""
    return sum(hear(into, f"invented-{n}", now_ms) for n in range(start, start + number))


def known(into: Processor) -> set[str]:
    return set(into.streams.devices)


# Registered devices.


def test_a_registered_device_is_heard_for_the_first_time_after_a_flood_of_invented_names() -> None:
    """The attack: 22,000 messages of unknown ids, and the meter that spoke next was refused as device 20001."""
    into = pipeline({"meter": registered_device(area="ward-7")})
    assert flood(into, INVENTED) == 20_000
    assert point(into.process(message({"volume_m3": 5}, topic("meter")), NOW_MS)).tags["area"] == "ward-7"
    refused = refusal(into.process(message({"volume_m3": 5}, topic("another")), NOW_MS))
    assert refused.reason is RejectReason.UNKNOWN_DEVICE
    assert "limits.devices is 20000" in refused.detail


def test_registered_devices_do_not_count() -> None:
    into = pipeline({f"m{n}": registered_device() for n in range(10)}, Admission(devices_max=3))
    assert all(hear(into, f"m{n}") for n in range(10))
    assert flood(into, 5) == 3


def test_a_flood_does_not_put_registered_devices_on_the_slow_way() -> None:
    into = pipeline({f"m{n}": registered_device() for n in range(10)}, Admission(devices_max=3))
    for n in range(1000):
        hear(into, "invented", site=f"s{n}")
        hear(into, f"invented-{n}")
    for n in range(10):
        assert into.streams.resolve(topic(f"m{n}")) is into.streams.resolve(topic(f"m{n}"))


def test_of_all_writings_of_a_registered_eui_few_have_a_place_of_their_own() -> None:
    eui = "24e124126a148401"
    into = pipeline({eui: registered_device()}, Admission(devices_max=3))
    writings = [eui[:at] + eui[at:].upper() for at in (15, 14, 9, 8, 3, 2, 1)] + ["-".join(eui), ":".join(eui), "_".join(eui)]
    assert sum(hear(into, name) for name in {*writings, eui}) <= 1 + 4 + 3
    assert hear(into, eui)


def test_a_registry_that_names_a_device_frees_the_place_it_took() -> None:
    into = pipeline(admission=Admission(devices_max=2))
    assert flood(into, 3) == 2
    replace_registry(into.streams, {"invented-0": registered_device()})
    assert flood(into, 5) == 3
    replace_registry(into.streams, {})
    assert not hear(into, "invented-7")
    assert hear(into, "invented-0"), "whoever was let in stays"


# Ageing.


def test_within_the_hour_a_flood_of_new_names_is_refused() -> None:
    into = pipeline(admission=Admission(devices_max=50))
    flood(into, 50)
    assert into.streams.age(NOW_MS + UNHEARD_MS - 1) == []
    assert flood(into, 50, NOW_MS + UNHEARD_MS - 1, start=50) == 0


def test_a_device_unheard_for_an_hour_makes_room_the_one_unheard_longest_first() -> None:
    into = pipeline(admission=Admission(devices_max=3))
    for n in range(3):
        hear(into, f"d{n}", NOW_MS + n)
    hear(into, "d0", NOW_MS + MINUTE_MS)
    assert into.streams.age(NOW_MS + UNHEARD_MS + MINUTE_MS) == ["d1"]
    assert into.streams.age(NOW_MS + UNHEARD_MS + MINUTE_MS) == [], "there is room"
    assert hear(into, "new", NOW_MS + UNHEARD_MS + MINUTE_MS)
    assert known(into) == {"d0", "d2", "new"}


def test_nobody_ages_while_there_is_room_and_registered_devices_never_do() -> None:
    into = pipeline({"meter": registered_device()}, Admission(devices_max=3))
    hear(into, "meter")
    flood(into, 2)
    assert into.streams.age(NOW_MS + 10 * UNHEARD_MS) == []
    flood(into, 3)
    for minute in range(9):
        into.streams.age(NOW_MS + 10 * UNHEARD_MS + minute * MINUTE_MS)
    assert known(into) >= {"meter"}
    assert len(known(into)) == 3


def test_a_flood_that_goes_on_for_a_day_becomes_few_series_more() -> None:
    """Also when a clock is set ahead, which makes all of them look unheard: a thousandth makes room in a minute."""
    into = pipeline(admission=Admission(devices_max=2000))
    assert flood(into, 2500) == 2000
    later_ms, let_in = NOW_MS + UNHEARD_MS, 0
    for minute in range(10):
        assert len(into.streams.age(later_ms + minute * MINUTE_MS)) == 2
        let_in += flood(into, 100, later_ms + minute * MINUTE_MS, start=3000 + 100 * minute)
    assert let_in == 20


def test_of_a_device_that_made_room_nothing_is_left_and_it_comes_back_as_a_new_one() -> None:
    into = pipeline(admission=Admission(devices_max=2))
    for site in ("s1", "s2", "s3", "s4", "s5", "s6"):
        hear(into, "old", site=site)
    hear(into, "young", NOW_MS + MINUTE_MS)
    assert into.streams.age(NOW_MS + UNHEARD_MS + SECOND_MS) == ["old"]
    gc.collect()
    assert "old" not in {each.name for each in gc.get_objects() if isinstance(each, Device)}
    assert not [on for on in into.streams.native if "old" in on]
    assert hear(into, "old", NOW_MS + UNHEARD_MS)
    assert into.streams.devices["old"].seq_missing == 0
    assert isinstance(into.streams.resolve(topic("young", site="s9")), Stream)


def test_a_radio_device_that_made_room_asks_for_a_place_when_it_comes_back() -> None:
    """Its topic's stream is forgotten too: it would go on as if the device were known."""
    euis = [f"24e124126a14840{n}" for n in range(3)]
    into = profiled.pipeline(RADIO, admission=Admission(devices_max=2))
    for frame in range(3):
        for n in (0, 1):
            assert into.process(profiled.uplink(euis[n], ph=7, fCnt=frame), NOW_MS + 2 * frame + n).readings
    later_ms = NOW_MS + UNHEARD_MS + SECOND_MS
    assert into.streams.age(later_ms) == euis[:1]
    assert into.process(profiled.uplink(euis[2], ph=7), later_ms).readings
    refused = refusal(into.process(profiled.uplink(euis[0], ph=7, fCnt=9), later_ms))
    assert "limits.devices is 2" in refused.detail
    gc.collect()
    assert (
        known(into)
        == set(euis[1:])
        == {each.name for each in gc.get_objects() if isinstance(each, Device) and each.name in euis}
    )


# Where they come from.


@pytest.mark.parametrize(
    ("on", "device", "prefix"),
    [
        (topic("d1"), "d1", "iot/v1/s1/water/"),
        ("application/17/device/24e124126a148401/event/up", "24E124126A148401", "application/17/device/"),
        ("v3/app@ttn/devices/eui-24e124126a148401/up", "24e124126a148401", "v3/app@ttn/devices/"),
        ("zigbee2mqtt/Ổ cắm bàn", "o-cam-ban-6b1a", "zigbee2mqtt/"),
        ("d1/up", "d1", ""),
        ("d1", "d1", ""),
        ("", "", ""),
        ("x" * 65_000, "d1", ""),
    ],
    ids=str,
)
def test_the_levels_above_the_device_tell_floods_apart(on: str, device: str, prefix: str) -> None:
    assert topic_prefix(on, device) == prefix


def test_those_turned_away_are_counted_by_where_they_come_from() -> None:
    into = pipeline(admission=Admission(devices_max=1))
    hear(into, "d1")
    for n in range(9):
        hear(into, f"invented-{n}", site="flooded")
    assert isinstance(into.streams.resolve(topic("d2")), Unresolved)
    assert into.streams.places.turned_away.take() == {"iot/v1/flooded/water/": 9, "iot/v1/s1/water/": 1}
    assert into.streams.places.turned_away.take() == {}


def test_invented_sites_do_not_fill_the_memory_of_the_count() -> None:
    origins = Origins()
    for n in range(10_000):
        origins.note(f"iot/v1/s{n}/water/")
        origins.note(f"first-{n}/")
    counts = origins.take()
    assert len(counts) <= 201
    assert counts.total() == 20_000


def test_of_more_than_a_hundred_origins_the_first_level_is_told_and_of_more_than_two_hundred_none() -> None:
    origins = Origins()
    for number in range(100):
        origins.note(f"site-{number}/water/")
    origins.note("more/water/")
    origins.note("more/power/", 2)
    for number in range(98):
        origins.note(f"gone-{number}/x/")
    origins.note("one-too-many/x/")
    origins.note("last/x/")
    origins.note("site-7/water/")
    found = origins.take()
    assert (found["site-7/water/"], found["more/"], found["gone-97/"], found["one-too-many/"], found[""]) == (2, 3, 1, 1, 1)
    assert len(found) == 201


def test_of_all_writings_of_an_eui_beside_the_registry_s_own_four_have_a_place() -> None:
    eui = "24e124126a148401"
    into = pipeline({eui: registered_device(id=eui)}, Admission(devices_max=0))
    pairs = [eui[at : at + 2] for at in range(0, 16, 2)]
    writings = [eui.upper(), eui.replace("a", "A"), eui.replace("e", "E"), "-".join(pairs), ":".join(pairs)]
    writings += ["-".join(pairs).upper(), ":".join(pairs).upper()]
    assert [hear(into, name) for name in writings] == [True] * 4 + [False] * 3
    assert hear(into, eui)


def speaker(streams: int = 0) -> Device:
    device = Device("d", None)
    device.streams = streams
    return device


def test_each_unregistered_device_has_four_topics_and_all_of_them_share_as_many_as_there_are_places() -> None:
    places, one, other = Places(2), speaker(), speaker()
    for _ in range(6):
        assert places.may_speak_on_another(one)
        places.topic_taken(one)
    assert not places.may_speak_on_another(one)
    assert places.may_speak_on_another(other)
    places.left(speaker(1))
    assert not places.may_speak_on_another(one), "who leaves had none of these"
    places.left(speaker(6))
    assert places.may_speak_on_another(one)


def test_what_floods_is_told_by_the_first_two_hundred_letters_of_a_topic() -> None:
    assert topic_prefix(f"a/{'b' * 190}/d1/up", "d1") == f"a/{'b' * 190}/"
    assert topic_prefix(f"a/{'b' * 205}/d1/up", "d1") == "a/"
