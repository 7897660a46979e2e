"""A day of a device: its points with their marks and what they add, as a page and as CSV."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.monitoring.reports.boundaries import midnight_ms
from gateway.web.devices import series
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.monitoring.reports.memory import MemoryStore
from tests.web.visiting import WATER, Answer, Visitor, visit

DAY_MS = midnight_ms(date(2026, 10, 31), ZoneInfo("Asia/Ho_Chi_Minh"))


def line(time_ms: int, register: float, quality: int = 0, flow: float = 1.5) -> str:
    return (
        f"water,device=m1,site=s1 volume_m3={register},volume_sum_m3={register + 100},flow_m3_h={flow},alarm_leak=true,"
        f"quality={quality}i {time_ms}"
    )


LINES = [
    line(DAY_MS - 30 * MINUTE_MS, 9.5),
    line(DAY_MS, 10.0),
    line(DAY_MS + 15 * MINUTE_MS, 10.25, 12),
    line(DAY_MS + 30 * MINUTE_MS, 10.75),
    line(DAY_MS + 24 * HOUR_MS, 22.0),
    line(DAY_MS + 24 * HOUR_MS + 30 * MINUTE_MS, 22.5),
]


def answers(folder: Path, monkeypatch: pytest.MonkeyPatch, *paths: str, who: str = "binh") -> list[Answer]:
    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[MemoryStore]:
        yield MemoryStore(LINES)

    async def story(visitor: Visitor) -> list[Answer]:
        visitor.come("m1", {"ts": NOW_MS, "ph": 7})
        return [await visitor.page(path, who) for path in paths]

    monkeypatch.setattr(series, "open_store", opened)
    return visit(folder, story, [WATER, WATER | {"id": "other", "area": "x-02"}])


def test_a_day_shows_each_point_with_what_it_adds_and_its_marks_and_leads_to_the_days_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, vietnamese, today, page = answers(
        tmp_path,
        monkeypatch,
        "/devices/m1/day?date=2026-10-31",
        "/devices/m1/day?date=2026-10-31&language=vi",
        "/devices/m1/day",
        "/devices/m1",
    )
    words = day.words.replace("\xa0", " ")
    assert words.startswith("m1 · 31 Oct 2026")
    assert "Readings of the day: 3." in words
    assert "00:15 Volume 10.25 m³ (+0.25) Flow 1.5 m³/h Leak alarm yes" in words
    assert "00:00 Volume 10 m³ (+0.5)" in words, "since the last one of the day before"
    assert words.index("00:30 ") < words.index("00:15 "), "the newest first"
    assert "Volume : 12 m³" in words, "from midnight to midnight"
    assert "suspect" in day.part("Volume", "Download"), "of a step in it"
    assert ['href="?date=2026-10-30"' in day.text, 'href="?date=2026-11-01"' in day.text] == [True, True]
    assert "10,25 m³" in vietnamese.words.replace("\xa0", " ")
    assert "đến muộn" in vietnamese.words.lower() or "muộn" in vietnamese.words
    assert 'value="2026-11-01"' in today.text, "the day on which it was heard last"
    assert 'rel="next"' not in today.text
    assert "Volume : 0.5 m³ up to 01 Nov 2026, 00:30:00" in today.words.replace("\xa0", " "), "as far as is known"
    assert "22 m³" in today.words.replace("\xa0", " ")
    assert 'href="/devices/m1/day"' in page.text


def test_a_day_as_csv_has_all_points_and_what_is_no_day_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, wrong, nobody = answers(
        tmp_path,
        monkeypatch,
        "/devices/m1/day.csv?date=2026-10-31",
        "/devices/m1/day?date=31/10",
        "/devices/nobody/day",
    )
    assert text.headers["Content-Disposition"] == 'attachment; filename="m1-2026-10-31.csv"'
    rows = list(csv.DictReader(StringIO(text.text.removeprefix("\ufeff"))))
    assert [(row["time"], row["volume_m3"], row["volume_sum_m3_added"], row["quality"]) for row in rows] == [
        ("2026-10-31T00:30:00+07:00", "10.75", "0.5", "0"),
        ("2026-10-31T00:15:00+07:00", "10.25", "0.25", "12"),
        ("2026-10-31T00:00:00+07:00", "10.0", "0.5", "0"),
    ]
    assert rows[0]["marks"] == ""
    assert len(rows[1]["marks"].split("; ")) == 2
    assert (wrong.status, nobody.status) == (400, 404)
    assert "is not a day; write 2026-10-31" in wrong.words


def test_an_account_with_a_limit_sees_days_of_its_devices_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = answers(tmp_path, monkeypatch, "/devices/m1/day?date=2026-10-31", "/devices/other/day", who="so-nuoc")
    assert (own.status, other.status) == (200, 404)


@pytest.mark.parametrize("told", ["2026-02-30", "9999-12-31", "0001-01-01", "1500-05-05", "abc"])
def test_what_is_no_day_that_could_have_readings_is_refused(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (refused,) = answers(tmp_path, monkeypatch, f"/devices/m1/day.csv?date={told}")
    assert refused.status == 400
    assert "is not a day; write 2026-10-31" in refused.text
