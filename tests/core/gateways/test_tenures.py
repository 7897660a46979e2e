"""The shares that a gateway has, takes over and leaves."""

from dataclasses import replace

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import (
    TOLD_AGAIN_MS,
    Stage,
    Tenure,
    Tenures,
    fence_topic,
    name_of,
    names_within,
    not_empty,
    share_named,
    still_bound,
    unpack_tenure,
)
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import SumsMode

NOW_MS, DAY_MS = 1_793_491_200_000, 86_400_000
WARD = Share(site="ward-1")
WATER = Share(site="ward-2", domain="water")
GROUP = Share(group="xa-tan-an")
APPLICATION = Share(topic="application/7/#")
ME = "gateway-1"
TOPIC = "iot/v1/ward-1/water/m1/readings"


def to_me(shares: list[Share]) -> dict[Share, str]:
    return dict.fromkeys(shares, ME)


def test_a_share_that_comes_is_taken_over_and_one_that_goes_is_unwanted() -> None:
    tenures = Tenures()
    assert tenures.want(to_me([WARD, WATER]), ME, NOW_MS) == ["ward-1", "ward-2/water"]
    assert tenures.want(to_me([WATER, GROUP]), ME, NOW_MS + 1) == ["spBv1.0/xa-tan-an"]
    assert tenures.unwanted == ["ward-1"]
    assert tenures.taken_over == ["ward-2/water", "spBv1.0/xa-tan-an"]
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEAVING))
    assert (tenures.unwanted, tenures.leaving) == ([], ["ward-1"])


def test_a_share_that_comes_back_while_it_is_left_is_taken_over_anew() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS)
    tenures.want(to_me([]), ME, NOW_MS + 1)
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEAVING))
    assert tenures.want(to_me([WARD]), ME, NOW_MS + 2) == ["ward-1"]
    assert (tenures.leaving, tenures.since_ms("ward-1")) == ([], NOW_MS + 2)


def test_a_share_that_came_back_is_not_where_it_was_before() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS)
    before = tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEAVING))
    assert tenures.is_still("ward-1", before)
    tenures.move("ward-1", lambda tenure: replace(tenure, told_ms=NOW_MS))
    assert tenures.is_still("ward-1", before), "that the database knows it changes nothing"
    tenures.want(to_me([WARD]), ME, NOW_MS + 1)
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEAVING))
    assert not tenures.is_still("ward-1", before)
    tenures.forget("ward-1")
    assert not tenures.is_still("ward-1", before)


def test_a_share_is_read_on_until_those_read_it_to_whom_it_goes() -> None:
    tenures = Tenures()
    tenures.want(to_me([Share(site="ward-2"), WARD, GROUP]), ME, NOW_MS)
    parts = {WATER: "gateway-2", Share(site="ward-2", domain="power"): ME, GROUP: "gateway-3"}
    tenures.want(parts, ME, NOW_MS + 1)
    assert tenures.unwanted == ["ward-2", "ward-1", "spBv1.0/xa-tan-an"]
    assert tenures.kept == ["ward-2", "spBv1.0/xa-tan-an"], "nobody is to read the other one"
    assert tenures.heirs("ward-2") == {"ward-2/water": "gateway-2"}
    assert {"iot/v1/ward-2/+/+/readings", "iot/v1/ward-2/power/+/readings", "spBv1.0/xa-tan-an/#"} < tenures.filters()
    tenures.release("ward-2")
    assert tenures.filters() == {"iot/v1/ward-2/power/+/readings", "iot/v1/ward-2/power/+/status", "spBv1.0/xa-tan-an/#"}


@pytest.mark.parametrize("share", [WARD, WATER, GROUP, APPLICATION, Share(topic="zigbee2mqtt/+")])
def test_a_name_stands_for_its_share(share: Share) -> None:
    assert share_named(name_of(share)) == share


def test_a_restart_moves_nothing() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS)
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.HOLDING))
    saved = {name: unpack_tenure(tenure.packed()) for name, tenure in tenures.by_name.items()}
    again = Tenures(saved)
    assert (again.want(to_me([WARD]), ME, NOW_MS + 9), again.taken_over, again.since_ms("ward-1")) == ([], [], NOW_MS)


