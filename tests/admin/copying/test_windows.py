"""A copy between databases in memory: windows, what is copied once, compared, copied again, and left for the last run."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.admin.copying import copier
from gateway.admin.copying.copier import Copier, CopyJob, CopyResult, FilledPlace
from gateway.admin.copying.target import CopyProgress, ProgressFile
from gateway.ingest.database.store import DAY_MS, DayFigures, FieldFigures, TimeSpan
from gateway.support.config.files import ConfigurationFault

NOW_MS = 20 * DAY_MS + DAY_MS // 2
REACH_MS = 5 * DAY_MS


class Memory:
    """A database: measurement → time → value; it replaces a point that is written again.

    :ivar asked: the spans of points that were asked for.
    """

    def __init__(self, *, is_overwritten: bool = True, loses: int = 0) -> None:
        self.points_of: dict[str, dict[int, float]] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.longest_ms, self.is_overwritten, self.settled, self._loses = 7 * DAY_MS, is_overwritten, 0, loses

    async def settle(self) -> None:
        """Note that it was asked to."""
        self.settled += 1

    async def figures(self, measurement: str, span: TimeSpan) -> DayFigures:
        """Number and sum of each day."""
        found: dict[int, dict[str, FieldFigures]] = {}
        for at_ms, value in self.points_of.get(measurement, {}).items():
            if span.start_ms <= at_ms < span.end_ms:
                day = found.setdefault(at_ms // DAY_MS * DAY_MS, {"ph": FieldFigures(0, 0.0)})
                day["ph"] = FieldFigures(day["ph"].number + 1, day["ph"].sum + value)
        return found

    async def points(self, measurement: str, span: TimeSpan) -> AsyncIterator[list[Any]]:
        """Yield each point, and one without fields."""
        self.asked.append((measurement, span.start_ms, span.end_ms))
        held = self.points_of.get(measurement, {})
        for at_ms in [at_ms for at_ms in held if span.start_ms <= at_ms < span.end_ms]:
            line = f"{measurement} ph={held[at_ms]} {at_ms}"
            yield [SimpleNamespace(fields={"ph": 1}, line=lambda line=line: line), SimpleNamespace(fields={})]

    async def write(self, lines: Sequence[str]) -> None:
        """Take lines, but for those that it loses."""
        for line in lines:
            measurement, field, at_ms = line.split()
            if self._loses:
                self._loses -= 1
            else:
                self.points_of.setdefault(measurement, {})[int(at_ms)] = float(field.removeprefix("ph="))


class Sides:
    """Two databases and the progress of a copy between them."""

    def __init__(self, folder: Path, target: Memory, **held: Mapping[int, float]) -> None:
        self.source, self.target = Memory(), target
        self.source.points_of = {name: dict(points) for name, points in held.items()}
        self.file = ProgressFile(folder / "copy.json")
        self.told: list[tuple[str, int, int]] = []

    def run(self, *, now_ms: int = NOW_MS, is_final: bool = True) -> CopyResult:
        """Copy everything since the third day."""
        place: Any = FilledPlace(self.target, self.target)  # type: ignore[arg-type]  # as far as a copy uses it
        jobs: list[Any] = [CopyJob(name, name, self.source, [place]) for name in self.source.points_of]  # type: ignore[arg-type]
        progress = self.file.load("a > b", 3 * DAY_MS)
        self.source.asked.clear()
        made = Copier(jobs, progress, self.file, now_ms, REACH_MS, is_final, lambda *told: self.told.append(told))
        return asyncio.run(made.run())

    @property
    def copied(self) -> int:
        """The points that were copied, over all runs."""
        return sum(job.points for job in self.file.load("a > b", 3 * DAY_MS).jobs.values())


WATER = {at * DAY_MS // 2: float(at) for at in range(6, 41)}


def test_all_since_the_first_day_is_copied_once_and_compared(tmp_path: Path) -> None:
    both = Sides(tmp_path, Memory(), water={**WATER, DAY_MS: 1.0})
    result = both.run()
    assert both.target.points_of == {"water": WATER}
    assert (result.values, result.again, result.differences) == ({"water": len(WATER)}, 0, [])
    assert (both.source.settled, both.target.settled, both.copied) == (1, 1, len(WATER))
    assert both.told[0][0] == "water"
    spans = [(start_ms, end_ms) for _, start_ms, end_ms in both.source.asked]
    assert spans == [(3 * DAY_MS, 10 * DAY_MS), (10 * DAY_MS, 17 * DAY_MS), (17 * DAY_MS, NOW_MS)]
    both.run()
    assert both.source.asked == [], "nothing is read twice"


def test_what_devices_with_a_clock_ahead_have_sent_is_copied_too(tmp_path: Path) -> None:
    ahead = {NOW_MS + 31 * DAY_MS: 1.0, NOW_MS + 34 * DAY_MS: 2.0}
    both = Sides(tmp_path, Memory(), water={**WATER, **ahead})
    assert both.run().again == 1
    assert set(both.target.points_of["water"]) - set(WATER) == {NOW_MS + 31 * DAY_MS}


def test_a_copy_that_was_killed_goes_on_with_the_window_it_was_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copier, "_POINTS", 4)
    both, points = Sides(tmp_path, Memory(), water=WATER), Memory.points

    def killed(self: Memory, measurement: str, span: TimeSpan) -> AsyncIterator[list[Any]]:
        if span.start_ms >= 7 * DAY_MS:
            raise KeyboardInterrupt
        return points(self, measurement, span)

    monkeypatch.setattr(Memory, "points", killed)
    with pytest.raises(KeyboardInterrupt):
        both.run()
    monkeypatch.setattr(Memory, "points", points)
    assert both.file.load("a > b", 3 * DAY_MS).job("water").copied_ms == 7 * DAY_MS
    assert both.copied == 8
    both.run()
    assert both.source.asked[0][1] == 7 * DAY_MS
    assert both.target.points_of == {"water": WATER}


def test_days_with_many_points_are_read_in_parts_and_few_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copier, "_POINTS", 4)
    many = {5 * DAY_MS + at: float(at) for at in range(0, DAY_MS, DAY_MS // 10)}
    few = {day * DAY_MS + at: 1.0 for day in (3, 4, 7, 8, 9) for at in (0, 1)}
    both = Sides(tmp_path, Memory(), water={**many, **few})
    both.run()
    spans = [((start_ms / DAY_MS), (end_ms / DAY_MS)) for _, start_ms, end_ms in both.source.asked]
    third = 5 + round(DAY_MS / 3) / DAY_MS
    assert spans == [
        (3, 5),
        (5, third),
        (third, 5 + 2 * DAY_MS // 3 / DAY_MS),
        (5 + 2 * DAY_MS // 3 / DAY_MS, 6),
        (7, 9),
        (9, 10),
    ]
    assert both.target.points_of == both.source.points_of


def test_a_day_that_differs_is_copied_again_and_what_differs_still_is_named(tmp_path: Path) -> None:
    both = Sides(tmp_path, Memory(), water=WATER)
    both.run()
    both.target.points_of["water"][18 * DAY_MS] = 99.0
    del both.target.points_of["water"][19 * DAY_MS]
    both.target.points_of["water"][19 * DAY_MS + 7] = 5.0
    both.target.points_of["water"][17 * DAY_MS + 7] = 5.0
    result = both.run()
    assert {start_ms // DAY_MS for _, start_ms, _ in both.source.asked} == {18, 19}
    assert (result.again, both.target.points_of["water"][18 * DAY_MS]) == (2, 36.0)
    assert [(one.day_ms // DAY_MS, one.here.number, one.there.number) for one in result.differences] == []
    both.target.points_of["water"].pop(20 * DAY_MS)
    both.target._loses = 1  # noqa: SLF001 - it takes nothing more
    (left,) = both.run().differences
    assert (left.measurement, left.field, left.day_ms // DAY_MS, left.here.number, left.there.number) == (
        "water",
        "ph",
        20,
        1,
        0,
    )


def test_after_a_run_that_compared_everything_only_days_that_may_have_changed_are_compared(tmp_path: Path) -> None:
    both = Sides(tmp_path, Memory(), water=WATER)
    both.run()
    both.target.points_of["water"][4 * DAY_MS] = 99.0
    both.target.points_of["water"][16 * DAY_MS] = 99.0
    assert both.run().again == 1
    assert (both.target.points_of["water"][4 * DAY_MS], both.target.points_of["water"][16 * DAY_MS]) == (99.0, 32.0)


def test_while_a_gateway_writes_roll_ups_wait_where_they_could_not_be_replaced(tmp_path: Path) -> None:
    daily = {day * DAY_MS: 1.0 for day in range(3, 20)}
    for is_overwritten, last in ((False, 14), (True, 19)):
        folder = tmp_path / str(is_overwritten)
        folder.mkdir()
        both = Sides(folder, Memory(is_overwritten=is_overwritten), daily=daily, water=WATER)
        both.run(is_final=False)
        assert max(both.target.points_of["daily"]) // DAY_MS == last
        assert max(both.target.points_of["water"]) == max(WATER)
        both.run()
        assert both.target.points_of["daily"] == daily


def test_a_run_that_leaves_differences_is_no_last_one_unless_a_gateway_writes(tmp_path: Path) -> None:
    both = Sides(tmp_path, Memory(loses=1000), water=WATER)
    assert both.run().differences
    assert both.file.load("a > b", 3 * DAY_MS).compared_ms == 0
    assert both.run(is_final=False).differences
    assert both.file.load("a > b", 3 * DAY_MS).compared_ms == NOW_MS


def test_the_progress_is_of_one_route_and_one_first_day_and_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "copy.json")
    progress = file.load("a > b", 5)
    assert progress.job("water").copied_ms == 5
    progress.job("water").points = 7
    file.save(progress)
    assert file.load("a > b", 5).job("water").points == 7
    assert file.load("a > c", 5) == CopyProgress("a > c", 5)
    assert file.load("a > b", 6) == CopyProgress("a > b", 6)
    (tmp_path / "copy.json").write_text("{")
    with pytest.raises(ConfigurationFault, match=r"copy.json: cannot be read \(.*\); remove it to copy from the beginning"):
        file.load("a > b", 5)
    with pytest.raises(ConfigurationFault, match=r"none/copy\.json: cannot be written: No such file"):
        ProgressFile(tmp_path / "none" / "copy.json").save(progress)
