"""One message's way: what becomes of it, which quality bits it gets, and that nothing it holds can stop the gateway."""

import json

import mqtt5
import pytest

from gateway.core.devices.streams import Admission
from gateway.core.edge_nodes import BIRTH
from gateway.core.message import REJECT_KEPT_BYTES, Arrival, StoredMessage
from schemas.quantities import Quality
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    SECOND_MS,
    doubted_clock,
    message,
    pipeline,
    point,
    points,
    process,
    quality,
    refusal,
    registered_device,
    topic,
)

YEAR_2020_MS = 1577836800000


def test_a_plain_reading_becomes_one_line() -> None:
    into = pipeline({"d1": registered_device(area="ward-7")})
    payload = {"ts": NOW_MS, "seq": 17, "volume_m3": 1234.567, "alarm_leak": False, "channel": "2"}
    (reading,) = process(payload, into=into).readings
    assert reading.lines == (
        "water,area=ward-7,channel=2,device=d1,site=s1 volume_m3=1234.567,alarm_leak=false,quality=0i,seq=17i 1793491200250"
    )
    assert reading.domain == "water"


@pytest.mark.parametrize(
    ("offset_ms", "bits"),
    [
        pytest.param(0, 0, id="now"),
        pytest.param(5 * MINUTE_MS, 0, id="max-future"),
        pytest.param(-HOUR_MS, 0, id="late-after"),
        pytest.param(-HOUR_MS - 1, Quality.HISTORIC, id="historic"),
        pytest.param(-40 * DAY_MS, Quality.HISTORIC, id="max-past"),
    ],
)
def test_the_time_of_the_device_is_used_within_its_window(offset_ms: int, bits: int) -> None:
    got = point(process({"ts": NOW_MS + offset_ms, "volume_m3": 5}))
    assert (got.time_ms, got.fields["quality"]) == (NOW_MS + offset_ms, bits)


@pytest.mark.parametrize(
    "ts",
    [
        pytest.param(NOW_MS + 5 * MINUTE_MS + 1, id="beyond-max-future"),
        pytest.param(NOW_MS - 40 * DAY_MS - 1, id="beyond-max-past"),
        pytest.param(17, id="1970"),
        pytest.param("2000-01-01T01:00:00+07:00", id="factory-default"),
        pytest.param("2055-05-12T15:08:33Z", id="2055"),
        pytest.param(-617292592, id="negative"),
    ],
)
def test_a_reading_is_never_dropped_for_its_clock(ts: int | str) -> None:
    outcome = process({"ts": ts, "volume_m3": 5})
    assert point(outcome).time_ms == NOW_MS
    assert quality(outcome) == Quality.GATEWAY_TIME


def test_the_window_holds_for_every_reading_and_not_only_for_the_first_of_a_device() -> None:
    into = pipeline()
    offsets_ms = [0, 0, 6 * MINUTE_MS, 0, -41 * DAY_MS, -DAY_MS, 0]
    got = [point(process({"ts": NOW_MS + offset_ms + n, "ph": n}, into=into)) for n, offset_ms in enumerate(offsets_ms)]
    assert [each.fields["quality"] for each in got] == [0, 0, 1, 0, 1, 8, 0]


def test_no_time_before_2020_is_used_even_when_the_gateway_itself_stands_there() -> None:
    into = pipeline(trust=doubted_clock())
    for n in range(3):
        got = point(process({"ts": 1000 + n, "volume_m3": 5}, now_ms=900_000, into=into))
        assert got.time_ms == 900_000 + n
    assert point(process({"ts": YEAR_2020_MS - 1, "ph": 7}, now_ms=YEAR_2020_MS, into=into)).time_ms == YEAR_2020_MS
    assert point(process({"ts": YEAR_2020_MS, "ph": 7}, now_ms=YEAR_2020_MS - 9, into=into)).fields["quality"] == 0
    first_of_a_device = message({"ts": YEAR_2020_MS, "ph": 7}, topic("d9"))
    assert quality(into.process(first_of_a_device, YEAR_2020_MS - 9)) == 0


def test_readings_stamped_by_the_gateway_never_share_a_millisecond() -> None:
    """Two messages of one moment, and all objects of an array without times."""
    into = pipeline()
    got = points(process([{"volume_m3": 5}] * 50, into=into)) + points(process({"volume_m3": 5}, into=into))
    assert len({each.time_ms for each in got}) == 51


def test_while_the_clock_is_doubted_a_device_may_stand_a_month_ahead() -> None:
    into = pipeline(trust=doubted_clock())
    ahead = point(process({"ts": NOW_MS + 31 * DAY_MS, "volume_m3": 5}, into=into))
    assert (ahead.time_ms, ahead.fields["quality"]) == (NOW_MS + 31 * DAY_MS, 0)
    outcome = process({"ts": NOW_MS + 31 * DAY_MS + 1, "volume_m3": 5}, into=into)
    assert point(outcome).time_ms == NOW_MS
    assert quality(outcome) == Quality.GATEWAY_TIME | Quality.CLOCK_DOUBTED


