"""The snapshot of a device is the same after a restart, and never alters a value."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.devices.device import MESSAGE_KEPT_BYTES, Device
from gateway.core.devices.setback import Setback
from gateway.core.devices.snapshot import pack, pack_kept, unpack, unpack_kept
from gateway.core.message import Arrival, StoredMessage
from gateway.core.readings.clock_trust import WrongClock
from gateway.core.readings.counters import CounterState
from gateway.core.readings.duplicates import WINDOW_S, DedupResult, DedupVerdict, RecentKeys
from gateway.core.readings.line_protocol import FieldSets, series_key
from gateway.core.readings.steps import CounterRule, Doubt
from gateway.core.readings.sums import NO_PAST, CounterPast, FormerOffset, Register, StepState, StepToConfirm, ToldExchange
from schemas.quantities import GROWTH, Growth
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS

FAST = Growth(50.0, 50.0, 0.0)
KEY = series_key("water", ",device=m1,site=s1")
FIELDS = ("volume_m3", "flow_m3_h")


def device(**state: Any) -> Device:  # noqa: ANN401 - of any slot
    """A device that was heard now."""
    made = Device("m1", None)
    made.last_seen_ms = NOW_MS
    for slot, value in state.items():
        setattr(made, slot, value)
    return made


def counters(device: Device) -> CounterState:
    """The counters of a device that has some."""
    assert device.counters is not None
    return device.counters


def seen(shapes: FieldSets, *times_ms: int, value: float = 7.0) -> dict[str, Any]:
    """Return the window of a device that sent readings of these times; each arrived when it was taken."""
    window = RecentKeys()
    for time_ms in times_ms:
        assert window.see_key(KEY, time_ms, (value, 1.0), shapes.of(FIELDS), 2, time_ms, shapes).verdict is DedupVerdict.NEW
    return {"window": window.window, "held": window.held, "newest_ms": window.newest_ms}


def again(old: Device, *, window: bool = False, now_ms: int = NOW_MS, shapes: FieldSets | None = None) -> Device:
    """The device after a restart, in which shapes have other numbers."""
    fresh = FieldSets()
    fresh.of(("ph",))
    new = Device("m1", None)
    unpack(pack(old, shapes or FieldSets(), NOW_MS if window else None), new, fresh, now_ms)
    return new


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="heard-and-nothing-else"),
        pytest.param({"last_seen_ms": 0}, id="never-heard"),
        pytest.param({"last_seq": 0}, id="first-sequence-number"),
        pytest.param({"last_seq": 2**63 - 1, "seq_missing": 12}, id="sequence"),
        pytest.param({"last_stamp_ms": NOW_MS + 3}, id="clock"),
        pytest.param({"online": False, "goodbye_ms": NOW_MS}, id="said-goodbye"),
        pytest.param({"last_seen_ms": 0, "registered_ms": NOW_MS}, id="registered-and-never-heard"),
        pytest.param({"online": True}, id="said-hello"),
    ],
)
def test_a_device_is_after_a_restart_what_it_was(state: dict[str, Any]) -> None:
    old = device(**state)
    new = again(old)
    slots = ("last_seen_ms", "last_seq", "seq_missing", "last_stamp_ms", "online", "has_left", "registered_ms")
    for slot in (*slots, "newest_ms", "window", "counters"):
        assert getattr(new, slot) == getattr(old, slot), slot


def test_a_goodbye_that_was_followed_by_readings_is_not_remembered() -> None:
    assert again(device(online=False, goodbye_ms=NOW_MS - 1)).online is None


@given(
    st.lists(st.tuples(st.sampled_from(["volume_m3", "volume_m3,channel=2", "pulse_count"]), st.floats(0, 1e8)), max_size=30)
)
def test_counters_go_on_where_they_were(readings: list[tuple[str, float]]) -> None:
    """Believed values, doubts and confirmations: the next reading is judged as if nothing had happened."""
    old = device(counters=CounterState())
    for minute, (name, value) in enumerate(readings):
        counters(old).judge(name, GROWTH[name.partition(",")[0]], value, NOW_MS + minute * MINUTE_MS)
    new = again(old)
    assert set(counters(new).registers()) == set(counters(old).registers())
    for name, value in readings:
        after_ms = NOW_MS + HOUR_MS
        growth = GROWTH[name.partition(",")[0]]
        assert counters(new).judge(name, growth, value, after_ms) == counters(old).judge(name, growth, value, after_ms)


def test_an_exchanged_meter_is_remembered() -> None:
    old = device(counters=CounterState())
    counters(old).judge("volume_m3", FAST, 900.0, NOW_MS)
    counters(old).exchange(ToldExchange(None, NOW_MS + 5))
    (register,) = counters(again(old)).registers()
    assert math.isnan(register.value)
    assert register.time_ms == NOW_MS + 5


@pytest.mark.parametrize(
    "past",
    [
        pytest.param(CounterPast(told=(ToldExchange("volume_m3", NOW_MS, 900.0, 3.0),)), id="an-exchange"),
        pytest.param(
            CounterPast(steps=(StepToConfirm("volume_m3", 1.5, 90.25, NOW_MS - 9, NOW_MS, StepState.USED),)), id="a-step"
        ),
        pytest.param(CounterPast(rules={"pulse_count": CounterRule(50.0, 65536.0)}), id="the-rule-of-a-step"),
        pytest.param(CounterPast(again_ms=NOW_MS), id="sums-to-work-out-again"),
        pytest.param(CounterPast(amended_ms=NOW_MS), id="sums-that-the-database-did-not-take"),
    ],
)
def test_whatever_is_remembered_of_earlier_sums_is_remembered_also_alone(past: CounterPast) -> None:
    assert counters(again(device(counters=CounterState(past=past)))).past == past


def test_devices_whose_meters_count_on_share_one_empty_past() -> None:
    assert counters(again(device(counters=CounterState()))).past is NO_PAST


def test_a_copy_is_known_after_a_restart() -> None:
    shapes = FieldSets()
    old = device(**seen(shapes, NOW_MS - SECOND_MS, NOW_MS))
    new, fresh = again(old, window=True, shapes=shapes), FieldSets()
    unpack(pack(old, shapes, NOW_MS), new, fresh, NOW_MS)

    def see(values: tuple[float, ...], fields: tuple[str, ...] = FIELDS) -> DedupResult:
        return new.see_key(KEY, NOW_MS, values, fresh.of(fields), 16, NOW_MS, fresh)

    assert new.newest_ms == NOW_MS
    assert see((7.0, 1.0)).verdict is DedupVerdict.DUPLICATE
    assert see((7.0,), FIELDS[:1]).verdict is DedupVerdict.DUPLICATE
    assert see((8.0, 1.0)) == DedupResult(DedupVerdict.CONFLICT, FIELDS[:1])
    assert see((7.0, 6.5), (FIELDS[0], "ph")) == DedupResult(DedupVerdict.JOINS, ("ph",), 18)
    assert see((1.0, 6.5), (FIELDS[1], "ph")).verdict is DedupVerdict.DUPLICATE


def test_a_window_of_an_earlier_version_is_passed_over() -> None:
    """It knew one fingerprint of all values: what comes again is written once more, over itself."""
    line = f'{{"seen":{NOW_MS},"newest":0,"seq":4,"window":{{"at":{NOW_MS},"shapes":[["ph"]],"keys":[[5,77,0,0]]}}}}'
    new = Device("m1", None)
    unpack(line, new, FieldSets(), NOW_MS)
    assert (new.newest_ms, new.window, new.last_seq) == (NOW_MS, b"", 4)


def test_without_its_window_a_device_still_knows_its_newest_reading() -> None:
    """An old reading that comes late must not set the sequence number back."""
    shapes = FieldSets()
    new = again(device(**seen(shapes, NOW_MS)), shapes=shapes)
    assert (new.newest_ms, new.window) == (NOW_MS, b"")


@pytest.mark.parametrize(
    ("later_ms", "known"),
    [
        pytest.param(0, 2, id="at-once"),
        pytest.param(4 * MINUTE_MS, 2, id="four-minutes-later"),
        pytest.param(4 * MINUTE_MS + SECOND_MS, 1, id="when-the-first-is-too-old"),
        pytest.param(5 * MINUTE_MS, 1, id="five-minutes-later"),
        pytest.param(WINDOW_S * SECOND_MS, 1, id="ten-minutes-later"),
        pytest.param(WINDOW_S * SECOND_MS + SECOND_MS, 0, id="later"),
        pytest.param(-HOUR_MS, 0, id="the-clock-was-set-back"),
        pytest.param(13 * 24 * HOUR_MS, 0, id="so-late-that-seconds-come-round-again"),
    ],
)
def test_keys_age_while_the_gateway_is_down(later_ms: int, known: int) -> None:
    shapes = FieldSets()
    old = device(**seen(shapes, NOW_MS - 6 * MINUTE_MS, NOW_MS))
    new, fresh = Device("m1", None), FieldSets()
    unpack(pack(old, shapes, NOW_MS), new, fresh, NOW_MS + later_ms)
    assert len(list(new.young_keys(NOW_MS + later_ms, fresh))) == known


def test_a_device_seen_by_a_clock_that_went_ahead_was_seen_now() -> None:
    assert again(device(), now_ms=NOW_MS - HOUR_MS).last_seen_ms == NOW_MS - HOUR_MS


def test_the_fingerprints_of_a_reading_are_the_same_in_every_process() -> None:
    """Python's hash of text is another in every run."""
    script = (
        "from gateway.core.readings.duplicates import RecentKeys\n"
        "from gateway.core.readings.line_protocol import series_key\n"
        "from gateway.core.readings.line_protocol import FieldSets\n"
        "shapes, keys = FieldSets(), RecentKeys()\n"
        "shape = shapes.of(('ph', 'level_m', 'valve_open'))\n"
        "keys.see_key(series_key('water', ',device=m1'), 5, (1.5, -1.0, True), shape, 0, 7, shapes)\n"
        "print(list(keys.window))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="another-kind"),
        pytest.param('{"seen": "long ago"}', id="another-type"),
        pytest.param('{"seen": 1e300}', id="no-time"),
        pytest.param('{"seen": 5, "counters": [[5]]}', id="no-counters"),
        pytest.param('{"seen": 5, "newest": 1, "recent": {"at": 5, "shapes": [], "keys": [[-1, [0], 0, 0, 0]]}}', id="no-key"),
    ],
)
def test_a_line_that_is_none_leaves_the_device_new(line: str) -> None:
    new = Device("m1", None)
    with pytest.raises(ValueError, match=r"."):
        unpack(line, new, FieldSets(), NOW_MS)
    assert (new.last_seen_ms, new.counters, new.newest_ms) == (0, None, 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"seen": 5, "newest": 9007199254740991}', id="newest-before-the-epoch"),
        pytest.param(
            '{"seen": 5, "newest": 1, "recent": {"at": 5, "shapes": [], "keys": [[1, [0], 7, 0, 0]]}}', id="no-such-shape"
        ),
        pytest.param(
            '{"seen": 5, "newest": 1, "recent": {"at": 5, "shapes": [["ph"]], "keys": [[1, [], 0, 0, 0]]}}', id="no-values"
        ),
        pytest.param('{"seen": 5, "of a later version": [1]}', id="unknown-key"),
    ],
)
def test_a_line_with_something_odd_in_it_gives_the_rest(line: str) -> None:
    new = Device("m1", None)
    unpack(line, new, FieldSets(), 5)
    assert new.last_seen_ms == 5


