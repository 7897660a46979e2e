"""Device snapshots in the file: changes are saved, damaged ones are left out, and the file stays small."""

import asyncio
import logging
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.setback import Setback
from gateway.core.devices.snapshot import pack_kept
from gateway.core.message import Arrival, StoredMessage
from gateway.core.readings.steps import RegisterStep
from gateway.core.readings.sums import KEPT, ToldExchange
from gateway.ingest.storage import device_memory, keyvalue
from gateway.ingest.storage.database import DatabaseFault
from schemas.quantities import GROWTH, Quality
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.ingest.storage.device_run import Run

SAVES_AN_HOUR = 4


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a run on the same file; the run before it ends."""
    runs: list[Run] = []

    def start(devices_max: int = 20_000, registered: Iterable[str] = (), *, is_shared: bool = False) -> Run:
        if runs:
            runs.pop().database.close()
        runs.append(Run(tmp_path / "journal.db", devices_max, registered, is_shared=is_shared))
        return runs[0]

    yield start
    runs.pop().database.close()


def test_a_device_goes_on_where_it_was(start: Start) -> None:
    run = start()
    run.hear("m1", NOW_MS, 5.0)
    assert run.save() == 1
    device = start().meet("m1")
    assert device.last_seen_ms == NOW_MS
    assert device.counters is not None
    assert [register.value for register in device.counters.registers()] == [5.0]


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_another_machine_may_have_read_since_awaits_its_sums_and_has_no_gap(start: Start, *, is_shared: bool) -> None:
    run = start()
    run.hear("m1", NOW_MS, 5.0).last_seq = 7
    run.stop()
    device = start(is_shared=is_shared).meet("m1")
    assert device.counters is not None
    assert (bool(device.counters.awaits), device.last_seq) == ((True, -1) if is_shared else (False, 7))


@pytest.mark.parametrize(("ends", "last_seq"), [(Run.stop, 7), (Run.save, -1)], ids=["stopped", "killed"])
@pytest.mark.parametrize("earlier", [Run.stop, Run.save], ids=["stopped", "killed"])
def test_readings_between_the_last_save_and_a_kill_are_not_taken_for_missing(
    start: Start, earlier: Callable[[Run], int], ends: Callable[[Run], int], last_seq: int
) -> None:
    """A gap behind them would call them lost; each device has one then, which is told as a fault of the broker."""
    run = start()
    run.hear("m1", NOW_MS).last_seq = 3
    earlier(run)
    run = start()
    run.hear("m1", NOW_MS + 1).last_seq = 7
    ends(run)
    assert start().meet("m1").last_seq == last_seq


def test_a_kill_before_the_first_save_leaves_no_gap_either(start: Start) -> None:
    run = start()
    run.hear("m1", NOW_MS).last_seq = 3
    run.stop()
    start().hear("m1", NOW_MS + 1).last_seq = 7
    assert start().meet("m1").last_seq == -1


@pytest.mark.parametrize(
    ("save", "windows", "messages"),
    [
        pytest.param(Run.save, False, False, id="in-between"),
        pytest.param(Run.stop, True, True, id="stop"),
        pytest.param(partial(Run.stop, windows=False), False, True, id="stop-with-readings-that-come-again"),
    ],
)
def test_messages_and_windows_of_duplicates_are_saved_at_the_stop_alone(
    start: Start,
    save: Callable[[Run], int],
    windows: bool,  # noqa: FBT001
    messages: bool,  # noqa: FBT001
) -> None:
    """In between a window names readings that must be written when they come again after a crash."""
    run = start()
    run.hear("m1", NOW_MS).last_message = Arrival(StoredMessage("t", b"{"), NOW_MS)
    save(run)
    again = start().meet("m1")
    assert again.newest_ms == NOW_MS
    assert bool(again.window) is windows
    assert (again.last_message is not None) is messages


def test_messages_of_a_large_fleet_leave_room_for_those_of_devices_with_a_setback(start: Start) -> None:
    run = start()
    for number in range(400):
        device = run.hear(f"m{number}", NOW_MS)
        device.last_message = Arrival(StoredMessage("t", bytes(4096)), NOW_MS)
        if number == 399:
            device.setback = Setback("bad_json", NOW_MS)
    run.stop()
    again = start()
    kept = [name for name in (f"m{number}" for number in range(400)) if again.meet(name).last_message is not None]
    assert len(kept) == 256, "a mebibyte"
    assert "m399" in kept


def test_only_what_changed_is_written(start: Start) -> None:
    run = start()
    for name in ("m1", "m2"):
        run.hear(name, NOW_MS)
    assert run.save() == 2
    before = list(run.database.run_here(device_memory.device_rows))
    assert run.save() == 0
    assert list(run.database.run_here(device_memory.device_rows)) == before
    run.hear("m2", NOW_MS + MINUTE_MS)
    assert run.save() == 1


def test_devices_that_are_not_met_again_are_kept(start: Start) -> None:
    """Their rows are merged with others all the same."""
    run = start()
    run.hear("quiet", NOW_MS - MINUTE_MS, 7.0)
    run.save()
    for minute in range(5):
        run = start()
        run.hear("m1", NOW_MS + minute * MINUTE_MS)
        run.save()
    run = start()
    assert run.rows() == 1
    assert run.meet("quiet").last_seen_ms == NOW_MS - MINUTE_MS


def test_a_fleet_that_speaks_in_any_order_leaves_few_rows(start: Start) -> None:
    draw = random.Random(1)  # noqa: S311 - an order of speaking
    run = start()
    for save in range(60):
        for _ in range(50):
            run.hear(f"m{draw.randrange(1000)}", NOW_MS + (save - 59) * MINUTE_MS)
        run.save()
    heard = {name: device.last_seen_ms for name, device in run.devices.items()}
    assert run.rows() <= 2 * len(heard) / 200 + 2
    run = start()
    assert {name: run.meet(name).last_seen_ms for name in heard} == heard


def test_a_damaged_row_is_left_out_said_and_gone_after_the_next_save(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    run = start()
    for number in range(300):
        run.hear(f"m{number}", NOW_MS)
    run.save()
    run.database.run_here(lambda connection: connection.execute("UPDATE device_state SET body = x'0102' WHERE id = 1"))
    with caplog.at_level(logging.WARNING):
        run = start()
    assert len(caplog.records) == 1
    assert (run.meet("m0").last_seen_ms, run.meet("m299").last_seen_ms) == (0, NOW_MS)
    run.hear("m1", NOW_MS)
    run.save()
    caplog.clear()
    start()
    assert caplog.records == []


def test_a_line_that_cannot_be_read_is_a_new_device(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    run = start()
    body = zlib.compress(b'no line\nm1\t{"seen": "?"}\nm2\t{"seen": 5}')
    run.database.run_here(lambda connection: connection.execute("INSERT INTO device_state VALUES (1, ?)", (body,)))
    run = start()
    with caplog.at_level(logging.WARNING):
        assert (run.meet("m1").last_seen_ms, run.meet("m2").last_seen_ms) == (0, 5)
    assert len(caplog.records) == 1


def test_an_exchanged_meter_is_saved_at_once(start: Start) -> None:
    run = start()
    run.hear("m1", NOW_MS - MINUTE_MS, 900.0)
    device = run.meet("m1")
    assert device.counters is not None
    device.counters.exchange(ToldExchange(None, NOW_MS))
    asyncio.run(run.states.meter_exchanged(device))
    device = start().meet("m1")
    assert device.counters is not None
    assert not device.counters.judge("volume_m3", GROWTH["volume_m3"], 0.5, NOW_MS + MINUTE_MS).suspect


def test_of_too_many_devices_the_newest_are_remembered(start: Start) -> None:
    run = start()
    for number in range(500):
        run.hear(f"m{number}", NOW_MS)
        if number % 200 == 199:
            run.save()
    run.save()
    run = start(devices_max=100)
    assert run.meet("m499").last_seen_ms == NOW_MS
    assert run.meet("m0").last_seen_ms == 0
    run.hear("m0", NOW_MS)
    run.save()
    assert run.rows() == 2


def test_registered_devices_are_remembered_whatever_number_of_others_came_after_them(start: Start) -> None:
    """The limit holds for invented names, not for the fleet."""
    run = start()
    for names in (("meter", "fleet"), [f"invented-{n}" for n in range(500)]):
        for name in names:
            run.hear(name, NOW_MS)
        run.save()
    run = start(100, registered=["meter", "fleet"])
    assert len(run.memory.lines) == 102
    assert [run.meet(name).last_seen_ms for name in ("meter", "fleet", "invented-0")] == [NOW_MS, NOW_MS, 0]


def test_a_device_that_made_room_is_forgotten_and_starts_as_a_new_one(start: Start) -> None:
    run = start(devices_max=3)
    for number in range(3):
        run.streams.meet(f"d{number}")
        run.hear(f"d{number}", NOW_MS - number)
    run.save()
    names = run.streams.age(NOW_MS + HOUR_MS)
    asyncio.run(run.states.forget(names))
    assert names == ["d2"]
    assert [*run.states._rows] == [*run.states._memory.checks] == ["d0", "d1"]  # noqa: SLF001
    assert run.meet("d2").last_seen_ms == 0


def test_what_the_disk_did_not_take_is_saved_the_next_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start()
    run.hear("m1", NOW_MS)

    def fails(*_: object) -> dict[str, int]:
        raise DatabaseFault("disk full")

    monkeypatch.setattr("gateway.ingest.storage.device_snapshots._replace", fails)
    with pytest.raises(DatabaseFault):
        run.save()
    monkeypatch.undo()
    assert run.save() == 1


def test_three_thousand_devices_write_less_than_a_mebibyte_an_hour(start: Start) -> None:
    """All of them change between two saves, and every one has three counters that have grown since they were first met."""
    draw = random.Random(1)  # noqa: S311 - values
    run = start()
    registers = [round(draw.random() * 1e5, 3) for _ in range(9000)]
    run.database.limit_wal(2**24)
    written = []
    for save in range(3):
        for number in range(3000):
            now_ms = NOW_MS + save * 15 * MINUTE_MS - draw.randrange(15 * MINUTE_MS)
            grown = round(draw.random(), 3)
            device = run.hear(f"meter-{number:06d}", now_ms, registers[number] + save + grown)
            device.offset_ms, device.last_seq = draw.randrange(-3000, 3000), draw.randrange(100_000)
            if number % 10 == 0:
                device.setback = Setback("bad_json", now_ms, f"not JSON: unexpected end of data: line 1 column {number}")
            assert device.counters is not None
            for at, name in ((3000, "volume_reverse_m3"), (6000, "pulse_count")):
                device.counters.judge(name, GROWTH[name], registers[at + number] + save + grown, now_ms)
        before_bytes = run.database._wal_bytes()  # noqa: SLF001
        assert run.save() == 3000
        written.append(run.database._wal_bytes() - before_bytes)  # noqa: SLF001
    assert max(written) * SAVES_AN_HOUR < 2**20


def test_a_device_that_an_earlier_version_called_otherwise_is_said_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    run = start()
    run.hear("__c_m_b_n", NOW_MS)
    run.save()
    again = start()
    again.memory.restore(Device("o-cam-ban-9bfc", None, "Ổ cắm bàn"), again.field_sets)
    assert "'Ổ cắm bàn', called __c_m_b_n until now, is o-cam-ban-9bfc from now on" in caplog.text
    assert "id: __c_m_b_n, source: 'Ổ cắm bàn'" in caplog.text
    caplog.clear()
    again.hear("o-cam-ban-9bfc", NOW_MS)
    again.save()
    run = start()
    run.memory.restore(Device("o-cam-ban-9bfc", None, "Ổ cắm bàn"), run.field_sets)
    assert caplog.text == ""


def test_a_device_that_is_registered_by_another_id_was_not_called_otherwise_before(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    run = start()
    run.hear("m1", NOW_MS)
    run.save()
    again = start()
    again.memory.restore(Device("pump-house", None, "m1"), again.field_sets)
    assert caplog.text == ""


def kept(run: Run) -> dict[str, str]:
    return run.database.run_here(keyvalue.get_prefix, KEPT)


def test_a_step_that_was_saved_at_once_is_newer_than_the_snapshot(start: Start) -> None:
    run = start()
    run.hear("m1", NOW_MS, 900.0)
    run.save()
    device = run.hear("m1", NOW_MS + MINUTE_MS, 5.0)
    run.database.run_here(keyvalue.put, f"{KEPT}m1", pack_kept(device))
    again = start().meet("m1")
    assert again.counters is not None
    assert [register.doubt is not None for register in again.counters.registers()] == [True]


def test_a_command_finds_the_counters_that_were_saved_last(start: Start) -> None:
    run = start()
    run.hear("m1", NOW_MS, 900.0)
    run.hear("m2", NOW_MS)
    run.save()
    device_memory.keep_counters(run.database, run.hear("m1", NOW_MS + MINUTE_MS, 5.0))
    counters = {each.name: each.counters for each in device_memory.stored_devices(run.database)}
    doubts = {name: [register.doubt is not None for register in found.registers()] for name, found in counters.items() if found}
    assert doubts == {"m1": [True], "m2": [False]}


def test_a_device_that_died_before_its_first_snapshot_has_its_step(start: Start) -> None:
    run = start()
    device = run.hear("m1", NOW_MS, 900.0)
    run.hear("m1", NOW_MS + MINUTE_MS, 5.0)
    run.database.run_here(keyvalue.put_all, {f"{KEPT}m1": pack_kept(device), f"{KEPT}m2": "none of ours"})
    run = start()
    assert run.meet("m1").counters == device.counters
    assert run.meet("m2").counters is None


def test_saved_steps_go_with_their_devices_and_are_few(start: Start) -> None:
    run = start(devices_max=3)
    device = run.hear("m", NOW_MS)
    run.database.run_here(keyvalue.put_all, {f"{KEPT}d{number}": pack_kept(device) for number in range(9)})
    run = start(devices_max=3, registered=["d8"])
    assert sorted(kept(run)) == [f"{KEPT}d{number}" for number in (0, 1, 2, 8)]
    asyncio.run(run.states.forget(["d0", "d1"]))
    assert sorted(kept(run)) == [f"{KEPT}d2", f"{KEPT}d8"]


def test_the_step_of_a_registered_device_takes_the_place_of_no_other(start: Start) -> None:
    run = start()
    device = run.hear("m", NOW_MS)
    run.database.run_here(keyvalue.put_all, {f"{KEPT}d{number}": pack_kept(device) for number in range(4)})
    assert sorted(kept(start(devices_max=2, registered=["d0"]))) == [f"{KEPT}d{number}" for number in (0, 1, 2)]


def step(run: Run, name: str) -> None:
    """A device takes a step that cannot be, which is an alarm."""
    run.hear(name, NOW_MS)
    run.bed.push(NOW_MS, {"volume_m3": 1.0}, name, quality=Quality.COUNTER_SUSPECT, step=RegisterStep(NOW_MS - 2, 3))
    assert run.bed.told() == [f"raised stepped@{name}"]


def test_an_exchange_that_is_told_ends_the_alarm_about_the_step(start: Start) -> None:
    run = start()
    step(run, "m1")
    asyncio.run(run.states.meter_exchanged(run.meet("m1")))
    assert run.bed.told() == ["cleared stepped@m1"]


def test_the_alarms_of_a_device_that_made_room_end(start: Start) -> None:
    run = start()
    step(run, "m1")
    asyncio.run(run.states.forget(["m1"]))
    assert run.bed.told() == ["cleared stepped@m1"]