@pytest.mark.parametrize("step_ms", [-HOUR_MS, -365 * DAY_MS, 365 * DAY_MS], ids=["hour-back", "year-back", "year-ahead"])
def test_when_the_gateway_s_clock_is_set_wrong_devices_are_believed_as_before(step_ms: int) -> None:
    """From the first reading on; and a device that was wrong all the time is not believed now either."""
    into = pipeline()
    into.trust.see_influxdb(0, NOW_MS)
    into.trust.see_time(NOW_MS, 0)
    into.trust.see_time(NOW_MS + step_ms, 0)
    for n, offset_ms in enumerate((-40 * DAY_MS + HOUR_MS, 0, 4 * MINUTE_MS)):
        sent = {"ts": NOW_MS + offset_ms, "volume_m3": 5}
        assert point(process(sent, now_ms=NOW_MS + step_ms, into=into)).time_ms == NOW_MS + offset_ms, n
    sent = {"ts": NOW_MS - 41 * DAY_MS + min(step_ms, 0), "volume_m3": 5}
    assert quality(process(sent, now_ms=NOW_MS + step_ms, into=into)) == Quality.GATEWAY_TIME | Quality.CLOCK_DOUBTED


def test_devices_that_agree_against_the_gateway_are_believed_once_there_are_enough() -> None:
    into = pipeline()
    ahead = {"ts": NOW_MS + 3 * HOUR_MS, "volume_m3": 5}
    bits = [quality(into.process(message(ahead, topic(f"d{number}")), NOW_MS)) for number in range(6)]
    assert bits == [1, 1, 1, 1, 0, 0]
    assert into.trust.doubted


def test_doubt_ends_when_the_devices_that_cast_it_stand_right_again() -> None:
    """A time that is near tells something new where the one before was far."""
    into = pipeline()

    def hear(offset_ms: int) -> None:
        for number in range(5):
            into.process(message({"ts": NOW_MS + offset_ms, "ph": 7}, topic(f"d{number}")), NOW_MS)

    hear(0)
    hear(HOUR_MS)
    assert into.trust.doubted
    hear(MINUTE_MS)
    assert not into.trust.doubted


