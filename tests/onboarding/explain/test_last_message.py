"""A message of the running gateway looked at again: what became of it, and nothing else changes."""

import asyncio
import base64
import json
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.devices.streams import Admission, Streams
from gateway.core.message import Arrival, CodecAsk, Outcome, Reading, Refusal, StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.language.profile import CompiledProfile
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.onboarding.explain.dry_run import DryRun, listed_reject, reject_document
from gateway.onboarding.explain.steps import LastMessage, _first_of_each, births_named_by, explain_last
from gateway.runtime.pipeline.processing import processor_apart
from schemas.registry import RegisteredDevice
from schemas.rejects import RejectReason
from tests.core.making import pipeline
from tests.core.sparkplug_payloads import M, payload
from tests.profile_loading import load_profiles

ARRIVAL_MS = 1_793_491_200_250
NATIVE = "iot/v1/site/water/m1/readings"
EUI = "aced48000000a001"
UPLINK = f"application/1/device/{EUI}/event/up"
FRAME = {"deviceInfo": {"devEui": EUI}, "time": "2026-10-31T23:59:50Z", "fPort": 100, "data": base64.b64encode(b"\1").decode()}
SHIPPED = load_profiles(None)


def running(*profiles: str | CompiledProfile, devices: Mapping[str, RegisteredDevice] | None = None) -> Processor:
    compiled = [SHIPPED.profiles[one].compiled if isinstance(one, str) else one for one in profiles]
    known = Profiles(compiled, Envelopes(SHIPPED.envelopes.values()))
    rules = TimeRules(max_past_ms=40 * 86_400_000, max_future_ms=300_000, late_after_ms=3_600_000)
    return Processor(Streams(devices or {}, None, known), rules, ClockTrust(not_before_ms=0, max_future_ms=300_000))


class Codec:
    """In a codec's place: gives one answer and remembers what it was asked."""

    def __init__(self, answer: CodecAnswer | None = None) -> None:
        self.answer = answer or CodecAnswer({})
        self.asked: list[CodecAsk] = []

    async def __call__(self, call: CodecAsk) -> CodecAnswer:
        """Answer."""
        self.asked.append(call)
        return self.answer


def look(
    processor: Processor,
    topic: str,
    sent: object,
    codec: Codec | None = None,
    births: Mapping[str, str] | None = None,
    became: Outcome | None = None,
) -> LastMessage:
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    arrival = Arrival(StoredMessage(topic, data), ARRIVAL_MS)
    apart = processor_apart(processor.streams.registry, processor.streams.profiles, processor.rules, deepcopy(processor.trust))
    return asyncio.run(explain_last(apart, arrival, codec or Codec(), births or {}, became))


def steps(found: LastMessage, what: str) -> list[str]:
    return [value for kind, value in found.steps if kind == what]


def told_of(found: LastMessage, field: str) -> list[list[str]]:
    """Return the source of a field and each step that changed it."""
    begin = f"{field} from "
    return [step.removeprefix(begin).split(" → ") for step in steps(found, "step") if step.startswith(begin)]


def test_a_native_message_shows_its_points_and_what_was_dropped() -> None:
    found = look(running(), NATIVE, {"ts": ARRIVAL_MS, "flow_m3_h": 1.5, "ph": 99})
    (point,) = found.result["points"]
    assert point["fields"] == {"flow_m3_h": 1.5, "quality": 2}
    assert found.result["dropped"] == [{"path": "ph", "cause": "out_of_bounds"}]
    assert steps(found, "profile") == ["native"]
    assert len(steps(found, "dropped")) == len(steps(found, "point")) == 1


def test_to_look_changes_nothing_in_the_running_gateway() -> None:
    processor = running()
    reading = {"ts": ARRIVAL_MS - 7_000, "seq": 5, "volume_m3": 10, "flow_m3_h": 1}
    processor.process(StoredMessage(NATIVE, json.dumps(reading).encode()), ARRIVAL_MS)
    device = processor.streams.devices["m1"]
    before = (device.last_seq, device.offset_ms, device.last_seen_ms, device.counters and device.counters.registers())
    later = {"ts": ARRIVAL_MS + 90_000, "seq": 99, "volume_m3": 5, "flow_m3_h": 1}
    for _ in range(3):
        assert look(processor, NATIVE, later).result["duplicates"] == 0
        look(processor, "iot/v1/site/water/other/readings", later)
    assert (device.last_seq, device.offset_ms, device.last_seen_ms, device.counters and device.counters.registers()) == before
    assert list(processor.streams.devices) == ["m1"]
    assert processor.evaluator.sequence_missing == {}


