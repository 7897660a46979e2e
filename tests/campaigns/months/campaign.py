"""A campaign from beginning to end: days pass, then every account of them is held against the truth."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from firmware_sim.query import InfluxdbAccess
from firmware_sim.report import Report
from firmware_sim.verify import verify
from gateway.commands.reports.report_rows import late_sums
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep, periods
from gateway.support.config.files import load
from tests.campaigns.months.judgement import ROUNDING, Agreement, AllowedFlow, DayCounts, added, agree
from tests.campaigns.months.plan import BEGIN_S, INTERVAL_S, MonthsPlan
from tests.campaigns.months.reported import DAY_MS, DayKey, Figure, Reports, RollUps, ask_reports, used_days
from tests.campaigns.months.truth import MonthsTruth, series_of
from tests.campaigns.months.world import ScaledWorld, scaled_world

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
MOST_MARKED: Final = 0.05
"""Share of days of devices that may be marked."""
FEWEST_DAYS: Final = 1_000
"""Of fewer days of devices each kind of event happens once all the same, so more than that share has one."""
PATIENCE_S: Final = 180.0
"""So long the accounts may stand still before they agree: a night must pass after the last telling, and roll-ups be written."""
LOOK_S: Final = 5.0


class Row(NamedTuple):
    """A line of the table of results."""

    what: str
    result: str
    faults: Sequence[str]


@dataclass(frozen=True)
class Months:
    """The task.

    :ivar tell: is told what goes on.
    """

    plan: MonthsPlan
    folder: Path
    is_metricsql: bool
    tell: Callable[[str], None]

    def run(self) -> list[Row]:
        """Carry it out."""
        with scaled_world(self.plan, self.folder, is_metricsql=self.is_metricsql) as parts:
            begun_s = time.monotonic()
            parts.pass_by(lambda text: self.tell(self._progress(parts, text)))
            took_s = time.monotonic() - begun_s
            parts.slow_down()
            self._wait_for_the_night(parts)
            self.tell("reading the ledger")
            truth = MonthsTruth.read(self.plan, parts.ledger)
            rows = [self._lived(parts, truth, took_s)]
            accounts = self._accounts(parts, truth)
            self.tell("every reading is looked up")
            return rows + self._readings(parts) + accounts

    def _wait_for_the_night(self, parts: ScaledWorld) -> None:
        """Return when the sums that became known too late are worked out; where points are not replaced, reports do it."""
        config = load(parts.gateway.config, {})
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.is_metricsql and (late := late_sums(config)) and time.monotonic() < deadline_s:
            self.tell(f"sums of {len(late)} devices are worked out again in the night")
            time.sleep(LOOK_S)

    def _progress(self, parts: ScaledWorld, text: str) -> str:
        days = max(0.0, (parts.now_s() - BEGIN_S) / 86_400)
        return f"day {days:5.1f} of {self.plan.days}, {parts.kills} kills, {parts.told} exchanges told {text}"

    def _lived(self, parts: ScaledWorld, truth: MonthsTruth, took_s: float) -> Row:
        happened = len([one for one in self.plan.incidents if one.device])
        told = f"{parts.told} of {self.plan.exchanges} exchanges told ({parts.told_late} of them late)"
        faults = f"{parts.kills} kills, {int(parts.kills > 0)} file lost, database away {parts.outages} times"
        lived = f"{truth.readings:,} readings in {took_s:,.0f} s, {happened} events, {told}, {faults}"
        missed = parts.told < len(list(self.plan.exchanges_told()))
        return Row("what happened", lived, ["exchanges were refused"] if missed else [])

    def _readings(self, parts: ScaledWorld) -> list[Row]:
        found = verify(parts.ledger, InfluxdbAccess(parts.database.url, "iot"), 0.0, 7200.0)
        # Where points are not replaced, sums step in the night after an exchange was told late: there reports alone are right.
        return [_of_readings(found)] if self.is_metricsql else [_of_readings(found), _of_sums(found)]

    def _accounts(self, parts: ScaledWorld, truth: MonthsTruth) -> list[Row]:
        config = load(parts.gateway.config, {})
        days = _days(truth)
        months = [TimeSpan(*span) for span in _months(days)]
        rollups = RollUps(parts.database.url, is_metricsql=self.is_metricsql)
        deadline_s, fewest = time.monotonic() + PATIENCE_S, 2**62
        while True:
            reports = asyncio.run(ask_reports(config, days, months, round(parts.now_s() * 1000)))
            agreed = _rolled_up(reports, rollups, days, months)
            rows = [*_consumption(reports, truth), _sums_to_the_month(reports, days), *agreed, *_completeness(reports, truth)]
            differ = sum(len(row.faults) for row in rows)
            self.tell(f"reports and roll-ups are compared: {differ:,} figures are not there yet")
            if differ < fewest:
                deadline_s, fewest = time.monotonic() + PATIENCE_S, differ
            if not differ or time.monotonic() > deadline_s:
                return rows
            time.sleep(LOOK_S)


def _days(truth: MonthsTruth) -> list[TimeSpan]:
    return sorted({TimeSpan(day.from_ms, day.to_ms) for day in truth.days()})


def _months(days: Sequence[TimeSpan]) -> list[TimeSpan]:
    """The calendar months that lie in the days."""
    first, last = (datetime.fromtimestamp(day.start_ms / 1000, ZONE).date() for day in (days[0], days[-1]))
    whole = periods(first.replace(day=1), last, ReportStep.MONTH, ZONE)
    return [month for month in whole if days[0].start_ms <= month.start_ms and month.end_ms - month.start_ms >= 28 * DAY_MS]


def _of_readings(found: Report) -> Row:
    total = found.total
    result = f"{total.sent:,} sent, {total.missing} missing, {total.different} altered, {total.duplicate} twice"
    return Row("every reading stands once", result, [str(finding) for finding in found.findings] if total.faults else [])


def _of_sums(found: Report) -> Row:
    sums = found.sums
    result = f"{sums.exact:,} exact, {sums.marked} marked, {sums.marked_off} of them off, {sums.wrong} wrong"
    return Row("sums as points have them", result, [str(finding) for finding in found.sum_findings] if sums.faults else [])


def _consumption(reports: Reports, truth: MonthsTruth) -> list[Row]:
    counts = DayCounts()
    allowed = AllowedFlow(truth.flowed, truth.unseen)
    days = truth.days()
    for day in days:
        reported = reports.days.get((series_of(day), day.field, day.from_ms))
        counts.judge(day, reported, allowed, round(INTERVAL_S * 1000), truth.in_turn(day))
    devices = len({(day.device, day.from_ms) for day in days})
    share = len(counts.marked_devices) / devices
    result = (
        f"{counts.days:,} days of registers: {counts.exact:,} exact, {counts.in_turn:,} exact and interpolated between lanes, "
        f"{counts.marked} marked, {counts.marked_off} of them off, {len(counts.faults)} wrong"
    )
    is_much = share > MOST_MARKED and devices >= FEWEST_DAYS
    too_many = [f"more than {MOST_MARKED:.0%}"] if is_much else []
    return [
        Row("consumption of every device and day", result, counts.faults),
        Row("days of devices that are marked", f"{len(counts.marked_devices)} of {devices:,} ({share:.1%})", too_many),
    ]


def _sums_to_the_month(reports: Reports, days: Sequence[TimeSpan]) -> Row:
    summed = added(((series, field), day.used) for (series, field, _), day in reports.days.items() if day.used is not None)
    covered = added(((series, field), 1) for (series, field, _), day in reports.days.items() if day.used is not None)
    whole = {key: used for key, used in reports.whole.items() if used is not None and covered.get(key) == len(days)}
    found = agree({key: summed[key] for key in whole}, whole, ("days", "month"))
    return Row("days add up to the month", f"{found.compared:,} registers, exactly", found.faults)


def _rolled_up(reports: Reports, rollups: RollUps, days: Sequence[TimeSpan], months: Sequence[TimeSpan]) -> list[Row]:
    daily = used_days(reports)
    names = ("report", "roll-up")
    used_daily, used_monthly = rollups.used("daily", days), rollups.used("monthly", months)
    rolled = agree(daily, used_daily, names)
    hourly = added(
        ((series, field, start_ms - (start_ms - days[0].start_ms) % DAY_MS), used)
        for (series, field, start_ms), used in rollups.used("hourly", days).items()
    )
    hours = agree(daily, {key: hourly[key] for key in hourly.keys() & daily.keys()}, names)
    monthly = agree(reports.months, used_monthly, names)
    whole = {key: used for month in months for key, used in _added_up(used_daily, days, month).items()}
    added_up = agree(whole, {key: used_monthly[key] for key in whole.keys() & used_monthly.keys()}, ("days", "month"))
    complete = agree(_of_days(reports), _only(rollups.figures("completeness", days)), names)
    balances = agree(_balance_figures(reports), _in_and_out(rollups.figures("balance", days, step="day")), names)
    return [
        _agreed("daily roll-ups equal the report", rolled),
        _agreed("24 hourly roll-ups add up to the day", hours),
        _agreed("monthly roll-ups equal the report", monthly),
        _agreed("daily roll-ups add up to the monthly", added_up),
        _agreed("completeness and interruptions equal the report", complete),
        _agreed("balances as written equal the report", balances),
    ]


def _added_up(daily: Mapping[DayKey, int], days: Sequence[TimeSpan], month: TimeSpan) -> dict[DayKey, int]:
    """Add up the days of a month, where it has all of them."""
    starts = {day.start_ms for day in days if month.start_ms <= day.start_ms < month.end_ms}
    mine = [((series, field, month.start_ms), used) for (series, field, day_ms), used in daily.items() if day_ms in starts]
    covered = Counter(key for key, _ in mine)
    return {key: used for key, used in added(mine).items() if covered[key] == len(starts)}


def _agreed(what: str, found: Agreement) -> Row:
    return Row(what, f"{found.compared:,} figures, {len(found.faults)} differ", found.faults)


def _of_days(reports: Reports) -> dict[Figure, int]:
    """Completeness and interruptions, which stand on one point."""
    return reports.interruptions | {
        (device, name, start_ms): round(float(value) * 1e6)
        for (device, start_ms), figures in reports.completeness.items()
        for name, value in figures._asdict().items()
    }


def _only(figures: dict[Figure, int]) -> dict[Figure, int]:
    return {key: figure for key, figure in figures.items() if key[1] != "time"}


def _balance_figures(reports: Reports) -> dict[Figure, int]:
    return {
        (row.parent.id, name, row.flows.period.start_ms): value
        for row in reports.balances
        for name, value in (("in", row.inflow), ("out", row.outflow))
        if value is not None
    }


def _in_and_out(figures: dict[Figure, int]) -> dict[Figure, int]:
    return {key: figure for key, figure in figures.items() if key[1] in {"in", "out"}}


def _completeness(reports: Reports, truth: MonthsTruth) -> list[Row]:
    """Hold completeness and balances against the ledger."""
    received = {
        (device, start_ms): sum(start_ms <= at_ms < start_ms + DAY_MS for at_ms in truth.times_ms.get(device, ()))
        for device, start_ms in reports.completeness
    }
    counted = {key: round(figures.received) for key, figures in reports.completeness.items()}
    found = agree(
        {key: number * 1_000_000 for key, number in received.items()},
        {key: number * 1_000_000 for key, number in counted.items()},
        ("ledger", "report"),
    )
    return [_agreed("completeness is what the ledger says", found), _balances(reports, truth)]


def _balances(reports: Reports, truth: MonthsTruth) -> Row:
    """The use of families, where none of their days is marked, against what they consumed."""
    days = {(day.device, day.from_ms): day for day in truth.days() if day.field == "volume_m3"}
    faults, compared = [], 0
    for row in reports.balances:
        start_ms = row.flows.period.start_ms
        if row.counter.field != "volume_m3" or row.inflow is None or row.outflow is None:
            continue
        members = [row.parent.id, *truth.plan.families[row.parent.id]]
        marks = [reports.days.get((series_of(days[one, start_ms]), "volume_m3", start_ms)) for one in members]
        if any(mark is None or mark.suspect or mark.gaps for mark in marks):
            continue
        compared += 1
        consumed = [days[one, start_ms] for one in members]
        off = (row.inflow - row.outflow) / 1e6 - (consumed[0].value - sum(day.value for day in consumed[1:]))
        if abs(off) > sum(day.within + ROUNDING for day in consumed):
            faults.append(f"{row.parent.id} day {start_ms}: lost {(row.inflow - row.outflow) / 1e6:.6f}, off by {off:.6f}")
    return Row("balances are what the ledger says", f"{compared:,} days of families without a mark", faults)
