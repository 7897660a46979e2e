"""Completeness: the share of the expected readings that came, and came in time, by area and by device."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Question, Step, by_choice
from grafana.model import HALF, WHOLE, Column, Dashboard, Kind, Panel, Section, Size
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, DURATION, SHARE

RATES: Final = (("received", "nhận được", "received"), ("on_time", "đúng hạn", "on time"))
YEAR: Final = 366
"""Days in which twelve whole months begin."""
NO_WHOLE_MONTH: Final = both("Chưa có tháng trọn vẹn", "No whole month yet")
ABOUT: Final = (
    "So với số đo phải có theo interval trong devices.yaml, kể cả thiết bị im lặng. Bản in: gateway report completeness.",
    "Of the readings expected by the interval in devices.yaml, silent devices included. To print: gateway report completeness.",
)
_WHOLE_AREAS: Final = (
    f"{ABOUT[0]} Của cả khu vực, không lọc theo địa điểm và thiết bị.",
    f"{ABOUT[1]} Of whole areas, not of a site or device.",
)


def _shares(field: str, step: Step, name: str, by: tuple[str, ...] = (), *, months: bool = False) -> tuple[Question, ...]:
    """The share of the expected readings, from months; or from days, of areas where whole areas are chosen."""
    if months:
        return (common.completeness("", field, step, by, name, "monthly_completeness"),)
    return common.completeness_by_choice("", field, step, name, by)


def _rate(field: str, vi: str, en: str) -> Panel:
    figure = common.stat(
        *(f"Số đo {vi}", f"Readings {en}", _shares(field, Step.RANGE, "share"), SHARE), *ABOUT, common.COMPLETE
    )
    return replace(figure, size=Size(6, 4))


def _by_domain() -> Panel:
    share = common.completeness("", "received", Step.RANGE, ("domain",), measurement="daily_completeness")
    figure = common.stat(
        "Số đo nhận được, theo lĩnh vực", "Readings received, by domain", share, SHARE, *_WHOLE_AREAS, common.COMPLETE
    )
    return replace(figure, size=Size(12, 4))


def _over_time(vi: str, en: str, *, months: bool = False) -> Panel:
    return Panel(
        vi,
        en,
        Kind.LINES,
        tuple(
            question
            for field, rate_vi, rate_en in RATES
            for question in _shares(field, Step.DAY, both(rate_vi, rate_en), months=months)
        ),
        SHARE,
        HALF,
        *(_WHOLE_AREAS if months else ABOUT),
        least_interval="1d",
        days=YEAR if months else 0,
        steps=common.COMPLETE,
        minimum=0.0,
        maximum=common.ALL,
        without_data=NO_WHOLE_MONTH if months else common.NO_WHOLE_DAY,
    )


def _domains_by_day() -> Panel:
    share = common.completeness("", "received", Step.DAY, ("domain",), measurement="daily_completeness")
    return Panel(
        "Nhận được mỗi ngày, theo lĩnh vực",
        "Received by day and domain",
        Kind.LINES,
        (share,),
        SHARE,
        HALF,
        *_WHOLE_AREAS,
        least_interval="1d",
        steps=common.COMPLETE,
        minimum=0.0,
        maximum=common.ALL,
        without_data=common.NO_WHOLE_DAY,
    )


def _readings() -> Panel:
    return Panel(
        "Số lượng số đo mỗi ngày, theo lĩnh vực",
        "Number of readings by day and domain",
        Kind.BARS,
        (Ask("daily_completeness", "received", Each.SUM, Step.DAY, Over.SUM, ("domain",)),),
        COUNT,
        HALF,
        "Số đo nhận được mỗi ngày, theo thời điểm đo. Của cả khu vực, không lọc theo địa điểm và thiết bị.",
        "Readings received on each day, by the time they were taken. Of whole areas, not of a site or device.",
        least_interval="1d",
        without_data=common.NO_WHOLE_DAY,
    )


def _by_area(vi: str, en: str, *, months: bool = False) -> Panel:
    """The figures to print: one row an area."""
    gap = Ask("completeness", "longest_gap_s", Each.MAX, Step.RANGE, Over.MAX, ("area",))
    of_months, of_days = (replace(gap, measurement=f"{period}_completeness") for period in ("monthly", "daily"))
    shares = (share for field, _, _ in RATES for share in _shares(field, Step.RANGE, field, ("area",), months=months))
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (*shares, *((of_months,) if months else by_choice(of_days, gap))),
        SHARE,
        HALF,
        *(_WHOLE_AREAS if months else ABOUT),
        days=YEAR if months else 0,
        columns=(
            *(Column(field, vi.capitalize(), en.capitalize(), SHARE, steps=common.COMPLETE) for field, vi, en in RATES),
            Column("longest_gap_s", "Khoảng trống dài nhất", "Longest gap", DURATION),
        ),
        sort_by=both("Nhận được", "Received"),
        sort_up=True,
        without_data=NO_WHOLE_MONTH if months else common.NO_WHOLE_DAY,
    )


def _least_complete() -> Panel:
    received, expected = (
        Ask("completeness", field, Each.SUM, Step.RANGE, Over.SUM, ("domain", "device", "site"), limit=-common.ROWS)
        for field in ("received", "expected")
    )
    gap = replace(received, field="longest_gap_s", each=Each.MAX, over=Over.MAX, limit=0)
    return Panel(
        "Thiết bị thiếu nhiều nhất",
        "Least complete devices",
        Kind.TABLE,
        (Combined(received, "/", expected, "share"), gap),
        SHARE,
        WHOLE,
        *ABOUT,
        columns=(
            Column("share", "Nhận được", "Received", SHARE, steps=common.COMPLETE),
            Column("longest_gap_s", "Khoảng trống dài nhất", "Longest gap", DURATION),
        ),
        sort_by=both("Nhận được", "Received"),
        sort_up=True,
        without_data=common.NO_WHOLE_DAY,
    )


DASHBOARD: Final = Dashboard(
    "completeness",
    "Mức đầy đủ của số liệu",
    "Completeness",
    common.variables("registry"),
    (
        Section(
            "Những ngày trọn vẹn đang xem: có đủ không?",
            "The whole days of the time shown: is all there?",
            (
                *(_rate(*rate) for rate in RATES),
                _by_domain(),
                _over_time("Mỗi ngày", "By day"),
                _domains_by_day(),
                _by_area("Theo khu vực", "By area"),
                _readings(),
                _least_complete(),
            ),
        ),
        Section(
            "Tháng và năm",
            "Months and the year",
            (
                _over_time("Mỗi tháng", "By month", months=True),
                _by_area("Theo khu vực, 12 tháng", "By area, 12 months", months=True),
            ),
            closed=True,
        ),
    ),
    days=31,
    refresh="15m",
    annotations=marks(),
)