def test_sums_are_no_part_of_a_message() -> None:
    processor = running()
    lines = f"water,device=m1,site=site volume_m3=5.0,volume_sum_m3=505.0,quality=0i {ARRIVAL_MS}"
    found = look(
        processor, NATIVE, {"ts": ARRIVAL_MS, "volume_m3": 5}, became=Outcome("water", readings=[Reading(lines, "water")])
    )
    assert [point["fields"] for point in found.result["points"]] == [{"volume_m3": 5.0, "quality": 0}]
    assert "volume_sum_m3" not in " ".join(steps(found, "point"))


def test_a_reset_register_keeps_the_quality_that_it_was_given() -> None:
    processor = running()
    for second, volume in enumerate((1000, 1001, 3)):
        reading = {"ts": ARRIVAL_MS + 1000 * second, "volume_m3": volume}
        became = processor.process(StoredMessage(NATIVE, json.dumps(reading).encode()), ARRIVAL_MS + 1000 * second)
    found = look(processor, NATIVE, reading, became=became)
    assert [point["fields"]["quality"] for point in found.result["points"]] == [4]
    assert "quality=4" in steps(found, "point")[0]
    assert look(processor, NATIVE, reading).result["points"][0]["fields"]["quality"] == 0, "by itself it looks good"


def test_a_conflict_of_two_readings_is_shown_as_the_reject_that_it_was() -> None:
    processor = running()
    for flow in (1, 2):
        reading = {"ts": ARRIVAL_MS, "flow_m3_h": flow}
        became = processor.process(StoredMessage(NATIVE, json.dumps(reading).encode()), ARRIVAL_MS)
    found = look(processor, NATIVE, reading, became=became)
    assert (found.result["points"], found.result["reject"]["reason"]) == ([], "time_conflict")


def test_what_a_codec_has_not_answered_yet_is_worked_out() -> None:
    processor = running("axioma-w1")
    became = processor.process(StoredMessage(UPLINK, json.dumps(FRAME).encode()), ARRIVAL_MS)
    found = look(processor, UPLINK, FRAME, Codec(CodecAnswer({"t": 1_793_491_100, "total_l": 5938})), became=became)
    assert found.result["points"][0]["fields"]["volume_m3"] == 5.938


def test_the_codec_is_asked_once_and_every_step_of_what_it_gave_is_told() -> None:
    codec = Codec(CodecAnswer({"t": 1_793_491_100, "total_l": 5938, "status": 0x20}, warnings=["low battery"]))
    found = look(running("axioma-w1"), UPLINK, FRAME, codec)
    assert [(call.codec, call.payload, call.port) for call in codec.asked] == [("axioma-w1.js", b"\1", 100)]
    assert found.result["points"][0]["fields"]["volume_m3"] == 5.938
    assert found.result["warnings"] == steps(found, "warning") == ["low battery"]
    assert 'gave {"t": 1793491100' in steps(found, "codec")[0]
    assert told_of(found, "volume_m3")[0] == ["/codec/total_l: 5938", "unit L: 5.938"]


def test_what_the_network_server_decoded_is_told_as_such() -> None:
    axioma = SHIPPED.profiles["axioma-w1"].compiled
    assert axioma.codec is not None
    trusting = copy(axioma)
    trusting.codec = replace(axioma.codec, prefer="decoded")
    codec = Codec()
    found = look(running(trusting), UPLINK, FRAME | {"object": {"total_l": 5938}}, codec)
    assert codec.asked == []
    assert steps(found, "codec") == ['axioma-w1.js was not called; the network server gave {"total_l": 5938}']
    assert told_of(found, "volume_m3")[0] == ["/codec/total_l: 5938", "unit L: 5.938"]


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        pytest.param(CodecAnswer(None, fault="took more than 10 ms", overran=True), "reject", id="fault"),
        pytest.param(CodecAnswer(None, suspended=True), "waits", id="suspended"),
    ],
)
def test_a_codec_that_gives_nothing_is_told(answer: CodecAnswer, becomes: str) -> None:
    found = look(running("axioma-w1"), UPLINK, FRAME, Codec(answer))
    assert found.result["points"] == []
    assert found.result.get(becomes)
    assert len(steps(found, becomes)) == 1
    assert steps(found, "codec") == []


def test_a_registered_make_is_read_as_its_registry_entry_says() -> None:
    registered = RegisteredDevice("m1", site="s1", area="x1")
    found = look(running(devices={"m1": registered}), NATIVE, {"flow_m3_h": 1})
    assert found.result["points"][0]["tags"] == {"area": "x1", "device": "m1", "site": "site"}