def test_a_line_stays_small() -> None:
    old = device(counters=CounterState(), last_seq=10019)
    counters(old).judge("volume_m3", FAST, 11831.179, NOW_MS)
    assert len(pack(old, FieldSets())) < 120


def test_how_far_a_clock_is_off_is_found_out_anew() -> None:
    """It was held against the clock of another run; remembered, it would keep the first readings from judging ours."""
    assert again(device(offset_ms=5)).offset_ms is None


# What people are told of a device.


def test_the_fault_of_a_device_and_the_offset_of_its_clock_are_remembered_for_people() -> None:
    setback = Setback("no_quantity", NOW_MS - HOUR_MS, "no value left", (("volume", "unknown_key"),))
    clock = WrongClock(7 * HOUR_MS, NOW_MS - HOUR_MS, NOW_MS, 5, NOW_MS, (NOW_MS - HOUR_MS, NOW_MS))
    new = again(device(setback=setback, clock=clock, offset_ms=-HOUR_MS, not_taken_ms=NOW_MS - SECOND_MS))
    assert (new.setback, new.not_taken_ms) == (setback, NOW_MS - SECOND_MS)
    assert (new.offset_ms, new.earlier_offset_ms, new.clock) == (None, -HOUR_MS, clock), (
        "no evidence about the clock of this run"
    )
    assert (again(new).clock, new.timed_ms) == (clock, NOW_MS)
    plain = again(device(offset_ms=2 * SECOND_MS))
    assert (plain.setback, plain.not_taken_ms, plain.clock, plain.timed_ms) == (None, 0, None, 0)


