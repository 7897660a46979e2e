"""Streams: what a topic resolves to, which devices are let in, and what the registry changes."""

import pytest

from gateway.core.devices.device import MESSAGE_KEPT_BYTES, TAG_VALUES_MAX, Device, Series
from gateway.core.devices.streams import MESSAGES_KEPT, Admission, Stream, Streams
from gateway.core.message import Unresolved
from gateway.core.readings.line_protocol import Tags
from schemas.registry import RegisteredDevice, Registry
from schemas.rejects import RejectReason
from tests.core.making import MINUTE_MS, NOW_MS, message, pipeline, registered_device, replace_registry, topic
from tests.rows import each_row


def refused(streams: Streams, on: str) -> Unresolved:
    found = streams.resolve(on)
    assert isinstance(found, Unresolved), found
    return found


def resolved(streams: Streams, on: str) -> Series:
    found = streams.resolve(on)
    assert isinstance(found, Series), found
    return found


def tags(stream: Series) -> str:
    """Return the tags of a stream's points."""
    return f"{stream.pattern.head}{stream.device.name}{stream.pattern.rest}".removeprefix(stream.domain)


def test_a_topic_is_worked_out_once() -> None:
    streams = Streams()
    assert streams.resolve(topic()) is streams.resolve(topic())


def test_the_registry_knows_better_than_a_message_where_a_device_is_if_it_names_a_site() -> None:
    here, nowhere = RegisteredDevice(id="here", site="s1"), RegisteredDevice(id="nowhere")
    streams = Streams({"here": here, "nowhere": nowhere})
    sites = {}
    for name in ("here", "nowhere", "stranger"):
        device = streams.meet(name)
        assert isinstance(device, Device)
        sites[name] = streams.series(device, "water", "told").site
    assert sites == {"here": "s1", "nowhere": "told", "stranger": "told"}


def test_the_series_of_a_lane_is_worked_out_once_and_those_beyond_the_limit_are_not_kept() -> None:
    stream = resolved(Streams(), topic())
    lanes: list[Tags] = [(("direction", str(way)), ("lane", str(lane))) for way in (1, 2) for lane in range(TAG_VALUES_MAX)]
    series = [stream.tagged(lane, []) for lane in lanes]
    assert len({each.pattern.key for each in series}) == len(lanes)
    again = [stream.tagged(lane, []) for lane in lanes]
    assert [one is another for one, another in zip(series, again, strict=True)] == [True] * 64 + [False] * 64
    assert [each.pattern for each in again] == [each.pattern for each in series]


def test_the_topics_of_one_device_share_its_state() -> None:
    streams = Streams()
    assert resolved(streams, topic()).device is resolved(streams, topic(channel="status")).device
    assert resolved(streams, topic()).device is resolved(streams, topic(domain="power")).device


