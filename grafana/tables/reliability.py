"""Reliability of the supply: SAIDI, SAIFI and MAIFI, and the meters that were out the longest.

An interruption is an outage of more than five minutes (IEEE 1366-2022; Circular 39/2015/TT-BCT). The gateway notes them on the
points of completeness of customers' meters that tell of outages: the figures are means of these, those without one too.
"""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Question, Step, by_choice, false
from grafana.model import HALF, Column, Kind, Panel, Section, Size
from grafana.tables import common
from grafana.text import both
from grafana.units import AGO, COUNT, DURATION

_POWER: Final = (("domain", "power"),)
_DAYS: Final = 31
_MINUTE_S: Final = 60
_PER_METER: Final = both("suffix:/công tơ", "suffix:/meter")
MINUTES: Final = both("suffix:phút", "suffix:min")
"""SAIDI is told in them, however many."""


def _per_meter(field: str, step: Step, name: str = "", per: int = 1) -> tuple[Question, Question]:
    """A sum over all customers' meters, divided by their number."""
    of_areas, of_meters = "daily_completeness", "completeness"
    number_of_areas = Ask(of_areas, "customers", Each.LAST, step, Over.SUM, tags=_POWER)
    number_of_meters = Ask(of_meters, "interruption_s", Each.LAST, step, Over.COUNT, tags=_POWER)
    return by_choice(
        Combined(Ask(of_areas, field, Each.SUM, step, Over.SUM, tags=_POWER), "/", number_of_areas, name, per),
        Combined(Ask(of_meters, field, Each.SUM, step, Over.SUM, tags=_POWER), "/", number_of_meters, name, per),
    )


def _index(name: str, field: str, about_vi: str, about_en: str) -> Panel:
    """An index of the last 31 days."""
    figure = _per_meter(field, Step.RANGE)
    return Panel(
        name, name, Kind.STAT, figure, _PER_METER, Size(6, 8), about_vi, about_en, days=_DAYS, without_data=common.NO_WHOLE_DAY
    )


def _by_day() -> Panel:
    return Panel(
        "SAIDI mỗi ngày",
        "SAIDI by day",
        Kind.BARS,
        _per_meter("interruption_s", Step.DAY, "SAIDI", _MINUTE_S),
        MINUTES,
        Size(12, 8),
        "31 ngày qua: thời gian mất điện trung bình của một công tơ trong mỗi ngày, chỉ tính những lần trên 5 phút.",
        "The last 31 days: time without supply of a meter in each day, on average; only outages of more than 5 minutes.",
        least_interval="1d",
        days=_DAYS,
        without_data=common.NO_WHOLE_DAY,
    )


def _longest() -> Panel:
    longest = Ask(
        *("completeness", "interruption_s", Each.SUM, Step.RANGE, Over.SUM, ("device", "site")), tags=_POWER, limit=common.ROWS
    )
    return Panel(
        "Mất điện lâu nhất",
        "Longest without supply",
        Kind.TABLE,
        (longest, replace(longest, field="interruptions", limit=0)),
        COUNT,
        HALF,
        "31 ngày qua: các công tơ mất điện lâu nhất, và số lần mất điện trên 5 phút.",
        "The last 31 days: the meters without supply for the longest, and the number of outages over 5 minutes.",
        days=_DAYS,
        columns=(
            Column("interruption_s", "Mất điện", "Without supply", DURATION),
            Column("interruptions", "Số lần", "Outages", COUNT),
        ),
        sort_by=both("Mất điện", "Without supply"),
        without_data=common.NO_WHOLE_DAY,
    )


def _ended() -> Panel:
    ended = (
        Ask(
            *("alarm", field, Each.LAST, Step.NOW, Over.MAX, ("device", "site")),
            tags=(("alarm", "outage"), *_POWER),
            where=(false("active"),),
            limit=common.ROWS,
        )
        for field in ("duration_s", "since_ms")
    )
    return Panel(
        "Những lần mất điện đã qua",
        "Outages that have ended",
        Kind.TABLE,
        tuple(ended),
        COUNT,
        HALF,
        "Lần mất điện cuối của từng công tơ trong 25 giờ qua: kéo dài bao lâu, từ lúc nào.",
        "The last outage of each meter in the last 25 hours: how long it lasted, and since when.",
        columns=(Column("duration_s", "Kéo dài", "Lasted", DURATION), Column("since_ms", "Từ", "Since", AGO)),
        sort_by=both("Kéo dài", "Lasted"),
        without_data=both("Không có lần nào", "None"),
    )


SAIDI: Final = Panel(
    *("SAIDI, 31 ngày qua", "SAIDI, last 31 days", Kind.STAT, _per_meter("interruption_s", Step.RANGE, "", _MINUTE_S)),
    *(MINUTES, Size(6, 3)),
    "Thời gian mất điện trung bình của một công tơ, chỉ tính những lần trên 5 phút.",
    "Time without supply of a meter on average; only outages of more than 5 minutes.",
    days=_DAYS,
    without_data=common.NO_WHOLE_DAY,
)

SECTION: Final = Section(
    "Mất điện bao lâu, ở đâu?",
    "How long without supply, and where?",
    (
        _index(
            "SAIFI",
            "interruptions",
            "31 ngày qua: số lần mất điện trên 5 phút, trung bình của một công tơ.",
            "The last 31 days: outages of more than 5 minutes of a meter on average.",
        ),
        _index(
            "MAIFI",
            "momentary",
            "31 ngày qua: số lần mất điện thoáng qua, tối đa 5 phút, trung bình của một công tơ.",
            "The last 31 days: momentary outages, of at most 5 minutes, of a meter on average.",
        ),
        _by_day(),
        _longest(),
        _ended(),
    ),
    closed=True,
)
