"""The setback of a device: what its newest message lacked."""

import pytest

from gateway.core.devices.setback import Setback, setback_after, unknown_keys
from gateway.core.message import CodecAsk, Outcome, QuarantinedMessage, Refusal, SideEffects, StoredMessage, WaitCause
from gateway.core.process import Processor
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import HOUR_MS, NOW_MS, SECOND_MS, message, pipeline, topic


def after(*payloads: object, into: Processor | None = None) -> Setback | None:
    """The setback of a device after some messages, a second apart."""
    into = into or pipeline()
    for second, payload in enumerate(payloads):
        into.process(message(payload), NOW_MS + second * SECOND_MS)
    return into.streams.devices["d1"].setback


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "bad_json"),
        (b"\xff", "not_utf8"),
        ({"volume": 1}, "no_quantity"),
        ([], "bad_payload"),
        ({"ph": 7, "level_m": 999}, "dropped"),
        ([{"ph": 7}, {"volume": 1}], "no_quantity"),
    ],
)
def test_a_fault_of_the_newest_message_is_kept_and_ends_with_a_good_one(payload: object, code: str) -> None:
    found = after({"ph": 7}, payload)
    assert found is not None
    assert (found.code, found.since_ms) == (code, NOW_MS + SECOND_MS)
    assert found.stops is (code != "dropped")
    assert after({"ph": 7}, payload, {"ph": 7}) is None


def test_a_fault_that_goes_on_keeps_its_beginning() -> None:
    found = after(b"{", b"{", b"{")
    assert found is not None
    assert found.since_ms == NOW_MS


def test_the_first_values_that_were_dropped_are_named_with_their_causes() -> None:
    found = after({"ph": 7, "level_m": 999, "volumen": 3, "x" * 200: 1, **{f"k{n}": 1 for n in range(20)}})
    assert found is not None
    assert {("level_m", "out_of_bounds"), ("volumen", "unknown_key")} <= set(found.values)
    assert "volumen" in unknown_keys(found)
    assert "level_m" not in unknown_keys(found)
    assert len(found.values) == 8
    assert max(len(path) for path, _ in found.values) == 64


def test_a_repeated_message_is_told_apart_from_a_new_one() -> None:
    reading = {"ts": NOW_MS, "ph": 7}
    found = after(reading, reading, reading)
    assert found == Setback("duplicate", NOW_MS + SECOND_MS)
    assert not found.stops


def test_what_comes_late_and_what_is_no_data_tells_nothing_of_now() -> None:
    into = pipeline()
    into.process(message({"ph": 7}), NOW_MS)
    into.process(message(b"{"), NOW_MS - HOUR_MS, replayed=True)
    assert into.streams.devices["d1"].setback is None
    into.process(message(b"{"), NOW_MS + 1)
    into.process(StoredMessage(topic(channel="status"), b'{"state": "online"}'), NOW_MS + 2)
    into.process(message({"ph": 7}, retain=True), NOW_MS + 3)
    found = into.streams.devices["d1"].setback
    assert found is not None
    assert found.code == RejectReason.BAD_JSON


def outcome(**effects: object) -> Outcome:
    return Outcome(side_effects=SideEffects(**effects))  # type: ignore[arg-type]


def test_a_message_that_waits_has_the_code_of_its_cause_and_one_that_asks_changes_nothing() -> None:
    before = Setback("bad_json", 1)
    assert setback_after(outcome(ask=CodecAsk("x.js", b"", 1, 0)), 5, before) is before
    waits = QuarantinedMessage(WaitCause.CODEC, "x.js", None, "", b"", retain=False, arrival_ms=5)
    assert setback_after(outcome(waiting=[waits]), 5, before) == Setback("waits_codec", 5, "x.js")
    assert setback_after(outcome(waiting=[waits]), 9, Setback("waits_codec", 5)) == Setback("waits_codec", 5, "x.js")
    assert setback_after(outcome(released=["g/n"]), 5, before) is None, "it became readings in full"
    assert setback_after(Outcome(ignored=IgnoreCause.STATUS), 5, before) is before


def test_a_detail_is_cut_and_can_always_be_saved() -> None:
    refused = Outcome(refusals=[Refusal(RejectReason.BAD_JSON, "\ud800" + "x" * 400, "", b"", "decode", 0)])
    found = setback_after(refused, 1, None)
    assert found is not None
    assert found.detail == "?" + "x" * 299