def test_the_last_message_comes_back_byte_for_byte_after_a_stop() -> None:
    message = StoredMessage("a/ä", b"\x00\xff{", retain=True)
    old = device(last_message=Arrival(message, NOW_MS - SECOND_MS))
    new = Device("m1", None)
    unpack(pack(old, FieldSets(), message=True), new, FieldSets(), NOW_MS)
    assert new.last_message == old.last_message
    assert again(old).last_message is None, "between stops it is not written"
    old.last_message = Arrival(StoredMessage("a", bytes(MESSAGE_KEPT_BYTES + 1)), NOW_MS)
    assert "message" not in pack(old, FieldSets(), message=True)


def test_all_that_a_sum_stands_on_comes_back() -> None:
    old, state = device(), CounterState(version=3)
    doubt = Doubt(9.0, NOW_MS - 5, 1, 8.0, NOW_MS - 9)
    formers = (FormerOffset(NOW_MS - 70, 1.5, 12.0), FormerOffset(NOW_MS - 60, 2.5))
    registers = [
        Register("volume_m3", 7.0, NOW_MS - 3, doubt, 2.0, 4.0, NOW_MS - 3, formers),
        Register("volume_m3,channel=2", 7.0, NOW_MS - 3, None, 0.0, 7.0, NOW_MS - 900),
        Register("energy_import_kwh", math.nan, NOW_MS - 8, None, 55.0, 50.0, NOW_MS - 8),
    ]
    for register in registers:
        state.restore(register)
    old.counters = state
    found = counters(again(old)).registers()
    assert found[:2] == registers[:2]
    assert [str(value) for value in found[2][3:6]] == ["None", "55.0", "50.0"]
    assert (math.isnan(found[2].value), found[2].time_ms, found[2].base_ms) == (True, NOW_MS - 8, NOW_MS - 8)
    assert counters(again(old)).version == 3


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, ["volume_m3"]),
        ({"version": 0}, ["volume_m3", "heat_mwh"]),
        ({"offsets": {"heat_mwh": 3.0}}, ["volume_m3", "heat_mwh"]),
    ],
)
def test_an_exchanged_meter_of_a_version_before_sums_is_a_new_one(more: dict[str, Any], names: list[str]) -> None:
    known = {"seen": NOW_MS, "counters": [[10, {"volume_m3": 7.0, "heat_mwh": None}]]}
    record = {**known, "doubts": [["volume_m3", 9.0, 4, 1]], **more}
    new = Device("m1", None)
    unpack(json.dumps(record), new, FieldSets(), NOW_MS)
    found = counters(new).registers()
    assert [register.name for register in found] == names
    assert found[0][:4] == ("volume_m3", 7.0, NOW_MS - 10, Doubt(9.0, NOW_MS - 4, 1, 9.0, NOW_MS - 4))