@pytest.mark.parametrize(
    ("told_ms", "later_ms", "untold"),
    [
        pytest.param(0, 0, True, id="never-told"),
        pytest.param(NOW_MS, DAY_MS - 1, False, id="within-the-day"),
        pytest.param(NOW_MS, DAY_MS, True, id="a-day-later"),
    ],
)
def test_the_database_is_told_of_a_share_once_and_again_each_day(told_ms: int, later_ms: int, *, untold: bool) -> None:
    tenure = Tenure(Stage.HOLDING, NOW_MS, told_ms)
    assert tenure.is_untold(NOW_MS + later_ms) is untold
    assert tenure.at(Stage.LEAVING).is_untold(NOW_MS + later_ms), "nobody knows of another stage yet"


def test_a_topic_is_in_the_share_that_takes_it() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD, WATER, GROUP, APPLICATION]), ME, NOW_MS)
    for topic, name in {
        TOPIC: "ward-1",
        "iot/v1/ward-2/water/m2/status": "ward-2/water",
        "iot/v1/ward-2/power/p2/readings": "",
        "spBv1.0/xa-tan-an/DDATA/edge/meter": "spBv1.0/xa-tan-an",
        "application/7/device/0011223344556677/event/up": "application/7/#",
        "application/8/device/0011223344556677/event/up": "",
        "application/ward-1/ward-1": "",
    }.items():
        assert tenures.share_of(topic) == name, topic
    assert [name_of(share) for share in (WARD, WATER, GROUP)] == ["ward-1", "ward-2/water", "spBv1.0/xa-tan-an"]


def test_a_topic_is_in_the_share_that_takes_it_wherever_its_wildcard_stands() -> None:
    filters = ["application/7/#", "application/8/device/+/event/up", "zigbee2mqtt/+", "shellies/#", "+/sensor/state", "meters"]
    tenures = Tenures()
    tenures.want(to_me([Share(topic=pattern) for pattern in filters]), ME, NOW_MS)
    for topic, name in {
        "application/7": "application/7/#",
        "application/7/device/1/event/up": "application/7/#",
        "application/8/device/1/event/up": "application/8/device/+/event/up",
        "application/8/device/1/event/join": "",
        "zigbee2mqtt/plug": "zigbee2mqtt/+",
        "shellies": "shellies/#",
        "tasmota/sensor/state": "+/sensor/state",
        "meters": "meters",
        "meters/1": "",
    }.items():
        assert tenures.share_of(topic) == name, topic


def test_a_site_that_is_split_was_shared_out_under_its_own_name_before() -> None:
    assert names_within("ward-2/water") == ["ward-2/water", "ward-2"]
    assert names_within("ward-2") == ["ward-2", "ward-2/water", "ward-2/power", "ward-2/traffic", "ward-2/urban"]
    assert names_within("application/7/#") == ["application/7/#"]


def test_others_are_waited_for_until_they_are_empty() -> None:
    others = {"a": Stage.HOLDING, "b": Stage.LEAVING, "c": Stage.LEFT}
    assert (still_bound(others), not_empty(others)) == (["a"], ["a", "b"])


def test_a_fence_has_no_dot_in_its_topic() -> None:
    assert fence_topic("gateway.1") == "gateway/v1/gateway-1/fence"


def core(tenures: Tenures) -> Processor:
    streams = Streams(tenures=tenures)
    return Processor(
        streams,
        TimeRules(40 * 86_400_000, 300_000, 3_600_000),
        ClockTrust(not_before_ms=0, max_future_ms=300_000),
        sums=SumsMode.ASKED,
    )


def quality(found: Processor, topic: str, payload: bytes) -> int:
    (reading,) = found.process(StoredMessage(topic, payload), NOW_MS).readings
    return int(reading.lines.partition("quality=")[2].partition("i")[0])


def test_a_reading_without_a_time_may_stand_twice_until_nothing_comes_to_another() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS)
    found = core(tenures)
    assert quality(found, TOPIC, b'{"flow_m3_h": 1}') == 1 | 64
    assert quality(found, TOPIC, b'{"ts": %d, "flow_m3_h": 1}' % NOW_MS) == 0, "it overwrites itself"
    assert quality(found, "iot/v1/ward-9/water/m9/readings", b'{"flow_m3_h": 1}') == 1
    tenures.move("ward-1", lambda tenure: replace(tenure, is_alone=True))
    assert quality(found, TOPIC, b'{"flow_m3_h": 2}') == 1


