"""A device's own small state: its stamps, tags, what it said of itself, and what is kept of its messages."""

import pytest

from gateway.core.devices.device import Device, Series
from gateway.core.devices.observation import Observation
from gateway.core.message import Arrival, Outcome, Refusal, StoredMessage
from gateway.core.readings.counters import CounterState
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.steps import RegisterStep
from schemas.registry import RegisteredDevice
from schemas.rejects import DropCause, RejectReason
from tests.core.making import NOW_MS, topic


def arrival(payload: bytes = b"{}", now_ms: int = NOW_MS) -> Arrival:
    return Arrival(StoredMessage(topic(), payload), now_ms)


def test_stamps_of_a_device_never_repeat_and_follow_the_clock_that_was_set_back_a_minute_at_most() -> None:
    device = Device("d1", None)
    assert [device.stamp(now_ms) for now_ms in (NOW_MS, NOW_MS, NOW_MS + 9, NOW_MS + 9)] == [
        NOW_MS,
        NOW_MS + 1,
        NOW_MS + 9,
        NOW_MS + 10,
    ]
    assert device.stamp(NOW_MS + 10 - 60_000) == NOW_MS + 11, "set back by a minute: the stamps go on"
    assert device.stamp(NOW_MS + 11 - 60_001) == NOW_MS + 11 - 60_001, "by more: those before were wrong"
    assert (device.last_replay_stamp_ms, device.newest_here_ms) == (0, device.last_stamp_ms)


@pytest.mark.parametrize(("parity", "stamps"), [(0, [0, 2, 4, 8]), (1, [1, 3, 5, 7])])
def test_where_another_gateway_stamps_too_each_has_its_own_milliseconds(parity: int, stamps: list[int]) -> None:
    device, even_ms = Device("d1", None), NOW_MS - NOW_MS % 2
    assert [device.stamp(even_ms + now, parity=parity) - even_ms for now in (0, 0, 0, 7)] == stamps


def test_a_message_that_is_replayed_again_has_the_stamps_it_had() -> None:
    device, first, other = Device("d1", None), arrival(b"1"), arrival(b"2")
    device.stamp(NOW_MS + 5000)

    def replayed(one: Arrival, number: int, readings: int = 1) -> list[int]:
        found = []
        for _ in range(readings):
            device.begin_replay(one, number)
            found.append(device.stamp(one.now_ms, replayed=True) - NOW_MS)
        return found

    assert replayed(first, 1, readings=2) == [0, 1]
    assert replayed(first, 2, readings=2) == [0, 1], "the same once more"
    assert replayed(other, 3) == [2], "another that came in the same millisecond"
    assert replayed(arrival(b"3", NOW_MS + 2), 4) == [3], "and one that came meanwhile"
    assert replayed(arrival(b"4", NOW_MS - 7), 5) == [-7], "and one before them"
    assert replayed(arrival(b"5", NOW_MS + 900), 6) == [900]
    assert device.last_stamp_ms == NOW_MS + 5000, "readings that come now are stamped apart from these"


def test_a_tag_has_at_most_64_values_and_one_that_is_known_stays_allowed() -> None:
    device = Device("d1", None)
    dropped: list[tuple[str, DropCause]] = []
    for number in range(65):
        device.allowed_tags([("channel", str(number))], dropped)
    assert dropped == [("channel", DropCause.BAD_TAG)]
    given = [("channel", "63"), ("lane", "1"), ("channel", "new")]
    assert device.allowed_tags(given, dropped) == [("channel", "63"), ("lane", "1")]
    assert dropped == [("channel", DropCause.BAD_TAG)] * 2
    plain = Device("d2", None)
    assert plain.allowed_tags([], dropped) == []
    assert plain.seldom is None, "what few devices have takes no room"
    device.tag_values = None
    assert device.seldom is None


