"""Reports of months: worked out when somebody asks, and good for as long as little can change."""

import asyncio

import pytest

from gateway.runtime.jobs.exports import CommandFailed
from gateway.support.config.model import Config
from gateway.web.views import completeness
from gateway.web.views.completeness import MonthReport, MonthReports, by_area

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
END_MS = 1_793_491_200_000


class Clock:
    """Stands still but for what a report takes."""

    def __init__(self, now_ms: int) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        """The time."""
        return self.ms


def worked_out(monkeypatch: pytest.MonkeyPatch, now_ms: int, takes_ms: int = 0, fault: str = "") -> MonthReport:
    """The report of October, asked for at this time."""
    clock = Clock(now_ms)

    async def printed(_: str, words: list[str]) -> str:
        assert words[:2] == ["report", "completeness"]
        assert words[words.index("--from") + 1] == words[words.index("--to") + 1] == "2026-10"
        clock.ms += takes_ms
        if fault:
            raise CommandFailed(fault)
        return "area,domain\n"

    monkeypatch.setattr(completeness, "printed", printed)

    async def asked() -> MonthReport:
        report = MonthReports(Config(), clock, by_area).of("2026-10", END_MS)  # type: ignore[arg-type]
        assert report.is_in_work
        assert report.task
        await report.task
        return report

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("now_ms", "takes_ms", "good_for_ms"),
    [
        pytest.param(END_MS - 1, 0, 15 * MINUTE_MS, id="goes-on"),
        pytest.param(END_MS + 45 * 24 * HOUR_MS - 1, 0, 15 * MINUTE_MS, id="is-being-closed"),
        pytest.param(END_MS + 45 * 24 * HOUR_MS, 0, 6 * HOUR_MS, id="is-over"),
        pytest.param(END_MS - HOUR_MS, 3 * MINUTE_MS, 30 * MINUTE_MS, id="ten-times-as-long-as-it-took"),
    ],
)
def test_a_month_that_goes_on_is_worked_out_again_sooner(
    monkeypatch: pytest.MonkeyPatch, now_ms: int, takes_ms: int, good_for_ms: int
) -> None:
    report = worked_out(monkeypatch, now_ms, takes_ms)
    assert (report.csv, report.fault, report.made_ms) == ("area,domain\n", "", now_ms + takes_ms)
    assert report.due_ms == report.made_ms + good_for_ms
    assert not report.is_in_work


def test_a_report_that_failed_says_why_and_is_tried_again_after_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    report = worked_out(monkeypatch, END_MS, fault="the database does not answer")
    assert (report.csv, report.fault) == ("", "the database does not answer")
    assert report.due_ms == END_MS + MINUTE_MS // 2
