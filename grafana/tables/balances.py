"""Balances of parents: what a meter measured less what the meters behind it did. The rest earns nothing."""

from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Step
from grafana.model import GREEN, RED, THIRD, YELLOW, Column, Kind, Panel
from grafana.tables import common
from grafana.units import SHARE

LOSS_STEPS: Final = ((None, GREEN), (0.15, YELLOW), (0.25, RED))
NO_PARENT: Final = "Chưa có đồng hồ tổng (parent), hoặc chưa có ngày trọn vẹn · No bulk meter (parent), or no whole day yet"
_DAYS: Final = 31


def lost(domain: str, unit: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The amount that is lost each day."""
    inflow, outflow = (_balance(domain, field, Step.DAY) for field in ("in", "out"))
    return Panel(
        vi,
        en,
        Kind.BARS,
        (Combined(inflow, "-", outflow),),
        unit,
        THIRD,
        f"{about_vi} (parent trong devices.yaml), mỗi ngày, 31 ngày qua.",
        f"{about_en} (parent in devices.yaml), by day, 31 days.",
        least_interval="1d",
        days=_DAYS,
        without_data=NO_PARENT,
    )


def losing(domain: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The parents that lose the largest shares."""
    places = ("device", "site")
    inflow, outflow = (_balance(domain, field, Step.RANGE, places, common.ROWS) for field in ("in", "out"))
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (Combined(Combined(inflow, "-", outflow), "/", inflow, "share"),),
        SHARE,
        THIRD,
        f"{about_vi}, 31 ngày qua.",
        f"{about_en}, in the last 31 days.",
        columns=(Column("share", "Thất thoát", "Lost", SHARE, steps=LOSS_STEPS),),
        sort_by="Thất thoát · Lost",
        days=_DAYS,
        without_data=NO_PARENT,
    )


def _balance(domain: str, field: str, step: Step, by: tuple[str, ...] = (), limit: int = 0) -> Ask:
    return Ask("daily_balance", field, Each.SUM, step, Over.SUM, by, tags=(("domain", domain),), limit=limit)
