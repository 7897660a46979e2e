"""Completeness: the share of the expected readings that came, and came in time, by area and by device."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Question, Step, by_choice
from grafana.model import HALF, Column, Dashboard, Kind, Panel, Section, Size
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, DURATION, SHARE

RATES: Final = (("received", "nhận được", "received"), ("on_time", "đúng hạn", "on time"))
YEAR: Final = 366
"""Days in which twelve whole months begin."""
NO_WHOLE_MONTH: Final = both("Chưa có tháng trọn vẹn", "No whole month yet")
QUARTER_OF_A_LINE: Final = Size(6, 4)
ABOUT: Final = (
    "So với số đo phải có theo interval trong devices.yaml, kể cả thiết bị im lặng. Bản in: gateway report completeness.",
    "Of the readings expected by the interval in devices.yaml, silent devices included. To print: gateway report completeness.",
)


ABOUT_MONTHS: Final = (
    f"{ABOUT[0]} Tháng và năm: của cả khu vực, không lọc theo địa điểm và thiết bị.",
    f"{ABOUT[1]} Months and the year are of whole areas.",
)


def _shares(field: str, step: Step, name: str, by: tuple[str, ...] = (), *, months: bool) -> tuple[Question, ...]:
    """The share of the expected readings, from months; or from days, of areas where whole areas are chosen."""
    if months:
        return (common.completeness("", field, step, by, name, "monthly_completeness"),)
    return common.completeness_by_choice("", field, step, name, by)


def _rate(field: str, vi: str, en: str, *, months: bool = False) -> Panel:
    ending = (" (12 tháng)", " (12 months)") if months else ("", "")
    rate, about = _shares(field, Step.RANGE, "share", months=months), ABOUT_MONTHS if months else ABOUT
    figure = common.stat(f"Số đo {vi}{ending[0]}", f"Readings {en}{ending[1]}", rate, SHARE, *about, common.COMPLETE)
    return replace(figure, size=QUARTER_OF_A_LINE, days=YEAR if months else 0)


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
        *(ABOUT_MONTHS if months else ABOUT),
        least_interval="1d",
        days=YEAR if months else 0,
        steps=common.COMPLETE,
        minimum=0.0,
        maximum=common.ALL,
        without_data=NO_WHOLE_MONTH if months else common.NO_WHOLE_DAY,
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
        *(ABOUT_MONTHS if months else ABOUT),
        days=YEAR if months else 0,
        columns=(
            *(Column(field, vi.capitalize(), en.capitalize(), SHARE, steps=common.COMPLETE) for field, vi, en in RATES),
            Column("longest_gap_s", "Khoảng trống dài nhất", "Longest gap", DURATION),
        ),
        without_data=NO_WHOLE_MONTH if months else common.NO_WHOLE_DAY,
    )


def _least_complete() -> Panel:
    received, expected = (
        Ask("completeness", field, Each.SUM, Step.RANGE, Over.SUM, ("device", "site"), limit=-common.ROWS)
        for field in ("received", "expected")
    )
    return Panel(
        "Thiết bị thiếu nhiều nhất",
        "Least complete devices",
        Kind.TABLE,
        (Combined(received, "/", expected, "share"),),
        SHARE,
        HALF,
        *ABOUT,
        columns=(Column("share", "Mức đầy đủ", "Completeness", SHARE, steps=common.COMPLETE),),
        sort_by=both("Mức đầy đủ", "Completeness"),
        sort_up=True,
        without_data=common.NO_WHOLE_DAY,
    )


def _longest_gaps() -> Panel:
    gaps = Ask("completeness", "longest_gap_s", Each.MAX, Step.RANGE, Over.MAX, ("device", "site"), limit=common.ROWS)
    return Panel(
        "Khoảng trống dài nhất",
        "Longest gaps",
        Kind.TABLE,
        (gaps,),
        COUNT,
        HALF,
        "Thời gian dài nhất không có số đo của từng thiết bị.",
        "The longest time without a reading of each device.",
        columns=(Column("longest_gap_s", "Khoảng trống", "Gap", DURATION),),
        sort_by=both("Khoảng trống", "Gap"),
        without_data=common.NO_WHOLE_DAY,
    )


DASHBOARD: Final = Dashboard(
    "completeness",
    "Mức đầy đủ của số liệu",
    "Completeness",
    common.variables("registry"),
    (
        Section(
            "Những ngày trọn vẹn đang xem",
            "The whole days of the time shown",
            (
                *(_rate(*rate, months=months) for months in (False, True) for rate in RATES),
                _over_time("Mỗi ngày", "By day"),
                _by_area("Theo khu vực", "By area"),
                _least_complete(),
                _longest_gaps(),
            ),
        ),
        Section(
            "Tháng và năm",
            "Months and the year",
            (
                _over_time("Mỗi tháng", "By month", months=True),
                _by_area("Theo khu vực, 12 tháng", "By area, 12 months", months=True),
            ),
        ),
    ),
    days=31,
    annotations=marks(),
)
