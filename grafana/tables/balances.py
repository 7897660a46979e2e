"""Losses: of areas, and of parents, what a meter measured less what the meters behind it did. The rest earns nothing."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Step, by_choice
from grafana.model import GREEN, RED, THIRD, YELLOW, Column, Kind, Panel, Size
from grafana.tables import common, flows
from grafana.text import both
from grafana.units import SHARE

LOSS_STEPS: Final = ((None, GREEN), (0.15, YELLOW), (0.25, RED))
NO_PARENT: Final = both(
    "Chưa có ngày trọn vẹn, hoặc không đo được: thiếu đồng hồ tổng (parent)", "No whole day yet, or no bulk meter (parent)"
)
_DAYS: Final = 31
ABOUT_CHOICE: Final = (
    "Chọn địa điểm hoặc thiết bị: của các đồng hồ tổng (parent) được chọn.",
    "With sites or devices chosen: of the bulk meters (parent) among them.",
)


def lost(domain: str, unit: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The amount that is lost each day in all areas; of parents, where sites or devices are chosen."""
    of_areas = flows.of_areas(domain, flows.LOST, "daily_area", Step.DAY)
    of_parents = replace(of_areas, measurement="daily_balance")
    return Panel(
        vi,
        en,
        Kind.BARS,
        flows.with_doubt(*by_choice(of_areas, of_parents)),
        unit,
        THIRD,
        f"{about_vi}, mỗi ngày, 31 ngày qua. {ABOUT_CHOICE[0]}",
        f"{about_en}, by day, 31 days. {ABOUT_CHOICE[1]}",
        least_interval="1d",
        days=_DAYS,
        without_data=flows.NOT_MEASURED,
    )


def by_area(domain: str) -> Panel:
    """The areas that lose the largest shares, of the days on which their losses are measured."""
    lost, supplied = (
        replace(flows.of_areas(domain, word, "daily_area", Step.RANGE, ("area",)), beside=flows.flow(domain, flows.LOST))
        for word in (flows.LOST, flows.SUPPLIED)
    )
    return Panel(
        *("Thất thoát theo khu vực", "Lost by area", Kind.TABLE),
        (Combined(lost, "/", supplied, "share"), *flows.mark_columns(lost)),
        *(SHARE, Size(10, 8)),
        f"Phần thất thoát so với cấp vào, 31 ngày qua, những ngày đo được. {flows.ABOUT[0]}",
        f"Share of what was supplied, in the last 31 days, on those that are measured. {flows.ABOUT[1]}",
        columns=(Column("share", "Thất thoát", "Lost", SHARE, steps=LOSS_STEPS), *flows.MARK_COLUMNS),
        sort_by=both("Thất thoát", "Lost"),
        days=_DAYS,
        without_data=flows.NOT_MEASURED,
    )


def yesterday(domain: str) -> Panel:
    """The share of what was supplied that was lost, of the areas whose losses are measured."""
    lost, supplied = (
        replace(flows.of_areas(domain, word, "daily_area", Step.RANGE), beside=flows.flow(domain, flows.LOST))
        for word in (flows.LOST, flows.SUPPLIED)
    )
    share = Combined(lost, "/", supplied, both(flows.WORDS[flows.LOST], flows.LOST))
    return Panel(
        *("Thất thoát hôm qua", "Lost yesterday", Kind.STAT, flows.with_doubt(share), SHARE, Size(6, 3)),
        f"Phần thất thoát so với cấp vào, những khu vực đo được. {flows.ABOUT[0]}",
        f"Share of what was supplied, of the areas where it is measured. {flows.ABOUT[1]}",
        steps=LOSS_STEPS,
        days=common.YESTERDAY,
        without_data=both("không đo được", "not measured"),
    )


def losing(domain: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The parents that lose the largest shares, of the days on which their losses are measured."""
    field, own = flows.flow(domain, flows.LOST), (("domain", domain),)
    lost, inflow = (
        Ask(*("daily_balance", name, Each.SUM, Step.RANGE, Over.SUM, ("device", "site"), own), limit=common.ROWS, beside=field)
        for name in (field, "in")
    )
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (Combined(lost, "/", inflow, "share"), *flows.mark_columns(inflow)),
        SHARE,
        Size(14, 8),
        f"{about_vi}, 31 ngày qua.",
        f"{about_en}, in the last 31 days.",
        columns=(Column("share", "Thất thoát", "Lost", SHARE, steps=LOSS_STEPS), *flows.MARK_COLUMNS),
        sort_by=both("Thất thoát", "Lost"),
        days=_DAYS,
        without_data=NO_PARENT,
    )