def test_counters_saved_at_a_step_are_taken_only_where_they_are_newer() -> None:
    stepped = device(counters=CounterState(version=2))
    counters(stepped).restore(Register("volume_m3", 7.0, NOW_MS))
    line = pack_kept(stepped)
    for version, taken in ((None, True), (1, True), (2, False)):
        other = device(counters=None if version is None else CounterState(version=version))
        unpack_kept(line, other)
        assert (counters(other).believed("volume_m3") == 7.0) is taken
    assert pack_kept(device()) == f'{{"seen":{NOW_MS}}}'


def test_a_clock_that_is_a_minute_off_is_no_news_and_one_that_is_more_is_remembered() -> None:
    for offset_ms, kept in ((60_000, None), (60_001, 60_001), (-60_000, None), (-60_001, -60_001)):
        assert again(device(offset_ms=offset_ms)).earlier_offset_ms == kept
    assert again(device(earlier_offset_ms=70_000)).earlier_offset_ms == 70_000
    assert again(device(earlier_offset_ms=70_000, offset_ms=5)).earlier_offset_ms is None, "this run knows better"


def test_when_a_device_was_registered_is_remembered_until_it_is_heard() -> None:
    assert '"registered"' not in pack(device(registered_ms=NOW_MS), FieldSets())
    assert '"registered"' not in pack(device(last_seen_ms=0), FieldSets())
    assert again(device(last_seen_ms=0, registered_ms=7)).registered_ms == 7
    new = again(device(not_taken_ms=NOW_MS - 9, last_seq=4, seq_missing=2, online=True, source="meter 7"))
    assert (new.not_taken_ms, new.last_seq, new.seq_missing, new.online, new.source) == (NOW_MS - 9, 4, 2, True, "meter 7")
    assert new.goodbye_ms == new.last_seen_ms == NOW_MS