@each_row(
    "on",
    [
        pytest.param("iot/v1/s1/water/d1", id="too-short"),
        pytest.param("iot/v1/s1/water/d1/readings/x", id="too-long"),
        pytest.param("iot/v2/s1/water/d1/readings", id="another-version"),
        pytest.param("iot/v1/s1/gas/d1/readings", id="no-domain"),
        pytest.param("iot/v1//water/d1/readings", id="empty-site"),
        pytest.param("iot/v1/s1/water/d 1/readings", id="space"),
        pytest.param("iot/v1/s1/water/d,1=2/readings", id="comma-and-equals"),
        pytest.param("iot/v1/s1/water/d\n1/readings", id="newline"),
        pytest.param('iot/v1/s1/water/"d"/readings', id="quotes"),
        pytest.param("iot/v1/s1/water/d\\/readings", id="backslash"),
        pytest.param("iot/v1/s1/water/đồng-hồ/readings", id="not-ascii"),
        pytest.param(f"iot/v1/s1/water/{'d' * 65}/readings", id="65-characters"),
        pytest.param("iot/v1/s1/water/d1/readings\n", id="newline-at-the-end"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_no_native_topic_is_unknown_and_leaves_no_trace(on: str) -> None:
    streams = Streams()
    assert refused(streams, on).reason is RejectReason.UNKNOWN_TOPIC
    assert streams.devices == {}


@pytest.mark.parametrize("name", ["d", "A-z_0.9:x", "d" * 64], ids=repr)
def test_every_name_of_the_grammar_is_a_device(name: str) -> None:
    assert resolved(Streams(), topic(name)).device.name == name


def test_the_area_of_the_registry_is_a_tag_and_an_unregistered_device_has_none() -> None:
    streams = Streams({"d1": registered_device(area="ward-7")})
    assert tags(resolved(streams, topic("d1"))) == ",area=ward-7,device=d1,site=s1"
    assert tags(resolved(streams, topic("d2"))) == ",device=d2,site=s1"


def test_unknown_devices_are_refused_where_the_configuration_says_so() -> None:
    streams = Streams({"known": registered_device()}, Admission(unknown="reject"))
    assert resolved(streams, topic("known"))
    why = refused(streams, topic("other"))
    assert (why.reason, why.device, why.domain) == (RejectReason.UNKNOWN_DEVICE, "other", "water")
    assert "other" not in streams.devices


@pytest.mark.parametrize(("unknown", "waits"), [("quarantine", True), ("reject", False)])
def test_messages_of_unknown_devices_wait_in_quarantine_and_nowhere_else(unknown: str, waits: bool) -> None:  # noqa: FBT001
    assert refused(Streams(admission=Admission(unknown)), topic()).waits is waits


def test_a_device_that_was_met_is_found_without_asking_the_registry() -> None:
    class Asked(dict[str, RegisteredDevice]):
        times = 0

        def get(self, key: str, default: RegisteredDevice | None = None) -> RegisteredDevice | None:  # type: ignore[override]
            self.times += 1
            return super().get(key, default)

    registry = Asked({"d1": registered_device()})
    streams = Streams(registry, Admission(unknown="reject"))
    for _ in range(2):
        device = streams.admit("d1")
        asked = registry.times
        assert streams.admit("d1") is device
        assert registry.times == asked > 0
        replace_registry(streams, registry)
        streams.id_of("d1")


def test_simulated_devices_have_a_rule_of_their_own() -> None:
    assert refused(Streams(admission=Admission(simulated="reject")), topic("sim-1")).reason is RejectReason.UNKNOWN_DEVICE
    assert resolved(Streams(admission=Admission(unknown="reject")), topic("sim-1"))


def test_a_simulated_device_that_no_registration_would_let_in_waits_for_none() -> None:
    streams = Streams(admission=Admission("quarantine", simulated="reject"))
    why = refused(streams, topic("sim-1"))
    assert (why.waits, why.detail) == (False, "sim-1 is simulated and limits.simulated is reject")
    assert not streams.unnamed("sim-1", RejectReason.AMBIGUOUS_PROFILE, "").waits
    assert refused(streams, topic("real-1")).waits
    assert Streams(admission=Admission("quarantine")).unnamed("sim-1", RejectReason.AMBIGUOUS_PROFILE, "").waits


def test_no_more_devices_than_the_limit_are_let_in_and_those_let_in_stay() -> None:
    """A flood of invented names must not become a flood of series."""
    streams = Streams(admission=Admission(devices_max=2))
    for name in ("d1", "d2"):
        assert resolved(streams, topic(name))
    why = refused(streams, topic("d3"))
    assert why.reason is RejectReason.UNKNOWN_DEVICE
    assert "limits.devices is 2" in why.detail
    assert resolved(streams, topic("d1", channel="status"))
    assert set(streams.devices) == {"d1", "d2"}


def test_a_flood_of_sites_for_one_device_becomes_neither_series_nor_memory() -> None:
    streams = Streams(admission=Admission(devices_max=2))
    found = [streams.resolve(topic(site=f"s{number}")) for number in range(1000)]
    assert sum(isinstance(each, Stream) for each in found) == len(streams.native) == 6
    assert "speaks on its topic 7" in refused(streams, topic(site="s999")).detail
    assert resolved(streams, topic(site="s1"))
    assert len(streams._sites) <= 8  # noqa: SLF001


def test_a_new_registry_changes_tags_and_keeps_what_is_known_of_devices() -> None:
    streams = Streams({"d1": registered_device(area="old")})
    device = resolved(streams, topic()).device
    device.stamp(NOW_MS)
    replace_registry(streams, {"d1": registered_device(area="new")})
    assert tags(resolved(streams, topic())) == ",area=new,device=d1,site=s1"
    assert resolved(streams, topic()).device is device


def test_a_long_registry_is_taken_in_turns_and_messages_between_them_are_lost_to_none_of_it() -> None:
    names = [f"d{number}" for number in range(1200)]
    streams = Streams({name: registered_device(area="old") for name in names}, Admission(unknown="reject", devices_max=5))
    for name in names:
        assert resolved(streams, topic(name))
    entries = {name: registered_device(area="new") for name in (*names[:-1], "late")}
    turns = 0
    for _ in streams.replacing(entries, streams.profiles):
        turns += 1
        for name in ("d0", "d1198", "late"):
            assert resolved(streams, topic(name)).device.name == name, "nobody is turned away meanwhile"
        assert streams.age(NOW_MS) == []
    assert turns > 4
    for name in ("d0", "d1198", "late"):
        assert tags(resolved(streams, topic(name))) == f",area=new,device={name},site=s1"
    assert refused(streams, topic("d1199")).reason is RejectReason.UNKNOWN_DEVICE
    assert streams.places.taken == 0


@pytest.mark.parametrize("heard_ms", [0, NOW_MS], ids=["never-heard", "heard"])
def test_a_device_struck_from_the_registry_is_unknown_from_then_on(heard_ms: int) -> None:
    streams = Streams({"d1": registered_device()}, Admission(unknown="reject"))
    resolved(streams, topic()).device.last_seen_ms = heard_ms
    replace_registry(streams, {})
    assert refused(streams, topic()).reason is RejectReason.UNKNOWN_DEVICE
    replace_registry(streams, {"d1": registered_device()})
    assert resolved(streams, topic())


@pytest.mark.parametrize("registered", ["24-E1-24-12-6A-14-84-01", "24e124126a148401"])
@pytest.mark.parametrize("spoken", ["24E124126A148401", "24:e1:24:12:6a:14:84:01", "24e124126a148401"])
def test_an_eui_is_registered_however_it_is_written_and_called_as_its_topic_calls_it(registered: str, spoken: str) -> None:
    """People copy it from the label, and a firmware has a writing of its own."""
    before, after = RegisteredDevice(registered, area="old"), RegisteredDevice(registered, area="new")
    streams = Streams(Registry(devices=[before]).by_id(), Admission("reject"))
    device = resolved(streams, topic(spoken)).device
    assert (device.name, device.registered) == (spoken, before)
    replace_registry(streams, Registry(devices=[after]).by_id())
    assert resolved(streams, topic(spoken)).device.registered == after


def test_what_waits_for_an_eui_waits_for_it_as_the_registry_has_it() -> None:
    into = pipeline(admission=Admission("quarantine"))
    outcome = into.process(message({"ph": 7}, topic("24-E1-24-12-6A-14-84-01")), NOW_MS)
    assert outcome.side_effects is not None
    ((key, device),) = [(waits.key, waits.device) for waits in outcome.side_effects.waiting]
    assert (key, device) == ("24e124126a148401", "24-E1-24-12-6A-14-84-01")
    assert key in Registry(devices=[RegisteredDevice("24:E1:24:12:6A:14:84:01")]).by_id()


def test_own_stamps_of_a_device_grow_even_when_the_clock_does_not() -> None:
    device = resolved(Streams(), topic()).device
    stamps = [device.stamp(now_ms) for now_ms in (NOW_MS, NOW_MS, NOW_MS - 50, NOW_MS + 1, NOW_MS + 50)]
    assert stamps == [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3, NOW_MS + 50]


def test_stamps_of_a_clock_that_was_set_back_are_not_followed() -> None:
    """A reading would have a time years ahead until the clock gets there; up to a minute is a correction."""
    device = resolved(Streams(), topic()).device
    assert device.stamp(NOW_MS) == NOW_MS
    assert device.stamp(NOW_MS - MINUTE_MS) == NOW_MS + 1
    assert [device.stamp(NOW_MS - 2 * MINUTE_MS) for _ in range(2)] == [NOW_MS - 2 * MINUTE_MS, NOW_MS - 2 * MINUTE_MS + 1]


def test_what_is_replayed_keeps_the_time_at_which_it_came_beside_what_comes_now() -> None:
    device = resolved(Streams(), topic()).device
    came_ms = NOW_MS - 20_000
    assert device.stamp(NOW_MS) == NOW_MS
    assert [device.stamp(came_ms, replayed=True) for _ in range(2)] == [came_ms, came_ms + 1]
    assert device.stamp(NOW_MS) == NOW_MS + 1


@each_row(
    ("on", "detail"),
    [
        (topic("d1", site=".."), "'..' cannot be a site: it means a folder"),
        (topic(".."), "'..' cannot be a device: it means a folder"),
    ],
)
def test_a_name_that_means_a_folder_is_none(on: str, detail: str) -> None:
    why = refused(Streams(), on)
    assert (why.reason, why.detail, why.domain, why.waits) == (RejectReason.UNKNOWN_DEVICE, detail, "water", False)


def test_a_device_has_at_most_64_topics_and_one_more_is_refused_with_their_number() -> None:
    streams = Streams({"d1": registered_device()})
    for site in range(TAG_VALUES_MAX):
        resolved(streams, topic(site=f"s{site}"))
    assert refused(streams, topic(site="one-more")).detail == (
        "d1 speaks on its topic 65; one device has few sites and domains"
    )
    assert streams.devices["d1"].streams == TAG_VALUES_MAX == 64


def test_who_may_not_be_admitted_learns_by_which_setting() -> None:
    streams = Streams({"known": registered_device(id="known")}, Admission(unknown="quarantine", simulated="reject"))
    stranger, simulated = refused(streams, topic("other")), refused(streams, topic("sim-1"))
    assert stranger.detail == "other is not in the registry and devices.unknown is quarantine; register it"
    assert (stranger.waits, stranger.device, stranger.no_place) == (True, "other", False)
    assert simulated.detail == "sim-1 is simulated and limits.simulated is reject"
    assert resolved(Streams(admission=Admission(unknown="reject")), topic("sim-1")).device.is_simulated
    found = streams.meet("no id")
    assert isinstance(found, Unresolved)
    assert found.detail == "'no id' cannot be a device: 1 to 64 of A-Z a-z 0-9 . _ : -"


def test_a_device_is_expected_once_it_is_registered_or_was_heard() -> None:
    streams = Streams({"known": registered_device(id="known", params={"pulse_weight": 10})})
    resolved(streams, topic("heard"))
    assert [streams.is_expected(name) for name in ("known", "heard", "other")] == [True, True, False]
    assert [streams.is_registered(name) for name in ("known", "heard", "other")] == [True, False, False]
    assert [streams.params_of(name) for name in ("known", "heard")] == [{"pulse_weight": 10}, None]


def test_a_reading_that_influxdb_refused_is_noted_at_its_device() -> None:
    streams = Streams()
    device = resolved(streams, topic()).device
    streams.note_not_taken("d1", NOW_MS)
    streams.note_not_taken("forgotten", NOW_MS)
    assert (device.not_taken_ms, list(streams.devices)) == (NOW_MS, ["d1"])


def test_the_messages_of_the_first_three_thousand_devices_are_kept_unless_they_are_large() -> None:
    assert (MESSAGES_KEPT, MESSAGE_KEPT_BYTES) == (3000, 4096)
    into = pipeline()
    for name, size, kept in (("d1", 4096, True), ("d2", 4097, False)):
        payload = b'{"ph": 7}'.ljust(size)
        into.process(message(payload, topic(name)), NOW_MS)
        assert (into.streams.devices[name].last_message is not None) is kept
    streams = Streams()
    for number in range(MESSAGES_KEPT + 1):
        streams.meet(f"d{number}")
    assert streams.devices["d2999"].keeps_bytes == MESSAGE_KEPT_BYTES
    assert streams.devices["d3000"].keeps_bytes == -1
    streams.devices["d3000"].watch()
    assert streams.devices["d3000"].is_noted
