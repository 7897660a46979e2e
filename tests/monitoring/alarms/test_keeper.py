"""The keeper of alarms: on disk before anybody is told, told once, and by planned work held back."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.core.alarms.flapping import AT_ONCE, EVERY_MS
from gateway.core.alarms.rules import Rules
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import Changes, PlannedWork
from gateway.ingest.storage.database import Database, DatabaseFault
from tests.core.alarms.alarming import above, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.ingest.delivery.delivering import until
from tests.monitoring.alarms.keeping import COLD_C, HOT, HOT_C, Kept, opened
from tests.waiting import PATIENCE_S

SLOWLY = rule(above("temperature_c", 30.0), name="hot", for_ms=10 * MINUTE_MS)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path) as found:
        yield found


def test_each_change_is_on_disk_and_waits_for_those_who_are_told(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    assert kept.acknowledge("hot@d1", "on my way")
    kept.send(MINUTE_MS, COLD_C)
    assert kept.history == ["raised hot@d1", "changed hot@d1", "cleared hot@d1"]
    assert kept.told == ["raised hot@d1", "cleared hot@d1"], "one notice waits, which counts all three"
    raised_then, cleared_then = kept.notices()
    assert [one["acknowledged"] for one in (raised_then, cleared_then)] == [
        None,
        {"by": "Lan", "at_ms": NOW_MS, "note": "on my way"},
    ]
    assert (raised_then["changes"], cleared_then["changes"]) == (3, 3)
    raised, changed, cleared = kept.points
    tags = "alarm,alarm=hot,area=a1,device=d1,domain=water,severity=warning,site=s1"
    started = f"silenced=False,simulated=False,since_ms={float(NOW_MS)!r},value=40.0"
    raised, _, began = raised.partition("\n")
    assert raised == f"{tags} acknowledged=False,active=True,{started} {NOW_MS}"
    assert began == f"event,alarm=hot,area=a1,device=d1,domain=water,kind=alarm,site=s1 value=1.0 {NOW_MS}"
    changed, _, acknowledged = changed.partition("\n")
    assert changed == f"{tags} acknowledged=True,active=True,{started} {NOW_MS + 1}"
    place = "alarm=hot,area=a1,by=Lan,device=d1,domain=water,kind=acknowledged,site=s1"
    assert acknowledged == f"event,{place} at_ms={float(NOW_MS)!r},value=1.0 {NOW_MS}"
    assert cleared == f"{tags} acknowledged=True,active=False,duration_s=60.0,{started} {NOW_MS + MINUTE_MS}"


def test_a_point_has_the_time_of_its_reading_but_an_end_lies_behind_what_repeated_the_alarm(file: Database) -> None:
    kept = Kept(file)
    kept.clock.at_ms = NOW_MS + 10 * MINUTE_MS
    kept.bed.push(NOW_MS, {"temperature_c": HOT_C})
    kept.commit()
    (repeated,) = kept.keeper.repeated_points()
    kept.bed.push(NOW_MS + MINUTE_MS, {"temperature_c": COLD_C})
    kept.commit()
    times = [int(point.rpartition(" ")[2]) - NOW_MS for point in (kept.points[0], repeated, kept.points[1])]
    assert times == [0, 10 * MINUTE_MS, 10 * MINUTE_MS + 1]


def test_an_end_lies_behind_what_an_earlier_run_may_have_repeated(file: Database) -> None:
    Kept(file).send(0, HOT_C)
    again = Kept(file, at_ms=NOW_MS + 10 * MINUTE_MS)
    again.bed.push(NOW_MS + MINUTE_MS, {"temperature_c": COLD_C})
    again.commit()
    assert again.told[-1] == "cleared hot@d1"
    assert int(again.points[-1].rpartition(" ")[2]) == NOW_MS + 10 * MINUTE_MS + 1


def test_a_restart_doubles_nothing(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    again = Kept(file)
    again.send(MINUTE_MS, HOT_C)
    assert again.active == ["hot@d1"]
    assert again.told == again.history == ["raised hot@d1"], "what waited still waits, and nothing came"
    again.send(2 * MINUTE_MS, COLD_C)
    assert Kept(file).active == []


def test_a_pending_alarm_goes_on_after_a_restart(file: Database) -> None:
    Kept(file, SLOWLY).send(0, HOT_C)
    again = Kept(file, SLOWLY)
    again.send(9 * MINUTE_MS, HOT_C)
    assert again.active == []
    again.send(10 * MINUTE_MS, HOT_C)
    assert again.active == ["hot@d1"]


def test_an_alarm_ends_at_the_start_when_its_rule_or_its_device_is_gone(file: Database) -> None:
    other = rule(above("ph", 8.0), name="other")
    Kept(file).send(0, HOT_C)
    without_rule = Kept(file, other)
    without_rule.commit()
    assert without_rule.told == ["raised hot@d1", "cleared hot@d1"]
    Kept(file).send(0, HOT_C)
    kept = Kept(file)
    kept.keeper.replace(kept.keeper.rules, {})
    kept.commit()
    assert kept.active == []


def test_what_was_taken_is_forgotten_on_disk(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    kept.keeper.taken(kept.keeper.outbox.first("webhook", 1))
    kept.commit()
    assert [notice.receiver for notice in file.run_here(stored.notices)] == ["influxdb"]
    assert Kept(file).told == []


def test_a_disk_that_takes_nothing_keeps_no_alarm_from_people(
    file: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_connection: sqlite3.Connection, _changes: Changes) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    kept = Kept(file)
    with monkeypatch.context() as patched:
        patched.setattr(stored, "commit", full)
        kept.send(0, HOT_C)
        kept.commit()
        assert kept.told == ["raised hot@d1"]
        assert (kept.active, kept.history) == (["hot@d1"], [])
    assert sum("cannot be saved" in record.getMessage() for record in caplog.records) == 1
    kept.commit()
    assert kept.history == ["raised hot@d1"], "it is saved when the disk has room"
    assert Kept(file).active == ["hot@d1"]


def run(kept: Kept, monkeypatch: pytest.MonkeyPatch, story: Callable[[], Awaitable[None]]) -> None:
    """Let the keeper run by itself, without waits of its own, as far as the story goes."""

    async def running() -> None:
        keeping = asyncio.create_task(kept.keeper.run())
        async with asyncio.timeout(PATIENCE_S):
            await story()
        keeping.cancel()

    monkeypatch.setattr(kept.clock, "real_s", lambda _: 0.0)
    asyncio.run(running())


def test_a_running_keeper_tells_of_changes_by_itself(file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(file)

    async def story() -> None:
        for minute, temperature_c in enumerate((HOT_C, COLD_C), start=1):
            kept.bed.push(NOW_MS + minute * MINUTE_MS, {"temperature_c": temperature_c})
            await until(lambda minute=minute: len(kept.told) == minute)

    run(kept, monkeypatch, story)
    assert kept.told == kept.history == ["raised hot@d1", "cleared hot@d1"]


def test_a_running_keeper_tells_what_stands_after_planned_work_although_nothing_comes(
    file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(file)
    kept.plan(HOUR_MS)
    kept.send(0, HOT_C)

    async def story() -> None:
        kept.clock.at_ms += HOUR_MS
        await until(lambda: kept.told == ["raised hot@d1"])

    assert kept.told == []
    run(kept, monkeypatch, story)


def test_a_running_keeper_saves_now_and_then_what_nobody_is_told_of_yet(
    file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, pending = Kept(file, SLOWLY), list[object]()

    async def story() -> None:
        kept.bed.push(NOW_MS, {"temperature_c": HOT_C})
        while not pending:
            pending.extend(await file.run(stored.states))

    run(kept, monkeypatch, story)
    assert kept.active == []


def test_those_who_wait_are_woken_once_for_each_round(file: Database) -> None:
    kept = Kept(file)
    before = kept.keeper.changed.number
    kept.send(0, HOT_C)
    kept.send(MINUTE_MS, HOT_C)
    assert kept.keeper.changed.number == before + 1


def test_planned_work_keeps_what_begins_and_ends_meanwhile_from_all(file: Database) -> None:
    kept = Kept(file)
    kept.plan(site="s1")
    kept.send(0, HOT_C)
    assert (kept.active, kept.keeper.told(), kept.told) == (["hot@d1"], [], [])
    kept.send(MINUTE_MS, COLD_C)
    assert kept.told == []
    assert kept.history == ["raised hot@d1", "cleared hot@d1"]
    assert [",silenced=True," in point for point in kept.points] == [True, True]


def test_what_still_stands_after_planned_work_is_told_then(file: Database) -> None:
    kept = Kept(file)
    kept.plan(for_ms=HOUR_MS, device="d1")
    kept.send(0, HOT_C)
    again = Kept(file)
    again.clock.at_ms = NOW_MS + HOUR_MS
    again.commit()
    again.commit()
    assert again.told == ["raised hot@d1"]
    assert [state.key.id for state in again.keeper.told()] == ["hot@d1"]
    later = Kept(file)
    later.send(2 * HOUR_MS, COLD_C)
    assert later.told == ["raised hot@d1", "cleared hot@d1"]


def test_the_end_of_a_known_alarm_is_told_during_planned_work(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    kept.plan()
    kept.send(MINUTE_MS, COLD_C)
    assert kept.told == ["raised hot@d1", "cleared hot@d1"]


@pytest.mark.parametrize(("site", "device", "told"), [("s2", "", 1), ("", "d2", 1), ("s1", "", 0), ("", "d1", 0), ("", "", 0)])
def test_planned_work_holds_where_it_is_done(file: Database, site: str, device: str, told: int) -> None:
    kept = Kept(file)
    kept.plan(site=site, device=device)
    kept.send(0, HOT_C)
    assert len(kept.told) == told


def test_planned_work_outlives_a_restart_and_ends_by_hand(file: Database) -> None:
    number = Kept(file).plan()
    kept = Kept(file)
    assert [found for found, _ in kept.keeper.planned.going_on(NOW_MS)] == [number]
    assert kept.end_work(number)
    assert not kept.end_work(number)
    kept.send(0, HOT_C)
    assert Kept(file).told == ["raised hot@d1"]


def test_other_rules_and_another_registry_end_what_stands_no_more(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    kept.keeper.replace(kept.keeper.rules, kept.registry)
    kept.commit()
    assert kept.active == ["hot@d1"]
    kept.keeper.replace(Rules(()), kept.registry)
    kept.commit()
    assert (kept.active, kept.told) == ([], ["raised hot@d1", "cleared hot@d1"])
    assert kept.keeper.rules == Rules(())
    kept.keeper.replace(Rules((HOT,)), kept.registry)
    kept.send(MINUTE_MS, HOT_C)
    kept.keeper.replace(Rules((HOT,)), {})
    kept.commit()
    assert kept.active == []


def test_a_point_of_a_repeated_alarm_is_of_now_and_says_whether_work_is_planned(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)
    kept.clock.at_ms = NOW_MS + MINUTE_MS
    kept.plan()
    (state,) = kept.keeper.active()
    assert kept.keeper.is_silenced(state)
    assert kept.keeper.told() == []
    (line,) = kept.keeper.repeated_points()
    assert line.endswith(f" {NOW_MS + MINUTE_MS}")
    assert "silenced=True" in line


def test_the_newest_alarm_stands_first(file: Database) -> None:
    kept = Kept(file)
    kept.bed.device("d2", None)
    kept.send(0, HOT_C)
    kept.send(MINUTE_MS, HOT_C, "d2")
    assert kept.active == ["hot@d2", "hot@d1"]


def test_what_nobody_takes_is_given_up_when_newer_changes_need_its_place(
    file: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.monitoring.alarms.outbox.WAITING_MAX", 2)
    kept = Kept(file)
    for minute, temperature_c in enumerate((HOT_C, COLD_C, HOT_C)):
        kept.send(minute * MINUTE_MS, temperature_c)
    assert kept.told == ["raised hot@d1"]
    assert "1 changes of alarms are given up" in caplog.text
    assert kept.keeper.events.given_up["influxdb"].most() == ["d1 (1)"]
    kept.commit()
    assert [notice.number for notice in file.run_here(stored.notices)] == [2, 3, 4]


def toggled(kept: Kept, times: int, *, from_ms: int = 0, every_ms: int = 1000) -> int:
    """Have an alarm raised and ended so many times; return when that is done."""
    for number in range(times):
        kept.send(from_ms + number * every_ms, COLD_C if number % 2 else HOT_C)
    return from_ms + times * every_ms


def test_an_alarm_that_changes_too_often_is_told_as_it_is_and_counted_and_restarts_lose_no_end(file: Database) -> None:
    kept = Kept(file)
    done_ms = toggled(kept, AT_ONCE + 9)
    assert kept.active == ["hot@d1"], "what is asked is answered by how it is now"
    assert kept.history[-1] == "cleared hot@d1", "on disk stands what was told"
    assert len(kept.history) == len(kept.points) == AT_ONCE
    assert [state.key.id for state, _ in file.run_here(stored.states)] == []
    kept.clock.at_ms = NOW_MS + EVERY_MS
    kept.commit()
    assert kept.history[AT_ONCE:] == ["raised hot@d1"]
    ((_, newest), *_) = file.run_here(stored.history)
    assert newest.changes == 9
    assert kept.told == ["raised hot@d1"]
    assert kept.notices()[0]["changes"] == AT_ONCE + 9
    assert [state.key.id for state, _ in file.run_here(stored.states)] == ["hot@d1"]
    kept.send(done_ms + EVERY_MS, COLD_C)
    killed = Kept(file, at_ms=NOW_MS + done_ms + EVERY_MS)
    assert killed.active == ["hot@d1"], "the end that was kept back is not known, nor was anybody told"
    killed.send(done_ms + EVERY_MS + 1000, COLD_C)
    assert killed.told == ["raised hot@d1", "cleared hot@d1"]


def test_what_is_kept_back_of_an_alarm_is_told_at_the_end_of_a_run(file: Database) -> None:
    kept = Kept(file)
    toggled(kept, AT_ONCE + 2)
    asyncio.run(kept.keeper.commit(everything=True))
    assert len(kept.history) == AT_ONCE + 2
    assert Kept(file).told == ["raised hot@d1", "cleared hot@d1"]


def test_the_other_machine_of_a_pair_tells_of_an_alarm_whose_raise_was_kept_back(file: Database) -> None:
    kept = Kept(file)
    toggled(kept, AT_ONCE + 1)
    assert [shared.held_back for shared in kept.keeper.shared()] == [True]


def test_history_on_disk_and_notices_keep_their_order_over_a_restart_while_they_are_replaced(file: Database) -> None:
    kept = Kept(file)
    kept.bed.device("d2", None)
    kept.send(0, HOT_C)
    kept.send(1000, HOT_C, "d2")
    kept.send(2000, COLD_C)
    assert Kept(file).told == kept.told == ["raised hot@d1", "cleared hot@d1", "raised hot@d2"]


def test_a_followed_plan_that_cannot_be_saved_is_said(file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(file, follows=True)

    async def refuse(*_: object) -> None:
        raise DatabaseFault("disk full")

    monkeypatch.setattr(file, "run", refuse)
    asyncio.run(kept.keeper.follow_planned([PlannedWork(NOW_MS, NOW_MS + HOUR_MS, "Lan", "pump")]))
    assert kept.keeper.events.disk_trouble == "disk full"
    assert kept.keeper.planned_works() == []