@pytest.mark.parametrize(
    ("offsets_ms", "told"),
    [
        pytest.param([0, -4 * MINUTE_MS, 4 * MINUTE_MS], 1, id="right"),
        pytest.param([-7 * HOUR_MS, -7 * HOUR_MS - MINUTE_MS, -7 * HOUR_MS + MINUTE_MS], 1, id="of-another-time-zone"),
        pytest.param([-6 * MINUTE_MS, -4 * MINUTE_MS, -6 * MINUTE_MS], 3, id="at-the-edge"),
        pytest.param([0, -HOUR_MS, -HOUR_MS, 0], 3, id="set-back-for-two-messages"),
    ],
)
def test_a_clock_that_stands_as_before_tells_nothing_new(
    offsets_ms: list[int], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However wrong it is: a device whose clock is off for good costs no more than another."""
    into, seen = pipeline(), []
    monkeypatch.setattr(into.trust, "see_device", lambda *evidence: seen.append(evidence))
    for number, offset_ms in enumerate(offsets_ms):
        into.process(message({"ts": NOW_MS + offset_ms, "ph": number}), NOW_MS)
    assert len(seen) == told


@pytest.mark.parametrize(
    ("payload", "bits"),
    [
        pytest.param({"volume_m3": 5}, Quality.GATEWAY_TIME | Quality.MAY_STAND_TWICE, id="stamped-by-the-gateway"),
        pytest.param({"ts": NOW_MS, "volume_m3": 5}, 0, id="with-its-own-time"),
    ],
)
def test_a_redelivered_reading_may_stand_twice_only_when_the_gateway_stamps_it(payload: object, bits: int) -> None:
    assert quality(pipeline().process(message(payload, duplicate=True), NOW_MS)) == bits


def test_saved_births_that_are_of_no_use_are_named_as_they_were_saved() -> None:
    assert pipeline().edge_nodes.restore_births({f"{BIRTH}g/n": "no birth"}) == [f"{BIRTH}g/n"]


def test_what_comes_from_the_broker_is_no_replay() -> None:
    """A replay has stamps of its own: it came long ago."""
    into = pipeline()
    into.process(mqtt5.PublishPacket(topic(), b'{"ph": 7}'), NOW_MS)
    assert point(into.process(message({"ph": 7}), NOW_MS)).time_ms == NOW_MS + 1


def test_readings_of_simulated_devices_carry_their_bit() -> None:
    outcome = pipeline().process(message({"ts": NOW_MS, "volume_m3": 5, "ph": 99}, topic("sim-7")), NOW_MS)
    assert quality(outcome) == Quality.SIMULATED | Quality.VALUE_DROPPED


def test_health_carries_the_quality_of_its_reading() -> None:
    both = points(process({"volume_m3": 5, "ph": 99, "battery_pct": 50}))
    assert [got.fields["quality"] for got in both] == [Quality.GATEWAY_TIME | Quality.VALUE_DROPPED] * 2


def test_a_status_is_no_reading_and_sets_the_state_of_the_device() -> None:
    into = pipeline()
    for state, online in (("online", True), ("offline", False)):
        outcome = into.process(message({"state": state, "fw": "1"}, topic(channel="status"), retain=True), NOW_MS)
        assert outcome.ignored is IgnoreCause.STATUS
        assert (outcome.readings, outcome.refusals) == ([], [])
        assert into.streams.devices["d1"].online is online


@pytest.mark.parametrize(
    "payload", [{"volume_m3": 5}, [{"volume_m3": 5}], {"ts": "yesterday", "volume_m3": 5}, {"ph": "7"}], ids=repr
)
def test_a_retained_message_without_its_own_time_is_ignored(payload: object) -> None:
    """It is as old as the subscription is new: the arrival time would be a lie."""
    outcome = pipeline().process(message(payload, retain=True), NOW_MS)
    assert outcome.ignored is IgnoreCause.RETAINED
    assert (outcome.readings, outcome.refusals) == ([], [])


def test_a_retained_message_with_its_own_time_is_a_reading() -> None:
    outcome = pipeline().process(message({"ts": NOW_MS - SECOND_MS, "volume_m3": 5}, retain=True), NOW_MS)
    assert outcome.ignored is None
    assert point(outcome).time_ms == NOW_MS - SECOND_MS


def test_only_what_a_device_sends_now_is_a_sign_of_life() -> None:
    """A retained message is no evidence that the device works today."""
    into = pipeline()
    into.process(message({"state": "online"}, topic(channel="status"), retain=True), NOW_MS)
    into.process(message({"ts": NOW_MS - DAY_MS, "volume_m3": 5}, retain=True), NOW_MS)
    assert into.streams.devices["d1"].last_seen_ms == 0
    into.process(message(b"rubbish"), NOW_MS)
    assert into.streams.devices["d1"].last_seen_ms == NOW_MS


@pytest.mark.parametrize("channel", ["readings", "status"])
def test_a_message_that_comes_again_later_is_no_sign_of_life_and_sets_none_back(channel: str) -> None:
    """Out of quarantine it comes with the time at which it arrived."""
    into = pipeline()
    into.process(message({"ph": 7}), NOW_MS)
    into.process(message({"ph": 7}, topic(channel=channel)), NOW_MS - HOUR_MS)
    assert into.streams.devices["d1"].last_seen_ms == NOW_MS
    into.process(message({"ph": 7}, topic(channel=channel)), NOW_MS + HOUR_MS)
    assert into.streams.devices["d1"].last_seen_ms == NOW_MS + HOUR_MS


def test_the_last_message_is_remembered_of_a_device_that_somebody_looks_at() -> None:
    into = pipeline()
    into.process(message({"ph": 7}), NOW_MS)
    device = into.streams.devices["d1"]
    device.keeps_bytes = -1
    into.process(message({"ph": 7}), NOW_MS)
    assert device.last_message is None, "nobody has looked"
    device.watch()
    latest = message({"ph": 8, "x" * 5000: 1})
    outcome = into.process(latest, NOW_MS + 1)
    assert into.streams.devices["d1"].last_message == Arrival(latest, NOW_MS + 1)
    assert device.last_outcome is outcome


def test_a_large_message_is_not_kept_until_somebody_looks() -> None:
    into = pipeline()
    into.process(message({"ph": 7}), NOW_MS)
    device = into.streams.devices["d1"]
    assert device.last_message is not None
    into.process(message({"ph": 7, "x" * 4096: 1}), NOW_MS)
    assert device.last_message is None, "the one before is not the last any more"


def test_one_object_with_its_own_time_lets_a_retained_array_in() -> None:
    outcome = pipeline().process(message([{"ts": NOW_MS, "ph": 7}, {"ph": 8}], retain=True), NOW_MS)
    assert outcome.ignored is None
    assert len(points(outcome)) == 2


def test_a_refused_object_is_kept_without_its_neighbours_and_not_beyond_the_limit() -> None:
    many = {"ts": NOW_MS, "note": "x" * REJECT_KEPT_BYTES}
    outcome = pipeline().process(message([{"ts": NOW_MS, "ph": 7}, {"ts": NOW_MS, "model": 1}, many]), NOW_MS)
    assert [refused.reason for refused in outcome.refusals] == [RejectReason.NO_QUANTITY] * 2
    assert b"ph" not in b"".join(refused.payload for refused in outcome.refusals)
    assert b'"model":1' in outcome.refusals[0].payload
    assert len(outcome.refusals[1].payload) == REJECT_KEPT_BYTES


def test_a_refused_reading_keeps_no_more_than_the_limit() -> None:
    """A message may hold four times as much."""
    refused = refusal(process({"ts": NOW_MS, "note": "x" * 2 * REJECT_KEPT_BYTES}))
    assert (refused.reason, len(refused.payload)) == (RejectReason.NO_QUANTITY, REJECT_KEPT_BYTES)


def test_an_unknown_topic_is_a_reject_with_its_bytes() -> None:
    refused = refusal(pipeline().process(message(b"\x01\x02", "zigbee2mqtt/lamp"), NOW_MS))
    assert refused.reason is RejectReason.UNKNOWN_TOPIC
    assert (refused.topic, refused.payload, refused.arrival_ms) == ("zigbee2mqtt/lamp", b"\x01\x02", NOW_MS)
    assert (refused.device, refused.domain, refused.stage) == ("", "unknown", "intake")


def test_an_unknown_device_is_a_reject_where_the_configuration_says_so() -> None:
    payload = {"ts": NOW_MS, "volume_m3": 5}
    refused = refusal(process(payload, into=pipeline(admission=Admission(unknown="reject"))))
    assert (refused.reason, refused.device, refused.domain) == (RejectReason.UNKNOWN_DEVICE, "d1", "water")
    assert point(process(payload, into=pipeline(admission=Admission(unknown="accept"))))


def test_the_device_that_is_one_too_many_is_a_reject() -> None:
    into = pipeline(admission=Admission(devices_max=1))
    outcomes = [into.process(message({"volume_m3": 5}, topic(name)), NOW_MS) for name in ("d1", "d2", "d1")]
    assert [len(outcome.readings) for outcome in outcomes] == [1, 0, 1]
    assert refusal(outcomes[1]).reason is RejectReason.UNKNOWN_DEVICE


def test_a_payload_above_the_limit_is_a_reject_with_its_first_64_kib() -> None:
    payload = json.dumps({"volume_m3": 5, "note": "x" * 300_000}).encode()
    refused = refusal(process(payload))
    assert refused.reason is RejectReason.TOO_LARGE
    assert refused.payload == payload[:REJECT_KEPT_BYTES]
    assert str(len(payload)) in refused.detail


def test_a_payload_at_the_limit_is_taken() -> None:
    payload = b'{"volume_m3": 5}'.ljust(pipeline().payload_max_bytes)
    assert point(process(payload)).values == {"volume_m3": 5.0}


@pytest.mark.parametrize(
    ("on", "device", "domain"),
    [pytest.param(topic("d9"), "d9", "water", id="native"), pytest.param("other/topic", "", "unknown", id="other")],
)
def test_what_the_session_did_not_assemble_is_a_reject_with_the_size_it_had(on: str, device: str, domain: str) -> None:
    head = StoredMessage(on, b"x" * (REJECT_KEPT_BYTES + 9))
    refused = refusal(pipeline().too_large(head, NOW_MS, 20_000_000))
    assert refused.reason is RejectReason.TOO_LARGE
    assert (refused.device, refused.domain, len(refused.payload)) == (device, domain, REJECT_KEPT_BYTES)
    assert "20000000 bytes" in refused.detail


def test_a_fault_in_the_core_is_a_reject_with_its_trace_and_touches_no_other_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one broad except: a message that hits a bug must not come first again after every restart."""
    into = pipeline()

    def fail(*_: object) -> int:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.core.devices.observation.Counting.judge", fail)
        outcome = into.process(message({"volume_m3": 5}, topic("d9")), NOW_MS)
    refused = refusal(outcome)
    assert refused.reason is RejectReason.INTERNAL_ERROR
    assert "ZeroDivisionError: a bug" in refused.detail
    assert "counting.judge" in refused.detail
    assert (refused.device, refused.payload, outcome.domain) == ("d9", b'{"volume_m3": 5}', "water")
    assert point(into.process(message({"ts": NOW_MS, "volume_m3": 5}, topic("d9")), NOW_MS))


def test_stamps_of_two_machines_that_take_turns_have_different_parity() -> None:
    """A burst runs ahead of the clock: what the other machine stamps after it must not take its place."""
    times_ms = []
    for parity in (0, 1):
        into = pipeline()
        into.evaluator.parity = parity
        times_ms.append({points(into.process(message({"ph": 7}), NOW_MS))[0].time_ms for _ in range(20)})
    assert len(times_ms[0]) == len(times_ms[1]) == 20
    assert not times_ms[0] & times_ms[1]