def test_a_device_that_said_goodbye_has_left_until_it_sends_again() -> None:
    device = Device("d1", None)
    assert (device.is_blank, device.has_left, device.last_sign_ms, device.share) == (True, False, 0, "")
    device.say(NOW_MS, online=True)
    assert (device.is_blank, device.has_left, device.goodbye_ms) == (False, False, 0)
    device.last_seen_ms = NOW_MS
    device.say(NOW_MS, online=False)
    assert (device.has_left, device.last_sign_ms) == (True, NOW_MS)
    device.last_seen_ms = NOW_MS + 1
    assert (device.has_left, device.last_sign_ms) == (False, NOW_MS + 1)
    for slot in ("last_seen_ms", "last_stamp_ms", "newest_ms"):
        sent = Device("d2", None)
        setattr(sent, slot, 1)
        assert not sent.is_blank, slot


def test_the_registry_knows_better_what_a_device_measures_than_its_first_message() -> None:
    heard = Device("d1", RegisteredDevice("d1"))
    Series("s1", heard, "water")
    Series("s1", heard, "power")
    assert (heard.domain, heard.measures) == ("water", "water")
    assert Device("d2", RegisteredDevice("d2", domain="power")).measures == "power"
    listed = Device("d3", RegisteredDevice("d3", domain="power", area="a1"))
    series = Series("s1", listed, "water")
    assert (listed.measures, series.domain, series.site) == ("power", "water", "s1")
    assert series.pattern.head == "water,area=a1,device="
    assert Series("s1", Device("sim-1", None), "other").device.domain is None


def test_the_greater_maxima_of_the_registry_hold_for_all_phases() -> None:
    transformer = Device("d1", RegisteredDevice("d1", params={"voltage_max_v": 40_000, "pulse_weight": 10}))
    assert transformer.raised_bounds["voltage_l1_v"] == 40_000.0
    assert "pulse_weight" not in transformer.raised_bounds
    assert Device("d2", None).raised_bounds == {}
    assert Device("d3", RegisteredDevice("d3", params={"voltage_max_v": "much"})).raised_bounds == {}


def test_somebody_who_looks_sees_what_became_of_the_newest_message_and_of_no_other() -> None:
    device, newest = Device("d1", None), arrival()
    device.keep(newest)
    assert (device.last_message, device.is_noted) == (None, False)
    device.watch()
    device.keep(newest)
    refused = Outcome(refusals=[Refusal(RejectReason.BAD_JSON, "why", "", b"", "decode", NOW_MS)])
    device.note(refused, arrival())
    assert (device.last_message, device.last_outcome) == (newest, None), "that was another"
    assert device.setback is not None
    device.note(Outcome(), newest)
    assert device.last_outcome is not None
    assert device.setback is None
    device.last_seen_ms = NOW_MS + 1
    device.note(refused, newest)
    assert device.setback is None, "it arrived before others"


def test_a_message_is_kept_up_to_its_limit_and_a_device_without_a_fault_needs_no_note() -> None:
    device = Device("d1", None)
    for limit, kept in ((1, False), (2, True)):
        device.keeps_bytes = limit
        device.keep(arrival(b"{}"))
        assert (device.last_message is not None) is kept
    device.allowed_tags([("channel", "1")], [])
    assert (device.seldom is not None, device.is_noted) == (True, False)
    device.note(Outcome(duplicates=1), arrival())
    assert device.is_noted, "its next good message ends what is known of this one"


def test_a_device_that_went_on_elsewhere_lacks_nothing_and_asks_for_its_sums() -> None:
    device = Device("d1", None)
    device.last_seq = 7
    device.went_on_elsewhere()
    assert (device.last_seq, device.counters) == (-1, None)
    device.counters = CounterState()
    device.went_on_elsewhere()
    assert device.counters.awaits is True


def test_of_several_steps_the_one_is_told_that_most_messages_confirm() -> None:
    series = Series("s1", Device("d1", None), "water")
    observation = Observation(series, FieldSets().of(("ph",)), (7.0,), NOW_MS, own_time=True, quality=0)
    for first_ms, readings, told in ((1, 1, 1), (2, 1, 1), (3, 2, 3), (4, 1, 3)):
        observation.tell(RegisterStep(first_ms, readings))
        assert observation.step is not None
        assert observation.step.first_ms == told
