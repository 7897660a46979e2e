"""Completeness: the share of the expected readings that came, and came in time, by area and by device."""

from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Step
from grafana.model import HALF, Column, Dashboard, Kind, Panel, Section
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.units import COUNT, DURATION, SHARE

RATES: Final = (("received", "nhận được", "received"), ("on_time", "đúng hạn", "on time"))
ABOUT: Final = (
    "So với số đo phải có theo interval trong devices.yaml, kể cả thiết bị im lặng. Bản in: gateway report completeness.",
    "Of the readings expected by the interval in devices.yaml, silent devices included. To print: gateway report completeness.",
)


def _rate(field: str, vi: str, en: str) -> Panel:
    rate = common.completeness("", field, Step.RANGE, name="share")
    return common.stat(f"Số đo {vi}", f"Readings {en}", rate, SHARE, *ABOUT, common.COMPLETE)


def _by_day() -> Panel:
    return Panel(
        "Mỗi ngày",
        "By day",
        Kind.LINES,
        tuple(common.completeness("", field, Step.DAY, name=f"{vi} · {en}") for field, vi, en in RATES),
        SHARE,
        HALF,
        *ABOUT,
        least_interval="1d",
        minimum=0.0,
        without_data=common.NO_WHOLE_DAY,
    )


def _by_area() -> Panel:
    """The figures to print: one row an area."""
    return Panel(
        "Theo khu vực",
        "By area",
        Kind.TABLE,
        tuple(common.completeness("", field, Step.RANGE, ("area",), field) for field, _, _ in RATES),
        SHARE,
        HALF,
        *ABOUT,
        columns=tuple(
            Column(field, vi_rate.capitalize(), en_rate.capitalize(), SHARE, steps=common.COMPLETE)
            for field, vi_rate, en_rate in RATES
        ),
        without_data=common.NO_WHOLE_DAY,
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
        sort_by="Mức đầy đủ · Completeness",
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
        sort_by="Khoảng trống · Gap",
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
            (*(_rate(*rate) for rate in RATES), _by_day(), _by_area(), _least_complete(), _longest_gaps()),
        ),
    ),
    days=31,
    annotations=marks(),
)
