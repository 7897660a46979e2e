"""Reports of months: ``gateway report completeness`` as a process of its own, and what it printed, kept.

A month of ten thousand devices is millions of instants; in the gateway they would hold up readings.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from gateway.runtime.jobs.own_command import CommandFailed, configured, printed
from gateway.support.clock import WallClock
from gateway.support.config.model import Config

_GOES_ON_FOR_MS: Final = 15 * 60_000
_IS_OVER_FOR_MS: Final = 6 * 3_600_000
"""Time for which figures of a month are good enough: of one that goes on, and of one to which only late readings can come."""
_SHARE: Final = 10
"""The same at least, in multiples of the time that they took."""
_AFTER_FAULT_MS: Final = 30_000
_KEPT: Final = 24
_WAITING_MAX: Final = 4
"""Months that are worked out or wait for it; they are one after the other."""


@dataclass(slots=True)
class MonthReport:
    """The report of one month.

    :ivar csv: the output of the command; empty as long as there is none.
    :ivar made_ms: the time of that output.
    :ivar fault: the reason why the last attempt failed; empty if it did not.
    :ivar due_ms: the time from which it is worked out again when it is asked for.
    :ivar task: the work on it, while there is some.
    """

    csv: str = ""
    made_ms: int = 0
    fault: str = ""
    due_ms: int = 0
    task: asyncio.Task[None] | None = None

    @property
    def is_in_work(self) -> bool:
        """Tell if it is being worked out, or waits for that."""
        return self.task is not None


class MonthReports:
    """The reports of months that were asked for."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self._config = config
        self._clock = clock
        self._reports: dict[str, MonthReport] = {}
        self._one_at_a_time = asyncio.Lock()

    def of(self, month: str, end_ms: int) -> MonthReport:
        """The report of a month, written ``2026-10``; without one, or with an old one, the work on it begins.

        :param end_ms: the end of the month.
        """
        report = self._reports.pop(month, None) or MonthReport()
        self._reports[month] = report
        in_work = sum(other.is_in_work for other in self._reports.values())
        if not report.is_in_work and self._clock.now_ms() >= report.due_ms and in_work < _WAITING_MAX:
            report.task = asyncio.create_task(self._work(month, end_ms, report))
        for old in [name for name, other in self._reports.items() if not other.is_in_work][:-_KEPT]:
            del self._reports[old]
        return report

    async def _work(self, month: str, end_ms: int, report: MonthReport) -> None:
        try:
            async with self._one_at_a_time:
                began_ms = self._clock.now_ms()
                report.csv, report.fault = await printed("the report", self._arguments(month)), ""
                report.made_ms = now_ms = self._clock.now_ms()
                good_for_ms = _GOES_ON_FOR_MS if began_ms < end_ms else _IS_OVER_FOR_MS
                report.due_ms = now_ms + max(good_for_ms, _SHARE * (now_ms - began_ms))
        except CommandFailed as failed:
            report.fault, report.due_ms = str(failed), self._clock.now_ms() + _AFTER_FAULT_MS
        finally:
            report.task = None

    def _arguments(self, month: str) -> list[str]:
        asked = ["--from", month, "--to", month, "--by", "area", "--step", "month", "--csv"]
        return ["report", "completeness", *configured(self._config), *asked]