@pytest.mark.parametrize("share", [WARD, Share(site="ward-1", domain="water"), Share(topic=TOPIC)])
def test_what_came_of_a_share_that_was_given_up_again_may_stand_twice(share: Share) -> None:
    """It goes back to a gateway that read on, since the move had not come to its end."""
    tenures = Tenures()
    tenures.want(to_me([share]), ME, NOW_MS)
    tenures.want({share: "gateway-2"}, ME, NOW_MS + 1)
    found, name = core(tenures), name_of(share)
    assert quality(found, TOPIC, b'{"flow_m3_h": 1}') == 1 | 64
    tenures.move(name, lambda tenure: tenure.at(Stage.LEAVING))
    assert quality(found, TOPIC, b'{"flow_m3_h": 2}') == 1 | 64, "it waited in the queue or the network"
    tenures.move(name, lambda tenure: tenure.at(Stage.LEFT))
    assert quality(found, TOPIC, b'{"flow_m3_h": 3}') == 1


def test_what_waited_for_a_share_that_goes_to_another_may_stand_twice_from_the_word_to_leave_to_the_end() -> None:
    """The other one stamps newer readings already; a register that shows less here was not reset."""
    tenures = Tenures({"ward-1": Tenure(Stage.HOLDING, NOW_MS - 1000, NOW_MS, is_alone=True, is_free=True)})
    tenures.want(to_me([WARD]), ME, NOW_MS)
    found = core(tenures)
    assert quality(found, TOPIC, b'{"flow_m3_h": 1}') == 1
    tenures.want({WARD: "gateway-2"}, ME, NOW_MS + 1)
    assert quality(found, TOPIC, b'{"flow_m3_h": 2}') == 1 | 64
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEAVING))
    assert quality(found, TOPIC, b'{"flow_m3_h": 3}') == 1 | 64
    tenures.move("ward-1", lambda tenure: tenure.at(Stage.LEFT))
    assert quality(found, TOPIC, b'{"flow_m3_h": 4}') == 1


def test_a_device_that_comes_back_has_its_sums_asked_for_again_and_nothing_missing() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS - 1000)
    found = core(tenures)
    awaits = []
    for name, seen_ms in (("m1", NOW_MS - 5000), ("m2", NOW_MS - 500)):
        device = found.streams.meet(name, "water")
        assert isinstance(device, Device)
        device.counters, device.last_seen_ms, device.last_seq = CounterState(), seen_ms, 7
        found.process(StoredMessage(TOPIC.replace("m1", name), b'{"volume_m3": 1, "seq": 10}'), NOW_MS)
        assert device.share == "ward-1"
        awaits.append((device.counters.awaits, device.seq_missing))
    assert awaits == [("asked", 0), (False, 2)], "the second one was heard since the share came"


def test_two_gateways_never_stamp_readings_of_a_device_at_the_same_millisecond() -> None:
    """The old one brings in what waited, many in a millisecond, while the new one stamps what comes."""
    old, new = Tenures(), Tenures()
    old.want(to_me([WARD]), ME, NOW_MS)
    old.move("ward-1", lambda tenure: replace(tenure, stage=Stage.HOLDING, is_free=True, is_alone=True))
    old.want({WARD: "gateway-2"}, ME, NOW_MS)
    new.want({WARD: ME}, ME, NOW_MS)

    def stamps(tenures: Tenures) -> set[str]:
        found = core(tenures)
        lines = [found.process(StoredMessage(TOPIC, b'{"flow_m3_h": 1}'), NOW_MS).readings[0].lines for _ in range(9)]
        return {line.rpartition(" ")[2] for line in lines}

    assert len(stamps(old) | stamps(new)) == 18
    new.move("ward-1", lambda tenure: replace(tenure, is_free=True, is_alone=True))
    assert all(int(stamp) % 2 == 0 for stamp in stamps(new)), "it may have to leave it itself"


