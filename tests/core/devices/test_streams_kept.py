"""Topics, sources and shares that streams keep are bounded, and worked out again where they change."""

from gateway.core.devices.device import Device
from gateway.core.devices.streams import Admission, Streams
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Tenures
from gateway.core.message import Unresolved
from gateway.core.readings.counters import CounterState
from schemas.registry import RegisteredDevice, Registry
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS, topic


def met(streams: Streams, name: str = "d1") -> Device:
    device = streams.meet(name)
    assert isinstance(device, Device)
    return device


def test_names_that_become_ids_are_kept_four_for_each_device_and_the_oldest_go() -> None:
    streams = Streams(admission=Admission(devices_max=32))
    ids = [streams.id_of(f"meter {number}") for number in range(128)]
    assert len(streams._ids) == 128  # noqa: SLF001
    assert streams.id_of("one more") != "one more"
    assert len(streams._ids) == 126  # noqa: SLF001
    assert "meter 0" not in streams._ids  # noqa: SLF001
    assert [streams.id_of(f"meter {number}") for number in range(128)] == ids
    assert streams.id_of("plain") == "plain"
    assert "plain" not in streams._ids, "it is its own id"  # noqa: SLF001


def test_a_registry_is_taken_five_hundred_devices_at_a_time() -> None:
    for count, turns in ((0, 0), (499, 0), (500, 1), (999, 1), (1000, 2)):
        streams = Streams()
        for number in range(count):
            met(streams, f"d{number}").last_seen_ms = NOW_MS
        assert sum(1 for _ in streams.replacing({}, streams.profiles)) == turns
        assert len(streams.devices) == count


def test_another_name_for_a_place_with_a_meter_of_its_own_is_another_meter() -> None:
    streams = Streams(Registry(devices=[RegisteredDevice("kitchen", source="old one")]).by_id())
    found = streams.admit("kitchen", "water")
    assert isinstance(found, Unresolved)
    assert (found.reason, found.device, found.domain) == (RejectReason.DEVICE_MISMATCH, "kitchen", "water")
    assert found.detail == (
        "'kitchen' would be kitchen, but that is 'old one'; register one of them with an id of its own and its name as source"
    )
    device = streams.admit("old one")
    assert isinstance(device, Device)
    assert (device.name, device.source) == ("kitchen", "old one")
    assert streams.admit("old one") is device


def test_a_device_whose_make_nobody_knows_waits_like_an_unknown_one() -> None:
    for unknown, waits in (("quarantine", True), ("accept", False)):
        streams = Streams({"known": RegisteredDevice("known")}, Admission(unknown=unknown))
        found = streams.unnamed("other", RejectReason.UNKNOWN_TOPIC, "why")
        assert found == Unresolved(RejectReason.UNKNOWN_TOPIC, "why", "other", "unknown", waits)
        assert not streams.unnamed("known", RejectReason.UNKNOWN_TOPIC, "why").waits


def test_a_device_that_moves_to_another_site_has_another_series() -> None:
    streams = Streams()
    device = met(streams)
    here = streams.series(device, "water", "s1")
    assert streams.series(device, "water", "s1") is here
    there = streams.series(device, "water", "s2")
    assert (there.site, streams.series(device, "power", "s2").domain) == ("s2", "power")
    assert streams.series(device, "water", "s2") is there


def test_a_device_is_in_the_share_of_its_topic_and_asks_for_its_sums_when_that_came_here() -> None:
    tenures = Tenures()
    tenures.want({Share(site="s1"): "me"}, "me", NOW_MS)
    streams = Streams(tenures=tenures)
    for heard_ms, asks in ((NOW_MS - 1, True), (NOW_MS, False)):
        device = met(streams, f"d{heard_ms}")
        device.last_seen_ms, device.last_seq, device.counters = heard_ms, 7, CounterState()
        streams.resolve(topic(device.name))
        assert device.share == "s1"
        assert (device.counters.awaits, device.last_seq) == (asks, -1 if asks else 7)
    elsewhere = met(streams, "elsewhere")
    streams.resolve(topic("elsewhere", site="s2"))
    assert elsewhere.share == ""