def test_sparkplug_data_by_alias_is_understood_with_the_births_that_were_saved() -> None:
    host = running("sparkplug-power")
    topic = "spBv1.0/hue/{}/station/pm-1"
    born = payload(M("Voltage/L1", 230.0, alias=1, kind="Double", time_ms=ARRIVAL_MS), seq=1)
    births: dict[str, str] = {}
    for where, data in (
        ("spBv1.0/hue/NBIRTH/station", payload(M("bdSeq", 3, 3, kind="Int64"), seq=0)),
        (topic.format("DBIRTH"), born),
    ):
        side_effects = host.process(StoredMessage(where, data), ARRIVAL_MS).side_effects
        births |= {name: text for name, text in (side_effects.keep if side_effects else {}).items() if text is not None}
    data = payload(M(None, 231.5, alias=1, time_ms=ARRIVAL_MS), seq=2)
    assert set(births_named_by(topic.format("DDATA"))) == births.keys()
    waits = look(host, topic.format("DDATA"), data, births={}).result
    assert (waits["waits"]["cause"], waits["device"]) == ("no_birth", "hue.station.pm-1")
    found = look(host, topic.format("DDATA"), data, births=births)
    (point,) = found.result["points"]
    assert (point["tags"]["device"], point["fields"]) == ("hue.station.pm-1", {"voltage_l1_v": 231.5, "quality": 0})
    assert '"name": "Voltage/L1"' in steps(found, "decoded")[0], "the metric by its name, not by its alias"
    assert told_of(found, "voltage_l1_v") != []
    assert births_named_by(NATIVE) == []


def test_of_a_week_of_readings_the_first_are_shown_and_the_others_counted() -> None:
    week = [{"ts": ARRIVAL_MS - number * 60_000, "flow_m3_h": 1, "note": "x"} for number in range(1000)]
    found = look(running(), NATIVE, week)
    assert (len(found.result["points"]), found.result["points_left_out"]) == (50, 950)
    kinds = [kind for kind, _ in found.steps]
    assert max(kinds.count(kind) for kind in kinds) <= 60
    assert max(len(value) for _, value in found.steps) <= 1010


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x00", id="bytes"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b'{"flow_m3_h": 1e999, "ph": NaN}', id="not finite"),
        pytest.param(json.dumps({"x" * 500: {"y": [None] * 50}}).encode(), id="odd keys"),
    ],
)
@pytest.mark.parametrize("topic", [NATIVE, UPLINK, "tele/plug/SENSOR", "spBv1.0/g/DDATA/n/d", "nobody/knows"])
def test_whatever_was_sent_can_be_shown(topic: str, data: bytes) -> None:
    found: Any = look(running("axioma-w1", "tasmota-energy", "sparkplug-power"), topic, data)
    assert json.loads(json.dumps(found.result, allow_nan=False)) == found.result
    assert all(isinstance(text, str) for step in found.steps for text in step)


def test_of_each_kind_of_step_the_first_sixty_are_told_and_a_long_one_is_cut() -> None:
    told = _first_of_each([("step", f"{number}") for number in range(61)] + [("point", "x" * 1000), ("point", "y" * 1001)])
    assert [text for what, text in told if what == "step"] == [f"{number}" for number in range(60)]
    assert [len(text) for what, text in told if what == "point"] == [1000, 1002]
    assert told[-1][1].endswith("y …")


def test_without_a_core_that_is_open_to_all_a_device_to_register_is_named_and_nothing_else() -> None:
    with SyncCodecs({}) as codecs:
        dry_run = DryRun(pipeline(admission=Admission(unknown="reject")), codecs)
        seen = dry_run.take(StoredMessage(NATIVE, b'{"flow_m3_h": 1}'), ARRIVAL_MS)
        opened = DryRun(dry_run.processor, codecs, pipeline()).take(StoredMessage(NATIVE, b'{"flow_m3_h": 1}'), ARRIVAL_MS)
    assert (seen.to_register, seen.if_registered, seen.profile) == ("m1", None, None)
    assert opened.if_registered is not None
    assert opened.if_registered.outcome.readings


def test_a_reject_is_told_with_its_bytes_and_in_lists_with_their_number() -> None:
    refusal = Refusal(RejectReason.BAD_JSON, "cut off", "a/b", b"{", "decode", 5, "m1", "water")
    told = {
        "id": 7,
        "arrival_ms": 5,
        "topic": "a/b",
        "device": "m1",
        "stage": "decode",
        "reason": "bad_json",
        "detail": "cut off",
    }
    assert reject_document(7, refusal) == told | {"payload_base64": "ew=="}
    assert listed_reject(7, refusal, 9) == told | {"payload_bytes": 9}