def test_a_gateway_is_bound_until_it_leaves_and_empty_once_it_left() -> None:
    others = {"a": Stage.TAKING_OVER, "b": Stage.LEAVING, "c": Stage.HOLDING, "d": Stage.LEFT}
    assert still_bound(others) == ["a", "c"]
    assert not_empty(others) == ["a", "b", "c"]


def test_a_stage_that_the_database_does_not_know_is_told_and_one_that_it_knows_each_day() -> None:
    told = replace(Tenure(Stage.HOLDING, NOW_MS), told_ms=NOW_MS)
    assert Tenure(Stage.HOLDING, NOW_MS).told_ms == told.at(Stage.LEAVING).told_ms == 0
    assert TOLD_AGAIN_MS == DAY_MS
    assert [told.is_untold(NOW_MS + later_ms) for later_ms in (0, DAY_MS - 1, DAY_MS)] == [False, False, True]


def test_a_name_stands_for_the_share_that_has_it() -> None:
    assert share_named("spBv1.0/group/node") == Share(topic="spBv1.0/group/node")
    assert name_of(Share()) == ""
    tenures = Tenures()
    tenures.want(to_me([Share(topic="ward-9"), Share(topic="")]), ME, NOW_MS)
    assert tenures.filters() == {"ward-9", ""}, "a topic filter, as the file says, and no site"
    assert tenures.unplaced == ["ward-9", ""]
    assert tenures.share_of("iot/v1/ward-9/water/m1/readings") == ""


def test_who_reads_a_share_is_what_the_file_says_now() -> None:
    tenures = Tenures()
    tenures.want({WARD: ME, WATER: "gateway-2"}, ME, NOW_MS)
    assert tenures.readers == {"ward-1": "", "ward-2/water": "gateway-2"}
    tenures.want({WARD: "gateway-3", WATER: ME}, ME, NOW_MS + 1)
    assert tenures.readers == {"ward-2/water": "", "ward-1": "gateway-3"}
    assert (tenures.since_ms("ward-1"), tenures.since_ms("ward-2/water"), tenures.since_ms("else")) == (0, NOW_MS + 1, 0)
    assert tenures.kept == ["ward-1"]
    tenures.release("ward-1")
    assert tenures.kept == []
    tenures.want({WARD: "gateway-3", WATER: ME}, ME, NOW_MS + 2)
    assert tenures.kept == ["ward-1"], "the file was read again"
    tenures.forget("ward-1")
    assert "ward-1" not in tenures.by_name


def test_sums_are_held_back_while_another_gateway_has_some_to_write() -> None:
    tenures = Tenures()
    tenures.want(to_me([WARD]), ME, NOW_MS)
    assert tenures.holds_sums_back("ward-1")
    assert not tenures.holds_sums_back("ward-2")
    tenures.move("ward-1", lambda tenure: replace(tenure, is_free=True))
    assert not tenures.holds_sums_back("ward-1")
    tenures.move("ward-1", lambda tenure: replace(tenure, stage=Stage.HOLDING, is_free=False))
    assert not tenures.holds_sums_back("ward-1")


def test_only_messages_of_a_share_that_moves_are_stamped_oddly_and_may_come_twice() -> None:
    tenures = Tenures()
    elsewhere = TOPIC.replace("ward-1", "ward-3")
    assert (tenures.parity(TOPIC), tenures.may_come_twice(TOPIC)) == (0, False)
    tenures.want(to_me([WARD, APPLICATION]), ME, NOW_MS)
    for topic in (TOPIC, "application/7/device/d1"):
        assert (tenures.parity(topic), tenures.may_come_twice(topic)) == (1, True)
    assert (tenures.parity(elsewhere), tenures.may_come_twice(elsewhere)) == (0, False)
    tenures.move("ward-1", lambda tenure: replace(tenure, is_alone=True))
    assert (tenures.parity(TOPIC), tenures.may_come_twice(TOPIC)) == (1, False)
    tenures.move("ward-1", lambda tenure: replace(tenure, is_free=True))
    assert (tenures.parity(TOPIC), tenures.may_come_twice(TOPIC)) == (0, False)
    tenures.want({}, ME, NOW_MS + 1)
    tenures.move(name_of(APPLICATION), lambda tenure: tenure.at(Stage.LEFT))
    assert tenures.share_of("application/7/device/d1") == "", "nothing of it comes any more"
